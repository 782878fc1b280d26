//! Damages inputs as a fuzzer does: a few changes each, from a seed, so that every run is the same.

/// Numbers from a seed (splitmix64), and what is done with them.
pub struct Mutator(u64);

impl Mutator {
    pub fn new(seed: u64) -> Mutator {
        Mutator(seed)
    }

    fn roll(&mut self, sides: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        ((z ^ (z >> 31)) % sides.max(1) as u64) as usize
    }

    /// One of the seeds with one to eight changes.
    pub fn damage(&mut self, seeds: &[Vec<u8>]) -> Vec<u8> {
        let mut input = seeds[self.roll(seeds.len())].clone();
        for _ in 0..=self.roll(8) {
            self.change(&mut input, seeds);
        }
        input
    }

    fn change(&mut self, input: &mut Vec<u8>, seeds: &[Vec<u8>]) {
        const TELLING: [u32; 10] =
            [0, 1, 4, 0x7f, 0xff, 0xffff, 0x4_0000, 0x7fff_ffff, 0x8000_0000, 0xffff_ffff];
        let at = self.roll(input.len());
        let len = 1 + self.roll(64);
        let upto = input.len().min(at + len);
        match self.roll(9) {
            0 => input.iter_mut().skip(at).take(1).for_each(|octet| *octet ^= 1 << (len % 8)),
            1 => {
                let any = self.roll(256) as u8;
                input.iter_mut().skip(at).take(1).for_each(|octet| *octet = any);
            }
            2 | 3 => {
                let number = TELLING[self.roll(TELLING.len())];
                let octets = if self.roll(2) == 0 { number.to_le_bytes() } else { number.to_be_bytes() };
                let width = [1, 2, 4][self.roll(3)];
                let octets = if self.roll(2) == 0 { &octets[..width] } else { &octets[4 - width..] };
                input.iter_mut().skip(at).zip(octets).for_each(|(place, octet)| *place = *octet);
            }
            4 => drop(input.drain(at..upto)),
            5 => {
                let again = input[at..upto].to_vec();
                input.splice(at..at, again);
            }
            6 => {
                let any: Vec<u8> = (0..len).map(|_| self.roll(256) as u8).collect();
                input.splice(at..at, any);
            }
            7 => input.truncate(at),
            _ => {
                // The front of this one, and a part of another.
                let other = &seeds[self.roll(seeds.len())];
                let from = self.roll(other.len());
                let most = (from + 2_000).min(other.len());
                input.truncate(at);
                input.extend(&other[from..most]);
            }
        }
    }
}
