//! A connection of one capture as a row, and rows as columns.

use std::collections::HashMap;
use std::net::IpAddr;
use std::path::Path;
use std::sync::Arc;

use arrow_array::builder::{BinaryBuilder, Int64Builder, StringBuilder};
use arrow_array::{Array, ArrayRef, BinaryArray, Int64Array, RecordBatch, StringArray};
use parquet::errors::ParquetError;

use super::FragmentError;
use crate::tcp::{Connection, FACTS, Octets, Ranks};
use crate::wire::{Endpoint, FlowKey};

/// A connection as one capture shows it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Row {
    /// Addresses and ports.
    pub key: FlowKey,
    /// Which capture, by its place among those of the fragment.
    pub capture: u32,
    /// What stands in columns, in the order of [`FACTS`].
    pub facts: Vec<Option<i64>>,
    /// The rest.
    pub octets: Octets,
}

/// Columns of numbers that come before the facts.
const NUMBERS: [&str; 3] = ["lo_port", "hi_port", "zone"];
const TEXTS: [&str; 3] = ["capture", "lo_addr", "hi_addr"];
const OCTETS: [&str; 2] = ["shape", "octets"];
/// Places among the facts.
const FIRST_FRAME: usize = 1;
const STREAM: usize = 2;

impl Row {
    /// Of a connection of a part; `settled`: nothing that follows the part can be a segment of it.
    pub fn of(connection: &Connection, capture: u32, settled: bool) -> Row {
        let apart = connection.take_apart(settled);
        Row {
            key: connection.key,
            capture,
            facts: FACTS.iter().map(|fact| fact.get(&apart.whole)).collect(),
            octets: apart.octets,
        }
    }

    /// The connection again.
    ///
    /// # Errors
    /// If its octets are no connection.
    pub fn connection(&self) -> Result<Connection, crate::tcp::Damaged> {
        let mut usual = Connection::new(self.key);
        for (fact, value) in FACTS.iter().zip(&self.facts) {
            if let Some(value) = value {
                fact.set(&mut usual, *value);
            }
        }
        Connection::put_together(usual, &self.octets)
    }

    /// What rows are sorted by; `capture` has to stand in the order of names.
    pub fn order(&self) -> (FlowKey, u32, i64) {
        (self.key, self.capture, self.facts.get(FIRST_FRAME).copied().flatten().unwrap_or(0))
    }

    /// Its stream gets Wireshark's number in the place of the one that was given while its capture was read.
    pub(super) fn renumber(&mut self, streams: &Ranks) {
        let Some(stream) = self.facts.get_mut(STREAM) else { return };
        let rank = stream.and_then(|given| u32::try_from(given).ok()).map(|given| streams.of(given));
        *stream = rank.filter(|&rank| rank != Connection::NO_STREAM).map(i64::from);
    }

    /// Feeds everything it says into a checksum. `id` names its capture.
    pub(super) fn digest(&self, id: &str, hasher: &mut blake3::Hasher, scratch: &mut Vec<u8>) {
        scratch.clear();
        for end in [self.key.lo, self.key.hi] {
            scratch.extend(end.octets());
            scratch.extend(end.port().to_le_bytes());
        }
        scratch.extend(self.key.zone.to_le_bytes());
        for fact in &self.facts {
            scratch.push(fact.is_some().into());
            scratch.extend(fact.unwrap_or(0).to_le_bytes());
        }
        scratch.extend(id.as_bytes());
        scratch.extend((self.octets.shape.len() as u64).to_le_bytes());
        scratch.extend(&self.octets.shape);
        scratch.extend(&self.octets.rest);
        hasher.update(scratch);
    }
}

/// Rows as columns; `ids` names the captures.
pub(super) fn to_batch(rows: &[Row], ids: &[String]) -> Result<RecordBatch, ParquetError> {
    let text = |of: &dyn Fn(&Row) -> String| -> ArrayRef {
        let mut column = StringBuilder::new();
        rows.iter().for_each(|row| column.append_value(of(row)));
        Arc::new(column.finish())
    };
    let number = |of: &dyn Fn(&Row) -> Option<i64>| -> ArrayRef {
        let mut column = Int64Builder::with_capacity(rows.len());
        rows.iter().for_each(|row| column.append_option(of(row)));
        Arc::new(column.finish())
    };
    let octets = |of: fn(&Row) -> &Vec<u8>| -> ArrayRef {
        let mut column = BinaryBuilder::new();
        rows.iter().for_each(|row| column.append_value(of(row)));
        Arc::new(column.finish())
    };
    let mut columns: Vec<(&str, ArrayRef, bool)> = vec![
        (TEXTS[0], text(&|row| ids.get(row.capture as usize).cloned().unwrap_or_default()), false),
        (TEXTS[1], text(&|row| row.key.lo.addr().to_string()), false),
        (NUMBERS[0], number(&|row| Some(row.key.lo.port().into())), false),
        (TEXTS[2], text(&|row| row.key.hi.addr().to_string()), false),
        (NUMBERS[1], number(&|row| Some(row.key.hi.port().into())), false),
        (NUMBERS[2], number(&|row| Some(row.key.zone.into())), false),
    ];
    for (at, fact) in FACTS.iter().enumerate() {
        columns.push((fact.name, number(&|row| row.facts.get(at).copied().flatten()), true));
    }
    columns.push((OCTETS[0], octets(|row| &row.octets.shape), false));
    columns.push((OCTETS[1], octets(|row| &row.octets.rest), false));
    Ok(RecordBatch::try_from_iter_with_nullable(columns)?)
}

/// The columns of a batch that was read.
pub(super) struct Columns {
    texts: [StringArray; 3],
    numbers: [Int64Array; 3],
    facts: Vec<Int64Array>,
    octets: [BinaryArray; 2],
}

impl Columns {
    pub(super) fn of(batch: &RecordBatch, path: &Path) -> Result<Columns, FragmentError> {
        fn column<T: Array + Clone + 'static>(
            batch: &RecordBatch,
            name: &str,
            path: &Path,
        ) -> Result<T, FragmentError> {
            let column = batch.column_by_name(name).and_then(|column| column.as_any().downcast_ref::<T>());
            column.cloned().ok_or_else(|| FragmentError::damaged(path, format!("column {name} is missing")))
        }
        let text = |name| column::<StringArray>(batch, name, path);
        let number = |name| column::<Int64Array>(batch, name, path);
        Ok(Columns {
            texts: [text(TEXTS[0])?, text(TEXTS[1])?, text(TEXTS[2])?],
            numbers: [number(NUMBERS[0])?, number(NUMBERS[1])?, number(NUMBERS[2])?],
            facts: FACTS.iter().map(|fact| number(fact.name)).collect::<Result<_, _>>()?,
            octets: [column(batch, OCTETS[0], path)?, column(batch, OCTETS[1], path)?],
        })
    }

    pub(super) fn len(&self) -> usize {
        self.octets[0].len()
    }

    /// The row in that place; `captures` knows the places of names.
    pub(super) fn row(
        &self,
        at: usize,
        captures: &HashMap<String, u32>,
        path: &Path,
    ) -> Result<Row, FragmentError> {
        let wrong = |what: &str| FragmentError::damaged(path, format!("row with {what}"));
        let end = |text: &StringArray, port: &Int64Array| {
            let addr: IpAddr = text.value(at).parse().map_err(|_| wrong("an address that is none"))?;
            let port = u16::try_from(port.value(at)).map_err(|_| wrong("a port that is none"))?;
            Ok::<_, FragmentError>(match addr {
                IpAddr::V4(addr) => Endpoint::v4(addr.octets(), port),
                IpAddr::V6(addr) => Endpoint::v6(addr.octets(), port),
            })
        };
        let lo = end(&self.texts[1], &self.numbers[0])?;
        let hi = end(&self.texts[2], &self.numbers[1])?;
        let zone = u32::try_from(self.numbers[2].value(at)).map_err(|_| wrong("a zone that is none"))?;
        let capture = captures.get(self.texts[0].value(at)).ok_or_else(|| wrong("an unknown capture"))?;
        Ok(Row {
            key: FlowKey { lo, hi, zone },
            capture: *capture,
            facts: (self.facts.iter())
                .map(|column| (!column.is_null(at)).then(|| column.value(at)))
                .collect(),
            octets: Octets {
                shape: self.octets[0].value(at).to_vec(),
                rest: self.octets[1].value(at).to_vec(),
            },
        })
    }
}
