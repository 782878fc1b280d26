//! Connections by number, in pages, so that growing never copies them.
//!
//! A page is filled with connections of nobody when it is made: its length is then known, and a slot is found with one
//! look at the list of pages.

use super::connection::Connection;
use crate::wire::{FlowKey, Span, Timestamp};

const PAGE: usize = 1 << PAGE_BITS;
const PAGE_BITS: u32 = 8;

type Page = Box<[Connection; PAGE]>;

/// Slots that are taken, given back and taken again.
#[derive(Clone, Debug, Default)]
pub(super) struct Slab {
    pages: Vec<Page>,
    vacant: Vec<u32>,
    /// What there is to know of a slot without looking at its connection, which most likely is in no cache.
    ends: Vec<End>,
    /// From when on ends are counted: a day before the first that was noted, since not all of them lie behind it.
    since: Option<Timestamp>,
}

/// From when on the connection in a slot may have expired, in units of 2^26 ns (67 ms), rounded down. Coarser ones had
/// the sweep look in vain at connections that were about to expire; nine years have room.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Debug)]
struct End(u32);

impl End {
    const VACANT: End = End(u32::MAX);
    /// It stays, however long it is idle.
    const NEVER: End = End(u32::MAX - 1);
    const UNKNOWN: End = End(0);

    fn after(span: Span) -> End {
        End((span.0 >> 26).clamp(0, i64::from(u32::MAX - 2)) as u32)
    }
}

impl Slab {
    /// The number of no slot.
    pub(super) const NO_SLOT: u32 = u32::MAX;

    /// A new connection of that flow. It is made where it stays: copying it about cost more than all else that begins it.
    pub(super) fn insert(&mut self, key: &FlowKey) -> u32 {
        let slot = self.vacant.pop().unwrap_or_else(|| {
            let slot = self.ends.len();
            if slot.is_multiple_of(PAGE) {
                self.pages.push(Slab::page());
            }
            self.ends.push(End::VACANT);
            slot as u32
        });
        self.ends[slot as usize] = End::UNKNOWN;
        self[slot].key = *key;
        slot
    }

    fn page() -> Page {
        let nobodies: Vec<_> = (0..PAGE).map(|_| Connection::new(FlowKey::BLANK)).collect();
        nobodies.try_into().unwrap_or_else(|_| unreachable!("it has the length of a page"))
    }

    /// Takes it out; what stays behind is of nobody, as in a slot that was never taken.
    pub(super) fn remove(&mut self, slot: u32) -> Connection {
        self.ends[slot as usize] = End::VACANT;
        self.vacant.push(slot);
        std::mem::replace(&mut self[slot], Connection::new(FlowKey::BLANK))
    }

    /// Slots ever in use at once; some may be vacant.
    pub(super) fn capacity(&self) -> u32 {
        self.ends.len() as u32
    }

    pub(super) fn is_taken(&self, slot: u32) -> bool {
        self.ends[slot as usize] != End::VACANT
    }

    /// Whether there is a connection that may have expired by then.
    #[inline]
    pub(super) fn may_have_ended(&self, slot: u32, by: Timestamp) -> bool {
        self.ends[slot as usize] <= End::after(by - self.since.unwrap_or(by))
    }

    /// Notes when the connection in a taken slot will expire, if it will. Before, it may have at any time.
    #[inline]
    pub(super) fn set_end(&mut self, slot: u32, end: Option<Timestamp>) {
        self.ends[slot as usize] = end
            .map_or(End::NEVER, |end| End::after(end - *self.since.get_or_insert(end - Span::secs(86_400))));
    }

    pub(super) fn len(&self) -> usize {
        self.ends.len() - self.vacant.len()
    }

    /// What is in a slot, taken or not; none if there is no such slot.
    #[inline]
    pub(super) fn get(&self, slot: u32) -> Option<&Connection> {
        self.pages.get((slot >> PAGE_BITS) as usize).map(|page| &page[slot as usize % PAGE])
    }

    /// What is in a slot, taken or not; none if there is no such slot.
    #[inline]
    pub(super) fn get_mut(&mut self, slot: u32) -> Option<&mut Connection> {
        self.pages.get_mut((slot >> PAGE_BITS) as usize).map(|page| &mut page[slot as usize % PAGE])
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = &Connection> {
        let all = self.pages.iter().flat_map(|page| page.iter()).zip(&self.ends);
        all.filter_map(|(connection, &end)| (end != End::VACANT).then_some(connection))
    }

    pub(super) fn into_taken(self) -> impl Iterator<Item = Connection> {
        let Slab { pages, ends, .. } = self;
        let all = pages.into_iter().flat_map(|page| page as Box<[_]>).zip(ends);
        all.filter_map(|(connection, end)| (end != End::VACANT).then_some(connection))
    }
}

impl std::ops::Index<u32> for Slab {
    type Output = Connection;
    #[inline]
    fn index(&self, slot: u32) -> &Connection {
        &self.pages[(slot >> PAGE_BITS) as usize][slot as usize % PAGE]
    }
}

impl std::ops::IndexMut<u32> for Slab {
    #[inline]
    fn index_mut(&mut self, slot: u32) -> &mut Connection {
        &mut self.pages[(slot >> PAGE_BITS) as usize][slot as usize % PAGE]
    }
}
