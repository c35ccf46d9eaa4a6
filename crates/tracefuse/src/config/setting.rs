//! One setting: its names, what it does, how it changes the configuration.
//! Made by the table, used by `layers`; the guide prints it.

use super::form::Form;
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
    pub(super) value: Value,
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
#[derive(Clone, Copy, Debug)]
pub(super) struct Value {
    pub(super) accepts: fn() -> String,
    pub(super) default: fn() -> String,
    pub(super) apply: fn(&mut Config, &str) -> bool,
}

impl Value {
    /// Of a setting whose exporter is not compiled in: it accepts everything and has no effect.
    #[cfg(not(all(
        feature = "langfuse",
        feature = "console",
        feature = "otlp",
        feature = "spool"
    )))]
    pub(super) const ABSENT: Self = Self {
        accepts: String::new,
        default: String::new,
        apply: |_, _| true,
    };
}

impl Setting {
    /// What it accepts, in words.
    #[must_use]
    pub fn accepts(&self) -> String {
        (self.value.accepts)()
    }

    /// Its default, read from the configuration's own default.
    #[must_use]
    pub fn default(&self) -> String {
        (self.value.default)()
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
        (self.value.apply)(&mut Config::default(), text.trim())
    }

    /// Parses `text` into the configuration; `origin` is where it came from, as a message names it.
    pub(super) fn apply(
        &self,
        config: &mut Config,
        origin: &str,
        text: &str,
    ) -> Result<(), ConfigError> {
        if (self.value.apply)(config, text.trim()) {
            return Ok(());
        }
        let shown = (!self.secret).then_some(text);
        Err(ConfigError::value(origin, shown, &self.accepts()))
    }
}

pub(super) fn accepts<T>(form: &impl Form<T>, _: fn(&mut Config) -> &mut T) -> String {
    form.accepts()
}

pub(super) fn default<T>(form: &impl Form<T>, field: fn(&mut Config) -> &mut T) -> String {
    form.show(field(&mut Config::default()))
}

pub(super) fn apply<T>(
    form: &impl Form<T>,
    field: fn(&mut Config) -> &mut T,
    config: &mut Config,
    text: &str,
) -> bool {
    let value = form.parse(text);
    value.map(|value| *field(config) = value).is_some()
}

/// Settings of every HTTP exporter.
#[cfg(any(feature = "langfuse", feature = "otlp"))]
pub(super) mod http {
    use tracefuse_http::HttpConfig;

    use super::{Config, Form};

    pub(crate) fn accepts<T>(form: &impl Form<T>, _: fn(&mut HttpConfig) -> &mut T) -> String {
        form.accepts()
    }

    pub(crate) fn default<T>(form: &impl Form<T>, field: fn(&mut HttpConfig) -> &mut T) -> String {
        form.show(field(&mut HttpConfig::default()))
    }

    pub(crate) fn apply<T: Clone>(
        form: &impl Form<T>,
        field: fn(&mut HttpConfig) -> &mut T,
        config: &mut Config,
        text: &str,
    ) -> bool {
        let Some(value) = form.parse(text) else {
            return false;
        };
        #[cfg(feature = "langfuse")]
        field(&mut config.langfuse.http).clone_from(&value);
        #[cfg(feature = "otlp")]
        field(&mut config.otlp.transport.http).clone_from(&value);
        true
    }
}
