//! The captures of one capture point, folded in their order and judged as one.

use std::collections::BTreeMap;

use super::FragmentError;
use super::captures::Capture;
use super::merge::Merged;
use crate::analysis::{Join, Options, Outcome};
use crate::tcp::Connection;
use crate::wire::Timestamp;

/// Which captures are joined into one.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum Joining {
    /// Each on its own.
    Never,
    /// Those of one series, by name and content.
    #[default]
    Auto,
    /// All.
    All,
}

/// Captures that are one.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Set {
    /// What they have in common.
    pub name: String,
    /// Their places, in the order of their times.
    pub members: Vec<usize>,
}

/// Divides captures into sets.
pub fn sets(captures: &[Capture], joining: Joining) -> Vec<Set> {
    let mut by_name: BTreeMap<(String, String), Vec<usize>> = BTreeMap::new();
    for (at, capture) in captures.iter().enumerate() {
        let name = match joining {
            Joining::Never => (capture.name(), capture.id.clone()),
            Joining::Auto => (capture.series.clone(), format!("{:?}", (capture.looks(), &capture.read_with))),
            Joining::All => Default::default(),
        };
        by_name.entry(name).or_default().push(at);
    }
    let set = |((name, _), mut members): ((String, String), Vec<usize>)| {
        members.sort_by_key(|&at| (captures[at].begins(), captures[at].name()));
        let name = match members[..] {
            [only] => captures[only].name(),
            _ if name.is_empty() => captures[members[0]].series.clone(),
            _ => name,
        };
        Set { name, members }
    };
    by_name.into_iter().map(set).collect()
}

impl Capture {
    /// When it begins; one without frames comes last.
    fn begins(&self) -> Timestamp {
        self.times().map_or(Timestamp(i64::MAX), |_| self.first_frame_at())
    }
}

/// Folds the captures of one set, in their order, and judges them.
///
/// # Errors
/// If a fragment is damaged, two captures overlap, or they were read with different options.
pub fn joined(rows: &mut Merged, set: &Set, options: &Options) -> Result<Outcome, FragmentError> {
    let captures: Vec<&Capture> = set.members.iter().filter_map(|&at| rows.captures().get(at)).collect();
    let mut options = options.clone();
    let mut parts = Vec::with_capacity(captures.len());
    for capture in &captures {
        let first = captures[0];
        if capture.read_with != first.read_with {
            return Err(FragmentError::Options { one: first.name(), other: capture.name() });
        }
        options.decode = capture.decode();
        let unknown = || FragmentError::damaged(&capture.path, "it names what this program does not know");
        parts.push(capture.facts().ok_or_else(unknown)?);
    }
    let mut places = vec![None; rows.captures().len()];
    set.members.iter().enumerate().for_each(|(place, &at)| places[at] = Some(place));
    let mut join = Join::new(parts, options)?;
    let mut flow: Vec<(usize, Connection)> = Vec::new();
    while let Some(row) = rows.next_row()? {
        let Some(Some(place)) = places.get(row.capture as usize) else { continue };
        if flow.first().is_some_and(|(_, connection)| connection.key != row.key) {
            join.add_flow(std::mem::take(&mut flow));
        }
        let path = &rows.captures()[row.capture as usize].path;
        let connection = row.connection().map_err(|error| FragmentError::damaged(path, error))?;
        flow.push((*place, connection));
    }
    join.add_flow(flow);
    Ok(join.finish())
}
