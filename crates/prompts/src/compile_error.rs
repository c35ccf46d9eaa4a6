//! Why a prompt cannot be filled: the variables that are missing or unknown.
//! Made by `prompt`.

use std::error::Error;
use std::fmt;

use tracefuse_exporter::plain_text;

/// A prompt that was not filled: names what is missing, and what was given.
#[derive(Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct CompileError {
    /// Variables without a value, each once, in the order of the prompt.
    pub missing: Vec<String>,
    /// Placeholders of a chat prompt without messages, each once, in the order of the prompt.
    pub placeholders: Vec<String>,
    /// Names of the values that were given, sorted.
    pub given: Vec<String>,
    prompt: String,
    /// Why the values could not be read at all, if so.
    unreadable: Option<String>,
}

impl CompileError {
    pub(crate) fn unreadable(prompt: String, why: String) -> Self {
        Self {
            missing: Vec::new(),
            placeholders: Vec::new(),
            given: Vec::new(),
            prompt,
            unreadable: Some(why),
        }
    }

    pub(crate) fn missing(
        prompt: String,
        missing: Vec<String>,
        placeholders: Vec<String>,
        given: Vec<String>,
    ) -> Self {
        Self {
            missing,
            placeholders,
            given,
            prompt,
            unreadable: None,
        }
    }
}

impl fmt::Display for CompileError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: ", self.prompt)?;
        if let Some(why) = &self.unreadable {
            return f.write_str(&plain_text(why));
        }
        let variables = list("variable", &self.missing);
        let placeholders = list("placeholder", &self.placeholders);
        let parts: Vec<String> = [variables, placeholders].into_iter().flatten().collect();
        let given = match list("value", &self.given) {
            Some(given) => format!("given: the {given}"),
            None => "no value is given".to_owned(),
        };
        write!(f, "no value for the {}; {given}", parts.join(" and the "))
    }
}

/// `variable "a"`, `variables "a", "b"`; `None` for no name.
fn list(what: &str, names: &[String]) -> Option<String> {
    let shown: Vec<String> = names
        .iter()
        .take(SHOWN)
        .map(|name| format!("\"{}\"", plain_text(name)))
        .collect();
    let more = names.len().saturating_sub(SHOWN);
    let more = if more > 0 {
        format!(" and {more} more")
    } else {
        String::new()
    };
    let plural = if names.len() > 1 { "s" } else { "" };
    (!names.is_empty()).then(|| format!("{what}{plural} {}{more}", shown.join(", ")))
}

/// The most names that a message shows.
const SHOWN: usize = 10;

/// As `Display`: `main` prints an error that it returns by `Debug`.
impl fmt::Debug for CompileError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl Error for CompileError {}
