//! What is known of a connection, for those who ask.

use super::{Connection, stored_us};
use crate::tcp::closing::{Fin, IcmpError, Rst, Stuck, ZeroWindow};
use crate::tcp::silence::Silences;
use crate::wire::{SeqNum, Side, Span, Stamp, TcpFlags};

impl Connection {
    /// Whether nothing was seen yet.
    #[inline]
    pub fn is_empty(&self) -> bool {
        !self.halves[0].spoke() && !self.halves[1].spoke()
    }

    /// The last segment of either side, RSTs included.
    pub fn last(&self) -> Stamp {
        let last = self.halves[0].last.max_frame(self.halves[1].last).max_frame(self.first);
        if self.bits & Connection::HAS_RST == 0 {
            debug_assert!(Side::BOTH.into_iter().all(|side| self.rst(side).is_none()));
            return last;
        }
        let resets = Side::BOTH.into_iter().filter_map(|side| self.rst(side)).map(|rst| rst.last_sent);
        resets.fold(last, Stamp::max_frame)
    }

    /// Who sent the first SYN, or was answered by a SYN-ACK; none in a connection that began before the capture.
    pub fn opener(&self) -> Option<Side> {
        match self.bits & Connection::OPENED {
            Connection::OPENED_BY_LO => Some(Side::Lo),
            Connection::OPENED_BY_HI => Some(Side::Hi),
            _ => None,
        }
    }

    /// Whether a segment that follows the handshake was seen of the opener, or shown by the other side to have arrived;
    /// or the capture began after it.
    pub fn established(&self) -> bool {
        self.bits & Connection::ESTABLISHED != 0
    }

    /// Whether it was retired before it was over, for the memory limit, so that what became of it is not known. Said
    /// once: afterwards it is a connection like others.
    pub fn take_given_up(&mut self) -> bool {
        let given_up = self.bits & Connection::GIVEN_UP != 0;
        self.bits &= !Connection::GIVEN_UP;
        given_up
    }

    /// Nothing shows that it was ever more than an attempt to connect: no answer, or a refusal.
    pub fn is_attempt(&self) -> bool {
        !self.established() && !self.midstream()
    }

    /// The SYN was not seen: the connection is older than the capture.
    pub fn midstream(&self) -> bool {
        !(self.halves[0].flags | self.halves[1].flags).any(TcpFlags::SYN)
    }

    /// SYN and FIN came in one segment.
    pub fn syn_fin(&self) -> bool {
        self.bits & Connection::SYN_FIN != 0
    }

    /// Another connection with the same addresses and ports began while this one was not over.
    pub fn replaced(&self) -> bool {
        self.bits & Connection::REUSED != 0
    }

    /// Parts of a capture were joined in a way that leaves retransmission and silence counts approximate.
    pub fn counts_are_about(&self) -> bool {
        self.bits & Connection::ABOUT != 0
    }

    /// The initial sequence number of a side whose SYN was seen.
    pub fn isn(&self, side: Side) -> Option<SeqNum> {
        let synchronised = self.halves[side.index()].synchronised();
        synchronised.then_some(self.tallies[side.index()].isn)
    }

    /// The first FIN of that side.
    pub fn fin(&self, side: Side) -> Option<&Fin> {
        self.extra.as_ref()?.fin[side.index()].as_deref()
    }

    /// The first RST of that side.
    pub fn rst(&self, side: Side) -> Option<&Rst> {
        self.extra.as_ref()?.rst[side.index()].as_deref()
    }

    /// Whether a RST of that side was acceptable, so that it ended the connection (RFC 9293 §3.5.3).
    pub fn ended_by_rst(&self, side: Side) -> bool {
        self.bits & [Connection::RST_BY_LO, Connection::RST_BY_HI][side.index()] != 0
    }

    /// Silences of a second or more.
    pub fn silences(&self) -> Option<&Silences> {
        self.extra.as_ref()?.silences.as_deref()
    }

    /// Closed windows announced by that side.
    pub fn zero_window(&self, side: Side) -> Option<&ZeroWindow> {
        self.extra.as_ref()?.zero.as_ref().map(|zero| &zero[side.index()])
    }

    /// The segment that this side repeats at the end, without its peer acknowledging any of it.
    pub fn stuck(&self, side: Side) -> Option<&Stuck> {
        let stuck = self.extra.as_ref()?.stuck[side.index()].as_deref()?;
        let peer = &self.halves[side.peer().index()];
        (peer.has_ack() && !peer.ack.after(stuck.seq)).then_some(stuck)
    }

    /// The first ICMP error that quoted a segment of that side.
    pub fn icmp(&self, side: Side) -> Option<&IcmpError> {
        self.extra.as_ref()?.seldom.as_ref()?.icmp[side.index()].as_ref()
    }

    /// Time from SYN to SYN-ACK: the round trip from the capture point to the responder.
    pub fn responder_rtt(&self) -> Option<Span> {
        stored_us(self.responder_rtt_us)
    }

    /// Time from SYN-ACK to ACK: the round trip from the capture point to the originator.
    pub fn originator_rtt(&self) -> Option<Span> {
        stored_us(self.originator_rtt_us)
    }

    /// The handshake's round trip over the whole path.
    pub fn rtt(&self) -> Option<Span> {
        Some(self.responder_rtt()? + self.originator_rtt()?)
    }

    /// From the first frame to the first payload of that side.
    pub fn first_payload_after(&self, side: Side) -> Option<Span> {
        stored_us(self.tallies[side.index()].first_payload_us)
    }

    /// The longest time from the last payload of one side to the first payload of the other.
    pub fn longest_answer(&self) -> Option<Span> {
        stored_us(self.longest_answer_us)
    }

    /// Payload that side sent after it had acknowledged its peer's FIN; none if all of it was only sent again, which the
    /// FIN itself had acknowledged.
    pub fn payload_after_peer_fin(&self, side: Side) -> u64 {
        let half = &self.halves[side.index()];
        match self.fin(side.peer()) {
            Some(fin) if fin.ack.is_some_and(|ack| !half.data_end.after(ack)) => 0,
            Some(fin) => half.payload.saturating_sub(fin.peer_payload_before),
            None => 0,
        }
    }

    /// That side had sent its FIN before it was first captured: the segments with which it acknowledged its peer's stood one
    /// past its data already, and none of its data are missing that could be that one.
    pub fn sent_its_fin_before(&self, side: Side) -> bool {
        let (Some(own), Some(peer)) = (self.fin(side), self.fin(side.peer())) else { return false };
        let half = &self.halves[side.index()];
        // An empty segment of CLOSE-WAIT stands right behind the data.
        peer.acked.is_some_and(|acked| acked.frame < own.seen.frame)
            && peer.close_wait.is_none()
            && half.payload == peer.peer_payload_before
            && half.is_anchored()
            && half.data_end + 1 == own.end
    }

    /// How much further that side's FIN stands than what its peer's FIN acknowledged.
    pub fn octets_between_fins(&self, side: Side) -> u64 {
        let end = self.fin(side).map(|fin| fin.end - 1);
        let taken = self.fin(side.peer()).and_then(|fin| fin.ack);
        end.zip(taken).map_or(0, |(end, taken)| u64::try_from(end - taken).unwrap_or(0))
    }

    /// Both FINs were acknowledged.
    #[inline]
    pub fn closed_by_both(&self) -> bool {
        self.bits & Connection::CLOSED_ORDERLY != 0
    }

    /// Whether the connection has ended: both FINs acknowledged, or an acceptable RST.
    #[inline]
    pub fn is_over(&self) -> bool {
        self.bits & (Connection::CLOSED_ORDERLY | Connection::RESETS) != 0
    }

    /// Whether a FIN or an acceptable RST was seen.
    pub(in crate::tcp) fn has_ending(&self) -> bool {
        self.bits & (Connection::HAS_FIN | Connection::RESETS) != 0
    }
}
