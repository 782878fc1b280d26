//! The text of one call taken apart: name, arguments, result. Every tracer writes `name(arguments) result`; what stands
//! before it is the formats' affair.

use super::errno;
use super::{Outcome, Syscall};

/// A call's argument list as printed, without its brackets.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Args<'a>(pub &'a [u8]);

impl<'a> Args<'a> {
    /// The whole number that begins the first argument: the descriptor in most calls on one.
    pub fn first_number(self) -> Option<i64> {
        number(self.0)
    }

    /// The arguments one by one. Commas inside strings, braces, brackets and `<>` notes do not part them.
    pub fn iter(self) -> impl Iterator<Item = &'a [u8]> {
        let mut rest = Some(self.0);
        std::iter::from_fn(move || {
            let text = rest?;
            let end = argument_end(text);
            rest = text.get(end + 1..);
            Some(text[..end].trim_ascii())
        })
    }

    /// Whether the text holds this word anywhere.
    pub fn has(self, word: &str) -> bool {
        memchr::memmem::find(self.0, word.as_bytes()).is_some()
    }
}

/// Where the first argument of `text` ends.
fn argument_end(text: &[u8]) -> usize {
    let (mut depth, mut quoted, mut escaped) = (0u32, false, false);
    for (at, &byte) in text.iter().enumerate() {
        match byte {
            _ if escaped => escaped = false,
            b'\\' => escaped = true,
            b'"' => quoted = !quoted,
            _ if quoted => {}
            b'{' | b'[' | b'(' | b'<' => depth += 1,
            b'>' if text[..at].last() == Some(&b'-') => {}
            b'}' | b']' | b')' | b'>' => depth = depth.saturating_sub(1),
            b',' if depth == 0 => return at,
            _ => {}
        }
    }
    text.len()
}

/// The whole number at the start of `text`: `12`, `-1`, `0x4`.
pub(super) fn number(text: &[u8]) -> Option<i64> {
    let (negative, digits) = match text.strip_prefix(b"-") {
        Some(digits) => (true, digits),
        None => (false, text),
    };
    let (base, digits) = match digits.strip_prefix(b"0x") {
        Some(digits) => (16, digits),
        None => (10, digits),
    };
    let mut value: Option<i64> = None;
    for &byte in digits {
        let Some(digit) = char::from(byte).to_digit(base) else { break };
        value = Some(value.unwrap_or(0).checked_mul(i64::from(base))?.checked_add(i64::from(digit))?);
    }
    value.map(|value| if negative { -value } else { value })
}

/// The text between `<` and `>` that strace -y puts behind a descriptor, if `text` begins with one.
pub(super) fn note(text: &[u8]) -> Option<&[u8]> {
    let digits = text.iter().take_while(|b| b.is_ascii_digit()).count();
    let inside = text[digits..].strip_prefix(b"<")?;
    // The arrow between two addresses holds a `>` too; in path names strace writes the sign as an escape.
    let end = memchr::memchr_iter(b'>', inside).find(|&at| at == 0 || inside[at - 1] != b'-')?;
    Some(&inside[..end])
}

/// A call as it stands in the text, before anyone says when and by whom.
#[derive(Clone, Copy, Debug)]
pub(super) struct Call<'a> {
    pub(super) name: &'a str,
    pub(super) args: Args<'a>,
    /// From the result on; empty if the text stops before it.
    pub(super) tail: &'a [u8],
}

/// How the text behind a call's closing bracket may begin.
const TAILS: [&[u8]; 7] =
    [b"= ", b"Err#", b"ERR#", b"(sleeping...)", b"[sleeping]", b"(returning as ", b"(waiting for child"];

/// How many closing brackets are tried, from the end, as the one that ends the arguments.
const BRACKETS: usize = 64;

impl<'a> Call<'a> {
    /// Takes `name(args)   tail` apart. A call whose result is missing has an empty tail.
    pub(super) fn split(text: &'a [u8]) -> Option<Call<'a>> {
        let (name, after) = named(text)?;
        for close in memchr::memrchr_iter(b')', after).take(BRACKETS) {
            // truss: `fork1()   (returning as child ...)   = 1581`; the bracket before that remark is meant.
            if after[..close].ends_with(b" ...") && memchr::memmem::find(after, b"(returning as ").is_some() {
                continue;
            }
            let tail = &after[close + 1..];
            // Logs come out of web pages with no-break spaces.
            let filling = tail.iter().take_while(|b| matches!(b, b' ' | b'\t' | b'.' | 0xc2 | 0xa0)).count();
            let tail = &tail[filling..];
            if TAILS.iter().any(|start| tail.starts_with(start)) {
                return Some(Call { name, args: Args(&after[..close]), tail });
            }
        }
        let args = after.trim_ascii_end();
        Some(Call { name, args: Args(args.strip_suffix(b")").unwrap_or(args)), tail: b"" })
    }

    /// The result as the tail says it.
    pub(super) fn outcome(&self) -> Outcome<'a> {
        outcome(self.tail)
    }
}

/// The name at the start of `text` and what follows its opening bracket.
pub(super) fn named(text: &[u8]) -> Option<(&str, &[u8])> {
    let length = text.iter().take(64).take_while(|b| b.is_ascii_alphanumeric() || **b == b'_').count();
    let after = text[length..].strip_prefix(b"(")?;
    let name = std::str::from_utf8(&text[..length]).ok()?;
    (!name.is_empty() && !name.as_bytes()[0].is_ascii_digit()).then_some((name, after))
}

/// Reads `= 4`, `= 0x4`, `= -1 EPIPE (...)`, `= ? ERESTARTSYS (...)`, `Err#32 EPIPE`, `ERR#35 '...'`, `(sleeping...)`.
pub(super) fn outcome(tail: &[u8]) -> Outcome<'_> {
    if tail.starts_with(b"(sleeping") || tail.starts_with(b"[sleeping") || tail.starts_with(b"(waiting") {
        return Outcome::Sleeping;
    }
    let tail = match tail.strip_prefix(b"(returning as ") {
        // truss: `(returning as child ...)   = 1581`.
        Some(rest) => match memchr::memmem::find(rest, b"= ") {
            Some(at) => &rest[at..],
            None => return Outcome::NotSaid,
        },
        None => tail,
    };
    if let Some(said) = tail.strip_prefix(b"= ") {
        let said = said.trim_ascii_start();
        if let Some(error) = said.strip_prefix(b"-1 ").and_then(error_name) {
            return Outcome::Error(error);
        }
        return number(said).map_or(Outcome::NotSaid, Outcome::Value);
    }
    if let Some(said) = tail.strip_prefix(b"Err#").or_else(|| tail.strip_prefix(b"ERR#")) {
        let digits = said.iter().take_while(|b| b.is_ascii_digit()).count();
        let named = error_name(said[digits..].trim_ascii_start());
        return Outcome::Error(named.unwrap_or_else(|| errno::bsd(number(said).unwrap_or(0))));
    }
    Outcome::NotSaid
}

fn error_name(text: &[u8]) -> Option<&str> {
    let length = text.iter().take(32).take_while(|b| b.is_ascii_uppercase() || b.is_ascii_digit()).count();
    text.starts_with(b"E").then(|| std::str::from_utf8(&text[..length]).ok()).flatten()
}

impl<'a> Syscall<'a> {
    /// The number of the first argument as a descriptor; only meaningful for calls whose first argument is one.
    pub fn fd(&self) -> Option<i32> {
        self.args.first_number().and_then(|number| i32::try_from(number).ok())
    }

    /// The note strace -y and -yy print behind the first argument: `TCP:[192.0.2.1:80->192.0.2.9:40312]`, a path, …
    pub fn note(&self) -> Option<&'a [u8]> {
        note(self.args.0)
    }

    /// The same behind the result.
    pub fn result_note(&self) -> Option<&'a [u8]> {
        note(self.tail.strip_prefix(b"= ")?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn calls_of_all_tracers() {
        let check = |text: &'static str, name: &str, args: &str, expected: Outcome<'static>| {
            let call = Call::split(text.as_bytes()).expect(text);
            assert_eq!((call.name, call.args.0, call.outcome()), (name, args.as_bytes(), expected), "{text}");
        };
        check("close(3)                          = 0", "close", "3", Outcome::Value(0));
        check("read(3, \") = 7\", 9) = 6 <0.000011>", "read", "3, \") = 7\", 9", Outcome::Value(6));
        check("dup(3</tmp/a>) = 4</tmp/a = b>", "dup", "3</tmp/a>", Outcome::Value(4));
        check(
            "poll([{fd=3}], 1, 9) = 1 ([{fd=3, revents=POLLIN}])",
            "poll",
            "[{fd=3}], 1, 9",
            Outcome::Value(1),
        );
        check(
            "getpeername(3, 0x7f, [16]) = -1 ENOTCONN (Transport …)",
            "getpeername",
            "3, 0x7f, [16]",
            Outcome::Error("ENOTCONN"),
        );
        check(
            "accept4(3, 0x7, [16], 0) = ? ERESTARTSYS (To be …)",
            "accept4",
            "3, 0x7, [16], 0",
            Outcome::NotSaid,
        );
        check(
            "lwp_sema_wait(0xFEE0BE78)       (sleeping...)",
            "lwp_sema_wait",
            "0xFEE0BE78",
            Outcome::Sleeping,
        );
        check("write(7, \" h i\", 2)\t\tErr#32 EPIPE", "write", "7, \" h i\", 2", Outcome::Error("EPIPE"));
        check("signotifywait() \u{a0} \u{a0} (sleeping...)", "signotifywait", "", Outcome::Sleeping);
        check("fork1()\t\t(returning as child ...)\t= 1581", "fork1", "", Outcome::Value(1581));
        check("pipe()\t\t\t\t\t= 3 [4]", "pipe", "", Outcome::Value(3));
        check(
            "read(3,0x8,1)\t\t ERR#35 'Resource temporarily unavailable'",
            "read",
            "3,0x8,1",
            Outcome::Error("EAGAIN"),
        );
        check(
            "pw_wait(0x9fffffffffffb290) ..... [sleeping]",
            "pw_wait",
            "0x9fffffffffffb290",
            Outcome::Sleeping,
        );
        check(
            "recv(5, 0x7f7f0c30, 4096, 0) .... ERR#232 ECONNRESET",
            "recv",
            "5, 0x7f7f0c30, 4096, 0",
            Outcome::Error("ECONNRESET"),
        );
        check("mmap(0, 8) = 0xFEE00000", "mmap", "0, 8", Outcome::Value(0xFEE0_0000));
        check("read(5, ", "read", "5,", Outcome::NotSaid);
        assert!(Call::split(b"no call").is_none());
        assert!(Call::split(b"7up(1) = 0").is_none());
    }

    #[test]
    fn arguments_are_parted_at_their_own_commas() {
        let args = Args(br#"4<TCP:[a->b]>, "x, \" y", {a=1, b=[2, 3]}, 9"#);
        let parts: Vec<_> = args.iter().map(String::from_utf8_lossy).collect();
        assert_eq!(parts, ["4<TCP:[a->b]>", r#""x, \" y""#, "{a=1, b=[2, 3]}", "9"]);
        assert_eq!(args.first_number(), Some(4));
        assert_eq!(note(args.0), Some(&b"TCP:[a->b]"[..]));
        assert_eq!(Args(b"").iter().collect::<Vec<_>>(), [b""]);
    }

    #[test]
    fn numbers() {
        for (text, expected) in
            [("12)", Some(12)), ("-1", Some(-1)), ("0x1f", Some(31)), ("x", None), ("", None)]
        {
            assert_eq!(number(text.as_bytes()), expected, "{text}");
        }
        assert_eq!(number(b"99999999999999999999"), None);
    }
}
