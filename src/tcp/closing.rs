//! The records of an ending: the first FIN and the first RST of a side, closed windows, what is stuck, ICMP errors.

use std::net::IpAddr;

use crate::wire::{SeqNum, Span, Stamp, TcpFlags, Timestamp};

/// The first FIN of one side, and what became of it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Fin {
    /// When it was first seen.
    pub seen: Stamp,
    /// The number after the FIN itself: what acknowledges it.
    pub end: SeqNum,
    /// The acknowledgment it carried, if any.
    pub ack: Option<SeqNum>,
    /// Payload octets of the peer that had passed before the peer acknowledged this FIN (before it was seen, while unacknowledged).
    pub peer_payload_before: u64,
    /// When it was last sent.
    pub last_sent: Stamp,
    /// The peer's first segment that acknowledges it.
    pub acked: Option<Stamp>,
    /// The peer's first empty segment that acknowledges it and stands right behind the peer's data. An empty segment
    /// carries SND.NXT (RFC 9293 §3.10.7.4), so the peer had sent no FIN when it sent this: it was in CLOSE-WAIT, even if
    /// a FIN of its own was lost before it was captured. A segment with data may be an old one sent again, and proves
    /// no such thing.
    pub close_wait: Option<Stamp>,
    /// The same for a peer of which no data were seen yet, with that segment's number: whether its data end there, only
    /// an earlier part of the capture can tell.
    pub(super) perhaps_close_wait: Option<(Stamp, SeqNum)>,
    /// The sender's payload when it was sent was later than the peer's: the peer still owed an answer.
    pub answer_owed: bool,
    /// The sender had itself acknowledged the peer's FIN before: it closed second (RFC 9293 §3.6, case 2).
    pub closes_second: bool,
    /// How often it was sent; a FIN sent again is known by its number, not by its packet.
    pub sent: u16,
    /// IPv4 identification it carried.
    pub ip_id: u16,
    /// Hop limit it arrived with.
    pub hop_limit: u8,
    /// It carried payload too.
    pub with_data: bool,
}

/// The first RST of one side.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Rst {
    /// When it was first seen.
    pub seen: Stamp,
    /// Its sequence number.
    pub seq: SeqNum,
    /// Its acknowledgment number, if the ACK bit was set.
    pub ack: Option<SeqNum>,
    /// SND.NXT of its sender as far as seen; none if the sender never spoke before.
    pub expected: Option<SeqNum>,
    /// The highest number its receiver had acknowledged.
    pub peer_ack: Option<SeqNum>,
    /// The peer's last segment before it, which most likely provoked it, and that segment's acknowledgment number.
    pub after: Option<(Stamp, SeqNum)>,
    /// Window field.
    pub window: u16,
    /// IPv4 identification.
    pub ip_id: u16,
    /// The last one of this side.
    pub last_sent: Stamp,
    /// How many RSTs this side sent.
    pub sent: u16,
    /// Hop limit it arrived with.
    pub hop_limit: u8,
    /// Control bits.
    pub flags: TcpFlags,
    /// It carried TCP options.
    pub has_options: bool,
    /// The sender had data of its peer on the wire that it never acknowledged.
    pub unread: bool,
}

/// A segment that one side sent at least [`Stuck::AFTER`] times again while its peer acknowledged nothing new.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Stuck {
    /// When its repetitions became too many for one loss.
    pub since: Stamp,
    /// When it was last sent.
    pub seen: Stamp,
    /// Its sequence number.
    pub seq: SeqNum,
    /// Its payload, octets.
    pub len: u32,
    /// Another one was stuck before it: if it was stuck before that too, then it began anew here.
    pub(super) after_another: bool,
}

impl Stuck {
    /// `self` was seen before; of the same segment the earlier beginning stays.
    pub(super) fn then(self, again: Stuck) -> Stuck {
        if self.seq == again.seq && !again.after_another {
            Stuck { seen: again.seen, len: again.len, ..self }
        } else {
            Stuck { after_another: true, ..again }
        }
    }

    /// Repetitions in a row that are no longer one loss.
    pub const AFTER: u8 = 3;
}

/// Spells in which one side announced a window of zero.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct ZeroWindow {
    /// Running: since when the window is closed, if it is.
    pub since: Option<Stamp>,
    /// Spells begun.
    pub spells: u32,
    /// The longest spell that ended, and the frame that began it.
    pub longest: Span,
    /// The frame that began the longest spell.
    pub longest_from: Stamp,
    /// Running: the open spell had begun when the sums began at nothing.
    pub(super) inherited: bool,
    /// When that spell ended: who knows its beginning can tell its length.
    pub(super) inherited_end: Option<Timestamp>,
}

impl ZeroWindow {
    pub(super) fn closed(&mut self, seen: Stamp) {
        if self.since.is_none() {
            self.since = Some(seen);
            self.spells = self.spells.saturating_add(1);
        }
    }

    pub(super) fn opened(&mut self, at: Timestamp) {
        if let Some(since) = self.since.take() {
            if self.inherited {
                self.inherited = false;
                self.inherited_end = Some(at);
                return;
            }
            let span = at - since.at;
            if span > self.longest {
                self.longest = span;
                self.longest_from = since;
            }
        }
    }

    /// The same with nothing counted: only the open spell.
    pub(super) fn running(&self) -> ZeroWindow {
        ZeroWindow { since: self.since, inherited: self.since.is_some(), ..ZeroWindow::default() }
    }

    /// These, then what was counted on from [`ZeroWindow::running`].
    pub(super) fn then(&self, rest: &ZeroWindow) -> ZeroWindow {
        let mut all = *self;
        if let Some(end) = rest.inherited_end {
            all.opened(end);
        }
        all.since = if rest.inherited { all.since.or(rest.since) } else { rest.since };
        all.inherited &= rest.inherited;
        all.spells = all.spells.saturating_add(rest.spells);
        if rest.longest > all.longest {
            all.longest = rest.longest;
            all.longest_from = rest.longest_from;
        }
        all
    }
}

/// The first ICMP error that quoted a segment of one side: some box on the path speaks.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct IcmpError {
    /// When it was seen.
    pub seen: Stamp,
    /// Who sent it.
    pub from: IpAddr,
    /// ICMP or ICMPv6 type.
    pub kind: u8,
    /// ICMP or ICMPv6 code.
    pub code: u8,
    /// How many were seen.
    pub count: u16,
}

impl IcmpError {
    /// The quoted segment was not passed on (RFC 792 type 3, RFC 4443 type 1), and not merely for being too long.
    pub fn is_unreachable(&self) -> bool {
        const FRAGMENTATION_NEEDED: u8 = 4;
        match self.from {
            IpAddr::V4(_) => self.kind == 3 && self.code != FRAGMENTATION_NEEDED,
            IpAddr::V6(_) => self.kind == 1,
        }
    }

    /// A filter refuses it: prohibited by policy, or *port unreachable*, which is no host's answer to TCP but the usual one
    /// of a packet filter. Any other unreachable network or host is one that cannot be reached (RFC 1812 §5.2.7.1).
    pub fn is_refusal(&self) -> bool {
        self.is_unreachable()
            && match self.from {
                IpAddr::V4(_) => matches!(self.code, 2 | 3 | 9 | 10 | 13),
                IpAddr::V6(_) => matches!(self.code, 1 | 4 | 5 | 6),
            }
    }
}
