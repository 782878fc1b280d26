#!/usr/bin/env python3
"""All mutants of `cargo mutants --list` in one build, tried one after the other.

A build for each of thousands of mutants takes days. Here every mutant becomes a branch of one program, taken if the
environment variable MUTANT holds its number; one test binary then serves all of them. See docs/mutation.md.

    mutants.py prepare FOLDER GLOB...   copies HEAD to FOLDER, lists the mutants of these files, compiles what compiles
    mutants.py try FOLDER PATH=TEST...  runs the unit tests below TEST against each mutant of the files below PATH

Needs cargo-mutants, and tree-sitter and tree-sitter-rust for Python.
"""

import collections
import json
import os
import pathlib
import re
import subprocess
import sys

import tree_sitter
import tree_sitter_rust

SWITCH = """
/// Which mutant is on.
#[allow(missing_docs)]
pub mod mutant {
    use std::sync::OnceLock;
    #[inline(never)]
    pub fn on(number: u32) -> bool {
        static ON: OnceLock<u32> = OnceLock::new();
        let chosen = || std::env::var("MUTANT").ok().and_then(|text| text.parse().ok()).unwrap_or(0);
        *ON.get_or_init(chosen) == number
    }
}
"""
CHECK = ["cargo", "check", "--lib", "--profile", "test", "--message-format=json"]
BUILD = ["cargo", "test", "--lib", "--no-run", "--message-format=json"]


def on(mutant):
    return f"crate::mutant::on({mutant['id']})"


class File:
    """One source file, written anew with a branch for each of its mutants."""

    parser = tree_sitter.Parser(tree_sitter.Language(tree_sitter_rust.language()))

    def __init__(self, source, mutants):
        self.octets = source.encode()
        self.lines = source.split("\n")
        self.starts = [0]
        for line in self.lines:
            self.starts.append(self.starts[-1] + len(line.encode()) + 1)
        self.placed = set()
        self.at = collections.defaultdict(list)
        for mutant in mutants:
            genre = mutant["genre"].replace("UnaryOperator", "Operator").replace("BinaryOperator", "Operator")
            self.at[genre, self.offset(mutant["span"]["start"])].append(mutant)

    def offset(self, place):
        line = place["line"] - 1
        return self.starts[line] + len(self.lines[line][: place["column"] - 1].encode())

    def text(self, node):
        return self.octets[node.start_byte : node.end_byte].decode()

    def between(self, start, end):
        return self.octets[start:end].decode()

    def rewritten(self):
        return self.emit(self.parser.parse(self.octets).root_node)

    def take(self, mutants):
        self.placed.update(mutant["id"] for mutant in mutants)
        return mutants

    def emit(self, node):
        if node.type in ("const_item", "static_item", "macro_invocation", "attribute_item"):
            return self.text(node)
        special = getattr(self, node.type, None)
        return (special and special(node)) or self.plain(node)

    def plain(self, node):
        out, at = [], node.start_byte
        for child in node.children:
            out += [self.between(at, child.start_byte), self.emit(child)]
            at = child.end_byte
        return "".join(out) + self.between(at, node.end_byte)

    def binary_expression(self, node):
        operator, left, right = (node.child_by_field_name(name) for name in ("operator", "left", "right"))
        mutants = self.at["Operator", operator.start_byte]
        sign = self.text(operator)
        if not mutants or sign in ("&&", "||") and self.text(left).startswith("let "):
            return None
        self.take(mutants)
        l, r = self.emit(left), self.emit(right)
        if sign == "&&":
            return f"{{ let l = {l}; if l != {on(mutants[0])} {{ {r} }} else {{ l }} }}"
        if sign == "||":
            return f"{{ let l = {l}; if l == {on(mutants[0])} {{ {r} }} else {{ l }} }}"
        if sign in ("==", "!="):
            return f"({on(mutants[0])} != ({l} {sign} {r}))"
        if sign in ("<", ">", "<=", ">="):
            l, r = f"&({l})", f"&({r})"
        others = "".join(f"if {on(m)} {{ l {m['replacement']} r }} else " for m in mutants)
        return f"(match ({l}, {r}) {{ (l, r) => {others}{{ l {sign} r }} }})"

    def compound_assignment_expr(self, node):
        operator, left, right = (node.child_by_field_name(name) for name in ("operator", "left", "right"))
        mutants = self.take(self.at["Operator", operator.start_byte])
        l, r = self.text(left), self.text(right)
        others = "".join(f"if {on(m)} {{ {l} {m['replacement']} {r} }} else " for m in mutants)
        return others and f"{{ {others}{{ {l} {self.text(operator)} {r} }} }}"

    def unary_expression(self, node):
        sign, value = node.children[0], node.children[-1]
        mutants = self.at["Operator", sign.start_byte]
        mask = re.match(r"[A-Z0-9(]", self.text(value)) and not self.text(value).startswith("Some")
        if not mutants or self.text(sign) == "!" and mask:
            return None
        self.take(mutants)
        if self.text(sign) == "!":
            return f"(({self.emit(value)}) == {on(mutants[0])})"
        return f"(match ({self.emit(value)}) {{ x => if {on(mutants[0])} {{ x }} else {{ -x }} }})"

    def match_arm(self, node):
        pattern, value = node.child_by_field_name("pattern"), node.child_by_field_name("value")
        guard = pattern.child_by_field_name("condition")
        arms = self.at["MatchArm", node.start_byte]
        guards = self.at["MatchArmGuard", guard.start_byte] if guard else []
        if not arms + guards or guard and "let " in self.text(guard):
            return None
        condition, shown = "true", self.text(pattern)
        if guard:
            condition = self.emit(guard)
            shown = re.sub(r"\s*if\s*$", "", self.between(pattern.start_byte, guard.start_byte))
        for mutant in self.take(guards):
            to = mutant["replacement"]
            condition = f"({on(mutant)} || {condition})" if to == "true" else f"(!{on(mutant)} && {condition})"
        for mutant in self.take(arms):
            condition = f"(!{on(mutant)} && {condition})"
        rest = "".join(self.emit(c) + " " for c in node.children if c.start_byte >= pattern.end_byte)
        return f"{shown} if {condition} {rest}"

    def field_initializer(self, node):
        name, value = node.child_by_field_name("field"), node.child_by_field_name("value")
        mutants = self.at["StructField", node.start_byte]
        base = next((c for c in node.parent.children if c.type == "base_field_initializer"), None)
        if not (mutants and name and value and base):
            return None
        usual = self.text(base)[2:]
        if usual.startswith("Default::default"):
            usual = f"<{self.text(node.parent.parent.child_by_field_name('name'))} as Default>::default()"
        field = self.text(name)
        return f"{field}: if {on(self.take(mutants)[0])} {{ ({usual}).{field} }} else {{ {self.emit(value)} }}"

    def function_item(self, node):
        body = node.child_by_field_name("body")
        head = self.between(node.start_byte, body.start_byte)
        if re.search(r"\bconst\s+fn\b", head):
            return self.text(node)
        inside = body.children[1] if len(body.children) > 2 else None
        mutants = self.at["FnValue", inside.start_byte] if inside else []
        if not mutants or re.search(r"->\s*(Option<)?impl\b", head):
            return None
        returns = "".join(f"if {on(m)} {{ return {m['replacement']}; }} " for m in self.take(mutants))
        return f"{head}{{ {returns}{self.plain(body)[1:]}"


def run(command, folder, **options):
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, **options)


def blamed(message, folder):
    """Numbers of the mutants that a compiler error lies in, or next to."""
    spans = [span for span in message["spans"] if span["is_primary"]] or message["spans"]
    within, around = set(), set()
    for span in spans:
        path = folder / span["file_name"]
        if not path.exists():
            continue
        octets, lines = path.read_bytes(), path.read_text().split("\n")
        number = r"mutant::on\((\d+)\)"
        within.update(re.findall(number, octets[span["byte_start"] : span["byte_end"]].decode(errors="replace")))
        first, last = span["line_start"] - 1, span["line_end"]
        around.update(re.findall(number, "\n".join(lines[max(0, first - 3) : last])))
        if "non-exhaustive" in message["message"]:
            arms = (line.split("=>")[0] for line in lines[first : first + 80] if " if (" in line and "=>" in line)
            around.update(re.findall(number, "\n".join(arms)))
    return {int(number) for number in within or around}


def prepare(folder, globs):
    folder.mkdir(parents=True)
    subprocess.run(f"git archive HEAD | tar -x -C {folder}", shell=True, check=True)
    wanted = [word for glob in globs for word in ("-f", glob)]
    mutants = json.loads(run(["cargo", "mutants", "--list", "--json", *wanted], folder, check=True).stdout)
    files = collections.defaultdict(list)
    for number, mutant in enumerate(mutants, 1):
        mutant["id"] = number
        files[mutant["file"]].append(mutant)
    sources = {name: (folder / name).read_text() for name in files}
    (folder / "src/lib.rs").open("a").write(SWITCH)
    broken = set()
    while True:
        placed = set()
        for name, own in files.items():
            file = File(sources[name], [mutant for mutant in own if mutant["id"] not in broken])
            (folder / name).write_text(file.rewritten())
            placed |= file.placed
        told = [json.loads(line) for line in run(CHECK, folder).stdout.splitlines()]
        errors = [m["message"] for m in told if m.get("reason") == "compiler-message" and m["message"]["level"] == "error"]
        if not errors:
            break
        more = set().union(*(blamed(error, folder) for error in errors)) - broken
        if not more:
            sys.exit("\n".join(error["rendered"] for error in errors[:5]))
        broken |= more
        print(f"{len(placed)} of {len(mutants)} placed, {len(more)} do not compile", flush=True)
    state = {"mutants": mutants, "placed": sorted(placed), "broken": sorted(broken)}
    (folder / "mutants.json").write_text(json.dumps(state))


def attempt(folder, rooms):
    state = json.loads((folder / "mutants.json").read_text())
    built = [json.loads(line) for line in run(BUILD, folder, check=True).stdout.splitlines()]
    binary = next(m["executable"] for m in built if m.get("executable"))
    seen, results = collections.Counter(), []
    for number in state["placed"]:
        mutant = state["mutants"][number - 1]
        tests = next((test for path, test in rooms if mutant["file"].startswith(path)), None)
        if tests is None:
            continue
        environment = os.environ | {"MUTANT": str(number), "RUST_BACKTRACE": "0"}
        try:
            code = run([binary, *tests.split(",")], folder, env=environment, timeout=60).returncode
            how = "caught" if code else "missed"
        except subprocess.TimeoutExpired:
            how = "timeout"
        seen[how] += 1
        results.append((how, mutant["name"]))
        if how == "missed":
            print(mutant["name"], flush=True)
    (folder / "results.json").write_text(json.dumps(results, indent=0))
    unplaced = len(state["mutants"]) - len(state["placed"]) - len(state["broken"])
    print(dict(seen), f"{len(state['broken'])} do not compile, {unplaced} have no branch")


def main():
    command, folder, *rest = sys.argv[1:]
    if command == "prepare":
        prepare(pathlib.Path(folder), rest)
    else:
        attempt(pathlib.Path(folder), [pair.split("=", 1) for pair in rest])


if __name__ == "__main__":
    main()
