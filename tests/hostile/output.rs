//! Where output goes and what is shown of names: no input is overwritten under any name, and nothing that a name or a
//! capture holds reaches a terminal as it is.

use std::fs;
use std::path::Path;
use std::process::Command;

const CAPTURE: &str = "testdata/captures/file-formats/plain.pcap.gz";

fn run(args: &[&str]) -> (i32, String, String) {
    let out = Command::new(env!("CARGO_BIN_EXE_cwait-pcap")).args(args).output().unwrap();
    let text = |bytes| String::from_utf8(bytes).unwrap();
    (out.status.code().unwrap(), text(out.stdout), text(out.stderr))
}

fn names(folder: &Path) -> Vec<String> {
    let mut names: Vec<_> = fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort();
    names
}

#[cfg(unix)]
#[test]
fn no_input_is_overwritten_under_any_name() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name).to_str().unwrap().to_owned();
    fs::copy(CAPTURE, path("a.pcap.gz")).unwrap();
    fs::copy("testdata/sockets/linux-ss-server-never-closes.txt", path("ss.txt")).unwrap();
    fs::copy("testdata/traces/strace-clean-closes.txt", path("strace.txt")).unwrap();
    fs::copy("testdata/reports/leak.json", path("old.json")).unwrap();
    fs::write(path("key"), "a key").unwrap();
    fs::hard_link(path("a.pcap.gz"), path("hard.json")).unwrap();
    std::os::unix::fs::symlink(path("a.pcap.gz"), path("soft.json")).unwrap();
    let before: Vec<_> = names(folder.path()).iter().map(|name| fs::read(path(name)).unwrap()).collect();
    let (capture, json) = (path("a.pcap.gz"), ["--format", "json"]);
    let round = format!(
        "{}/../{}/a.pcap.gz",
        folder.path().display(),
        folder.path().file_name().unwrap().to_str().unwrap()
    );
    let analyze = |more: &[&str]| run(&[&["analyze", &capture][..], &json, more].concat());
    for refused in [
        analyze(&["-o", &capture]),
        analyze(&["-o", &round]),
        analyze(&["-o", &path("hard.json")]),
        analyze(&["-o", &path("soft.json")]),
        analyze(&["--sockets", &path("ss.txt"), "-o", &path("ss.txt")]),
        analyze(&["--trace", &path("strace.txt"), "-o", &path("strace.txt")]),
        analyze(&["--against", &path("old.json"), "-o", &path("old.json")]),
        analyze(&["--anonymize-key-file", &path("key"), "-o", &path("key")]),
        run(&["report", &path("old.json"), "-o", &path("old.json")]),
        run(&["extract", &capture, "--all", "-o", &path("hard.json")]),
    ] {
        assert_eq!(refused.0, 2, "{}", refused.2);
        assert!(refused.2.contains("is an input and will not be overwritten"), "{}", refused.2);
    }
    let after: Vec<_> = names(folder.path()).iter().map(|name| fs::read(path(name)).unwrap()).collect();
    assert!(before == after);
}

#[cfg(unix)]
#[test]
fn a_report_that_takes_a_place_takes_its_permissions() {
    use std::os::unix::fs::PermissionsExt;
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().join("report.json");
    fs::write(&out, "old").unwrap();
    fs::set_permissions(&out, fs::Permissions::from_mode(0o600)).unwrap();
    let (status, _, stderr) = run(&["report", "testdata/reports/leak.json", "-o", out.to_str().unwrap()]);
    assert_eq!(status, 0, "{stderr}");
    assert_eq!(fs::metadata(&out).unwrap().permissions().mode() & 0o777, 0o600);
    assert!(fs::read_to_string(&out).unwrap().starts_with('{'));
    assert_eq!(names(folder.path()), ["report.json"]);
}

#[cfg(unix)]
#[test]
fn names_of_files_cannot_act_on_a_terminal() {
    let folder = tempfile::tempdir().unwrap();
    let name = "a\u{1b}[2J\u{202e}gnp.pcap";
    let path = folder.path().join(name);
    fs::copy("testdata/captures/file-formats/cut-in-record.pcap", &path).unwrap();
    let path = path.to_str().unwrap();
    for args in [
        &["analyze", path, "-v"][..],
        &["analyze", &format!("{path}.missing")],
        &["show", path, "no such"],
        &["extract", path, "--all", "-o", &format!("{path}.pcapng")],
        &["sockets", path],
        &["explain", "\u{1b}[31mred"],
        &["advise", "--settings", &format!("{path}.missing")],
        &["report", path],
    ] {
        let (_, stdout, stderr) = run(args);
        for text in [stdout, stderr] {
            assert!(!text.contains(['\u{1b}', '\u{202e}']), "{args:?}: {text:?}");
        }
    }
}

#[test]
fn a_full_disk_is_a_passing_failure_of_every_command() {
    if !Path::new("/dev/full").exists() {
        return;
    }
    for args in [
        &["analyze", CAPTURE, "--format", "html", "-o", "/dev/full"][..],
        &["extract", CAPTURE, "--all", "-o", "/dev/full"],
        &["report", "testdata/reports/leak.json", "--format", "csv", "-o", "/dev/full"],
    ] {
        let (status, _, stderr) = run(args);
        assert_eq!(status, 75, "{args:?}: {stderr}");
    }
}
