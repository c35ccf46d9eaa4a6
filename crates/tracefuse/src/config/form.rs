//! The forms that a setting's text can have: whole numbers, seconds, switches, names, paths. A form parses a text,
//! shows a default and says in words what it accepts. Used by the table of settings; knows no setting.

use std::fmt::Display;
use std::ops::RangeInclusive;
use std::path::PathBuf;
use std::str::FromStr;
use std::time::Duration;

/// How a text becomes a `T`.
pub(super) trait Form<T> {
    /// What it accepts, in words that follow "expected".
    fn accepts(&self) -> String;
    fn parse(&self, text: &str) -> Option<T>;
    /// The text of a value, as the guide shows a default.
    fn show(&self, value: &T) -> String;
}

/// A whole number within a range.
pub(super) struct Whole<T>(pub(super) RangeInclusive<T>);

impl<T: FromStr + Display + PartialOrd> Form<T> for Whole<T> {
    fn accepts(&self) -> String {
        let (low, high) = (self.0.start(), self.0.end());
        format!("a whole number from {low} to {high}")
    }

    fn parse(&self, text: &str) -> Option<T> {
        text.parse().ok().filter(|value| self.0.contains(value))
    }

    fn show(&self, value: &T) -> String {
        value.to_string()
    }
}

/// Seconds, with a fraction, as the official SDKs accept them.
pub(super) struct Seconds(pub(super) RangeInclusive<Duration>);

impl Form<Duration> for Seconds {
    fn accepts(&self) -> String {
        let (low, high) = (self.0.start().as_secs_f64(), self.0.end().as_secs_f64());
        format!("seconds from {low} to {high}, such as 5 or 0.5")
    }

    fn parse(&self, text: &str) -> Option<Duration> {
        seconds(text).filter(|value| self.0.contains(value))
    }

    fn show(&self, value: &Duration) -> String {
        value.as_secs_f64().to_string()
    }
}

pub(super) fn seconds(text: &str) -> Option<Duration> {
    let seconds = text.parse::<f64>().ok()?;
    Duration::try_from_secs_f64(seconds).ok()
}

/// A switch.
pub(super) struct Flag;

impl Form<bool> for Flag {
    fn accepts(&self) -> String {
        "true or false".to_owned()
    }

    fn parse(&self, text: &str) -> Option<bool> {
        match text.to_ascii_lowercase().as_str() {
            "true" | "1" | "yes" | "on" => Some(true),
            "false" | "0" | "no" | "off" => Some(false),
            _ => None,
        }
    }

    fn show(&self, value: &bool) -> String {
        value.to_string()
    }
}

/// Any text; the field is the default in words if it has no value.
pub(super) struct Text(pub(super) &'static str);

impl Form<Option<String>> for Text {
    fn accepts(&self) -> String {
        "text".to_owned()
    }

    fn parse(&self, text: &str) -> Option<Option<String>> {
        Some(Some(text.to_owned()))
    }

    fn show(&self, value: &Option<String>) -> String {
        value.clone().unwrap_or_else(|| self.0.to_owned())
    }
}

/// A path; the field is what kind of path, in words.
pub(super) struct Path(pub(super) &'static str);

impl Form<Option<PathBuf>> for Path {
    fn accepts(&self) -> String {
        self.0.to_owned()
    }

    fn parse(&self, text: &str) -> Option<Option<PathBuf>> {
        Some(Some(text.into()))
    }

    fn show(&self, value: &Option<PathBuf>) -> String {
        let path = value.as_ref();
        path.map_or_else(String::new, |path| path.display().to_string())
    }
}

/// A value that may be absent; the text is its default in words.
#[cfg(feature = "console")]
pub(super) struct Maybe<F>(pub(super) F, pub(super) &'static str);

#[cfg(feature = "console")]
impl<T, F: Form<T>> Form<Option<T>> for Maybe<F> {
    fn accepts(&self) -> String {
        self.0.accepts()
    }

    fn parse(&self, text: &str) -> Option<Option<T>> {
        self.0.parse(text).map(Some)
    }

    fn show(&self, value: &Option<T>) -> String {
        let value = value.as_ref();
        value.map_or_else(|| self.1.to_owned(), |value| self.0.show(value))
    }
}

/// One of several names, in any case.
pub(super) struct Choice<T: 'static>(pub(super) &'static [(&'static str, T)]);

impl<T: Clone + PartialEq> Form<T> for Choice<T> {
    fn accepts(&self) -> String {
        let names: Vec<String> = self.0.iter().map(|(name, _)| format!("`{name}`")).collect();
        match names.split_last() {
            Some((last, [])) => last.clone(),
            Some((last, others)) => format!("{} or {last}", others.join(", ")),
            None => String::new(),
        }
    }

    fn parse(&self, text: &str) -> Option<T> {
        let found = self
            .0
            .iter()
            .find(|(name, _)| name.eq_ignore_ascii_case(text));
        found.map(|(_, value)| value.clone())
    }

    fn show(&self, value: &T) -> String {
        let found = self.0.iter().find(|(_, known)| known == value);
        found.map_or_else(String::new, |(name, _)| (*name).to_owned())
    }
}

/// A form that only one setting has.
pub(super) struct Own<T> {
    pub(super) accepts: &'static str,
    pub(super) parse: fn(&str) -> Option<T>,
    pub(super) show: fn(&T) -> String,
}

impl<T> Form<T> for Own<T> {
    fn accepts(&self) -> String {
        self.accepts.to_owned()
    }

    fn parse(&self, text: &str) -> Option<T> {
        (self.parse)(text)
    }

    fn show(&self, value: &T) -> String {
        (self.show)(value)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_outside_of_their_range_are_refused() {
        let form = Whole(1..=100_000_usize);
        for (text, value) in [
            ("1", Some(1)),
            ("100000", Some(100_000)),
            ("0", None),
            ("100001", None),
            ("1000000000", None),
            ("99999999999999999999999", None),
            ("-1", None),
            ("1.0", None),
            ("many", None),
        ] {
            assert_eq!(form.parse(text), value, "{text}");
        }
        let form = Seconds(Duration::from_millis(1)..=Duration::from_secs(60));
        for (text, value) in [
            ("0.5", Some(Duration::from_millis(500))),
            ("60", Some(Duration::from_secs(60))),
            ("0", None),
            ("0.0001", None),
            ("61", None),
            ("1e300", None),
            ("inf", None),
            ("NaN", None),
            ("-1", None),
            ("5s", None),
        ] {
            assert_eq!(form.parse(text), value, "{text}");
        }
        assert_eq!(form.accepts(), "seconds from 0.001 to 60, such as 5 or 0.5");
    }

    #[test]
    fn choices_are_named_and_read_in_any_case() {
        let form = Choice(&[("tree", 1), ("compact", 2), ("json", 3)]);
        assert_eq!(form.accepts(), "`tree`, `compact` or `json`");
        assert_eq!((form.parse("JSON"), form.parse("xml")), (Some(3), None));
        assert_eq!(form.show(&2), "compact");
    }

    #[test]
    #[cfg(feature = "console")]
    fn an_absent_value_is_shown_in_words() {
        let form = Maybe(Whole(1..=9), "the terminal's");
        assert_eq!(
            (form.show(&None), form.show(&Some(4))),
            ("the terminal's".into(), "4".into())
        );
    }
}
