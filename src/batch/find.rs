//! Which files are meant: files by name, folders, quoted patterns.

use std::io;
use std::path::{Path, PathBuf};

use globset::GlobBuilder;
use walkdir::WalkDir;

use crate::place;

/// A file that may be a capture.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Found {
    /// Where.
    pub path: PathBuf,
    /// It was named itself, so it has to be a capture.
    pub named: bool,
}

/// The files that those paths mean, each once, in the order of their names within each path. `recursive`: folders inside
/// folders too; `except` is left out with all that is in it.
///
/// # Errors
/// What is not there or cannot be listed, with its path; the rest goes on.
pub fn find(paths: &[PathBuf], recursive: bool, except: &Path) -> (Vec<Found>, Vec<(PathBuf, io::Error)>) {
    let mut search = Search {
        found: Vec::new(),
        failed: Vec::new(),
        except: except.canonicalize().ok(),
        deepest: if recursive { usize::MAX } else { 1 },
    };
    paths.iter().for_each(|path| search.path(path));
    let mut seen = std::collections::HashSet::new();
    search
        .found
        .retain(|found| seen.insert(found.path.canonicalize().unwrap_or_else(|_| found.path.clone())));
    let mut seen = std::collections::HashSet::new();
    search.failed.retain(|(path, _)| seen.insert(path.clone()));
    (search.found, search.failed)
}

struct Search {
    found: Vec<Found>,
    failed: Vec<(PathBuf, io::Error)>,
    except: Option<PathBuf>,
    deepest: usize,
}

impl Search {
    fn path(&mut self, path: &Path) {
        if path.is_dir() {
            self.folder(path, self.deepest, &|_| true);
        } else if place::is_remote(path) || path.exists() || !is_pattern(path) {
            match place::len(path) {
                Ok(_) => self.found.push(Found { path: path.to_owned(), named: true }),
                Err(error) => self.failed.push((path.to_owned(), error)),
            }
        } else {
            self.pattern(path);
        }
    }

    fn pattern(&mut self, pattern: &Path) {
        let text = pattern.to_string_lossy();
        let glob = GlobBuilder::new(&text).literal_separator(true).build();
        let glob = match glob {
            Ok(glob) => glob.compile_matcher(),
            Err(error) => {
                let error = io::Error::new(io::ErrorKind::InvalidInput, error.to_string());
                return self.failed.push((pattern.to_owned(), error));
            }
        };
        let plain = pattern.components().take_while(|part| !is_pattern(Path::new(part)));
        let mut from: PathBuf = plain.collect();
        if from.as_os_str().is_empty() {
            from.push(".");
        }
        let before = self.found.len();
        self.folder(&from, usize::MAX, &|path| {
            glob.is_match(path) || path.strip_prefix(".").is_ok_and(|path| glob.is_match(path))
        });
        if self.found.len() == before {
            let nothing = io::Error::new(io::ErrorKind::NotFound, "no file matches this pattern");
            self.failed.push((pattern.to_owned(), nothing));
        }
    }

    fn folder(&mut self, folder: &Path, deepest: usize, wanted: &dyn Fn(&Path) -> bool) {
        let walk = WalkDir::new(folder).max_depth(deepest).follow_links(true).sort_by_file_name();
        let except = self.except.clone();
        let inside = walk.into_iter().filter_entry(|entry| {
            except.is_none() || entry.file_type().is_file() || entry.path().canonicalize().ok() != except
        });
        for entry in inside {
            match entry {
                Ok(entry) if entry.file_type().is_file() && wanted(entry.path()) => {
                    self.found.push(Found { path: entry.into_path(), named: false });
                }
                Ok(_) => {}
                Err(error) => {
                    let path = error.path().unwrap_or(folder).to_owned();
                    let loops = io::Error::other(error.to_string());
                    self.failed.push((path, error.into_io_error().unwrap_or(loops)));
                }
            }
        }
    }
}

fn is_pattern(path: &Path) -> bool {
    path.to_string_lossy().contains(['*', '?', '[', '{'])
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;

    #[test]
    fn files_folders_and_patterns() {
        let folder = tempfile::tempdir().unwrap();
        let at = |name: &str| folder.path().join(name);
        fs::create_dir_all(at("in/out")).unwrap();
        for name in ["a.pcap", "b.snoop", "in/c.pcap", "in/out/d.pcap"] {
            fs::write(at(name), b"").unwrap();
        }
        let names = |paths: &[PathBuf], recursive: bool, except: &str| {
            let (found, failed) = find(paths, recursive, &at(except));
            let inside = |path: &Path| path.strip_prefix(folder.path()).unwrap().display().to_string();
            let names: Vec<_> = found.iter().map(|found| inside(&found.path)).collect();
            (names.join(" "), failed.len())
        };
        let all = [folder.path().to_owned()];
        assert_eq!(names(&all, false, "x"), ("a.pcap b.snoop".into(), 0));
        assert_eq!(names(&all, true, "x"), ("a.pcap b.snoop in/c.pcap in/out/d.pcap".into(), 0));
        assert_eq!(names(&all, true, "in/out"), ("a.pcap b.snoop in/c.pcap".into(), 0));
        assert_eq!(names(&[at("*.pcap"), at("a.pcap")], false, "x"), ("a.pcap".into(), 0));
        assert_eq!(names(&[at("**/*.pcap")], false, "x"), ("a.pcap in/c.pcap in/out/d.pcap".into(), 0));
        assert_eq!(names(&[at("none.pcap"), at("*.none")], false, "x"), (String::new(), 2));
        let (found, _) = find(&[at("a.pcap"), at("*.snoop")], false, &at("x"));
        assert_eq!(found.iter().map(|found| found.named).collect::<Vec<_>>(), [true, false]);
    }
}
