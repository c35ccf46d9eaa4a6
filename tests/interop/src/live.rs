//! The viewer's server in this process. Called by `demo` and `viewer`.

use std::thread::JoinHandle;
use std::time::Duration;

use anyhow::{Context as _, Result};
use tokio::sync::oneshot;
use tracefuse_server::{Server, ServerConfig, Store};

/// A server on a thread; it ends when this is dropped.
pub(crate) struct Live {
    pub(crate) address: std::net::SocketAddr,
    pub(crate) store: Store,
    stop: Option<oneshot::Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl Live {
    /// Listens on loopback, on a free port.
    pub(crate) fn start(store: Store) -> Result<Self> {
        let served = store.clone();
        let (stop, stopped) = oneshot::channel();
        let (tell, heard) = std::sync::mpsc::channel();
        let thread = std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread()
                .enable_all()
                .build();
            let Ok(runtime) = runtime else { return };
            runtime.block_on(async {
                let Ok(listener) = tokio::net::TcpListener::bind("127.0.0.1:0").await else {
                    return;
                };
                let _ = tell.send(listener.local_addr());
                let stopped = async { drop(stopped.await) };
                let _ = Server::new(ServerConfig::default())
                    .serve(&served, listener, stopped)
                    .await;
            });
        });
        let address = heard
            .recv_timeout(Duration::from_secs(30))
            .context("the server did not start")??;
        Ok(Self {
            address,
            store,
            stop: Some(stop),
            thread: Some(thread),
        })
    }
}

impl Drop for Live {
    fn drop(&mut self) {
        drop(self.stop.take());
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}
