//! A regular expression and the replacement of its matches.
//! Used by `Mask::regex`.

use std::borrow::Cow;
use std::fmt;

use regex_lite::Regex;

pub(super) struct Pattern {
    regex: Regex,
    replacement: String,
}

/// A pattern that is not a regular expression.
#[derive(Clone)]
pub struct PatternError(regex_lite::Error);

impl Pattern {
    pub(super) fn new(pattern: &str, replacement: &str) -> Result<Self, PatternError> {
        Ok(Self {
            regex: Regex::new(pattern).map_err(PatternError)?,
            replacement: replacement.to_owned(),
        })
    }

    pub(super) fn mask(&self, text: &str) -> Option<String> {
        match self.regex.replace_all(text, self.replacement.as_str()) {
            Cow::Borrowed(_) => None,
            Cow::Owned(masked) => Some(masked),
        }
    }
}

impl fmt::Display for PatternError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "a mask's pattern cannot be read: {}", self.0)
    }
}

/// As `Display`: `main` prints an error that it returns by `Debug`.
impl fmt::Debug for PatternError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl std::error::Error for PatternError {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn matches_are_replaced_and_groups_kept() {
        let pattern = Pattern::new(r"(\w+)-(\d{4})", "$1-****").unwrap();
        assert_eq!(
            pattern.mask("a-1234, b-123").as_deref(),
            Some("a-****, b-123")
        );
        assert_eq!(pattern.mask("none"), None);
        let error = Pattern::new("(", "").err().unwrap();
        assert!(
            error
                .to_string()
                .starts_with("a mask's pattern cannot be read: "),
            "{error}"
        );
    }
}
