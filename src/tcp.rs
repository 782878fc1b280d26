//! What a passive observer knows of TCP connections.
//!
//! A connection is never *in a state* in our memory. It is a small record of facts that an observer between the two
//! ends can swear to: how far each end has sent, how far each has acknowledged, the first FIN of each, the silences.
//! States ([`replay()`]), Zeek's letters ([`Closure`]) and every judgement above are computed from the record, by pure
//! functions, when somebody asks.
//!
//! What the observer cannot know: whether a segment that passed the capture point arrived. That X sent it is sure;
//! that Y has it is sure only once Y acknowledges; that X heard so is hardly ever sure. Hence two replays instead of
//! one guess: what is *proven*, and what is *expected* if everything that passed was delivered.

#[cfg(test)]
mod anything;
mod closing;
mod closure;
mod codec;
mod connection;
mod data_level;
mod half;
mod history;
mod index;
mod join;
#[cfg(test)]
mod laws;
mod left_out;
mod numbers;
mod replay;
mod silence;
mod slab;
mod state;
mod streams;
mod table;
#[cfg(test)]
mod tests;
#[cfg(test)]
mod traffic;
mod waits;

pub use closing::{Fin, IcmpError, Rst, Stuck, ZeroWindow};
pub use closure::{Closure, Ending};
pub use codec::{Apart, Damaged, FACTS, FORM, Fact, Octets};
pub use connection::{Connection, Extra, Seldom};
pub use data_level::{DataLevel, DataMark};
pub use half::{Half, HopLimits, Tally};
pub use history::History;
pub use left_out::{LeftOut, Passed};
pub use numbers::{Numbers, Ranks};
pub use replay::{EndpointState, replay};
pub use silence::{Clock, Outcome, Silence, Silences, Witness};
pub use state::{Event, State};
pub use table::{FlowPart, Limits, Table};
