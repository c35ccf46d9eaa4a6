//! One setting: its names, what it does, how it changes the configuration.
//! Made by the table, used by `layers`; the guide prints it.

use std::fmt;

use super::form::Form;
use super::otel::is_true;
use super::{Config, ConfigError, Mode};

/// One thing that can be configured outside of code.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub struct Setting {
    /// Key in `tracefuse.toml`, such as `langfuse.base_url`.
    pub key: &'static str,
    /// Environment variables; the first that is set wins. The names of the official SDKs are among them.
    pub variables: &'static [&'static str],
    /// What it does.
    pub about: &'static str,
    pub(super) secret: bool,
    pub(super) group: Group,
    pub(super) value: &'static dyn Value,
}

/// What reads a setting.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Group {
    Every,
    Spool,
    Langfuse,
    Console,
    Otlp,
    /// Langfuse and OTLP.
    Http,
}

/// How a text becomes a value of the configuration, and back.
pub(super) trait Value: Sync {
    /// What it accepts, in words that follow "expected".
    fn accepts(&self) -> String;
    /// The value in `config`, as the guide shows a default. `config` is not changed: it is `&mut` because one function reaches
    /// a field for reading and for writing.
    fn show(&self, config: &mut Config) -> String;
    /// Parses `text` into `config`; `false` if it does not accept the text.
    fn apply(&self, config: &mut Config, text: &str) -> bool;
}

impl fmt::Debug for dyn Value {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.accepts())
    }
}

/// A form and the field of the configuration that it fills. All fields of one form and type share their code.
pub(super) struct Field<F, T>(pub(super) F, pub(super) fn(&mut Config) -> &mut T);

impl<F: Form<T> + Sync, T> Value for Field<F, T> {
    fn accepts(&self) -> String {
        self.0.accepts()
    }

    fn show(&self, config: &mut Config) -> String {
        self.0.show(self.1(config))
    }

    fn apply(&self, config: &mut Config, text: &str) -> bool {
        let value = self.0.parse(text);
        value.map(|value| *self.1(config) = value).is_some()
    }
}

/// The same for a field of every HTTP exporter.
#[cfg(any(feature = "langfuse", feature = "otlp"))]
pub(super) struct HttpField<F, T>(
    pub(super) F,
    pub(super) fn(&mut tracefuse_http::HttpConfig) -> &mut T,
);

#[cfg(any(feature = "langfuse", feature = "otlp"))]
impl<F: Form<T> + Sync, T: Clone> Value for HttpField<F, T> {
    fn accepts(&self) -> String {
        self.0.accepts()
    }

    fn show(&self, config: &mut Config) -> String {
        #[cfg(feature = "langfuse")]
        let http = &mut config.langfuse.http;
        #[cfg(not(feature = "langfuse"))]
        let http = &mut config.otlp.transport.http;
        self.0.show(self.1(http))
    }

    fn apply(&self, config: &mut Config, text: &str) -> bool {
        let Some(value) = self.0.parse(text) else {
            return false;
        };
        #[cfg(feature = "langfuse")]
        self.1(&mut config.langfuse.http).clone_from(&value);
        #[cfg(feature = "otlp")]
        self.1(&mut config.otlp.transport.http).clone_from(&value);
        true
    }
}

/// `OTEL_SDK_DISABLED`: it turns recording off, and nothing turns it on again.
pub(super) struct SdkDisabled;

impl Value for SdkDisabled {
    fn accepts(&self) -> String {
        "true; anything else is false".to_owned()
    }

    fn show(&self, _: &mut Config) -> String {
        "false".to_owned()
    }

    fn apply(&self, config: &mut Config, text: &str) -> bool {
        config.tracer.enabled &= !is_true(text);
        true
    }
}

/// The value of a setting whose exporter is not compiled in: it accepts everything and has no effect.
#[cfg(not(all(
    feature = "langfuse",
    feature = "console",
    feature = "otlp",
    feature = "spool"
)))]
pub(super) struct Absent;

#[cfg(not(all(
    feature = "langfuse",
    feature = "console",
    feature = "otlp",
    feature = "spool"
)))]
impl Value for Absent {
    fn accepts(&self) -> String {
        String::new()
    }

    fn show(&self, _: &mut Config) -> String {
        String::new()
    }

    fn apply(&self, _: &mut Config, _: &str) -> bool {
        true
    }
}

impl Setting {
    /// What it accepts, in words.
    #[must_use]
    pub fn accepts(&self) -> String {
        self.value.accepts()
    }

    /// Its default, read from the configuration's own default.
    #[must_use]
    pub fn default(&self) -> String {
        self.value.show(&mut Config::default())
    }

    /// Whether the value alone gives access to something.
    pub(super) fn is_credential(&self) -> bool {
        matches!(self.key, "langfuse.secret_key" | "otlp.headers")
    }

    /// Whether one of `modes` reads it.
    pub(super) fn is_used_by(&self, modes: &[Mode]) -> bool {
        let any = |known: &[Mode]| known.iter().any(|mode| modes.contains(mode));
        match self.group {
            Group::Every | Group::Spool => true,
            Group::Langfuse => any(&[Mode::Langfuse, Mode::Local]),
            Group::Console => any(&[Mode::Print]),
            Group::Otlp => any(&[Mode::Otlp]),
            Group::Http => any(&[Mode::Langfuse, Mode::Local, Mode::Otlp]),
        }
    }

    /// Whether it accepts `text`.
    pub(super) fn takes(&self, text: &str) -> bool {
        self.value.apply(&mut Config::default(), text.trim())
    }

    /// Parses `text` into the configuration; `origin` is where it came from, as a message names it.
    pub(super) fn apply(
        &self,
        config: &mut Config,
        origin: &str,
        text: &str,
    ) -> Result<(), ConfigError> {
        if self.value.apply(config, text.trim()) {
            return Ok(());
        }
        let shown = (!self.secret).then_some(text);
        Err(ConfigError::value(origin, shown, &self.accepts()))
    }
}
