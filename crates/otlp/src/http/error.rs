//! Why an attempt got no answer, in words a person understands.
//! Made by `client` from what hyper, rustls and the system say; never holds the request.

use std::error::Error;
use std::fmt;
use std::io;

/// Why an attempt got no answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum HttpErrorKind {
    /// The host's name has no address.
    Dns,
    /// Nobody answers at the address, or the proxy refuses.
    Connect,
    /// The encrypted connection could not be set up.
    Tls(TlsFault),
    /// The attempt took longer than it may.
    Timeout,
    /// The connection broke on the way.
    Reset,
    /// The answer is larger than 1 MiB.
    AnswerTooLarge,
    /// What came back is not HTTP.
    Protocol,
}

/// What is wrong with the encrypted connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum TlsFault {
    /// No authority we trust has signed the certificate.
    UnknownIssuer,
    /// The certificate is not valid any more, or not yet.
    Expired,
    /// The certificate is for another host.
    WrongHost,
    /// The server does not speak TLS.
    NotTls,
    /// Something else.
    Other,
}

/// An attempt without an answer.
#[derive(Debug)]
pub struct HttpError {
    kind: HttpErrorKind,
    origin: String,
    maybe_delivered: bool,
    source: Option<Box<dyn Error + Send + Sync>>,
}

impl HttpError {
    pub(crate) fn new(kind: HttpErrorKind, origin: String, maybe_delivered: bool) -> Self {
        Self {
            kind,
            origin,
            maybe_delivered,
            source: None,
        }
    }

    /// Finds the kind in what the client says.
    pub(crate) fn of(
        error: impl Into<Box<dyn Error + Send + Sync>>,
        origin: String,
        maybe_delivered: bool,
    ) -> Self {
        let error = error.into();
        let kind = kind_of(&*error);
        Self {
            kind,
            origin,
            maybe_delivered,
            source: Some(error),
        }
    }

    /// What kind of failure it is.
    #[must_use]
    pub fn kind(&self) -> HttpErrorKind {
        self.kind
    }

    /// Whether the whole request had been handed to the connection: it may have arrived all the same.
    #[must_use]
    pub fn maybe_delivered(&self) -> bool {
        self.maybe_delivered
    }
}

fn kind_of(error: &(dyn Error + 'static)) -> HttpErrorKind {
    let mut connect = false;
    let mut at: Option<&(dyn Error + 'static)> = Some(error);
    while let Some(error) = at {
        if let Some(tls) = error.downcast_ref::<rustls::Error>() {
            return HttpErrorKind::Tls(tls_fault(tls));
        }
        if let Some(legacy) = error.downcast_ref::<hyper_util::client::legacy::Error>() {
            connect = legacy.is_connect();
        }
        if let Some(hyper) = error.downcast_ref::<hyper::Error>() {
            if hyper.is_parse() {
                return HttpErrorKind::Protocol;
            }
            if hyper.is_timeout() {
                return HttpErrorKind::Timeout;
            }
        }
        if error.is::<http_body_util::LengthLimitError>() {
            return HttpErrorKind::AnswerTooLarge;
        }
        if let Some(io) = error.downcast_ref::<io::Error>() {
            // rustls hides in an io::Error, which shows it only this way.
            if let Some(tls) = io
                .get_ref()
                .and_then(|inner| inner.downcast_ref::<rustls::Error>())
            {
                return HttpErrorKind::Tls(tls_fault(tls));
            }
            if io.kind() == io::ErrorKind::TimedOut {
                return HttpErrorKind::Timeout;
            }
        }
        // The resolver's error type is hyper-util's own; its words are all there is.
        if error.to_string() == "dns error" {
            return HttpErrorKind::Dns;
        }
        at = error.source();
    }
    if connect {
        HttpErrorKind::Connect
    } else {
        HttpErrorKind::Reset
    }
}

fn tls_fault(error: &rustls::Error) -> TlsFault {
    use rustls::CertificateError as Certificate;
    match error {
        rustls::Error::InvalidCertificate(reason) => match reason {
            Certificate::UnknownIssuer => TlsFault::UnknownIssuer,
            Certificate::Expired
            | Certificate::ExpiredContext { .. }
            | Certificate::NotValidYet
            | Certificate::NotValidYetContext { .. } => TlsFault::Expired,
            Certificate::NotValidForName | Certificate::NotValidForNameContext { .. } => {
                TlsFault::WrongHost
            }
            // A self-signed certificate fails in this way, with webpki's own reason.
            Certificate::Other(_) => TlsFault::UnknownIssuer,
            _ => TlsFault::Other,
        },
        rustls::Error::InvalidMessage(_) => TlsFault::NotTls,
        _ => TlsFault::Other,
    }
}

impl fmt::Display for HttpError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let origin = &self.origin;
        match self.kind {
            HttpErrorKind::Dns => write!(
                f,
                "{origin}: the host's name has no address; is it spelled right?"
            ),
            HttpErrorKind::Connect => {
                write!(f, "{origin}: cannot connect").and_then(|()| self.source_words(f))
            }
            HttpErrorKind::Tls(TlsFault::UnknownIssuer) => {
                write!(
                    f,
                    "{origin}: its certificate is signed by nobody we trust; set `ca_file` if the authority is yours"
                )
            }
            HttpErrorKind::Tls(TlsFault::Expired) => {
                write!(f, "{origin}: its certificate is expired or not valid yet")
            }
            HttpErrorKind::Tls(TlsFault::WrongHost) => {
                write!(f, "{origin}: its certificate is for another host")
            }
            HttpErrorKind::Tls(TlsFault::NotTls) => {
                write!(f, "{origin}: it does not speak TLS; is it an http address?")
            }
            HttpErrorKind::Tls(TlsFault::Other) => {
                write!(f, "{origin}: the encrypted connection failed")
                    .and_then(|()| self.source_words(f))
            }
            HttpErrorKind::Timeout => write!(f, "{origin}: no answer in time"),
            HttpErrorKind::Reset => write!(f, "{origin}: the connection broke"),
            HttpErrorKind::AnswerTooLarge => write!(f, "{origin}: its answer is larger than 1 MiB"),
            HttpErrorKind::Protocol => write!(f, "{origin}: what it answered is not HTTP"),
        }
    }
}

impl HttpError {
    /// The innermost words of the cause, which name the system's reason.
    fn source_words(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut last: Option<&(dyn Error + 'static)> = None;
        let mut at = self
            .source
            .as_deref()
            .map(|error| error as &(dyn Error + 'static));
        while let Some(error) = at {
            last = Some(error);
            at = error.source();
        }
        last.map_or(Ok(()), |error| {
            write!(f, ": {}", super::secret::sanitize(&error.to_string(), &[]))
        })
    }
}

impl Error for HttpError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        self.source
            .as_deref()
            .map(|source| source as &(dyn Error + 'static))
    }
}
