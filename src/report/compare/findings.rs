//! What the path did, put together over connections, in the words of a ticket.

use std::collections::{BTreeMap, BTreeSet};

use super::build::{id, moment, service, stream};
use super::owed::owed;
use super::{PathEvidence, PathFinding};
use crate::compare::{Comparison, Completeness, End, Kind, Matter, Story};
use crate::findings::Certainty;
use crate::report::Severity;
use crate::report::text::{count, times};
use crate::wire::Span;

/// So many connections are shown as evidence.
pub(super) const SHOWN: usize = 3;

/// What is told as one: what happened, to which service, between which places.
type Subject = (Kind, String, (usize, usize));

/// All findings, worst first.
pub(super) fn findings(comparison: &Comparison) -> Vec<PathFinding> {
    let mut groups: BTreeMap<Subject, Vec<(&Story, &Matter)>> = BTreeMap::new();
    for story in &comparison.stories {
        for matter in told(story) {
            let place = |at: usize| comparison.path.order.iter().position(|other| *other == at);
            let (a, b) = matter.between;
            let between = if place(a) <= place(b) { (a, b) } else { (b, a) };
            groups
                .entry((matter.kind, service(comparison, story), between))
                .or_default()
                .push((story, matter));
        }
    }
    let mut all: Vec<PathFinding> = groups
        .into_iter()
        .map(|((kind, service, between), members)| {
            Group { comparison, kind, service, between, members }.tell()
        })
        .collect();
    all.extend(owed(comparison));
    all.sort_by_key(|finding| std::cmp::Reverse((finding.severity, finding.count)));
    all
}

/// What happened to a connection; a RST that answers for a forgotten session belongs to that, and each kind counts once.
fn told(story: &Story) -> Vec<&Matter> {
    let forgotten = story.matters.iter().find(|matter| matter.kind == Kind::SessionForgotten);
    let mut told: Vec<&Matter> = Vec::new();
    for matter in &story.matters {
        let belongs = matches!(matter.kind, Kind::RstForged | Kind::RstLost)
            && forgotten.is_some_and(|forgotten| same_stretch(forgotten, matter));
        let again = told.iter().any(|other| other.kind == matter.kind && same_stretch(other, matter));
        if !belongs && !again {
            told.push(matter);
        }
    }
    told
}

fn same_stretch(a: &Matter, b: &Matter) -> bool {
    a.between == b.between || a.between == (b.between.1, b.between.0)
}

struct Group<'a> {
    comparison: &'a Comparison,
    kind: Kind,
    service: String,
    between: (usize, usize),
    members: Vec<(&'a Story, &'a Matter)>,
}

impl Group<'_> {
    fn tell(&self) -> PathFinding {
        let n = self.members.len() as u64;
        let of = of_service(self.comparison, &self.service);
        let (headline, says, advice) = self.words(&format!("{n} of {}", count(of, "connection")));
        let certainty = self.members.iter().map(|(_, matter)| matter.certainty).min();
        let missing_at = |(_, matter): &(&Story, &Matter)| {
            let (a, b) = matter.between;
            if matter.first.0 == a { b } else { a }
        };
        let places: BTreeSet<usize> = self.members.iter().map(missing_at).collect();
        let certainty = certainty.unwrap_or(Certainty::Possible);
        let proof = proof(self.comparison, certainty, &places);
        PathFinding {
            name: self.kind.name().to_owned(),
            severity: match self.kind {
                Kind::SessionForgotten | Kind::FinLost | Kind::RstForged => Severity::Error,
                Kind::Forged | Kind::RstLost | Kind::SynLost | Kind::DataLost => Severity::Warning,
            },
            certainty: certainty.into(),
            between: Some(self.between.into()),
            service: self.service.clone(),
            count: n,
            of,
            headline,
            says: format!("{says} {proof}"),
            advice,
            evidence: self
                .members
                .iter()
                .take(SHOWN)
                .map(|(story, matter)| self.evidence(story, matter))
                .collect(),
            connections: self.members.iter().map(|(story, _)| id(self.comparison, story)).collect(),
        }
    }

    fn name(&self, at: usize) -> &str {
        &self.comparison.views[at].name
    }

    fn evidence(&self, story: &Story, matter: &Matter) -> PathEvidence {
        let (at, stamp) = matter.first;
        let judged = self.comparison.judged(&story.shared, at);
        let other = if matter.between.0 == at { matter.between.1 } else { matter.between.0 };
        let who = matter.end.name();
        let what = match self.kind {
            Kind::SessionForgotten => {
                let silence = matter.silence.unwrap_or(Span::ZERO);
                format!("the {who} speaks after {silence}, {}", times(matter.times.into()))
            }
            Kind::FinLost => format!("FIN of the {who}, {}", times(matter.times.into())),
            Kind::RstForged => format!("RST in the name of the {who}"),
            Kind::Forged => format!("segment in the name of the {who}"),
            Kind::RstLost => format!("RST of the {who}"),
            Kind::SynLost => format!("SYN of the {who}, {}", times(matter.times.into())),
            Kind::DataLost => format!("payload of the {who}, {}", count(u64::from(matter.times), "segment")),
        };
        PathEvidence {
            at,
            stream: judged.and_then(|judged| stream(&self.comparison.views[at], judged.connection.stream)),
            moment: moment(stamp),
            label: format!("{what}; not at {}", self.name(other)),
        }
    }

    /// `the client`, `the server`, or who on how many.
    fn who(&self) -> String {
        let by = |end: End| self.members.iter().filter(|(_, matter)| matter.end == end).count();
        match (by(End::Client), by(End::Server)) {
            (_, 0) => "the client".to_owned(),
            (0, _) => "the server".to_owned(),
            (clients, servers) => {
                let [clients, servers] = [clients, servers].map(|n| times(n as u64));
                format!("the client ({clients}) or the server ({servers})")
            }
        }
    }

    /// Headline, sentences, advice.
    fn words(&self, so_many: &str) -> (String, String, Vec<String>) {
        let (a, b) = (self.name(self.between.0), self.name(self.between.1));
        let (service, who) = (&self.service, self.who());
        let segments: u64 = self.members.iter().map(|(_, matter)| u64::from(matter.times)).sum();
        let sent = count(segments, "segment");
        match self.kind {
            Kind::SessionForgotten => {
                let silences = self.members.iter().filter_map(|(_, matter)| matter.silence);
                let shortest = silences.clone().min().unwrap_or(Span::ZERO);
                let longest = silences.max().unwrap_or(Span::ZERO);
                let after = match shortest.to_string() == longest.to_string() {
                    true => shortest.to_string(),
                    false => format!("{shortest} to {longest}"),
                };
                let forged = |(story, matter): &&(&Story, &Matter)| {
                    let rst = |other: &&Matter| other.kind == Kind::RstForged && same_stretch(other, matter);
                    story.matters.iter().any(|other| rst(&other))
                };
                let resets = match self.members.iter().filter(forged).count() {
                    0 => "None drew an answer.".to_owned(),
                    n => format!("On {n} of them a RST was made between, in the other end's name."),
                };
                (
                    format!("{so_many} to {service} are forgotten between {a} and {b}"),
                    format!(
                        "After a silence of {after} what {who} sent passed the one and never reached the other: {sent} in \
                         all. {resets}"
                    ),
                    vec![format!(
                        "What lies between {a} and {b} forgets a connection after a silence of at most {shortest}: raise its \
                         idle timer, or let keep-alives pass more often (cwait-pcap explain firewall-timeout)."
                    )],
                )
            }
            Kind::FinLost => (
                format!("the FIN of {so_many} to {service} is lost between {a} and {b}"),
                format!(
                    "It was sent by {who}, {} in all, and no copy came through: the end behind still takes the connection \
                     for open.",
                    times(segments)
                ),
                vec![format!(
                    "Not the program: it has closed. What lies between {a} and {b} drops FINs, or had already removed the \
                     session."
                )],
            ),
            Kind::RstForged => {
                let hop_limits = self.members.iter().find_map(|(_, matter)| matter.hop_limits);
                let hop_limits = hop_limits.map_or(String::new(), |(own, others)| {
                    format!(" The first came with hop limit {own}, its own segments with {others}.")
                });
                (
                    format!("RSTs made between {a} and {b} hit {so_many} to {service}"),
                    format!(
                        "They bear the address of {who}, but the capture nearer to it does not show them.{hop_limits}"
                    ),
                    vec![format!(
                        "Neither program reset these connections: ask what lies between {a} and {b}."
                    )],
                )
            }
            Kind::Forged => (
                format!("segments made between {a} and {b} are part of {so_many} to {service}"),
                format!("They bear the address of {who} with a foreign hop limit: a box speaks in its name."),
                vec![],
            ),
            Kind::RstLost => (
                format!("the RST of {so_many} to {service} is lost between {a} and {b}"),
                format!("It was sent by {who}; the other end does not know that the connection is over."),
                vec![],
            ),
            Kind::SynLost => (
                format!("the SYN of {so_many} to {service} is lost between {a} and {b}"),
                format!("It was sent by {who}, {} in all, and no copy came through.", times(segments)),
                vec![format!("A rule between {a} and {b} drops them, or the way is broken.")],
            ),
            Kind::DataLost => (
                format!("payload of {so_many} to {service} is lost for good between {a} and {b}"),
                format!("It was sent by {who}: {sent} of which no copy came through."),
                vec![],
            ),
        }
    }
}

/// Why places are believed that show nothing, or why not quite.
pub(super) fn proof(comparison: &Comparison, certainty: Certainty, places: &BTreeSet<usize>) -> String {
    let names: Vec<&str> = places.iter().map(|&at| &*comparison.views[at].name).collect();
    if certainty < Certainty::Certain {
        return format!("That {} missed it by itself cannot be ruled out.", names.join(" or "));
    }
    let believed = |(&at, name): (&usize, &&str)| match Completeness::of(&comparison.views[at].outcome) {
        Completeness::Counted => format!("{name} was capturing then and counts no drops."),
        Completeness::Shown(_) => {
            format!(
                "{name} was capturing then; it does not count drops, but shows all that was acknowledged."
            )
        }
        Completeness::Unknown => format!("{name} was capturing then."),
    };
    places.iter().zip(&names).map(believed).collect::<Vec<_>>().join(" ")
}

pub(super) fn of_service(comparison: &Comparison, name: &str) -> u64 {
    comparison.stories.iter().filter(|story| service(comparison, story) == name).count() as u64
}
