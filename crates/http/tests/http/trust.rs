//! Which servers are trusted over TLS, and what is said of the others.

use std::error::Error as _;
use std::io::Write;
use std::sync::Arc;

use rcgen::{
    BasicConstraints, CertificateParams, CertifiedIssuer, DnType, ExtendedKeyUsagePurpose, IsCa,
    KeyPair, date_time_ymd,
};
use rustls::ServerConfig;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tempfile::NamedTempFile;
use tokio_rustls::TlsAcceptor;

use tracefuse_http::{
    Endpoint, HttpClient, HttpConfig, HttpConfigError, HttpErrorKind, HttpRequest, TlsProblem,
};

use super::support::*;

/// An authority that tests issue certificates with.
pub(crate) struct Authority {
    issuer: CertifiedIssuer<'static, KeyPair>,
    pub(crate) file: NamedTempFile,
}

impl Authority {
    pub(crate) fn new() -> Self {
        Self::named("the authority of a test")
    }

    fn named(name: &str) -> Self {
        let mut params = CertificateParams::new(Vec::new()).unwrap();
        params.distinguished_name.push(DnType::CommonName, name);
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let issuer = CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap();
        let mut file = NamedTempFile::new().unwrap();
        file.write_all(issuer.pem().as_bytes()).unwrap();
        Self { issuer, file }
    }

    /// A certificate for `host`, valid in the years from `from` to `until`.
    pub(crate) fn issue(&self, host: &str, from: i32, until: i32) -> TlsAcceptor {
        self.issue_with(host, |params| {
            params.not_before = date_time_ymd(from, 1, 1);
            params.not_after = date_time_ymd(until, 1, 1);
        })
    }

    fn issue_with(&self, host: &str, change: impl FnOnce(&mut CertificateParams)) -> TlsAcceptor {
        let mut params = CertificateParams::new(vec![host.to_owned()]).unwrap();
        change(&mut params);
        let key = KeyPair::generate().unwrap();
        let certificate = params.signed_by(&key, &self.issuer).unwrap();
        let chain: Vec<CertificateDer<'static>> = vec![certificate.der().clone()];
        let key = PrivateKeyDer::try_from(key.serialize_der()).unwrap();
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let config = ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_no_client_auth()
            .with_single_cert(chain, key)
            .unwrap();
        TlsAcceptor::from(Arc::new(config))
    }

    pub(crate) fn client(&self) -> HttpClient {
        client_with(&self.config())
    }

    pub(crate) fn config(&self) -> HttpConfig {
        HttpConfig::new().ca_file(self.file.path())
    }
}

/// Answers 200 over TLS.
pub(crate) async fn tls_server(acceptor: TlsAcceptor) -> Server {
    let serve = async |mut peer: Peer| {
        while peer.request().await.is_some() {
            peer.write(answer(200, "", "trusted").as_bytes()).await;
        }
    };
    Server::start_with(serve, move |stream| {
        let acceptor = acceptor.clone();
        async move {
            let stream = acceptor.accept(stream).await.ok()?;
            Some(Box::new(stream) as Box<dyn Stream>)
        }
    })
    .await
}

fn https(host: &str, server: &Server) -> HttpRequest {
    let endpoint = Endpoint::parse(&format!("https://{host}:{}", server.port)).unwrap();
    HttpRequest::post(endpoint).body("text/plain", "batch")
}

async fn check(acceptor: TlsAcceptor, trusted: &Authority, problem: TlsProblem, message: &str) {
    let server = tls_server(acceptor).await;
    let error = send_failing(&trusted.client(), &https("localhost", &server)).await;
    assert_eq!(error.kind(), HttpErrorKind::Tls(problem), "{error:?}");
    assert_eq!(
        error.to_string(),
        message.replace("{port}", &server.port.to_string())
    );
    // What rustls said is below it, for a program that wants to know more.
    let mut of_rustls = None;
    let mut cause = error.source();
    while let Some(error) = cause {
        let inner = error.downcast_ref::<std::io::Error>();
        let inner = inner.and_then(|error| error.get_ref());
        if let Some(error) = inner.and_then(|error| error.downcast_ref::<rustls::Error>()) {
            of_rustls = Some(error);
        }
        cause = error.source();
    }
    assert!(
        matches!(of_rustls, Some(rustls::Error::InvalidCertificate(_))),
        "{error:?}"
    );
    assert!(!error.maybe_delivered());
    assert_eq!(server.requests().len(), 0);
}

#[tokio::test]
async fn a_server_of_the_added_authority_is_trusted_and_its_connection_kept() {
    let authority = Authority::new();
    for host in ["localhost", "127.0.0.1"] {
        let server = tls_server(authority.issue(host, 2020, 2999)).await;
        let client = authority.client();
        for _ in 0..3 {
            assert_eq!(send(&client, &https(host, &server)).await.body(), "trusted");
        }
        assert_eq!(server.connections(), 1);
    }
}

#[tokio::test]
async fn an_unknown_authority_is_not_trusted_whatever_it_calls_itself() {
    for name in ["another authority", "the authority of a test"] {
        check(
            Authority::named(name).issue("localhost", 2020, 2999),
            &Authority::new(),
            TlsProblem::UnknownIssuer,
            "the certificate of localhost was issued by an authority that this machine does not \
             trust: add the authority's certificate as the CA file",
        )
        .await;
    }
}

#[tokio::test]
async fn an_expired_certificate_is_not_trusted() {
    let authority = Authority::new();
    check(
        authority.issue("localhost", 2020, 2021),
        &authority,
        TlsProblem::Expired,
        "the certificate of localhost has expired: renew it at the server \
         (or set this machine's clock right)",
    )
    .await;
}

#[tokio::test]
async fn a_certificate_of_the_future_is_not_trusted() {
    let authority = Authority::new();
    check(
        authority.issue("localhost", 2990, 2999),
        &authority,
        TlsProblem::NotYetValid,
        "the certificate of localhost is not valid yet: look at this machine's clock",
    )
    .await;
}

#[tokio::test]
async fn a_certificate_for_another_host_is_not_trusted() {
    let authority = Authority::new();
    check(
        authority.issue("other.example", 2020, 2999),
        &authority,
        TlsProblem::WrongHost,
        "the certificate that localhost:{port} showed is not for localhost: \
         use a host name that the certificate holds",
    )
    .await;
}

#[tokio::test]
async fn another_fault_of_a_certificate_is_said_in_the_words_of_rustls() {
    let authority = Authority::new();
    check(
        authority.issue_with("localhost", |params| {
            params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ClientAuth];
        }),
        &authority,
        TlsProblem::Other,
        "no trusted TLS connection to localhost: invalid peer certificate: certificate does not allow \
         extended key usage for server authentication, allows client authentication",
    )
    .await;
}

#[tokio::test]
async fn a_plain_server_behind_an_https_address_is_named() {
    let server = Server::start(async |mut peer| {
        peer.write(answer(400, "", "").as_bytes()).await;
        peer.drain().await;
    })
    .await;
    let error = send_failing(&Authority::new().client(), &https("127.0.0.1", &server)).await;
    assert_eq!(
        error.kind(),
        HttpErrorKind::Tls(TlsProblem::NotTls),
        "{error:?}"
    );
    assert_eq!(
        error.to_string(),
        format!(
            "127.0.0.1:{} does not speak TLS: is it an http:// address, or the wrong port?",
            server.port
        )
    );
}

#[tokio::test]
async fn a_tls_server_behind_an_http_address_is_named_and_gets_no_retry() {
    let server = tls_server(Authority::new().issue("127.0.0.1", 2020, 2999)).await;
    let error = send_failing(&client(), &server.post("batch")).await;
    assert_eq!(error.kind(), HttpErrorKind::Protocol, "{error:?}");
    assert!(
        error.to_string().ends_with("is it an https:// address?"),
        "{error}"
    );
    assert_eq!(server.connections(), 1);
}

#[tokio::test]
async fn a_handshake_that_hangs_runs_out_of_time() {
    let server = Server::start(Peer::hang).await;
    let client = client_with(&Authority::new().config().connect_timeout(BRIEFLY));
    let error = send_failing(&client, &https("127.0.0.1", &server)).await;
    assert_eq!(error.kind(), HttpErrorKind::Timeout);
    assert!(!error.maybe_delivered());
    assert!(
        error.to_string().ends_with("gave up shaking hands in TLS"),
        "{error}"
    );
}

#[tokio::test]
async fn a_handshake_that_the_server_ends_is_a_reset() {
    let server = Server::start(async |_| {}).await;
    let error = send_failing(&Authority::new().client(), &https("127.0.0.1", &server)).await;
    assert_eq!(error.kind(), HttpErrorKind::Reset, "{error:?}");
}

#[test]
fn a_ca_file_that_cannot_be_used_is_refused_when_the_client_is_made() {
    let missing = HttpConfig::new().ca_file("/nowhere/ca.pem");
    let error = HttpClient::new(&missing).unwrap_err();
    assert!(
        matches!(error, HttpConfigError::CaFileUnreadable(..)),
        "{error:?}"
    );
    assert_eq!(
        error.to_string(),
        "the CA file /nowhere/ca.pem cannot be read"
    );

    for content in [
        "",
        "no PEM",
        "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n",
    ] {
        let mut file = NamedTempFile::new().unwrap();
        file.write_all(content.as_bytes()).unwrap();
        let error = HttpClient::new(&HttpConfig::new().ca_file(file.path())).unwrap_err();
        assert!(
            matches!(error, HttpConfigError::CaFileInvalid(_)),
            "{content:?}: {error:?}"
        );
    }
}
