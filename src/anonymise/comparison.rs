//! Comparisons: as reports, but for the names of places, which whoever compares chooses beforehand.

use std::collections::HashMap;

use super::Names;
use super::text::{Rewriting, command_alone};
use crate::report::CompareReport;

impl CompareReport {
    /// The same comparison with other names: addresses, names of connections and files, the command line. What places are called
    /// stays, in every sentence.
    ///
    /// # Errors
    /// None, unless it cannot be written as JSON.
    pub fn anonymised(&self, names: &Names) -> serde_json::Result<CompareReport> {
        let mut report = self.clone();
        command_alone(&mut report.tool);
        let captures = report.vantages.iter_mut().flat_map(|vantage| &mut vantage.captures);
        let mut words = Vec::new();
        for (number, path) in (1..).zip(captures) {
            let instead = format!("capture {number}");
            words.push((std::mem::replace(path, instead.clone()), instead));
        }
        words.sort_by_key(|(word, _)| std::cmp::Reverse(word.len()));
        let rewriting = Rewriting { names, ids: HashMap::new(), words };
        serde_json::from_value(rewriting.value(serde_json::to_value(&report)?, ""))
    }
}
