//! What every handler gets: the store and the configuration.
//! Used by `api` and `pages`.

use std::sync::Arc;

use tokio::sync::watch;

use crate::config::ServerConfig;
use crate::store::{Store, StoreError};

/// The state of the router.
#[derive(Clone, Debug)]
pub(crate) struct App {
    pub(crate) store: Store,
    pub(crate) config: Arc<ServerConfig>,
    /// True from the shutdown on: answers that have no end must end.
    pub(crate) closing: watch::Receiver<bool>,
}

impl App {
    /// Reads from the store on a thread for blocking work.
    pub(crate) async fn read<R: Send + 'static>(
        &self,
        read: impl FnOnce(&Store) -> Result<R, StoreError> + Send + 'static,
    ) -> Result<R, StoreError> {
        let store = self.store.clone();
        match tokio::task::spawn_blocking(move || read(&store)).await {
            Ok(answer) => answer,
            Err(error) => Err(StoreError::Failed(error.to_string())),
        }
    }
}
