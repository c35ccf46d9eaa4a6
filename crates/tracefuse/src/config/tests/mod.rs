//! The layers and their files: which wins, and what is refused. `foreign` has the variables of other programs, `values` the
//! forms of values.

mod foreign;
mod values;

use std::time::Duration;

use proptest::prelude::*;

use super::layers::read;
use super::source::{Source, TOML};
use super::{Config, ConfigError, Mode};

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
