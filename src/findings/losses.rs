//! What a capture lacks makes what was found in it less sure: a finding that rests on nothing having passed may be
//! contradicted by what was lost.

use super::{Case, Certainty, Finding, Verdict, capture_gap};

/// Facts that were seen, whatever else was not.
const SEEN: &[&str] =
    &["one-direction", "syn-fin", "syn-refused", "aborted", "half-close-in-use", capture_gap::NAME];

/// Words among what speaks against a finding.
const AGAINST: &str = "a part of the capture since then could not be read; what it held may say otherwise";

/// Lowers the certainty of every finding that rests on what did not pass. What a host's own record proves stays as it is.
///
/// Nothing is certain of a capture that does not say that it lost nothing, nor of a connection that it shows only the end of:
/// its FIN may have passed before. Across a hole nothing is more than likely,
/// and no more than possible where a side was not heard behind it, so that its last word may lie in it; the cause is
/// possible at most. The hole becomes a finding of its
/// own, to be told beside what it weakens.
pub(super) fn weaken(case: &Case<'_>, verdict: &mut Verdict) {
    let mut across_a_hole = false;
    for finding in verdict.findings.iter_mut().filter(|finding| rests_on_absence(finding)) {
        if may_lack_packets(case, finding) {
            finding.fact = finding.fact.min(Certainty::Likely);
        }
        if lies_across_a_hole(case, finding) {
            let most = if heard_behind_holes(case) { Certainty::Likely } else { Certainty::Possible };
            finding.fact = finding.fact.min(most);
            finding.cause.iter_mut().for_each(|cause| cause.certainty = Certainty::Possible);
            finding.against.insert(0, AGAINST.into());
            across_a_hole = true;
        }
    }
    if across_a_hole && verdict.findings.iter().all(|finding| finding.name != capture_gap::NAME) {
        verdict.findings.push(capture_gap::unreadable(case));
    }
}

/// Only a host's own record makes a cause certain.
fn rests_on_absence(finding: &Finding) -> bool {
    let told_by_host = finding.cause.as_ref().is_some_and(|cause| cause.certainty == Certainty::Certain);
    !told_by_host && finding.proof.is_empty() && !SEEN.contains(&finding.name)
}

/// The capture does not say that it lost nothing, or shows that it did, or began later than the connection.
fn may_lack_packets(case: &Case<'_>, finding: &Finding) -> bool {
    case.capture.drops.is_none()
        || case.connection.midstream()
        || case.capture.dropped_after(begins(case, finding)) > 0
        || case.connection.tallies.iter().any(|tally| tally.acked_unseen > 0)
}

/// Something could not be read after the first frame that the finding rests on.
fn lies_across_a_hole(case: &Case<'_>, finding: &Finding) -> bool {
    case.capture.unreadable_after(begins(case, finding))
}

fn begins(case: &Case<'_>, finding: &Finding) -> crate::wire::Timestamp {
    let first = finding.evidence.iter().map(|(stamp, _)| stamp.at).min();
    first.unwrap_or(case.connection.first.at)
}

/// Both sides were heard behind every hole.
fn heard_behind_holes(case: &Case<'_>) -> bool {
    let [lo, hi] = &case.connection.halves;
    !case.capture.unreadable_after(lo.last.at.min(hi.last.at))
}
