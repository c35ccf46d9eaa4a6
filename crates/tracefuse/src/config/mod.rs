//! What can be configured, parsed and checked: `Config` is right once it exists.
//! Filled from defaults, `tracefuse.toml`, `.env`, the environment and code by `source`; used by `builder`.

mod dotenv;
mod error;
mod files;
mod otel;
mod settings;
mod source;

use std::fmt;
use std::path::PathBuf;
use std::time::Duration;

use tracefuse_core::SampleRate;
use tracefuse_runtime::{Overload, SpoolMode, WhileOpen};

pub use error::ConfigError;
pub(crate) use otel::describe;
pub use settings::{SETTINGS, Setting};
pub(crate) use source::load;

/// Where traces go.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Mode {
    /// To a Langfuse server.
    Langfuse,
    /// To the terminal.
    Print,
    /// To any OpenTelemetry backend, by OTLP over HTTP.
    Otlp,
    /// Nowhere: nothing is recorded.
    None,
}

/// Settings of recording and delivery, the same for every exporter.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct TracerConfig {
    /// Whether anything is recorded; `true` by default.
    pub enabled: bool,
    /// Records per batch; 100 by default.
    pub batch_size: usize,
    /// Encoded bytes per batch before compression; 4 MiB by default.
    pub max_batch_bytes: usize,
    /// The longest a record waits for its batch to fill; 5 s by default.
    pub flush_interval: Duration,
    /// Retries of a batch in a row; 3 by default.
    pub max_retries: u32,
    /// Failed attempts in a row that open the circuit breaker; 5 by default.
    pub circuit_breaker_threshold: u32,
    /// How long the circuit breaker stays open; 60 s by default.
    pub circuit_breaker_reset: Duration,
    /// Records held in memory, those in flight included; 10,000 by default.
    pub max_queue_size: usize,
    /// Bytes held in memory, those in flight included; 32 MiB by default.
    pub max_queue_bytes: usize,
    /// What happens to a span when the queue is full; the newest is dropped by default.
    pub overload: Overload,
    /// What happens to spans while the circuit breaker is open; they are held by default.
    pub while_open: WhileOpen,
    /// Directory for what cannot be delivered, with the feature `spool`; none by default. It holds prompts in
    /// clear text, readable by this user alone.
    pub spool_dir: Option<PathBuf>,
    /// When records go to disk; when they cannot be delivered by default.
    pub spool_mode: SpoolMode,
    /// Most bytes on disk; 256 MiB by default. Beyond, the oldest batch is dropped and counted.
    pub spool_max_bytes: u64,
    /// The longest a shutdown may take, also the one when the last tracer is dropped; 5 s by default.
    pub shutdown_timeout: Duration,
    /// How long a trace may be open before a log line names it, once; 10 minutes by default.
    pub warn_open_longer: Duration,
    /// How many spans may be open before a log line says so; 10,000 by default.
    pub warn_open_more: u64,
    /// The longest a flush may take; 5 s by default.
    pub flush_timeout: Duration,
    /// The share of traces that is recorded, from 0 to 1; all by default.
    pub sample_rate: SampleRate,
    /// Whether a stack trace is captured with each recorded error; `false` by default.
    pub backtraces: bool,
    /// Whether inputs and outputs are recorded; `true` by default.
    pub capture_content: bool,
    /// Deployment environment, such as `production`.
    pub environment: Option<String>,
    /// Release of the application, such as a git commit.
    pub release: Option<String>,
    /// Version of the application.
    pub version: Option<String>,
    /// Name of the service.
    pub service_name: Option<String>,
    /// Further attributes of the service (OpenTelemetry's resource), by key. `service.name` among them
    /// counts if `service_name` is not set.
    pub resource_attributes: Vec<(String, String)>,
}

impl Default for TracerConfig {
    fn default() -> Self {
        Self {
            enabled: true,
            batch_size: 100,
            max_batch_bytes: 4 * 1024 * 1024,
            flush_interval: Duration::from_secs(5),
            max_retries: 3,
            circuit_breaker_threshold: 5,
            circuit_breaker_reset: Duration::from_secs(60),
            max_queue_size: 10_000,
            max_queue_bytes: 32 * 1024 * 1024,
            overload: Overload::DropNewest,
            while_open: WhileOpen::Hold,
            spool_dir: None,
            spool_mode: SpoolMode::OnFailure,
            spool_max_bytes: 256 * 1024 * 1024,
            shutdown_timeout: Duration::from_secs(5),
            warn_open_longer: Duration::from_secs(10 * 60),
            warn_open_more: 10_000,
            flush_timeout: Duration::from_secs(5),
            sample_rate: SampleRate::ALL,
            backtraces: false,
            capture_content: true,
            environment: None,
            release: None,
            version: None,
            service_name: None,
            resource_attributes: Vec::new(),
        }
    }
}

/// Everything that can be configured outside of code.
#[derive(Clone, PartialEq, Default)]
#[non_exhaustive]
pub struct Config {
    /// Where traces go; to Langfuse if nothing is said.
    pub modes: Vec<Mode>,
    /// Recording and delivery.
    pub tracer: TracerConfig,
    /// The Langfuse server.
    pub langfuse: LangfuseSettings,
    /// The terminal.
    pub console: ConsoleSettings,
    /// The OpenTelemetry backend.
    pub otlp: OtlpSettings,
    /// What every HTTP exporter uses.
    pub http: HttpSettings,
}

/// Settings of the Langfuse exporter.
#[derive(Clone, PartialEq, Default)]
#[non_exhaustive]
pub struct LangfuseSettings {
    /// Public key, `pk-lf-...`.
    pub public_key: Option<String>,
    /// Secret key, `sk-lf-...`.
    pub secret_key: Option<String>,
    /// Address of the server; Langfuse Cloud (EU) by default.
    pub base_url: Option<String>,
    /// Path of the OTLP endpoint below the address.
    pub export_path: Option<String>,
    /// Whether requests are compressed with gzip; yes by default.
    pub compression: Option<bool>,
    /// What becomes of images, sound and files in inputs and outputs: `upload` by default, `strip` or `keep`.
    pub media: Option<String>,
}

/// Settings of the terminal exporter.
#[derive(Clone, Debug, PartialEq, Default)]
#[non_exhaustive]
pub struct ConsoleSettings {
    /// `tree` (default), `compact` or `json`.
    pub format: Option<String>,
    /// `auto` (default), `always` or `never`.
    pub color: Option<String>,
    /// Columns; the terminal's own by default.
    pub width: Option<usize>,
    /// `stdout` (default) or `stderr`.
    pub stream: Option<String>,
    /// `full`, `line` (default) or `none`.
    pub text: Option<String>,
    /// Whether equal siblings are one row; yes by default.
    pub fold: Option<bool>,
    /// Whether a line is printed for each span that ends; no by default.
    pub live: Option<bool>,
}

/// Settings of the OTLP exporter.
#[derive(Clone, PartialEq, Default)]
#[non_exhaustive]
pub struct OtlpSettings {
    /// Base address; `/v1/traces` is appended.
    pub endpoint: Option<String>,
    /// Full address for traces, over `endpoint`.
    pub traces_endpoint: Option<String>,
    /// Headers, by name.
    pub headers: Vec<(String, String)>,
    /// Whether requests are compressed with gzip.
    pub compression: Option<bool>,
    /// Limit of one attempt; that of [`HttpSettings`] by default.
    pub timeout: Option<Duration>,
    /// `http/protobuf` (default); mode `otlp` refuses another.
    pub protocol: Option<String>,
    /// Names of attributes: `gen_ai` (default) or `openinference`.
    pub conventions: Option<String>,
}

/// Settings of every HTTP exporter.
#[derive(Clone, PartialEq, Default)]
#[non_exhaustive]
pub struct HttpSettings {
    /// Limit of one attempt; 10 s by default.
    pub timeout: Option<Duration>,
    /// PEM file of certificate authorities to trust beside the system's.
    pub ca_file: Option<PathBuf>,
    /// Whether credentials may travel over plain http beyond loopback; no by default.
    pub allow_plaintext_http: bool,
    /// Proxy for http addresses.
    pub http_proxy: Option<String>,
    /// Proxy for https addresses.
    pub https_proxy: Option<String>,
    /// Hosts reached without a proxy.
    pub no_proxy: Option<String>,
}

impl Config {
    /// Reads `tracefuse.toml` and `.env` from the working directory, then the process environment;
    /// later wins. Neither file needs to exist.
    ///
    /// # Errors
    /// If a file cannot be read or a value is not what its setting accepts.
    pub fn from_env() -> Result<Self, ConfigError> {
        load(&source::Process)
    }

    /// The same from the texts of the two files alone. For the fuzzer.
    #[doc(hidden)]
    pub fn from_files(toml: &str, dotenv: &str) -> Result<Self, ConfigError> {
        load(&files::Files { toml, dotenv })
    }

    /// The modes, or the default one.
    #[must_use]
    pub fn effective_modes(&self) -> &[Mode] {
        if self.modes.is_empty() {
            &[Mode::Langfuse]
        } else {
            &self.modes
        }
    }
}

/// Secrets do not reach logs by way of `{:?}`.
struct Redacted<'a>(&'a Option<String>);

impl fmt::Debug for Redacted<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(if self.0.is_some() { "***" } else { "None" })
    }
}

impl fmt::Debug for LangfuseSettings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("LangfuseSettings")
            .field("public_key", &Redacted(&self.public_key))
            .field("secret_key", &Redacted(&self.secret_key))
            .finish_non_exhaustive()
    }
}

impl fmt::Debug for OtlpSettings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Header values are credentials as a rule.
        let names: Vec<&str> = self.headers.iter().map(|(name, _)| name.as_str()).collect();
        f.debug_struct("OtlpSettings")
            .field("headers", &names)
            .finish_non_exhaustive()
    }
}

impl fmt::Debug for HttpSettings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Proxy addresses may carry a password.
        f.debug_struct("HttpSettings")
            .field("timeout", &self.timeout)
            .field("ca_file", &self.ca_file)
            .field("allow_plaintext_http", &self.allow_plaintext_http)
            .field("http_proxy", &Redacted(&self.http_proxy))
            .field("https_proxy", &Redacted(&self.https_proxy))
            .finish_non_exhaustive()
    }
}

impl fmt::Debug for Config {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Config")
            .field("modes", &self.modes)
            .field("tracer", &self.tracer)
            .field("langfuse", &self.langfuse)
            .field("console", &self.console)
            .field("otlp", &self.otlp)
            .field("http", &self.http)
            .finish()
    }
}
