//! Text and reports: every address in any string is replaced, whatever sentence it stands in.

use std::collections::{BTreeMap, HashMap};
use std::net::{IpAddr, SocketAddr};

use serde_json::Value;

use super::Names;
use crate::analysis::connection_id;
use crate::report::{Connection, Report, Tool};

/// What is said instead of words of people and lines of hosts.
const LEFT_OUT: &str = "(left out)";

impl Names {
    /// The text with every IP and MAC address in it replaced.
    pub fn text(&self, text: &str) -> String {
        let in_address = |c: char| c.is_ascii_hexdigit() || matches!(c, '.' | ':');
        let mut out = String::with_capacity(text.len());
        let mut rest = text;
        let mut glued_before = false;
        while !rest.is_empty() {
            let len = rest.find(|c| !in_address(c)).unwrap_or(rest.len());
            let (word, after) = rest.split_at(len);
            let glued = glued_before || after.chars().next().is_some_and(char::is_alphanumeric);
            // `std::fs` is no address; four numbers with dots always are.
            match self.word(word).filter(|_| !glued || word.matches('.').count() >= 3) {
                Some(other) => out += &other,
                None => out += word,
            }
            let other = after.find(in_address).unwrap_or(after.len());
            out += &after[..other];
            glued_before = after[..other].chars().next_back().is_some_and(char::is_alphanumeric);
            rest = &after[other..];
        }
        out
    }

    /// An address, with or without port, and the punctuation behind it.
    fn word(&self, word: &str) -> Option<String> {
        if !word.contains(|c: char| c.is_ascii_hexdigit()) {
            return None;
        }
        if let Ok(address) = word.parse::<IpAddr>() {
            return Some(self.address(address).to_string());
        }
        if let Ok(end) = word.parse::<SocketAddr>() {
            return Some(SocketAddr::new(self.address(end.ip()), end.port()).to_string());
        }
        let octets: Vec<&str> = word.split(':').collect();
        if octets.len() == 6 && octets.iter().all(|octet| octet.len() == 2) {
            let mut mac = [0; 6];
            for (byte, octet) in mac.iter_mut().zip(&octets) {
                *byte = u8::from_str_radix(octet, 16).ok()?;
            }
            return Some(self.mac(mac).map(|byte| format!("{byte:02x}")).join(":"));
        }
        // Letters that a word before it ends with, then a dot or colon of the sentence.
        let digits = word.trim_start_matches(|c: char| c.is_ascii_alphabetic());
        if digits.len() < word.len() && digits.contains('.') {
            return Some(word[..word.len() - digits.len()].to_owned() + &self.word(digits)?);
        }
        let shorter = word.strip_suffix(['.', ':'])?;
        Some(self.word(shorter)? + &word[shorter.len()..])
    }
}

impl Report {
    /// The same report with other names: addresses, names of connections and files, the command line.
    ///
    /// # Errors
    /// None, unless the report cannot be written as JSON.
    pub fn anonymised(&self, names: &Names) -> serde_json::Result<Report> {
        let mut report = self.clone();
        command_alone(&mut report.tool);
        for (number, input) in (1..).zip(&mut report.inputs) {
            input.path = format!("capture {number}");
            input.hash = None;
            // Its notes name hosts and quote nothing that matters without them.
            if let Some(text) = &mut input.text {
                text.unread_lines.clear();
                input.notes.clear();
            }
        }
        if let Some(against) = &mut report.against {
            for (number, input) in (1..).zip(&mut against.before.inputs) {
                *input = format!("earlier capture {number}");
            }
        }
        let words = self.hide_words(&mut report, names);
        let ids = self.connections.iter().filter_map(|c| Some((c.id.clone(), id_of(c, names)?))).collect();
        let rewriting = Rewriting { names, ids, words };
        serde_json::from_value(rewriting.value(serde_json::to_value(&report)?, ""))
    }

    /// Takes out what hosts say of programs, users and files, and what the user calls hosts; returns the words that may
    /// stand in sentences, longest first, with what to say instead.
    fn hide_words(&self, report: &mut Report, names: &Names) -> Vec<(String, String)> {
        let mut words = BTreeMap::new();
        let mut hide = |word: &mut String, instead: String| {
            words.insert(word.clone(), instead.clone());
            *word = instead;
        };
        for process in report.connections.iter_mut().flat_map(|c| &mut c.processes) {
            for (word, kind) in [(&mut process.name, "program"), (&mut process.user, "user")] {
                if let Some(word) = word {
                    let instead = format!("{kind}-{}", names.token(word));
                    hide(word, instead);
                }
            }
        }
        for holders in report.findings.iter().filter_map(|finding| finding.process.as_ref()) {
            for word in programs(holders) {
                let instead = format!("program-{}", names.token(word));
                hide(&mut word.to_owned(), instead);
            }
        }
        for (number, record) in (1..).zip(&mut report.host_records) {
            let instead = format!("record {number}");
            let path = std::path::Path::new(&record.path);
            if let Some(file) = path.file_name() {
                hide(&mut file.to_string_lossy().into_owned(), instead.clone());
            }
            hide(&mut record.path, instead);
            record.unread_lines.clear();
        }
        for quote in report.findings.iter_mut().flat_map(|finding| &mut finding.quotes) {
            quote.text = LEFT_OUT.into();
        }
        let called = report.connections.iter_mut().flat_map(|c| [&mut c.client_name, &mut c.server_name]);
        for name in called.flatten().chain(report.host_names.iter_mut().map(|host| &mut host.name)) {
            let instead = names.name(name);
            hide(name, instead);
        }
        for role in report.host_names.iter_mut().filter_map(|host| host.role.as_mut()) {
            if !matches!(role.as_str(), "server" | "client") {
                let instead = format!("role-{}", names.token(role));
                hide(role, instead);
            }
        }
        if let Some(config) = &mut report.config {
            hide(&mut config.path, "the configuration".into());
            config.accepted.iter_mut().for_each(|kind| kind.reason = LEFT_OUT.into());
        }
        for accepted in report.findings.iter_mut().filter_map(|finding| finding.accepted.as_mut()) {
            accepted.reason = LEFT_OUT.into();
        }
        let mut words: Vec<_> = words.into_iter().filter(|(word, _)| !word.is_empty()).collect();
        words.sort_by_key(|(word, _)| std::cmp::Reverse(word.len()));
        words
    }
}

/// Leaves the program and its command of a command line.
pub(super) fn command_alone(tool: &mut Tool) {
    let command = |word: &String| word.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'-');
    tool.command_line.truncate(2);
    tool.command_line.retain(command);
}

/// The names in `7 by python3 (pid 4828) + sshd, 3 by no process and 2 more`.
fn programs(holders: &str) -> impl Iterator<Item = &str> {
    let ours = |name: &str| matches!(name, "no process" | "a process") || name.starts_with("pid ");
    let parts = holders.split([',', '+']).map(|one| one.split(" and ").next().unwrap_or(one));
    parts
        .map(|one| one.split(" (pid ").next().unwrap_or(one))
        .map(|one| one.rsplit_once(" by ").map_or(one, |(_, name)| name).trim())
        .filter(move |name| !ours(name))
}

/// The name that the connection has in a capture with the other addresses.
fn id_of(connection: &Connection, names: &Names) -> Option<String> {
    let end = |text: &str| Some(names.endpoint(text.parse::<SocketAddr>().ok()?.into()));
    let ends = [end(&connection.client)?, end(&connection.server)?];
    Some(connection_id(ends, connection.first.time.0))
}

/// Goes through every string of a report.
pub(super) struct Rewriting<'a> {
    pub(super) names: &'a Names,
    /// New names of connections.
    pub(super) ids: HashMap<String, String>,
    /// Words of hosts, and what to say instead.
    pub(super) words: Vec<(String, String)>,
}

impl Rewriting<'_> {
    /// The value with every string replaced; `field` says under which name it stands.
    pub(super) fn value(&self, value: Value, field: &str) -> Value {
        match value {
            Value::String(text) => Value::String(self.string(&text, field)),
            Value::Array(all) => all.into_iter().map(|value| self.value(value, field)).collect(),
            Value::Object(fields) => fields
                .into_iter()
                .map(|(name, value)| {
                    let value = self.value(value, &name);
                    (self.names.text(&name), value)
                })
                .collect(),
            other => other,
        }
    }

    fn string(&self, text: &str, field: &str) -> String {
        /// Sentences; other fields hold words of our own, which a program may happen to be called.
        const SENTENCES: [&str; 16] = [
            "advice",
            "against",
            "because",
            "command",
            "file",
            "headline",
            "label",
            "notes",
            "on",
            "problems",
            "process",
            "says",
            "text",
            "title",
            "undecided",
            "what",
        ];
        if matches!(field, "id" | "connection" | "connections") {
            return self.ids.get(text).cloned().unwrap_or_else(|| self.names.token(text));
        }
        let mut text = self.names.text(text);
        if SENTENCES.contains(&field) {
            for (word, instead) in &self.words {
                text = without(&text, word, instead);
            }
        }
        text
    }
}

/// The text with `instead` wherever `word` stands by itself.
fn without(text: &str, word: &str, instead: &str) -> String {
    let glued = |c: Option<char>| c.is_some_and(char::is_alphanumeric);
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find(word) {
        let (before, found) = rest.split_at(at);
        let after = &found[word.len()..];
        let whole = !glued(before.chars().next_back()) && !glued(after.chars().next());
        out += before;
        out += if whole { instead } else { word };
        rest = after;
    }
    out + rest
}
