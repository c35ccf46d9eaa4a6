//! Names that were given and are no settings, and credentials that others can read.
//! Called by `layers` before the values are applied.

use std::collections::BTreeMap;

use config::{Map, Value};

use super::source::{DOTENV, Source, TOML};
use super::{ConfigError, SETTINGS, names};

/// Warns if `.env` has a key and others can read it.
pub(super) fn warn_of_readers(
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
pub(super) fn refuse_unknown(
    values: &Map<String, Value>,
    dotenv: &BTreeMap<String, String>,
    source: &dyn Source,
    warnings: &mut Vec<String>,
) -> Result<(), ConfigError> {
    let keys = || SETTINGS.iter().map(|setting| setting.key);
    let unknown = |what: String, nearest: &str| {
        ConfigError::new(format!("{what} is not a setting; is `{nearest}` meant?"))
    };
    let unknown_keys = values.iter().filter(|(key, value)| {
        value.origin().is_none() && keys().all(|known| known != key.as_str())
    });
    // The first by name: the same one in each run.
    if let Some(key) = unknown_keys.map(|(key, _)| key).min() {
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
