//! Words: values as they stand on the wire. No I/O, no state, no judgement.
//!
//! Everything above speaks in these types. They are small, `Copy` and borrow nothing.

mod endpoint;
mod flags;
mod multipath;
mod segment;
mod seq;
mod time;

pub use endpoint::{Endpoint, FlowKey, Side};
pub use flags::TcpFlags;
pub use multipath::Multipath;
pub use segment::{Segment, TcpTimestamps};
pub use seq::SeqNum;
pub use time::{ParseSpanError, Span, Stamp, Timestamp};
