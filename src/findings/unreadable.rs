//! A part of the capture could not be read: what was found of connections that lived through it is less sure, since the
//! lost frames may have held what would contradict it.

use super::{Case, Certainty, Finding, Verdict, capture_gap};

/// Words among what speaks against a finding.
const AGAINST: &str = "a part of the capture since then could not be read; what it held may say otherwise";

/// Takes from every finding across a hole one degree of certainty; all of it where neither side was heard behind the
/// hole, so that whatever is missing may lie in it. What a host's own record proves stays as it is. The hole itself
/// becomes a finding, so that it is told beside what it weakens.
pub(super) fn weaken(case: &Case<'_>, verdict: &mut Verdict) {
    if case.capture.holes.is_empty() {
        return;
    }
    let heard_since = !case.capture.unreadable_after(last_heard(case));
    let mut weakened = false;
    for finding in verdict.findings.iter_mut().filter(|finding| lies_across(case, finding)) {
        let lower = |certainty: Certainty| match certainty {
            Certainty::Certain if heard_since => Certainty::Likely,
            _ => Certainty::Possible,
        };
        finding.fact = lower(finding.fact);
        finding.cause.iter_mut().for_each(|cause| cause.certainty = lower(cause.certainty));
        finding.against.insert(0, AGAINST.into());
        weakened = true;
    }
    if weakened && verdict.findings.iter().all(|finding| finding.name != capture_gap::NAME) {
        verdict.findings.push(capture_gap::unreadable(case));
    }
}

/// Something could not be read after the first frame that the finding rests on.
fn lies_across(case: &Case<'_>, finding: &Finding) -> bool {
    let first = finding.evidence.iter().map(|(stamp, _)| stamp.at).min();
    let first = first.unwrap_or(case.connection.first.at);
    finding.proof.is_empty() && finding.name != capture_gap::NAME && case.capture.unreadable_after(first)
}

/// When the side that was silent for longer was last heard.
fn last_heard(case: &Case<'_>) -> crate::wire::Timestamp {
    let [lo, hi] = &case.connection.halves;
    lo.last.at.min(hi.last.at)
}
