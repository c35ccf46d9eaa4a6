//! Layers of configuration: `tracefuse.toml`, `.env`, the environment; later wins. The crate `config` merges them and
//! notes where each value came from; the table of settings parses the values.
//! Called by `Config::from_env`. The only caller of a `Source`.

use std::collections::BTreeMap;

use config::{FileFormat, Map, Value};

use super::names_given::{refuse_unknown, warn_of_readers};
use super::source::{DOTENV, Source, TOML};
use super::toml_file::{flatten, invalid_toml};
use super::{Config, ConfigError, Mode, SETTINGS, dotenv};

/// Values by the key of their setting.
type Values = Map<String, Value>;

/// Reads every layer into a checked configuration. With `only`, as if this was the mode and tracing was on: for a check
/// of the keys.
pub(crate) fn load(source: &dyn Source, only: Option<Mode>) -> Result<Config, ConfigError> {
    let (config, warnings) = read(source, only);
    for warning in &warnings {
        crate::say::warning(warning);
    }
    config
}

/// The configuration and what a person should know about it; nothing if tracing is off.
pub(super) fn read(
    source: &dyn Source,
    only: Option<Mode>,
) -> (Result<Config, ConfigError>, Vec<String>) {
    let mut warnings = Vec::new();
    let config = merge(source, only, &mut warnings);
    if matches!(&config, Ok(config) if config.is_off()) {
        warnings.clear();
    }
    (config, warnings)
}

fn merge(
    source: &dyn Source,
    only: Option<Mode>,
    warnings: &mut Vec<String>,
) -> Result<Config, ConfigError> {
    // If tracing is off, no later layer is read: nothing in it can fail.
    let off = |values: &Values| off(values).filter(|_| only.is_none());
    let environment = variables(&|name| source.variable(name), warnings);
    if let Some(off) = off(&environment) {
        return Ok(off);
    }
    let file = read_dotenv(source, warnings);
    let from_dotenv = variables(&|name| file.variables.get(name).cloned(), warnings);
    let both = from_dotenv.clone().into_iter().chain(environment.clone());
    if let Some(off) = off(&both.collect()) {
        return Ok(off);
    }
    if let Some(line) = file.broken {
        // The line is not repeated: it may contain a secret.
        return Err(ConfigError::new(format!(
            "line {line} of `{DOTENV}` is not `NAME=value`"
        )));
    }
    let toml = source.file(TOML)?.unwrap_or_default();
    let merged = config::Config::builder()
        .add_source(config::File::from_str(&toml, FileFormat::Toml))
        .add_source(Layer(from_dotenv))
        .add_source(Layer(environment))
        .build()
        .map_err(|error| invalid_toml(&toml, &error))?;
    let mut values = Values::new();
    flatten("", merged.cache, &mut values);
    if let Some(off) = off(&values) {
        return Ok(off);
    }
    refuse_unknown(&values, &file.variables, source, warnings)?;
    warn_of_readers(&file.variables, source, warnings);
    apply(&values, only, warnings)
}

/// The parsed settings. A malformed value is an error if one of the modes uses it.
fn apply(
    values: &Values,
    only: Option<Mode>,
    warnings: &mut Vec<String>,
) -> Result<Config, ConfigError> {
    let mut config = Config::default();
    for setting in SETTINGS {
        let Some(value) = values.get(setting.key) else {
            continue;
        };
        let origin = match value.origin() {
            Some(variable) => format!("`{variable}`"),
            None => format!("`{}` in {TOML}", setting.key),
        };
        let text = value.clone().into_string().unwrap_or_default();
        match setting.apply(&mut config, &origin, &text) {
            Ok(()) => {
                config.origins.insert(setting.key, origin);
            }
            Err(error) if setting.is_used_by(only.as_slice()) => return Err(error),
            Err(error) if only.is_none() && setting.is_used_by(config.effective_modes()) => {
                return Err(error);
            }
            Err(error) => warnings.push(format!("{error}; the value is ignored")),
        }
    }
    if let Some(mode) = only {
        config.modes = vec![mode];
        config.tracer.enabled = true;
    }
    Ok(config)
}

impl Config {
    pub(super) fn is_off(&self) -> bool {
        !self.tracer.enabled || self.effective_modes() == [Mode::None]
    }
}

/// The configuration of a tracer that is off, if the values switch it off.
fn off(values: &Values) -> Option<Config> {
    let mut config = Config::default();
    for setting in SETTINGS {
        if matches!(setting.key, "mode" | "enabled" | "sdk_disabled")
            && let Some(value) = values.get(setting.key)
        {
            // A malformed value switches nothing off; it is reported when all settings are applied.
            let _ = setting.apply(&mut config, "", &value.clone().into_string().ok()?);
        }
    }
    config.is_off().then_some(config)
}

/// One layer of variables: of each setting the first variable that is set. A variable that is empty counts as not set,
/// as the OpenTelemetry specification says. One that also belongs to other programs and is malformed is discarded, by
/// the same specification.
fn variables(read: &dyn Fn(&str) -> Option<String>, warnings: &mut Vec<String>) -> Values {
    let mut values = Values::new();
    for setting in SETTINGS {
        for name in setting.variables {
            let Some(text) = read(name).filter(|text| !text.trim().is_empty()) else {
                continue;
            };
            if !is_ours(name) && !setting.takes(&text) {
                warnings.push(format!(
                    "`{name}` is ignored: expected {}",
                    setting.accepts()
                ));
                continue;
            }
            let value = Value::new(Some(&(*name).to_owned()), text);
            values.insert(setting.key.to_owned(), value);
            break;
        }
    }
    values
}

/// Whether only Langfuse's SDKs and this one read a variable.
fn is_ours(name: &str) -> bool {
    ["LANGFUSE_", "TRACEFUSE_", "TRACING_MODE"]
        .iter()
        .any(|prefix| name.starts_with(prefix))
}

/// A layer as the crate `config` takes it.
#[derive(Clone, Debug)]
struct Layer(Values);

impl config::Source for Layer {
    fn clone_into_box(&self) -> Box<dyn config::Source + Send + Sync> {
        Box::new(self.clone())
    }

    fn collect(&self) -> Result<Values, config::ConfigError> {
        Ok(self.0.clone())
    }
}

/// The variables of `.env`, and the first broken line of ours.
#[derive(Default)]
struct Dotenv {
    variables: BTreeMap<String, String>,
    broken: Option<usize>,
}

/// Reads `.env`, which other programs use as well: what cannot be read in it is skipped with one warning.
fn read_dotenv(source: &dyn Source, warnings: &mut Vec<String>) -> Dotenv {
    let text = match source.file(DOTENV) {
        Ok(text) => text.unwrap_or_default(),
        Err(error) => {
            warnings.push(format!("{error:?}; the file is ignored"));
            return Dotenv::default();
        }
    };
    let read = dotenv::parse(&text);
    let ours = |name: &str| is_ours(dotenv::without_export(name));
    let (broken, skipped): (Vec<_>, Vec<_>) =
        read.broken.iter().partition(|line| ours(&line.beginning));
    if !skipped.is_empty() {
        let numbers: Vec<String> = skipped.iter().map(|line| line.number.to_string()).collect();
        let lines = if numbers.len() == 1 { "line" } else { "lines" };
        warnings.push(format!(
            "{lines} {} of `{DOTENV}` skipped: not `NAME=value`",
            numbers.join(", ")
        ));
    }
    Dotenv {
        variables: read.variables,
        broken: broken.first().map(|line| line.number),
    }
}
