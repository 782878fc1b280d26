//! Takes numbers off the front of fuzzed octets; zeros when they are used up.

/// What is left of the input.
pub struct Bytes<'a>(pub &'a [u8]);

impl<'a> Bytes<'a> {
    /// Up to so many octets.
    pub fn take(&mut self, most: usize) -> &'a [u8] {
        let (taken, rest) = self.0.split_at(most.min(self.0.len()));
        self.0 = rest;
        taken
    }

    /// The next number, little end first.
    pub fn number(&mut self, octets: usize) -> u64 {
        self.take(octets).iter().rev().fold(0, |number, &octet| number << 8 | u64::from(octet))
    }

    /// Whether nothing is left.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}
