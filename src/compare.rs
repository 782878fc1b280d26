//! Vantage points of the same traffic compared: where on the path a segment was lost, born or changed, and what that
//! makes of the verdicts of each capture alone.
//!
//! Each vantage point is judged by itself first ([`crate::analysis`]). Then connections are matched ([`How`]), read a
//! second time ([`crate::detail`]), put on one clock ([`Relation`]) and on one path, and what each end sent is followed
//! from point to point. That a point does not show a segment is worth something only where its capture cannot have
//! missed it ([`Doubt`]).

mod clock;
mod fates;
mod journey;
mod matching;
mod matters;
mod opinions;
mod path;
mod read;
mod rows;
mod sketch;
mod story;
mod stretch;
mod trace;
mod transit;
mod watch;

use std::path::PathBuf;

pub use clock::Relation;
pub use fates::{Alteration, Event, Fate};
pub use matching::{How, Member, Shared};
pub use matters::{Kind, Matter};
pub use opinions::{Opinion, Ruling};
pub use path::{OrderedBy, Path};
pub use rows::Row;
pub use story::Story;
pub use stretch::{Flow, Stretch};
pub use trace::Numbering;
pub use watch::{Completeness, Doubt};

use crate::analysis::{AnalyzeError, Judged, Options, Outcome, Progress};
use crate::capture::CaptureError;
use crate::wire::{Stamp, Timestamp};

/// An end of a connection.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum End {
    /// The connecting one.
    Client = 0,
    /// The listening one.
    Server = 1,
}

impl End {
    /// Both.
    pub const BOTH: [End; 2] = [End::Client, End::Server];

    /// The other one.
    pub fn peer(self) -> End {
        match self {
            End::Client => End::Server,
            End::Server => End::Client,
        }
    }

    /// As an index.
    pub fn index(self) -> usize {
        self as usize
    }

    /// `client` or `server`.
    pub fn name(self) -> &'static str {
        match self {
            End::Client => "client",
            End::Server => "server",
        }
    }
}

/// Captures of one place.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Vantage {
    /// What it is called.
    pub name: String,
    /// Its files, read as one capture.
    pub captures: Vec<PathBuf>,
}

/// Why there is nothing to compare.
#[derive(Debug, thiserror::Error)]
pub enum CompareError {
    /// One of them cannot be analysed.
    #[error(transparent)]
    Analyze(#[from] AnalyzeError),
    /// An input cannot be read a second time.
    #[error("input cannot be read again")]
    Read(#[from] CaptureError),
    /// A pipe, of which there is no second look.
    #[error("{0}: captures are compared by reading them twice, which a pipe does not allow")]
    Pipe(String),
    /// The same file, or the same frames at the same times.
    #[error("{0} and {1} are the same capture: there is nothing to compare")]
    Same(String, String),
    /// No connection of the one is in the other.
    #[error("{}", .0)]
    NothingShared(String),
}

/// One place, as it turned out.
#[derive(Clone, Debug)]
pub struct View {
    /// What it is called.
    pub name: String,
    /// What its capture says by itself.
    pub outcome: Outcome,
    /// Its clock against that of the first place; none for the first, or if they share no segment.
    pub clock: Option<Relation>,
}

impl View {
    /// A time of this place by the clock of the first one.
    pub fn common(&self, at: Timestamp) -> Timestamp {
        self.clock.as_ref().map_or(at, |clock| clock.to_first(at))
    }
}

/// Everything that a comparison found.
#[derive(Clone, Debug)]
pub struct Comparison {
    /// The places, as given.
    pub views: Vec<View>,
    /// In which order they lie on the path.
    pub path: Path,
    /// Connections that two places or more show, and what became of them; in order of time.
    pub stories: Vec<Story>,
    /// Connections that one place alone shows, by place.
    pub alone: Vec<u64>,
    /// What lies between each two neighbours on the path.
    pub stretches: Vec<Stretch>,
    /// Shared connections that were too many to be followed segment by segment.
    pub not_followed: u64,
}

impl Comparison {
    /// The connection as a place shows it.
    pub fn judged(&self, shared: &Shared, at: usize) -> Option<&Judged> {
        Some(&self.views[at].outcome.connections[shared.members[at]?.which])
    }

    /// The time of a frame of a place, by the clock of the first place.
    pub fn common(&self, at: usize, stamp: Stamp) -> Timestamp {
        self.views[at].common(stamp.at)
    }
}

/// Reads, matches and compares.
///
/// # Errors
/// [`CompareError`].
pub fn run(
    vantages: &[Vantage],
    options: &Options,
    progress: &mut dyn FnMut(Progress),
) -> Result<Comparison, CompareError> {
    read::refuse_repetitions(vantages)?;
    let options = Options { keep_all: true, ..options.clone() };
    let mut outcomes = Vec::with_capacity(vantages.len());
    for vantage in vantages {
        outcomes.push(crate::analysis::run(&vantage.captures, &options, progress)?);
    }
    let material = read::Material::new(vantages, outcomes, &options)?;
    compare(material)
}

fn compare(material: read::Material) -> Result<Comparison, CompareError> {
    let relations = path::Relations::of(&material);
    relations.refuse_copies(&material)?;
    let path = Path::of(&material, &relations);
    let watches: Vec<watch::Watch> = material.outcomes.iter().map(watch::Watch::new).collect();
    let mut stretches = Stretch::along(&path);
    let mut stories = Vec::new();
    let mut not_followed = 0;
    for (shared, traces) in material.groups() {
        if !shared.is_shared() && material.missed_by(shared).is_empty() {
            continue;
        }
        let Some(traces) = traces else {
            not_followed += u64::from(shared.is_shared());
            continue;
        };
        let passes = material.passes(shared, traces);
        let order = path.of_connection(&material, &relations, shared);
        let journeys = End::BOTH.map(|from| {
            let stops = material.stops(from, &order, &passes, traces, &watches);
            journey::Journey::new(from, stops, &|near, far| relations.between(near, far))
        });
        let story = story::story(&material, shared, &order, &journeys, &relations);
        stretches.iter_mut().for_each(|stretch| stretch.add(&material, &journeys, &story));
        if shared.is_shared() || story.tells() {
            stories.push(story);
        }
    }
    stretches.iter_mut().for_each(Stretch::settle);
    Ok(material.finish(path, &relations, stories, stretches, not_followed))
}
