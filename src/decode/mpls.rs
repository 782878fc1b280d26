//! MPLS label stacks (RFC 3032). Labels do not say what they carry, so the first four bits have to.

use etherparse::EtherType;

use super::ethernet::ETHERNET;
use super::{Payload, Skip};

/// Skips all labels. 4 and 6 are IP, 0 a pseudowire's control word (RFC 4385 §3), 1 its associated
/// channel; what is left can only be Ethernet without control word.
pub fn labels(mut stack: Payload<'_>) -> Result<(EtherType, Payload<'_>), Skip> {
    const BOTTOM: u8 = 1;
    loop {
        let (label, rest) = stack.split::<4>(Skip::BadLink)?;
        stack = rest;
        if label[2] & BOTTOM != 0 {
            break;
        }
    }
    let (first, _) = stack.split::<1>(Skip::BadLink)?;
    match first[0] >> 4 {
        4 => Ok((EtherType::IPV4, stack)),
        6 => Ok((EtherType::IPV6, stack)),
        0 => Ok((ETHERNET, stack.skip(4, Skip::BadLink)?)),
        1 => Err(Skip::LinkControl),
        _ => Ok((ETHERNET, stack)),
    }
}
