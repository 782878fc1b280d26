#!/usr/bin/env python3
"""All mutants of `cargo mutants --list` in one build, tried one after the other.

A build for each of thousands of mutants takes days. Here every mutant becomes a branch of one program, taken if the
environment variable MUTANT holds its number; the same test binaries then serve all of them. See docs/mutation.md.

    mutants.py prepare FOLDER           copies HEAD to FOLDER, puts in the mutants that .cargo/mutants.toml asks for, builds
    mutants.py reach FOLDER [PATH...]   runs each test once, or those of these files: how long, and which mutants it passes
    mutants.py try FOLDER SECONDS [PATH...]  tries the mutants of these files, or of all, that no test has noticed so far, on
                                        tests that take no longer than that
    mutants.py show FOLDER              a table by file, and what no test notices

Needs cargo-mutants, and tree-sitter and tree-sitter-rust for Python.
"""

import collections
import json
import os
import pathlib
import re
import resource
import signal
import subprocess
import sys

from branches import SET, File

SWITCH = """
/// Which mutant is on; without one, those that are passed are listed in a file.
#[allow(missing_docs)]
pub mod mutant {
    use std::io::Write;
    use std::sync::LazyLock;
    use std::sync::atomic::{AtomicBool, Ordering};
    static CHOSEN: LazyLock<Option<u32>> = LazyLock::new(|| std::env::var("MUTANT").ok()?.parse().ok());
    static PASSED: [AtomicBool; COUNT] = [const { AtomicBool::new(false) }; COUNT];
    pub fn on(number: u32) -> bool {
        match *CHOSEN {
            Some(chosen) => chosen == number,
            None => pass(number),
        }
    }
    fn pass(number: u32) -> bool {
        if PASSED[number as usize].swap(true, Ordering::Relaxed) {
            return false;
        }
        if let Some(path) = std::env::var_os("MUTANTS_PASSED") {
            let mut list = std::fs::File::options().create(true).append(true).open(path).unwrap();
            list.write_all(format!("{number}\\n").as_bytes()).unwrap();
        }
        false
    }
}
"""
CHECK = ["cargo", "check", "--lib", "--profile", "test", "--message-format=json"]
BUILD = ["cargo", "test", "--no-run", "--message-format=json"]
# Code that is optimised a little runs several times as fast. Tests that draw numbers draw the same every time, and fewer.
SETTINGS = {
    "CARGO_PROFILE_DEV_OPT_LEVEL": "1",
    "INSTA_UPDATE": "no",
    "OBSERVER_CONVERSATIONS": "3000",
    "PROPTEST_CASES": "64",
    "PROPTEST_DISABLE_FAILURE_PERSISTENCE": "1",
    "PROPTEST_MAX_SHRINK_ITERS": "0",
    "PROPTEST_RNG_SEED": "1",
    "RUST_BACKTRACE": "0",
}
NUMBER = r"mutant::on\((\d+)\)"
# Longer than this, a test is left out.
LONGEST = 60
# What the tests of one process together may take, in seconds; cheap ones come first.
BATCHES = (0.2, 1, 5, 25, 1e9)
MEMORY = 6 << 30


def cargo(command, folder):
    return subprocess.run(command, cwd=folder, env=os.environ | SETTINGS, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def blamed(message, folder):
    """Numbers of the mutants that a compiler error is about: before it in its line, or within it."""
    for span in sorted(message["spans"], key=lambda span: not span["is_primary"]):
        path = folder / span["file_name"]
        if not path.exists():
            continue
        octets = path.read_bytes()
        start, end = span["byte_start"], span["byte_end"]
        before = re.findall(NUMBER, octets[octets.rfind(b"\n", 0, start) + 1 : start].decode())
        within = re.findall(NUMBER, octets[start:end].decode())
        if before or within:
            return set(map(int, before[-1:] or within))
    return set()


def prepare(folder):
    folder.mkdir(parents=True, exist_ok=True)
    subprocess.run(f"git archive HEAD | tar -x -C {folder}", shell=True, check=True)
    mutants = json.loads(cargo(["cargo", "mutants", "--list", "--json"], folder).stdout)
    files = collections.defaultdict(list)
    for number, mutant in enumerate(mutants, 1):
        mutant["id"] = number
        files[mutant["file"]].append(mutant)
    sources = {name: (folder / name).read_text() for name in files}
    sets = {name for source in sources.values() for name in re.findall(r"^    (?:pub\S* )?" + SET.pattern, source, re.MULTILINE)}
    library = folder / "src/lib.rs"
    switch = SWITCH.replace("COUNT", str(len(mutants) + 1))
    library.write_text(library.read_text().replace("#![forbid", "#![allow(warnings, arithmetic_overflow, unconditional_panic)]\n#![forbid", 1) + switch)
    broken, refused = set(), set()
    while True:
        placed = set()
        for name, own in files.items():
            file = File(sources[name], [mutant for mutant in own if mutant["id"] not in broken], sets)
            (folder / name).write_text(file.rewritten())
            placed |= file.placed
            refused |= file.not_rust
        told = [json.loads(line) for line in cargo(CHECK, folder).stdout.splitlines()]
        errors = [m["message"] for m in told if m.get("reason") == "compiler-message" and m["message"]["level"] == "error"]
        if not errors:
            break
        more = set().union(*(blamed(error, folder) for error in errors)) - broken
        print(f"{len(placed)} of {len(mutants)} placed, {len(more)} do not compile", flush=True)
        if not more:
            sys.exit("\n".join(error["rendered"] for error in errors[:5]))
        broken |= more
    state = {"mutants": mutants, "placed": sorted(placed), "broken": sorted(broken | refused)}
    (folder / "mutants.json").write_text(json.dumps(state))


def binaries(folder):
    """Test binaries by the file that they are made of."""
    told = [json.loads(line) for line in cargo(BUILD, folder).stdout.splitlines()]
    made = [m for m in told if m.get("reason") == "compiler-artifact" and m.get("executable") and m["profile"]["test"]]
    if not made:
        sys.exit("the tests do not compile")
    return {str(pathlib.Path(m["target"]["src_path"]).relative_to(folder)): m["executable"] for m in made}


def run(folder, binary, names, seconds, environment):
    """Runs these tests; says how it ended, and what it printed."""

    def limits():
        resource.setrlimit(resource.RLIMIT_CPU, (int(seconds) + 1, int(seconds) + 2))
        resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))

    process = subprocess.Popen(
        [binary, "--exact", "--test-threads=1", *names], cwd=folder, env=os.environ | SETTINGS | environment,
        stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, start_new_session=True, preexec_fn=limits,
    )
    try:
        out, _ = process.communicate(timeout=20 * seconds + 60)
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, signal.SIGKILL)
        out, _ = process.communicate()
        return "timeout", out
    return {0: "missed", -signal.SIGXCPU: "timeout", -signal.SIGKILL: "timeout"}.get(process.returncode, "noticed"), out


def spent():
    """Seconds of a processor that tests have taken: those of the clock depend on who else is at work."""
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    return usage.ru_utime + usage.ru_stime


def reach(folder, sources):
    path, passed = folder / "reach.json", folder / "passed"
    known = json.loads(path.read_text()) if path.exists() else {}
    for source, binary in binaries(folder).items():
        if sources and not source.startswith(tuple(sources)):
            continue
        listed = subprocess.run([binary, "--list", "--format", "terse"], cwd=folder, stdout=subprocess.PIPE, text=True).stdout
        for name in re.findall(r"^(.*): test$", listed, re.MULTILINE):
            if f"{source} {name}" in known:
                continue
            passed.unlink(missing_ok=True)
            began = spent()
            ended, _ = run(folder, binary, [name], LONGEST, {"MUTANTS_PASSED": str(passed)})
            seconds = spent() - began
            numbers = sorted(set(map(int, passed.read_text().split()))) if ended == "missed" and passed.exists() else []
            if ended != "missed":
                print(f"left out: {source} {name}", flush=True)
            known[f"{source} {name}"] = {"seconds": seconds, "passes": numbers}
        path.write_text(json.dumps(known))
        print(source, sum(found["seconds"] for test, found in known.items() if test.startswith(source)), flush=True)


def batches(tests, reached, first):
    """Those tests in batches, cheap ones first, and before them those that noticed something in the same file."""
    yield first
    rest = sorted((test for test in tests if test not in first), key=lambda test: reached[test]["seconds"])
    for longest in BATCHES:
        batch, total = [], 0
        while rest and total + reached[rest[0]]["seconds"] <= longest:
            total += reached[rest[0]]["seconds"]
            batch.append(rest.pop(0))
        yield batch


def attempt(folder, longest, paths):
    state = json.loads((folder / "mutants.json").read_text())
    reached = json.loads((folder / "reach.json").read_text())
    log = folder / "results.jsonl"
    results = load(log)
    made = binaries(folder)
    tests = collections.defaultdict(list)
    for test, found in reached.items():
        for number in found["passes"] if found["seconds"] <= float(longest) else ():
            tests[number].append(test)
    noticing = collections.defaultdict(list)
    for number in state["placed"]:
        mutant = state["mutants"][number - 1]
        before = results.get(number, {"how": "new", "tried": []})
        if before["how"] in ("noticed", "timeout") or paths and not mutant["file"].startswith(tuple(paths)):
            continue
        new = [test for test in tests[number] if test not in before["tried"]]
        if not new and number in results:
            continue
        recent = noticing[mutant["file"]]
        how, by, tried = "missed", "", list(before["tried"])
        for batch in batches(new, reached, [test for test in recent[:4] if test in new]):
            for source, binary in made.items():
                names = [test.split(" ", 1)[1] for test in batch if test.split(" ", 1)[0] == source]
                if not names or how != "missed":
                    continue
                seconds = sum(reached[f"{source} {name}"]["seconds"] for name in names)
                how, out = run(folder, binary, names, 3 * seconds + 1, {"MUTANT": str(number)})
                if how == "noticed":
                    failed = re.search(r"^test (\S+).* FAILED$", out, re.MULTILINE)
                    by = f"{source} {failed[1] if failed else names[0]}"
            tried += batch
            if how != "missed":
                break
        if by:
            noticing[mutant["file"]] = [by] + [test for test in recent if test != by]
        with log.open("a") as out:
            out.write(json.dumps({"id": number, "how": how, "by": by, "tried": tried if how == "missed" else []}) + "\n")
        if how == "missed":
            print(mutant["name"], f"[{len(tried)} tests]", flush=True)


def load(log):
    lines = log.read_text().splitlines() if log.exists() else []
    return {result["id"]: result for result in map(json.loads, lines)}


def show(folder):
    state = json.loads((folder / "mutants.json").read_text())
    results, placed, broken = load(folder / "results.jsonl"), set(state["placed"]), set(state["broken"])
    rows, left, without = collections.defaultdict(collections.Counter), [], []
    for mutant in state["mutants"]:
        how = results.get(mutant["id"], {"how": "not tried"})["how"]
        if mutant["id"] not in placed:
            how = "not Rust" if mutant["id"] in broken else "no branch"
            if how == "no branch":
                without.append(mutant["name"])
        if how == "missed":
            left.append(mutant["name"])
        rows[mutant["file"]][how] += 1
        rows["all"][how] += 1
    columns = ["noticed", "timeout", "missed", "not tried", "not Rust", "no branch"]
    print("| file | mutants |", " | ".join(columns), "|\n|" + "---|" * (len(columns) + 2))
    for name, row in rows.items():
        print("|", name.removeprefix("src/"), "|", sum(row.values()), "|", " | ".join(str(row[c]) for c in columns), "|")
    print("\nno test notices:", *left, "\nwithout a branch:", *without, sep="\n")


def main():
    command, folder, *rest = sys.argv[1:]
    commands = {"prepare": prepare, "reach": lambda folder: reach(folder, rest), "try": lambda folder: attempt(folder, rest[0], rest[1:]), "show": show}
    commands[command](pathlib.Path(folder).resolve())


if __name__ == "__main__":
    main()
