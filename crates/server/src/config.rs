//! How the server answers.
//! Given by the command line and by tests; read by `api` and `pages`.

use std::fmt;
use std::sync::Arc;

use bytes::Bytes;

/// Receives each OTLP body that was stored.
pub trait Tee: Send + Sync {
    /// Takes a body, inflated, with its content type. Called on a thread for blocking work, before the sender is answered.
    fn take(&self, body: &Bytes, content_type: &str);

    /// Counts of the bodies by result, such as `sent`: `/api/public/health` shows them as `forward`.
    fn counts(&self) -> Vec<(&'static str, u64)>;
}

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
    pub tee: Option<Arc<dyn Tee>>,
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
