//! Layers of configuration: `tracefuse.toml`, `.env`, the environment; later wins. The home of all three.
//! Asked by `Config::from_env`; tests put a `Source` of their own in its place.

use std::collections::BTreeMap;
use std::io::Read as _;

use super::{Config, ConfigError, SETTINGS, dotenv};

pub(super) const TOML: &str = "tracefuse.toml";
const DOTENV: &str = ".env";
/// More than any file of settings needs; an accident or an attack has more.
const MAX_FILE: u64 = 64 * 1024;

/// What configuration is read from.
pub(crate) trait Source {
    /// The text of a file in the working directory; `None` if there is none.
    fn file(&self, name: &str) -> Result<Option<String>, ConfigError>;
    /// Whether every user of this machine can read it.
    fn is_readable_by_others(&self, name: &str) -> bool;
    /// A variable of the process environment.
    fn variable(&self, name: &str) -> Option<String>;
    /// The names of all variables of the process environment.
    fn variables(&self) -> Vec<String>;
}

/// The process itself.
pub(crate) struct Process;

#[expect(
    clippy::disallowed_methods,
    reason = "the one place that reads the process environment and its files"
)]
impl Source for Process {
    fn file(&self, name: &str) -> Result<Option<String>, ConfigError> {
        let cannot = |error| ConfigError::because(format!("`{name}` cannot be read"), error);
        // Asked before it is opened: a pipe of that name would be waited for.
        if !std::fs::metadata(name).is_ok_and(|facts| facts.is_file()) {
            return Ok(None);
        }
        let file = std::fs::File::open(name).map_err(cannot)?;
        let mut text = String::new();
        file.take(MAX_FILE + 1)
            .read_to_string(&mut text)
            .map_err(cannot)?;
        if text.len() as u64 > MAX_FILE {
            return Err(ConfigError::new(format!(
                "`{name}` is larger than 64 KiB: is it the right file?"
            )));
        }
        Ok(Some(text))
    }

    #[cfg(unix)]
    fn is_readable_by_others(&self, name: &str) -> bool {
        use std::os::unix::fs::PermissionsExt as _;
        std::fs::metadata(name).is_ok_and(|facts| facts.permissions().mode() & 0o004 != 0)
    }

    #[cfg(not(unix))]
    fn is_readable_by_others(&self, _: &str) -> bool {
        false
    }

    fn variable(&self, name: &str) -> Option<String> {
        std::env::var(name).ok()
    }

    fn variables(&self) -> Vec<String> {
        std::env::vars_os()
            .filter_map(|(name, _)| name.into_string().ok())
            .collect()
    }
}

/// Reads every layer into a checked configuration.
pub(crate) fn load(source: &dyn Source) -> Result<Config, ConfigError> {
    let toml = parse_toml(source)?;
    let dotenv = parse_dotenv(source)?;
    refuse_unknown(&toml, &dotenv, source)?;
    warn_of_readers(&dotenv, source);
    let mut config = Config::default();
    for setting in SETTINGS {
        // Set but empty counts as not set, as the OpenTelemetry specification has it.
        let named = |read: &dyn Fn(&str) -> Option<String>| {
            let variables = setting.variables.iter();
            variables
                .filter_map(|name| Some((*name, read(name).filter(|v| !v.trim().is_empty())?)))
                .next()
        };
        let found = named(&|name| source.variable(name))
            .or_else(|| named(&|name| dotenv.get(name).cloned()))
            .map(|(name, value)| (name.to_owned(), value))
            .or_else(|| {
                Some((
                    format!("{} in {TOML}", setting.key),
                    toml.get(setting.key)?.clone(),
                ))
            });
        if let Some((name, value)) = found {
            setting.apply(&mut config, &name, &value)?;
        }
    }
    Ok(config)
}

/// The file's values as text, by dotted key.
fn parse_toml(source: &dyn Source) -> Result<BTreeMap<String, String>, ConfigError> {
    let Some(text) = source.file(TOML)? else {
        return Ok(BTreeMap::new());
    };
    let table: BTreeMap<String, config::Value> = config::Config::builder()
        .add_source(config::File::from_str(&text, config::FileFormat::Toml))
        .build()
        .and_then(config::Config::try_deserialize)
        .map_err(|error| invalid_toml(&error.to_string()))?;
    let mut values = BTreeMap::new();
    flatten("", table, &mut values);
    Ok(values)
}

/// Where the mistake is and no more: the parser's words repeat the line, which may hold a secret.
fn invalid_toml(error: &str) -> ConfigError {
    let place = error
        .split_once("at line ")
        .and_then(|(_, rest)| rest.split(|c: char| !c.is_ascii_digit()).next())
        .filter(|number| !number.is_empty());
    ConfigError::new(match place {
        Some(line) => format!("`{TOML}` is not valid TOML: look at line {line}"),
        None => format!("`{TOML}` is not valid TOML"),
    })
}

fn flatten(
    prefix: &str,
    table: impl IntoIterator<Item = (String, config::Value)>,
    into: &mut BTreeMap<String, String>,
) {
    for (key, value) in table {
        let key = if prefix.is_empty() {
            key
        } else {
            format!("{prefix}.{key}")
        };
        if let config::ValueKind::Table(inner) = value.kind {
            flatten(&key, inner, into);
        } else if let config::ValueKind::Array(items) = value.kind {
            let items: Vec<String> = items
                .into_iter()
                .filter_map(|item| item.into_string().ok())
                .collect();
            into.insert(key, items.join(","));
        } else if let Ok(text) = value.into_string() {
            into.insert(key, text);
        }
    }
}

/// The file's variables. Read, never written into the process environment; nothing is expanded or run.
fn parse_dotenv(source: &dyn Source) -> Result<BTreeMap<String, String>, ConfigError> {
    let Some(text) = source.file(DOTENV)? else {
        return Ok(BTreeMap::new());
    };
    // The line is not repeated: it may hold a secret.
    dotenv::parse(&text)
        .map_err(|line| ConfigError::new(format!("line {line} of `{DOTENV}` is not `NAME=value`")))
}

fn warn_of_readers(dotenv: &BTreeMap<String, String>, source: &dyn Source) {
    let holds_a_key = SETTINGS
        .iter()
        .filter(|setting| setting.is_credential())
        .flat_map(|setting| setting.variables)
        .any(|name| dotenv.contains_key(*name));
    if holds_a_key && source.is_readable_by_others(DOTENV) {
        crate::say::others_can_read(DOTENV);
    }
}

/// A setting with a spelling mistake would be ignored in silence.
fn refuse_unknown(
    toml: &BTreeMap<String, String>,
    dotenv: &BTreeMap<String, String>,
    source: &dyn Source,
) -> Result<(), ConfigError> {
    if let Some(key) = toml
        .keys()
        .find(|key| !SETTINGS.iter().any(|setting| setting.key == key.as_str()))
    {
        let known: Vec<&str> = SETTINGS.iter().map(|setting| setting.key).collect();
        return Err(unknown(&format!("`{key}` in {TOML}"), key, &known));
    }
    let known: Vec<&str> = SETTINGS
        .iter()
        .flat_map(|setting| setting.variables)
        .copied()
        .collect();
    let variables = source.variables().into_iter().chain(dotenv.keys().cloned());
    for name in variables.filter(|name| name.starts_with("TRACEFUSE_")) {
        if !known.contains(&name.as_str()) {
            return Err(unknown(&format!("`{name}`"), &name, &known));
        }
    }
    Ok(())
}

fn unknown(what: &str, name: &str, known: &[&str]) -> ConfigError {
    let shared = |other: &str| {
        let same = |(a, b): &(char, char)| a == b;
        let ahead = name.chars().zip(other.chars()).take_while(same).count();
        let behind = name
            .chars()
            .rev()
            .zip(other.chars().rev())
            .take_while(same)
            .count();
        ahead + behind
    };
    let nearest = known
        .iter()
        .max_by_key(|other| shared(other))
        .copied()
        .unwrap_or_default();
    ConfigError::new(format!("{what} is not a setting; is `{nearest}` meant?"))
}

#[cfg(test)]
mod tests {
    use super::super::Mode;
    use super::*;
    use proptest::prelude::*;
    use std::time::Duration;

    #[derive(Default)]
    struct Given {
        toml: Option<&'static str>,
        dotenv: Option<String>,
        env: Vec<(&'static str, &'static str)>,
    }

    impl Source for Given {
        fn file(&self, name: &str) -> Result<Option<String>, ConfigError> {
            Ok(if name == TOML {
                self.toml.map(str::to_owned)
            } else {
                self.dotenv.clone()
            })
        }
        fn is_readable_by_others(&self, _: &str) -> bool {
            true
        }
        fn variable(&self, name: &str) -> Option<String> {
            self.env
                .iter()
                .find(|(known, _)| *known == name)
                .map(|(_, value)| (*value).to_owned())
        }
        fn variables(&self) -> Vec<String> {
            self.env
                .iter()
                .map(|(name, _)| (*name).to_owned())
                .collect()
        }
    }

    #[expect(
        clippy::needless_pass_by_value,
        reason = "a table of temporaries reads better"
    )]
    fn refusal(given: Given) -> String {
        load(&given).unwrap_err().to_string()
    }

    #[test]
    fn later_layers_win_and_files_may_be_absent() {
        assert_eq!(load(&Given::default()).unwrap(), Config::default());
        let config = load(&Given {
            toml: Some("mode = \"print\"\nbatch_size = 7\nsample_rate = 0.5\n[langfuse]\nbase_url = \"https://toml\"\n[console]\nwidth = 90\n"),
            dotenv: Some("LANGFUSE_BASE_URL=https://dotenv\nLANGFUSE_FLUSH_INTERVAL=0.5\nLANGFUSE_FLUSH_AT=8\n".into()),
            env: vec![("LANGFUSE_FLUSH_AT", "9"), ("TRACING_MODE", "langfuse, print"), ("LANGFUSE_RELEASE", " ")],
        })
        .unwrap();
        assert_eq!(config.modes, [Mode::Langfuse, Mode::Print]);
        assert_eq!(config.tracer.batch_size, 9);
        assert_eq!(config.tracer.flush_interval, Duration::from_millis(500));
        assert_eq!(config.tracer.sample_rate.rate(), 0.5);
        assert_eq!(config.langfuse.base_url.as_deref(), Some("https://dotenv"));
        assert_eq!(config.console.width, Some(90));
        assert_eq!(config.tracer.release, None);
    }

    #[test]
    fn the_official_names_are_honoured_the_newer_one_first() {
        let env = vec![
            ("LANGFUSE_HOST", "https://old"),
            ("LANGFUSE_BASE_URL", "https://new"),
            ("GITHUB_SHA", "abc"),
        ];
        let config = load(&Given {
            env,
            ..Given::default()
        })
        .unwrap();
        assert_eq!(config.langfuse.base_url.as_deref(), Some("https://new"));
        assert_eq!(config.tracer.release.as_deref(), Some("abc"));
    }

    #[test]
    fn opentelemetrys_names_are_honoured_the_one_for_traces_first() {
        let env = vec![
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
        let mut given = Given {
            env,
            ..Given::default()
        };
        let config = load(&given).unwrap();
        let pair = |key: &str, value: &str| (key.to_owned(), value.to_owned());
        assert_eq!(config.otlp.headers, [pair("api-key", "a,b")]);
        assert_eq!(config.otlp.timeout, Some(Duration::from_millis(2500)));
        assert_eq!(config.http.timeout, Some(Duration::from_secs(7)));
        assert_eq!(config.otlp.compression, Some(true));
        assert_eq!(
            config.http.ca_file.as_deref(),
            Some(std::path::Path::new("ca.pem"))
        );
        assert_eq!(config.otlp.protocol.as_deref(), Some("grpc"));
        assert_eq!(
            config.tracer.resource_attributes,
            [pair("service.name", "a b"), pair("team", "x")]
        );
        assert!(config.tracer.enabled, "only `true` is true");
        given.env.push(("LANGFUSE_TRACING_ENABLED", "true"));
        given.env.retain(|(name, _)| *name != "OTEL_SDK_DISABLED");
        given.env.push(("OTEL_SDK_DISABLED", "True"));
        assert!(!load(&given).unwrap().tracer.enabled);
        let zero = Given {
            env: vec![("OTEL_EXPORTER_OTLP_TIMEOUT", "0")],
            ..Given::default()
        };
        assert!(refusal(zero).contains("milliseconds"));
    }

    #[test]
    fn a_malformed_value_is_an_error_that_says_what_to_do() {
        let env = |name, value| Given {
            env: vec![(name, value)],
            ..Given::default()
        };
        assert_eq!(
            refusal(env("LANGFUSE_SAMPLE_RATE", "1.5")),
            "`LANGFUSE_SAMPLE_RATE` is \"1.5\": expected a number from 0 to 1. Remove it to keep every trace"
        );
        assert_eq!(
            refusal(env("TRACING_MODE", "lanfguse")),
            "`TRACING_MODE` is \"lanfguse\": expected `langfuse`, `print`, `otlp` or `none`, several with commas"
        );
        assert!(refusal(env("TRACING_MODE", "print,none")).contains("expected"));
        assert!(refusal(env("LANGFUSE_FLUSH_AT", "0")).contains("a whole number from 1"));
        assert!(refusal(env("LANGFUSE_FLUSH_INTERVAL", "-1")).contains("seconds"));
        let toml = Given {
            toml: Some("batch_size = \"many\""),
            ..Given::default()
        };
        assert_eq!(
            refusal(toml),
            "`batch_size in tracefuse.toml` is \"many\": expected a whole number from 1"
        );
    }

    #[test]
    fn an_unknown_setting_is_an_error_that_names_the_nearest() {
        let env = Given {
            env: vec![("TRACEFUSE_BATCHSIZE", "5")],
            ..Given::default()
        };
        assert_eq!(
            refusal(env),
            "`TRACEFUSE_BATCHSIZE` is not a setting; is `TRACEFUSE_BATCH_SIZE` meant?"
        );
        let toml = Given {
            toml: Some("[langfuse]\nbase_ulr = \"x\""),
            ..Given::default()
        };
        assert_eq!(
            refusal(toml),
            "`langfuse.base_ulr` in tracefuse.toml is not a setting; is `langfuse.base_url` meant?"
        );
    }

    #[test]
    fn a_dollar_in_a_file_is_a_dollar() {
        let dotenv = r#"
LANGFUSE_PUBLIC_KEY=pk-$HOME-${PATH}$
LANGFUSE_SECRET_KEY="a$LANGFUSE_PUBLIC_KEY\\$b\$c"
LANGFUSE_RELEASE='\$x'
"#;
        let config = load(&Given {
            dotenv: Some(dotenv.into()),
            ..Given::default()
        })
        .unwrap();
        let keys = (&config.langfuse.public_key, &config.langfuse.secret_key);
        assert_eq!(keys.0.as_deref(), Some("pk-$HOME-${PATH}$"));
        assert_eq!(keys.1.as_deref(), Some(r"a$LANGFUSE_PUBLIC_KEY\$b$c"));
        assert_eq!(config.tracer.release.as_deref(), Some(r"\$x"));
    }

    #[test]
    fn secrets_are_in_no_error_and_no_debug_text() {
        let canary = "sk-lf-CANARY";
        let dotenv = Some(format!(
            "LANGFUSE_SECRET_KEY={canary}\nLANGFUSE_PUBLIC_KEY={canary}\n"
        ));
        let config = load(&Given {
            dotenv,
            ..Given::default()
        })
        .unwrap();
        assert_eq!(config.langfuse.secret_key.as_deref(), Some(canary));
        assert!(!format!("{config:?}").contains("CANARY"));
        let broken = Given {
            dotenv: Some(format!("LANGFUSE_SECRET_KEY '{canary}'")),
            ..Given::default()
        };
        assert_eq!(refusal(broken), "line 1 of `.env` is not `NAME=value`");
        for (toml, line) in [
            ("[langfuse]\nsecret_key = sk-lf-CANARY", "look at line 2"),
            (
                "batch_size = 1\n\n[langfuse\nsecret_key = \"CANARY\"",
                "look at line 3",
            ),
            ("secret_key = \"CANARY", "look at line 1"),
            ("batch_size = 1\nbatch_size = \"CANARY\"", "look at line 2"),
        ] {
            let broken = Given {
                toml: Some(toml),
                ..Given::default()
            };
            let error = load(&broken).unwrap_err();
            assert!(
                !format!("{error} {error:?} {error:#?}").contains("CANARY"),
                "{error:?}"
            );
            assert!(error.to_string().ends_with(line), "{error}");
        }
        for (name, value) in [
            ("LANGFUSE_HOST", "CANARY\u{1b}"),
            ("OTEL_EXPORTER_OTLP_HEADERS", "CANARY"),
        ] {
            let given = Given {
                env: vec![(name, value)],
                ..Given::default()
            };
            let shown = format!("{:?}", load(&given));
            assert!(!shown.contains("CANARY"), "{shown}");
        }
    }

    #[test]
    fn a_file_is_taken_from_the_working_directory_alone_and_to_a_limit() {
        // The tests' working directory is the crate's, which has neither file; those above it may.
        assert_eq!(Process.file(DOTENV).unwrap(), None);
        assert_eq!(Process.file("src").unwrap(), None, "a directory is no file");
        let name = |file: &tempfile::NamedTempFile| file.path().to_string_lossy().into_owned();
        let file = tempfile::NamedTempFile::new().unwrap();
        file.as_file().set_len(MAX_FILE).unwrap();
        let text = Process.file(&name(&file)).unwrap().unwrap();
        assert_eq!(text.len() as u64, MAX_FILE);
        file.as_file().set_len(MAX_FILE + 1).unwrap();
        let error = Process.file(&name(&file)).unwrap_err().to_string();
        assert!(error.contains("64 KiB"), "{error}");
        // Endless, and no file at all.
        assert_eq!(Process.file("/dev/zero").unwrap(), None);
    }

    proptest! {
        #[test]
        fn no_file_makes_it_panic(dotenv in any::<String>()) {
            let _ = load(&Given { dotenv: Some(dotenv), ..Given::default() });
        }
    }
}
