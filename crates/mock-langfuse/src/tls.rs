//! Certificates, good and bad, made when the server starts.
//! Made by `handle`, used by `server`; tests trust the good one by its authority's PEM.

use std::sync::Arc;

use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair, date_time_ymd};
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer};
use tokio_rustls::rustls::{ServerConfig, crypto};

/// How the server presents itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Tls {
    /// A certificate for `localhost` and 127.0.0.1 by the authority of [`MockLangfuse::ca_pem`](crate::MockLangfuse::ca_pem).
    Good,
    /// A certificate that signs itself.
    SelfSigned,
    /// A certificate of that authority that has expired.
    Expired,
    /// A certificate of that authority for another host.
    WrongHost,
    /// Plain http on a port that is addressed as https.
    PlainHttp,
    /// The handshake never ends.
    Hang,
}

pub(crate) struct Identity {
    pub(crate) ca_pem: String,
    pub(crate) acceptor: TlsAcceptor,
}

pub(crate) fn identity(tls: Tls) -> Result<Identity, Box<dyn std::error::Error>> {
    let mut authority = CertificateParams::new(Vec::new())?;
    authority.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    authority
        .distinguished_name
        .push(rcgen::DnType::CommonName, "mock-langfuse test authority");
    let authority = CertifiedIssuer::self_signed(authority, KeyPair::generate()?)?;
    let names = match tls {
        Tls::WrongHost => vec!["elsewhere.example".to_owned()],
        _ => vec!["localhost".to_owned(), "127.0.0.1".to_owned()],
    };
    let mut own = CertificateParams::new(names)?;
    if tls == Tls::Expired {
        own.not_before = date_time_ymd(2001, 1, 1);
        own.not_after = date_time_ymd(2002, 1, 1);
    }
    let key = KeyPair::generate()?;
    let certificate = match tls {
        Tls::SelfSigned => own.self_signed(&key)?,
        _ => own.signed_by(&key, &authority)?,
    };
    let chain = vec![CertificateDer::from(certificate.der().to_vec())];
    let key = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(key.serialize_der()));
    let config = ServerConfig::builder_with_provider(Arc::new(crypto::ring::default_provider()))
        .with_safe_default_protocol_versions()?
        .with_no_client_auth()
        .with_single_cert(chain, key)?;
    Ok(Identity {
        ca_pem: authority.pem(),
        acceptor: TlsAcceptor::from(Arc::new(config)),
    })
}
