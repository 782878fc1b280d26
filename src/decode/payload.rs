//! What a layer hands to the next: the octets that were captured and how many there were on the wire.
//! Keeping the two together is what tells a packet that was cut by the snap length from a malformed one.

use super::Skip;

/// The rest of a packet below some header. `data` is never longer than `len`.
#[derive(Clone, Copy, Debug)]
pub struct Payload<'a> {
    /// The octets that were captured.
    pub data: &'a [u8],
    /// The octets it had on the wire, by the length that the nearest outer header states.
    pub len: usize,
}

impl<'a> Payload<'a> {
    /// A whole record; a wire length below the captured one is not believed.
    pub fn new(data: &'a [u8], wire_len: u32) -> Self {
        Payload { data, len: data.len().max(wire_len as usize) }
    }

    /// The first `N` octets, and what follows them.
    pub fn split<const N: usize>(self, malformed: Skip) -> Result<(&'a [u8; N], Payload<'a>), Skip> {
        match self.data.split_first_chunk() {
            Some((header, data)) => Ok((header, Payload { data, len: self.len - N })),
            None => Err(self.lacks(N, malformed)),
        }
    }

    /// What follows the first `n` octets.
    pub fn skip(self, n: usize, malformed: Skip) -> Result<Payload<'a>, Skip> {
        match self.data.get(n..) {
            Some(data) => Ok(Payload { data, len: self.len - n }),
            None => Err(self.lacks(n, malformed)),
        }
    }

    /// The same, ending where a header says it ends; octets behind that (padding, a trailer) go.
    ///
    /// The header is believed even if the frame was shorter: tools that cut captures do not all keep the
    /// original length.
    pub fn clip(self, len: usize) -> Payload<'a> {
        Payload { data: self.data.get(..len).unwrap_or(self.data), len }
    }

    /// Why a header of `n` octets is not here: the packet never had it, or it was not captured.
    pub fn lacks(self, n: usize, malformed: Skip) -> Skip {
        if self.len < n { malformed } else { Skip::CutShort }
    }
}
