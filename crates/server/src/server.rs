//! The server: its router, and serving until it is stopped.
//! Called by the command line and by tests.

use std::future::Future;
use std::io;
use std::sync::Arc;

use axum::Router;
use tokio::net::TcpListener;
use tokio::sync::watch;

use crate::api;
use crate::app::App;
use crate::config::ServerConfig;
use crate::pages;
use crate::store::Store;

/// The server.
#[derive(Clone, Debug)]
pub struct Server {
    config: Arc<ServerConfig>,
    /// True from the shutdown on.
    closing: watch::Sender<bool>,
}

impl Server {
    /// A server with this configuration.
    #[must_use]
    pub fn new(config: ServerConfig) -> Self {
        Self {
            config: Arc::new(config),
            closing: watch::Sender::new(false),
        }
    }

    /// The routes of ingestion, of the read API and of the pages.
    pub fn router(&self, store: &Store) -> Router {
        let app = App {
            store: store.clone(),
            config: self.config.clone(),
            closing: self.closing.subscribe(),
        };
        let guard = axum::middleware::from_fn_with_state(app.clone(), api::guard);
        pages::router()
            .merge(api::router())
            .method_not_allowed_fallback(api::not_allowed)
            .fallback(api::missing)
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
