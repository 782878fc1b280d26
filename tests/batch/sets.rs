//! Files that are one capture, or look like it: rotated in disorder, overlapping, silent at the join.

use std::fs;

use serde_json::Value;

use crate::{Bench, rotated, run};

const LEAK: &str = "leak-over-time-x300/server-side.pcap.zst";

impl Bench {
    /// Gives the files of a set other names.
    fn rename(&self, names: &[(&str, &str)]) {
        fs::create_dir_all(self.at("in")).unwrap();
        for (from, to) in names {
            fs::rename(self.at(from), self.at(&format!("in/{to}"))).unwrap();
        }
    }
}

#[test]
fn a_ring_that_begins_again_is_one_and_a_disorder_is_none() {
    for (names, joined) in [
        (["d.pcap2", "d.pcap3", "d.pcap0", "d.pcap1"], true),
        (["d.pcap2", "d.pcap1", "d.pcap0", "d.pcap3"], false),
    ] {
        let bench = Bench::new();
        rotated(&bench, LEAK, 4);
        let files = ["part.pcap", "part.pcap1", "part.pcap2", "part.pcap3"];
        bench.rename(&files.into_iter().zip(names).collect::<Vec<_>>());
        let (into, out) = (bench.at("in"), bench.at("out"));
        let (plan, _) = run(0, &["batch", &into, "--dry-run"]);
        let (_, told) = run(0, &["batch", &into, "--out", &out, "--format", "json"]);
        let captures = bench.json("out/index.json")["captures"].as_array().unwrap().len();
        let (map_out, merged) = (bench.at("parts"), bench.at("merged"));
        let files: Vec<_> = names.iter().map(|name| bench.at(&format!("in/{name}"))).collect();
        let mut args = vec!["map", "--out", &map_out, "-q"];
        args.extend(files.iter().map(String::as_str));
        run(0, &args);
        run(0, &["merge", &map_out, "--out", &merged, "-q"]);
        if joined {
            assert!(plan.contains("4 files as one"), "{plan}");
            assert_eq!(captures, 1, "{told}");
            run(0, &["report", &merged]);
        } else {
            let says = "d.pcap2 comes before";
            assert!(plan.contains("not joined: ") && plan.contains(says), "{plan}");
            assert!(told.contains(says) && told.contains("in time, but behind it by name"), "{told}");
            assert_eq!(captures, 4, "{told}");
            let (_, told) = run(2, &["report", &merged]);
            assert!(told.contains(says) && told.contains("--join all"), "{told}");
        }
        let report = bench.at("all.json");
        run(0, &["report", &merged, "--join", "all", "-q", "-o", &report]);
        run(0, &["batch", &into, "--out", &bench.at("all"), "--join", "all", "--format", "json"]);
        assert_eq!(bench.json("all/index.json")["captures"].as_array().unwrap().len(), 1);
    }
}

#[test]
fn files_that_overlap_are_reported_one_by_one_and_said() {
    let bench = Bench::new();
    let files = rotated(&bench, LEAK, 3);
    // A ring that was copied while it went on: the second file holds what the third one holds, too.
    let [second, third] = [&files[1], &files[2]].map(|file| fs::read(file).unwrap());
    fs::write(&files[1], [&second[..], &third[24..]].concat()).unwrap();
    let (_, told) = run(0, &["batch", bench.folder.path().to_str().unwrap(), "--out", &bench.at("out")]);
    assert!(told.contains("reported one by one, since") && told.contains("overlap by"), "{told}");
    assert_eq!(bench.json("out/index.json")["captures"].as_array().unwrap().len(), 3);
    let args = ["batch", "--join", "all", bench.folder.path().to_str().unwrap(), "--out", &bench.at("all")];
    run(2, &args);
    assert_eq!(bench.json("all/index.json")["captures"], Value::Array(Vec::new()));
}

#[test]
fn an_overlap_that_may_be_disorder_is_joined_and_said() {
    let bench = Bench::new();
    let files = rotated(&bench, "rotated-files/one-file.pcap.zst", 12);
    let [sixth, seventh] = [&files[5], &files[6]].map(|file| fs::read(file).unwrap());
    fs::write(&files[5], [&sixth[..], &seventh[24..]].concat()).unwrap();
    let report = bench.at("x.json");
    let mut args = vec!["analyze", "-q", "-o", &report];
    args.extend(files.iter().map(String::as_str));
    run(0, &args);
    let report = bench.json("x.json");
    let notes: Vec<_> = report["inputs"].as_array().unwrap().iter().map(|input| &input["notes"]).collect();
    let said =
        |at: usize| notes[at].as_array().unwrap().iter().any(|it| it.to_string().contains("counted twice"));
    assert_eq!((0..notes.len()).filter(|&at| said(at)).collect::<Vec<_>>(), [6], "{notes:?}");
}

#[test]
fn a_copy_beside_a_set_takes_nothing_from_it() {
    let bench = Bench::new();
    let files = rotated(&bench, LEAK, 3);
    fs::copy(&files[1], bench.at("a-copy.pcap")).unwrap();
    let (_, told) = run(0, &["batch", bench.folder.path().to_str().unwrap(), "--out", &bench.at("out")]);
    assert!(told.contains("a-copy.pcap: the same capture as") && told.contains("counted once"), "{told}");
    let index = bench.json("out/index.json");
    let captures = index["captures"].as_array().unwrap();
    let of_the_first = captures[0]["files"].as_array().unwrap().len();
    assert_eq!((captures.len(), of_the_first), (1, 3), "{index}");
}

#[test]
fn any_number_of_cores_writes_the_same() {
    let bench = Bench::new();
    for (from, to) in [
        (LEAK, "in/a.pcap.zst"),
        ("late-close/server-side.pcap.zst", "in/b.pcap.zst"),
        ("idle-gap-ladder-15min/client-side.pcap.zst", "in/c.pcap.zst"),
        ("firewall-forgets-with-reset/client-side.pcap.zst", "in/d.pcap.zst"),
    ] {
        bench.put(from, to);
    }
    let folders = ["one", "many"];
    for (folder, jobs) in folders.into_iter().zip(["1", "4"]) {
        let args = ["--format", "json", "--format", "markdown", "--jobs", jobs, "-q"];
        run(0, &[&["batch", &bench.at("in"), "--out", &bench.at(folder)], &args[..]].concat());
    }
    let names = bench.names("one");
    assert!(names.len() > 8 && names == bench.names("many"), "{names:?}");
    for name in names.iter().filter(|name| name.contains('.')) {
        let [one, many] =
            folders.map(|folder| fs::read_to_string(bench.at(&format!("{folder}/{name}"))).unwrap());
        // The command line stands in them.
        let [one, many] = [(one, "one", "1"), (many, "many", "4")].map(|(text, folder, jobs)| {
            text.replace(&bench.at(folder), "OUT")
                .replace(&format!("\"{jobs}\",\n"), "JOBS")
                .replace(&format!("--jobs {jobs}"), "JOBS")
        });
        assert_eq!(one, many, "{name}");
    }
    assert!(bench.json("one/index.json")["timers"].as_array().is_some_and(|timers| !timers.is_empty()));
}
