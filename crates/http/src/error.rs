//! What goes wrong before an answer is whole, as text for people.
//! Made by `client`, `connect` and `tls`, read by exporters, which decide what happens next.
//! Knows neither headers nor bodies, so that none can reach a message.

use std::error::Error;
use std::fmt;

/// A request that brought no whole answer.
///
/// `Display` names the host and what happened there; [`Error::source`] holds the cause of the layer
/// below. Neither holds a header, a body, a query or a proxy's password.
pub struct HttpError {
    kind: HttpErrorKind,
    maybe_delivered: bool,
    status: Option<u16>,
    message: String,
    source: Option<Box<dyn Error + Send + Sync>>,
}

impl HttpError {
    pub(super) fn new(kind: HttpErrorKind, message: impl Into<String>) -> Self {
        Self {
            kind,
            maybe_delivered: false,
            status: None,
            message: message.into(),
            source: None,
        }
    }

    pub(super) fn caused_by(mut self, source: impl Into<Box<dyn Error + Send + Sync>>) -> Self {
        self.source = Some(source.into());
        self
    }

    pub(super) fn with_delivery(mut self, maybe_delivered: bool) -> Self {
        self.maybe_delivered = maybe_delivered;
        self
    }

    pub(super) fn with_status(mut self, status: u16) -> Self {
        self.status = Some(status);
        self
    }

    /// What happened.
    #[must_use]
    pub fn kind(&self) -> HttpErrorKind {
        self.kind
    }

    /// Whether the whole request body had been written to a connection, so that the server may have
    /// taken it although we know of no answer. `false` means it has certainly not had all of it.
    #[must_use]
    pub fn maybe_delivered(&self) -> bool {
        self.maybe_delivered
    }

    /// The status of an answer whose head arrived and whose body did not.
    #[must_use]
    pub fn status(&self) -> Option<u16> {
        self.status
    }
}

impl fmt::Display for HttpError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

/// `Display` and the causes: `main` prints an error that it returns by `Debug`.
impl fmt::Debug for HttpError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        tracefuse_exporter::debug_error(self, f)
    }
}

impl Error for HttpError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        self.source.as_deref().map(|source| source as _)
    }
}

/// The classes of [`HttpError`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum HttpErrorKind {
    /// The host's name could not be resolved.
    Dns,
    /// No address of the host took the connection.
    Connect,
    /// The proxy refused, asked for credentials or could not be understood.
    Proxy,
    /// No trusted connection could be made.
    Tls(TlsProblem),
    /// The time for connecting or for the whole attempt ran out.
    Timeout,
    /// The connection ended before the answer was whole.
    Reset,
    /// The answer's body is larger than what is read. Trying again does not help.
    BodyTooLarge,
    /// The answer's headers are larger than what is read. Trying again does not help.
    HeadersTooLarge,
    /// What came back is not HTTP.
    Protocol,
    /// Nothing was sent: the request carries credentials and would have crossed the network in
    /// clear text.
    PlaintextCredentials,
    /// Nothing was sent: the request cannot be written.
    InvalidRequest,
}

/// Why a TLS connection was not trusted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum TlsProblem {
    /// The certificate was not issued by an authority that this machine trusts.
    UnknownIssuer,
    /// The certificate has expired.
    Expired,
    /// The certificate is not valid yet.
    NotYetValid,
    /// The certificate is for other hosts.
    WrongHost,
    /// What answers does not speak TLS.
    NotTls,
    /// There is not one trusted root certificate on this machine.
    NoRoots,
    /// Anything else, as the source says.
    Other,
}
