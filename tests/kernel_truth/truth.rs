//! `truth.json`: what really happened, and where the captures of it lie.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use serde::Deserialize;
use serde_json::Value;

/// One folder: captures of one run of programs on two hosts, and its truth.
pub struct Scenario {
    pub name: String,
    pub folder: PathBuf,
    pub truth: Truth,
}

#[derive(Deserialize)]
pub struct Truth {
    /// How much longer than recorded the times are, in a copy with longer times.
    #[serde(default = "one")]
    pub time_scale: f64,
    /// The idle timer of the firewall, in either layout of the file.
    #[serde(default)]
    firewall_idle_timeout_seconds: Option<f64>,
    #[serde(default)]
    firewall: Value,
    pub captures: Vec<Capture>,
    pub connections: Vec<Connection>,
}

/// A capture file, or a set of them that is one capture.
#[derive(Deserialize)]
pub struct Capture {
    pub file: String,
    #[serde(default)]
    files: Vec<String>,
    #[serde(rename = "where", default)]
    place: Option<String>,
    #[serde(default)]
    pub readable: Option<String>,
}

#[derive(Deserialize)]
pub struct Connection {
    pub id: String,
    pub client: String,
    pub server: String,
    #[serde(default)]
    pub client_as_server_sees: Option<String>,
    /// 1 is the first use of these four values in the capture.
    pub use_of_these_ports: usize,
    #[serde(default)]
    pub close_wait: Option<CloseWait>,
    /// Who, when, and the kernel's reason.
    #[serde(default)]
    pub resets_sent: Vec<(String, f64, String)>,
    expected: Expected,
    #[serde(default)]
    expected_by_capture: BTreeMap<String, Expected>,
}

#[derive(Deserialize)]
pub struct CloseWait {
    pub side: String,
    pub start: f64,
    pub seconds: f64,
}

#[derive(Deserialize)]
pub struct Expected {
    pub verdict: String,
    #[serde(default)]
    pub side: Option<String>,
    #[serde(default)]
    pub also_acceptable: Vec<String>,
}

fn one() -> f64 {
    1.0
}

impl Truth {
    /// Idle timers of the boxes on the path, in seconds.
    pub fn timers(&self) -> Vec<f64> {
        let told = &self.firewall["idle_timeout_seconds"];
        let several = told.as_array().into_iter().flatten();
        let all = several.chain([told]).filter_map(Value::as_f64);
        all.chain(self.firewall_idle_timeout_seconds).collect()
    }
}

impl Scenario {
    /// Every folder below `root` that holds a `truth.json`, by name.
    pub fn all_in(root: &Path) -> Vec<Scenario> {
        let entries = std::fs::read_dir(root).unwrap_or_else(|error| panic!("{}: {error}", root.display()));
        let mut folders: Vec<PathBuf> = entries.map(|entry| entry.expect("readable folder").path()).collect();
        folders.retain(|folder| folder.join("truth.json").is_file());
        folders.sort();
        folders.into_iter().map(Scenario::read).collect()
    }

    fn read(folder: PathBuf) -> Scenario {
        let text = std::fs::read_to_string(folder.join("truth.json")).expect("truth.json is text");
        let truth =
            serde_json::from_str(&text).unwrap_or_else(|error| panic!("{}: {error}", folder.display()));
        let name = folder.file_name().expect("a folder has a name").to_string_lossy().into_owned();
        Scenario { name, folder, truth }
    }

    /// Where a capture's files lie: under their own name, or compressed with `.zst` added.
    pub fn paths(&self, capture: &Capture) -> Vec<PathBuf> {
        let one = [capture.file.clone()];
        let names = if capture.files.is_empty() { &one[..] } else { &capture.files[..] };
        names
            .iter()
            .map(|name| {
                let plain = self.folder.join(name);
                if plain.exists() { plain } else { self.folder.join(format!("{name}.zst")) }
            })
            .collect()
    }
}

impl Capture {
    /// Whether it was taken on the side of the server, where translated addresses are seen.
    pub fn beyond_translation(&self) -> bool {
        matches!(self.place.as_deref(), Some("server" | "fw-server-side"))
    }

    /// Whether it was taken on the host of `side`.
    pub fn on_host_of(&self, side: &str) -> bool {
        self.place.as_deref() == Some(side)
    }

    pub fn is_damaged(&self) -> bool {
        self.readable.as_deref() == Some("prefix")
    }
}

impl Connection {
    pub fn expected(&self, capture: &Capture) -> &Expected {
        self.expected_by_capture.get(&capture.file).unwrap_or(&self.expected)
    }

    /// Whether the kernel of that side sent a RST then.
    pub fn sent_reset(&self, side: &str, at: f64, clocks: f64) -> bool {
        self.resets_sent.iter().any(|(who, when, _)| who == side && (when - at).abs() < clocks)
    }

    pub fn client_at(&self, capture: &Capture) -> &str {
        self.client_as_server_sees.as_ref().filter(|_| capture.beyond_translation()).unwrap_or(&self.client)
    }
}
