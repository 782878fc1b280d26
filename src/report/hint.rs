//! What to try where a capture held nothing to judge: said by every format for people.

use super::Report;
use super::text::number;

impl Report {
    /// What a capture without TCP held instead, and what to try; none if there was TCP.
    pub(super) fn hint(&self) -> Option<String> {
        let capture = &self.capture;
        if capture.tcp > 0 {
            return None;
        }
        if capture.frames == 0 {
            return Some(
                "The capture holds no frame at all: was it stopped before anything passed, did its filter match \
                 nothing, or was it taken on another interface?"
                    .to_owned(),
            );
        }
        let held: Vec<String> = (capture.skipped.iter())
            .take(3)
            .map(|skipped| format!("{} {}", number(skipped.frames), skipped.reason))
            .collect();
        let held = if held.is_empty() { "nothing that could be read".to_owned() } else { held.join(", ") };
        Some(format!(
            "Its frames were {held}. Was the capture filter for something else? Capture TCP anew, whole headers at \
             least: tcpdump -s 128 -w new.pcap tcp"
        ))
    }
}
