//! From a flow to its slot: open addressing over 8-byte entries, so that a million flows fit a few megabytes.
//!
//! An entry is the upper half of the key's hash and the slot. Which flow a slot really holds only the slab knows, so
//! every look-up is confirmed there.

use std::hint::select_unpredictable;

/// Hash tag in the upper half, slot plus one in the lower; 0 is an empty place.
type Entry = u64;

#[derive(Clone, Debug)]
pub(super) struct Index {
    entries: Vec<Entry>,
    taken: usize,
}

impl Default for Index {
    fn default() -> Self {
        Index { entries: vec![0; 1024], taken: 0 }
    }
}

impl Index {
    fn mask(&self) -> usize {
        self.entries.len() - 1
    }

    /// Tables up to 2³² entries: the place is taken from the tag alone, so growing needs no keys.
    #[inline]
    fn home(&self, tag: u32) -> usize {
        tag as usize & self.mask()
    }

    #[inline]
    fn tag(hash: u64) -> u32 {
        (hash >> 32) as u32
    }

    /// The slot whose tag agrees and of which `is_it` says that it holds the flow.
    #[inline]
    pub(super) fn find(&self, hash: u64, mut is_it: impl FnMut(u32) -> bool) -> Option<u32> {
        let tag = Index::tag(hash);
        let mut at = self.home(tag);
        loop {
            let entry = self.entries[at];
            if entry == 0 {
                return None;
            }
            let slot = entry as u32 - 1;
            if (entry >> 32) as u32 == tag && is_it(slot) {
                return Some(slot);
            }
            at = (at + 1) & self.mask();
        }
    }

    /// Reads the place where the flow's entry most likely is, so that it is at hand later.
    #[inline]
    pub(super) fn touch(&self, hash: u64) -> u64 {
        self.entries[self.home(Index::tag(hash))]
    }

    /// The slot that holds the flow, most likely, without asking the slab.
    ///
    /// The first few places are all looked at, since how many it takes is what no processor can foresee: 2 ns a segment.
    #[inline]
    pub(super) fn guess(&self, hash: u64) -> Option<u32> {
        let tag = Index::tag(hash);
        let home = self.home(tag);
        let mut found = 0;
        for step in (0..4).rev() {
            let entry = self.entries[(home + step) & self.mask()];
            found = select_unpredictable((entry >> 32) as u32 == tag, entry as u32, found);
        }
        found.checked_sub(1).or_else(|| self.guess_far(hash))
    }

    #[cold]
    fn guess_far(&self, hash: u64) -> Option<u32> {
        self.find(hash, |_| true)
    }

    pub(super) fn insert(&mut self, hash: u64, slot: u32) {
        // Fuller tables save a few bytes a flow and cost long walks for flows that are new.
        if (self.taken + 1) * 3 > self.entries.len() * 2 {
            self.grow();
        }
        self.place(u64::from(Index::tag(hash)) << 32 | u64::from(slot + 1));
        self.taken += 1;
    }

    fn place(&mut self, entry: Entry) {
        let mut at = self.home((entry >> 32) as u32);
        while self.entries[at] != 0 {
            at = (at + 1) & self.mask();
        }
        self.entries[at] = entry;
    }

    fn grow(&mut self) {
        let doubled = vec![0; self.entries.len() * 2];
        for entry in std::mem::replace(&mut self.entries, doubled) {
            if entry != 0 {
                self.place(entry);
            }
        }
    }

    /// Points the flow's entry to another slot.
    pub(super) fn redirect(&mut self, hash: u64, from: u32, to: u32) {
        if let Some(at) = self.entry_of(hash, from) {
            self.entries[at] = u64::from(Index::tag(hash)) << 32 | u64::from(to + 1);
        }
    }

    /// Takes the entry out and closes the gap, so that no tombstones gather.
    pub(super) fn remove(&mut self, hash: u64, slot: u32) {
        let Some(mut gap) = self.entry_of(hash, slot) else { return };
        self.taken -= 1;
        let mask = self.mask();
        let mut at = gap;
        loop {
            at = (at + 1) & mask;
            let entry = self.entries[at];
            if entry == 0 {
                break;
            }
            let home = self.home((entry >> 32) as u32);
            // The entry may move back into the gap unless its home lies between the gap and its place.
            if (at.wrapping_sub(home) & mask) >= (at.wrapping_sub(gap) & mask) {
                self.entries[gap] = entry;
                gap = at;
            }
        }
        self.entries[gap] = 0;
    }

    fn entry_of(&self, hash: u64, slot: u32) -> Option<usize> {
        let tag = Index::tag(hash);
        let sought = u64::from(tag) << 32 | u64::from(slot + 1);
        let mut at = self.home(tag);
        while self.entries[at] != 0 {
            if self.entries[at] == sought {
                return Some(at);
            }
            at = (at + 1) & self.mask();
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::collections::HashMap;

    proptest! {
        /// Against a map: inserts and removals with colliding hashes.
        #[test]
        fn behaves_like_a_map(steps in proptest::collection::vec((0_u64..40, any::<bool>()), 0..400)) {
            let mut index = Index::default();
            let mut model: HashMap<u64, u32> = HashMap::new();
            for (number, (key, insert)) in steps.into_iter().enumerate() {
                let hash = (key % 7) << 32;
                let slot_of = |index: &Index, model: &HashMap<u64, u32>| {
                    index.find(hash, |slot| model.get(&key) == Some(&slot))
                };
                prop_assert_eq!(slot_of(&index, &model), model.get(&key).copied());
                if insert && !model.contains_key(&key) {
                    model.insert(key, number as u32);
                    index.insert(hash, number as u32);
                } else if !insert && let Some(slot) = model.remove(&key) {
                    index.remove(hash, slot);
                }
                prop_assert_eq!(index.taken, model.len());
            }
        }
    }

    /// What does not fit grows, and nothing is lost on the way, nor where the places of an entry begin anew at the front.
    #[test]
    fn thousands_are_found_while_they_come_and_go() {
        let hash = |slot: u32| u64::from(slot / 3).wrapping_mul(0x9e37_79b9_7f4a_7c15);
        let mut index = Index::default();
        for slot in 0..10_000 {
            index.insert(hash(slot), slot);
            assert_eq!(index.find(hash(slot), |other| other == slot), Some(slot));
            if slot % 4 == 3 {
                index.redirect(hash(slot - 1), slot - 1, slot + 100_000);
                index.remove(hash(slot - 3), slot - 3);
                index.remove(hash(slot - 3), slot - 3);
            }
        }
        assert_eq!(index.taken, 7_500);
        assert!(
            index.entries.len().is_power_of_two() && index.entries.len() < 20_000,
            "{}",
            index.entries.len()
        );
        for slot in 0..10_000 {
            let there = |slot: u32, hashed: u32| index.find(hash(hashed), |other| other == slot).is_some();
            assert_eq!(there(slot, slot), slot % 2 == 1, "{slot}");
            assert_eq!(there(slot + 100_001, slot), slot % 4 == 2, "{slot}");
        }
    }
}
