//! Figures for a monitoring system, in the text format of OpenMetrics 1.0.

use std::io::{self, Write};

use crate::report::{Report, Time};

/// Services told one by one; the rest is in the totals.
const SERVICES: usize = 1_000;

/// Writes the figures of a report on what was seen so far.
///
/// # Errors
/// Only those of `out`.
pub fn write_metrics(report: &Report, open_alerts: usize, out: &mut dyn Write) -> io::Result<()> {
    let mut page = Page { out };
    let (capture, totals) = (&report.capture, &report.totals);
    page.counter("cwait_frames", "Frames read.", &[(&[], capture.frames)])?;
    page.counter("cwait_tcp_frames", "Frames that were TCP segments.", &[(&[], capture.tcp)])?;
    if let Some(drops) = capture.drops {
        page.counter("cwait_dropped_packets", "Packets the capture program says it lost.", &[(&[], drops)])?;
    }
    page.counter(
        "cwait_given_up_connections",
        "Connections retired early, for --max-memory.",
        &[(&[], totals.given_up)],
    )?;
    page.counter("cwait_connections", "Connections seen.", &[(&[], totals.connections)])?;
    let states = [
        ("closed by both", totals.closed_by_both),
        ("half closed", totals.half_closed),
        ("never answered", totals.unanswered),
        ("open", totals.open),
        ("refused", totals.refused),
        ("reset", totals.reset),
    ];
    let states = states.each_ref().map(|(how, n)| ([("ending", *how)], *n));
    page.gauge("cwait_connections_by_ending", "Connections by how they have ended so far.", &rows(&states))?;
    let services = &report.services[..report.services.len().min(SERVICES)];
    let of = |figure: fn(&crate::report::Service) -> u64| {
        services.iter().map(move |service| ([("service", service.endpoint.as_str())], figure(service)))
    };
    let owes: Vec<_> = of(|service| service.owes_fin).collect();
    page.gauge("cwait_owed_fins", "Connections on which the service owes its FIN.", &rows(&owes))?;
    let all: Vec<_> = of(|service| service.connections).collect();
    page.gauge("cwait_service_connections", "Connections of the service.", &rows(&all))?;
    let findings: Vec<_> = (report.findings.iter())
        .map(|finding| {
            // Whoever is woken by a severity is not woken by what was accepted.
            let severity = finding.weight().map_or("ACCEPTED", |severity| severity.word());
            (
                [("name", finding.name.as_str()), ("at", &finding.at.name), ("severity", severity)],
                finding.count,
            )
        })
        .collect();
    page.gauge("cwait_finding_connections", "Connections a finding was made on.", &rows(&findings))?;
    page.gauge("cwait_open_alerts", "Findings that are open.", &[(&[], open_alerts as u64)])?;
    if let Some(Time(last)) = capture.last {
        page.head("cwait_last_frame_timestamp_seconds", "gauge", "Time of the latest frame.")?;
        writeln!(page.out, "cwait_last_frame_timestamp_seconds {:.3}", last.0 as f64 / 1e9)?;
    }
    page.out.write_all(b"# EOF\n")
}

/// One figure with its labels.
type Row<'a> = (&'a [(&'a str, &'a str)], u64);

fn rows<'a, const N: usize>(rows: &'a [([(&'a str, &'a str); N], u64)]) -> Vec<Row<'a>> {
    rows.iter().map(|(labels, figure)| (&labels[..], *figure)).collect()
}

struct Page<'a> {
    out: &'a mut dyn Write,
}

impl Page<'_> {
    fn counter(&mut self, name: &str, help: &str, rows: &[Row<'_>]) -> io::Result<()> {
        self.head(name, "counter", help)?;
        self.rows(&format!("{name}_total"), rows)
    }

    fn gauge(&mut self, name: &str, help: &str, rows: &[Row<'_>]) -> io::Result<()> {
        self.head(name, "gauge", help)?;
        self.rows(name, rows)
    }

    fn head(&mut self, name: &str, kind: &str, help: &str) -> io::Result<()> {
        writeln!(self.out, "# TYPE {name} {kind}\n# HELP {name} {help}")
    }

    fn rows(&mut self, name: &str, rows: &[Row<'_>]) -> io::Result<()> {
        for (labels, figure) in rows {
            let labels: Vec<String> =
                labels.iter().map(|(key, value)| format!("{key}=\"{}\"", escaped(value))).collect();
            match labels.is_empty() {
                true => writeln!(self.out, "{name} {figure}")?,
                false => writeln!(self.out, "{name}{{{}}} {figure}", labels.join(","))?,
            }
        }
        Ok(())
    }
}

/// A label's value: backslash, quote and line feed are escaped, as the format asks for.
fn escaped(value: &str) -> String {
    value.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::sample::sample;

    #[test]
    fn the_sample_in_openmetrics() {
        let mut report = sample();
        report.findings[0].at.name = "a\"b\\c\nd".into();
        let mut page = Vec::new();
        write_metrics(&report, 3, &mut page).unwrap();
        insta::assert_snapshot!(String::from_utf8(page).unwrap());
    }
}
