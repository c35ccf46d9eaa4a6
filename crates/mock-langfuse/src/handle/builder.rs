//! The settings of a server, and how it starts on its own thread.
//! Used by tests and by the program, through `MockLangfuse::builder`.

use std::io;
use std::net::{Ipv4Addr, TcpListener};
use std::sync::{Arc, Condvar, Mutex};

use tokio::sync::watch;

use super::MockLangfuse;
use crate::scenario::Scenario;
use crate::server::serve;
use crate::state::{Phase, Shared};
use crate::tls::{Tls, identity};

/// Settings of a [`MockLangfuse`].
///
/// ```
/// let server = mock_langfuse::MockLangfuse::builder().keys("pk-lf-1", "sk-lf-1").start()?;
/// assert_eq!(server.public_key(), "pk-lf-1");
/// # Ok::<(), std::io::Error>(())
/// ```
#[derive(Clone, Debug)]
#[must_use = "a builder does nothing until `start`"]
pub struct Builder {
    public_key: String,
    secret_key: String,
    port: u16,
    max_body: usize,
    max_inflated: usize,
    score_configs: Vec<String>,
    scenario: Scenario,
    tls: Option<Tls>,
}

impl Builder {
    pub(super) fn new() -> Self {
        Self {
            public_key: "pk-lf-mock".into(),
            secret_key: "sk-lf-mock".into(),
            port: 0,
            max_body: 32 << 20,
            max_inflated: 64 << 20,
            score_configs: Vec::new(),
            scenario: Scenario::default(),
            tls: None,
        }
    }

    /// The keys it accepts.
    pub fn keys(mut self, public_key: &str, secret_key: &str) -> Self {
        (self.public_key, self.secret_key) = (public_key.to_owned(), secret_key.to_owned());
        self
    }

    /// A fixed port; a free one by default.
    pub fn port(mut self, port: u16) -> Self {
        self.port = port;
        self
    }

    /// The largest body it reads, compressed; 32 MiB by default, and twice that once it is decompressed.
    pub fn max_body(mut self, bytes: usize) -> Self {
        self.max_body = bytes;
        self.max_inflated = bytes.saturating_mul(2);
        self
    }

    /// Adds a score configuration to its project. A score that names another `configId` is answered with 200 and
    /// dropped, as Langfuse does.
    pub fn score_config(mut self, id: &str) -> Self {
        self.score_configs.push(id.to_owned());
        self
    }

    /// What is done with the requests that come.
    pub fn scenario(mut self, scenario: Scenario) -> Self {
        self.scenario = scenario;
        self
    }

    /// TLS, good or bad.
    pub fn tls(mut self, tls: Tls) -> Self {
        self.tls = Some(tls);
        self
    }

    /// Starts it.
    ///
    /// # Errors
    /// If the port, the thread or the certificate is not available.
    pub fn start(self) -> io::Result<MockLangfuse> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, self.port))?;
        let address = listener.local_addr()?;
        let identity = match self.tls {
            None | Some(Tls::PlainHttp | Tls::Hang) => None,
            Some(tls) => Some(identity(tls).map_err(|error| io::Error::other(error.to_string()))?),
        };
        let shared = Arc::new(Shared {
            tls: self.tls.is_some(),
            public_key: self.public_key,
            secret_key: self.secret_key,
            max_inflated: self.max_inflated,
            max_body: self.max_body,
            score_configs: self.score_configs,
            store: Mutex::default(),
            changed: Condvar::new(),
            scenario: Mutex::new(self.scenario),
            bad_span: Mutex::default(),
            phase: Mutex::new(Phase::Serving),
            phase_changed: Condvar::new(),
        });
        let (phase, phases) = watch::channel(Phase::Serving);
        let ca_pem = identity.as_ref().map(|identity| identity.ca_pem.clone());
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()?;
        let (theirs, hang) = (shared.clone(), self.tls == Some(Tls::Hang));
        let thread = std::thread::Builder::new()
            .name("mock-langfuse".into())
            .spawn(move || {
                runtime.block_on(serve(theirs, listener, address, identity, hang, phases));
                runtime.shutdown_background();
            })?;
        let scheme = if self.tls.is_some() { "https" } else { "http" };
        Ok(MockLangfuse {
            shared,
            phase,
            thread: Some(thread),
            address,
            scheme,
            ca_pem,
        })
    }
}
