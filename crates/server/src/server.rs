//! The server: configuration, router, and serving until it is told to stop.
//! Called by the command line and by tests.

use std::fmt;
use std::future::Future;
use std::io;
use std::sync::Arc;

use axum::Router;
use bytes::Bytes;
use tokio::net::TcpListener;
use tokio::sync::watch;

use crate::api;
use crate::app::App;
use crate::pages;
use crate::store::Store;

/// Receives each OTLP body that was stored: inflated, with its content type.
pub type Tee = Arc<dyn Fn(&Bytes, &str) + Send + Sync>;

/// How the server answers.
///
/// ```
/// use tracefuse_server::ServerConfig;
///
/// let mut config = ServerConfig::default();
/// config.keys = Some(("pk-lf-local".to_owned(), "sk-lf-local".to_owned()));
/// ```
#[derive(Clone)]
#[non_exhaustive]
pub struct ServerConfig {
    /// The only key pair that is accepted; `None` accepts any.
    pub keys: Option<(String, String)>,
    /// A token that pages and requests without keys must bring; required by a server that listens on more than
    /// loopback. A page takes it as `?token=..` once and keeps it as a cookie.
    pub token: Option<String>,
    /// Names that the header `Host` may have beside `localhost` and addresses of loopback; without ports.
    pub hosts: Vec<String>,
    /// Largest body of a request, in bytes, as it is sent.
    pub max_body: usize,
    /// Largest body of a request, in bytes, after it was inflated.
    pub max_inflated: usize,
    /// Receives each OTLP body that was stored.
    pub tee: Option<Tee>,
}

impl Default for ServerConfig {
    fn default() -> Self {
        Self {
            keys: None,
            token: None,
            hosts: Vec::new(),
            max_body: 64 << 20,
            max_inflated: 256 << 20,
            tee: None,
        }
    }
}

impl fmt::Debug for ServerConfig {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ServerConfig")
            .field("hosts", &self.hosts)
            .field("max_body", &self.max_body)
            .field("max_inflated", &self.max_inflated)
            .finish_non_exhaustive()
    }
}

/// The server.
#[derive(Clone, Debug)]
pub struct Server {
    config: Arc<ServerConfig>,
    /// True from the shutdown on.
    closing: watch::Sender<bool>,
}

impl Server {
    /// A server that answers so.
    #[must_use]
    pub fn new(config: ServerConfig) -> Self {
        Self {
            config: Arc::new(config),
            closing: watch::Sender::new(false),
        }
    }

    /// The routes of ingestion, of the read API and of the pages.
    #[must_use]
    pub fn router(&self, store: &Store) -> Router {
        let app = App {
            store: store.clone(),
            config: self.config.clone(),
            closing: self.closing.subscribe(),
        };
        let guard = axum::middleware::from_fn_with_state(app.clone(), api::guard);
        pages::router()
            .merge(api::router())
            .layer(guard)
            .layer(axum::extract::DefaultBodyLimit::disable())
            .with_state(app)
    }

    /// Serves until `shutdown` is ready, then answers what is under way.
    ///
    /// # Errors
    /// The listener fails.
    pub async fn serve(
        &self,
        store: &Store,
        listener: TcpListener,
        shutdown: impl Future<Output = ()> + Send + 'static,
    ) -> io::Result<()> {
        let closing = self.closing.clone();
        axum::serve(listener, self.router(store))
            .with_graceful_shutdown(async move {
                shutdown.await;
                // An open page reads events without an end: they end here.
                closing.send_replace(true);
            })
            .await
    }
}
