//! Random conversations for the law tests: two ends that speak TCP over a network that loses, delays and doubles, as a
//! capture in between sees them. Not an oracle: the ends are only as faithful as it takes to make realistic frames.

use crate::wire::{
    Endpoint, FlowKey, Multipath, Segment, SeqNum, Side, Span, Stamp, TcpFlags, TcpTimestamps, Timestamp,
};

/// A small generator of numbers (splitmix64), so that a seed names a conversation for ever.
#[derive(Clone)]
pub(super) struct Dice(pub(super) u64);

impl Dice {
    pub(super) fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// 0 to `sides - 1`.
    pub(super) fn roll(&mut self, sides: u64) -> u64 {
        self.next() % sides
    }

    /// True in that many of a thousand cases.
    pub(super) fn permille(&mut self, chances: u64) -> bool {
        self.roll(1000) < chances
    }

    /// One of the weights' places, in proportion.
    fn pick(&mut self, weights: &[u64]) -> usize {
        let mut left = self.roll(weights.iter().sum());
        for (place, &weight) in weights.iter().enumerate() {
            if left < weight {
                return place;
            }
            left -= weight;
        }
        0
    }
}

/// The flow number `n` of a test.
pub(super) fn flow(n: u8) -> FlowKey {
    FlowKey::of(Endpoint::v4([192, 0, 2, 1], 40_000), Endpoint::v4([198, 51, 100, n], 443), 0).0
}

/// A segment with everything that most tests do not care about at a usual value.
pub(super) fn segment(side: Side, flags: TcpFlags, seq: u32, ack: u32, len: u32) -> Segment {
    Segment {
        seen: Stamp { at: Timestamp::new(1_700_000_000, 0), frame: 1 },
        seq: SeqNum(seq),
        ack: SeqNum(ack),
        len,
        timestamps: TcpTimestamps::default(),
        window: 64_000,
        checksum: 0,
        ip_id: 0,
        interface: 0,
        flags,
        hop_limit: 64,
        side,
        has_timestamps: false,
        has_options: false,
        ..Segment::BLANK
    }
}

/// One end as far as it takes to send plausible numbers.
#[derive(Clone, Default)]
struct End {
    isn: u32,
    /// SND.NXT, SND.UNA, RCV.NXT.
    nxt: u32,
    una: u32,
    rcv: u32,
    fin: bool,
    window: u16,
    ip_id: u16,
    hop_limit: u8,
    /// What was sent since the last acknowledgment: number, payload, flags.
    unacked: Vec<(u32, u32, TcpFlags)>,
}

/// How disturbed the network is.
#[derive(Clone, Copy, Debug)]
pub(super) struct Weather {
    /// Lost before the capture point, lost after it, missed by the capture, captured twice, delayed: per mille each.
    pub(super) fates: [u64; 5],
    /// Odd moves (probes, closed windows, silences, RSTs, reuse), per mille.
    pub(super) odd: u64,
    /// Conversations that began before the capture, per mille.
    pub(super) midstream: u64,
    /// Whether the same ports are used again.
    pub(super) reuse: bool,
    /// Whether strangers send RSTs.
    pub(super) forged: bool,
}

impl Weather {
    /// What ordinary captures show.
    pub(super) const FAIR: Weather =
        Weather { fates: [5, 5, 1, 2, 3], odd: 60, midstream: 200, reuse: true, forged: false };
    /// What they show on a bad day.
    pub(super) const FOUL: Weather =
        Weather { fates: [60, 60, 30, 60, 60], odd: 250, midstream: 400, reuse: true, forged: true };
}

struct Conversation {
    dice: Dice,
    weather: Weather,
    now: i64,
    ends: [End; 2],
    timestamps: bool,
    /// Every capture of a frame shows it on a second interface too.
    doubled: bool,
    delayed: Option<Segment>,
    /// Of Multipath TCP: what signs come, by dice of their own.
    multipath: Option<Dice>,
    seen: Vec<Segment>,
}

const ACK: TcpFlags = TcpFlags::ACK;
const SYN: TcpFlags = TcpFlags::SYN;
const FIN: TcpFlags = TcpFlags::FIN;
const RST: TcpFlags = TcpFlags::RST;
const PSH: TcpFlags = TcpFlags::PSH;

/// One flow's frames in order of capture, numbered from 1.
pub(super) fn conversation(seed: u64, moves: usize, weather: Weather) -> Vec<Segment> {
    let mut dice = Dice(seed);
    let mut talk = Conversation {
        weather,
        now: 1_700_000_000_000_000_000,
        ends: Default::default(),
        timestamps: dice.permille(500),
        doubled: dice.permille(30),
        delayed: None,
        multipath: Some(Dice(!seed)).filter(|dice| dice.clone().permille(200)),
        seen: Vec::new(),
        dice,
    };
    let midstream = talk.dice.permille(weather.midstream);
    talk.begin(midstream);
    for _ in 0..moves {
        talk.one_move();
    }
    talk.flush();
    for (n, segment) in talk.seen.iter_mut().enumerate() {
        segment.seen.frame = n as u64 + 1;
    }
    talk.seen
}

impl Conversation {
    fn begin(&mut self, midstream: bool) {
        for x in 0..2 {
            // Half of the numbers begin so that they wrap soon; those of a second connection lie elsewhere.
            let any = self.dice.next() as u32;
            let wraps = any & 1 == 1 && self.seen.is_empty();
            let isn = if wraps { 0_u32.wrapping_sub(any >> 16) } else { any };
            let end = &mut self.ends[x];
            let hop_limit = if end.hop_limit == 0 { [64, 57][x] } else { end.hop_limit };
            *end = End {
                isn,
                nxt: isn,
                una: isn,
                window: 64_000,
                hop_limit,
                ip_id: end.ip_id,
                ..End::default()
            };
        }
        self.ends[0].rcv = self.ends[1].isn;
        self.ends[1].rcv = self.ends[0].isn;
        if midstream {
            return;
        }
        self.send(Side::Lo, SYN, 0);
        while self.dice.permille(self.weather.odd / 4) {
            self.pass(1_000_000_000);
            self.again(Side::Lo, false);
        }
        if self.dice.permille(self.weather.odd / 8) {
            return;
        }
        if self.dice.permille(self.weather.odd / 8) {
            self.send(Side::Hi, SYN, 0);
        }
        self.send(Side::Hi, SYN | ACK, 0);
        self.send(Side::Lo, ACK, 0);
    }

    fn one_move(&mut self) {
        let side = if self.dice.permille(500) { Side::Lo } else { Side::Hi };
        if self.ends.iter().all(|end| end.fin) && self.dice.permille(800) {
            return;
        }
        let small = 10_000 << self.dice.roll(14);
        self.pass(small);
        if self.dice.permille(self.weather.odd) {
            return self.odd_move(side);
        }
        match self.dice.pick(&[40, 40, 4, 3]) {
            0 => {
                for _ in 0..self.dice.pick(&[0, 60, 30, 5, 5]) {
                    let len = [1, 10, 536, 1448, 64_000][self.dice.pick(&[5, 30, 20, 44, 1])];
                    self.send(side, ACK | PSH, len);
                }
            }
            1 => self.send(side, ACK, 0),
            2 => {
                let merged = self.dice.permille(300);
                self.again(side, merged);
            }
            _ => {
                let len = if self.dice.permille(300) { 100 } else { 0 };
                self.send(side, ACK | FIN, len);
                // Stacks acknowledge a FIN at once, most of the time.
                if self.dice.permille(900) {
                    self.send(side.peer(), ACK, 0);
                }
            }
        }
    }

    fn odd_move(&mut self, side: Side) {
        let x = side.index();
        let again = u64::from(self.weather.reuse);
        let forged = u64::from(self.weather.forged);
        match self.dice.pick(&[20, 15, 10, 20, 4, 3, 3 * forged, 3 * again, 2 * again]) {
            // A keep-alive, of nothing or one octet.
            0 => {
                self.pass(2_000_000_000);
                let seq = self.ends[x].nxt.wrapping_sub(1);
                let len = self.dice.roll(2) as u32;
                self.emit(side, ACK, seq, len);
                self.send(side.peer(), ACK, 0);
            }
            // A window closes or opens.
            1 => {
                let end = &mut self.ends[x];
                end.window = if end.window == 0 { 64_000 } else { 0 };
                self.send(side, ACK, 0);
            }
            2 => {
                if self.ends[side.peer().index()].window == 0 && !self.ends[x].fin {
                    self.send(side, ACK, 1);
                }
            }
            // Silences: everything at hand acknowledged, then seconds to an hour of nothing.
            3 => {
                self.send(Side::Lo, ACK, 0);
                self.send(Side::Hi, ACK, 0);
                let seconds = 1_u64 << self.dice.roll(13);
                self.pass(seconds * 1_000_000_000);
                let len = self.dice.roll(2) as u32 * 100;
                self.send(side, ACK | PSH, len);
                if self.dice.permille(700) {
                    self.send(side.peer(), ACK, 0);
                }
            }
            4 => {
                let seq = self.ends[x].nxt;
                self.emit(side, RST | ACK, seq, 0);
                self.ends.iter_mut().for_each(|end| end.fin = true);
            }
            5 => {
                let seq = self.ends[side.peer().index()].rcv;
                self.emit(side, RST, seq, 0);
                self.ends.iter_mut().for_each(|end| end.fin = true);
            }
            // Somebody guesses.
            6 => {
                let seq = self.dice.next() as u32;
                self.emit(side, RST, seq, 0);
            }
            // The same ports again.
            7 => {
                let quiet = 1 << self.dice.roll(40);
                self.pass(quiet);
                self.begin(false);
            }
            // The same ports again while the other end still holds the old connection: SYN, stale ACK, RST, same SYN.
            _ => {
                let old = self.ends.clone();
                let isn = self.dice.next() as u32;
                self.ends[0] =
                    End { isn, nxt: isn, una: isn, unacked: Vec::new(), fin: false, ..old[0].clone() };
                self.send(Side::Lo, SYN, 0);
                self.ends[1].rcv = old[1].rcv;
                self.send(Side::Hi, ACK, 0);
                self.emit(Side::Lo, RST, old[1].rcv, 0);
                self.pass(10_000_000);
                let isn = self.dice.next() as u32;
                self.again(Side::Lo, false);
                self.ends[1] =
                    End { isn, nxt: isn, una: isn, unacked: Vec::new(), fin: false, ..old[1].clone() };
                self.ends[1].rcv = self.ends[0].nxt;
                self.send(Side::Hi, SYN | ACK, 0);
                self.ends[0].rcv = self.ends[1].nxt;
                self.send(Side::Lo, ACK, 0);
            }
        }
    }

    fn pass(&mut self, nanos: u64) {
        self.now += nanos as i64;
        if nanos > 1_000_000 {
            self.flush();
        }
    }

    /// Something new: numbers move on.
    fn send(&mut self, side: Side, flags: TcpFlags, len: u32) {
        let end = &mut self.ends[side.index()];
        if end.fin && (len > 0 || flags.any(FIN)) {
            return;
        }
        let seq = end.nxt;
        let span = len + u32::from(flags.any(SYN)) + u32::from(flags.any(FIN));
        if span > 0 {
            end.nxt = end.nxt.wrapping_add(span);
            end.fin |= flags.any(FIN);
            end.unacked.push((seq, len, flags));
            if end.unacked.len() > 6 {
                end.unacked.remove(0);
            }
        }
        self.emit(side, flags, seq, len);
    }

    /// The oldest unacknowledged segment again, or everything in one piece (a FIN then rides on the data).
    fn again(&mut self, side: Side, merged: bool) {
        let end = &self.ends[side.index()];
        let Some(&(seq, len, flags)) = end.unacked.first() else { return };
        if merged && !flags.any(SYN) {
            let all = end.unacked.iter().fold(flags, |all, &(_, _, flags)| all | flags);
            let octets = end.nxt.wrapping_sub(seq) - u32::from(all.any(FIN));
            self.emit(side, all, seq, octets);
        } else {
            self.emit(side, flags, seq, len);
        }
    }

    /// Puts a frame on the wire and lets the network have its way with it.
    fn emit(&mut self, side: Side, flags: TcpFlags, seq: u32, len: u32) {
        let step = 1_000 << self.dice.roll(8);
        self.now += step;
        let end = &mut self.ends[side.index()];
        end.ip_id = end.ip_id.wrapping_add(1);
        let mut segment = segment(side, flags, seq, if flags.any(ACK) { end.rcv } else { 0 }, len);
        segment.window = if flags.any(RST) { 0 } else { end.window };
        segment.ip_id = end.ip_id;
        segment.hop_limit = end.hop_limit;
        segment.checksum = (self.dice.next() as u16) | 1;
        if flags.any(SYN) {
            segment.window_scale = 7;
            segment.has_options = true;
        }
        if self.timestamps && !flags.any(RST) {
            segment.has_timestamps = true;
            segment.timestamps.val = (self.now / 1_000_000) as u32;
            segment.timestamps.ecr = segment.timestamps.val.wrapping_sub(5);
        }
        if let Some(dice) = &mut self.multipath {
            // Not every segment bears one, and hardly any falls back.
            let sign = [0, 1, 1, 1, 1, 1, 2, 3][dice.roll(8) as usize];
            let sign = if sign == 3 && dice.permille(950) { 1 } else { sign };
            segment.multipath = Multipath::ALL[sign];
            // Numbers wrap, come again and go back a little.
            let so_far = 0_u32.wrapping_sub(500).wrapping_add(self.seen.len() as u32 * 20);
            segment.data_number =
                SeqNum(if sign == 0 { 0 } else { so_far.wrapping_sub(dice.roll(50) as u32) });
            segment.has_options |= sign > 0;
        }
        let [before, after, dropped, twice, delayed] = self.weather.fates;
        let mut fate = self.dice.roll(1000);
        let mut hits = |chances: u64| {
            let hit = fate < chances;
            fate = fate.wrapping_sub(chances);
            hit
        };
        // A conversation goes on only after a handshake that arrived.
        if hits(before) && !flags.any(SYN) {
            return;
        }
        if hits(after) && !flags.any(SYN) {
            self.capture(segment);
            return;
        }
        if hits(dropped) {
            self.deliver(&segment);
            return;
        }
        if hits(twice) || self.doubled {
            self.capture(segment);
            self.now += 20_000;
            segment.interface = u8::from(self.doubled);
            self.capture(segment);
            self.deliver(&segment);
            return;
        }
        if hits(delayed) && self.delayed.is_none() && !flags.any(SYN) {
            self.delayed = Some(segment);
            return;
        }
        self.capture(segment);
        self.deliver(&segment);
        self.flush();
    }

    fn flush(&mut self) {
        if let Some(late) = self.delayed.take() {
            self.capture(late);
            self.deliver(&late);
        }
    }

    fn capture(&mut self, mut segment: Segment) {
        segment.seen = Stamp { at: Timestamp(self.now), frame: 0 };
        self.seen.push(segment);
    }

    /// The receiver takes what is in order.
    fn deliver(&mut self, s: &Segment) {
        let end = &mut self.ends[s.side.peer().index()];
        if s.flags.any(RST) {
            return;
        }
        let in_order = SeqNum(end.rcv).at_or_after(s.seq) && s.end().after(SeqNum(end.rcv));
        if in_order || s.flags.any(SYN) {
            end.rcv = s.end().0;
        }
        if s.flags.any(ACK) && s.ack.after(SeqNum(end.una)) {
            end.una = s.ack.0;
            let una = SeqNum(end.una);
            end.unacked.retain(|&(seq, len, flags)| {
                let span = len + u32::from(flags.any(SYN | FIN));
                (SeqNum(seq) + span).after(una)
            });
        }
    }
}

/// Segments without sense: any number anywhere, clocks that run backwards.
pub(super) fn nonsense(seed: u64, count: usize) -> Vec<Segment> {
    let mut dice = Dice(seed);
    let base = dice.next() as u32;
    let mut at = dice.next() as i64 >> dice.roll(32);
    (1..=count as u64)
        .map(|frame| {
            let number = |dice: &mut Dice| match dice.roll(4) {
                0 => dice.next() as u32,
                1 => base.wrapping_add(dice.roll(1 << 31) as u32),
                _ => base.wrapping_add(dice.roll(40) as u32).wrapping_sub(20),
            };
            let (seq, ack) = (number(&mut dice), number(&mut dice));
            let side = Side::BOTH[dice.roll(2) as usize];
            let len = match dice.roll(8) {
                0 => dice.next() as u32,
                1..=3 => dice.roll(3) as u32,
                _ => 0,
            };
            at = at.saturating_add(match dice.roll(6) {
                0 => dice.next() as i64 >> dice.roll(40),
                _ => Span::millis(dice.roll(3000) as i64).0,
            });
            let mut s = segment(side, TcpFlags(dice.next() as u8), seq, ack, len);
            s.seen = Stamp { at: Timestamp(at), frame };
            s.window = if dice.permille(300) { 0 } else { dice.next() as u16 };
            s.window_scale = dice.next() as u8;
            s.hop_limit = dice.roll(6) as u8;
            s.interface = dice.roll(2) as u8;
            s.has_timestamps = dice.permille(300);
            s.timestamps.val = dice.roll(10) as u32;
            s.timestamps.ecr = dice.roll(10) as u32;
            s
        })
        .collect()
}
