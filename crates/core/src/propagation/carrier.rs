//! Carriers of context: maps of text, the environment of a child process, and `http`'s headers (feature `http`).
//! Read and written by `propagation`.

use std::borrow::Cow;
use std::collections::{BTreeMap, HashMap};
use std::hash::BuildHasher;
use std::process::Command;

/// Headers that can be read (OpenTelemetry's `Extractor`). Names are lower case.
pub trait Extractor {
    /// The value of a header; several of one name are joined by commas.
    fn get(&self, name: &str) -> Option<Cow<'_, str>>;
}

/// Headers that can be written (OpenTelemetry's `Injector`). Names are lower case.
pub trait Injector {
    /// Sets a header, in place of those of that name. Values are visible ASCII.
    fn set(&mut self, name: &str, value: String);
}

/// Names in a map may be written in any case.
fn find<'a>(
    pairs: impl Iterator<Item = (&'a String, &'a String)>,
    name: &str,
) -> Option<Cow<'a, str>> {
    let mut pairs = pairs.filter(|(known, _)| known.eq_ignore_ascii_case(name));
    pairs.next().map(|(_, value)| Cow::Borrowed(value.as_str()))
}

impl<S: BuildHasher> Extractor for HashMap<String, String, S> {
    fn get(&self, name: &str) -> Option<Cow<'_, str>> {
        find(self.iter(), name)
    }
}

impl<S: BuildHasher> Injector for HashMap<String, String, S> {
    fn set(&mut self, name: &str, value: String) {
        self.retain(|known, _| !known.eq_ignore_ascii_case(name));
        self.insert(name.to_owned(), value);
    }
}

impl Extractor for BTreeMap<String, String> {
    fn get(&self, name: &str) -> Option<Cow<'_, str>> {
        find(self.iter(), name)
    }
}

impl Injector for BTreeMap<String, String> {
    fn set(&mut self, name: &str, value: String) {
        self.retain(|known, _| !known.eq_ignore_ascii_case(name));
        self.insert(name.to_owned(), value);
    }
}

/// The environment of a child process: variables `TRACEPARENT`, `TRACESTATE` and `BAGGAGE`. The child reads them from a
/// map of its environment: `std::env::vars().collect::<HashMap<_, _>>()`.
impl Injector for Command {
    fn set(&mut self, name: &str, value: String) {
        self.env(name.to_ascii_uppercase(), value);
    }
}

/// The variables that were set for the child.
impl Extractor for Command {
    fn get(&self, name: &str) -> Option<Cow<'_, str>> {
        self.get_envs()
            .find(|(known, _)| known.eq_ignore_ascii_case(name))
            .and_then(|(_, value)| value.map(std::ffi::OsStr::to_string_lossy))
    }
}

#[cfg(feature = "http")]
impl Extractor for http::HeaderMap {
    fn get(&self, name: &str) -> Option<Cow<'_, str>> {
        // A byte that is not UTF-8 must not lose the rest of the header.
        let mut values = self
            .get_all(name)
            .iter()
            .map(|value| String::from_utf8_lossy(value.as_bytes()));
        let first = values.next()?;
        let joined = values.fold(first, |joined, value| {
            Cow::Owned(format!("{joined},{value}"))
        });
        Some(joined)
    }
}

#[cfg(feature = "http")]
impl Injector for http::HeaderMap {
    fn set(&mut self, name: &str, value: String) {
        if let (Ok(name), Ok(value)) = (
            http::HeaderName::try_from(name),
            http::HeaderValue::try_from(value),
        ) {
            self.insert(name, value);
        }
    }
}
