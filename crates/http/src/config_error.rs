//! Why no client could be made: the setting, the problem and the remedy. Repeats no secret.
//! Made by `config`, `tls` and `client`; read by the exporters' configuration.

use std::fmt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use tracefuse_exporter::{debug_error, plain_text};

use super::ranges::{POOL_IDLE_RANGE, TIMEOUT_RANGE};

/// Why no client could be made. Names the setting and the remedy, never a secret.
#[non_exhaustive]
pub enum HttpConfigError {
    /// The CA file cannot be read.
    CaFileUnreadable(PathBuf, std::io::Error),
    /// The CA file holds no certificate, or one that cannot be understood.
    CaFileInvalid(PathBuf),
    /// The proxy for the named scheme is not a URL of an `http` or `https` proxy.
    Proxy(&'static str),
    /// The user agent holds a control character or one outside ASCII.
    UserAgent,
    /// A URL that carries credentials is `http` and not this machine. Holds its origin.
    PlaintextCredentials(String),
    /// The TLS library refused its own settings.
    Tls(String),
    /// The timeout is outside of [`TIMEOUT_RANGE`].
    Timeout(Duration),
    /// The timeout for a new connection is outside of [`TIMEOUT_RANGE`].
    ConnectTimeout(Duration),
    /// Unused connections are kept for more than 1 h.
    PoolIdleTimeout(Duration),
}

impl HttpConfigError {
    /// The setting that cannot be used, by its key in `tracefuse.toml`, such as `ca_file`.
    #[must_use]
    pub fn setting(&self) -> &'static str {
        match self {
            Self::CaFileUnreadable(..) | Self::CaFileInvalid(_) => "ca_file",
            Self::Proxy("http") => "http_proxy",
            Self::Proxy(_) => "https_proxy",
            Self::Timeout(_) => "timeout",
            Self::ConnectTimeout(_) => "connect_timeout",
            Self::PoolIdleTimeout(_) => "pool_idle_timeout",
            Self::PlaintextCredentials(_) => "base_url",
            Self::UserAgent | Self::Tls(_) => "http",
        }
    }

    pub(super) fn ca_file_unreadable(path: &Path, error: std::io::Error) -> Self {
        Self::CaFileUnreadable(path.to_owned(), error)
    }
}

impl fmt::Display for HttpConfigError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::CaFileUnreadable(path, _) => {
                write!(f, "the CA file {} cannot be read", shown(path))
            }
            Self::CaFileInvalid(path) => write!(
                f,
                "the CA file {} holds no certificate that can be used: expected PEM, \
                 \"-----BEGIN CERTIFICATE-----\"",
                shown(path)
            ),
            Self::Proxy(scheme) => write!(
                f,
                "the proxy for {scheme} cannot be used: expected the form http://host:port; \
                 SOCKS is not supported"
            ),
            Self::UserAgent => {
                f.write_str("the user agent holds a control character or a character outside ASCII")
            }
            Self::PlaintextCredentials(origin) => f.write_str(&plaintext_message(origin)),
            Self::Tls(problem) => write!(f, "TLS cannot be set up: {problem}"),
            Self::Timeout(time) => out_of_range(f, "the timeout", *time, &TIMEOUT_RANGE),
            Self::ConnectTimeout(time) => {
                out_of_range(f, "the timeout for connecting", *time, &TIMEOUT_RANGE)
            }
            Self::PoolIdleTimeout(time) => out_of_range(
                f,
                "the time for which connections are kept",
                *time,
                &POOL_IDLE_RANGE,
            ),
        }
    }
}

fn out_of_range(
    f: &mut fmt::Formatter<'_>,
    what: &str,
    time: Duration,
    range: &std::ops::RangeInclusive<Duration>,
) -> fmt::Result {
    let [time, low] = [time, *range.start()].map(|time| time.as_secs_f64());
    let high = range.end().as_secs();
    write!(f, "{what} is {time} s: expected {low} to {high} s")
}

/// A path as a message shows it: characters that could forge a line or move the cursor are escaped.
fn shown(path: &Path) -> String {
    plain_text(&path.display().to_string()).into_owned()
}

/// `Display` and the cause: `main` prints an error that it returns by `Debug`.
impl fmt::Debug for HttpConfigError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        debug_error(self, f)
    }
}

impl std::error::Error for HttpConfigError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::CaFileUnreadable(_, error) => Some(error),
            _ => None,
        }
    }
}

/// The text of the refusal at construction and of the one at the request.
pub(super) fn plaintext_message(origin: &str) -> String {
    format!(
        "{origin} would receive credentials in clear text: use https, or set \
         `TRACEFUSE_ALLOW_PLAINTEXT_HTTP=true` (in code `allow_plaintext_http(true)`) if the network is trusted"
    )
}
