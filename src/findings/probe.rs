//! `probe`: nothing was said. Its maker reset it at once (a health check, a scan), or sent what no stack sends (a scan).

use super::words;
use super::{Answer, Case, Finding, Group, Rule, Scope, Severity, Weight, Words};
use crate::tcp::Rst;
use crate::wire::{SeqNum, Side, TcpFlags};

pub(super) struct Probe;

impl Rule for Probe {
    fn name(&self) -> &'static str {
        "probe"
    }

    fn scope(&self) -> Scope {
        Scope::Client
    }

    fn judge(&self, case: &Case<'_>) -> Answer {
        let connection = case.connection;
        let client = case.roles.client;
        let silent = Side::BOTH.into_iter().all(|side| !connection.halves[side.index()].has_payload());
        let no_fin = Side::BOTH.into_iter().all(|side| connection.fin(side).is_none());
        if let Some(side) = Side::BOTH.into_iter().find(|&side| crafted(case, side)) {
            let finding = Finding::new(self.name(), Some(side), Weight::Fixed(Severity::Note));
            return Answer::found(
                finding
                    .shows(connection.first, "no SYN, no ACK: no stack sends that (FIN, Xmas or null scan)"),
            );
        }
        if connection.opener().is_none() || !silent || !no_fin || !connection.ended_by_rst(client) {
            return Answer::No("its maker did not reset it before anything was said");
        }
        if connection.rst(client).is_some_and(|rst| said_before(case, client, rst)) {
            return Answer::No("its RST stands behind octets that were not captured");
        }
        let finding = Finding::new(self.name(), Some(client), Weight::Fixed(Severity::Note));
        let finding = finding.shows(connection.first, "SYN");
        match connection.rst(client) {
            Some(rst) => Answer::found(finding.shows(rst.seen, "RST of the client, nothing was said")),
            None => Answer::found(finding),
        }
    }

    fn words(&self, group: &Group<'_>) -> Words {
        let (case, finding) = group.members[0];
        let odd = finding.side.is_some_and(|side| crafted(case, side));
        let (does, what) = match odd {
            true => {
                ("sends what belongs to no connection", "carried segments with neither SYN nor ACK: a scan")
            }
            false => ("opens and resets without a word", "carried nothing: a health check or a scan"),
        };
        Words {
            headline: format!("{} {does}", group.place),
            says: format!("{} of it {what}.", words::connections(group.members.len())),
            advice: Vec::new(),
            next: Vec::new(),
        }
    }
}

/// The numbers of the RST show that data passed, one way or the other, though none were captured.
fn said_before(case: &Case<'_>, client: Side, rst: &Rst) -> bool {
    let beyond = |number: Option<SeqNum>, side| {
        number.zip(case.connection.isn(side)).is_some_and(|(number, isn)| number.after(isn + 1))
    };
    beyond(Some(rst.seq), client) || beyond(rst.ack, client.peer())
}

/// Only segments that no connection can hold: every one but a SYN or RST carries an ACK (RFC 9293 §3.10.7.4).
fn crafted(case: &Case<'_>, side: Side) -> bool {
    let half = &case.connection.halves[side.index()];
    half.spoke() && !half.flags.any(TcpFlags::SYN | TcpFlags::ACK | TcpFlags::RST) && !case.made()
}
