//! Reading ahead: what is needed of a connection soon is fetched while that of others is, too.

use super::Connection;

impl Connection {
    /// Something from every cache line that a segment needs. What it is means nothing: it only has to be used.
    #[inline(always)]
    pub(in crate::tcp) fn touch(&self) -> u64 {
        let Connection { halves: [lo, hi], key, bits, .. } = self;
        lo.payload ^ hi.payload ^ u64::from(key.lo.port()) ^ u64::from(*bits)
    }

    /// The same for what else is needed when it leaves.
    #[inline(always)]
    pub(in crate::tcp) fn touch_ending(&self) -> u64 {
        let fins = self.extra.iter().flat_map(|extra| extra.fin.iter().flatten());
        fins.fold(u64::from(self.responder_rtt_us), |touched, fin| {
            touched ^ fin.seen.frame ^ u64::from(fin.sent)
        })
    }
}
