//! Fragments as files: Parquet, written beside their place and renamed, read a few thousand rows at a time.

use std::collections::HashMap;
use std::fs::{self, File, OpenOptions};
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use parquet::arrow::ArrowWriter;
use parquet::arrow::arrow_reader::{ParquetRecordBatchReader, ParquetRecordBatchReaderBuilder};
use parquet::basic::{Compression, Encoding, ZstdLevel};
use parquet::file::metadata::KeyValue;
use parquet::file::properties::{EnabledStatistics, WriterProperties};
use parquet::schema::types::ColumnPath;
use serde::{Deserialize, Serialize};

use super::captures::Capture;
use super::rows::{Columns, Row, to_batch};
use super::{FragmentError, VERSION};
use crate::tcp::FORM;

/// Keys of the file's metadata.
const HEADER: &str = "cwait-pcap.fragment";
const DIGEST: &str = "cwait-pcap.digest";
/// Rows given to the columns at a time, and in a page.
const BATCH: usize = 4_096;
/// Rows taken from them at a time: as many fragments are read at once, the rows at hand are what takes memory.
const READ: usize = 512;
/// Writers of one fragment at once, in one process.
const MOST_AT_ONCE: u32 = 10_000;
/// Rows that stand together in the file; less memory for many files at once, more overhead.
const ROW_GROUP: usize = 65_536;

/// Columns of which no two rows have the same.
const DIFFERENT: [&str; 16] = [
    "lo_port",
    "first_us",
    "first_frame",
    "stream",
    "responder_rtt_us",
    "originator_rtt_us",
    "longest_answer_us",
    "lo_isn",
    "hi_isn",
    "last_after_us",
    "lo_first_payload_after_us",
    "hi_first_payload_after_us",
    "lo_fin_after_us",
    "hi_fin_after_us",
    "lo_fin_acked_after_us",
    "hi_fin_acked_after_us",
];

#[derive(Deserialize)]
struct Version {
    version: u32,
}

#[derive(Serialize, Deserialize)]
struct Header {
    version: u32,
    /// Of the octets of connections.
    form: u32,
    tool: String,
    captures: Vec<Capture>,
}

/// A fragment that is read row by row.
pub struct Fragment {
    path: PathBuf,
    captures: Vec<Capture>,
    ids: HashMap<String, u32>,
    reader: ParquetRecordBatchReader,
    columns: Option<Columns>,
    next: usize,
    hasher: blake3::Hasher,
    scratch: Vec<u8>,
    digest: String,
}

impl Fragment {
    /// Opens a fragment.
    ///
    /// # Errors
    /// If it cannot be read, is none, is damaged, or of a newer version.
    pub fn open(path: &Path) -> Result<Fragment, FragmentError> {
        let file = File::open(path).map_err(FragmentError::io(path))?;
        if !looks_like_one(path) {
            return Err(FragmentError::Foreign(path.to_owned()));
        }
        let builder = ParquetRecordBatchReaderBuilder::try_new(file)
            .map_err(|error| FragmentError::damaged(path, error))?;
        let values = builder.metadata().file_metadata().key_value_metadata();
        let value = |key: &str| {
            let found = values.into_iter().flatten().find(|value| value.key == key);
            found.and_then(|value| value.value.clone())
        };
        let header = value(HEADER).ok_or_else(|| FragmentError::Foreign(path.to_owned()))?;
        let broken = |_| FragmentError::damaged(path, "its header cannot be read");
        let mut hasher = blake3::Hasher::new();
        hasher.update(header.as_bytes());
        let found = serde_json::from_str::<Version>(&header).map_err(broken)?.version;
        if found > VERSION {
            return Err(FragmentError::Newer { path: path.to_owned(), found });
        }
        let header: Header = serde_json::from_str(&header).map_err(broken)?;
        if header.form != FORM {
            let what = format!("its connections have form {}, this program reads {FORM}", header.form);
            return Err(FragmentError::damaged(path, what));
        }
        let digest = value(DIGEST).ok_or_else(|| FragmentError::damaged(path, "it has no checksum"))?;
        let reader = builder.with_batch_size(READ).build().map_err(|e| FragmentError::damaged(path, e))?;
        let ids = header.captures.iter().map(|capture| capture.id.clone()).zip(0..).collect();
        Ok(Fragment {
            path: path.to_owned(),
            captures: header.captures,
            ids,
            reader,
            columns: None,
            next: 0,
            hasher,
            scratch: Vec::new(),
            digest,
        })
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Its captures, in the order of their names.
    pub fn captures(&self) -> &[Capture] {
        &self.captures
    }

    /// The next row; none at the end.
    ///
    /// # Errors
    /// If it cannot be read, or at the end if the rows are not those that were written.
    pub fn next_row(&mut self) -> Result<Option<Row>, FragmentError> {
        loop {
            if let Some(columns) = self.columns.as_ref().filter(|columns| self.next < columns.len()) {
                let row = columns.row(self.next, &self.ids, &self.path)?;
                self.next += 1;
                let id = self.captures.get(row.capture as usize).map_or("", |capture| &capture.id);
                row.digest(id, &mut self.hasher, &mut self.scratch);
                return Ok(Some(row));
            }
            self.next = 0;
            match self.reader.next() {
                Some(batch) => {
                    let batch = batch.map_err(|error| FragmentError::damaged(&self.path, error))?;
                    self.columns = Some(Columns::of(&batch, &self.path)?);
                }
                None => {
                    self.columns = None;
                    if self.hasher.finalize().to_hex().as_str() != self.digest {
                        return Err(FragmentError::damaged(&self.path, "its rows are not those written"));
                    }
                    return Ok(None);
                }
            }
        }
    }
}

/// Where a fragment is until it is finished.
fn unfinished(place: &Path) -> PathBuf {
    let name = place.file_name().unwrap_or_default().to_string_lossy();
    place.with_file_name(format!(".{name}.{}.part", std::process::id()))
}

/// A file of its own for one that begins: the same capture may be mapped twice at once, under two names.
fn begin(place: &Path) -> std::io::Result<(PathBuf, File)> {
    let mut name = unfinished(place);
    for again in 1.. {
        match OpenOptions::new().write(true).create_new(true).open(&name) {
            Err(error) if error.kind() == ErrorKind::AlreadyExists && again < MOST_AT_ONCE => {
                name.set_extension(format!("{again}.part"));
            }
            opened => return opened.map(|file| (name, file)),
        }
    }
    Err(ErrorKind::AlreadyExists.into())
}

/// Whether it is called as fragments are until they are finished: what is left of a program that was killed.
pub fn is_unfinished(path: &Path) -> bool {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    name.starts_with('.') && name.ends_with(".part")
}

/// Whether the file begins as Parquet does.
pub fn looks_like_one(path: &Path) -> bool {
    use std::io::Read;
    let mut magic = [0; 4];
    File::open(path).and_then(|mut file| file.read_exact(&mut magic)).is_ok() && magic == *b"PAR1"
}

/// A fragment being written. It appears when it is finished, or not at all.
pub struct FragmentWriter {
    place: PathBuf,
    /// Where it is until then.
    unfinished: Option<PathBuf>,
    writer: Option<ArrowWriter<File>>,
    ids: Vec<String>,
    rows: Vec<Row>,
    hasher: blake3::Hasher,
    scratch: Vec<u8>,
}

impl FragmentWriter {
    /// Begins a fragment of those captures, which have to stand in the order of their names.
    ///
    /// # Errors
    /// If it cannot be written.
    pub fn create(place: &Path, captures: &[Capture]) -> Result<FragmentWriter, FragmentError> {
        let (unfinished, file) = begin(place).map_err(FragmentError::io(place))?;
        let header = Header {
            version: VERSION,
            form: FORM,
            tool: env!("CARGO_PKG_VERSION").to_owned(),
            captures: captures.to_vec(),
        };
        let header = serde_json::to_string(&header).map_err(|e| FragmentError::io(place)(e.into()))?;
        let ids: Vec<_> = captures.iter().map(|capture| capture.id.clone()).collect();
        let mut hasher = blake3::Hasher::new();
        hasher.update(header.as_bytes());
        let properties = properties(vec![KeyValue::new(HEADER.to_owned(), header)]);
        let mut this = FragmentWriter {
            place: place.to_owned(),
            unfinished: Some(unfinished),
            writer: None,
            ids,
            rows: Vec::new(),
            hasher,
            scratch: Vec::new(),
        };
        let empty = to_batch(&[], &this.ids).map_err(|error| failed(place, error))?;
        let writer = ArrowWriter::try_new(file, empty.schema(), Some(properties));
        this.writer = Some(writer.map_err(|error| failed(place, error))?);
        Ok(this)
    }

    /// Adds a row, which has to come behind all others.
    ///
    /// # Errors
    /// If it cannot be written.
    pub fn push(&mut self, row: Row) -> Result<(), FragmentError> {
        let id = self.ids.get(row.capture as usize).map_or("", |id| id);
        row.digest(id, &mut self.hasher, &mut self.scratch);
        self.rows.push(row);
        if self.rows.len() == BATCH { self.flush() } else { Ok(()) }
    }

    fn flush(&mut self) -> Result<(), FragmentError> {
        let rows = std::mem::take(&mut self.rows);
        let batch = to_batch(&rows, &self.ids).map_err(|error| failed(&self.place, error))?;
        match &mut self.writer {
            Some(writer) if !rows.is_empty() => {
                writer.write(&batch).map_err(|error| failed(&self.place, error))
            }
            _ => Ok(()),
        }
    }

    /// Puts the fragment in its place.
    ///
    /// # Errors
    /// If it cannot be written.
    pub fn finish(mut self) -> Result<(), FragmentError> {
        self.flush()?;
        let Some(mut writer) = self.writer.take() else { return Ok(()) };
        let digest = self.hasher.finalize().to_hex().to_string();
        writer.append_key_value_metadata(KeyValue::new(DIGEST.to_owned(), digest));
        let file = writer.into_inner().map_err(|error| failed(&self.place, error))?;
        file.sync_all().map_err(FragmentError::io(&self.place))?;
        if let Some(unfinished) = &self.unfinished {
            fs::rename(unfinished, &self.place).map_err(FragmentError::io(&self.place))?;
        }
        self.unfinished = None;
        Ok(())
    }
}

impl Drop for FragmentWriter {
    fn drop(&mut self) {
        if let Some(unfinished) = &self.unfinished {
            // One that cannot be removed is passed over by those who look for fragments.
            let _ = fs::remove_file(unfinished);
        }
    }
}

/// The system's own error, if it is one, so that a full disk is known for what it is.
fn failed(place: &Path, error: parquet::errors::ParquetError) -> FragmentError {
    use parquet::errors::ParquetError;
    let source = match error {
        ParquetError::External(source) => match source.downcast::<std::io::Error>() {
            Ok(source) => *source,
            Err(source) => std::io::Error::other(source),
        },
        other => std::io::Error::other(other),
    };
    FragmentError::Io { path: place.to_owned(), source }
}

fn properties(header: Vec<KeyValue>) -> WriterProperties {
    let level = ZstdLevel::try_new(3).unwrap_or_default();
    let mut properties = WriterProperties::builder()
        .set_compression(Compression::ZSTD(level))
        .set_statistics_enabled(EnabledStatistics::Chunk)
        .set_offset_index_disabled(true)
        .set_created_by(concat!("cwait-pcap ", env!("CARGO_PKG_VERSION")).to_owned())
        .set_max_row_group_row_count(Some(ROW_GROUP))
        .set_data_page_row_count_limit(BATCH)
        .set_key_value_metadata(Some(header));
    // Numbers that are all different: a dictionary would only be thrown away again.
    for name in DIFFERENT {
        properties = properties
            .set_column_dictionary_enabled(ColumnPath::from(name), false)
            .set_column_encoding(ColumnPath::from(name), Encoding::DELTA_BINARY_PACKED);
    }
    // Much of it is alike, but not next to each other.
    let thorough = ZstdLevel::try_new(9).unwrap_or_default();
    let [shape, octets] = ["shape", "octets"].map(ColumnPath::from);
    properties
        .set_column_compression(shape, Compression::ZSTD(thorough))
        .set_column_dictionary_enabled(octets.clone(), false)
        .set_column_encoding(octets, Encoding::DELTA_LENGTH_BYTE_ARRAY)
        .build()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_capture_that_is_mapped_twice_at_once_is_there_once_and_whole() {
        let folder = tempfile::tempdir().unwrap();
        let place = folder.path().join("x.parquet");
        let [one, other, dropped] = [(); 3].map(|()| FragmentWriter::create(&place, &[]).unwrap());
        one.finish().unwrap();
        let begun_later = FragmentWriter::create(&place, &[]).unwrap();
        drop(dropped);
        other.finish().unwrap();
        begun_later.finish().unwrap();
        assert!(Fragment::open(&place).unwrap().next_row().unwrap().is_none());
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1, "nothing unfinished is left");
    }
}
