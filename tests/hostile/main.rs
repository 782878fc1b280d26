//! Broken and hostile input, from the outside: what `docs/bad-input.md` promises, line by line.

mod bundled;
mod changing;
mod holes;
mod imports;
mod interrupt;
mod limits;
mod output;
mod packets;
mod promises;

#[path = "../support/write.rs"]
mod write;
