//! What is known of an attempt when it is cut off: how far it came, and whether its body was sent.
//! Written by `client` and `upload` while a request is sent.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU16, Ordering};
use std::time::Duration;

use super::endpoint::Endpoint;
use super::error::{HttpError, HttpErrorKind};
use super::progress::{Progress, Step};

/// What is known of an attempt when it is cut off.
#[derive(Default)]
pub(super) struct Attempt {
    pub(super) progress: Progress,
    /// The whole body was written to a connection, at the first or the second attempt.
    pub(super) taken: Arc<AtomicBool>,
    /// Of the answer's head; 0 before it.
    pub(super) status: AtomicU16,
}

/// The error of an attempt that took longer than it may.
pub(super) fn timed_out(endpoint: &Endpoint, limit: Duration, attempt: &Attempt) -> HttpError {
    let progress = &attempt.progress;
    if attempt.taken.load(Ordering::Relaxed) {
        progress.passed(Step::Send, Step::Await);
    }
    let message = format!(
        "{} took more than {limit:?}: gave up {progress}",
        endpoint.origin()
    );
    HttpError::new(HttpErrorKind::Timeout, message)
}
