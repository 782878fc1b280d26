//! Partial results and batches as users run them: rotated sets, what lies around in folders, what is damaged, what was
//! there before.

#[path = "../../benches/load.rs"]
mod load;
mod piped;
mod seams;
mod sets;
mod stopped;
#[path = "../support/write.rs"]
mod write;

use std::fs;
use std::path::{Path, PathBuf};

use assert_cmd::Command;
use serde_json::Value;

fn cwait() -> Command {
    let mut command = Command::cargo_bin("cwait-pcap").unwrap();
    command.env("NO_COLOR", "1");
    command
}

/// Runs it; what it wrote on both streams.
fn run(status: i32, args: &[&str]) -> (String, String) {
    let output = cwait().args(args).output().unwrap();
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
    let (stdout, stderr) = (text(output.stdout), text(output.stderr));
    assert_eq!(output.status.code(), Some(status), "{args:?}\n{stdout}\n{stderr}");
    (stdout, stderr)
}

fn capture(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("testdata/captures").join(name)
}

fn text(path: &Path) -> &str {
    path.to_str().unwrap()
}

/// A folder with one capture in it, unpacked, and a place for results.
struct Bench {
    folder: tempfile::TempDir,
}

impl Bench {
    fn new() -> Bench {
        Bench { folder: tempfile::tempdir().unwrap() }
    }

    fn at(&self, name: &str) -> String {
        self.folder.path().join(name).display().to_string()
    }

    fn put(&self, from: &str, name: &str) -> String {
        let to = self.at(name);
        fs::create_dir_all(Path::new(&to).parent().unwrap()).unwrap();
        fs::write(&to, fs::read(capture(from)).unwrap()).unwrap();
        to
    }

    fn names(&self, folder: &str) -> Vec<String> {
        let entries = fs::read_dir(self.at(folder)).unwrap();
        let mut names: Vec<_> =
            entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
        names.sort();
        names
    }

    fn json(&self, name: &str) -> Value {
        serde_json::from_slice(&fs::read(self.at(name)).unwrap()).unwrap()
    }
}

const PLAIN: &str = "file-formats/plain.pcap";

/// Unpacks a bundled capture and cuts it as `tcpdump -C` does: `part.pcap`, `part.pcap1` ...
fn rotated(bench: &Bench, from: &str, pieces: usize) -> Vec<String> {
    let bytes = zstd::decode_all(fs::File::open(capture(from)).unwrap()).unwrap();
    let mut ends = vec![24];
    while let Some(header) = bytes.get(ends[ends.len() - 1]..).and_then(|rest| rest.get(..16)) {
        let length = u32::from_le_bytes(header[8..12].try_into().unwrap()) as usize;
        ends.push(ends[ends.len() - 1] + 16 + length);
    }
    let records = ends.len() - 1;
    let files = (0..pieces).map(|at| {
        let name = if at == 0 { "part.pcap".to_owned() } else { format!("part.pcap{at}") };
        let (from, upto) = (ends[records * at / pieces], ends[records * (at + 1) / pieces]);
        let path = bench.at(&name);
        fs::write(&path, [&bytes[..24], &bytes[from..upto]].concat()).unwrap();
        path
    });
    files.collect()
}

#[test]
fn a_rotated_set_is_one_capture_and_its_fragments_merge_in_any_grouping() {
    let bench = Bench::new();
    let files = rotated(&bench, "leak-over-time-x300/server-side.pcap.zst", 3);
    let out = bench.at("fragments");
    let mut fragments = Vec::new();
    // Three processes, the last file first.
    for file in files.iter().rev() {
        let (_, told) = run(0, &["map", file, "--out", &out]);
        fragments.push(told.trim().rsplit(" -> ").next().unwrap().to_owned());
    }
    let [c, b, a] = &fragments[..] else { panic!("{fragments:?}") };
    let (cb, all) = (bench.at("cb.parquet"), bench.at("all.parquet"));
    run(0, &["merge", c, b, "--out", &cb]);
    run(0, &["merge", &cb, a, "--out", &all]);
    let other = bench.at("other.parquet");
    run(0, &["merge", &out, &cb, "--out", &other]);
    assert_eq!(fs::read(&all).unwrap(), fs::read(&other).unwrap(), "in another grouping, and one twice");
    let [joined, whole] = [bench.at("joined.json"), bench.at("whole.json")];
    let args = ["--connections", "all", "--limit", "5", "-q"];
    run(1, &[&["report", &all, "-o", &joined], &args[..]].concat());
    let files: Vec<_> = files.iter().map(String::as_str).collect();
    run(1, &[&["analyze", "-o", &whole], &files[..], &args[..]].concat());
    let told = |name: &str| {
        let mut told = bench.json(name);
        told["tool"].take();
        told["inputs"].as_array_mut().unwrap().iter_mut().for_each(|input| _ = input["hash"].take());
        told
    };
    assert!(told("joined.json") == told("whole.json"));
    assert!(told("whole.json")["findings"].as_array().is_some_and(|findings| !findings.is_empty()));

    let (plan, _) = run(0, &["batch", bench.folder.path().to_str().unwrap(), "--dry-run"]);
    assert!(plan.contains("part.pcap: 3 files as one") && plan.contains("not read: "), "{plan}");
    let (plan, _) = run(0, &["batch", "--dry-run", "--join", "never", &bench.at("part.pcap*")]);
    assert!(plan.ends_with("3 captures of 3 files; 0 files not read\n"), "{plan}");
}

/// Who leaks is told of Multipath TCP as of any other.
#[test]
fn clients_of_owed_data_fins_are_counted() {
    let bench = Bench::new();
    let capture = "testdata/captures/multipath-tcp-subflows/server-eth0.pcap.zst";
    run(0, &["batch", capture, "--out", &bench.at("reports")]);
    let index = bench.json("reports/index.json");
    let owed = |which: &str| -> u64 {
        index[which].as_array().unwrap().iter().map(|one| one["owes_fin"].as_u64().unwrap()).sum()
    };
    assert_eq!([owed("services"), owed("clients")], [2, 3], "one is owed by the client");
}

#[test]
fn a_folder_may_hold_anything() {
    let bench = Bench::new();
    bench.put(PLAIN, "in/a.pcap");
    bench.put("file-formats/plain.pcap.gz", "in/copy.pcap.gz");
    bench.put("leak-over-time-x300/server-side.pcap.zst", "in/deep/leak.pcap.zst");
    bench.put("file-formats/cut-in-record.pcap", "in/cut.pcap");
    bench.put("file-formats/huge-length.pcap", "in/bad.pcap");
    fs::write(bench.at("in/notes.txt"), "no capture").unwrap();
    fs::write(bench.at("in/empty.pcap"), "").unwrap();
    std::os::unix::fs::symlink("nowhere", bench.at("in/dangling.pcap")).unwrap();
    let (into, out) = (bench.at("in"), bench.at("in/out"));
    let args = ["batch", "-r", &into, "--out", &out, "--format", "json", "--format", "parquet"];
    let (_, told) = run(3, &args);
    assert_eq!(told.matches("not whole: ").count(), 4, "{told}");
    assert!(told.contains("copy.pcap.gz: the same capture as"), "{told}");
    let index = bench.json("in/out/index.json");
    assert_eq!(index["foreign"], 1);
    assert_eq!(index["captures"].as_array().unwrap().len(), 4, "{index:#}");
    assert_eq!(index["twice"][0]["path"], bench.at("in/copy.pcap.gz"));
    let failed = index["failed"].as_array().unwrap().iter();
    let mut failed: Vec<_> = failed
        .map(|it| format!("{}: {}", it["path"].as_str().unwrap(), it["why"].as_str().unwrap()))
        .collect();
    failed.sort();
    let wanted =
        ["bad.pcap: frame", "cut.pcap: frame", "dangling.pcap: No such file", "empty.pcap: empty file"];
    assert_eq!(failed.len(), wanted.len(), "{failed:?}");
    for (found, wanted) in failed.iter().zip(wanted) {
        assert!(found.starts_with(&bench.at(&format!("in/{wanted}"))), "{found}");
    }
    assert!(failed[0].contains("record length") && failed[1].contains("ends inside a record"), "{failed:?}");
    let worst = &index["captures"][0];
    assert!(worst["name"].as_str().unwrap().ends_with("leak.pcap.zst"), "{index:#}");
    assert!(index["services"][0]["owes_fin"].as_u64().unwrap() > 0);
    assert!(index["hours"][0]["at"].as_str().unwrap().ends_with(":00Z"));
    let names = bench.names("in/out");
    for name in ["index.html", "index.md", "index.csv", "a.pcap.json", "a.pcap.parquet", "leak.pcap.zst.json"]
    {
        assert!(names.iter().any(|there| there == name), "{name} in {names:?}");
    }
    // Its own results are no input, and a second time gives the same.
    run(3, &args);
    assert_eq!(bench.json("in/out/index.json"), index);

    run(1, &["batch", &bench.at("in/deep"), "--out", &bench.at("gate"), "--fail-on", "warning", "-q"]);
    run(2, &["batch", &bench.at("in/notes.txt"), &bench.at("in/a.pcap"), "--out", &bench.at("named")]);
    assert_eq!(bench.json("named/index.json")["captures"].as_array().unwrap().len(), 1);
    run(2, &["batch", &bench.at("nothing"), "--out", &bench.at("none")]);

    // What nothing is found in says what that is worth, once.
    bench.put("clean-closes/server-side.pcap.zst", "clean.pcap.zst");
    let (_, told) = run(0, &["batch", &bench.at("clean.pcap.zst"), "--out", &bench.at("clean")]);
    assert!(told.contains(&format!("\nOK: {}: no connection owes", bench.at("clean.pcap.zst"))), "{told}");
    assert!(fs::read_to_string(bench.at("clean/index.md")).unwrap().contains("| OK | "));
    let (plan, _) = run(2, &["batch", &bench.at("*.nothing"), "--dry-run"]);
    assert!(plan.contains("*.nothing: no file matches this pattern"), "{plan}");
}

#[test]
#[cfg(target_os = "linux")]
fn names_need_not_be_utf8() {
    use std::os::unix::ffi::OsStrExt;
    let bench = Bench::new();
    let [good, into] = [bench.put(PLAIN, "plain.pcap"), bench.at("in")];
    fs::create_dir(&into).unwrap();
    fs::copy(good, Path::new(&into).join(std::ffi::OsStr::from_bytes(b"fran\xe7ais.pcap"))).unwrap();
    let (_, told) = run(0, &["batch", &into, "--out", &bench.at("out"), "--format", "html", "--resume"]);
    assert!(told.contains("1 capture; see"), "{told}");
    let page = fs::read_to_string(bench.at("out/fran_ais.pcap.html")).unwrap();
    assert!(page.contains("ladder"), "the captures were found again");
}

#[test]
fn resume_reads_only_what_has_changed() {
    let bench = Bench::new();
    bench.put(PLAIN, "in/a.pcap");
    bench.put("file-formats/solaris.snoop", "in/b.snoop");
    let (into, out) = (bench.at("in"), bench.at("out"));
    let args = ["batch", &into, "--out", &out, "--format", "json", "--resume"];
    let (_, told) = run(0, &args);
    assert_eq!(told.matches(", read").count(), 2, "{told}");
    let report = bench.at("out/a.pcap.json");
    let written = fs::metadata(&report).unwrap().modified().unwrap();
    let (_, told) = run(0, &args);
    assert_eq!(told.matches(", known").count(), 2, "{told}");
    assert_eq!(fs::metadata(&report).unwrap().modified().unwrap(), written);
    // As a run leaves it that was killed: a fragment is missing, a report was never written.
    fs::remove_file(&report).unwrap();
    let fragments = bench.names("out/fragments");
    fs::remove_file(bench.at(&format!("out/fragments/{}", fragments[0]))).unwrap();
    fs::write(bench.at("out/fragments/.x.parquet.1.part"), "half").unwrap();
    let (_, told) = run(0, &args);
    assert_eq!((told.matches(", read").count(), told.matches(", known").count()), (1, 1), "{told}");
    assert!(Path::new(&report).exists());
    bench.put("file-formats/big-endian.pcap", "in/a.pcap");
    let (_, told) = run(0, &args);
    assert_eq!(told.matches(", known").count(), 1, "{told}");
}

#[test]
fn fragments_that_cannot_be_used_are_named() {
    let bench = Bench::new();
    let out = bench.at("out");
    run(0, &["map", text(&capture(PLAIN)), "--out", &out]);
    run(0, &["map", text(&capture("ipv6/server-side.pcap.zst")), "--out", &out]);
    let [good, other] = &bench.names("out")[..] else { panic!() };
    let (good, other) = (bench.at(&format!("out/{good}")), bench.at(&format!("out/{other}")));
    let bytes = fs::read(&good).unwrap();
    let merged = bench.at("merged.parquet");
    for (what, bad, says) in [
        ("half", bytes[..bytes.len() / 2].to_vec(), "is damaged"),
        ("text", b"PAR1 and nothing else".to_vec(), "is damaged"),
        ("capture", fs::read(capture(PLAIN)).unwrap(), "is no fragment"),
        (
            "newer",
            swapped(&bytes, b"{\"version\":2,", b"{\"version\":7,"),
            "version 7, this program reads up to version 2",
        ),
        ("digest", swapped_digest(&bytes), "its rows are not those written"),
    ] {
        let path = bench.at(what);
        fs::write(&path, bad).unwrap();
        let (_, told) = run(2, &["merge", &path, &other, "--out", &merged]);
        assert!(told.contains(&path) && told.contains(says), "{what}: {told}");
        assert!(!Path::new(&merged).exists(), "{what}");
        let (_, told) = run(3, &["merge", &path, &other, "--out", &merged, "--keep-going"]);
        assert!(told.contains(&format!("left out: {path}")), "{what}: {told}");
        fs::remove_file(&merged).unwrap();
    }
    run(2, &["merge", &bench.at("nothing"), "--out", &merged]);
    // What is left of a program that was killed is no fragment.
    fs::write(bench.at("out/.x.parquet.1.part"), &bytes[..bytes.len() / 2]).unwrap();
    run(0, &["merge", &out, "--out", &merged]);
    fs::remove_file(&merged).unwrap();
    // What is changed is noticed, or makes no difference; nothing panics.
    run(0, &["merge", &good, &other, "--out", &merged]);
    let expected = fs::read(&merged).unwrap();
    let mut noticed = 0;
    let path = bench.at("flipped");
    for at in (8..bytes.len()).step_by(bytes.len() / 40) {
        let mut flipped = bytes.clone();
        flipped[at] ^= 0x40;
        fs::write(&path, flipped).unwrap();
        let output = cwait().args(["merge", &path, &other, "--out", &merged]).output().unwrap();
        match output.status.code() {
            Some(2) => noticed += 1,
            Some(0) => assert!(fs::read(&merged).unwrap() == expected, "{at}"),
            status => panic!("{status:?} at {at}: {}", String::from_utf8_lossy(&output.stderr)),
        }
    }
    assert!(noticed >= 20, "{noticed}");
}

/// With other octets of the same length in one place.
fn swapped(bytes: &[u8], from: &[u8], to: &[u8]) -> Vec<u8> {
    let at = bytes.windows(from.len()).position(|window| window == from).unwrap();
    let mut swapped = bytes.to_vec();
    swapped[at..at + to.len()].copy_from_slice(to);
    swapped
}

fn swapped_digest(bytes: &[u8]) -> Vec<u8> {
    let key = b"cwait-pcap.digest";
    let at = bytes.windows(key.len()).rposition(|window| window == key).unwrap() + key.len() + 3;
    let mut swapped = bytes.to_vec();
    swapped[at] = if swapped[at] == b'0' { b'1' } else { b'0' };
    swapped
}

#[test]
fn mapping_twice_changes_nothing_and_places_are_not_mixed() {
    let bench = Bench::new();
    let out = bench.at("out");
    let file = capture(PLAIN);
    let (_, told) =
        run(0, &["map", text(&file), text(&capture("file-formats/plain.pcap.xz")), "--out", &out]);
    assert!(told.contains("the same capture as"), "{told}");
    let before = bench.names("out");
    let bytes = fs::read(bench.at(&format!("out/{}", before[0]))).unwrap();
    let (_, told) = run(0, &["map", text(&file), "--out", &out]);
    assert!(told.contains("there already"), "{told}");
    assert_eq!(bench.names("out"), before);
    assert_eq!(fs::read(bench.at(&format!("out/{}", before[0]))).unwrap(), bytes);
    let (_, told) = run(2, &["map", text(&capture("file-formats/text.pcap")), text(&file), "--out", &out]);
    assert!(told.contains("text.pcap") && told.contains("plain.pcap ->"), "{told}");

    run(0, &["map", text(&capture("ipv6/server-side.pcap.zst")), "--out", &out, "-q"]);
    let merged = bench.at("merged.parquet");
    run(0, &["merge", &out, "--out", &merged, "-q"]);
    let (_, told) = run(2, &["report", &merged]);
    assert!(told.contains("captures of 2 places; choose one with --set NAME"), "{told}");
    run(0, &["report", &merged, "--set", text(&file)]);
    run(2, &["report", &merged, "--set", "nothing"]);
    // The same stretch of time from two places.
    let both = bench.at("both");
    for name in ["raw-ip-tun/server-side.pcap.zst", "raw-ip-tun/client-side.pcap.zst"] {
        run(0, &["map", text(&capture(name)), "--out", &both, "--series", "x", "-q"]);
    }
    run(0, &["merge", &both, "--out", &merged, "-q"]);
    let (_, told) = run(2, &["report", &merged, "--join", "all"]);
    assert!(told.contains("overlap by") && told.contains("compare"), "{told}");
}
