//! A connection that can be used again, and the key under which it is kept.
//! Made by `client`; kept by `pool`.

use hyper::client::conn::http1::SendRequest;
use tokio::runtime::Handle;
use tokio::task::AbortHandle;

use super::endpoint::Endpoint;
use super::upload::Upload;

/// An open connection and the task that drives it. Dropping it cuts the connection at once;
/// [`Connection::close`] closes it in order.
pub(super) struct Connection {
    pub(super) sender: SendRequest<Upload>,
    driver: AbortHandle,
    cut_on_drop: bool,
}

impl Connection {
    pub(super) fn new(sender: SendRequest<Upload>, driver: AbortHandle) -> Self {
        Self {
            sender,
            driver,
            cut_on_drop: true,
        }
    }

    /// The driver ends by itself when the sender is dropped, and closes TLS in order (`close_notify`).
    pub(super) fn close(mut self) {
        self.cut_on_drop = false;
    }
}

impl Drop for Connection {
    fn drop(&mut self) {
        if self.cut_on_drop {
            // A half-sent request to a server that does not read would keep its task for ever.
            self.driver.abort();
        }
    }
}

/// Which connections may serve an endpoint. A driver belongs to the runtime that spawned it and
/// stops with it, so a connection is never shared between runtimes.
#[derive(Clone, PartialEq, Eq)]
pub(super) struct Key {
    origin: String,
    runtime: tokio::runtime::Id,
}

impl Key {
    pub(super) fn new(endpoint: &Endpoint) -> Self {
        Self {
            origin: endpoint.origin(),
            runtime: Handle::current().id(),
        }
    }
}
