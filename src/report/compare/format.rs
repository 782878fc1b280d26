//! In which ways a comparison is written down.

/// The ways to write a comparison down.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum CompareFormat {
    /// Text of 80 columns.
    Terminal,
    /// One self-contained page.
    Html,
    /// For GitHub and GitLab.
    Markdown,
    /// Everything, for programs.
    Json,
    /// The same, one JSON value per line.
    NdJson,
}

impl CompareFormat {
    /// All, the default first.
    pub const ALL: [CompareFormat; 5] = [
        CompareFormat::Terminal,
        CompareFormat::Html,
        CompareFormat::Markdown,
        CompareFormat::Json,
        CompareFormat::NdJson,
    ];

    /// Its name.
    pub fn name(self) -> &'static str {
        match self {
            CompareFormat::Terminal => "terminal",
            CompareFormat::Html => "html",
            CompareFormat::Markdown => "markdown",
            CompareFormat::Json => "json",
            CompareFormat::NdJson => "ndjson",
        }
    }

    /// The format that writes files with that extension (without dot, case ignored).
    pub fn by_extension(extension: &str) -> Option<CompareFormat> {
        Some(match extension.to_ascii_lowercase().as_str() {
            "txt" | "log" => CompareFormat::Terminal,
            "html" | "htm" => CompareFormat::Html,
            "md" | "markdown" => CompareFormat::Markdown,
            "json" => CompareFormat::Json,
            "ndjson" | "jsonl" => CompareFormat::NdJson,
            _ => return None,
        })
    }
}
