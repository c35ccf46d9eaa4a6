//! Layers of configuration: `tracefuse.toml`, `.env`, the environment; later wins. The home of all three.
//! Asked by `Config::from_env`; tests put a `Source` of their own in its place.

use std::collections::BTreeMap;
use std::path::Path;

use super::{Config, ConfigError, SETTINGS};

const TOML: &str = "tracefuse.toml";
const DOTENV: &str = ".env";
/// More than any file of settings needs; an accident or an attack has more.
const MAX_FILE: u64 = 64 * 1024;

/// What configuration is read from.
pub(crate) trait Source {
    /// The text of a file in the working directory; `None` if there is none.
    fn file(&self, name: &str) -> Result<Option<String>, ConfigError>;
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
        let path = Path::new(name);
        match std::fs::metadata(path) {
            Ok(facts) if facts.len() > MAX_FILE => Err(ConfigError::new(format!(
                "`{name}` is larger than 64 KiB: is it the right file?"
            ))),
            Ok(facts) if facts.is_file() => std::fs::read_to_string(path)
                .map(Some)
                .map_err(|error| ConfigError::because(format!("`{name}` cannot be read"), error)),
            _ => Ok(None),
        }
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

/// Two files and no environment: what the fuzzer feeds.
pub(crate) struct Files<'a> {
    pub(crate) toml: &'a str,
    pub(crate) dotenv: &'a str,
}

impl Source for Files<'_> {
    fn file(&self, name: &str) -> Result<Option<String>, ConfigError> {
        let text = if name == TOML { self.toml } else { self.dotenv };
        Ok(Some(text.to_owned()))
    }

    fn variable(&self, _: &str) -> Option<String> {
        None
    }

    fn variables(&self) -> Vec<String> {
        Vec::new()
    }
}

/// Reads every layer into a checked configuration.
pub(crate) fn load(source: &dyn Source) -> Result<Config, ConfigError> {
    let toml = parse_toml(source)?;
    let dotenv = parse_dotenv(source)?;
    refuse_unknown(&toml, &dotenv, source)?;
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
        .map_err(|error| {
            ConfigError::because(format!("`{TOML}` is not valid TOML: {error}"), error)
        })?;
    let mut values = BTreeMap::new();
    flatten("", table, &mut values);
    Ok(values)
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
    // dotenvy puts variables in the place of `$NAME`: a secret with a dollar would silently be another one.
    // There are more such characters than any file of 64 KiB has.
    let stand_in = ('\u{f0000}'..='\u{ffffd}').find(|c| !text.contains(*c));
    let stand_in = stand_in.unwrap_or('\u{f0000}');
    dotenvy::from_read_iter(without_dollars(&text, stand_in).as_bytes())
        .map(|pair| pair.map(|(name, value)| (name, value.replace(stand_in, "$"))))
        .collect::<Result<_, _>>()
        // dotenvy's message repeats the line, which may hold a secret.
        .map_err(|_| ConfigError::new(format!("`{DOTENV}` has a line that is not `NAME=value`")))
}

/// Every dollar that no backslash takes the meaning from, replaced.
fn without_dollars(text: &str, stand_in: char) -> String {
    let mut escaped = false;
    let replace = |c| {
        let shown = if c == '$' && !escaped { stand_in } else { c };
        escaped = c == '\\' && !escaped;
        shown
    };
    text.chars().map(replace).collect()
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
        assert!(!format!("{:?}", load(&broken).unwrap_err()).contains("CANARY"));
    }

    proptest! {
        #[test]
        fn no_file_makes_it_panic(dotenv in any::<String>()) {
            let _ = load(&Given { dotenv: Some(dotenv), ..Given::default() });
        }
    }
}
