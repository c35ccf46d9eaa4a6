//! Whom to trust: the system's authorities and one file of the user's. The home of that file.
//! Asked by `client` once; nothing here switches verification off.

use std::path::Path;
use std::sync::Arc;

use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject as _;
use rustls::{ClientConfig, RootCertStore};

use super::config::HttpConfigError;

/// The certificates of a PEM file.
pub(crate) fn read_authorities(
    path: &Path,
) -> Result<Vec<CertificateDer<'static>>, HttpConfigError> {
    #[expect(
        clippy::disallowed_methods,
        reason = "the one place that reads the file of authorities"
    )]
    let text = std::fs::read(path);
    let text = text.map_err(|error| {
        HttpConfigError::because(
            format!("`ca_file` {} cannot be read", path.display()),
            error,
        )
    })?;
    let certificates: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(&text).collect();
    match certificates {
        Ok(certificates) if !certificates.is_empty() => Ok(certificates),
        _ => Err(HttpConfigError::new(format!(
            "`ca_file` {} holds no PEM certificate",
            path.display()
        ))),
    }
}

/// TLS 1.2 and later with ring, named: the process-wide default may be another or none.
pub(crate) fn client_config(
    extra: &[CertificateDer<'static>],
) -> Result<ClientConfig, HttpConfigError> {
    let mut roots = RootCertStore::empty();
    // What the system's store cannot give is missed when a certificate does not verify, with words that help.
    roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
    roots.add_parsable_certificates(extra.iter().cloned());
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let builder =
        ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions();
    let builder =
        builder.map_err(|_| HttpConfigError::new("TLS is not available in this build"))?;
    Ok(builder.with_root_certificates(roots).with_no_client_auth())
}
