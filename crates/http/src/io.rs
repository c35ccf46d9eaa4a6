//! The type of a connection, with or without TLS, direct or through a proxy.
//! Used by `connect`, `proxy` and `tls`.

use tokio::io::{AsyncRead, AsyncWrite};

/// A byte stream to a server.
pub(super) trait Io: AsyncRead + AsyncWrite + Unpin + Send {}

impl<T: AsyncRead + AsyncWrite + Unpin + Send> Io for T {}
