//! Ctrl-C: no unfinished file is left behind, and what was asked for is done before the program ends. A second Ctrl-C always
//! ends it.
//!
//! Signals are taken over only where one of the two is at stake: until then they end the program as they end any other,
//! and what it was started to ignore (`nohup`) stays ignored.

use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, Once, PoisonError};

use super::status::Status;

/// What the first Ctrl-C does instead of ending the program.
static INSTEAD: Mutex<Option<Action>> = Mutex::new(None);
/// Files that are not yet where they belong.
static UNFINISHED: Mutex<Vec<PathBuf>> = Mutex::new(Vec::new());

type Action = Box<dyn FnOnce() + Send>;

/// The first Ctrl-C does this; the program has to end by itself then.
pub fn instead(action: impl FnOnce() + Send + 'static) {
    *lock(&INSTEAD) = Some(Box::new(action));
    listen();
}

/// This file is to be removed if the program is interrupted.
pub fn begun(path: &Path) {
    lock(&UNFINISHED).push(path.to_owned());
    listen();
}

/// It is where it belongs, or gone.
pub fn done(path: &Path) {
    lock(&UNFINISHED).retain(|known| known != path);
}

/// Where the system does not allow that, signals go on doing what they always did.
fn listen() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| _ = ctrlc::set_handler(interrupted));
}

fn interrupted() {
    let instead = lock(&INSTEAD).take();
    if let Some(action) = instead {
        return action();
    }
    // Held to the end, so that no other file is begun.
    let unfinished = lock(&UNFINISHED);
    for path in unfinished.iter() {
        _ = std::fs::remove_file(path);
    }
    std::process::exit(Status::Interrupted as i32);
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
