//! A block of records, decoded and shared out over the lanes, away from the thread that reads.

use super::lane::Lane;
use super::waiting::Waiting;
use crate::capture::{Block, Record};
use crate::decode::{Decoded, Decoder, Quote, Skip, Skips};
use crate::findings::CaptureFacts;
use crate::wire::{FlowKey, Segment, Stamp};

/// What one block holds for one lane, in order.
#[derive(Default)]
pub(super) struct Share {
    pub(super) segments: Vec<(FlowKey, Segment)>,
    pub(super) quotes: Vec<Quote>,
}

impl Share {
    pub(super) fn is_empty(&self) -> bool {
        self.segments.is_empty() && self.quotes.is_empty()
    }

    /// Puts what was added later into its place.
    fn sort(&mut self) {
        self.segments.sort_by_key(|(_, segment)| segment.seen.frame);
        self.quotes.sort_by_key(|quote| quote.seen.frame);
    }
}

/// A block, shared out.
pub(super) struct Shares {
    of_lanes: Vec<Share>,
    skips: Skips,
    capture: CaptureFacts,
    /// Places of records that need those before, with their block.
    in_order: Option<(Vec<usize>, Block)>,
    frames_before: u64,
}

impl Shares {
    /// Decodes what can be decoded without the blocks before; `spare` are empty shares to be used again.
    pub(super) fn of(block: Block, frames_before: u64, decoder: &mut Decoder, mut spare: Vec<Share>) -> Self {
        spare.resize_with(Lane::ALL, Share::default);
        let mut shares = Shares {
            of_lanes: spare,
            skips: Skips::default(),
            capture: CaptureFacts::default(),
            in_order: None,
            frames_before,
        };
        let mut in_order = Vec::new();
        let mut waiting = Waiting::new();
        for (place, record) in block.records().enumerate() {
            let record = Record { frame: record.frame + frames_before, ..record };
            shares.capture.observe(Stamp { at: record.at, frame: record.frame });
            if decoder.decode_common(&record, waiting.next()) {
                if waiting.added() {
                    shares.take(&mut waiting);
                }
                continue;
            }
            shares.take(&mut waiting);
            match decoder.decode_alone(&record) {
                Some(decoded) => share_out(decoded, &mut shares.of_lanes, &mut shares.skips),
                None => in_order.push(place),
            }
        }
        shares.take(&mut waiting);
        if !in_order.is_empty() {
            shares.in_order = Some((in_order, block));
        }
        shares
    }

    fn take(&mut self, waiting: &mut Waiting) {
        for segment in waiting.take() {
            self.of_lanes[Lane::of(&segment.0)].segments.push(*segment);
        }
    }
}

/// What sees all blocks in order.
pub(super) struct Gate<'a> {
    pub(super) decoder: &'a mut Decoder,
    pub(super) skips: &'a mut Skips,
    pub(super) capture: &'a mut CaptureFacts,
}

impl Gate<'_> {
    /// Decodes the rest of a block, and adds up what is told of it as a whole. One share for each lane.
    pub(super) fn pass(&mut self, shares: Shares) -> Vec<Share> {
        let Shares { mut of_lanes, skips, capture, in_order, frames_before } = shares;
        *self.skips += skips;
        self.capture.then(&capture);
        if let Some((places, block)) = in_order {
            let mut places = places.into_iter().peekable();
            for (place, record) in block.records().enumerate() {
                if places.next_if_eq(&place).is_some() {
                    let record = Record { frame: record.frame + frames_before, ..record };
                    share_out(self.decoder.decode(&record), &mut of_lanes, self.skips);
                }
            }
            of_lanes.iter_mut().for_each(Share::sort);
        }
        of_lanes
    }
}

#[inline]
fn share_out(decoded: Decoded, of_lanes: &mut [Share], skips: &mut Skips) {
    match decoded {
        Decoded::Segment(key, segment) => of_lanes[Lane::of(&key)].segments.push((key, segment)),
        Decoded::Quote(quote) => {
            skips.count(Skip::Icmp);
            of_lanes[Lane::of(&quote.key)].quotes.push(quote);
        }
        Decoded::Skip(skip) => skips.count(skip),
    }
}
