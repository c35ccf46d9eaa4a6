//! What can be configured, and how: `Config` is made of defaults, `tracefuse.toml`, `.env`, the environment and code.
//! `table` lists the settings, `layers` reads them, `source` is the environment. Used by `builder`.

mod choices;
mod dotenv;
mod error;
mod files;
mod form;
mod layers;
mod names;
mod names_given;
mod otel;
mod setting;
mod source;
mod table;
mod tail;
#[cfg(test)]
mod tests;
mod toml_file;
mod tracer;

use std::collections::BTreeMap;
use std::fmt;

pub use crate::global::AlreadySet;
pub use error::ConfigError;
pub(crate) use layers::load;
pub(crate) use otel::describe;
pub use setting::Setting;
pub(crate) use source::Process;
pub use table::SETTINGS;
#[cfg(feature = "console")]
#[cfg_attr(docsrs, doc(cfg(feature = "console")))]
pub use tracefuse_console::{Color, Format, Stream, Text};
#[cfg(any(feature = "langfuse", feature = "otlp"))]
#[cfg_attr(docsrs, doc(cfg(any(feature = "langfuse", feature = "otlp"))))]
pub use tracefuse_http::{HttpConfig, ProxyConfig};
#[cfg(feature = "spool")]
#[cfg_attr(docsrs, doc(cfg(feature = "spool")))]
pub use tracefuse_runtime::spool::{Durability, WhenFull};
pub use tracefuse_runtime::{
    Overload, PipelineConfig, PipelineConfigError, SpoolMode, WhileOpen, limits,
};
pub use tracer::TracerConfig;

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
    /// To the viewer on this machine, `tracefuse view`, at `http://127.0.0.1:4318`. It needs no keys.
    Local,
    /// Nowhere: nothing is recorded.
    None,
}

/// Everything that can be configured outside of code. Each exporter has its own type, the one that the builder takes.
///
/// ```
/// # #[cfg(feature = "console")] {
/// use tracefuse::{Builder, config::{Config, Mode}};
///
/// let mut config = Config::default();
/// config.modes = vec![Mode::Print];
/// config.tracer.delivery.batch_size = 50;
/// let tracer = Builder::from_config(config)?.build()?;
/// # }
/// # Ok::<(), tracefuse::config::ConfigError>(())
/// ```
#[derive(Clone, Default)]
#[non_exhaustive]
pub struct Config {
    /// Where traces go; to Langfuse if it is empty.
    pub modes: Vec<Mode>,
    /// Recording and delivery.
    pub tracer: TracerConfig,
    /// The Langfuse server.
    #[cfg(feature = "langfuse")]
    pub langfuse: tracefuse_langfuse::LangfuseConfig,
    /// The terminal.
    #[cfg(feature = "console")]
    pub console: tracefuse_console::ConsoleConfig,
    /// The OpenTelemetry backend.
    #[cfg(feature = "otlp")]
    pub otlp: tracefuse_otlp::OtlpConfig,
    /// `OTEL_EXPORTER_OTLP_PROTOCOL`, which mode `otlp` checks; empty if it is not set.
    #[cfg(feature = "otlp")]
    pub(crate) otlp_protocol: String,
    /// Where each setting came from, by its key, as messages name it.
    origins: BTreeMap<&'static str, String>,
}

impl Config {
    /// Reads `tracefuse.toml` and `.env` from the working directory, then the process environment; later wins. Neither
    /// file needs to exist.
    ///
    /// A malformed value of ours is an error if a chosen mode uses it. Malformed variables that belong to other programs
    /// as well (`OTEL_*`, proxies) and lines of `.env` that are not `NAME=value` are skipped with a warning. If tracing
    /// is switched off (`TRACING_MODE=none`, `LANGFUSE_TRACING_ENABLED=false`, `OTEL_SDK_DISABLED=true`) nothing else
    /// is read, and nothing can fail.
    ///
    /// # Errors
    /// If `tracefuse.toml` cannot be read, a value is not what its setting accepts, or a name begins with `TRACEFUSE_`
    /// and is not a setting.
    pub fn from_env() -> Result<Self, ConfigError> {
        load(&Process, None)
    }

    /// The same from the texts of the two files alone. For the fuzzer and for tests.
    #[doc(hidden)]
    pub fn from_files(toml: &str, dotenv: &str) -> Result<Self, ConfigError> {
        load(&files::Files { toml, dotenv }, None)
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

    /// Where the first of `keys` that is set came from, such as "`LANGFUSE_HOST`"; `None` if none of them is set.
    #[cfg(any(feature = "langfuse", feature = "otlp"))]
    pub(crate) fn origin(&self, keys: &[&str]) -> Option<&str> {
        let found = keys.iter().find_map(|key| self.origins.get(*key));
        found.map(String::as_str)
    }
}

impl fmt::Debug for Config {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut shown = f.debug_struct("Config");
        shown
            .field("modes", &self.modes)
            .field("tracer", &self.tracer);
        #[cfg(feature = "langfuse")]
        shown.field("langfuse", &self.langfuse);
        #[cfg(feature = "console")]
        shown.field("console", &self.console);
        #[cfg(feature = "otlp")]
        shown.field("otlp", &self.otlp);
        shown.finish_non_exhaustive()
    }
}
