//! Many captures: which files there are, which of them are one capture, and one index over all their reports.
//!
//! A batch is *map* on all cores, *merge* and *report*; this room knows what comes before and behind: the [`Plan`], and the
//! [`Index`]. Who runs it, and shows how far it is, is the command line.

mod find;
mod index;
mod pages;
mod plan;
mod pool;
mod state;

pub use find::{Found, find};
pub use index::{Entry, Failed, Index, Leak, LeftOut, Timer};
pub use pages::{INDEX_FORMATS, IndexFormat};
pub use plan::{Passed, PassedKind, Plan, Planned};
pub use pool::{Pool, Silent};
pub use state::{Seen, State};
