//! Broken and hostile input, from the outside: what `docs/bad-input.md` promises, line by line.

mod holes;
mod packets;

#[path = "../support/write.rs"]
mod write;
