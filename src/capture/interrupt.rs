//! Ending the reading of an input from another thread, even while it waits for a pipe that nobody writes to.

use std::io::{self, Read};
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::sync::{Arc, Mutex};

/// A handle that ends reading. Its clones are one and the same; the default one never ends anything and costs nothing.
#[derive(Clone, Debug, Default)]
pub struct Interrupt(Option<Arc<Shared>>);

#[derive(Debug, Default)]
struct Shared {
    raised: AtomicBool,
    /// Wakes readers that wait.
    waiting: Mutex<Vec<SyncSender<Part>>>,
}

/// What a waiting reader may get; nothing: look whether reading has ended.
type Part = Option<io::Result<Vec<u8>>>;

/// Octets handed over at once, and how many of these may wait.
const PART: usize = 1 << 16;
const PARTS: usize = 4;

impl Interrupt {
    /// A handle that can end reading.
    pub fn armed() -> Interrupt {
        Interrupt(Some(Arc::default()))
    }

    /// Whether reading has ended.
    pub fn is_raised(&self) -> bool {
        self.0.as_ref().is_some_and(|shared| shared.raised.load(Relaxed))
    }

    /// Ends it: inputs that wait seem to be at their end.
    pub fn raise(&self) {
        let Some(shared) = &self.0 else { return };
        shared.raised.store(true, Relaxed);
        let waiting = shared.waiting.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
        for reader in waiting.iter() {
            // A reader whose queue is full does not wait.
            _ = reader.try_send(None);
        }
    }

    /// The input, read by a thread of its own, if this handle can end anything.
    pub fn watch(&self, input: Box<dyn Read + Send>) -> Box<dyn Read + Send> {
        let Some(shared) = &self.0 else { return input };
        let (sender, parts) = sync_channel(PARTS);
        shared.waiting.lock().unwrap_or_else(|poisoned| poisoned.into_inner()).push(sender.clone());
        std::thread::spawn(move || forward(input, &sender));
        Box::new(Watched { interrupt: self.clone(), parts, part: io::Cursor::default(), ended: false })
    }
}

/// Reads until the end, an error, or nobody wants more.
fn forward(mut input: Box<dyn Read + Send>, sender: &SyncSender<Part>) {
    loop {
        let mut part = vec![0; PART];
        let read = match input.read(&mut part) {
            Ok(read) => read,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            Err(error) => {
                _ = sender.send(Some(Err(error)));
                return;
            }
        };
        part.truncate(read);
        if sender.send(Some(Ok(part))).is_err() || read == 0 {
            return;
        }
    }
}

/// The other end of [`forward`].
struct Watched {
    interrupt: Interrupt,
    parts: Receiver<Part>,
    part: io::Cursor<Vec<u8>>,
    ended: bool,
}

impl Read for Watched {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        loop {
            if self.ended || self.interrupt.is_raised() {
                return Ok(0);
            }
            let read = self.part.read(buffer)?;
            if read > 0 || buffer.is_empty() {
                return Ok(read);
            }
            match self.parts.recv() {
                Ok(Some(Ok(part))) => {
                    self.ended = part.is_empty();
                    self.part = io::Cursor::new(part);
                }
                Ok(Some(Err(error))) => return Err(error),
                Ok(None) => {}
                Err(_) => self.ended = true,
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Gives its octets, then waits for ever.
    struct Silent(&'static [u8]);

    impl Read for Silent {
        fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
            if self.0.is_empty() {
                std::thread::park();
            }
            self.0.read(buffer)
        }
    }

    #[test]
    fn a_reader_that_waits_comes_to_its_end() {
        let interrupt = Interrupt::armed();
        let mut input = interrupt.watch(Box::new(Silent(b"all there is")));
        let mut seen = [0; 12];
        input.read_exact(&mut seen).unwrap();
        let other = interrupt.clone();
        let waiting = std::thread::spawn(move || input.read(&mut [0; 1]).unwrap());
        other.raise();
        assert_eq!((waiting.join().unwrap(), &seen), (0, b"all there is"));
        assert!(interrupt.is_raised());
    }

    #[test]
    fn nothing_is_lost_or_changed_on_the_way() {
        let octets: Vec<u8> = (0..1_000_000_u32).map(|n| (n * 7) as u8).collect();
        for interrupt in [Interrupt::default(), Interrupt::armed()] {
            let mut read = Vec::new();
            interrupt.watch(Box::new(io::Cursor::new(octets.clone()))).read_to_end(&mut read).unwrap();
            assert_eq!(read, octets);
            interrupt.raise();
        }
    }

    #[test]
    fn errors_come_through() {
        struct Broken;
        impl Read for Broken {
            fn read(&mut self, _: &mut [u8]) -> io::Result<usize> {
                Err(io::ErrorKind::TimedOut.into())
            }
        }
        let error = Interrupt::armed().watch(Box::new(Broken)).read(&mut [0; 8]).unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::TimedOut);
    }
}
