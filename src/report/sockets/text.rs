//! The report on socket listings as text: what is too many or grows, then the counts, then what was not read.

use std::io;

use super::{SocketListing, SocketReport, SocketRow};
use crate::report::text::{columns, count, number, plain, wrap};
use crate::report::{Detail, Style};

/// So many rows are printed.
const ROWS: usize = 40;
/// So many moments of the curve are printed.
const MOMENTS: usize = 24;
/// So many unread lines of a file are printed.
const UNREAD: usize = 5;

pub(super) fn write(report: &SocketReport, style: &Style, out: &mut dyn io::Write) -> io::Result<()> {
    let page = Page { report, style, latest: latest(report) };
    for excess in &report.over {
        let (n, service) = (count(excess.count, "socket"), &excess.service);
        writeln!(
            out,
            "LIMIT REACHED: {} has {n} in CLOSE-WAIT, the limit is {}",
            plain(service),
            excess.limit
        )?;
    }
    let grown: Vec<String> = report.rows.iter().filter_map(|row| page.growth(row)).collect();
    for line in &grown {
        writeln!(out, "{}", plain(line))?;
    }
    if grown.is_empty() {
        let what = if report.moments.is_empty() { "no listing" } else { "no socket in CLOSE-WAIT" };
        writeln!(out, "{what}")?;
    } else {
        let text = "CLOSE-WAIT: the peer has closed and this host's program has not. It has no timer; only close by \
                    the program, a RST or a keep-alive to a lost peer ends it.";
        out.write_all(wrap(text, "  ", style.columns).as_bytes())?;
    }
    page.rows(out)?;
    page.curve(out)?;
    writeln!(out)?;
    for listing in &report.listings {
        page.source(listing, out)?;
    }
    Ok(())
}

struct Page<'a> {
    report: &'a SocketReport,
    style: &'a Style,
    /// Moments printed by the command of the last one: only these compare with each other.
    latest: Vec<usize>,
}

fn latest(report: &SocketReport) -> Vec<usize> {
    let Some(last) = report.moments.last() else { return Vec::new() };
    (0..report.moments.len()).filter(|&at| report.moments[at].format == last.format).collect()
}

impl Page<'_> {
    /// `CLOSE-WAIT at port 80 (python3): 10, up from 1 within 12 s`.
    fn growth(&self, row: &SocketRow) -> Option<String> {
        if row.state != "CLOSE-WAIT" {
            return None;
        }
        let (&first, &last) = (self.latest.first()?, self.latest.last()?);
        let at = |moment: usize| row.counts.get(moment).copied().unwrap_or(0);
        let most = self.latest.iter().map(|&moment| at(moment)).max().unwrap_or(0);
        if most == 0 {
            return None;
        }
        let (was, is) = (at(first), at(last));
        let mut line = format!("CLOSE-WAIT at {} ({}): {}", row.service, process(row), number(is));
        if first != last {
            line += &match is.cmp(&was) {
                std::cmp::Ordering::Greater => format!(", up from {}", number(was)),
                std::cmp::Ordering::Less => format!(", down from {}", number(was)),
                std::cmp::Ordering::Equal => ", as many as at first".to_owned(),
            };
            let time = |moment: usize| self.report.moments[moment].time.map(|time| time.0);
            if let (Some(from), Some(to)) = (time(first), time(last)) {
                let span = to - from;
                line += &format!(" within {span}");
                let hours = span.as_secs_f64() / 3_600.0;
                // A rate from a few minutes, or a few sockets, would be a guess at the rest of the hour.
                if is >= was + 4 && hours >= 1.0 / 6.0 {
                    line += &format!(", {:.1} more per hour", (is - was) as f64 / hours);
                }
            }
            if most > was.max(is) {
                line += &format!("; {} at most", number(most));
            }
        }
        Some(line)
    }

    fn rows(&self, out: &mut dyn io::Write) -> io::Result<()> {
        let (Some(&first), Some(&last)) = (self.latest.first(), self.latest.last()) else { return Ok(()) };
        let series = first != last;
        let mut table = vec![vec!["service".to_owned(), "process".into(), "state".into()]];
        let numbers: &[&str] = if series { &["first", "most", "last"] } else { &["sockets"] };
        table[0].extend(numbers.iter().map(|&name| name.to_owned()));
        let seen = |row: &&SocketRow| self.latest.iter().any(|&at| row.counts[at] > 0);
        let rows: Vec<&SocketRow> = self.report.rows.iter().filter(seen).collect();
        if rows.is_empty() {
            return Ok(());
        }
        let shown = if self.style.detail == Detail::Full { rows.len() } else { ROWS };
        for row in rows.iter().take(shown) {
            let most = self.latest.iter().map(|&at| row.counts[at]).max().unwrap_or(0);
            let mut cells = vec![
                plain(&row.service).into_owned(),
                plain(process(row)).into_owned(),
                plain(&row.state).into_owned(),
            ];
            match series {
                true => cells.extend([row.counts[first], most, row.counts[last]].map(number)),
                false => cells.push(number(row.counts[last])),
            }
            table.push(cells);
        }
        writeln!(out)?;
        out.write_all(columns(&table, &[3, 4, 5], "").as_bytes())?;
        if rows.len() > shown {
            writeln!(
                out,
                "... and {}: -v or --format json has them",
                count((rows.len() - shown) as u64, "row")
            )?;
        }
        Ok(())
    }

    /// CLOSE-WAIT over the snapshots: the curve that `netstat | grep -c CLOSE_WAIT` draws, as numbers.
    fn curve(&self, out: &mut dyn io::Write) -> io::Result<()> {
        let moments = &self.latest;
        if moments.len() < 2 || moments.iter().all(|&at| self.report.moments[at].close_wait == 0) {
            return Ok(());
        }
        // The first and the last always; between them evenly spaced ones if there are many.
        let most = if self.style.detail == Detail::Full { moments.len() } else { MOMENTS.min(moments.len()) };
        let picked = (0..most).map(|n| moments[n * (moments.len() - 1) / (most - 1).max(1)]);
        let mut table = vec![["snapshot", "sockets", "CLOSE-WAIT", "change"].map(str::to_owned).to_vec()];
        let mut before = None;
        for (n, at) in picked.enumerate() {
            let moment = &self.report.moments[at];
            let when = match &moment.time {
                Some(time) => self.style.day_and_time(time),
                None => format!("no. {}, undated", n + 1),
            };
            let change = before.map_or(String::new(), |before: u64| {
                let change = i128::from(moment.close_wait) - i128::from(before);
                if change == 0 { String::new() } else { format!("{change:+}") }
            });
            before = Some(moment.close_wait);
            table.push(vec![when, number(moment.sockets), number(moment.close_wait), change]);
        }
        writeln!(out)?;
        out.write_all(columns(&table, &[1, 2, 3], "").as_bytes())?;
        if most < moments.len() {
            writeln!(
                out,
                "({} of {} snapshots; -v has all)",
                number(most as u64),
                number(moments.len() as u64)
            )?;
        }
        Ok(())
    }

    fn source(&self, listing: &SocketListing, out: &mut dyn io::Write) -> io::Result<()> {
        let mut text = format!(
            "{}: {} with {}, {}",
            listing.path,
            count(listing.snapshots, "snapshot"),
            count(listing.sockets, "socket"),
            count(listing.lines, "line")
        );
        if listing.unread > 0 {
            text += &format!(", {} not read:", number(listing.unread));
        }
        if listing.cut_addresses > 0 {
            text += &format!(" ({} that the listing cut)", count(listing.cut_addresses, "address"));
        }
        out.write_all(wrap(&plain(&text), "", self.style.columns).as_bytes())?;
        let shown = if self.style.detail == Detail::Full { usize::MAX } else { UNREAD };
        for unread in listing.unread_lines.iter().take(shown) {
            let text: String = unread.text.chars().take(64).collect();
            writeln!(out, "  line {}: {}", unread.line, plain(&text))?;
        }
        let more = listing.unread.saturating_sub(listing.unread_lines.len().min(shown) as u64);
        if more > 0 {
            writeln!(out, "  ... and {} more", number(more))?;
        }
        Ok(())
    }
}

fn process(row: &SocketRow) -> &str {
    match row.process.as_deref() {
        Some("") => "no process",
        Some(process) => process,
        None => "process not listed",
    }
}
