//! Which reports a batch writes: one for each set of captures that can be one.

use std::cmp::Reverse;
use std::collections::HashMap;
use std::path::{Path, PathBuf};

use cwait_pcap::batch::{Failed, Plan};
use cwait_pcap::fragment::{self, Capture, FragmentError, Joining, Mapped};
use cwait_pcap::report::by_name;

use super::super::status::Status;
use super::{Batch, Results};

/// A report to be written.
pub(super) struct Job {
    /// What the index calls it.
    pub name: String,
    /// Its files, beside the index: one for each format asked for.
    pub files: Vec<String>,
    /// The captures it is made from, in order.
    pub members: Vec<(PathBuf, Mapped)>,
}

/// The reports there will be, those of most octets first: what belongs together is joined, what turns out not to go
/// together is reported one by one, and what is there twice counts once.
pub(super) fn of(batch: &Batch<'_>, plan: &Plan, results: &mut Results) -> Vec<Job> {
    let mut jobs = Vec::new();
    // Captures by content, with their first path.
    let mut seen = HashMap::new();
    let formats: Vec<_> = batch.args.format.iter().filter_map(|name| by_name(name)).collect();
    // What is there twice belongs to the larger set.
    let mut sets: Vec<_> = plan.sets.iter().collect();
    sets.sort_by_key(|set| Reverse(set.files.len()));
    for set in sets {
        let members = results.members(&set.files, &mut seen);
        let mut job =
            |name: &str, members| jobs.push(Job { name: name.to_owned(), files: Vec::new(), members });
        match fit(&members) {
            Ok(()) if members.is_empty() => {}
            Ok(()) => job(&set.name, members),
            Err(error) if Joining::from(batch.args.join) == Joining::Auto => {
                eprintln!("cwait-pcap: {}: reported one by one, since {error}", set.name);
                members.into_iter().for_each(|member| job(&member.0.display().to_string(), vec![member]));
            }
            Err(error) => {
                eprintln!("cwait-pcap: {error}");
                results.fail(Path::new(&set.name), error.to_string(), Status::Partial);
            }
        }
    }
    let names: Vec<_> = jobs.iter().map(|job| job.name.clone()).collect();
    for (job, stem) in jobs.iter_mut().zip(file_stems(&names)) {
        job.files = formats.iter().map(|format| format!("{stem}.{}", format.extensions()[0])).collect();
    }
    let octets = |job: &Job| job.members.iter().map(|(_, mapped)| mapped.capture.file_bytes()).sum::<u64>();
    jobs.sort_by_cached_key(|job| (Reverse(octets(job)), job.name.clone()));
    jobs
}

impl Results {
    /// What was read of these files, without what was seen before.
    fn members(
        &mut self,
        files: &[(PathBuf, u64)],
        seen: &mut HashMap<String, PathBuf>,
    ) -> Vec<(PathBuf, Mapped)> {
        let mut members = Vec::new();
        for (path, _) in files {
            let Some(mapped) = self.mapped.get(path) else { continue };
            if let Some(twin) = seen.get(&mapped.capture.id) {
                let why = format!("the same capture as {}, counted once", twin.display());
                eprintln!("cwait-pcap: {}: {why}", path.display());
                self.left_out.twice.push(Failed { path: path.display().to_string(), why });
                continue;
            }
            seen.insert(mapped.capture.id.clone(), path.clone());
            members.push((path.clone(), mapped.clone()));
        }
        members
    }
}

/// Whether the captures can be one.
fn fit(members: &[(PathBuf, Mapped)]) -> Result<(), FragmentError> {
    let captures: Vec<Capture> = members.iter().map(|(_, mapped)| mapped.capture.clone()).collect();
    fragment::sets(&captures, Joining::All).iter().try_for_each(|set| set.check(&captures))
}

/// File names for the reports of these captures: their own; where several have the same, with the folder in front; where
/// that is the same, too, with a number.
fn file_stems(names: &[String]) -> Vec<String> {
    let plain = |text: &str| -> String {
        let plain = |c: char| if c.is_alphanumeric() || "._-".contains(c) { c } else { '_' };
        text.trim_start_matches('.').chars().map(plain).collect()
    };
    let own = |name: &str| plain(&Path::new(name).file_name().unwrap_or_default().to_string_lossy());
    let inside = |name: &str| {
        let folder = Path::new(name).parent().and_then(Path::file_name).unwrap_or_default();
        format!("{}_{}", plain(&folder.to_string_lossy()), own(name))
    };
    let mut often: HashMap<String, u32> = HashMap::new();
    names.iter().for_each(|name| *often.entry(own(name)).or_insert(0) += 1);
    let mut used: HashMap<String, u32> = HashMap::new();
    let stem = |name: &String| {
        let mut stem = if often[&own(name)] > 1 { inside(name) } else { own(name) };
        if stem.is_empty() || stem == "index" {
            stem.push_str("_capture");
        }
        let used = used.entry(stem.clone()).or_insert(0);
        *used += 1;
        if *used > 1 { format!("{stem}~{used}") } else { stem }
    };
    names.iter().map(stem).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reports_of_equal_names_do_not_meet() {
        let names = ["a/x.pcap", "b/x.pcap", "c/b/x.pcap", "/c/ring_#.pcapng", "index", "../.hidden", ""];
        let stems = file_stems(&names.map(str::to_owned));
        let expected =
            ["a_x.pcap", "b_x.pcap", "b_x.pcap~2", "ring__.pcapng", "index_capture", "hidden", "_capture"];
        assert_eq!(stems, expected);
    }
}
