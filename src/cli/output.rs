//! Where reports go. A file appears whole or not at all: it is written beside its place and renamed. No input is ever
//! overwritten.

use std::fs::{self, File, OpenOptions};
use std::io::{self, BufWriter, IsTerminal, Write};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, Ordering::Relaxed};

use super::interrupt;
use anyhow::{Context, Result, bail};
use cwait_pcap::report::{FORMATS, Format, Listing, Report, Style, by_extension, by_name};

/// One report to be written.
pub struct Output {
    /// How.
    pub format: &'static dyn Format,
    to: Destination,
}

enum Destination {
    Stdout,
    File(PathBuf),
}

/// The outputs that `-o` and `--format` ask for; standard output in the first format if nothing is asked for.
pub fn choose(files: &[PathBuf], format: Option<&str>) -> Result<Vec<Output>> {
    let asked = format.and_then(by_name);
    if files.is_empty() {
        return Ok(vec![Output { format: asked.unwrap_or(FORMATS[0]), to: Destination::Stdout }]);
    }
    files.iter().map(|file| Output::new(file, asked)).collect()
}

/// Refuses, before any work is done, what could not be written or would destroy an input, whatever name it goes by.
pub fn check(outputs: &[Output], inputs: &[PathBuf]) -> Result<()> {
    let mut places: Vec<Option<PathBuf>> = Vec::new();
    for output in outputs {
        let place = match &output.to {
            Destination::Stdout if output.format.is_binary() && io::stdout().is_terminal() => {
                bail!("{} is no text: write it into a file with -o", output.format.name())
            }
            Destination::Stdout => None,
            Destination::File(path) => Some(place(path).with_context(|| path.display().to_string())?),
        };
        if places.contains(&place) {
            bail!("{}: two reports would go there", output.name());
        }
        if place.as_ref().is_some_and(|place| inputs.iter().any(|input| is_same(input, place))) {
            bail!("{}: is an input and will not be overwritten", output.name());
        }
        places.push(place);
    }
    Ok(())
}

/// Refuses a file that would destroy an input.
pub fn check_file(file: &Path, inputs: &[PathBuf]) -> Result<()> {
    let to = Destination::File(file.to_owned());
    check(&[Output { format: FORMATS[0], to }], inputs)
}

impl Output {
    fn new(file: &Path, asked: Option<&'static dyn Format>) -> Result<Output> {
        if file == Path::new("-") {
            return Ok(Output { format: asked.unwrap_or(FORMATS[0]), to: Destination::Stdout });
        }
        let extension = file.extension().unwrap_or_default().to_string_lossy();
        let Some(format) = asked.or_else(|| by_extension(&extension)) else {
            let known: Vec<String> =
                FORMATS.iter().flat_map(|f| f.extensions()).map(|e| format!(".{e}")).collect();
            bail!(
                "{}: no format has that extension; use one of {}, or --format",
                file.display(),
                known.join(" ")
            );
        };
        Ok(Output { format, to: Destination::File(file.to_owned()) })
    }

    /// Whether it goes to standard output.
    pub fn is_stdout(&self) -> bool {
        matches!(self.to, Destination::Stdout)
    }

    fn name(&self) -> String {
        match &self.to {
            Destination::Stdout => "standard output".to_owned(),
            Destination::File(path) => path.display().to_string(),
        }
    }

    /// Writes the report there. Colours go to standard output only.
    pub fn write(&self, report: &Report, style: &Style) -> Result<()> {
        let style = Style { colour: style.colour && self.is_stdout(), ..style.clone() };
        self.fill(|out| self.format.write(report, &style, out))
    }

    /// The same with connections that come one at a time.
    pub fn write_rows(&self, report: &Report, rows: Listing<'_>) -> Result<()> {
        let format = self.format.by_row().context("no format for one connection at a time")?;
        self.fill(|out| format.write_rows(report, rows, out))
    }

    fn fill(&self, fill: impl FnOnce(&mut dyn Write) -> io::Result<()>) -> Result<()> {
        let written = match &self.to {
            Destination::Stdout => to_stdout(fill),
            Destination::File(path) => to_file(path, fill),
        };
        written.with_context(|| self.name())
    }
}

/// Fills standard output, buffered.
pub fn to_stdout(fill: impl FnOnce(&mut dyn Write) -> io::Result<()>) -> io::Result<()> {
    let mut out = BufWriter::new(io::stdout().lock());
    fill(&mut out)?;
    out.flush()
}

/// Fills a file that appears whole or not at all. What exists and is no regular file (a device, a named pipe) is
/// written into instead.
pub fn to_file(path: &Path, fill: impl FnOnce(&mut dyn Write) -> io::Result<()>) -> io::Result<()> {
    let place = place(path)?;
    let (file, unfinished) = match fs::metadata(&place) {
        Ok(found) if !found.is_file() => (OpenOptions::new().write(true).open(&place)?, None),
        _ => {
            let unfinished = Unfinished::beside(&place)?;
            // Who might not read the old one shall not read the new one.
            if let Ok(old) = fs::metadata(&place) {
                unfinished.file.set_permissions(old.permissions())?;
            }
            (unfinished.file.try_clone()?, Some(unfinished))
        }
    };
    let mut out = BufWriter::new(file);
    fill(&mut out)?;
    out.flush()?;
    unfinished.map_or(Ok(()), |unfinished| unfinished.rename(&place))
}

/// Whether both names lead to one file: by another path, a link, or as hard links.
fn is_same(one: &Path, other: &Path) -> bool {
    let (Ok(a), Ok(b)) = (fs::metadata(one), fs::metadata(other)) else { return false };
    // Nothing written into a device or a pipe destroys what was read from it.
    a.is_file() && b.is_file() && same_file::is_same_file(one, other).unwrap_or(false)
}

/// Where a path leads: an existing file behind its links, or a new name in an existing folder.
fn place(path: &Path) -> io::Result<PathBuf> {
    if let Ok(existing) = fs::canonicalize(path) {
        return match existing.is_dir() {
            true => Err(io::Error::new(io::ErrorKind::IsADirectory, "is a folder")),
            false => Ok(existing),
        };
    }
    let name = path.file_name().ok_or_else(|| io::Error::new(io::ErrorKind::InvalidInput, "has no name"))?;
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    Ok(fs::canonicalize(folder)?.join(name))
}

/// A file that is not yet where it belongs; removed unless it gets there.
struct Unfinished {
    path: PathBuf,
    file: File,
}

impl Unfinished {
    fn beside(place: &Path) -> io::Result<Unfinished> {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        // A name of its own: the place's may be as long as names can be.
        let number = COUNT.fetch_add(1, Relaxed);
        let path = place.with_file_name(format!(".cwait-pcap-{}-{number}.part", std::process::id()));
        interrupt::begun(&path);
        match OpenOptions::new().write(true).create_new(true).open(&path) {
            Ok(file) => Ok(Unfinished { path, file }),
            Err(error) => {
                interrupt::done(&path);
                Err(error)
            }
        }
    }

    fn rename(self, place: &Path) -> io::Result<()> {
        self.file.sync_all()?;
        fs::rename(&self.path, place)
    }
}

impl Drop for Unfinished {
    fn drop(&mut self) {
        // After the rename there is nothing left to remove.
        let _ = fs::remove_file(&self.path);
        interrupt::done(&self.path);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn chosen(files: &[&str], format: Option<&str>) -> Result<Vec<String>> {
        let files: Vec<PathBuf> = files.iter().map(PathBuf::from).collect();
        let outputs = choose(&files, format)?;
        Ok(outputs.iter().map(|o| format!("{} as {}", o.name(), o.format.name())).collect())
    }

    #[test]
    fn extensions_choose_and_format_overrides() {
        assert_eq!(chosen(&[], None).unwrap(), ["standard output as terminal"]);
        assert_eq!(chosen(&[], Some("json")).unwrap(), ["standard output as json"]);
        assert_eq!(
            chosen(&["-", "a.JSON"], None).unwrap(),
            ["standard output as terminal", "a.JSON as json"]
        );
        assert_eq!(chosen(&["a.txt"], Some("json")).unwrap(), ["a.txt as json"]);
        assert!(chosen(&["a.docx"], None).unwrap_err().to_string().contains("--format"));
    }

    #[test]
    fn a_failed_write_leaves_the_old_file_and_nothing_else() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("report.json");
        to_file(&path, |out| out.write_all(b"old")).unwrap();
        let failed = to_file(&path, |out| {
            out.write_all(b"new")?;
            Err(io::ErrorKind::StorageFull.into())
        });
        assert_eq!(failed.unwrap_err().kind(), io::ErrorKind::StorageFull);
        assert_eq!(fs::read(&path).unwrap(), b"old");
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
        to_file(&path, |out| out.write_all(b"new")).unwrap();
        assert_eq!(fs::read(&path).unwrap(), b"new");
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
    }
}
