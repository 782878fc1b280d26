//! What a fragment says of each of its captures as a whole: own types, written as JSON, so that what they are made from
//! may change its shape.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use crate::analysis::{Frames, InputFacts, PartFacts, Trouble};
use crate::capture::{self, Compression, Cut, Damage, DamageKind, Interface, LinkType, Marks, Summary};
use crate::decode::{self, FragmentCounts, Skip, Skips, Tunnel, Unfinished, Zone};
use crate::findings::CaptureFacts;
use crate::transcript::{Facts, Reason, Times};
use crate::wire::{Span, Stamp, Timestamp};

/// One capture.
#[derive(Clone, PartialEq, Debug, Default, Serialize, Deserialize)]
pub struct Capture {
    /// BLAKE3 of its content, unpacked; its name in rows.
    pub id: String,
    /// Where it was read; of a name that is no UTF-8, a fragment keeps what is.
    #[serde(serialize_with = "lossy")]
    pub path: PathBuf,
    /// What captures of the same capture point have in common.
    pub series: String,
    /// Which TCP was followed inside tunnels, and what kept equal addresses apart.
    pub read_with: [String; 2],
    /// Frames in all, and TCP segments among them.
    frames: u64,
    tcp: u64,
    /// First and last frame: time, number.
    first: (Timestamp, u64),
    last: (Timestamp, u64),
    skips: BTreeMap<String, u64>,
    /// Fragments, completed, incomplete, evicted, overlapping.
    ip_fragments: [u64; 5],
    given_up: u64,
    /// IP datagrams of which fragments are missing where it ends.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    unfinished: Vec<Unfinished>,
    input: Input,
}

#[derive(Clone, PartialEq, Debug, Default, Serialize, Deserialize)]
struct Input {
    format: String,
    compression: Vec<String>,
    file_bytes: u64,
    capture_bytes: u64,
    interfaces: Vec<(Option<String>, u16, Option<u32>, u64)>,
    snaplen: Option<u32>,
    times: Option<(Timestamp, Timestamp)>,
    step_back: i64,
    dropped: Option<u64>,
    /// Time, count.
    drops: Vec<(Option<Timestamp>, u64)>,
    comments: Vec<String>,
    damage: Vec<Hole>,
    damage_count: u64,
    damaged_bytes: u64,
    /// Frame, octet, octets there, octets needed, the stream that ends too soon.
    tail: Option<(u64, u64, u64, u64, Option<String>)>,
    hash: Option<String>,
    /// What stopped the reading, and whether that may pass.
    trouble: Option<(String, bool)>,
    /// What became of its lines, if it is text.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    text: Option<Text>,
}

/// Of a capture that is text: the programs that print such lines, what their times mean, lines by reason, services and hosts
/// known by name only, examples of lines.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
struct Text {
    tools: Vec<String>,
    times: String,
    unread: BTreeMap<String, u64>,
    services: Vec<(u16, String)>,
    hosts: Vec<(IpAddr, String)>,
    examples: Vec<(u64, String, String)>,
    lines: u64,
}

impl Text {
    fn new(facts: &Facts, summary: &Summary) -> Text {
        Text {
            tools: facts.tools.iter().map(ToString::to_string).collect(),
            times: facts.times.name().to_owned(),
            unread: facts.unread().map(|(reason, lines)| (reason.name().to_owned(), lines)).collect(),
            services: facts.services.iter().map(|(port, name)| (*port, name.to_string())).collect(),
            hosts: summary.names.clone(),
            examples: (facts.examples.iter())
                .map(|(line, reason, text)| (*line, reason.name().to_owned(), text.to_string()))
                .collect(),
            lines: summary.frames,
        }
    }

    fn facts(&self) -> Option<Facts> {
        let reason = |name: &str| Reason::ALL.into_iter().find(|reason| reason.name() == name);
        let unread = self.unread.iter().map(|(name, lines)| Some((reason(name)?, *lines)));
        let times = Times::ALL.into_iter().find(|times| times.name() == self.times)?;
        let mut facts = Facts::kept(&self.tools, times, unread.collect::<Option<Vec<_>>>()?)?;
        facts.services = self.services.iter().map(|(port, name)| (*port, name.as_str().into())).collect();
        let example =
            |(line, why, text): &(u64, String, String)| Some((*line, reason(why)?, text.as_str().into()));
        facts.examples = self.examples.iter().map(example).collect::<Option<_>>()?;
        Some(facts)
    }
}

#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
struct Hole {
    frame: u64,
    at_byte: u64,
    skipped: u64,
    what: String,
    resumed: bool,
    before: Option<Timestamp>,
    behind: Option<Timestamp>,
}

impl From<&Damage> for Hole {
    fn from(from: &Damage) -> Hole {
        let &Damage { frame, at_byte, skipped, ref what, resumed, before, behind } = from;
        Hole { frame, at_byte, skipped, what: what.to_string(), resumed, before, behind }
    }
}

impl From<&Hole> for Damage {
    fn from(from: &Hole) -> Damage {
        let &Hole { frame, at_byte, skipped, ref what, resumed, before, behind } = from;
        let what = DamageKind::Told(what.clone());
        Damage { frame, at_byte, skipped, what, resumed, before, behind }
    }
}

impl Capture {
    /// From what was read.
    pub fn new(id: String, series: String, options: &decode::Options, facts: &PartFacts) -> Capture {
        let counts = facts.frames.fragments;
        Capture {
            id,
            path: facts.input.path.clone(),
            series,
            read_with: read_with(options),
            frames: facts.capture.frames,
            tcp: facts.frames.tcp,
            first: (facts.capture.first.at, facts.capture.first.frame),
            last: (facts.capture.last.at, facts.capture.last.frame),
            skips: facts.frames.skips.iter().map(|(skip, count)| (skip.name().to_owned(), count)).collect(),
            ip_fragments: [
                counts.fragments,
                counts.completed,
                counts.incomplete,
                counts.evicted,
                counts.overlapping,
            ],
            given_up: facts.frames.given_up,
            unfinished: facts.unfinished.clone(),
            input: Input::new(&facts.input),
        }
    }

    /// As it was read; none if it names what this program does not know.
    pub fn facts(&self) -> Option<PartFacts> {
        let stamp = |(at, frame)| Stamp { at, frame };
        let [fragments, completed, incomplete, evicted, overlapping] = self.ip_fragments;
        let mut skips = Skips::default();
        for (name, count) in &self.skips {
            skips.count_many(Skip::ALL.into_iter().find(|skip| skip.name() == name)?, *count);
        }
        Some(PartFacts {
            capture: CaptureFacts {
                first: stamp(self.first),
                last: stamp(self.last),
                frames: self.frames,
                from_text: self.input.text.is_some(),
                ..CaptureFacts::default()
            },
            frames: Frames {
                tcp: self.tcp,
                skips,
                fragments: FragmentCounts { fragments, completed, incomplete, evicted, overlapping },
                given_up: self.given_up,
                unplaced: 0,
            },
            input: self.input.facts(self.path.clone())?,
            unfinished: self.unfinished.clone(),
        })
    }

    /// How frames are taken apart when it is read again.
    pub fn decode(&self) -> decode::Options {
        let [tunnel, zone] = &self.read_with;
        decode::Options {
            tunnel: if tunnel == "outer" { Tunnel::Outer } else { Tunnel::Inner },
            zone: match zone.as_str() {
                "vlan" => Zone::Vlan,
                "interface" => Zone::Interface,
                _ => Zone::None,
            },
        }
    }

    /// Frames in all.
    pub fn frames(&self) -> u64 {
        self.frames
    }

    /// What stopped the reading before the capture's end.
    pub fn trouble(&self) -> Option<Trouble> {
        self.input.trouble.clone().map(|(what, temporary)| Trouble { what, temporary })
    }

    /// Octets of the file.
    pub fn file_bytes(&self) -> u64 {
        self.input.file_bytes
    }

    /// Time of the earliest and of the latest record.
    pub fn times(&self) -> Option<(Timestamp, Timestamp)> {
        self.input.times
    }

    /// Time of the first frame.
    pub(super) fn first_frame_at(&self) -> Timestamp {
        self.first.0
    }

    /// What its records look like from outside, which is the same in all files of a set.
    pub fn looks(&self) -> (Vec<u16>, Option<u32>) {
        (self.input.interfaces.iter().map(|interface| interface.1).collect(), self.input.snaplen)
    }

    /// Its file's name.
    pub fn name(&self) -> String {
        self.path.display().to_string()
    }
}

fn lossy<S: serde::Serializer>(path: &std::path::Path, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(&path.to_string_lossy())
}

fn read_with(options: &decode::Options) -> [String; 2] {
    let tunnel = match options.tunnel {
        Tunnel::Inner => "inner",
        Tunnel::Outer => "outer",
    };
    let zone = match options.zone {
        Zone::None => "none",
        Zone::Vlan => "vlan",
        Zone::Interface => "interface",
    };
    [tunnel.to_owned(), zone.to_owned()]
}

impl Input {
    fn new(facts: &InputFacts) -> Input {
        let summary = &facts.summary;
        Input {
            format: summary.format.to_owned(),
            compression: summary.compression.iter().map(ToString::to_string).collect(),
            file_bytes: summary.file_bytes,
            capture_bytes: summary.capture_bytes,
            interfaces: (summary.interfaces.iter())
                .map(|it| (it.name.clone(), it.link.0, it.snaplen, it.frames))
                .collect(),
            snaplen: summary.snaplen,
            times: summary.times,
            step_back: summary.step_back.0,
            dropped: summary.dropped,
            drops: summary.drops.iter().map(|drop| (drop.at, drop.count)).collect(),
            comments: summary.comments.clone(),
            damage: summary.damage.iter().map(Hole::from).collect(),
            damage_count: summary.damage_count,
            damaged_bytes: summary.damaged_bytes,
            tail: summary.tail.map(|cut| {
                (cut.frame, cut.at_byte, cut.have, cut.needed, cut.stream.map(|stream| stream.to_string()))
            }),
            hash: facts.hash.clone(),
            trouble: facts.trouble.as_ref().map(|trouble| (trouble.what.clone(), trouble.temporary)),
            text: facts.text.as_ref().map(|text| Text::new(text, summary)),
        }
    }

    fn facts(&self, path: PathBuf) -> Option<InputFacts> {
        let interface = |(name, link, snaplen, frames): &(Option<String>, u16, Option<u32>, u64)| Interface {
            name: name.clone(),
            link: LinkType(*link),
            snaplen: *snaplen,
            offset_s: 0,
            frames: *frames,
        };
        let drop = |&(at, count): &(Option<Timestamp>, u64)| capture::Drop {
            after_frame: 0,
            before_frame: 0,
            at,
            count,
            interface: 0,
        };
        let tail = match &self.tail {
            Some((frame, at_byte, have, needed, stream)) => Some(Cut {
                frame: *frame,
                at_byte: *at_byte,
                have: *have,
                needed: *needed,
                stream: match stream {
                    Some(name) => Some(Compression::by_name(name)?),
                    None => None,
                },
            }),
            None => None,
        };
        let compression = self.compression.iter().map(|name| Compression::by_name(name));
        let mut summary = Summary::default();
        summary.format = capture::format_name(&self.format);
        summary.compression = compression.collect::<Option<_>>()?;
        summary.file_bytes = self.file_bytes;
        summary.capture_bytes = self.capture_bytes;
        summary.frames = self.interfaces.iter().map(|interface| interface.3).sum();
        summary.interfaces = self.interfaces.iter().map(interface).collect();
        summary.snaplen = self.snaplen;
        summary.times = self.times;
        summary.step_back = Span(self.step_back);
        summary.dropped = self.dropped;
        summary.drops = self.drops.iter().map(drop).collect();
        summary.comments = self.comments.clone();
        summary.damage = self.damage.iter().map(Damage::from).collect();
        summary.damage_count = self.damage_count;
        summary.damaged_bytes = self.damaged_bytes;
        summary.tail = tail;
        if let Some(text) = &self.text {
            (summary.frames, summary.names) = (text.lines, text.hosts.clone());
        }
        Some(InputFacts {
            path,
            first_frame: 1,
            summary,
            text: match &self.text {
                Some(text) => Some(text.facts()?),
                None => None,
            },
            hash: self.hash.clone(),
            marks: Marks::default(),
            trouble: self.trouble.clone().map(|(what, temporary)| Trouble { what, temporary }),
        })
    }
}
