//! What a console exporter can be told. Filled by the application; read by `exporter`.

use std::fmt;
use std::io::Write;
use std::str::FromStr;
use std::sync::{Arc, Mutex};
use std::time::Duration;

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

/// Where traces are written.
#[derive(Clone, Default)]
#[non_exhaustive]
pub enum Stream {
    /// Standard output.
    #[default]
    Stdout,
    /// Standard error.
    Stderr,
    /// Anything else; it is never a terminal, so there are no colours unless they are asked for.
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

/// A console exporter's configuration.
///
/// ```
/// use tracefuse_console::{Color, ConsoleConfig, ConsoleExporter, Format};
///
/// let config = ConsoleConfig::new().format(Format::Compact).color(Color::Never);
/// let exporter = ConsoleExporter::new(config);
/// ```
#[derive(Clone, Debug)]
#[non_exhaustive]
#[must_use]
pub struct ConsoleConfig {
    /// How traces are shown; a tree by default.
    pub format: Format,
    /// Columns; by default the terminal's, and without one 100 for a tree and no limit for compact lines.
    pub width: Option<usize>,
    /// Whether colours are used; by default on a terminal that wants them.
    pub color: Color,
    /// Where traces are written; standard output by default.
    pub stream: Stream,
    /// Whether input and output are shown, cut to the width; `true` by default. Of no effect on JSON,
    /// which has them whole.
    pub io: bool,
    /// Spans held at most while the roots of their traces are open; 10,000 by default. Beyond it the
    /// oldest trace is printed as it is.
    pub max_held_spans: usize,
    /// How long a trace's first span is held at most, by the times in the spans; 5 minutes by
    /// default. After it the trace is printed as it is.
    pub max_held_age: Duration,
}

impl Default for ConsoleConfig {
    fn default() -> Self {
        Self {
            format: Format::default(),
            width: None,
            color: Color::default(),
            stream: Stream::default(),
            io: true,
            max_held_spans: 10_000,
            max_held_age: Duration::from_secs(300),
        }
    }
}

impl ConsoleConfig {
    /// The defaults.
    pub fn new() -> Self {
        Self::default()
    }

    /// Sets how traces are shown.
    pub fn format(mut self, format: Format) -> Self {
        self.format = format;
        self
    }

    /// Sets the number of columns.
    pub fn width(mut self, columns: usize) -> Self {
        self.width = Some(columns);
        self
    }

    /// Sets whether colours are used.
    pub fn color(mut self, color: Color) -> Self {
        self.color = color;
        self
    }

    /// Sets where traces are written.
    pub fn stream(mut self, stream: Stream) -> Self {
        self.stream = stream;
        self
    }

    /// Writes to this writer.
    pub fn writer(self, writer: impl Write + Send + 'static) -> Self {
        self.stream(Stream::Writer(Arc::new(Mutex::new(writer))))
    }

    /// Sets whether input and output are shown.
    pub fn io(mut self, io: bool) -> Self {
        self.io = io;
        self
    }

    /// Sets how many spans are held at most.
    pub fn max_held_spans(mut self, spans: usize) -> Self {
        self.max_held_spans = spans;
        self
    }

    /// Sets how long a trace is held at most.
    pub fn max_held_age(mut self, age: Duration) -> Self {
        self.max_held_age = age;
        self
    }
}

/// A text that names no format or no colour choice.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct ParseChoiceError {
    found: String,
    accepted: &'static str,
}

impl fmt::Display for ParseChoiceError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "\"{}\" is not one of {}",
            self.found.escape_debug(),
            self.accepted
        )
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
            _ => Err(ParseChoiceError {
                found: text.to_owned(),
                accepted: "tree, compact, json",
            }),
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
            _ => Err(ParseChoiceError {
                found: text.to_owned(),
                accepted: "auto, always, never",
            }),
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
        let error = "wide\n".parse::<Format>().unwrap_err();
        assert_eq!(
            error.to_string(),
            r#""wide\n" is not one of tree, compact, json"#
        );
    }
}
