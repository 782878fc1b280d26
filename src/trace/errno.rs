//! Names of the error numbers that matter here, for tracers that print only the number.

/// The name of a BSD error number (4.4BSD `sys/errno.h`; FreeBSD, OpenBSD and NetBSD agree); empty if it plays no part.
pub(super) fn bsd(number: i64) -> &'static str {
    match number {
        4 => "EINTR",
        9 => "EBADF",
        32 => "EPIPE",
        35 => "EAGAIN",
        36 => "EINPROGRESS",
        53 => "ECONNABORTED",
        54 => "ECONNRESET",
        57 => "ENOTCONN",
        60 => "ETIMEDOUT",
        61 => "ECONNREFUSED",
        _ => "",
    }
}
