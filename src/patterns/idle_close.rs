//! Services that close idle connections themselves: silences that end with their FIN, always after about the same time.

use std::collections::{BTreeMap, HashMap, HashSet};

use super::constancy::Constant;
use crate::analysis::Outcome;
use crate::tcp::{Clock, Connection};
use crate::wire::{Endpoint, Side, Span, Stamp};

/// The idle limit of one service, as its FINs show it.
#[derive(Clone, Debug)]
pub(super) struct IdleCloses {
    /// The silences.
    pub(super) limit: Constant,
    /// The closes, in time order: connection, FIN, silence.
    pub(super) closes: Vec<(usize, Stamp, Span)>,
    /// The connections.
    pub(super) members: HashSet<usize>,
}

/// Of every service that has such a limit: three or more silences of nearly the same length.
pub(super) fn idle_closes(outcome: &Outcome) -> HashMap<Endpoint, IdleCloses> {
    let mut closes: BTreeMap<Endpoint, Vec<(usize, Stamp, Span)>> = BTreeMap::new();
    for (member, judged) in outcome.connections.iter().enumerate() {
        let server = judged.roles.server();
        if let Some((fin, span)) = closed_after_silence(&judged.connection, server) {
            closes.entry(judged.connection.key.endpoint(server)).or_default().push((member, fin, span));
        }
    }
    let constant = |(service, closes)| Some((service, constant(closes)?));
    let constant: HashMap<_, _> = closes.into_iter().filter_map(constant).collect();
    let dropped = dropped_everything(outcome, &constant);
    constant.into_iter().filter(|(service, _)| !dropped.contains(service)).collect()
}

/// Services that closed all of it at one moment, and at that moment ended other connections, too: a restart does that.
/// Equal silences then only show that they had begun together.
fn dropped_everything(outcome: &Outcome, closes: &HashMap<Endpoint, IdleCloses>) -> HashSet<Endpoint> {
    let moment = Span::secs(1);
    let dropped = outcome.connections.iter().enumerate().filter_map(|(member, judged)| {
        let server = judged.roles.server();
        let connection = &judged.connection;
        let service = connection.key.endpoint(server);
        let IdleCloses { closes, members, .. } = closes.get(&service)?;
        let ((_, first, _), (_, last, _)) = (closes.first()?, closes.last()?);
        let fin = connection.fin(server).map(|fin| fin.seen);
        let rst = connection.rst(server).map(|rst| rst.seen);
        let mut ends = [fin, rst].into_iter().flatten();
        let ended_too = last.at - first.at < moment
            && !members.contains(&member)
            && ends.any(|end| end.at + moment >= first.at && last.at + moment >= end.at);
        ended_too.then_some(service)
    });
    dropped.collect()
}

fn constant(mut closes: Vec<(usize, Stamp, Span)>) -> Option<IdleCloses> {
    let limit = Constant::of(closes.iter().map(|&(_, _, span)| span))?;
    closes.sort_unstable_by_key(|&(_, fin, _)| fin.frame);
    let members = closes.iter().map(|&(member, ..)| member).collect();
    Some(IdleCloses { limit, closes, members })
}

/// The first FIN, if that side sent it into a silence, and how long the silence was. Keep-alives do not break it, and a
/// farewell just before the FIN (an alert of TLS, say) belongs to the FIN.
fn closed_after_silence(connection: &Connection, side: Side) -> Option<(Stamp, Span)> {
    let fin = connection.fin(side)?;
    if fin.closes_second || connection.fin(side.peer()).is_some_and(|other| other.seen.frame < fin.seen.frame)
    {
        return None;
    }
    let silences = connection.silences()?;
    let [own, other] = [side, side.peer()].map(|side| &connection.halves[side.index()]);
    let survived = [Clock::Payload, Clock::Any].into_iter().filter_map(|clock| silences.survived(clock));
    let mut survived = survived.filter(|witness| {
        let farewell = own.has_payload()
            && own.last_payload_at == witness.at
            && fin.seen.at - witness.at <= Span::secs(1)
            && !(other.has_payload() && other.last_payload_at >= witness.at);
        witness.to_frame == fin.seen.frame || farewell
    });
    let pending = silences.broken().filter(|(silence, _)| silence.resumed.frame == fin.seen.frame);
    let span = survived.next().map(|witness| witness.span);
    span.or(pending.map(|(silence, _)| silence.spans[Clock::Payload as usize])).map(|span| (fin.seen, span))
}
