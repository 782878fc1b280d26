//! One connection: the facts, and how a segment changes them.

use super::closing::{Fin, IcmpError, Rst, Stuck, ZeroWindow};
use super::half::{Half, Tally};
use super::history::{History, Letter};
use super::join::{Head, micros};
use super::silence::{Silence, Silences};
use crate::wire::{FlowKey, Segment, SeqNum, Side, Span, Stamp, TcpFlags, Timestamp};

/// Everything seen of one connection: 288 bytes, and [`Extra`] once a FIN, RST or long silence passed.
///
/// Per side, index by [`Side::index`]. Which fact combines how is written in the fact table of the crate's front page.
#[derive(Clone, PartialEq, Eq, Debug)]
#[repr(C)]
pub struct Connection {
    /// The running lines.
    pub halves: [Half; 2],
    /// Addresses and ports.
    pub key: FlowKey,
    /// Zeek's history.
    pub history: History,
    pub(super) bits: u32,
    /// The longest time from the last payload of one side to the first payload of the other, microseconds plus one; 0 none.
    pub(super) longest_answer_us: u32,
    /// Wireshark's stream number as counted by the table; [`Connection::NO_STREAM`] if unknown.
    pub stream: u32,
    /// FIN, RST, silences, closed windows; nothing of these on a connection that is merely open.
    pub extra: Option<Box<Extra>>,
    /// The rarer counters.
    pub tallies: [Tally; 2],
    /// The first segment.
    pub first: Stamp,
    /// SYN to SYN-ACK, microseconds plus one; 0 unknown.
    pub(super) responder_rtt_us: u32,
    /// SYN-ACK to ACK, microseconds plus one; 0 unknown.
    pub(super) originator_rtt_us: u32,
}

/// What most open connections have none of. Each part has a box of its own, so that the first FIN, say, costs 256 octets
/// rather than room for everything.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Extra {
    /// First FIN of each side.
    pub fin: [Option<Box<Fin>>; 2],
    /// First RST of each side.
    pub rst: [Option<Box<Rst>>; 2],
    /// Silences of a second or more.
    pub silences: Option<Box<Silences>>,
    /// Closed windows of each side.
    pub zero: Option<Box<[ZeroWindow; 2]>>,
    /// The segment that each side last sent again and again.
    pub stuck: [Option<Box<Stuck>>; 2],
    /// The first ICMP error that quoted a segment of each side.
    pub icmp: Option<Box<[Option<IcmpError>; 2]>>,
    /// Fingerprints of the last segments, once frames captured twice were seen.
    pub(super) recent: Option<Box<Recent>>,
    /// The first segments, in a part of a capture that has predecessors.
    pub(super) head: Option<Box<Head>>,
    /// The first empty segments of each side after the head was full.
    pub(super) empties: Option<Box<[Empties; 2]>>,
}

/// Empty segments that stood at their sender's highest number: if an earlier part knows of a FIN that they acknowledge,
/// then they show CLOSE-WAIT ([`Fin::close_wait`]).
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub(super) struct Empties {
    /// The first one, while nothing of its sender's data was seen.
    pub(super) perhaps: Option<Empty>,
    /// The first one that stood right behind its sender's data.
    pub(super) behind_data: Option<Empty>,
}

/// One of them.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Empty {
    pub(super) seen: Stamp,
    pub(super) seq: SeqNum,
    pub(super) ack: SeqNum,
}

/// The last sixteen fingerprints of each side with their times.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub(super) struct Recent {
    pub(super) ring: [[(u32, Timestamp, u8); 16]; 2],
    pub(super) next: [u8; 2],
}

impl Connection {
    /// The stream number is not known.
    pub const NO_STREAM: u32 = u32::MAX;
    /// A repetition of a frame within this time is the same frame captured twice.
    pub const TWICE_WITHIN: Span = Span::millis(1);
    /// A late segment within this time of its side's previous one, with a hole open, is out of order rather than sent again.
    const REORDERED_WITHIN: Span = Span::millis(3);

    pub(super) const OPENED_BY_LO: u32 = 1;
    pub(super) const OPENED_BY_HI: u32 = 2;
    pub(super) const ESTABLISHED: u32 = 4;
    pub(super) const SYN_FIN: u32 = 8;
    pub(super) const BLURRED: u32 = 16;
    pub(super) const PENDING: u32 = 32;
    pub(super) const HAS_FIN: u32 = 64;
    pub(super) const ZERO_LO: u32 = 128;
    pub(super) const ZERO_HI: u32 = 256;
    pub(super) const RST_BY_LO: u32 = 512;
    pub(super) const RST_BY_HI: u32 = 1024;
    pub(super) const TWICE: u32 = 2048;
    pub(super) const ABOUT: u32 = 4096;
    pub(super) const REUSED: u32 = 8192;
    pub(super) const CLOSED_ORDERLY: u32 = 16384;
    pub(super) const HEAD: u32 = 32768;
    /// The empty segment of that side which shows where its data end is yet to come, after a head was full; see [`Empties`].
    pub(super) const AWAITS_EMPTY: [u32; 2] = [1 << 18, 1 << 19];
    /// The table's own: another connection has taken this one's place in the index.
    pub(super) const SUPERSEDED: u32 = 1 << 16;
    /// The table's own: it took the place of another, whose stragglers may still come.
    pub(super) const HAS_PREVIOUS: u32 = 1 << 17;
    /// The table's own bits; none of them is a fact.
    pub(super) const TABLE_BITS: u32 = Connection::SUPERSEDED | Connection::HAS_PREVIOUS;
    /// [`Connection::rst`] is known of a side; asked before [`Extra`] is, which is a walk through memory.
    pub(super) const HAS_RST: u32 = 1 << 22;
    /// Holes of that side may still be filled ([`Tally::open_holes`] is not 0).
    pub(super) const HOLES: [u32; 2] = [1 << 20, 1 << 21];
    /// Bits that hold the present; all others only ever get set.
    pub(super) const RUNNING_BITS: u32 = Connection::BLURRED
        | Connection::PENDING
        | Connection::ZERO_LO
        | Connection::ZERO_HI
        | Connection::HOLES[0]
        | Connection::HOLES[1];

    /// A connection of which nothing was seen.
    pub fn new(key: FlowKey) -> Self {
        let tally = Tally { window_scale: Segment::NO_SCALE, ..Tally::default() };
        Connection {
            halves: [Half::default(); 2],
            key,
            tallies: [tally; 2],
            first: Stamp::default(),
            extra: None,
            history: History::default(),
            responder_rtt_us: 0,
            originator_rtt_us: 0,
            longest_answer_us: 0,
            stream: Connection::NO_STREAM,
            bits: 0,
        }
    }

    /// Notes one segment of this connection, in order of capture.
    #[inline]
    pub fn observe(&mut self, s: &Segment) {
        if !self.goes_straight_on(s) {
            self.observe_any(s);
        }
    }

    /// [`Connection::observe`] for whatever may come.
    #[inline(never)]
    pub(super) fn observe_any(&mut self, s: &Segment) {
        if self.bits & Connection::HEAD != 0 {
            self.log_head(s);
        }
        let x = s.side.index();
        if self.is_empty() && self.first.frame == 0 {
            self.first = s.seen;
        }
        let signature = Half::signature_of(s);
        if self.captured_twice(s, signature) {
            self.tallies[x].captured_twice = self.tallies[x].captured_twice.saturating_add(1);
            self.tallies[x].hop_limits.note(s.hop_limit);
            return;
        }
        if s.flags.any(TcpFlags::RST) {
            self.reset(s);
            return;
        }
        let kind = self.kind(s);
        self.silence(s, kind);
        if !matches!(kind, Kind::Foreign) {
            self.follow(s, kind);
        }
        let half = &mut self.halves[x];
        half.last = s.seen;
        half.signature = signature;
        half.interface = s.interface;
        half.segments = half.segments.saturating_add(1);
        half.flags |= s.flags;
        half.window = s.window;
        half.has = half.has & !Half::ID_ZERO | if s.ip_id == 0 { Half::ID_ZERO } else { 0 };
        if s.has_timestamps {
            half.ts_val = s.timestamps.val;
            half.has |= Half::TS;
        }
        if half.hop_limit != s.hop_limit {
            half.hop_limit = s.hop_limit;
            self.tallies[x].hop_limits.note(s.hop_limit);
        }
    }

    /// A segment whose numbers are this connection's.
    #[inline]
    fn follow(&mut self, s: &Segment, kind: Kind) {
        let x = s.side.index();
        if self.bits & Connection::ESTABLISHED == 0
            && s.flags.any(TcpFlags::ACK)
            && !s.flags.any(TcpFlags::SYN)
        {
            self.establish(s);
        }
        let payload_before = self.halves[x].payload;
        self.move_marks(s, kind);
        if self.bits & Connection::AWAITS_EMPTY[x] != 0 && s.span() == 0 {
            self.note_empty(s);
        }
        self.count(s, kind);
        if s.flags.any(TcpFlags::SYN) {
            self.syn(s);
        }
        if s.flags.any(TcpFlags::FIN) || self.bits & Connection::HAS_FIN != 0 {
            self.closing(s, payload_before);
        }
        let zero_bit = [Connection::ZERO_LO, Connection::ZERO_HI][x];
        if (s.window == 0 && s.flags.any(TcpFlags::ACK)) || self.bits & zero_bit != 0 {
            self.window_moves(s, zero_bit);
        }
    }

    /// Notes an ICMP error that quotes a segment sent by `side`.
    pub fn observe_icmp(&mut self, side: Side, error: IcmpError) {
        let slot = &mut self.extra_mut().icmp.get_or_insert_default()[side.index()];
        match slot {
            Some(first) => first.count = first.count.saturating_add(1),
            None => *slot = Some(error),
        }
    }

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
        match self.bits & (Connection::OPENED_BY_LO | Connection::OPENED_BY_HI) {
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
        self.extra.as_ref()?.icmp.as_ref()?[side.index()].as_ref()
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

    /// Payload that side sent after it had acknowledged its peer's FIN.
    pub fn payload_after_peer_fin(&self, side: Side) -> u64 {
        match self.fin(side.peer()) {
            Some(fin) => self.halves[side.index()].payload.saturating_sub(fin.peer_payload_before),
            None => 0,
        }
    }

    /// Both FINs were acknowledged.
    #[inline]
    pub fn closed_by_both(&self) -> bool {
        self.bits & Connection::CLOSED_ORDERLY != 0
    }

    /// Whether the connection has ended: both FINs acknowledged, or an acceptable RST.
    #[inline]
    pub fn is_over(&self) -> bool {
        self.bits & (Connection::CLOSED_ORDERLY | Connection::RST_BY_LO | Connection::RST_BY_HI) != 0
    }

    /// Whether a FIN or an acceptable RST was seen.
    pub(super) fn has_ending(&self) -> bool {
        self.bits & (Connection::HAS_FIN | Connection::RST_BY_LO | Connection::RST_BY_HI) != 0
    }

    /// The receive window that side last announced, in octets (RFC 7323 §2.3); unscaled if its SYN was not seen.
    fn window_octets(&self, side: Side) -> u32 {
        u32::from(self.halves[side.index()].window) << self.tallies[side.index()].window_shift()
    }

    /// Whether its numbers lie where this connection's are; unknown ones do not object.
    pub fn fits(&self, s: &Segment) -> bool {
        let half = &self.halves[s.side.index()];
        let peer = &self.halves[s.side.peer().index()];
        let near = |number: SeqNum, mark: SeqNum, window: u32| {
            i64::from(number - mark).unsigned_abs() <= u64::from(window.max(1 << 20))
        };
        !self.stale_answer(s)
            && (!half.has_seq() || near(s.seq, half.nxt, self.window_octets(s.side.peer())))
            && (!s.flags.any(TcpFlags::ACK)
                || !peer.has_seq()
                || near(s.ack, peer.nxt, self.window_octets(s.side)))
    }

    /// Whether it is the SYN of another connection between the same endpoints.
    pub fn is_other_syn(&self, s: &Segment) -> bool {
        let side = s.side.index();
        is_pure_syn(s) && self.halves[side].synchronised() && self.tallies[side].isn != s.seq
    }

    /// Whether its numbers are known to be this connection's.
    pub(super) fn owns(&self, s: &Segment) -> bool {
        self.halves[s.side.index()].has_seq() && self.fits(s)
    }

    /// Whether this segment begins another connection between the same endpoints.
    ///
    /// A SYN with another initial sequence number does; the same SYN again does not. A SYN-ACK does if it can belong to
    /// neither the SYN nor the numbers seen.
    pub(super) fn is_replaced_by(&self, s: &Segment) -> bool {
        let (x, y) = (s.side.index(), s.side.peer().index());
        let (half, peer) = (&self.halves[x], &self.halves[y]);
        if !s.flags.any(TcpFlags::SYN) || self.is_empty() {
            return false;
        }
        let same = half.flags.any(TcpFlags::SYN) && self.tallies[x].isn == s.seq;
        if s.flags.any(TcpFlags::ACK) {
            let answers = peer.flags.any(TcpFlags::SYN) && s.ack == self.tallies[y].isn + 1;
            return !same && !answers && (self.is_over() || !self.fits(s));
        }
        let late_capture = !half.spoke() && peer.has_ack() && peer.ack == s.seq + 1;
        let simultaneous = !half.spoke() && !self.established() && peer.flags.any(TcpFlags::SYN);
        !same && !late_capture && !simultaneous
    }

    pub(super) fn extra_mut(&mut self) -> &mut Extra {
        self.extra.get_or_insert_default()
    }

    #[inline]
    fn captured_twice(&mut self, s: &Segment, signature: u32) -> bool {
        let half = &self.halves[s.side.index()];
        let twice = half.spoke()
            && half.signature == signature
            && (half.interface != s.interface || self.is_recent(s));
        if twice {
            self.bits |= Connection::TWICE;
            self.extra_mut().recent.get_or_insert_default();
            return true;
        }
        self.bits & Connection::TWICE != 0 && self.seen_recently(s, signature)
    }

    /// Whether its side's last segment passed just before: RSTs are kept apart.
    fn is_recent(&self, s: &Segment) -> bool {
        let last = match self.rst(s.side) {
            Some(rst) if s.flags.any(TcpFlags::RST) => rst.last_sent.at,
            _ => self.halves[s.side.index()].last.at,
        };
        s.seen.at - last <= Connection::TWICE_WITHIN
    }

    #[cold]
    fn seen_recently(&mut self, s: &Segment, signature: u32) -> bool {
        let recent = self.extra_mut().recent.get_or_insert_default();
        let x = s.side.index();
        let same = |&(known, at, interface): &(u32, Timestamp, u8)| {
            known == signature
                && at != Timestamp(0)
                && (interface != s.interface || s.seen.at - at <= Connection::TWICE_WITHIN)
        };
        if recent.ring[x].iter().any(same) {
            return true;
        }
        let next = &mut recent.next[x];
        recent.ring[x][usize::from(*next) % 16] = (signature, s.seen.at, s.interface);
        *next = (*next + 1) % 16;
        false
    }

    /// What a segment is, judged by the numbers before it.
    #[inline]
    fn kind(&self, s: &Segment) -> Kind {
        let half = &self.halves[s.side.index()];
        let peer = &self.halves[s.side.peer().index()];
        if self.bits & Connection::ESTABLISHED == 0 && self.stale_answer(s) {
            return Kind::Foreign;
        }
        if !half.has_seq() {
            return Kind::New;
        }
        let ahead = s.seq - half.nxt;
        if ahead.unsigned_abs() > 1 << 30 && !s.flags.any(TcpFlags::SYN) {
            // Unless the peer speaks of the same numbers: then a gigabyte passed that was not captured.
            let corroborated = peer.has_ack() && (s.seq - peer.ack).unsigned_abs() < 1 << 20;
            return if corroborated && ahead > 0 { Kind::Jump } else { Kind::Foreign };
        }
        if ahead == 0 {
            return Kind::New;
        }
        if ahead > 0 {
            return Kind::Jump;
        }
        if s.len <= 1 && ahead == -1 && !s.flags.any(TcpFlags::SYN | TcpFlags::FIN) {
            let acked = peer.has_ack() && peer.ack.at_or_after(half.nxt);
            if peer.window == 0 && peer.spoke() {
                return Kind::WindowProbe;
            }
            if acked || s.len == 0 && s.seen.at - half.last.at >= Silences::SHORTEST {
                return Kind::KeepAlive;
            }
        }
        if s.span() == 0 {
            return Kind::Old;
        }
        let late = self.is_close_behind(s);
        match self.tallies[s.side.index()].open_holes {
            0 if peer.window == 0 && peer.spoke() && s.len > 0 => Kind::WindowProbe,
            1.. if late => Kind::OutOfOrder,
            _ => Kind::Again,
        }
    }

    /// Whether it passed so soon after its side's previous segment that the two may have changed places.
    fn is_close_behind(&self, s: &Segment) -> bool {
        s.seen.at - self.halves[s.side.index()].last.at <= Connection::REORDERED_WITHIN
    }

    /// An ACK of the side that was asked to open, before it agreed: it speaks of an older connection on the same ports.
    ///
    /// Its peer answers with a RST and sends the same SYN again (RFC 9293 §3.5.1, half-open connections).
    fn stale_answer(&self, s: &Segment) -> bool {
        let opener = s.side.peer();
        if self.established()
            || self.opener() != Some(opener)
            || (s.flags | self.halves[s.side.index()].flags).any(TcpFlags::SYN)
            || !self.halves[opener.index()].synchronised()
        {
            return false;
        }
        // A little beyond is an answer too, to data that were not captured.
        let ahead = s.ack - (self.tallies[opener.index()].isn + 1);
        s.flags.any(TcpFlags::ACK) && !(0..=1 << 20).contains(&ahead)
    }

    /// Looks at the time since the last segments, and keeps the account of what was sent into a silence.
    #[inline]
    fn silence(&mut self, s: &Segment, kind: Kind) {
        let [lo, hi] = &self.halves;
        let latest = lo.last.at.max(hi.last.at);
        let latest_payload = if lo.has_payload() || hi.has_payload() {
            lo.last_payload_at.max(hi.last_payload_at)
        } else {
            self.first.at
        };
        let answerable = s.span() > 0 || matches!(kind, Kind::KeepAlive);
        let quiet = s.seen.at - latest >= Silences::SHORTEST;
        let speaks = s.len > 0 || matches!(kind, Kind::KeepAlive);
        let no_payload = speaks && s.seen.at - latest_payload >= Silences::SHORTEST;
        if (quiet || no_payload || self.bits & (Connection::PENDING | Connection::BLURRED) != 0)
            && lo.spoke()
            && hi.spoke()
        {
            self.silence_ends(s, kind, answerable, quiet);
        }
    }

    #[cold]
    fn silence_ends(&mut self, s: &Segment, kind: Kind, answerable: bool, quiet: bool) {
        if self.bits & Connection::PENDING != 0 {
            let silences = self.extra_mut().silences.get_or_insert_default();
            if !silences.pending_from(s.side) {
                let ack = s.flags.any(TcpFlags::ACK).then_some(s.ack);
                silences.answer(ack);
                if !silences.is_pending() {
                    self.bits &= !Connection::PENDING;
                }
            } else if matches!(kind, Kind::Again | Kind::KeepAlive | Kind::OutOfOrder) {
                silences.again(s.seen.at);
            }
            return;
        }
        if self.bits & Connection::BLURRED != 0 && !quiet {
            // Something unanswerable ended the silence; only when the other side speaks is the path known to be open.
            if s.side == self.last_speaker() {
                return;
            }
            self.bits &= !Connection::BLURRED;
        }
        if s.flags.any(TcpFlags::SYN) || !self.established() {
            return;
        }
        if !answerable || !self.continues(s, kind) {
            if quiet {
                let silences = self.extra_mut().silences.get_or_insert_default();
                silences.blurred_count = silences.blurred_count.saturating_add(1);
                self.bits |= Connection::BLURRED;
            }
            return;
        }
        let [lo, hi] = &self.halves;
        let before = lo.last.max_frame(hi.last);
        let spoken =
            [lo, hi].into_iter().filter(|half| half.has_payload()).map(|half| half.last_payload_at).max();
        let payload = spoken.unwrap_or(Timestamp(i64::MIN)).max(self.first.at);
        let since = |at: Timestamp| (s.seen.at - at).max(Span::ZERO);
        let silence = Silence {
            spans: [since(before.at), since(payload), since(lo.last.at), since(hi.last.at)],
            from_frame: before.frame,
            resumed: s.seen,
            by: s.side,
            after_fin: self.bits & Connection::HAS_FIN != 0,
            probe: matches!(kind, Kind::KeepAlive),
            no_payload: spoken.is_none(),
        };
        let target = if silence.probe { s.seq + 1 } else { s.end() };
        self.bits |= Connection::PENDING;
        self.extra_mut().silences.get_or_insert_default().begin(silence, target);
    }

    /// Whether the segment goes on exactly where the conversation stopped, with nothing outstanding and nothing unseen.
    fn continues(&self, s: &Segment, kind: Kind) -> bool {
        let half = &self.halves[s.side.index()];
        let peer = &self.halves[s.side.peer().index()];
        let numbers = matches!(kind, Kind::New | Kind::KeepAlive)
            && s.flags.any(TcpFlags::ACK)
            && half.has_seq()
            && peer.has_seq()
            && s.ack == peer.nxt
            && half.has_ack()
            && half.ack == peer.nxt
            && peer.has_ack()
            && peer.ack == half.nxt;
        let unseen_echo = s.has_timestamps
            && peer.has & Half::TS != 0
            && SeqNum(s.timestamps.ecr).after(SeqNum(peer.ts_val));
        numbers && !unseen_echo
    }

    fn last_speaker(&self) -> Side {
        if self.halves[0].last.frame >= self.halves[1].last.frame { Side::Lo } else { Side::Hi }
    }

    /// Moves the highest numbers of both sides.
    #[inline]
    fn move_marks(&mut self, s: &Segment, kind: Kind) {
        let (x, y) = (s.side.index(), s.side.peer().index());
        let half = &mut self.halves[x];
        let end = s.end();
        // The octet of a probe is not data: where the sender has closed, it has the number of the FIN. A stack pushes the
        // last octet that its program gave it, so a lone one without PSH is taken for a probe's.
        let pushed = s.flags.any(TcpFlags::PSH) && !matches!(kind, Kind::KeepAlive | Kind::WindowProbe);
        let occupies = s.len > 1 || s.len == 1 && pushed || s.flags.any(TcpFlags::SYN);
        let data_end = if s.flags.any(TcpFlags::FIN) { end - 1 } else { end };
        let other_syn = self.bits & Connection::ESTABLISHED == 0
            && s.flags.any(TcpFlags::SYN)
            && s.seq != self.tallies[x].isn;
        if !half.has_seq() || other_syn {
            half.nxt = end;
            half.data_end = data_end;
            half.has |= Half::SEQ;
        } else {
            if end.after(half.nxt) {
                half.nxt = end;
            }
            if occupies && (half.has & Half::ANCHORED == 0 || data_end.after(half.data_end)) {
                half.data_end = data_end;
            }
        }
        if occupies {
            half.has |= Half::ANCHORED;
        }
        if !s.flags.any(TcpFlags::ACK) {
            return;
        }
        if !half.has_ack() || s.ack.after(half.ack) || other_syn {
            if half.has_ack() && !other_syn {
                let octets = s.ack - half.ack;
                self.halves[y].acknowledged(octets);
            }
            let half = &mut self.halves[x];
            half.ack = s.ack;
            half.has |= Half::ACK;
            if let Some(extra) = &mut self.extra {
                extra.stuck[y] = None;
            }
            self.halves[y].repeats = 0;
        }
        if s.ack.at_or_after(self.halves[y].nxt) {
            // Whatever was missing has arrived, captured or not.
            self.set_open_holes(y, 0);
        }
        let peer = &mut self.halves[y];
        if !peer.has_seq() {
            peer.nxt = s.ack;
            peer.data_end = s.ack;
            peer.has |= Half::SEQ;
        } else if s.ack.after(peer.nxt) && s.ack - peer.nxt < 1 << 30 {
            peer.nxt = s.ack;
            self.tallies[y].acked_unseen = self.tallies[y].acked_unseen.saturating_add(1);
        }
    }

    /// Counts payload, repetitions and holes.
    #[inline]
    fn count(&mut self, s: &Segment, kind: Kind) {
        let x = s.side.index();
        let mut open_holes = self.tallies[x].open_holes;
        if open_holes > 0 && !self.is_close_behind(s) {
            open_holes = 0;
        }
        let tally = &mut self.tallies[x];
        match kind {
            Kind::New => {}
            Kind::Jump => {
                tally.holes = tally.holes.saturating_add(1);
                open_holes = open_holes.saturating_add(1);
                self.history.note(Letter::Gap, s.side);
            }
            Kind::KeepAlive => tally.keepalives = tally.keepalives.saturating_add(1),
            Kind::WindowProbe => tally.window_probes = tally.window_probes.saturating_add(1),
            Kind::OutOfOrder => {
                tally.out_of_order = tally.out_of_order.saturating_add(1);
                open_holes = open_holes.saturating_sub(1);
            }
            Kind::Again => {
                tally.retransmissions = tally.retransmissions.saturating_add(1);
                self.halves[x].repeats = self.halves[x].repeats.saturating_add(1);
                open_holes = open_holes.saturating_sub(1);
                if self.halves[x].repeats >= Stuck::AFTER {
                    let stuck = Stuck { since: s.seen, seen: s.seen, seq: s.seq, len: s.len };
                    let slot = &mut self.extra_mut().stuck[x];
                    let stuck = slot.take().map_or(stuck, |earlier| earlier.then(stuck));
                    *slot = Some(Box::new(stuck));
                }
                self.history.note(Letter::Retransmission, s.side);
            }
            Kind::Old | Kind::Foreign => {}
        }
        self.set_open_holes(x, open_holes);
        if s.len == 0 {
            if !s.flags.any(TcpFlags::SYN | TcpFlags::FIN) {
                self.history.note(Letter::Ack, s.side);
            }
            return;
        }
        if matches!(kind, Kind::KeepAlive | Kind::WindowProbe) && s.len == 1 {
            return;
        }
        let [half, peer] = if x == 0 {
            let [lo, hi] = &mut self.halves;
            [lo, hi]
        } else {
            let [lo, hi] = &mut self.halves;
            [hi, lo]
        };
        if peer.spoke_last(half) {
            self.longest_answer_us = self.longest_answer_us.max(store_us(peer.last_payload_at, s.seen.at));
        }
        if !half.has_payload() {
            self.tallies[x].first_payload_us = store_us(self.first.at, s.seen.at);
        }
        half.payload += u64::from(s.len);
        half.last_payload_at = s.seen.at;
        half.has |= Half::PAYLOAD;
        self.history.note(Letter::Data, s.side);
    }

    fn set_open_holes(&mut self, x: usize, count: u8) {
        self.tallies[x].open_holes = count;
        let bit = Connection::HOLES[x];
        self.bits = self.bits & !bit | if count > 0 { bit } else { 0 };
    }

    #[cold]
    fn syn(&mut self, s: &Segment) {
        let (x, y) = (s.side.index(), s.side.peer().index());
        let answers = s.flags.any(TcpFlags::ACK);
        if self.opener().is_none() {
            let opener = if answers { s.side.peer() } else { s.side };
            self.bits |= [Connection::OPENED_BY_LO, Connection::OPENED_BY_HI][opener.index()];
        }
        if s.flags.any(TcpFlags::FIN) {
            self.bits |= Connection::SYN_FIN;
        }
        if answers {
            // A RST before the connection was made did not end it.
            self.bits &= !(Connection::RST_BY_LO | Connection::RST_BY_HI);
        }
        if answers && self.responder_rtt_us == 0 && self.tallies[y].syns == 1 && self.tallies[x].syns == 0 {
            self.responder_rtt_us = store_us(self.halves[y].last.at, s.seen.at);
        }
        self.tallies[x].isn = s.seq;
        self.tallies[x].syns = self.tallies[x].syns.saturating_add(1);
        self.tallies[x].window_scale = s.window_scale;
        self.history.note(if answers { Letter::SynAck } else { Letter::Syn }, s.side);
    }

    /// A segment without SYN: the handshake is over if the opener sent it, or if it shows that the opener's arrived.
    #[cold]
    fn establish(&mut self, s: &Segment) {
        let (x, y) = (s.side.index(), s.side.peer().index());
        let (half, peer) = (&self.halves[x], &self.halves[y]);
        let over = match self.opener() {
            None => true,
            Some(opener) if opener == s.side => {
                if peer.synchronised() && s.ack == self.tallies[y].isn + 1 && self.tallies[y].syns == 1 {
                    self.originator_rtt_us = store_us(self.halves[y].last.at, s.seen.at);
                }
                true
            }
            // The one that was asked sends nothing more before the handshake is over, save its SYN again.
            Some(_) => s.len > 0 || s.flags.any(TcpFlags::FIN) || half.has_ack() && s.ack.after(half.ack),
        };
        if over {
            self.bits |= Connection::ESTABLISHED;
        }
    }

    /// The account of FINs and their acknowledgments.
    #[cold]
    fn closing(&mut self, s: &Segment, payload_before: u64) {
        let (x, y) = (s.side.index(), s.side.peer().index());
        let [x_half, y_half] = [self.halves[x], self.halves[y]];
        let extra = self.extra_mut();
        let own_passed = extra.fin[x].is_some();
        if s.flags.any(TcpFlags::ACK)
            && let Some(fin) = &mut extra.fin[y]
            && fin.close_wait.is_none()
            && !own_passed
            && s.ack.at_or_after(fin.end)
            && s.span() == 0
        {
            if x_half.ends_in(s.seq) {
                fin.close_wait = Some(s.seen);
            } else if !x_half.is_anchored() && fin.perhaps_close_wait.is_none() {
                fin.perhaps_close_wait = Some((s.seen, s.seq));
            }
        }
        if s.flags.any(TcpFlags::ACK)
            && let Some(fin) = &mut extra.fin[y]
            && fin.acked.is_none()
        {
            if s.ack.at_or_after(fin.end) {
                fin.acked = Some(s.seen);
                fin.peer_payload_before = payload_before;
            } else {
                fin.peer_payload_before = x_half.payload;
            }
        }
        if s.flags.any(TcpFlags::FIN) {
            match &mut extra.fin[x] {
                Some(fin) => {
                    fin.sent = fin.sent.saturating_add(1);
                    fin.last_sent = s.seen;
                }
                none => {
                    // The peer may have acknowledged it before it was captured (frames captured out of order).
                    let acked = y_half.has_ack() && y_half.ack.at_or_after(s.end());
                    *none = Some(Box::new(Fin {
                        seen: s.seen,
                        end: s.end(),
                        ack: s.flags.any(TcpFlags::ACK).then_some(s.ack),
                        peer_payload_before: y_half.payload,
                        last_sent: s.seen,
                        acked: acked.then_some(y_half.last),
                        close_wait: None,
                        perhaps_close_wait: None,
                        answer_owed: x_half.spoke_last(&y_half),
                        closes_second: false,
                        sent: 1,
                        ip_id: s.ip_id,
                        hop_limit: s.hop_limit,
                        with_data: s.len > 0,
                    }));
                }
            }
            self.history.note(Letter::Fin, s.side);
        }
        self.settle();
    }

    #[cold]
    fn note_empty(&mut self, s: &Segment) {
        let x = s.side.index();
        let half = &self.halves[x];
        let (behind_data, anchored) = (half.ends_in(s.seq), half.is_anchored());
        if !s.flags.any(TcpFlags::ACK) || anchored && !behind_data {
            return;
        }
        let empty = Empty { seen: s.seen, seq: s.seq, ack: s.ack };
        let empties = &mut self.extra_mut().empties.get_or_insert_default()[x];
        if behind_data {
            empties.behind_data = Some(empty);
            self.bits &= !Connection::AWAITS_EMPTY[x];
        } else {
            empties.perhaps.get_or_insert(empty);
        }
    }

    /// Sets what follows from the FINs.
    pub(super) fn settle(&mut self) {
        let Some(extra) = &mut self.extra else { return };
        let ends = extra.fin.each_ref().map(|fin| fin.as_ref().map(|fin| fin.end));
        for (fin, other) in extra.fin.iter_mut().zip([ends[1], ends[0]]) {
            if let Some(fin) = fin {
                fin.closes_second =
                    fin.ack.zip(other).is_some_and(|(ack, other): (SeqNum, _)| ack.at_or_after(other));
            }
        }
        if extra.fin.iter().any(Option::is_some) {
            self.bits |= Connection::HAS_FIN;
        }
        if extra.fin.iter().all(|fin| fin.as_ref().is_some_and(|fin| fin.acked.is_some())) {
            self.bits |= Connection::CLOSED_ORDERLY;
            self.bits &= !Connection::REUSED;
        }
    }

    #[cold]
    fn window_moves(&mut self, s: &Segment, bit: u32) {
        if s.flags.any(TcpFlags::SYN) {
            return;
        }
        let zero = &mut self.extra_mut().zero.get_or_insert_default()[s.side.index()];
        if s.window == 0 {
            zero.closed(s.seen);
            self.bits |= bit;
            self.history.note(Letter::ZeroWindow, s.side);
        } else {
            zero.opened(s.seen.at);
            self.bits &= !bit;
        }
    }

    /// A RST: its numbers are not trusted for marks; whether it ends the connection is decided here.
    #[cold]
    fn reset(&mut self, s: &Segment) {
        let (x, y) = (s.side.index(), s.side.peer().index());
        let (half, peer) = (self.halves[x], self.halves[y]);
        let acceptable = self.acceptable_rst(s);
        if acceptable && self.bits & Connection::PENDING != 0 {
            let silences = self.extra_mut().silences.get_or_insert_default();
            if !silences.pending_from(s.side) {
                silences.reset();
                self.bits &= !Connection::PENDING;
            }
        }
        let has_ack = s.flags.any(TcpFlags::ACK);
        let slot = &mut self.extra_mut().rst[x];
        match slot {
            Some(rst) if rst.sent > 0 => {
                rst.sent = rst.sent.saturating_add(1);
                rst.last_sent = s.seen;
            }
            _ => {
                *slot = Some(Box::new(Rst {
                    seen: s.seen,
                    seq: s.seq,
                    ack: has_ack.then_some(s.ack),
                    expected: half.has_seq().then_some(half.nxt),
                    peer_ack: peer.has_ack().then_some(peer.ack),
                    after: peer.spoke().then_some((peer.last, peer.ack)),
                    window: s.window,
                    ip_id: s.ip_id,
                    last_sent: s.seen,
                    sent: 1,
                    hop_limit: s.hop_limit,
                    flags: s.flags,
                    has_options: s.has_options,
                    unread: peer.has_seq() && half.has_ack() && peer.nxt.after(half.ack),
                }));
            }
        }
        self.bits |= Connection::HAS_RST;
        if acceptable {
            self.bits |= [Connection::RST_BY_LO, Connection::RST_BY_HI][x];
        }
        self.history.note(Letter::Rst, s.side);
        let half = &mut self.halves[x];
        half.segments = half.segments.saturating_add(1);
        half.flags |= s.flags;
        half.signature = Half::signature_of(s);
        half.interface = s.interface;
        if half.last == Stamp::default() {
            half.last = s.seen;
        }
    }

    /// RFC 9293 §3.10.7.3 (SYN-SENT: the acknowledgment decides) and §3.5.3 (otherwise: inside the receiver's window).
    ///
    /// A RST that answers a segment repeats that segment's acknowledgment as its sequence number.
    fn acceptable_rst(&self, s: &Segment) -> bool {
        let peer = &self.halves[s.side.peer().index()];
        let own = &self.halves[s.side.index()];
        if !peer.spoke() {
            return true;
        }
        if s.flags.any(TcpFlags::ACK) && peer.has_seq() && s.ack == peer.nxt {
            return true;
        }
        if !peer.has_ack() {
            return !s.flags.any(TcpFlags::ACK) && own.has_seq() && s.seq == own.nxt;
        }
        let into = s.seq - peer.ack;
        let window = self.window_octets(s.side.peer()).max(1 << 16);
        // A byte of slack below: a keep-alive probe, or a FIN that was not acknowledged yet.
        (-1..=i64::from(window)).contains(&i64::from(into)) || own.has_seq() && s.seq == own.nxt
    }
}

/// What a segment is, by its numbers.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Kind {
    /// Goes on where its side stopped.
    New,
    /// Leaves a hole: *previous segment not captured*.
    Jump,
    /// A keep-alive probe.
    KeepAlive,
    /// A probe of a closed window.
    WindowProbe,
    /// Fills a hole at once.
    OutOfOrder,
    /// Was sent before.
    Again,
    /// Empty and behind: an old acknowledgment.
    Old,
    /// Nowhere near this connection's numbers.
    Foreign,
}

fn is_pure_syn(s: &Segment) -> bool {
    s.flags.any(TcpFlags::SYN) && !s.flags.any(TcpFlags::ACK)
}

/// Microseconds plus one, saturating; so that 0 can mean *unknown*.
pub(super) fn store_us(from: Timestamp, to: Timestamp) -> u32 {
    u32::try_from((micros(to) - micros(from)).max(0) + 1).unwrap_or(u32::MAX)
}

fn stored_us(stored: u32) -> Option<Span> {
    stored.checked_sub(1).map(|us| Span::micros(i64::from(us)))
}

const _: () = assert!(size_of::<Connection>() == 288);
const _: () = assert!(size_of::<Extra>() == 96);
