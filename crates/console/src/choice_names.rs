//! The names of a console's choices in settings, and the error of a text that is none of them.
//! Used by the facade's table of settings and by programs that read a choice from a user.

use std::fmt;
use std::str::FromStr;

use crate::choices::{Color, Format, Stream, Text};

/// The error of a text that is not the name of a choice.
#[derive(Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct ParseChoiceError {
    found: String,
    accepted: &'static str,
}

impl ParseChoiceError {
    fn new(found: &str, accepted: &'static str) -> Self {
        let found = found.to_owned();
        Self { found, accepted }
    }
}

impl fmt::Display for ParseChoiceError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let found = self.found.escape_debug();
        write!(f, "\"{found}\" is not one of {}", self.accepted)
    }
}

/// As `Display`: `main` prints an error that it returns by `Debug`.
impl fmt::Debug for ParseChoiceError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl std::error::Error for ParseChoiceError {}

/// By its lower-case name: `tree`, `compact` or `json`.
impl FromStr for Format {
    type Err = ParseChoiceError;
    fn from_str(text: &str) -> Result<Self, ParseChoiceError> {
        match text {
            "tree" => Ok(Self::Tree),
            "compact" => Ok(Self::Compact),
            "json" => Ok(Self::Json),
            _ => Err(ParseChoiceError::new(text, "tree, compact, json")),
        }
    }
}

/// By its lower-case name: `full`, `line` or `none`.
impl FromStr for Text {
    type Err = ParseChoiceError;
    fn from_str(text: &str) -> Result<Self, ParseChoiceError> {
        match text {
            "full" => Ok(Self::Full),
            "line" => Ok(Self::Line),
            "none" => Ok(Self::None),
            _ => Err(ParseChoiceError::new(text, "full, line, none")),
        }
    }
}

/// By its lower-case name: `auto`, `always` or `never`.
impl FromStr for Color {
    type Err = ParseChoiceError;
    fn from_str(text: &str) -> Result<Self, ParseChoiceError> {
        match text {
            "auto" => Ok(Self::Auto),
            "always" => Ok(Self::Always),
            "never" => Ok(Self::Never),
            _ => Err(ParseChoiceError::new(text, "auto, always, never")),
        }
    }
}

/// By its lower-case name: `stdout` or `stderr`.
impl FromStr for Stream {
    type Err = ParseChoiceError;
    fn from_str(text: &str) -> Result<Self, ParseChoiceError> {
        match text {
            "stdout" => Ok(Self::Stdout),
            "stderr" => Ok(Self::Stderr),
            _ => Err(ParseChoiceError::new(text, "stdout, stderr")),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn choices_have_names_and_an_unknown_name_says_which_exist() {
        assert_eq!("compact".parse(), Ok(Format::Compact));
        assert_eq!("never".parse(), Ok(Color::Never));
        assert_eq!("full".parse(), Ok(Text::Full));
        assert!(matches!("stderr".parse(), Ok(Stream::Stderr)));
        let error = "wide\n".parse::<Format>().unwrap_err();
        assert_eq!(
            error.to_string(),
            r#""wide\n" is not one of tree, compact, json"#
        );
    }
}
