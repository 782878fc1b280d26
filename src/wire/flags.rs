//! The control bits of a TCP header (RFC 9293 §3.1).

use std::fmt;
use std::ops::{BitOr, BitOrAssign};

/// A set of TCP control bits. *All of* and *any of* are different questions and different methods.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Default)]
pub struct TcpFlags(pub u8);

impl TcpFlags {
    /// No more data from the sender.
    pub const FIN: TcpFlags = TcpFlags(0x01);
    /// Synchronise sequence numbers.
    pub const SYN: TcpFlags = TcpFlags(0x02);
    /// Reset the connection.
    pub const RST: TcpFlags = TcpFlags(0x04);
    /// Push function.
    pub const PSH: TcpFlags = TcpFlags(0x08);
    /// The acknowledgment number is significant.
    pub const ACK: TcpFlags = TcpFlags(0x10);
    /// The urgent pointer is significant.
    pub const URG: TcpFlags = TcpFlags(0x20);
    /// ECN-Echo (RFC 3168).
    pub const ECE: TcpFlags = TcpFlags(0x40);
    /// Congestion window reduced (RFC 3168).
    pub const CWR: TcpFlags = TcpFlags(0x80);

    /// Whether every bit of `those` is set.
    #[inline]
    pub const fn all(self, those: TcpFlags) -> bool {
        self.0 & those.0 == those.0
    }

    /// Whether at least one bit of `those` is set.
    #[inline]
    pub const fn any(self, those: TcpFlags) -> bool {
        self.0 & those.0 != 0
    }

    /// The two sets together.
    #[inline]
    pub const fn with(self, those: TcpFlags) -> TcpFlags {
        TcpFlags(self.0 | those.0)
    }
}

impl BitOr for TcpFlags {
    type Output = TcpFlags;
    fn bitor(self, other: TcpFlags) -> TcpFlags {
        self.with(other)
    }
}

impl BitOrAssign for TcpFlags {
    fn bitor_assign(&mut self, other: TcpFlags) {
        self.0 |= other.0;
    }
}

/// The names in Wireshark's order, `SYN,ACK`; `none` for the empty set.
impl fmt::Display for TcpFlags {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        const NAMES: [&str; 8] = ["FIN", "SYN", "RST", "PSH", "ACK", "URG", "ECE", "CWR"];
        let mut first = true;
        for (bit, name) in NAMES.iter().enumerate() {
            if self.0 & (1 << bit) != 0 {
                if !first {
                    f.write_str(",")?;
                }
                f.write_str(name)?;
                first = false;
            }
        }
        if first { f.write_str("none") } else { Ok(()) }
    }
}

impl fmt::Debug for TcpFlags {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "TcpFlags({self})")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_is_not_any() {
        let syn = TcpFlags::SYN;
        let syn_ack = TcpFlags::SYN | TcpFlags::ACK;
        assert!(syn.any(syn_ack) && !syn.all(syn_ack) && syn_ack.all(syn));
        assert_eq!(syn_ack.to_string(), "SYN,ACK");
        assert_eq!(TcpFlags::default().to_string(), "none");
    }
}
