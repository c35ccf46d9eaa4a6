//! What a failed TLS handshake means, as text for people.
//! Called by `tls`, and by `client` for a failure that comes with the first read.

use std::error::Error;

use rustls::CertificateError;

use super::causes::find_source;
use super::error::{HttpError, HttpErrorKind, TlsProblem};

/// The one message for a TLS error, whether it comes in the handshake or, as TLS 1.3 allows, with
/// the first read after it.
pub(super) fn explain(
    host: &str,
    at: &str,
    error: impl Error + Send + Sync + 'static,
) -> HttpError {
    let problem = find_source(&error, |error| {
        error.downcast_ref::<rustls::Error>().map(classify)
    });
    let Some(problem) = problem else {
        let message = format!("{at} ended the connection during the TLS handshake");
        return HttpError::new(HttpErrorKind::Reset, message).caused_by(error);
    };
    let message = match problem {
        TlsProblem::UnknownIssuer => format!(
            "the certificate of {host} was issued by an authority that this machine does not \
             trust: add the authority's certificate as the CA file"
        ),
        TlsProblem::Expired => format!(
            "the certificate of {host} has expired: renew it at the server \
             (or set this machine's clock right)"
        ),
        TlsProblem::NotYetValid => {
            format!("the certificate of {host} is not valid yet: look at this machine's clock")
        }
        TlsProblem::WrongHost => format!(
            "the certificate that {at} showed is not for {host}: \
             use a host name that the certificate holds"
        ),
        TlsProblem::NotTls => {
            format!("{at} does not speak TLS: is it an http:// address, or the wrong port?")
        }
        _ => format!("no trusted TLS connection to {host}: {}", innermost(&error)),
    };
    HttpError::new(HttpErrorKind::Tls(problem), message).caused_by(error)
}

fn classify(error: &rustls::Error) -> TlsProblem {
    let rustls::Error::InvalidCertificate(error) = error else {
        return match error {
            // The first bytes were no TLS record: plain text, most likely HTTP.
            rustls::Error::InvalidMessage(_) => TlsProblem::NotTls,
            _ => TlsProblem::Other,
        };
    };
    match error {
        // A bad signature is an authority that has the name of a trusted one and another key: a
        // private authority that was made again since the CA file was copied.
        CertificateError::UnknownIssuer | CertificateError::BadSignature => {
            TlsProblem::UnknownIssuer
        }
        CertificateError::Expired | CertificateError::ExpiredContext { .. } => TlsProblem::Expired,
        CertificateError::NotValidYet | CertificateError::NotValidYetContext { .. } => {
            TlsProblem::NotYetValid
        }
        CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. } => {
            TlsProblem::WrongHost
        }
        _ => TlsProblem::Other,
    }
}

fn innermost(error: &(dyn Error + 'static)) -> String {
    find_source(error, |error| {
        error
            .downcast_ref::<rustls::Error>()
            .map(ToString::to_string)
    })
    .unwrap_or_default()
}
