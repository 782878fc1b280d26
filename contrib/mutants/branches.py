"""A source file written anew, with a branch for each of its mutants.

`mutant::on(NUMBER)` stands where cargo-mutants would have changed the text. See docs/mutation.md.
"""

import collections
import re

import tree_sitter
import tree_sitter_rust

# Values that the compiler wants to know; and text that is no expression.
CONSTANT = ("static_item", "macro_invocation", "attribute_item")
# Sets of bits, which become functions.
SET = re.compile(r"\bconst (\w+): u\d+\s*=[^;]* \| [^;]*;")


def on(mutant):
    return f"crate::mutant::on({mutant['id']})"


def chosen(mutants, changed, usual):
    """The usual expression, or that of whichever mutant is on; each on a line of its own, so that errors name theirs."""
    none = " && ".join(f"!{on(mutant)}" for mutant in mutants)
    others = "".join(f"else if {on(mutant)} {{ {changed(mutant)} }}\n" for mutant in mutants)
    return f"if {none} {{ {usual} }}\n{others}else {{ unreachable!() }}"


class File:
    parser = tree_sitter.Parser(tree_sitter.Language(tree_sitter_rust.language()))

    def __init__(self, source, mutants, sets):
        self.sets = sets
        self.octets = source.encode()
        self.lines = source.split("\n")
        self.starts = [0]
        for line in self.lines:
            self.starts.append(self.starts[-1] + len(line.encode()) + 1)
        self.placed, self.not_rust = set(), set()
        self.at = collections.defaultdict(list)
        for mutant in mutants:
            genre = re.sub("^(Unary|Binary)", "", mutant["genre"])
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

    def take(self, genre, node):
        """The mutants of that kind that begin where the node does: their branches are about to be written."""
        mutants = self.at[genre, node.start_byte]
        self.placed.update(mutant["id"] for mutant in mutants)
        return mutants

    def refuse(self, genre, node):
        """What the compiler would not take as it is in cargo-mutants, either."""
        self.not_rust.update(mutant["id"] for mutant in self.at[genre, node.start_byte])

    def emit(self, node):
        if node.type in CONSTANT:
            return self.text(node)
        special = getattr(self, node.type, None)
        return (special and special(node)) or self.plain(node)

    def plain(self, node):
        out, at = [], node.start_byte
        for child in node.children:
            out += [self.between(at, child.start_byte), self.emit(child)]
            at = child.end_byte
        return "".join(out) + self.between(at, node.end_byte)

    def fields(self, node, *names):
        return (node.child_by_field_name(name) for name in names)

    def const_item(self, node):
        text = self.text(node)
        if node.parent.type == "block" and " | " in text:
            return re.sub("const", "let", self.plain(node), count=1)
        if node.parent.type == "declaration_list" and SET.search(text):
            return re.sub(r"const (\w+): (\w+)\s*=(.*);", r"fn \1() -> \2 {\3}", self.plain(node), flags=re.DOTALL)
        return text

    def scoped_identifier(self, node):
        return self.text(node) + "()" if self.text(node.child_by_field_name("name")) in self.sets else None

    def binary_expression(self, node):
        operator, left, right = self.fields(node, "operator", "left", "right")
        sign = self.text(operator)
        if sign == "&&" and self.text(left).startswith("let "):
            return self.refuse("Operator", operator)
        mutants = self.take("Operator", operator)
        if not mutants:
            return None
        l, r = self.emit(left), self.emit(right)
        if sign == "&&":
            return f"({{ let mutant_l = {l}; if mutant_l != {on(mutants[0])} {{ {r} }} else {{ mutant_l }} }})"
        if sign == "||":
            return f"({{ let mutant_l = {l}; if mutant_l == {on(mutants[0])} {{ {r} }} else {{ mutant_l }} }})"
        if sign in ("==", "!="):
            return f"({on(mutants[0])} != ({l} {sign} {r}))"
        if sign in ("<", ">", "<=", ">="):
            l, r = f"&({l})", f"&({r})"
        branches = chosen(mutants, lambda mutant: f"l {mutant['replacement']} r", f"l {sign} r")
        return f"(match ({l}, {r}) {{ (l, r) => {branches} }})"

    def let_chain(self, node):
        """`||` beside `let` is not Rust."""
        for sign in node.children:
            if sign.type == "&&":
                self.refuse("Operator", sign)

    def compound_assignment_expr(self, node):
        operator, left, right = self.fields(node, "operator", "left", "right")
        mutants = self.take("Operator", operator)
        if not mutants:
            return None
        l, sign = self.emit(left), self.text(operator)
        branches = chosen(mutants, lambda mutant: f"{l} {mutant['replacement']} r", f"{l} {sign} r")
        return f"(match ({self.emit(right)}) {{ r => {branches} }})"

    def unary_expression(self, node):
        sign, value = self.text(node.children[0]), node.children[-1]
        mutants = self.take("Operator", node)
        return mutants and f"(match ({self.emit(value)}) {{ x => {chosen(mutants, lambda _: 'x', sign + 'x')} }})"

    def match_arm(self, node):
        (pattern,) = self.fields(node, "pattern")
        (guard,) = self.fields(pattern, "condition")
        guards = self.take("MatchArmGuard", guard) if guard else []
        arms = self.take("MatchArm", node) if self.others_take_all(node) else self.refuse("MatchArm", node) or []
        if not arms + guards:
            return None
        condition, shown = "true", self.text(pattern)
        if guard:
            condition = f"({self.emit(guard)})" if "let " not in self.text(guard) else self.emit(guard)
            shown = re.sub(r"\s*if\s*$", "", self.between(pattern.start_byte, guard.start_byte))
        for mutant in guards:
            if mutant["replacement"] == "true":
                condition = f"({on(mutant)} || {condition})"
            else:
                condition = f"!{on(mutant)} && {condition}"
        for mutant in arms:
            condition = f"!{on(mutant)} && {condition}"
        rest = "".join(self.emit(c) + " " for c in node.children if c.start_byte >= pattern.end_byte)
        return f"{shown} if {condition} {rest}"

    def others_take_all(self, arm):
        """Whether the match has an arm for whatever comes, so that another may go."""
        patterns = [self.text(other.child_by_field_name("pattern")) for other in arm.parent.children if other.type == "match_arm"]
        return any(re.fullmatch(r"_|[a-z]\w*", pattern) for pattern in patterns)

    def field_initializer(self, node):
        name, value = self.fields(node, "field", "value")
        return self.field(node, self.text(name), lambda: self.emit(value))

    def shorthand_field_initializer(self, node):
        return self.field(node, self.text(node), lambda: self.text(node))

    def field(self, node, name, value):
        base = next((c for c in node.parent.children if c.type == "base_field_initializer"), None)
        mutants = base and self.take("StructField", node)
        if not mutants:
            return None
        usual = self.text(base)[2:]
        if usual.startswith("Default::default"):
            usual = f"<{self.text(node.parent.parent.child_by_field_name('name'))} as Default>::default()"
        return f"{name}: {chosen(mutants, lambda _: f'({usual}).{name}', value())}"

    def function_item(self, node):
        (body,) = self.fields(node, "body")
        head = self.between(node.start_byte, body.start_byte)
        if re.search(r"\bconst\s+fn\b", head):
            return self.text(node)
        first = next((c for c in body.children[1:-1] if "comment" not in c.type), None)
        mutants = self.take("FnValue", first) if first else []
        if not mutants:
            return None
        values = [(mutant, mutant["replacement"]) for mutant in mutants]
        inside = self.plain(body)
        # One type for all that it may return.
        returned = re.search(r"-> impl (Iterator<.*>)(.*)$", re.sub(r"\s*\+ use<>", "", head), re.DOTALL)
        if returned:
            lifetime = returned[2].strip()
            if "&self" in head and not lifetime:
                lifetime = "+ '_"
            head = f"{head[: returned.start()]}-> Box<dyn {returned[1]} + Send {lifetime}> "
            values = [(mutant, f"Box::new({value})") for mutant, value in values]
            inside = f"{{ Box::new({inside}) }}"
        early = "".join(f"\nif {on(mutant)} {{ return {value}; }}" for mutant, value in values)
        return f"{head}{{ {early}\n{inside[1:]}"
