//! The choices of a console's configuration, and what a tree is drawn by. Their names are in `choice_names`.
//! Part of `config`; read by `exporter`, `tree` and `header`.

use std::fmt;
use std::io::Write;
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
