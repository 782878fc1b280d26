//! The listed connections, put into words one at a time: while they are written, no more than one need be held.

use std::collections::HashMap;

use super::Builder;
use crate::analysis::Judged;
use crate::report::{Connection, KeySegment, Listed};

/// The listed connections of an outcome, in order of their first frames.
pub struct Rows<'a> {
    builder: Builder<'a>,
    key_segments: HashMap<String, Vec<KeySegment>>,
}

impl<'a> Rows<'a> {
    pub(super) fn new(builder: Builder<'a>) -> Rows<'a> {
        Rows { builder, key_segments: HashMap::new() }
    }

    /// Gives connections, by id, the segments that made them what they are.
    pub fn draw(&mut self, key_segments: HashMap<String, Vec<KeySegment>>) {
        self.key_segments = key_segments;
    }

    /// Each of them, made when it is asked for.
    pub fn iter(&self) -> impl Iterator<Item = Connection> {
        let listed = self.builder.request.listed;
        let wanted = move |judged: &&Judged| match listed {
            Listed::None => false,
            Listed::Flagged => judged.is_flagged(),
            Listed::All => true,
        };
        self.builder.outcome.connections.iter().filter(wanted).map(|judged| {
            let mut connection = self.builder.connection(judged);
            if let Some(segments) = self.key_segments.get(&connection.id) {
                connection.key_segments.clone_from(segments);
            }
            connection
        })
    }
}
