//! The scene: the judged capture, and what several patterns want to know of it, worked out once: the silences that
//! were not survived, and which of them are no witness for a timer.

use std::collections::{HashMap, HashSet};
use std::net::IpAddr;

use super::curve::{Spell, Waiting, spells};
use super::idle_close::{IdleCloses, idle_closes};
use super::outage::{Outage, outages};
use super::translated::copies;
use crate::analysis::{Judged, Outcome};
use crate::findings::{Broken, How};
use crate::tcp::{Clock, Connection};
use crate::wire::{Endpoint, Side, Span, Timestamp};

/// A judged capture, seen as a whole.
pub struct Scene<'a> {
    /// The judged capture.
    pub outcome: &'a Outcome,
    /// `--limit`: more connections than this in CLOSE-WAIT at one place are an error.
    pub limit: Option<u64>,
    pub(super) failures: Vec<Failure>,
    pub(super) outages: Vec<Outage>,
    pub(super) idle_closes: HashMap<Endpoint, IdleCloses>,
    /// Connections that are there twice, before and after their addresses were translated.
    pub(super) copies: Vec<[usize; 2]>,
    /// In order of time.
    pub(super) spells: Vec<Spell>,
    /// Of each host: lives that are known to have had no long pause on its side, the least paused first.
    steady: HashMap<IpAddr, Vec<Steady>>,
}

/// A silence that one connection did not survive.
#[derive(Clone, Copy, Debug)]
pub(super) struct Failure {
    /// The connection, by its place in the outcome.
    pub(super) member: usize,
    pub(super) broken: Broken,
    /// The host that did not answer.
    pub(super) toward: IpAddr,
    /// Why it is no witness.
    pub(super) void: Option<Void>,
}

/// Why a silence that was not survived says nothing of a timer.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(super) enum Void {
    /// The RST is the host's own, or may be.
    OwnReset,
    /// The host has forgotten a connection by itself elsewhere in this capture.
    PeerForgot,
    /// Everything towards the host failed together.
    Outage,
    /// A router could not reach it.
    Unreachable,
    /// The host was not heard again on any connection.
    NotHeardAgain,
    /// The host is a client, and was not heard for a while: laptops sleep, telephones are out of reach.
    MayBeAway,
    /// The capture lost packets meanwhile.
    Drops,
    /// Segments of it were acknowledged that the capture does not show.
    Incomplete,
    /// The service's own idle limit had come; its FIN went unanswered.
    IdleClose,
    /// The connection is older than the capture, and the other side did nothing but acknowledge: it may have sent its FIN
    /// before, and then a shorter timer runs.
    FinBefore,
}

impl Void {
    /// Completes *3 more are left out:*.
    pub(super) fn why(self) -> &'static str {
        match self {
            Void::OwnReset => "the RST is the host's own, or cannot be told from it",
            Void::PeerForgot => "their host has forgotten connections by itself",
            Void::Outage => "connections to that host failed together whatever their silence",
            Void::Unreachable => "a router reported their host unreachable",
            Void::NotHeardAgain => "their host was not heard again at all",
            Void::MayBeAway => {
                "their host, a client, was heard nowhere within a minute: it may have been away"
            }
            Void::Drops => "the capture lost packets meanwhile",
            Void::Incomplete => "the capture lacks segments of them",
            Void::IdleClose => "the service's own idle limit had come",
            Void::FinBefore => "one side may have sent its FIN before the capture began",
        }
    }
}

/// A connection on which one side was heard all the time, with pauses of at most so long.
#[derive(Clone, Copy, Debug)]
struct Steady {
    pause: Span,
    from: Timestamp,
    upto: Timestamp,
}

impl<'a> Scene<'a> {
    /// Of a judged capture.
    pub fn new(outcome: &'a Outcome, limit: Option<u64>) -> Scene<'a> {
        let mut scene = Scene {
            outcome,
            limit,
            failures: Vec::new(),
            outages: Vec::new(),
            idle_closes: idle_closes(outcome),
            copies: copies(outcome),
            spells: spells(outcome),
            steady: steady(outcome),
        };
        scene.failures = scene.all_failures();
        scene.outages = outages(&scene);
        scene.void();
        scene
    }

    /// The connection at that place.
    pub(super) fn judged(&self, member: usize) -> &'a Judged {
        &self.outcome.connections[member]
    }

    /// Whether that host was heard on some connection between these moments.
    pub(super) fn heard(&self, host: IpAddr, from: Timestamp, upto: Timestamp) -> bool {
        let fits = |life: &&Steady| life.from <= from && life.upto >= upto && life.pause < upto - from;
        self.outcome.heard.get(&host).is_some_and(|heard| heard.between(from, upto))
            || self.steady.get(&host).is_some_and(|lives| lives.iter().any(|life| fits(&life)))
    }

    /// When a host was heard for the last time.
    pub(super) fn last_heard(&self, host: IpAddr) -> Timestamp {
        self.outcome.hosts.get(&host).map_or(Timestamp(i64::MIN), |host| host.last.at)
    }

    /// Whether the capture says that it lost packets between these moments, or a part of it could not be read.
    pub(super) fn dropped_between(&self, from: Timestamp, upto: Timestamp) -> bool {
        let events = &self.outcome.capture.drop_events;
        let next = events.partition_point(|&(at, _)| at < from);
        events.get(next).is_some_and(|&(at, _)| at <= upto)
            || self.outcome.capture.unreadable_between(from, upto)
    }

    /// The capture lost packets, and does not say when.
    pub(super) fn drops_at_unknown_times(&self) -> bool {
        let capture = &self.outcome.capture;
        capture.drop_events.is_empty() && capture.drops.is_some_and(|drops| drops > 0)
    }

    /// Whether a socket stayed in CLOSE-WAIT for too long, by the rules; others are closing, or in use half-closed.
    pub(super) fn is_stuck(&self, spell: &Spell) -> bool {
        const STUCK: [&str; 5] =
            ["missing-fin", "missing-data-fin", "late-fin", "close-wait-aborted", "late-answer"];
        let findings = &self.judged(spell.member).verdict.findings;
        spell.state == Waiting::CloseWait
            && findings.iter().any(|finding| STUCK.contains(&finding.name))
            && findings.iter().all(|finding| finding.name != "half-close-in-use")
    }

    /// The end of the capture.
    pub(super) fn end(&self) -> Timestamp {
        self.outcome.capture.last.at
    }

    /// `stream 17, frame 4211`, or the frame alone where stream numbers mean nothing.
    pub(super) fn frame(&self, member: usize, frame: u64) -> String {
        match self.judged(member).connection.stream {
            Connection::NO_STREAM => format!("frame {frame}"),
            _ if self.outcome.inputs.len() > 1 => format!("frame {frame}"),
            stream => format!("stream {stream}, frame {frame}"),
        }
    }

    /// `09:12:44 UTC`, with the date where the capture is longer than a day.
    pub(super) fn time(&self, at: Timestamp) -> String {
        let long = self.outcome.capture.duration() > Span::secs(86_400);
        if !at.is_dated() {
            return crate::findings::words::clock(at);
        }
        let format = if long { "%Y-%m-%d %H:%M:%S UTC" } else { "%H:%M:%S UTC" };
        let at = jiff::Timestamp::from_nanosecond(i128::from(at.0)).unwrap_or_default();
        at.strftime(format).to_string()
    }

    /// The client's address and the service.
    pub(super) fn path(&self, member: usize) -> (IpAddr, Endpoint) {
        let judged = self.judged(member);
        let key = &judged.connection.key;
        (key.endpoint(judged.roles.client).addr(), key.endpoint(judged.roles.server()))
    }

    fn all_failures(&self) -> Vec<Failure> {
        let failures = self.outcome.connections.iter().enumerate().filter_map(|(member, judged)| {
            let broken = self.outcome.case(judged).broken()?;
            let peer = broken.silence.by.peer();
            let toward = judged.connection.key.endpoint(peer).addr();
            let void = matches!(broken.how, How::OwnReset(_)).then_some(Void::OwnReset);
            Some(Failure { member, broken, toward, void })
        });
        failures.collect()
    }

    fn void(&mut self) {
        let forgetful: HashSet<IpAddr> = self
            .failures
            .iter()
            .filter(|failure| failure.void == Some(Void::OwnReset) && !failure.broken.silence.after_fin)
            .map(|failure| failure.toward)
            .collect();
        let together: HashSet<usize> =
            self.outages.iter().flat_map(|outage| outage.failures.iter().copied()).collect();
        for at in 0..self.failures.len() {
            let failure = self.failures[at];
            let silence = failure.broken.silence;
            let began = silence.resumed.at - silence.span();
            let silent = matches!(failure.broken.how, How::Silent { .. });
            let void = match () {
                _ if failure.void.is_some() => failure.void,
                _ if together.contains(&at) => Some(Void::Outage),
                _ if matches!(failure.broken.how, How::Unreachable { .. }) => Some(Void::Unreachable),
                _ if silent && forgetful.contains(&failure.toward) => Some(Void::PeerForgot),
                _ if silent && self.last_heard(failure.toward) <= silence.resumed.at => {
                    Some(Void::NotHeardAgain)
                }
                _ if silent && self.may_be_away(&failure) => Some(Void::MayBeAway),
                _ if self.dropped_between(began, failure.broken.until) => Some(Void::Drops),
                _ if self.lacks_segments(&failure) => Some(Void::Incomplete),
                _ if !silence.after_fin && self.fin_may_be_before(&failure) => Some(Void::FinBefore),
                _ if silent && self.at_idle_limit(&failure) => Some(Void::IdleClose),
                _ => None,
            };
            self.failures[at].void = void;
        }
    }

    /// Whether something of it was acknowledged that the capture does not show.
    fn lacks_segments(&self, failure: &Failure) -> bool {
        let tallies = &self.judged(failure.member).connection.tallies;
        tallies.iter().any(|tally| tally.acked_unseen > 0)
    }

    /// Whether the side that did not answer may have sent its FIN before the capture began.
    fn fin_may_be_before(&self, failure: &Failure) -> bool {
        let connection = &self.judged(failure.member).connection;
        connection.midstream() && !connection.halves[failure.broken.silence.by.peer().index()].has_payload()
    }

    /// Whether the host that did not answer is a client of which nothing was heard on any connection meanwhile.
    fn may_be_away(&self, failure: &Failure) -> bool {
        const ASLEEP: Span = Span::secs(60);
        let asked = failure.broken.silence.resumed.at;
        let (client, _) = self.path(failure.member);
        failure.toward == client && !self.heard(client, asked, failure.broken.until.max(asked + ASLEEP))
    }

    fn at_idle_limit(&self, failure: &Failure) -> bool {
        let (_, service) = self.path(failure.member);
        self.idle_closes.get(&service).is_some_and(|closes| closes.members.contains(&failure.member))
    }
}

/// Hosts that were heard all along some connection: no repetition went unanswered there, nothing blurs its silences, so
/// its longest silence bounds every pause of either side.
fn steady(outcome: &Outcome) -> HashMap<IpAddr, Vec<Steady>> {
    const LIVES: usize = 64;
    let least_paused = |lives: &mut Vec<Steady>| {
        lives.sort_unstable_by_key(|life| (life.pause, life.from, life.upto));
        lives.truncate(LIVES);
    };
    let mut all: HashMap<IpAddr, Vec<Steady>> = HashMap::new();
    for judged in &outcome.connections {
        let connection = &judged.connection;
        let Some(silences) = connection.silences() else { continue };
        let Some(longest) = silences.survived(Clock::Any) else { continue };
        let retransmissions = connection.tallies.iter().any(|tally| tally.retransmissions > 0);
        if silences.blurred_count > 0 || silences.broken().is_some() || retransmissions {
            continue;
        }
        for side in Side::BOTH {
            let upto = connection.halves[side.index()].last.at;
            let life = Steady { pause: longest.span + Span::secs(1), from: connection.first.at, upto };
            let lives = all.entry(connection.key.endpoint(side).addr()).or_default();
            lives.push(life);
            if lives.len() >= 2 * LIVES {
                least_paused(lives);
            }
        }
    }
    all.values_mut().for_each(least_paused);
    all
}
