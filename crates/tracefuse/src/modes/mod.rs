//! The exporter of a configured mode. A mode whose cargo feature is off is an error that names the feature.
//! Called by `builder`. Knows no variables.

use std::sync::Arc;

use tracefuse_exporter::Exporter;

use crate::config::{Config, ConfigError, Mode};

#[cfg(feature = "console")]
mod console;
#[cfg(feature = "langfuse")]
pub(crate) mod langfuse;
#[cfg(feature = "langfuse")]
mod local;
#[cfg(feature = "otlp")]
mod otlp;

#[cfg(not(all(feature = "console", feature = "langfuse", feature = "otlp")))]
mod off;
#[cfg(not(feature = "console"))]
use off as console;
#[cfg(not(feature = "langfuse"))]
use off as langfuse;
#[cfg(not(feature = "langfuse"))]
use off as local;
#[cfg(not(feature = "otlp"))]
use off as otlp;

pub(crate) type Shared = Arc<dyn Exporter>;

pub(crate) fn exporter(mode: Mode, config: &Config) -> Result<Option<Shared>, ConfigError> {
    match mode {
        Mode::Langfuse => langfuse::exporter("langfuse", config).map(Some),
        Mode::Print => console::exporter("console", config).map(Some),
        Mode::Otlp => otlp::exporter("otlp", config).map(Some),
        Mode::Local => local::exporter("langfuse", config).map(Some),
        Mode::None => Ok(None),
    }
}

/// What Langfuse makes of an environment's name, if it is not stored as it is. The same in every mode, since a
/// program that prints today may deliver later.
#[cfg(feature = "langfuse")]
pub(crate) fn environment_warning(name: &str) -> Option<String> {
    let stored = tracefuse_langfuse::stored_environment(name);
    (stored != name).then(|| {
        format!(
            "the environment {name:?} (`LANGFUSE_TRACING_ENVIRONMENT`) is stored by Langfuse as {stored:?}: use lower-case letters, digits, `-` and `_`, at most 40, and do not begin with `langfuse`"
        )
    })
}

#[cfg(not(feature = "langfuse"))]
pub(crate) fn environment_warning(_: &str) -> Option<String> {
    None
}
