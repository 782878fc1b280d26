//! Frames of a part, numbered through all parts.

use crate::tcp::connection::Connection;
use crate::wire::Stamp;

impl Connection {
    /// Renumbers the frames of a part that follows `by` frames of earlier parts.
    pub fn shift_frames(&mut self, by: u64) {
        let shift = |stamp: &mut Stamp| {
            if stamp.frame != 0 {
                stamp.frame += by;
            }
        };
        shift(&mut self.first);
        self.halves.iter_mut().for_each(|half| shift(&mut half.last));
        let Some(extra) = &mut self.extra else { return };
        for fin in extra.fin.iter_mut().flatten() {
            shift(&mut fin.seen);
            shift(&mut fin.last_sent);
            fin.acked.iter_mut().chain(&mut fin.close_wait).for_each(shift);
            fin.perhaps_close_wait.iter_mut().for_each(|(stamp, _)| shift(stamp));
        }
        for rst in extra.rst.iter_mut().flatten() {
            shift(&mut rst.seen);
            shift(&mut rst.last_sent);
            rst.after.iter_mut().for_each(|(stamp, _)| shift(stamp));
        }
        for stuck in extra.stuck.iter_mut().flatten() {
            shift(&mut stuck.since);
            shift(&mut stuck.seen);
        }
        if let Some(silences) = &mut extra.silences {
            silences.shift_frames(by);
        }
        for empties in extra.empties.iter_mut().flat_map(|empties| empties.iter_mut()) {
            let both = empties.perhaps.iter_mut().chain(&mut empties.behind_data);
            both.for_each(|empty| shift(&mut empty.seen));
        }
        for zero in extra.zero.iter_mut().flat_map(|zero| zero.iter_mut()) {
            zero.since.iter_mut().for_each(shift);
            shift(&mut zero.longest_from);
        }
        if let Some(seldom) = &mut extra.seldom {
            seldom.icmp.iter_mut().flatten().for_each(|error| shift(&mut error.seen));
            if let Some(level) = &mut seldom.data_level {
                level.fin.iter_mut().chain(&mut level.ack).flatten().for_each(|mark| shift(&mut mark.seen));
            }
        }
        if let Some(head) = &mut extra.head {
            head.segments.iter_mut().for_each(|segment| shift(&mut segment.seen));
            if let Some(closed) = &mut head.closed {
                closed.halves.iter_mut().for_each(|half| shift(&mut half.last));
                closed.pending.iter_mut().for_each(|episode| episode.shift_frames(by));
            }
        }
    }
}
