//! The choices of a console's configuration, their names in settings, and what a tree is drawn by.
//! Part of `config`; read by `exporter`, `tree` and `header`.

use std::fmt;
use std::io::Write;
use std::str::FromStr;
use std::sync::{Arc, Mutex};

/// How traces are shown.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum Format {
    /// A tree with a waterfall, when the root of a trace ends.
    #[default]
    Tree,
    /// A line for people per span, when it ends.
    Compact,
    /// A line of JSON per span, when it ends; its schema is in [`json`](crate::json).
    Json,
}

/// How much of inputs, outputs, metadata and errors is shown. Of no effect on JSON, which has all of it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum Text {
    /// Whole texts, wrapped and indented: inputs, outputs, metadata, errors with stack traces, each bucket of usage
    /// and cost.
    Full,
    /// One line each, cut to the width; metadata in as many lines as its keys need. A conversation is shown by its last message.
    #[default]
    Line,
    /// No inputs, outputs and metadata; errors in one line each.
    None,
}

/// Whether colours are used.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum Color {
    /// On a terminal, unless `NO_COLOR` or `TERM=dumb` says otherwise; `CLICOLOR_FORCE` is honoured.
    #[default]
    Auto,
    /// Always, as ANSI sequences.
    Always,
    /// Never.
    Never,
}

/// How a tree is drawn: for how many columns, with colours or not, and how much text.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Look {
    pub(crate) width: usize,
    pub(crate) color: bool,
    pub(crate) text: Text,
}

/// Where traces are written.
#[derive(Clone, Default)]
#[non_exhaustive]
pub enum Stream {
    /// Standard output.
    #[default]
    Stdout,
    /// Standard error.
    Stderr,
    /// Anything else. It is never a terminal, so there are no colours unless [`Color::Always`] is set.
    Writer(Arc<Mutex<dyn Write + Send>>),
}

impl fmt::Debug for Stream {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Stdout => "Stdout",
            Self::Stderr => "Stderr",
            Self::Writer(_) => "Writer",
        })
    }
}

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
