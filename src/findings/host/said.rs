//! What the host's records add to the words of any finding: in which state its sockets are, and who holds them.

use std::collections::BTreeMap;

use super::super::{Group, is_owed};
use crate::sockets::{Process, SocketState};

/// Processes and how many sockets of a group each holds, the most first; an empty name: nobody.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Holders(pub Vec<(String, u64)>);

/// `python3 (pid 4828)`, `7 by python3 (pid 4828), 3 by no process`.
impl std::fmt::Display for Holders {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let name = |name: &str| if name.is_empty() { "no process".to_owned() } else { name.to_owned() };
        if let [(only, _)] = self.0.as_slice() {
            return f.write_str(&name(only));
        }
        let all: Vec<_> = self.0.iter().take(4).map(|(who, n)| format!("{n} by {}", name(who))).collect();
        f.write_str(&all.join(", "))?;
        if self.0.len() > all.len() { write!(f, " and {} more", self.0.len() - all.len()) } else { Ok(()) }
    }
}

/// Who holds the sockets of a group at the side at fault; none where no listing tells.
pub fn holders(group: &Group<'_>) -> Option<Holders> {
    let mut count: BTreeMap<String, u64> = BTreeMap::new();
    for (case, finding) in &group.members {
        let side = finding.side.unwrap_or(case.roles.server());
        if let Some(owners) = case.listed(side).owners() {
            *count.entry(names(owners)).or_default() += 1;
        }
    }
    let mut all: Vec<_> = count.into_iter().collect();
    all.sort_by_key(|(_, n)| std::cmp::Reverse(*n));
    (!all.is_empty()).then_some(Holders(all))
}

/// `python3 (pid 4828)`; several processes of one socket joined.
fn names(owners: &[Process]) -> String {
    let mut names: Vec<String> = owners
        .iter()
        .map(|owner| match (owner.name.as_deref(), owner.pid) {
            (Some(name), Some(pid)) => format!("{name} (pid {pid})"),
            (Some(name), None) => name.to_owned(),
            (None, Some(pid)) => format!("pid {pid}"),
            (None, None) => "a process".to_owned(),
        })
        .collect();
    names.sort();
    names.dedup();
    names.join(" + ")
}

/// `its socket table (ss.txt at 04:35:51 UTC) lists 10 of 10 in CLOSE-WAIT, held by python3 (pid 4828)`, and whether that
/// speaks for a finding of that name; none where no listing says anything.
pub fn says(group: &Group<'_>, name: &str) -> Option<(String, bool)> {
    let mut states: BTreeMap<String, u64> = BTreeMap::new();
    let mut latest = None;
    for (case, finding) in &group.members {
        let side = finding.side.unwrap_or(case.roles.server());
        let Some(last) = case.listed(side).last() else { continue };
        *states.entry(last.socket.state.to_string()).or_default() += 1;
        latest = latest.max(Some((last.look.at, last.place())));
    }
    let (_, place) = latest?;
    let of = group.members.len();
    // A listing made after the capture's end does not contradict it, but it is no reason either.
    let speaks_for = !is_owed(name) || states.contains_key(&SocketState::CloseWait.to_string());
    let states: Vec<_> = states.iter().map(|(state, n)| format!("{n} of {of} in {state}")).collect();
    let held = holders(group).map(|holders| format!(", held by {holders}")).unwrap_or_default();
    Some((format!("its socket table ({place}) lists {}{held}", states.join(", ")), speaks_for))
}
