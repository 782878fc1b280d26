//! The captures of one capture point, folded in their order and judged as one.

use std::collections::BTreeMap;
use std::path::Path;

use super::FragmentError;
use super::captures::Capture;
use super::merge::Merged;
use super::series::{Sequence, out_of_sequence, series};
use crate::analysis::{Join, Options, Outcome, PartFacts};
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
    /// Put together by their names, which then have to agree with their times.
    by_name: bool,
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
        members.sort_by_key(|&at| {
            let capture = &captures[at];
            (capture.begins(), Sequence::of(&capture.path), capture.name())
        });
        let name = match members[..] {
            [only] => captures[only].name(),
            _ if name.is_empty() => captures[members[0]].series.clone(),
            _ => name,
        };
        let named = |&at: &usize| captures[at].series == series(&captures[at].path);
        let by_name = joining == Joining::Auto && members.iter().all(named);
        Set { name, members, by_name }
    };
    by_name.into_iter().map(set).collect()
}

impl Capture {
    /// When it begins; one without frames comes last.
    fn begins(&self) -> Timestamp {
        self.times().map_or(Timestamp(i64::MAX), |_| self.first_frame_at())
    }
}

impl Set {
    /// Whether its captures can be one, of those that it was made from.
    ///
    /// # Errors
    /// If two of them overlap, were read with different options, or are in another order by their names than by time.
    pub fn check(&self, captures: &[Capture]) -> Result<(), FragmentError> {
        Join::new(self.parts(captures)?, Options::default())?;
        Ok(())
    }

    fn parts(&self, captures: &[Capture]) -> Result<Vec<PartFacts>, FragmentError> {
        let members: Vec<&Capture> = self.members.iter().filter_map(|&at| captures.get(at)).collect();
        if let Some(other) = members.iter().find(|capture| capture.read_with != members[0].read_with) {
            return Err(FragmentError::Options { one: members[0].name(), other: other.name() });
        }
        let dated = members.iter().filter(|capture| capture.times().is_some());
        let paths: Vec<&Path> = dated.map(|capture| capture.path.as_path()).collect();
        if let Some([first, second]) = out_of_sequence(&paths).filter(|_| self.by_name) {
            return Err(FragmentError::Sequence { first: first.to_owned(), second: second.to_owned() });
        }
        let facts = |capture: &&Capture| {
            let unknown =
                || FragmentError::damaged(&capture.path, "it names what this program does not know");
            capture.facts().ok_or_else(unknown)
        };
        members.iter().map(facts).collect()
    }
}

/// Folds the captures of one set, in their order, and judges them.
///
/// # Errors
/// If a fragment is damaged, or the captures cannot be one; see [`Set::check`].
pub fn joined(rows: &mut Merged, set: &Set, options: &Options) -> Result<Outcome, FragmentError> {
    let parts = set.parts(rows.captures())?;
    let mut options = options.clone();
    if let Some(capture) = set.members.first().and_then(|&at| rows.captures().get(at)) {
        options.decode = capture.decode();
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
