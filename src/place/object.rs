//! An object, read from front to back in parts that are asked for ahead of time. Memory is bounded by the parts that are under way.

use std::collections::VecDeque;
use std::io::{self, Read};
use std::ops::Range;
use std::sync::Arc;

use object_store::{GetOptions, ObjectMeta, ObjectStore};
use tokio::runtime::Runtime;
use tokio::task::JoinHandle;

use super::store::failure;

/// Octets of one part.
const PART: u64 = 4 << 20;
/// So many parts are under way at most. The first is asked for alone: a look at the beginning needs no more.
const AHEAD: usize = 4;

type Part = Vec<u8>;

/// A reader of one version of an object.
pub(super) struct Object {
    runtime: &'static Runtime,
    store: Arc<dyn ObjectStore>,
    meta: ObjectMeta,
    part: u64,
    /// Offset of the first octet that was not asked for yet.
    next: u64,
    ahead: usize,
    under_way: VecDeque<JoinHandle<io::Result<Part>>>,
    current: io::Cursor<Part>,
}

impl Object {
    /// Asks for nothing yet.
    pub(super) fn new(runtime: &'static Runtime, store: Arc<dyn ObjectStore>, meta: ObjectMeta) -> Object {
        Object {
            runtime,
            store,
            meta,
            part: PART,
            next: 0,
            ahead: 1,
            under_way: VecDeque::new(),
            current: io::Cursor::default(),
        }
    }

    fn ask(&mut self) {
        while self.under_way.len() < self.ahead && self.next < self.meta.size {
            let range = self.next..(self.next + self.part).min(self.meta.size);
            self.next = range.end;
            let part = part(Arc::clone(&self.store), self.meta.clone(), range);
            self.under_way.push_back(self.runtime.spawn(part));
        }
        self.ahead = (self.ahead + 1).min(AHEAD);
    }
}

async fn part(store: Arc<dyn ObjectStore>, meta: ObjectMeta, range: Range<u64>) -> io::Result<Part> {
    let wanted = range.end - range.start;
    let options =
        GetOptions { range: Some(range.into()), if_match: meta.e_tag.clone(), ..GetOptions::default() };
    let got = store.get_opts(&meta.location, options).await.map_err(failure)?;
    let octets = got.bytes().await.map_err(failure)?;
    if octets.len() as u64 != wanted {
        let what = format!("the store sent {} bytes where {wanted} were asked for", octets.len());
        return Err(io::Error::new(io::ErrorKind::ConnectionAborted, what));
    }
    Ok(octets.into())
}

impl Read for Object {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        loop {
            let read = self.current.read(buffer)?;
            if read > 0 || buffer.is_empty() {
                return Ok(read);
            }
            self.ask();
            let Some(first) = self.under_way.pop_front() else { return Ok(0) };
            self.current = io::Cursor::new(self.runtime.block_on(first).map_err(io::Error::other)??);
        }
    }
}

/// What was asked for and is not wanted any more.
impl Drop for Object {
    fn drop(&mut self) {
        self.under_way.iter().for_each(JoinHandle::abort);
    }
}

#[cfg(test)]
mod tests {
    use std::sync::LazyLock;

    use object_store::ObjectStoreExt;
    use object_store::memory::InMemory;
    use object_store::path::Path;

    use super::*;

    static RUNTIME: LazyLock<Runtime> = LazyLock::new(|| Runtime::new().unwrap());

    fn kept(octets: &[u8]) -> (Arc<dyn ObjectStore>, ObjectMeta) {
        let (store, path) = (Arc::new(InMemory::new()), Path::from("a/b.pcap"));
        RUNTIME.block_on(store.put(&path, octets.to_vec().into())).unwrap();
        let meta = RUNTIME.block_on(store.head(&path)).unwrap();
        (store, meta)
    }

    fn in_parts(store: Arc<dyn ObjectStore>, meta: ObjectMeta, part: u64) -> Object {
        let mut object = Object::new(&RUNTIME, store, meta);
        object.part = part;
        object
    }

    #[test]
    fn parts_come_in_order_whatever_their_size() {
        let octets: Vec<u8> = (0..10_000_u32).map(|n| (n % 251) as u8).collect();
        for part in [1, 7, 1_000, 9_999, 10_000, 10_001] {
            let (store, meta) = kept(&octets);
            let mut object = in_parts(store, meta, part);
            let mut read = Vec::new();
            object.read_to_end(&mut read).unwrap();
            assert!(read == octets, "in parts of {part}");
        }
        let (store, meta) = kept(b"");
        assert_eq!(Object::new(&RUNTIME, store, meta).read(&mut [0; 8]).unwrap(), 0);
    }

    #[test]
    fn no_more_is_asked_for_than_is_allowed_to_be_under_way() {
        let (store, meta) = kept(&[0; 1_000]);
        let mut object = in_parts(store, meta, 10);
        for read in 0..100_u64 {
            assert_eq!(object.read(&mut [0; 10]).unwrap(), 10);
            let asked = object.next / 10 - read - 1;
            assert!(asked < AHEAD as u64, "{asked} parts under way after {read}");
            assert!(read > 0 || asked == 0, "a look at the beginning asks for one part");
        }
    }

    #[test]
    fn an_object_that_is_replaced_meanwhile_is_no_mixture() {
        let (store, meta) = kept(&[1; 1_000]);
        let mut object = in_parts(Arc::clone(&store), meta.clone(), 10);
        object.read_exact(&mut [0; 10]).unwrap();
        RUNTIME.block_on(store.put(&meta.location, vec![2; 1_000].into())).unwrap();
        let error = object.read_to_end(&mut Vec::new()).unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::StaleNetworkFileHandle, "{error}");
    }
}
