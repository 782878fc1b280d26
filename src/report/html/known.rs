//! What the user told beforehand: names of hosts, and what the configuration says.

use super::{Page, text};

impl Page<'_> {
    pub(super) fn known(&mut self) {
        let report = self.report;
        if report.host_names.is_empty() && report.config.is_none() {
            return;
        }
        self.section("known", "Told beforehand");
        self.put("<dl class=\"card\">\n");
        for host in &report.host_names {
            let role = host.role.as_ref().map_or(String::new(), |role| format!(" ({})", text(role)));
            self.row(&host.address, &format!("<strong>{}</strong>{role}", text(&host.name)));
        }
        if let Some(config) = &report.config {
            let lines: String =
                config.lines().iter().map(|line| format!("<li>{}</li>", text(line))).collect();
            self.row(&format!("Configured by {}", config.path), &format!("<ul>{lines}</ul>"));
        }
        self.put("</dl>\n");
        self.end_section();
    }
}
