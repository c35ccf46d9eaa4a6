//! Errors of hyper in our words: which kind each is, what it says, and whether the server never answered.
//! Called by `client`.

use std::error::Error;

use super::causes::{find_source, is_disconnect};
use super::endpoint::Endpoint;
use super::error::{HttpError, HttpErrorKind};
use super::tls_failure;

pub(super) fn is_unanswered(error: &hyper::Error) -> bool {
    error.is_canceled()
        || error.is_closed()
        || error.is_incomplete_message()
        || is_disconnect(error)
}

/// hyper tells this class apart for servers only; to a client its text is all there is, and a test
/// with a bomb of headers guards it.
fn is_head_too_large(error: &hyper::Error) -> bool {
    error.is_parse() && error.to_string().contains("too large")
}

pub(super) fn explain(endpoint: &Endpoint, error: hyper::Error) -> HttpError {
    let origin = endpoint.origin();
    let has_tls_error = find_source(&error, |error: &(dyn Error + 'static)| {
        error.downcast_ref::<rustls::Error>().map(drop)
    });
    if has_tls_error.is_some() {
        let at = format!("{}:{}", endpoint.host(), endpoint.port());
        return tls_failure::explain(endpoint.host(), &at, error);
    }
    let (kind, message) = if is_head_too_large(&error) {
        (
            HttpErrorKind::HeadersTooLarge,
            format!("{origin} answered with more headers than are read"),
        )
    } else if is_unanswered(&error) {
        (
            HttpErrorKind::Reset,
            format!("{origin} ended the connection before its answer was whole"),
        )
    } else if endpoint.is_tls() {
        (
            HttpErrorKind::Protocol,
            format!("{origin} did not answer in HTTP/1.1"),
        )
    } else {
        let message = format!("{origin} did not answer in HTTP/1.1: is it an https:// address?");
        (HttpErrorKind::Protocol, message)
    };
    HttpError::new(kind, message).caused_by(error)
}
