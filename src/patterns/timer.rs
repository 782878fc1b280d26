//! Survivors and failures of one path on every clock, and what they say of a timer: which clock fits, how well, how
//! likely by chance. The words are made where the findings are.

use std::collections::{BTreeMap, HashSet};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use super::bracket::{Bracket, Sample};
use super::data::{SilencePoint, TimerClock, TimerInterval};
use super::scene::{Failure, Scene};
use crate::findings::{Certainty, How};
use crate::knowledge::timeouts::{TimerKind, candidates};
use crate::tcp::{Clock, Silences};
use crate::wire::{Endpoint, Side, Span};

/// Silences of one path, or of several taken together.
#[derive(Clone, Debug, Default)]
pub(super) struct Group {
    /// By clock: the longest silence that each connection survived.
    survived: Vec<Vec<Sample>>,
    /// By clock: the silence that each connection did not survive.
    failed: Vec<Vec<Sample>>,
    /// The failures that are witnesses.
    pub(super) failures: Vec<Failure>,
    /// Those that are none.
    pub(super) left_out: Vec<Failure>,
    /// Survivors that are none, since the capture lost packets meanwhile.
    dropped: u64,
    pub(super) assumed: bool,
}

/// What a group says.
#[derive(Clone, Debug)]
pub(super) struct Reading {
    pub(super) clock: TimerClock,
    pub(super) bracket: Bracket,
    pub(super) fit: Fit,
    pub(super) certainty: Certainty,
}

/// How survivors and failures lie to one another.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Fit {
    /// Every survivor below every failure.
    Clean,
    /// But for a few.
    Nearly,
    /// They overlap a little: a timer that is looked at now and then only.
    Coarse,
    /// They overlap on every clock.
    None,
}

/// The clocks that run before any FIN, the likeliest first.
const OPEN: [TimerClock; 4] =
    [TimerClock::Any, TimerClock::Payload, TimerClock::FromClient, TimerClock::FromServer];

/// An upper bound as printed: [`Span`] rounds down, which would cut the interval short.
pub(super) fn rounded_up(span: Span) -> Span {
    let minute = Span::secs(60);
    let unit = match span {
        _ if span < Span::secs(1) => return span,
        _ if span < minute => Span::millis(100),
        _ if span < minute.times(60) => Span::secs(1),
        _ if span < minute.times(60 * 24) => minute,
        _ => minute.times(60),
    };
    Span((span + Span(unit.0 - 1)).0 / unit.0 * unit.0)
}

/// Overlaps up to this are put down to a coarse sweep: ten seconds, of short timers a quarter, of long ones 2 %.
fn coarse(at_most: Span) -> Span {
    const COARSE: Span = Span::secs(10);
    COARSE.min(Span(at_most.0 / 4)).max(Span(at_most.0 / 50))
}

impl TimerClock {
    /// The clock of the connection that corresponds.
    pub(super) fn of(self, client: Side) -> Clock {
        let from = |side: Side| if side == Side::Lo { Clock::FromLo } else { Clock::FromHi };
        match self {
            TimerClock::Any => Clock::Any,
            TimerClock::Payload => Clock::Payload,
            TimerClock::FromClient => from(client),
            TimerClock::FromServer => from(client.peer()),
            TimerClock::AfterFin => Clock::AfterFin,
        }
    }
}

/// Everything seen, by client address and service; `after_fin`: on a connection without FIN, or after one. Nothing of
/// networks to whose service none failed: no timer is read there.
pub(super) fn groups(scene: &Scene<'_>, after_fin: bool) -> BTreeMap<(IpAddr, Endpoint), Group> {
    let clocks: &[TimerClock] = if after_fin { &[TimerClock::AfterFin] } else { &OPEN };
    let way = |member: usize| {
        let (client, service) = scene.path(member);
        (network(client), service)
    };
    let failures = || scene.failures.iter().filter(|failure| failure.broken.silence.after_fin == after_fin);
    let ways: HashSet<_> =
        failures().filter(|failure| failure.void.is_none()).map(|failure| way(failure.member)).collect();
    let mut groups: BTreeMap<(IpAddr, Endpoint), Group> = BTreeMap::new();
    if ways.is_empty() {
        return groups;
    }
    for (member, judged) in scene.outcome.connections.iter().enumerate() {
        let Some(silences) = judged.connection.silences() else { continue };
        if !ways.contains(&way(member)) {
            continue;
        }
        let group = groups.entry(scene.path(member)).or_insert_with(|| Group::new(clocks.len()));
        group.assumed |= judged.roles.assumed;
        for (slot, clock) in group.survived.iter_mut().zip(clocks) {
            let witness = silences.survived(clock.of(judged.roles.client));
            let Some(witness) = witness.filter(|witness| witness.span >= Silences::SHORTEST) else {
                continue;
            };
            if scene.dropped_between(witness.at - witness.span, witness.at) {
                group.dropped += u64::from(matches!(clock, TimerClock::Any | TimerClock::AfterFin));
                continue;
            }
            let (span, at) = (witness.span, witness.at);
            slot.push(Sample { span, at, from_frame: witness.from_frame, frame: witness.to_frame, member });
        }
    }
    for failure in failures() {
        let silence = failure.broken.silence;
        let Some(group) = groups.get_mut(&scene.path(failure.member)) else { continue };
        if failure.void.is_some() {
            group.left_out.push(*failure);
            continue;
        }
        let client = scene.judged(failure.member).roles.client;
        for (slot, clock) in group.failed.iter_mut().zip(clocks) {
            let spans = silence.clocks().find(|&(own, _)| own == clock.of(client));
            let Some((_, span)) = spans else { continue };
            let (at, frame) = (silence.resumed.at, silence.resumed.frame);
            slot.push(Sample { span, at, from_frame: silence.from_frame, frame, member: failure.member });
        }
        group.failures.push(*failure);
    }
    groups
}

/// The /24 or /64 that an address is in.
pub(super) fn network(addr: IpAddr) -> IpAddr {
    match addr {
        IpAddr::V4(v4) => IpAddr::V4(Ipv4Addr::from_bits(v4.to_bits() & !0xff)),
        IpAddr::V6(v6) => IpAddr::V6(Ipv6Addr::from_bits(v6.to_bits() & !u128::from(u64::MAX))),
    }
}

impl Group {
    fn new(clocks: usize) -> Group {
        Group { survived: vec![Vec::new(); clocks], failed: vec![Vec::new(); clocks], ..Group::default() }
    }

    /// Several taken as one.
    pub(super) fn pool<'a>(groups: impl IntoIterator<Item = &'a Group>) -> Group {
        let mut pool = Group::default();
        for group in groups {
            pool.survived.resize(group.survived.len(), Vec::new());
            pool.failed.resize(group.failed.len(), Vec::new());
            for (all, own) in pool.survived.iter_mut().zip(&group.survived) {
                all.extend(own);
            }
            for (all, own) in pool.failed.iter_mut().zip(&group.failed) {
                all.extend(own);
            }
            pool.failures.extend(&group.failures);
            pool.left_out.extend(&group.left_out);
            pool.dropped += group.dropped;
            pool.assumed |= group.assumed;
        }
        pool
    }

    /// What it says of a timer; none if nothing failed.
    pub(super) fn read(&self, scene: &Scene<'_>) -> Option<Reading> {
        let clocks: &[TimerClock] = if self.survived.len() == 1 { &[TimerClock::AfterFin] } else { &OPEN };
        let brackets: Vec<_> = (clocks.iter().copied())
            .zip(self.survived.iter().zip(&self.failed))
            .filter_map(|(clock, (survived, failed))| Some((clock, Bracket::of(survived, failed)?)))
            .collect();
        let tries = brackets.len() as u32;
        let first = brackets.first()?;
        // The plain clock needs no excuse; another one has to be more than one guess among several.
        let clean = brackets.iter().filter(|(_, bracket)| bracket.crossed == 0);
        let chosen = clean.clone().find(|(clock, bracket)| *clock == first.0 || bracket.speaks(tries));
        let nearly = || brackets.iter().find(|(_, bracket)| bracket.nearly_clean() && bracket.speaks(tries));
        let overlap = Bracket::overlap(&self.survived[0], &self.failed[0]);
        let (fit, (clock, bracket)) = match chosen {
            Some(chosen) => (Fit::Clean, chosen),
            None => match nearly() {
                Some(chosen) => (Fit::Nearly, chosen),
                None if overlap <= coarse(first.1.at_most.span) => (Fit::Coarse, first),
                None => match clean.clone().next() {
                    Some(chosen) => (Fit::Clean, chosen),
                    None => (Fit::None, first),
                },
            },
        };
        let named = self.failures.iter().any(|failure| matches!(failure.broken.how, How::Quoted { .. }));
        let tries = if *clock == first.0 { 1 } else { tries };
        let certainty = match fit {
            Fit::None | Fit::Coarse => Certainty::Possible,
            _ if scene.drops_at_unknown_times() => Certainty::Possible,
            _ if !bracket.speaks(tries) => Certainty::Possible,
            _ if named => Certainty::Certain,
            _ => Certainty::Likely,
        };
        Some(Reading { clock: *clock, bracket: bracket.clone(), fit, certainty })
    }

    /// The longest survivor and the shortest failure on the clock that counts everything.
    pub(super) fn extremes(&self) -> Option<(Sample, Sample)> {
        let longest = self.survived.first()?.iter().max_by_key(|sample| sample.span)?;
        let shortest = self.failed.first()?.iter().min_by_key(|sample| sample.span)?;
        Some((*longest, *shortest))
    }

    /// Connections that tell something.
    pub(super) fn connections(&self) -> u64 {
        let samples = self.survived.iter().chain(&self.failed).flatten();
        samples.map(|sample| sample.member).collect::<HashSet<_>>().len() as u64
    }

    /// What was left out, in words.
    pub(super) fn against(&self, scene: &Scene<'_>) -> Vec<String> {
        let mut against = super::outage::left_out(self.left_out.iter());
        if self.dropped > 0 {
            against.push(format!("{} survivors left out: the capture lost packets meanwhile", self.dropped));
        }
        if scene.drops_at_unknown_times() {
            against.push("the capture lost packets, and does not say when".into());
        }
        against
    }

    /// The drawing.
    pub(super) fn interval(&self, reading: &Reading, kind: TimerKind) -> TimerInterval {
        let clocks: &[TimerClock] = if self.survived.len() == 1 { &[TimerClock::AfterFin] } else { &OPEN };
        let slot = clocks.iter().position(|clock| *clock == reading.clock).unwrap_or(0);
        let points = |samples: &[Sample], longest_first: bool| {
            let mut samples = samples.to_vec();
            samples.sort_unstable_by_key(|sample| (sample.span, sample.frame));
            if longest_first {
                samples.reverse();
            }
            samples.truncate(TimerInterval::POINTS);
            samples.iter().map(Sample::point).collect()
        };
        let (above, at_most) = reading.bounds();
        TimerInterval {
            clock: reading.clock,
            above,
            at_most,
            survived: points(&self.survived[slot], true),
            failed: points(&self.failed[slot], false),
            candidates: at_most.map_or(Vec::new(), |at_most| candidates(kind, above, at_most)),
            chance: reading.bracket.chance,
        }
    }
}

impl Reading {
    /// The interval; nothing is known where no single timer explains what was seen.
    pub(super) fn bounds(&self) -> (Option<Span>, Option<Span>) {
        let at_most = self.bracket.at_most.span;
        let above = self.bracket.above.map(|above| above.span);
        match self.fit {
            Fit::Clean | Fit::Nearly => (above, Some(at_most)),
            // A coarse sweep lets connections live longer than the timer says, never shorter.
            Fit::Coarse => (Some(Span(at_most.0 - coarse(at_most).0)), Some(at_most)),
            Fit::None => (None, None),
        }
    }
}

impl Sample {
    fn point(&self) -> SilencePoint {
        let Sample { span, at, member, frame, .. } = *self;
        SilencePoint { span, at, member, frame }
    }
}
