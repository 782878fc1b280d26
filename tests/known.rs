//! `--names` and `--config` as whole commands: heeded, told in every format, hidden by `--anonymize`, refused with file
//! and line.

use std::fs;
use std::path::Path;
use std::process::Command;

const LEAK: &str = "testdata/captures/server-never-closes/server-side.pcap.zst";
const LISTING: &str = "testdata/evidence/server-never-closes/ss-server.txt.gz";
const FORMATS: [&str; 8] = ["txt", "json", "ndjson", "html", "md", "jira", "csv", "dot"];

fn run(args: &[&str]) -> (i32, String, String) {
    let out = Command::new(env!("CARGO_BIN_EXE_cwait-pcap")).args(args).output().unwrap();
    let text = |bytes| String::from_utf8(bytes).unwrap();
    (out.status.code().unwrap(), text(out.stdout), text(out.stderr))
}

fn file(folder: &Path, name: &str, text: &str) -> String {
    let path = folder.join(name);
    fs::write(&path, text).unwrap();
    path.to_str().unwrap().to_owned()
}

const NAMES: &str = "10.142.158.141 = shop-backend role server\n10.142.158.112 = till-7 role payroll\n";

const ACCEPT: &str = "[[accept]]\nfinding = 'missing-fin'\nat = ':80'\nreason = 'ticket-4711'\n\
                      [[accept]]\nfinding = 'close-wait-buildup'\nreason = 'ticket-4711'\n";

/// The report in every format, read as one.
fn all_formats(folder: &Path, more: &[&str]) -> String {
    let files = FORMATS.map(|extension| folder.join(format!("r.{extension}")).to_str().unwrap().to_owned());
    let mut args = vec!["analyze", LEAK, "-q", "--connections", "all", "--sockets", LISTING];
    files.iter().for_each(|file| args.extend(["-o", file]));
    args.extend(more);
    assert_eq!(run(&args).0, 0);
    files.iter().map(|file| fs::read_to_string(file).unwrap()).collect()
}

#[test]
fn what_is_accepted_does_not_fail_the_run() {
    let folder = tempfile::tempdir().unwrap();
    let config = file(folder.path(), "c.toml", ACCEPT);
    assert_eq!(run(&["analyze", LEAK, "--fail-on", "warning"]).0, 1);
    assert_eq!(run(&["analyze", LEAK, "--limit", "5"]).0, 1);
    let (status, out, _) =
        run(&["analyze", LEAK, "--fail-on", "warning", "--limit", "5", "--config", &config]);
    assert_eq!(status, 0, "{out}");
    assert!(out.contains("ACCEPTED missing-fin: ") && out.contains("Accepted: ticket-4711\n"), "{out}");
    assert!(out.starts_with("OK, nothing that is not accepted: "), "{out}");
    let multipath = "testdata/captures/multipath-tcp-subflows/server-eth0.pcap.zst";
    let accept = "[[accept]]\nfinding = 'missing-data-fin'\nreason = 'ticket-4712'\n";
    let owed = file(folder.path(), "owed.toml", accept);
    assert_eq!(run(&["analyze", multipath, "--limit", "2"]).0, 1);
    assert_eq!(run(&["analyze", multipath, "--limit", "2", "--config", &owed]).0, 0);
    assert_eq!(run(&["analyze", multipath, "--limit", "2", "--config", &config]).0, 1, "accepted is another");
    // The capture ends in November 2026.
    let over = file(folder.path(), "over.toml", &ACCEPT.replace("':80'", "':80'\nuntil = 2026-01-01"));
    let (status, out, _) = run(&["analyze", LEAK, "--fail-on", "warning", "--config", &over]);
    assert_eq!(status, 1);
    assert!(out.contains("was accepted until 2026-01-01"), "{out}");
}

#[test]
fn a_kept_report_is_named_and_accepted_as_a_new_one() {
    let folder = tempfile::tempdir().unwrap();
    let names = file(folder.path(), "names", NAMES);
    let config = file(folder.path(), "c.toml", ACCEPT);
    let kept = folder.path().join("kept.json").to_str().unwrap().to_owned();
    run(&["analyze", LEAK, "--connections", "all", "-o", &kept]);
    let later = run(&["report", &kept, "--names", &names, "--config", &config, "--connections", "all"]).1;
    let at_once = run(&["analyze", LEAK, "--names", &names, "--config", &config, "--connections", "all"]).1;
    let body = |text: &str| text.split("cwait-pcap 0").next().unwrap().to_owned();
    assert_eq!(body(&later), body(&at_once));
    assert!(
        later.contains("Hosts: 10.142.158.112 till-7 (payroll), 10.142.158.141 shop-backend (server)."),
        "{later}"
    );
}

#[test]
fn habits_of_services_change_the_judgement() {
    let folder = tempfile::tempdir().unwrap();
    let found = |config: &str| {
        let config = file(folder.path(), "c.toml", config);
        let out = run(&["analyze", LEAK, "--config", &config, "--format", "json"]).1;
        let report: serde_json::Value = serde_json::from_str(&out).unwrap();
        let names = report["findings"].as_array().unwrap().iter();
        names.map(|finding| finding["name"].as_str().unwrap().to_owned()).collect::<Vec<_>>()
    };
    assert!(found("").contains(&"missing-fin".to_owned()));
    let patient = found("[[service]]\nat = ':80'\ngrace = '1h'");
    assert!(!patient.contains(&"missing-fin".to_owned()), "{patient:?}");
    let half_close = found("[[service]]\nat = '10.142.158.141'\nhalf-close = true");
    assert_eq!(half_close.first().map(String::as_str), Some("half-close-in-use"), "{half_close:?}");
    assert!(!half_close.contains(&"close-wait-buildup".to_owned()), "{half_close:?}");
    let elsewhere = found("[[service]]\nat = ':81'\nhalf-close = true");
    assert!(elsewhere.contains(&"missing-fin".to_owned()), "{elsewhere:?}");
}

#[test]
fn a_role_does_not_overrule_a_handshake() {
    let folder = tempfile::tempdir().unwrap();
    let names = file(folder.path(), "names", "10.142.158.141 = client-now role client");
    let out = run(&["analyze", LEAK, "--names", &names]).1;
    assert!(out.contains("10.142.158.141:80 (client-now) owes its FIN"), "{out}");
}

#[test]
fn every_format_tells_it_and_none_keeps_it_when_anonymous() {
    let folder = tempfile::tempdir().unwrap();
    let names = file(folder.path(), "names-of-monday", NAMES);
    let config = file(folder.path(), "config-of-monday.toml", ACCEPT);
    let known = ["--names", &names, "--config", &config];
    let told = all_formats(folder.path(), &known);
    for extension in FORMATS {
        let text = fs::read_to_string(folder.path().join(format!("r.{extension}"))).unwrap();
        let text = text.replace('\\', "");
        assert!(text.contains("shop-backend"), "{extension}");
        if !["csv", "dot"].contains(&extension) {
            assert!(text.contains("ticket-4711"), "{extension}");
        }
    }
    // What must go; each of them was there.
    let secret = [
        "10.142.158.141",
        "10.142.158.112",
        "shop-backend",
        "till-7",
        "payroll",
        "ticket-4711",
        "python3",
        "of-monday",
        "ss-server",
        "server-never-closes",
    ];
    let hidden = all_formats(folder.path(), &[&known[..], &["--anonymize", "a key"]].concat());
    for word in secret {
        assert!(told.replace('\\', "").contains(word), "{word} was never there");
        assert!(!hidden.replace('\\', "").contains(word), "{word} is still there");
    }
}

#[test]
fn an_extract_carries_the_names_and_hides_them_when_anonymous() {
    let folder = tempfile::tempdir().unwrap();
    let names = file(folder.path(), "names", NAMES);
    let out = folder.path().join("x.pcapng").to_str().unwrap().to_owned();
    let extract = |more: &[&str]| {
        let args = [&["extract", LEAK, "-q", "-o", &out, "--names", &names][..], more].concat();
        assert_eq!(run(&args).0, 0);
        fs::read(&out).unwrap()
    };
    let holds = |bytes: &[u8], what: &[u8]| bytes.windows(what.len()).any(|window| window == what);
    let plain = extract(&[]);
    let hidden = extract(&["--anonymize", "a key"]);
    for what in [&b"shop-backend"[..], b"till-7", &[10, 142, 158, 141], &[10, 142, 158, 112]] {
        assert!(holds(&plain, what), "{what:?} was never there");
        assert!(!holds(&hidden, what), "{what:?} is still there");
    }
    assert!(holds(&hidden, b"host-"));
}

#[test]
fn what_is_wrong_is_refused_with_file_and_line() {
    let folder = tempfile::tempdir().unwrap();
    let names = file(folder.path(), "names", "192.0.2.1 ok\nserver = 192.0.2.2\n");
    let config = file(folder.path(), "c.toml", "[[accept]]\nfinding = 'missing-fun'\nreason = 'r'\n");
    for (args, said) in [
        (["--names", &names], format!("cwait-pcap: {names}:2: 'server' is no address\n")),
        (["--config", &config], format!("cwait-pcap: {config}:2: no finding is called 'missing-fun'\n")),
        (
            ["--names", "no-such-file"],
            "cwait-pcap: no-such-file: No such file or directory (os error 2)\n".into(),
        ),
    ] {
        for command in
            [&["analyze", LEAK][..], &["show", LEAK, "1"], &["report", "testdata/reports/leak.json"]]
        {
            let (status, out, error) = run(&[command, &args].concat());
            assert_eq!((status, out.as_str(), error.as_str()), (2, "", said.as_str()));
        }
    }
    let (status, _, error) =
        run(&["report", "testdata/reports/leak.json", "--names", &names, "-o", &names, "--format", "txt"]);
    assert_eq!(status, 2, "{error}");
    assert_eq!(fs::read_to_string(&names).unwrap(), "192.0.2.1 ok\nserver = 192.0.2.2\n");
}
