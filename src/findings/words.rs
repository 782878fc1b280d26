//! Phrases that several rules use.

use super::{Case, Group};
use crate::wire::{Side, Span, Stamp, Timestamp};

/// `4,211`.
pub(crate) fn thousands(n: u64) -> String {
    let digits = n.to_string();
    let mut text = String::with_capacity(digits.len() + digits.len() / 3);
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// `once in 1,250`, for what chance does so seldom.
pub(crate) fn once_in(chance: f64) -> String {
    match (1.0 / chance.max(f64::MIN_POSITIVE)).min(1e7) as u64 {
        1_000_000.. => "less than once in a million".into(),
        n => format!("once in {}", thousands(n.max(1))),
    }
}

/// `stream 17, frame 4211`, or the frame alone where stream numbers mean nothing. Without a separator, to be pasted.
pub(super) fn frame(case: &Case<'_>, stamp: Stamp) -> String {
    match case.connection.stream {
        crate::tcp::Connection::NO_STREAM => format!("frame {}", stamp.frame),
        stream => format!("stream {stream}, frame {}", stamp.frame),
    }
}

/// `04:35:51 UTC`, without the zone if there is none because there is no date.
pub(crate) fn clock(at: Timestamp) -> String {
    let is_dated = at.is_dated();
    let at = jiff::Timestamp::from_nanosecond(i128::from(at.0)).unwrap_or_default();
    let format = if is_dated { "%H:%M:%S UTC" } else { "%H:%M:%S" };
    at.strftime(format).to_string()
}

/// `at least 1 h 51 min`, over the members of a group: the longest.
pub(super) fn longest(group: &Group<'_>) -> Option<(Span, bool)> {
    group
        .members
        .iter()
        .filter_map(|(_, finding)| finding.lasted)
        .max_by_key(|lasted| lasted.span)
        .map(|l| (l.span, l.at_least))
}

pub(super) fn lasted(span: Span, at_least: bool) -> String {
    if at_least { format!("at least {span}") } else { span.to_string() }
}

/// `118 ms before the end of the capture`; `at the very end of the capture`.
pub(super) fn before_end(span: Span) -> String {
    match span {
        Span::ZERO => "at the very end of the capture".into(),
        _ => format!("{span} before the end of the capture"),
    }
}

/// `10 of its 12 connections`, `its only connection`.
pub(super) fn of_its(group: &Group<'_>) -> String {
    match (group.members.len(), group.of) {
        (1, 1) => "its only connection".into(),
        (n, of) if of > 1 => format!("{} of its {} connections", thousands(n as u64), thousands(of)),
        (1, _) => "one connection".into(),
        (n, _) => connections(n),
    }
}

/// `1 connection`, `1,284 connections`; the plural is made with an s.
pub fn count(n: u64, what: &str) -> String {
    format!("{} {what}{}", thousands(n), if n == 1 { "" } else { "s" })
}

/// `3 connections`, `1 connection`.
pub(crate) fn connections(n: usize) -> String {
    count(n as u64, "connection")
}

/// `once`, `7 times`.
pub(crate) fn times(n: u64) -> String {
    if n == 1 { "once".into() } else { count(n, "time") }
}

/// Commands that list sockets on the host of `side`, per operating system: those of the listening port, or those that are
/// connected to the service.
pub(super) fn list_sockets(
    case: &Case<'_>,
    side: Side,
    state: SocketQuery,
) -> Vec<(String, &'static str, String)> {
    let host = case.endpoint(side).addr().to_string();
    let service = case.endpoint(case.roles.server());
    let (addr, port) = (service.addr(), service.port());
    let ss = match state {
        SocketQuery::CloseWait => "close-wait",
        SocketQuery::All => "all",
    };
    let (ss_filter, dotted, bsd, windows) = match side == case.roles.server() {
        true => (
            format!("'( sport = :{port} )'"),
            format!("'\\.{port} '"),
            format!("'[.]{port} '"),
            format!(":{port}"),
        ),
        false => (
            format!("dst {addr} '( dport = :{port} )'"),
            format!("'{addr}\\.{port} '"),
            format!("'{addr}[.]{port} '"),
            format!("{service}"),
        ),
    };
    vec![
        (host.clone(), "Linux", format!("ss -tanp state {ss} {ss_filter}")),
        (host.clone(), "Solaris", format!("netstat -an -P tcp | grep {dotted}  then  pfiles PID")),
        (
            host.clone(),
            "BSD",
            format!("netstat -an -p tcp | grep {bsd}  then  fstat / lsof -nP -iTCP:{port}"),
        ),
        (host, "Windows", format!("netstat -ano -p TCP | findstr {windows}")),
    ]
}

/// The same for sockets of Multipath TCP, which only Linux lists.
pub(super) fn list_multipath_sockets(case: &Case<'_>, side: Side) -> Vec<(String, &'static str, String)> {
    let service = case.endpoint(case.roles.server());
    let filter = match side == case.roles.server() {
        true => format!("'( sport = :{} )'", service.port()),
        false => format!("dst {} '( dport = :{} )'", service.addr(), service.port()),
    };
    let host = case.endpoint(side).addr().to_string();
    vec![(host, "Linux", format!("ss -Manp state close-wait {filter}"))]
}

/// Which sockets to list.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum SocketQuery {
    /// Those in CLOSE-WAIT.
    CloseWait,
    /// All.
    All,
}
