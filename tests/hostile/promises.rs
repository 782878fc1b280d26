//! The page of promises names the test behind each of them, and the program stays one that opens no connection.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn sources(folder: &str) -> String {
    let (mut text, mut open) = (String::new(), vec![root().join(folder)]);
    while let Some(path) = open.pop() {
        if path.is_dir() {
            open.extend(
                fs::read_dir(path).unwrap().map(|entry| entry.unwrap().path()).collect::<Vec<PathBuf>>(),
            );
        } else if path.extension().is_some_and(|kind| kind == "rs") {
            text += &fs::read_to_string(path).unwrap();
        }
    }
    text
}

#[test]
fn every_promise_names_a_test_that_exists() {
    let page = fs::read_to_string(root().join("docs/bad-input.md")).unwrap();
    let all = sources("src") + &sources("tests");
    let mut named = 0;
    for line in page.lines().filter(|line| line.starts_with("| ") && !line.starts_with("| Promise")) {
        let tests: Vec<&str> = line.rsplit('|').nth(1).unwrap().split('`').skip(1).step_by(2).collect();
        assert!(!tests.is_empty(), "no test stands behind: {line}");
        for test in tests {
            let name = test.rsplit("::").next().unwrap();
            let stands = match test.starts_with(".ci/") {
                true => root().join(test).is_file(),
                false => all.contains(&format!("fn {name}(")),
            };
            assert!(stands, "{test} of docs/bad-input.md is no test");
            named += 1;
        }
    }
    assert!(named > 30, "{named} tests are named");
}

#[test]
fn nothing_opens_a_connection_or_starts_a_program() {
    let code = sources("src");
    for means in
        ["TcpStream", "TcpListener", "UdpSocket", "UnixStream", "to_socket_addrs", "process::Command"]
    {
        assert!(!code.contains(means), "{means}");
    }
    // As it is built unless object stores are asked for.
    let tree = Command::new(env!("CARGO"))
        .args(["tree", "--locked", "--edges", "normal,build", "--prefix", "none", "--format", "{p}"])
        .current_dir(root())
        .output()
        .expect("cargo");
    let tree = String::from_utf8(tree.stdout).unwrap();
    let built: Vec<&str> = tree.lines().filter_map(|line| line.split(' ').next()).collect();
    assert!(built.contains(&"etherparse"), "{tree}");
    let rules = fs::read_to_string(root().join("deny.toml")).unwrap();
    let banned: Vec<&str> =
        rules.split("crate = \"").skip(1).filter_map(|rest| rest.split('"').next()).collect();
    assert!(banned.len() > 10);
    for name in banned {
        assert!(!built.contains(&name), "{name} is among the dependencies");
    }
}

#[test]
fn the_library_is_safe_rust() {
    let lib = fs::read_to_string(root().join("src/lib.rs")).unwrap();
    assert!(lib.contains("#![forbid(unsafe_code)]"));
}
