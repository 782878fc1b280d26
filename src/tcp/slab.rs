//! Connections by number, in pages, so that growing never copies them.

use super::connection::Connection;
use crate::wire::{Endpoint, FlowKey};

const PAGE: usize = 1 << PAGE_BITS;
const PAGE_BITS: u32 = 10;

/// Slots that are taken, given back and taken again.
#[derive(Clone, Debug, Default)]
pub(super) struct Slab {
    pages: Vec<Vec<Connection>>,
    vacant: Vec<u32>,
    taken: Vec<bool>,
}

impl Slab {
    pub(super) fn insert(&mut self, connection: Connection) -> u32 {
        if let Some(slot) = self.vacant.pop() {
            self.taken[slot as usize] = true;
            self[slot] = connection;
            return slot;
        }
        let slot = self.taken.len();
        if slot.is_multiple_of(PAGE) {
            self.pages.push(Vec::with_capacity(PAGE));
        }
        self.pages[slot / PAGE].push(connection);
        self.taken.push(true);
        slot as u32
    }

    pub(super) fn remove(&mut self, slot: u32) -> Connection {
        self.taken[slot as usize] = false;
        self.vacant.push(slot);
        let nobody = Endpoint::v6([0; 16], 0);
        let empty = Connection::new(FlowKey { lo: nobody, hi: nobody, zone: 0 });
        std::mem::replace(&mut self[slot], empty)
    }

    /// Slots ever in use at once; some may be vacant.
    pub(super) fn capacity(&self) -> u32 {
        self.taken.len() as u32
    }

    pub(super) fn is_taken(&self, slot: u32) -> bool {
        self.taken[slot as usize]
    }

    pub(super) fn len(&self) -> usize {
        self.taken.len() - self.vacant.len()
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = &Connection> {
        self.pages
            .iter()
            .flatten()
            .zip(&self.taken)
            .filter_map(|(connection, taken)| taken.then_some(connection))
    }

    pub(super) fn into_taken(self) -> impl Iterator<Item = Connection> {
        let Slab { pages, taken, .. } = self;
        pages.into_iter().flatten().zip(taken).filter_map(|(connection, taken)| taken.then_some(connection))
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
