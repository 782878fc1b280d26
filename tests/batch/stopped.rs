//! Batches that end before they are done: by a signal, by SIGKILL. What is there is whole, and `--resume` does the rest.

use std::fs;
use std::io::Read;
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::Duration;

use assert_cmd::cargo::cargo_bin;
use serde_json::Value;

use crate::{Bench, load, run};

const OUT: &str = "out";

impl Bench {
    /// So many captures of different connections, of about a megabyte each.
    fn loads(&self, captures: u32) {
        for n in 0..captures {
            let wanted = load::Load {
                packets: 8_000,
                concurrency: 100,
                leak_every: 20,
                first: n * 10_000,
                ..load::Load::default()
            };
            let mut bytes = Vec::new();
            load::write(&wanted, &mut bytes).unwrap();
            fs::create_dir_all(self.at("in")).unwrap();
            fs::write(self.at(&format!("in/load{n:02}.pcap")), bytes).unwrap();
        }
    }

    fn args(&self, out: &str) -> Vec<String> {
        ["batch", &self.at("in"), "--out", &self.at(out), "--format", "json", "--format", "html", "--resume"]
            .map(str::to_owned)
            .into()
    }

    fn start(&self) -> Child {
        let mut command = Command::new(cargo_bin("cwait-pcap"));
        command.args(self.args(OUT)).args(["--jobs", "1"]).stderr(Stdio::piped()).spawn().unwrap()
    }

    /// How many files of a folder are called so, but for those that are not finished.
    fn count(&self, folder: &str, ending: &str) -> usize {
        let entries = fs::read_dir(self.at(folder)).into_iter().flatten();
        let names = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap());
        names.filter(|name| !name.starts_with('.') && name.ends_with(ending)).count()
    }

    /// Waits until so many files are there; false if the program ended before.
    fn wait(&self, child: &mut Child, folder: &str, ending: &str, files: usize) -> bool {
        while child.try_wait().unwrap().is_none() {
            if self.count(folder, ending) >= files {
                return true;
            }
            thread::sleep(Duration::from_millis(2));
        }
        false
    }

    /// Every report that is there is whole.
    fn check_reports(&self) -> usize {
        let names = self.names(OUT);
        let reports: Vec<_> = names.iter().filter(|name| name.starts_with("load")).collect();
        for name in &reports {
            let text = fs::read_to_string(self.at(&format!("{OUT}/{name}"))).unwrap();
            match name.ends_with(".json") {
                true => assert!(serde_json::from_str::<Value>(&text).is_ok(), "{name}"),
                false => assert!(text.ends_with("</html>\n"), "{name}"),
            }
        }
        reports.len()
    }

    /// Goes on, and finds what a run finds that nobody stopped; the files that were read before are not read again.
    fn resume(&self, known: usize, captures: usize) {
        let args = self.args(OUT);
        let args: Vec<&str> = args.iter().map(String::as_str).collect();
        let (_, told) = run(0, &args);
        assert!(told.matches(", known").count() >= known, "{known}: {told}");
        assert_eq!(told.matches("] ").count(), captures, "{told}");
        self.check_reports();
        let whole = self.args("whole");
        run(0, &whole.iter().map(String::as_str).collect::<Vec<_>>());
        let index = |folder: &str| fs::read(self.at(&format!("{folder}/index.json"))).unwrap();
        assert!(index(OUT) == index("whole"));
    }
}

/// Starts batches of more and more captures until one could be caught in the middle.
fn caught(folder: &str, ending: &str, files: usize) -> (Bench, Child, u32) {
    for captures in [12, 48, 192] {
        let bench = Bench::new();
        bench.loads(captures);
        let mut child = bench.start();
        if bench.wait(&mut child, folder, ending, files) {
            return (bench, child, captures);
        }
    }
    panic!("192 captures were done before anybody looked");
}

#[test]
fn killed_while_it_reads_it_goes_on_where_it_was() {
    let (bench, mut child, captures) = caught("out/fragments", ".parquet", 3);
    child.kill().unwrap();
    assert!(!child.wait().unwrap().success());
    assert_eq!(bench.check_reports(), 0, "no report is written before all is read");
    // The last of the fragments may not have been noted yet.
    bench.resume(2, captures as usize);
}

#[test]
fn killed_while_it_writes_reports_those_that_are_there_stay() {
    let (bench, mut child, captures) = caught("out", ".pcap.json", 3);
    child.kill().unwrap();
    assert!(!child.wait().unwrap().success());
    assert!(bench.check_reports() >= 3);
    assert!(!bench.names("out").iter().any(|name| name.starts_with("index")));
    let written = |bench: &Bench| {
        let files = bench.names("out").into_iter().filter(|name| name.ends_with(".pcap.json"));
        files
            .map(|name| {
                (name.clone(), fs::metadata(bench.at(&format!("out/{name}"))).unwrap().modified().unwrap())
            })
            .collect::<Vec<_>>()
    };
    let before = written(&bench);
    bench.resume(captures as usize, captures as usize);
    let after = written(&bench);
    let kept = before.iter().filter(|file| after.contains(file)).count();
    assert!(kept + 1 >= before.len(), "{kept} of {} reports were not written again", before.len());
}

#[test]
#[cfg(unix)]
fn a_signal_ends_it_with_whole_reports_and_says_how_to_go_on() {
    for (folder, ending) in [("out/fragments", ".parquet"), ("out", ".pcap.json")] {
        let (bench, mut child, captures) = caught(folder, ending, 2);
        // Programs that a shell starts in the background ignore SIGINT; both are one to this program.
        let pid = child.id().to_string();
        assert!(Command::new("kill").args(["-TERM", &pid]).status().unwrap().success());
        assert_eq!(child.wait().unwrap().code(), Some(130));
        let mut told = String::new();
        child.stderr.take().unwrap().read_to_string(&mut told).unwrap();
        assert!(told.ends_with("interrupted; --resume goes on from here\n"), "{told}");
        bench.check_reports();
        let left =
            |folder: &str| bench.names(folder).into_iter().filter(|name| name.starts_with('.')).count();
        assert_eq!(left("out") + left("out/fragments"), 0, "nothing unfinished stays");
        bench.resume(2, captures as usize);
    }
}
