//! Silences that were not survived: the one judgement that the rules of single connections and the patterns over many
//! share. Which timer, host or link is behind them is not decided here.

use std::net::IpAddr;

use super::dead_after_idle::{DeadAfterIdle, is_long, waited};
use super::{Case, Sender};
use crate::tcp::{Connection, Outcome, Silence};
use crate::wire::{Side, Span, Stamp, Timestamp};

/// A silence after which the other side did not answer.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Broken {
    /// The silence and the segment that ended it.
    pub silence: Silence,
    /// What came back.
    pub how: How,
    /// When that was known: the last attempt, or the answer.
    pub until: Timestamp,
}

/// What came back to the segment that ended a silence.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum How {
    /// Nothing, however often it was repeated.
    Silent {
        /// Times sent.
        attempts: u16,
    },
    /// A RST that another machine than the other side sent, most likely a box on the path.
    ForeignReset(Stamp),
    /// A RST of the host, or of a box that cannot be told from it.
    OwnReset(Stamp),
    /// An ICMP error: a box on the path says by name that it refuses to pass this on.
    Quoted {
        /// When.
        seen: Stamp,
        /// The box.
        from: IpAddr,
    },
    /// An ICMP error: a router on the path cannot reach the other side.
    Unreachable {
        /// When.
        seen: Stamp,
        /// The router.
        from: IpAddr,
    },
}

impl Case<'_> {
    /// The silence that this connection did not survive; none while that is undecided.
    pub fn broken(&self) -> Option<Broken> {
        let (silence, outcome) = self.connection.silences()?.broken()?;
        if !is_long(self, &silence) {
            return None;
        }
        let peer = silence.by.peer();
        let (how, until) = match outcome {
            Outcome::Reset => {
                let rst = self.reset_after(&silence)?;
                let how = match self.reset_origin(peer)?.sender {
                    Sender::Box => How::ForeignReset(rst.seen),
                    Sender::Host | Sender::Unknown => How::OwnReset(rst.seen),
                };
                (how, rst.seen.at)
            }
            Outcome::Pending { attempts, last_attempt, heard } => {
                if let Some(quoted) = self.quoted(&silence) {
                    return Some(quoted);
                }
                let enough =
                    attempts >= DeadAfterIdle::ATTEMPTS && waited(self, &silence) >= DeadAfterIdle::OVER;
                if heard
                    || !enough
                    || self.connection.ended_by_rst(peer)
                    || self.answered_unseen(&silence, attempts)
                {
                    return None;
                }
                (How::Silent { attempts }, last_attempt)
            }
        };
        Some(Broken { silence, how, until })
    }

    /// Probes are alike whether they are answered or not. That nobody answers shows only in data that are sent again, or in
    /// the sender that gives up; where it goes on and on, or the other host is known to have spoken unseen since it was
    /// last heard, its direction may have left the capture.
    pub(super) fn answered_unseen(&self, silence: &Silence, attempts: u16) -> bool {
        let peer = silence.by.peer();
        let host = &self.hosts[peer.index()];
        let resumed = silence.resumed.at;
        let spoke =
            host.last.at <= resumed && host.unseen.is_some_and(|at| at > resumed) || self.unseen(peer) > 0;
        let vain = self.connection.stuck(silence.by).is_some() || self.connection.rst(silence.by).is_some();
        silence.probe && !vain && (spoke || attempts > MOST_PROBES)
    }

    fn quoted(&self, silence: &Silence) -> Option<Broken> {
        let error = self.connection.icmp(silence.by)?;
        let silence = *silence;
        let (seen, from) = (error.seen, error.from);
        let how = match error.is_refusal() {
            true => How::Quoted { seen, from },
            false => How::Unreachable { seen, from },
        };
        let said = error.seen.at >= silence.resumed.at && error.is_unreachable();
        said.then_some(Broken { silence, how, until: error.seen.at })
    }
}

/// No system gives a peer up later by itself: 9 probes on Linux, 8 on BSD, 10 on Windows.
const MOST_PROBES: u16 = 10;

/// The silence after which what was sent to `side` found nobody: no answer however often it was repeated, or a RST that came
/// another way than its own segments. Known of the connection alone, whatever else passed in the capture.
pub fn lost_toward(connection: &Connection, side: Side) -> Option<Span> {
    let (silence, outcome) =
        connection.silences()?.broken().filter(|(silence, _)| silence.by == side.peer())?;
    let lost = match outcome {
        Outcome::Pending { attempts, heard, .. } => {
            !heard && attempts >= DeadAfterIdle::ATTEMPTS && !connection.ended_by_rst(side)
        }
        Outcome::Reset => {
            let hop_limits = &connection.tallies[side.index()].hop_limits;
            connection.rst(side).is_some_and(|rst| hop_limits.iter().all(|own| own != rst.hop_limit))
        }
    };
    lost.then_some(silence.span())
}
