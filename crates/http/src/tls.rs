//! Trust: the system's roots, the user's CA file, and what a failed handshake means.
//! Called by `connect` with an open stream. Opens one file, the CA file, and no socket.

use std::error::Error;
use std::fmt;
use std::io;
use std::path::Path;
use std::sync::{Arc, OnceLock};

use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{CertificateError, ClientConfig, RootCertStore};
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

use super::config::HttpConfigError;
use super::error::{HttpError, HttpErrorKind, TlsProblem, find_source};
use super::io::Io;

/// Makes TLS streams. There is no way to construct one that does not verify.
pub(super) struct Tls {
    added: Vec<CertificateDer<'static>>,
    connector: OnceLock<TlsConnector>,
}

impl Tls {
    /// Reads the CA file now, so that a wrong path is reported at the start; the system's roots wait
    /// for the first connection that needs them.
    pub(super) fn new(ca_file: Option<&Path>) -> Result<Self, HttpConfigError> {
        let added = match ca_file {
            None => Vec::new(),
            Some(path) => read_certificates(path)?,
        };
        Ok(Self {
            added,
            connector: OnceLock::new(),
        })
    }

    /// Does the TLS handshake over `stream`; the server must prove to be `host`.
    pub(super) async fn handshake(
        &self,
        host: &str,
        at: &str,
        stream: Box<dyn Io>,
    ) -> Result<TlsStream<Box<dyn Io>>, HttpError> {
        let name = ServerName::try_from(host.to_owned()).map_err(|error| {
            let message = format!("{host} is not a name a certificate can hold");
            HttpError::new(HttpErrorKind::Tls(TlsProblem::WrongHost), message).caused_by(error)
        })?;
        let connector = self.connector()?;
        connector
            .connect(name, stream)
            .await
            .map_err(|error| explain(host, at, error))
    }

    fn connector(&self) -> Result<&TlsConnector, HttpError> {
        if let Some(connector) = self.connector.get() {
            return Ok(connector);
        }
        let mut roots = RootCertStore::empty();
        // Some stores have a certificate or two that cannot be read; the others are used.
        roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
        roots.add_parsable_certificates(self.added.iter().cloned());
        if roots.is_empty() {
            return Err(HttpError::new(
                HttpErrorKind::Tls(TlsProblem::NoRoots),
                "this machine has no trusted root certificates: install its ca-certificates \
                 package, or name a CA file",
            ));
        }
        let config = client_config(roots).map_err(|error| {
            HttpError::new(
                HttpErrorKind::Tls(TlsProblem::Other),
                "TLS cannot be set up",
            )
            .caused_by(error)
        })?;
        Ok(self
            .connector
            .get_or_init(|| TlsConnector::from(Arc::new(config))))
    }
}

impl fmt::Debug for Tls {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Tls")
            .field("added_certificates", &self.added.len())
            .finish_non_exhaustive()
    }
}

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

fn client_config(roots: RootCertStore) -> Result<ClientConfig, rustls::Error> {
    // The provider is named: the process-wide default belongs to the application.
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let mut config = ClientConfig::builder_with_provider(provider)
        .with_protocol_versions(&[&rustls::version::TLS13, &rustls::version::TLS12])?
        .with_root_certificates(roots)
        .with_no_client_auth();
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    Ok(config)
}

fn read_certificates(path: &Path) -> Result<Vec<CertificateDer<'static>>, HttpConfigError> {
    #[expect(
        clippy::disallowed_methods,
        reason = "the one place that reads the CA file"
    )]
    let pem: io::Result<Vec<u8>> = std::fs::read(path);
    let pem = pem.map_err(|error| HttpConfigError::ca_file_unreadable(path, error))?;
    let invalid = || HttpConfigError::CaFileInvalid(path.to_owned());
    let certificates: Vec<_> = CertificateDer::pem_slice_iter(&pem)
        .collect::<Result<_, _>>()
        .map_err(|_| invalid())?;
    // Parsed here as well as at the first connection: an error here reaches the user.
    let (usable, unusable) =
        RootCertStore::empty().add_parsable_certificates(certificates.iter().cloned());
    if usable == 0 || unusable > 0 {
        return Err(invalid());
    }
    Ok(certificates)
}
