//! Parameters of a query, as Langfuse reads them.
//! Used by the handlers that read.

use std::collections::HashSet;

use axum::http::Uri;
use axum::response::Response;

use super::answers::invalid;
use crate::take::parse_time;

/// The answer to a query that cannot be read.
pub(crate) type Refusal = Box<Response>;

/// Values of one filter: SQLite nests expressions to a depth of 1,000.
pub(crate) const MOST_VALUES: usize = 500;

pub(crate) fn refusal(place: &str, message: &str) -> Refusal {
    Box::new(invalid(place, message))
}

/// The parameters of one request, in their order.
#[derive(Debug, Default)]
pub(crate) struct Params(Vec<(String, String)>);

impl Params {
    pub(crate) fn of(uri: &Uri) -> Self {
        let query = uri.query().unwrap_or_default();
        let pairs = query.split('&').filter(|pair| !pair.is_empty());
        Self(
            pairs
                .map(|pair| {
                    let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
                    (crate::model::decode(name), crate::model::decode(value))
                })
                .collect(),
        )
    }

    /// The last value of this name.
    pub(crate) fn one(&self, name: &str) -> Option<&str> {
        let known = self.0.iter().rev().find(|(known, _)| known == name);
        known.map(|(_, value)| value.as_str())
    }

    /// A value that is not empty.
    pub(crate) fn filled(&self, name: &str) -> Option<&str> {
        self.one(name).filter(|value| !value.is_empty())
    }

    /// All values of this name, also several between commas.
    pub(crate) fn all(&self, name: &str) -> Vec<String> {
        let values = self.0.iter().filter(|(known, _)| known == name);
        let values = values.flat_map(|(_, value)| value.split(','));
        let values = values.map(|value| value.trim().to_owned());
        values.filter(|value| !value.is_empty()).collect()
    }

    /// The same as a filter of the store, which has a limit.
    pub(crate) fn list(&self, name: &str) -> Result<Vec<String>, Refusal> {
        let all = self.all(name);
        match all.len() {
            0..=MOST_VALUES => Ok(all),
            _ => Err(refusal(
                name,
                &format!("Too big: expected at most {MOST_VALUES} values"),
            )),
        }
    }

    /// The names, each as often as it is there.
    pub(crate) fn names(&self) -> impl Iterator<Item = &str> {
        self.0.iter().map(|(name, _)| name.as_str())
    }

    /// A number that may have a fraction.
    pub(crate) fn decimal(&self, name: &str) -> Result<Option<f64>, Refusal> {
        let Some(text) = self.filled(name) else {
            return Ok(None);
        };
        let number = text.trim().parse::<f64>().ok();
        let number = number.filter(|number| number.is_finite());
        let number = number.ok_or_else(|| refusal(name, "Invalid input: expected number"))?;
        Ok(Some(number))
    }

    pub(crate) fn number(&self, name: &str, default: usize, most: usize) -> Result<usize, Refusal> {
        let Some(text) = self.filled(name) else {
            return Ok(default);
        };
        match text.trim().parse::<usize>() {
            Ok(number) if number <= most => Ok(number),
            Ok(_) => Err(refusal(
                name,
                &format!("Too big: expected number to be <={most}"),
            )),
            Err(_) => Err(refusal(name, "Invalid input: expected number")),
        }
    }

    /// Nanoseconds since 1970; an empty text is no time.
    pub(crate) fn strict_time(&self, name: &str) -> Result<Option<i64>, Refusal> {
        match self.one(name) {
            Some("") => Err(refusal(name, "Invalid ISO datetime")),
            _ => self.time(name),
        }
    }

    /// Nanoseconds since 1970.
    pub(crate) fn time(&self, name: &str) -> Result<Option<i64>, Refusal> {
        match self.filled(name) {
            None => Ok(None),
            Some(text) => parse_time(text)
                .map(Some)
                .ok_or_else(|| refusal(name, "Invalid ISO datetime")),
        }
    }

    /// Refuses a parameter that comes twice, except those in `lists`.
    pub(crate) fn each_once(&self, lists: &[&str]) -> Result<(), Refusal> {
        let mut seen = HashSet::new();
        let mut twice = self.names().filter(|name| !seen.insert(*name));
        match twice.find(|name| !lists.contains(name)) {
            Some(name) => Err(refusal(
                name,
                "Invalid input: expected string, received array",
            )),
            None => Ok(()),
        }
    }

    /// One of these words; an empty one is none of them.
    pub(crate) fn word(&self, name: &str, words: &[&str]) -> Result<Option<&str>, Refusal> {
        match self.one(name) {
            Some(word) if !words.contains(&word) => {
                let words: Vec<String> = words.iter().map(|word| format!("{word:?}")).collect();
                let message = format!("Invalid option: expected one of {}", words.join("|"));
                Err(refusal(name, &message))
            }
            word => Ok(word),
        }
    }
}
