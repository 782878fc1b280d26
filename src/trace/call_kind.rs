//! What a system call does to a descriptor, or what a thread waits for in it: by its name, one table for all systems, and
//! by what its arguments say.

use super::args::{Args, number};
use super::{SocketKind, Syscall};

/// The part a call plays here.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub(super) enum CallKind {
    /// Takes data from a descriptor; 0 octets are the end of the peer's stream.
    Read,
    /// Gives data to a descriptor.
    Write,
    Accept,
    Connect,
    Socket,
    /// Opens a descriptor that is no Internet socket.
    Open,
    /// Opens two of them.
    OpenPair,
    Dup,
    /// dup2, dup3: onto a given number.
    DupOnto,
    Fcntl,
    Close,
    /// close_range, closefrom.
    CloseMany,
    Shutdown,
    PeerName,
    /// getsockname, bind.
    OwnName,
    Listen,
    /// Any other call that only sockets take.
    SocketOption,
    EpollCtl,
    /// Waits for several descriptors.
    Poll,
    Fork,
    Exec,
    /// Waits for another thread or process to let go of something.
    Lock,
    /// Where threads of the system's own libraries sleep all their life.
    Service,
    /// Of no interest.
    #[default]
    Other,
}

impl CallKind {
    pub(super) fn of(call: &Syscall<'_>) -> CallKind {
        use CallKind::*;
        match call.name {
            "read" | "readv" | "recv" | "recvfrom" | "recvmsg" | "recvmmsg" | "getmsg" | "kread"
            | "kreadv" | "erecv" | "nrecvfrom" | "nrecvmsg" => Read,
            "write" | "writev" | "send" | "sendto" | "sendmsg" | "sendmmsg" | "sendfile" | "putmsg"
            | "kwrite" | "kwritev" | "esend" => Write,
            "accept" | "accept4" | "paccept" | "naccept" => Accept,
            "connect" | "connectat" => Connect,
            "socket" | "so_socket" => Socket,
            "open" | "openat" | "openat2" | "open64" | "openat64" | "creat" | "epoll_create"
            | "epoll_create1" | "eventfd" | "eventfd2" | "timerfd_create" | "signalfd" | "signalfd4"
            | "inotify_init" | "inotify_init1" | "memfd_create" | "kqueue" | "kqueue1" | "kqueuex"
            | "port_create" | "shm_open" | "shm_open2" | "pidfd_open" | "userfaultfd" | "io_uring_setup"
            | "perf_event_open" | "kopen" => Open,
            "pipe" | "pipe2" | "socketpair" | "so_socketpair" => OpenPair,
            "dup" => Dup,
            "dup2" | "dup3" => DupOnto,
            "fcntl" | "fcntl64" | "kfcntl" => match () {
                () if call.args.has("SETLKW") => Lock,
                () => Fcntl,
            },
            "close" => Close,
            "close_range" | "closefrom" => CloseMany,
            "shutdown" => Shutdown,
            "getpeername" | "ngetpeername" => PeerName,
            "getsockname" | "ngetsockname" | "bind" => OwnName,
            "listen" => Listen,
            "setsockopt" | "getsockopt" => SocketOption,
            "epoll_ctl" => EpollCtl,
            "poll" | "ppoll" | "ppoll_time64" | "pollsys" | "select" | "_newselect" | "pselect6"
            | "pselect" | "epoll_wait" | "epoll_pwait" | "epoll_pwait2" | "kevent" | "port_get"
            | "port_getn" | "_poll" | "__select50" | "__pollts50" | "__kevent50" | "__kevent100"
            | "io_getevents" | "io_uring_enter" => Poll,
            "fork" | "fork1" | "forkx" | "forkall" | "forkallx" | "vfork" | "vforkx" | "clone" | "clone3"
            | "rfork" | "pdfork" | "kfork" => Fork,
            "execve" | "execveat" | "exec" | "fexecve" => Exec,
            "futex" | "futex_time64" | "futex_wait" | "futex_waitv" => {
                // A thread that wakes others does not wait itself.
                if call.args.has("FUTEX_") && !call.args.has("_WAIT") && !call.args.has("_LOCK_PI") {
                    Other
                } else {
                    Lock
                }
            }
            "lwp_sema_wait"
            | "lwp_sema_timedwait"
            | "lwp_mutex_lock"
            | "lwp_mutex_timedlock"
            | "lwp_cond_wait"
            | "lwp_park"
            | "__lwp_park"
            | "_lwp_park"
            | "___lwp_park50"
            | "___lwp_park60"
            | "lwp_rwlock_rdlock"
            | "lwp_rwlock_wrlock"
            | "semop"
            | "semtimedop"
            | "semsys"
            | "_umtx_op"
            | "ksleep"
            | "pw_wait"
            | "msem_lock"
            | "__thrsleep"
            | "__semwait_signal"
            | "__psynch_cvwait"
            | "__psynch_mutexwait"
            | "ulock_wait"
            | "flock"
            | "lockf" => Lock,
            "signotifywait" | "door_return" | "sigwait" | "sigtimedwait" | "sigwaitinfo"
            | "rt_sigtimedwait" | "__sigwait" | "lwp_sigredirect" => Service,
            _ => Other,
        }
    }

    /// Whether a thread that sleeps in this call would learn that the peer has closed.
    pub(super) fn sees_eof(self) -> bool {
        matches!(self, CallKind::Read | CallKind::Accept | CallKind::Connect | CallKind::Poll)
    }
}

/// The descriptors a poll or select waits for input on: `[{fd=4, events=POLLIN}]`, `fd=5  ev=POLLRDNORM`, or the first
/// list of select, `8, [4 5 7]`.
pub(super) fn polled(args: Args<'_>) -> Vec<i32> {
    let fd = |text: &[u8]| number(text).and_then(|fd| i32::try_from(fd).ok());
    let mut found = Vec::new();
    for at in memchr::memmem::find_iter(args.0, b"fd=") {
        let text = &args.0[at + 3..];
        // Up to the next descriptor.
        let own = &text[..memchr::memmem::find(text, b"fd=").unwrap_or(text.len())];
        let events = memchr::memmem::find(own, b"ev").map_or(own, |at| &own[at..]);
        let input = [&b"IN"[..], b"RD"].iter().any(|word| memchr::memmem::find(events, word).is_some());
        found.extend(fd(text).filter(|_| input));
    }
    if found.is_empty()
        && let Some(list) = args.iter().nth(1).and_then(|list| list.strip_prefix(b"["))
    {
        found.extend(list.split(|b| *b == b' ').filter_map(fd));
    }
    found
}

/// Calls that only sockets take.
pub(super) fn is_socket_call(name: &str) -> bool {
    name.starts_with("recv") || name.starts_with("send") && name != "sendfile"
}

/// A read of no octets returns 0 without any end of file.
pub(super) fn asks_for_data(call: &Syscall<'_>) -> bool {
    let count = match call.name {
        "read" | "kread" | "recv" | "recvfrom" => call.args.iter().nth(2),
        _ => None,
    };
    count.is_none_or(|count| number(count) != Some(0))
}

/// SHUT_WR and SHUT_RDWR send the FIN; SHUT_RD does not.
pub(super) fn stops_sending(args: Args<'_>) -> bool {
    args.iter().nth(1).is_some_and(|how| {
        how.starts_with(b"SHUT_WR") || how.starts_with(b"SHUT_RDWR") || matches!(number(how), Some(1 | 2))
    })
}

/// What socket(2) opens: none for what is no stream of the Internet families.
pub(super) fn socket_kind(args: Args<'_>) -> Option<SocketKind> {
    let mut parts = args.iter();
    let (family, kind) = (Args(parts.next()?), Args(parts.next()?));
    let internet = family.has("INET");
    if !internet && family.has("F_") || kind.has("SOCK_") && !kind.has("STREAM") {
        return None;
    }
    // The numbers of families and types differ from system to system.
    Some(if internet && kind.has("STREAM") { SocketKind::Tcp } else { SocketKind::Socket })
}

/// Threads share their descriptors, processes copy them.
pub(super) fn shares_table(args: Args<'_>) -> bool {
    args.has("CLONE_FILES")
}
