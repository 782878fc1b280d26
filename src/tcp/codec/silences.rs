//! Silences and what they tell of timers.

use super::extra::Context;
use super::words::{Coder, at, option, put, seq, span, stamp};
use crate::tcp::silence::{Episode, Inherited, Silence, Silences, Witness};
use crate::tcp::waits::{Answers, Waits};
use crate::wire::{SeqNum, Side, Span, Timestamp};

pub(super) fn silences<C: Coder>(c: &mut C, it: &mut Silences, around: &Context) {
    let nothing = blank_silence(around);
    let blank = Episode {
        silence: nothing,
        target: SeqNum(0),
        attempts: 0,
        last_attempt: Timestamp(0),
        heard: false,
    };
    option(c, &mut it.pending, false, Box::new(blank), |c, it| {
        silence(c, &mut it.silence, around);
        seq(c, &mut it.target, around.nxt[it.silence.by.index()]);
        put(c, &mut it.attempts, 1);
        at(c, &mut it.last_attempt, it.silence.resumed.at);
        put(c, &mut it.heard, false);
    });
    let mut usual = Witness::default();
    for it in &mut it.survived {
        witness(c, it, usual);
        usual = *it;
    }
    option(c, &mut it.rare, false, Box::default(), |c, it| {
        witness(c, &mut it.after_fin, usual);
        witness(c, &mut it.since_first, usual);
        option(c, &mut it.reset, false, nothing, |c, it| silence(c, it, around));
        for Waits(it) in &mut it.waits {
            let mut count = it.len() as u64;
            c.word(&mut count, 0);
            it.resize(count.min(Waits::ROOM as u64) as usize, usual);
            it.iter_mut().for_each(|it| witness(c, it, usual));
        }
        option(c, &mut it.perhaps_wait, false, (Side::Lo, usual), |c, (by, it)| {
            put(c, by, Side::Lo);
            witness(c, it, usual);
        });
    });
    const INHERITED: [Inherited; 4] =
        [Inherited::Nothing, Inherited::Waiting, Inherited::Answered, Inherited::Reset];
    let mut inherited = it.inherited as u64;
    c.word(&mut inherited, 0);
    it.inherited = INHERITED.get(inherited as usize).copied().unwrap_or_default();
    put(c, &mut it.survived_count, 0);
    put(c, &mut it.blurred_count, 0);
}

fn witness(c: &mut impl Coder, it: &mut Witness, usual: Witness) {
    span(c, &mut it.span, usual.span);
    put(c, &mut it.from_frame, usual.from_frame);
    put(c, &mut it.to_frame, usual.to_frame);
    at(c, &mut it.at, usual.at);
}

fn blank_silence(around: &Context) -> Silence {
    Silence {
        spans: [Span::ZERO; 4],
        from_frame: 0,
        resumed: around.first,
        by: Side::Lo,
        after_fin: false,
        probe: false,
        no_payload: false,
        answers: Answers::No,
    }
}

fn silence(c: &mut impl Coder, it: &mut Silence, around: &Context) {
    let mut usual = Span::ZERO;
    for it in &mut it.spans {
        span(c, it, usual);
        usual = *it;
    }
    put(c, &mut it.from_frame, around.first.frame);
    stamp(c, &mut it.resumed, &[around.last[0], around.last[1]]);
    put(c, &mut it.by, Side::Lo);
    put(c, &mut it.after_fin, false);
    put(c, &mut it.probe, false);
    put(c, &mut it.no_payload, false);
    const ANSWERS: [Answers; 3] = [Answers::No, Answers::Perhaps, Answers::Yes];
    let mut answers = it.answers as u64;
    c.word(&mut answers, 0);
    it.answers = ANSWERS.get(answers as usize).copied().unwrap_or_default();
}
