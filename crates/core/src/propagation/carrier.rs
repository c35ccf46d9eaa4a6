//! What context travels in: maps of text, and `http`'s headers behind the feature of that name.

use std::borrow::Cow;
use std::collections::{BTreeMap, HashMap};
use std::hash::BuildHasher;

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

#[cfg(feature = "http")]
impl Extractor for http::HeaderMap {
    fn get(&self, name: &str) -> Option<Cow<'_, str>> {
        let mut values = self
            .get_all(name)
            .iter()
            .filter_map(|value| value.to_str().ok());
        let first = values.next()?;
        let joined = values.fold(Cow::Borrowed(first), |joined, value| {
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
