//! Layers of configuration: `tracefuse.toml`, `.env`, the environment; later wins. The crate `config` merges them and
//! remembers where each value came from; the table of settings parses the values.
//! Called by `Config::from_env`. The only caller of a `Source`.

use std::collections::BTreeMap;

use config::{FileFormat, Map, Value, ValueKind};

use super::source::{DOTENV, Source, TOML};
use super::{Config, ConfigError, Mode, SETTINGS, dotenv, names};

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
fn read(source: &dyn Source, only: Option<Mode>) -> (Result<Config, ConfigError>, Vec<String>) {
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
    fn is_off(&self) -> bool {
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

/// Line, column and reason. The parser's `Display` is not used: it repeats the line, which may contain a secret.
fn invalid_toml(text: &str, error: &config::ConfigError) -> ConfigError {
    let cause = match error {
        config::ConfigError::FileParse { cause, .. } => cause.downcast_ref::<toml::de::Error>(),
        _ => None,
    };
    let Some(error) = cause else {
        return ConfigError::new(format!("`{TOML}` is not valid TOML"));
    };
    let place = error.span().map(|span| {
        let before = text.get(..span.start).unwrap_or(text);
        let line = before.matches('\n').count() + 1;
        let column = before
            .rsplit('\n')
            .next()
            .unwrap_or_default()
            .chars()
            .count()
            + 1;
        format!(", line {line}, column {column}")
    });
    ConfigError::new(format!(
        "`{TOML}` is not valid TOML{}: {}",
        place.unwrap_or_default(),
        error.message()
    ))
}

/// The values by dotted key. A list becomes a text with commas.
fn flatten(prefix: &str, value: Value, into: &mut Values) {
    let origin = value.origin().map(str::to_owned);
    match value.kind {
        ValueKind::Table(inner) => {
            for (key, value) in inner {
                let key = if prefix.is_empty() {
                    key
                } else {
                    format!("{prefix}.{key}")
                };
                flatten(&key, value, into);
            }
        }
        ValueKind::Array(items) => {
            let items = items.into_iter().filter_map(|item| item.into_string().ok());
            let text = items.collect::<Vec<_>>().join(",");
            into.insert(prefix.to_owned(), Value::new(origin.as_ref(), text));
        }
        kind => {
            if let Ok(text) = Value::new(origin.as_ref(), kind).into_string() {
                into.insert(prefix.to_owned(), Value::new(origin.as_ref(), text));
            }
        }
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
    let ours = |name: &str| is_ours(name.strip_prefix("export ").unwrap_or(name).trim());
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

fn warn_of_readers(
    dotenv: &BTreeMap<String, String>,
    source: &dyn Source,
    warnings: &mut Vec<String>,
) {
    let has_a_key = SETTINGS
        .iter()
        .filter(|setting| setting.is_credential())
        .flat_map(|setting| setting.variables)
        .any(|name| dotenv.contains_key(*name));
    if has_a_key && source.is_readable_by_others(DOTENV) {
        warnings.push(format!(
            "`{DOTENV}` contains a key and every user of this machine can read it: chmod 600 {DOTENV}"
        ));
    }
}

/// A setting with a spelling mistake would have no effect. In names of our own it is an error; a `LANGFUSE_` variable
/// may belong to another program, so that it is a warning there, if it is similar to one of ours.
fn refuse_unknown(
    values: &Values,
    dotenv: &BTreeMap<String, String>,
    source: &dyn Source,
    warnings: &mut Vec<String>,
) -> Result<(), ConfigError> {
    let keys = || SETTINGS.iter().map(|setting| setting.key);
    let unknown = |what: String, nearest: &str| {
        ConfigError::new(format!("{what} is not a setting; is `{nearest}` meant?"))
    };
    let mut unknown_keys: Vec<&String> = values
        .iter()
        .filter(|(key, value)| {
            value.origin().is_none() && keys().all(|known| known != key.as_str())
        })
        .map(|(key, _)| key)
        .collect();
    unknown_keys.sort();
    if let Some(key) = unknown_keys.first() {
        return Err(unknown(
            format!("`{key}` in {TOML}"),
            names::nearest(key, keys()),
        ));
    }
    let variables = source.variables().into_iter().chain(dotenv.keys().cloned());
    for name in variables {
        if name.starts_with("TRACEFUSE_") && names::variables().all(|known| known != name) {
            let ours = names::variables().filter(|known| known.starts_with("TRACEFUSE_"));
            return Err(unknown(format!("`{name}`"), names::nearest(&name, ours)));
        }
        if let Some(meant) = names::meant(&name) {
            warnings.push(format!("`{name}` has no effect; is `{meant}` meant?"));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use proptest::prelude::*;

    use super::*;

    /// A working directory and an environment.
    #[derive(Default)]
    struct Given {
        toml: &'static str,
        dotenv: String,
        env: Vec<(&'static str, &'static str)>,
    }

    impl Source for Given {
        fn file(&self, name: &str) -> Result<Option<String>, ConfigError> {
            let text = if name == TOML {
                self.toml
            } else {
                &self.dotenv
            };
            match text {
                "unreadable" => Err(ConfigError::new(format!("`{name}` cannot be read"))),
                text => Ok(Some(text.to_owned()).filter(|text| !text.is_empty())),
            }
        }
        fn is_readable_by_others(&self, _: &str) -> bool {
            true
        }
        fn variable(&self, name: &str) -> Option<String> {
            let found = self.env.iter().find(|(known, _)| *known == name);
            found.map(|(_, value)| (*value).to_owned())
        }
        fn variables(&self) -> Vec<String> {
            self.env
                .iter()
                .map(|(name, _)| (*name).to_owned())
                .collect()
        }
    }

    impl Given {
        fn env(env: &[(&'static str, &'static str)]) -> Self {
            Self {
                env: env.to_vec(),
                ..Self::default()
            }
        }
        fn toml(toml: &'static str) -> Self {
            Self {
                toml,
                ..Self::default()
            }
        }
        fn dotenv(dotenv: &str) -> Self {
            Self {
                dotenv: dotenv.to_owned(),
                ..Self::default()
            }
        }
        /// The configuration and what was warned of.
        fn read(&self) -> (Result<Config, ConfigError>, Vec<String>) {
            read(self, None)
        }
        fn config(&self) -> Config {
            self.read().0.unwrap()
        }
        fn refusal(&self) -> String {
            self.read().0.unwrap_err().to_string()
        }
    }

    #[test]
    fn later_layers_win_and_files_may_be_absent() {
        let config = Given::default().config();
        assert_eq!(format!("{config:?}"), format!("{:?}", Config::default()));
        let config = Given {
            toml: "mode = \"print\"\nbatch_size = 7\nsample_rate = 0.5\n[langfuse]\nbase_url = \"https://toml\"\n[console]\nwidth = 90\n",
            dotenv: "LANGFUSE_BASE_URL=https://dotenv\nLANGFUSE_FLUSH_INTERVAL=0.5\nLANGFUSE_FLUSH_AT=8\n".into(),
            env: vec![("LANGFUSE_FLUSH_AT", "9"), ("TRACING_MODE", "langfuse, print"), ("LANGFUSE_RELEASE", " ")],
        }
        .config();
        assert_eq!(config.modes, [Mode::Langfuse, Mode::Print]);
        assert_eq!(config.tracer.delivery.batch_size, 9);
        assert_eq!(
            config.tracer.delivery.flush_interval,
            Duration::from_millis(500)
        );
        assert_eq!(config.tracer.sample_rate.rate(), 0.5);
        assert_eq!(config.tracer.release, None);
        #[cfg(feature = "langfuse")]
        assert_eq!(config.langfuse.base_url, "https://dotenv");
        #[cfg(feature = "console")]
        assert_eq!(config.console.width, Some(90));
        assert_eq!(config.origins["batch_size"], "`LANGFUSE_FLUSH_AT`");
        assert_eq!(
            config.origins["sample_rate"],
            "`sample_rate` in tracefuse.toml"
        );
    }

    #[test]
    #[cfg(feature = "langfuse")]
    fn the_official_names_are_read_the_newer_one_first() {
        let env = [
            ("LANGFUSE_HOST", "https://old"),
            ("LANGFUSE_BASE_URL", "https://new"),
            ("GITHUB_SHA", "abc"),
        ];
        let config = Given::env(&env).config();
        assert_eq!(config.langfuse.base_url, "https://new");
        assert_eq!(config.tracer.release.as_deref(), Some("abc"));
    }

    #[test]
    #[cfg(all(feature = "otlp", feature = "langfuse"))]
    fn opentelemetrys_names_are_read_the_one_for_traces_first() {
        let env = [
            ("OTEL_EXPORTER_OTLP_TRACES_HEADERS", "api-key=a%2Cb"),
            ("OTEL_EXPORTER_OTLP_HEADERS", "api-key=other"),
            ("OTEL_EXPORTER_OTLP_TIMEOUT", "2500"),
            ("OTEL_EXPORTER_OTLP_TRACES_COMPRESSION", "gzip"),
            ("OTEL_EXPORTER_OTLP_CERTIFICATE", "ca.pem"),
            ("OTEL_EXPORTER_OTLP_TRACES_PROTOCOL", "grpc"),
            ("OTEL_RESOURCE_ATTRIBUTES", "service.name=a%20b,team=x"),
            ("OTEL_SDK_DISABLED", "yes"),
            ("LANGFUSE_TIMEOUT", "7"),
        ];
        let mut given = Given::env(&env);
        let config = given.config();
        let pair = |key: &str, value: &str| (key.to_owned(), value.to_owned());
        assert_eq!(config.otlp.headers, [pair("api-key", "a,b")]);
        assert_eq!(config.otlp.http.timeout, Duration::from_millis(2500));
        assert_eq!(config.langfuse.http.timeout, Duration::from_secs(7));
        assert!(config.otlp.gzip);
        let ca_file = Some(std::path::Path::new("ca.pem"));
        assert_eq!(config.otlp.http.ca_file.as_deref(), ca_file);
        assert_eq!(config.langfuse.http.ca_file, None, "it is for OTLP alone");
        assert_eq!(config.otlp_protocol, "grpc");
        assert_eq!(
            config.tracer.resource_attributes,
            [pair("service.name", "a b"), pair("team", "x")]
        );
        assert!(config.tracer.enabled, "only `true` is true");
        given.env.push(("LANGFUSE_TRACING_ENABLED", "true"));
        given.env.retain(|(name, _)| *name != "OTEL_SDK_DISABLED");
        given.env.push(("OTEL_SDK_DISABLED", "True"));
        assert!(!given.config().tracer.enabled);
        let private = Given::env(&[("TRACEFUSE_CA_FILE", "own.pem")]).config();
        for http in [private.langfuse.http, private.otlp.http] {
            assert_eq!(
                http.ca_file.as_deref(),
                Some(std::path::Path::new("own.pem"))
            );
        }
    }

    #[test]
    fn malformed_variables_of_others_are_skipped_once() {
        for (name, value) in [
            ("ALL_PROXY", "socks5://127.0.0.1:1080"),
            ("all_proxy", "socks5h://127.0.0.1:1080"),
            ("HTTPS_PROXY", "ftp://proxy"),
            ("https_proxy", "http://pro xy"),
            ("http_proxy", "socks4://proxy:1"),
            ("OTEL_EXPORTER_OTLP_COMPRESSION", "zstd"),
            ("OTEL_EXPORTER_OTLP_TRACES_COMPRESSION", "snappy"),
            ("OTEL_EXPORTER_OTLP_HEADERS", "broken"),
            ("OTEL_EXPORTER_OTLP_HEADERS", "a b=c"),
            ("OTEL_EXPORTER_OTLP_HEADERS", "a=b%0D%0Ac: d"),
            ("OTEL_EXPORTER_OTLP_TRACES_HEADERS", "=x"),
            ("OTEL_EXPORTER_OTLP_TIMEOUT", "10s"),
            ("OTEL_EXPORTER_OTLP_TIMEOUT", "0"),
            ("OTEL_EXPORTER_OTLP_TIMEOUT", "99999999999999999999"),
            ("OTEL_EXPORTER_OTLP_TRACES_TIMEOUT", "-1"),
            ("OTEL_RESOURCE_ATTRIBUTES", "a=b,broken"),
        ] {
            for mode in ["langfuse", "print", "otlp", "none"] {
                let given = Given::env(&[(name, value), ("TRACING_MODE", mode)]);
                let (config, warnings) = given.read();
                let config = config.unwrap();
                assert_eq!(config.tracer.resource_attributes, [], "{name}");
                let expected = usize::from(mode != "none");
                assert_eq!(warnings.len(), expected, "{name} {warnings:?}");
                for warning in warnings {
                    assert!(
                        warning.starts_with(&format!("`{name}` is ignored: expected ")),
                        "{warning}"
                    );
                }
            }
        }
    }

    #[test]
    #[cfg(feature = "langfuse")]
    fn what_can_be_used_is_taken_in_place_of_what_is_skipped() {
        let env = [
            ("HTTPS_PROXY", "socks5://proxy"),
            ("ALL_PROXY", "http://proxy:3128"),
            ("OTEL_RESOURCE_ATTRIBUTES", "broken"),
        ];
        let given = Given {
            dotenv: "OTEL_RESOURCE_ATTRIBUTES=team=x".into(),
            ..Given::env(&env)
        };
        let config = given.config();
        assert_eq!(config.langfuse.http.proxy.https, "http://proxy:3128");
        let attributes = config.tracer.resource_attributes;
        assert_eq!(attributes, [("team".to_owned(), "x".to_owned())]);
    }

    #[test]
    fn tracing_that_is_off_never_fails() {
        let broken: &[(&str, &str)] = &[
            ("LANGFUSE_SAMPLE_RATE", "1.5"),
            ("LANGFUSE_FLUSH_AT", "many"),
            ("TRACEFUSE_NO_SETTING", "1"),
            ("TRACEFUSE_CONSOLE_FORMAT", "xml"),
            ("ALL_PROXY", "socks5://x"),
            ("OTEL_EXPORTER_OTLP_HEADERS", "broken"),
        ];
        let switches = [
            ("TRACING_MODE", "none"),
            ("TRACING_MODE", "off"),
            ("TRACING_MODE", "NoOp"),
            ("TRACING_MODE", "disabled"),
            ("TRACING_MODE", "none,off"),
            ("LANGFUSE_TRACING_ENABLED", "false"),
            ("TRACEFUSE_ENABLED", "0"),
            ("OTEL_SDK_DISABLED", "true"),
        ];
        for (name, value) in switches {
            // In the environment with broken files, in `.env` with a broken `tracefuse.toml`, in the latter.
            let mut given = Given::env(broken);
            given.toml = "= = =";
            given.dotenv = format!("LANGFUSE_SECRET_KEY broken\n{name}={value}\n");
            assert!(given.config().is_off(), "{name}={value} in .env");
            given.dotenv = "LANGFUSE_SECRET_KEY broken".into();
            given.env.push((name, value));
            assert!(given.config().is_off(), "{name}={value}");
            given.toml = "unreadable";
            given.dotenv = "unreadable".into();
            assert!(given.config().is_off(), "{name}={value}");
        }
        for toml in ["mode = \"off\"", "enabled = false", "sdk_disabled = true"] {
            let given = Given {
                toml,
                ..Given::env(broken)
            };
            assert!(given.config().is_off(), "{toml}");
        }
        // A later layer switches it on again.
        let given = Given {
            toml: "mode = \"none\"",
            ..Given::env(&[("TRACING_MODE", "print")])
        };
        assert!(!given.config().is_off());
    }

    #[test]
    fn foreign_lines_of_dotenv_are_skipped_with_one_warning() {
        let given = Given::dotenv("FOO\nX='it''s'\nTRACING_MODE=print\nkey: value\n");
        let (config, warnings) = given.read();
        assert_eq!(config.unwrap().modes, [Mode::Print]);
        assert_eq!(
            warnings,
            ["lines 1, 2, 4 of `.env` skipped: not `NAME=value`"]
        );
        let (_, warnings) = Given::dotenv("FOO\n").read();
        assert_eq!(warnings, ["line 1 of `.env` skipped: not `NAME=value`"]);
        let (config, warnings) = Given::dotenv("unreadable").read();
        assert!(config.is_ok());
        assert_eq!(warnings, ["`.env` cannot be read; the file is ignored"]);
        for ours in [
            "LANGFUSE_SECRET_KEY 'CANARY'",
            "export TRACEFUSE_MEDIA",
            "TRACING_MODE: print",
        ] {
            let error = Given::dotenv(&format!("\nFOO\n{ours}\n")).refusal();
            assert_eq!(error, "line 3 of `.env` is not `NAME=value`");
        }
    }

    #[test]
    fn a_setting_of_a_mode_that_is_not_used_cannot_stop_it() {
        for (name, value, modes) in [
            ("TRACEFUSE_CONSOLE_FORMAT", "xml", ["langfuse", "otlp"]),
            ("LANGFUSE_OTEL_COMPRESSION", "zstd", ["print", "otlp"]),
            ("TRACEFUSE_OTLP_CONVENTIONS", "mine", ["print", "langfuse"]),
            ("LANGFUSE_TIMEOUT", "soon", ["print", "print"]),
        ] {
            for mode in modes {
                let (config, warnings) =
                    Given::env(&[(name, value), ("TRACING_MODE", mode)]).read();
                assert!(config.is_ok(), "{name} {mode}");
                assert!(
                    warnings.len() == 1 && warnings[0].contains(name),
                    "{warnings:?}"
                );
            }
        }
        let used = Given::env(&[
            ("TRACEFUSE_CONSOLE_FORMAT", "xml"),
            ("TRACING_MODE", "langfuse,print"),
        ]);
        assert!(used.refusal().contains("`tree`, `compact` or `json`"));
    }

    #[test]
    fn a_malformed_value_is_an_error_that_says_what_to_do() {
        let env = |name, value| Given::env(&[(name, value)]).refusal();
        assert_eq!(
            env("LANGFUSE_SAMPLE_RATE", "1.5"),
            "`LANGFUSE_SAMPLE_RATE` is \"1.5\": expected a number from 0 to 1. Remove it to keep every trace"
        );
        assert_eq!(
            env("TRACING_MODE", "lanfguse"),
            "`TRACING_MODE` is \"lanfguse\": expected `langfuse`, `print` (or `console`), `otlp`, or `none` (or `off`, `noop`, `disabled`)"
        );
        assert!(env("TRACING_MODE", "print,none").contains("expected"));
        assert!(env("LANGFUSE_FLUSH_INTERVAL", "-1").contains("seconds"));
        assert_eq!(
            Given::toml("batch_size = \"many\"").refusal(),
            "`batch_size` in tracefuse.toml is \"many\": expected a whole number from 1 to 100000"
        );
        let shown = Given::env(&[("TRACEFUSE_OVERLOAD", "\u{1b}[31m\n")]).refusal();
        assert!(!shown.contains(['\u{1b}', '\n']), "{shown:?}");
    }

    #[test]
    fn values_that_no_queue_can_mean_are_refused_with_the_range() {
        for (name, values, range) in [
            (
                "LANGFUSE_FLUSH_AT",
                ["0", "1000000000", "-1"],
                "from 1 to 100000",
            ),
            (
                "TRACEFUSE_MAX_QUEUE_SIZE",
                ["0", "99999999999", ""],
                "from 1 to 100000000",
            ),
            (
                "TRACEFUSE_MAX_QUEUE_BYTES",
                ["0", "18446744073709551615", "1e3"],
                "from 1 to",
            ),
            (
                "TRACEFUSE_MAX_BATCH_BYTES",
                ["0", "18446744073709551615", "x"],
                "from 1 to",
            ),
            (
                "LANGFUSE_FLUSH_INTERVAL",
                ["1e19", "inf", "NaN"],
                "from 0 to 86400",
            ),
            (
                "LANGFUSE_TIMEOUT",
                ["0", "1e18", "-0.1"],
                "from 0.001 to 3600",
            ),
            (
                "TRACEFUSE_ATTEMPT_TIMEOUT",
                ["0", "1e18", "x"],
                "from 0.001 to 86400",
            ),
            (
                "TRACEFUSE_BATCH_TIMEOUT",
                ["0", "1e18", "x"],
                "from 0.001 to 86400",
            ),
            (
                "TRACEFUSE_RETRY_BASE",
                ["0", "1e18", "x"],
                "from 0.001 to 3600",
            ),
            (
                "TRACEFUSE_RETRY_CAP",
                ["0", "1e18", "x"],
                "from 0.001 to 86400",
            ),
            (
                "TRACEFUSE_MAX_AGE",
                ["0", "1e18", "x"],
                "from 0.001 to 2592000",
            ),
            (
                "TRACEFUSE_CIRCUIT_BREAKER_THRESHOLD",
                ["0", "4294967295", "x"],
                "from 1 to",
            ),
            (
                "TRACEFUSE_CIRCUIT_BREAKER_RESET",
                ["0", "1e18", "x"],
                "from 0.001 to 86400",
            ),
            (
                "TRACEFUSE_MAX_RETRIES",
                ["4294967295", "-1", "x"],
                "from 0 to 1000000",
            ),
            (
                "TRACEFUSE_SHUTDOWN_TIMEOUT",
                ["1e18", "-1", "x"],
                "from 0 to 86400",
            ),
            (
                "TRACEFUSE_FLUSH_TIMEOUT",
                ["1e18", "-1", "x"],
                "from 0 to 86400",
            ),
            (
                "TRACEFUSE_WARN_OPEN_LONGER",
                ["-1", "1e18", "x"],
                "from 0 to",
            ),
            ("TRACEFUSE_WARN_OPEN_MORE", ["0", "-1", "x"], "from 1 to"),
            (
                "TRACEFUSE_SPOOL_MAX_BYTES",
                ["0", "18446744073709551615", "x"],
                "from 1 to",
            ),
            (
                "TRACEFUSE_OVERLOAD",
                ["block:1e18", "block:", "block:-1"],
                "up to 86400",
            ),
        ] {
            for value in values.into_iter().filter(|value| !value.is_empty()) {
                let error = Given::env(&[(name, value)]).refusal();
                assert!(error.contains(name) && error.contains(range), "{error}");
            }
        }
    }

    #[test]
    fn every_setting_of_delivery_can_be_set() {
        let seconds = Duration::from_secs;
        let config = Given::env(&[
            ("TRACEFUSE_ATTEMPT_TIMEOUT", "40"),
            ("TRACEFUSE_BATCH_TIMEOUT", "41"),
            ("TRACEFUSE_RETRY_BASE", "1"),
            ("TRACEFUSE_RETRY_CAP", "42"),
            ("TRACEFUSE_MAX_AGE", "43"),
            ("TRACEFUSE_OVERLOAD", "block:2"),
        ])
        .config();
        let delivery = config.tracer.delivery;
        let expected = super::super::PipelineConfig::new()
            .attempt_timeout(seconds(40))
            .batch_timeout(seconds(41))
            .retry_base(seconds(1))
            .retry_cap(seconds(42))
            .max_age(seconds(43))
            .overload(tracefuse_runtime::Overload::Block(seconds(2)));
        assert_eq!(delivery, expected);
    }

    #[test]
    fn each_documented_default_is_the_default() {
        for setting in SETTINGS {
            let mut config = Config::default();
            let default = setting.default();
            if setting.takes(&default) && !default.is_empty() && setting.key != "mode" {
                setting.apply(&mut config, setting.key, &default).unwrap();
                // What it sets is what was there; names in words (`default`) are texts of optional settings.
                if !matches!(setting.key, "environment" | "service_name") {
                    assert_eq!(config.tracer, Config::default().tracer, "{}", setting.key);
                    assert_eq!(
                        format!("{config:?}"),
                        format!("{:?}", Config::default()),
                        "{}",
                        setting.key
                    );
                }
            }
        }
    }

    #[test]
    fn an_unknown_setting_of_ours_is_an_error_that_names_the_nearest() {
        assert_eq!(
            Given::env(&[("TRACEFUSE_BATCHSIZE", "5")]).refusal(),
            "`TRACEFUSE_BATCHSIZE` is not a setting; is `TRACEFUSE_BATCH_SIZE` meant?"
        );
        for (toml, what) in [
            (
                "[langfuse]\nbase_ulr = \"x\"",
                "`langfuse.base_ulr` in tracefuse.toml is not a setting; is `langfuse.base_url` meant?",
            ),
            (
                "[langfuse]\nhost = \"x\"",
                "`langfuse.host` in tracefuse.toml is not a setting; is `langfuse.base_url` meant?",
            ),
            (
                "langfuse = 5",
                "`langfuse` in tracefuse.toml is not a setting",
            ),
        ] {
            let error = Given::toml(toml).refusal();
            assert!(error.starts_with(what), "{error}");
        }
    }

    #[test]
    fn a_similar_langfuse_variable_is_warned_of() {
        let env = [
            ("LANGFUSE_FLUSH_INTERVALL", "1"),
            ("LANGFUSE_DEBUG", "true"),
        ];
        let (config, warnings) = Given::env(&env).read();
        assert!(config.is_ok());
        assert_eq!(
            warnings,
            ["`LANGFUSE_FLUSH_INTERVALL` has no effect; is `LANGFUSE_FLUSH_INTERVAL` meant?"]
        );
    }

    #[test]
    #[cfg(feature = "langfuse")]
    fn a_dollar_in_a_file_is_a_dollar() {
        let config = Given::dotenv(
            r#"
LANGFUSE_PUBLIC_KEY=pk-$HOME-${PATH}$
LANGFUSE_SECRET_KEY="a$LANGFUSE_PUBLIC_KEY\\$b\$c"
LANGFUSE_RELEASE='\$x'
"#,
        )
        .config();
        assert_eq!(config.langfuse.public_key, "pk-$HOME-${PATH}$");
        assert_eq!(
            config.langfuse.secret_key.expose(),
            r"a$LANGFUSE_PUBLIC_KEY\$b$c"
        );
        assert_eq!(config.tracer.release.as_deref(), Some(r"\$x"));
    }

    #[test]
    fn an_invalid_toml_says_line_column_and_reason_and_no_secret() {
        for (toml, place) in [
            (
                "[langfuse]\nsecret_key = sk-lf-CANARY",
                "line 2, column 14: ",
            ),
            (
                "batch_size = 1\n\n[langfuse\nsecret_key = \"CANARY\"",
                "line 3, column 10: ",
            ),
            ("secret_key = \"CANARY", "line 1, column 21: "),
            (
                "batch_size = 1\nbatch_size = \"CANARY\"",
                "line 2, column 1: ",
            ),
            ("environment = production", "line 1, column 15: "),
        ] {
            let error = Given::toml(toml).read().0.unwrap_err();
            let shown = format!("{error} {error:?} {error:#?}");
            assert!(!shown.contains("CANARY"), "{shown}");
            let text = error.to_string();
            let reason = text.strip_prefix(&format!("`tracefuse.toml` is not valid TOML, {place}"));
            assert!(reason.is_some_and(|reason| reason.len() > 8), "{text}");
        }
    }

    #[test]
    #[cfg(feature = "langfuse")]
    fn secrets_are_in_no_error_and_no_debug_text() {
        let canary = "sk-lf-CANARY";
        let config = Given::dotenv(&format!("LANGFUSE_SECRET_KEY={canary}\n")).config();
        assert_eq!(config.langfuse.secret_key.expose(), canary);
        assert!(!format!("{config:?}").contains("CANARY"));
        for (name, value) in [
            ("LANGFUSE_HOST", "CANARY\u{1b}"),
            ("OTEL_EXPORTER_OTLP_HEADERS", "CANARY"),
            ("HTTPS_PROXY", "socks5://user:CANARY@proxy"),
            ("OTEL_EXPORTER_OTLP_ENDPOINT", "https://user:CANARY@host"),
        ] {
            let shown = format!("{:?}", Given::env(&[(name, value)]).read());
            assert!(!shown.contains("CANARY"), "{shown}");
        }
        let toml = Given::toml("https_proxy = \"socks5://user:CANARY@proxy\"").refusal();
        assert!(toml.contains("SOCKS") && !toml.contains("CANARY"), "{toml}");
    }

    #[test]
    fn a_key_in_a_readable_dotenv_is_warned_of() {
        let (_, warnings) = Given::dotenv("LANGFUSE_SECRET_KEY=sk-lf-1").read();
        assert!(
            warnings.len() == 1 && warnings[0].contains("chmod 600"),
            "{warnings:?}"
        );
    }

    proptest! {
        #[test]
        fn no_file_makes_it_panic(dotenv in any::<String>()) {
            let _ = Given::dotenv(&dotenv).read();
        }
    }
}
