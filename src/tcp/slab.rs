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
    places: Vec<Place>,
}

/// What is known of a slot without looking at its connection.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Place {
    Vacant,
    /// Its connection stays, however long it is idle.
    Taken,
    /// Its connection may expire.
    Mortal,
}

impl Slab {
    /// The number of no slot.
    pub(super) const NO_SLOT: u32 = u32::MAX;

    pub(super) fn insert(&mut self, connection: Connection) -> u32 {
        if let Some(slot) = self.vacant.pop() {
            self.places[slot as usize] = Place::Mortal;
            self[slot] = connection;
            return slot;
        }
        let slot = self.places.len();
        if slot.is_multiple_of(PAGE) {
            self.pages.push(Vec::with_capacity(PAGE));
        }
        self.pages[slot / PAGE].push(connection);
        self.places.push(Place::Mortal);
        slot as u32
    }

    pub(super) fn remove(&mut self, slot: u32) -> Connection {
        self.places[slot as usize] = Place::Vacant;
        self.vacant.push(slot);
        let nobody = Endpoint::v6([0; 16], 0);
        let empty = Connection::new(FlowKey { lo: nobody, hi: nobody, zone: 0 });
        std::mem::replace(&mut self[slot], empty)
    }

    /// Slots ever in use at once; some may be vacant.
    pub(super) fn capacity(&self) -> u32 {
        self.places.len() as u32
    }

    pub(super) fn is_taken(&self, slot: u32) -> bool {
        self.places[slot as usize] != Place::Vacant
    }

    /// Whether there is a connection that may expire; a new one is taken to be.
    pub(super) fn is_mortal(&self, slot: u32) -> bool {
        self.places[slot as usize] == Place::Mortal
    }

    /// Notes whether the connection in a taken slot may expire.
    pub(super) fn set_mortal(&mut self, slot: u32, mortal: bool) {
        self.places[slot as usize] = if mortal { Place::Mortal } else { Place::Taken };
    }

    pub(super) fn len(&self) -> usize {
        self.places.len() - self.vacant.len()
    }

    /// What is in a slot, taken or not; none if there is no such slot.
    #[inline]
    pub(super) fn get(&self, slot: u32) -> Option<&Connection> {
        self.pages.get((slot >> PAGE_BITS) as usize)?.get(slot as usize % PAGE)
    }

    /// What is in a slot, taken or not; none if there is no such slot.
    #[inline]
    pub(super) fn get_mut(&mut self, slot: u32) -> Option<&mut Connection> {
        self.pages.get_mut((slot >> PAGE_BITS) as usize)?.get_mut(slot as usize % PAGE)
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = &Connection> {
        let all = self.pages.iter().flatten().zip(&self.places);
        all.filter_map(|(connection, &place)| (place != Place::Vacant).then_some(connection))
    }

    pub(super) fn into_taken(self) -> impl Iterator<Item = Connection> {
        let Slab { pages, places, .. } = self;
        let all = pages.into_iter().flatten().zip(places);
        all.filter_map(|(connection, place)| (place != Place::Vacant).then_some(connection))
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
