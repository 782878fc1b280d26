//! Flows whose parts hold more than one connection, or segments that are none of theirs.

use super::kinds::{OPEN, Sent, open, segments};
use super::*;
use crate::tcp::laws;

const SOON: i64 = 20_000;
const SECOND: i64 = 1_000_000;
const FIN_ACK: TcpFlags = FIN.with(ACK);
const SYN_ACK: TcpFlags = SYN.with(ACK);

fn sent((side, flags, seq, ack): (Side, TcpFlags, u32, u32)) -> Sent {
    (side, flags, seq, ack, 0, OPEN, SOON)
}

/// Both in turn say nothing.
fn idle(count: usize, lo: u32, hi: u32) -> Vec<Sent> {
    [(LO, ACK, lo, hi), (HI, ACK, hi, lo)].into_iter().cycle().take(count).map(sent).collect()
}

fn frames(script: &[Sent]) -> Vec<(FlowKey, Segment)> {
    segments(script).into_iter().map(|segment| (flow(1), segment)).collect()
}

/// What one part holds, what the next, and what [`joined`] tells of both.
type Row<'a> = (&'a [Sent], Vec<Sent>, &'a [(u64, bool)]);

/// Opened and closed.
fn closed() -> Vec<Sent> {
    let fins = [(LO, FIN_ACK, 101, 501), (HI, FIN_ACK, 501, 102), (LO, ACK, 102, 502)];
    open().into_iter().chain(fins.map(sent)).collect()
}

/// What a capture tells that was cut there: of each connection the last frame, and whether its counts are about.
fn joined(script: &[Sent], at: usize) -> Vec<(u64, bool)> {
    let frames = frames(script);
    let (mut earlier, mut later) = (Table::new(Limits::default()), Table::of_part(Limits::default()));
    earlier.observe_all(&frames[..at]);
    later.observe_all(&frames[at..]);
    let joined = earlier.then(later);
    let mut told: Vec<_> = joined.iter().map(|c| (c.last().frame, c.counts_are_about())).collect();
    told.sort_unstable();
    told
}

/// Segments of the connection before are not the next one's, though a part's head holds both.
#[test]
fn what_came_late_for_the_one_before_says_nothing_of_the_next() {
    const FAR: u32 = 50_000_000;
    let next = [(LO, SYN, FAR, 0), (HI, SYN_ACK, FAR + 7, FAR + 1), (LO, ACK, FAR + 1, FAR + 8)];
    // Too far ahead to end anything.
    let refused = (LO, RST, FAR + 500_000, 0);
    let late = [(LO, RST, 101, 0), (LO, FIN_ACK, 101, 501), (HI, RST, 501, 0), (HI, ACK, 501, 101)];
    let endings =
        [vec![], vec![(LO, RST.with(ACK), FAR + 1, FAR + 8)], vec![(HI, RST.with(ACK), FAR + 8, FAR + 1)]];
    for late in late {
        for ending in &endings {
            let before: Vec<Sent> =
                open().into_iter().chain(next.into_iter().chain([refused]).map(sent)).collect();
            let rest = idle(24, FAR + 1, FAR + 8).into_iter().chain(ending.iter().copied().map(sent));
            for place in [0, 8, 15] {
                let mut script: Vec<_> = before.iter().copied().chain(rest.clone()).collect();
                script.insert(before.len() + place, sent(late));
                let mut frames = frames(&script);
                for (_, segment) in &mut frames[before.len() + place..] {
                    // From here on its side's way is another one.
                    segment.hop_limit = if segment.side == LO { 60 } else { 64 };
                }
                for at in [0, place / 2, place].map(|at| ((before.len() + at) * 1_000).div_ceil(frames.len()))
                {
                    for behind in [1_000, at + 300] {
                        laws::table_law(&frames, (at, behind.min(1_000))).unwrap_or_else(|e| {
                            panic!(
                                "{late:?} {ending:?} {place} {at} {e} {:?}",
                                joined(&script, at * frames.len() / 1000)
                            )
                        });
                    }
                }
            }
        }
    }
}

/// In a part, the first segment behind the next SYN seems to be the next connection's, since the part knows the upper side's
/// numbers by nothing that came before; those behind it are known for what they are.
#[test]
fn a_connection_lasts_until_its_last_segment_whatever_is_learnt_later() {
    let syns = vec![(LO, SYN, 100, 0); 70];
    let next = [(LO, SYN, 50_000_000, 0)];
    let shown = [(LO, ACK, 101, 501)];
    // Neither number is right enough to end anything.
    for late in [(HI, ACK, 501, 101), (HI, RST.with(ACK), 500_501, 100)] {
        let rest = [&[late][..], &syns, &next, &[late], &shown, &[late]].concat();
        let script: Vec<_> = open().into_iter().chain(rest.into_iter().map(sent)).collect();
        let frames = frames(&script);
        for at in 0..6_usize {
            laws::table_law(&frames, ((at * 1_000).div_ceil(frames.len()), 1_000)).unwrap();
        }
        assert_eq!(joined(&script, 4).last().unwrap().0, 78);
    }
}

/// A part that knows of no close takes for a connection what only came late, unless it goes on behind that.
#[test]
fn what_goes_on_behind_stragglers_is_another_connection() {
    let after = |micros: i64, mut script: Vec<Sent>| {
        script[0].6 = micros;
        script
    };
    let closed = closed();
    let stragglers = after(10 * SECOND, idle(16, 102, 502));
    let linger = Limits::default().linger.0 / 1_000;
    let later = |micros: i64| [&stragglers[..], &after(micros, idle(1, 102, 502))].concat();
    // What the lower side opens was acknowledged before.
    let [alone, again] = [(HI, ACK, 7_000, 9_001), (LO, SYN, 9_000, 0)].map(sent);
    let reopened = [after(10 * SECOND, vec![alone; 70]), vec![again, alone]].concat();
    // A FIN of which the part knows only the other's: what it opened was over before its head was full.
    let fins = [(LO, SYN, 100, 0), (HI, FIN_ACK, 501, 102), (LO, ACK, 102, 502)].map(sent).to_vec();
    let over = [&fins[..], &after(3 * SECOND, idle(20, 102, 502))].concat();
    let half_closed = &closed[..4];
    let table: [Row<'_>; 7] = [
        (&closed, stragglers.clone(), &[(6, false)]),
        (&closed, [&stragglers[..], &idle(8, 102, 502)].concat(), &[(6, false)]),
        (&closed, later(linger), &[(6, false)]),
        (&closed, later(linger + 1), &[(6, false), (23, true)]),
        (&closed, reopened, &[(6, false), (78, true)]),
        (half_closed, over[..8].to_vec(), &[(7, false)]),
        (half_closed, over, &[(7, false)]),
    ];
    for (n, (before, later, expected)) in table.into_iter().enumerate() {
        assert_eq!(joined(&[before, &later].concat(), before.len()), expected, "{n}");
    }
}

/// One that was opened and closed is known by its SYN alone once it has settled, but only where the SYN is in its part.
#[test]
fn what_has_settled_is_joined_with_whatever_came_before() {
    let mut frames = frames(&closed());
    let last = frames[frames.len() - 1].1;
    let seen = Stamp { at: last.seen.at + Span::secs(5), frame: last.seen.frame + 1 };
    frames.push((flow(2), Segment { seen, ..last }));
    for at in 0..frames.len() {
        assert_eq!(laws::row_law(&frames, &[(at * 1_000).div_ceil(frames.len())]).unwrap(), 0, "{at}");
    }
}
