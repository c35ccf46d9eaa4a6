//! A line of a log into which ids are written: JSON is recognised by its first character, and its texts are escaped.
//! Used by `ids`.

use std::fmt::{self, Write as _};

use tracing_subscriber::fmt::format::Writer;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Style {
    Text,
    Json,
}

/// Passes a line on, except for its end: the newlines, and before them the brace that ends a JSON object.
pub(crate) struct Line<'a, 'w> {
    pub(crate) to: &'a mut Writer<'w>,
    pub(crate) style: Style,
    pub(crate) brace: bool,
    /// What was written last is the beginning of an object.
    pub(crate) opens: bool,
    pub(crate) newlines: usize,
    pub(crate) is_empty: bool,
}

impl fmt::Write for Line<'_, '_> {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        let body = text.trim_end_matches('\n');
        let newlines = text.len() - body.len();
        if body.is_empty() {
            self.newlines += newlines;
            return Ok(());
        }
        if std::mem::take(&mut self.brace) {
            self.opens = false;
            self.to.write_char('}')?;
        }
        for _ in 0..std::mem::take(&mut self.newlines) {
            self.to.write_char('\n')?;
        }
        self.is_empty = false;
        self.newlines = newlines;
        let (body, brace) = match body.strip_suffix('}') {
            Some(body) if self.style == Style::Json => (body, true),
            _ => (body, false),
        };
        self.brace = brace;
        if !body.is_empty() {
            self.opens = body.ends_with('{');
        }
        self.to.write_str(body)
    }
}

/// As the content of a JSON string.
pub(crate) fn escaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '"' | '\\' => out.extend(['\\', c]),
            c if c.is_control() => {
                // Writing to a String does not fail.
                let _ = write!(out, "\\u{:04x}", u32::from(c));
            }
            c => out.push(c),
        }
    }
    out
}
