//! Trust: the system's roots and the user's CA file. What a failed handshake means is in `tls_failure`.
//! Called by `connect` with an open stream. Opens one file, the CA file, and no socket.

use std::fmt;
use std::io;
use std::path::Path;
use std::sync::{Arc, OnceLock};

use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, RootCertStore};
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

use super::config_error::HttpConfigError;
use super::error::{HttpError, HttpErrorKind, TlsProblem};
use super::io::Io;
use super::tls_failure::explain;

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
