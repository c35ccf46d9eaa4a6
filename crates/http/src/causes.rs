//! The causes of an error: the first one of a kind, and whether it is the end of a connection.
//! Used by `error`, `client` and `tls_failure`.

use std::error::Error;
use std::io;

/// The first error in `error`'s chain of sources, itself included, that `find` takes. Looks into
/// `io::Error` as well, which hides the error it wraps from `source`.
pub(super) fn find_source<'a, T>(
    error: &'a (dyn Error + 'static),
    find: impl Fn(&'a (dyn Error + 'static)) -> Option<T>,
) -> Option<T> {
    let mut next = Some(error);
    for _ in 0..16 {
        let error = next?;
        if let Some(found) = find(error) {
            return Some(found);
        }
        next = match error
            .downcast_ref::<io::Error>()
            .and_then(io::Error::get_ref)
        {
            Some(inner) => Some(inner),
            None => error.source(),
        };
    }
    None
}

/// Whether the connection ended under a request: a reset, a broken pipe, an end before its time.
pub(super) fn is_disconnect(error: &(dyn Error + 'static)) -> bool {
    find_source(error, |error| {
        error.downcast_ref::<io::Error>().map(io::Error::kind)
    })
    .is_some_and(|kind| {
        matches!(
            kind,
            io::ErrorKind::ConnectionReset
                | io::ErrorKind::ConnectionAborted
                | io::ErrorKind::BrokenPipe
                | io::ErrorKind::NotConnected
                | io::ErrorKind::UnexpectedEof
        )
    })
}
