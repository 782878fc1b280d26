//! FINs that no path lost: verdicts of one place that the place next to the owner bears out.

use std::collections::BTreeMap;

use super::build::{id, moment, service, stream};
use super::findings::{SHOWN, of_service, proof};
use super::{PathEvidence, PathFinding};
use crate::compare::{Comparison, End, Opinion, Ruling, Story};
use crate::findings::Certainty;
use crate::report::Severity;
use crate::report::text::count;

/// FINs that are owed whatever the path did: the place next to the owner shows none either.
pub(super) fn owed(comparison: &Comparison) -> Vec<PathFinding> {
    [("missing-fin", "FIN"), ("missing-data-fin", "DATA_FIN")]
        .into_iter()
        .flat_map(|(name, fin)| owed_under(comparison, name, fin))
        .collect()
}

/// Those of one name; `fin` is what is owed.
fn owed_under(comparison: &Comparison, name: &str, fin: &str) -> Vec<PathFinding> {
    let mut groups: BTreeMap<(String, End), Vec<(&Story, &Opinion)>> = BTreeMap::new();
    for story in &comparison.stories {
        let confirmed = story
            .opinions
            .iter()
            .find(|opinion| opinion.finding == name && opinion.ruling == Ruling::Confirmed);
        if let Some(opinion) = confirmed {
            groups.entry((service(comparison, story), opinion.end)).or_default().push((story, opinion));
        }
    }
    let tell = |((service, end), members): ((String, End), Vec<(&Story, &Opinion)>)| {
        let of = of_service(comparison, &service);
        let finding = |(story, opinion): &(&Story, &Opinion)| {
            let judged = comparison.judged(&story.shared, opinion.at)?;
            let finding = judged.verdict.findings.iter().find(|finding| finding.name == name)?;
            Some((judged, finding.since?, finding.severity(members.len())))
        };
        let certainty = members.iter().map(|(_, opinion)| opinion.certainty).min();
        let certainty = certainty.unwrap_or(Certainty::Possible);
        let nearest = members.iter().filter_map(|(story, _)| match end {
            End::Client => story.order.first().copied(),
            End::Server => story.order.last().copied(),
        });
        let proof = proof(comparison, certainty, &nearest.collect());
        let severity = members.iter().filter_map(finding).map(|(.., severity)| severity).max();
        let evidence = members.iter().take(SHOWN).filter_map(|member| {
            let (judged, since, _) = finding(member)?;
            let at = member.1.at;
            Some(PathEvidence {
                at,
                stream: stream(&comparison.views[at], judged.connection.stream),
                moment: moment(since),
                label: format!("the {} acknowledges the {fin} and sends none", end.name()),
            })
        });
        let whose = match end {
            End::Server => format!("{service} owes its {fin}"),
            End::Client => format!("the client of {service} owes its {fin}"),
        };
        PathFinding {
            name: name.to_owned(),
            severity: severity.map_or(Severity::Note, Severity::from),
            certainty: certainty.into(),
            between: None,
            headline: format!("{whose} on {} of its {}", members.len(), count(of, "connection")),
            says: format!(
                "It was not lost on the way: {}. It acknowledged the other end's {fin}, so it had reached CLOSE-WAIT. {proof}",
                members[0].1.says
            ),
            advice: vec![format!(
                "Not the path: look at the program that owns the socket (cwait-pcap explain {name})."
            )],
            evidence: evidence.collect(),
            count: members.len() as u64,
            of,
            connections: members.iter().map(|(story, _)| id(comparison, story)).collect(),
            service,
        }
    };
    groups.into_iter().map(tell).collect()
}
