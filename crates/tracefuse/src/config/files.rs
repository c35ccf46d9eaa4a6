//! A `Source` that has the texts of the two files, and reads neither files nor the environment.
//! Made by `Config::from_files`, for the fuzzer and for tests.

use super::ConfigError;
use super::source::{Source, TOML};

/// The texts of the two files.
pub(crate) struct Files<'a> {
    pub(crate) toml: &'a str,
    pub(crate) dotenv: &'a str,
}

impl Source for Files<'_> {
    fn file(&self, name: &str) -> Result<Option<String>, ConfigError> {
        let text = if name == TOML { self.toml } else { self.dotenv };
        Ok(Some(text.to_owned()))
    }

    fn is_readable_by_others(&self, _: &str) -> bool {
        false
    }

    fn variable(&self, _: &str) -> Option<String> {
        None
    }

    fn variables(&self) -> Vec<String> {
        Vec::new()
    }
}
