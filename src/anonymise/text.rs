//! Text and reports: every address in any string is replaced, whatever sentence it stands in.

use std::collections::HashMap;
use std::net::{IpAddr, SocketAddr};

use serde_json::Value;

use super::Names;
use crate::analysis::connection_id;
use crate::report::{Connection, Report};

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
        let command = |word: &String| word.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'-');
        report.tool.command_line.truncate(2);
        report.tool.command_line.retain(command);
        for (number, input) in (1..).zip(&mut report.inputs) {
            input.path = format!("capture {number}");
            input.hash = None;
        }
        if let Some(against) = &mut report.against {
            for (number, input) in (1..).zip(&mut against.before.inputs) {
                *input = format!("earlier capture {number}");
            }
        }
        let ids = self.connections.iter().filter_map(|c| Some((c.id.clone(), id_of(c, names)?))).collect();
        serde_json::from_value(rewrite(serde_json::to_value(&report)?, "", names, &ids))
    }
}

/// The name that the connection has in a capture with the other addresses.
fn id_of(connection: &Connection, names: &Names) -> Option<String> {
    let end = |text: &str| Some(names.endpoint(text.parse::<SocketAddr>().ok()?.into()));
    let ends = [end(&connection.client)?, end(&connection.server)?];
    Some(connection_id(ends, connection.first.time.timestamp()?))
}

/// Every string of a value; `field` says under which name it stands.
fn rewrite(value: Value, field: &str, names: &Names, ids: &HashMap<String, String>) -> Value {
    match value {
        Value::String(text) if matches!(field, "id" | "connection" | "connections") => {
            Value::String(ids.get(&text).cloned().unwrap_or_else(|| names.token(&text)))
        }
        Value::String(text) => Value::String(names.text(&text)),
        Value::Array(all) => all.into_iter().map(|value| rewrite(value, field, names, ids)).collect(),
        Value::Object(fields) => fields
            .into_iter()
            .map(|(name, value)| {
                let value = rewrite(value, &name, names, ids);
                (names.text(&name), value)
            })
            .collect(),
        other => other,
    }
}
