//! The exit status: one function of what was found and what was asked, one of what went wrong.

use std::io;
use std::process::ExitCode;

use cwait_pcap::findings::is_owed;
use cwait_pcap::report::{Finding, Report, Service, Severity};

/// How the program ends. Where several apply: 2, then 75, then 1, then 3.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Status {
    /// The work is done, whatever was found.
    Done = 0,
    /// Done, and `--fail-on` or `--limit` was reached.
    Reached = 1,
    /// It could not be done.
    Failed = 2,
    /// Done in part: an input, or a stretch of one, could not be read.
    Partial = 3,
    /// A passing failure: try again (EX_TEMPFAIL of sysexits).
    TryAgain = 75,
    /// Ctrl-C: as a shell says of a program that SIGINT ended.
    Interrupted = 130,
}

/// What makes the status 1.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Gate {
    /// A finding at least as bad that is not accepted.
    pub fail_on: Option<Severity>,
    /// One service that owes at least so many FINs.
    pub limit: Option<u64>,
}

impl Status {
    /// The status of a run that wrote its report.
    pub fn of_report(report: &Report, gate: Gate) -> Status {
        let bad_enough = |severity| {
            let held = report.findings.iter().any(|finding| finding.weight() >= Some(severity));
            held || report.left_out.severity >= Some(severity)
        };
        let accepted = |service: &Service| {
            let here = |finding: &&Finding| is_owed(&finding.name) && finding.at.name == service.endpoint;
            let mut owed = report.findings.iter().filter(here).peekable();
            owed.peek().is_some() && owed.all(|finding| finding.accepted.is_some())
        };
        let too_many =
            |limit| report.services.iter().any(|service| service.owes_fin >= limit && !accepted(service));
        if gate.fail_on.is_some_and(bad_enough) || gate.limit.is_some_and(too_many) {
            Status::Reached
        } else if report.inputs.iter().any(|input| !input.problems.is_empty()) {
            Status::Partial
        } else {
            Status::Done
        }
    }

    /// Of two things that were done: 130, then 2, then 75, then 1, then 3.
    pub fn and(self, other: Status) -> Status {
        const ORDER: [Status; 6] = [
            Status::Interrupted,
            Status::Failed,
            Status::TryAgain,
            Status::Reached,
            Status::Partial,
            Status::Done,
        ];
        ORDER.into_iter().find(|status| [self, other].contains(status)).unwrap_or(Status::Done)
    }

    /// The status of a failure of the system.
    pub fn of_io(error: &io::Error) -> Status {
        if passes(error.kind()) { Status::TryAgain } else { Status::Failed }
    }

    /// The status of a run that stopped. A reader that went away (`| head`) is no failure.
    pub fn of_error(error: &anyhow::Error) -> Status {
        let kind = error.chain().find_map(|cause| cause.downcast_ref::<io::Error>()).map(io::Error::kind);
        match kind {
            Some(io::ErrorKind::BrokenPipe) => Status::Done,
            Some(kind) if passes(kind) => Status::TryAgain,
            _ => Status::Failed,
        }
    }
}

/// Whether the same call may well succeed later.
fn passes(kind: io::ErrorKind) -> bool {
    use io::ErrorKind::*;
    matches!(
        kind,
        StorageFull
            | QuotaExceeded
            | OutOfMemory
            | Interrupted
            | WouldBlock
            | TimedOut
            | ResourceBusy
            | StaleNetworkFileHandle
            | NetworkDown
            | NetworkUnreachable
            | HostUnreachable
            | ConnectionReset
            | ConnectionAborted
    )
}

impl From<Status> for ExitCode {
    fn from(status: Status) -> ExitCode {
        ExitCode::from(status as u8)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use anyhow::{Context, anyhow};

    #[test]
    fn errors_that_pass_ask_for_another_try() {
        use io::ErrorKind::*;
        for (kind, status) in [
            (StorageFull, Status::TryAgain),
            (TimedOut, Status::TryAgain),
            (NotFound, Status::Failed),
            (PermissionDenied, Status::Failed),
            (InvalidData, Status::Failed),
            (BrokenPipe, Status::Done),
        ] {
            let error = Err::<(), _>(io::Error::from(kind)).context("a.pcap").unwrap_err();
            assert_eq!(Status::of_error(&error), status, "{kind}");
        }
        assert_eq!(Status::of_error(&anyhow!("no idea")), Status::Failed);
    }
}
