//! Text that must not be seen, and text from elsewhere that must be made fit to be seen.
//! Used by every exporter's configuration and errors.

use std::fmt::{self, Write as _};

/// A key or password: `Debug` shows `***`, nothing else shows anything.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(String);

impl Secret {
    /// Wraps a secret.
    pub fn new(secret: impl Into<String>) -> Self {
        Self(secret.into())
    }

    /// The secret itself: for the header it goes into.
    #[must_use]
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("***")
    }
}

/// How much of a server's words is shown.
const SHOWN: usize = 200;

/// A server's words, fit for a log: the first 200 characters, control characters visible, our own secrets struck out.
#[must_use]
pub fn sanitize(text: &str, secrets: &[&Secret]) -> String {
    let mut text = text.to_owned();
    for secret in secrets.iter().filter(|secret| !secret.0.is_empty()) {
        text = text.replace(&secret.0, "***");
    }
    let mut shown = String::new();
    for c in text.trim().chars().take(SHOWN) {
        // Bidirectional and invisible marks reorder or hide what a person reads.
        let unfit = c.is_control()
            || matches!(c, '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{e0000}'..='\u{e007f}');
        if unfit {
            let _ = write!(shown, "{}", c.escape_unicode());
        } else {
            shown.push(c);
        }
    }
    if text.trim().chars().nth(SHOWN).is_some() {
        shown.push('…');
    }
    shown
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_servers_words_are_cut_visible_and_without_our_secrets() {
        let secret = Secret::new("sk-lf-canary");
        assert_eq!(
            sanitize(" bad key sk-lf-canary\x1b[31m\n", &[&secret]),
            "bad key ***\\u{1b}[31m"
        );
        assert_eq!(sanitize(&"é".repeat(300), &[]).chars().count(), 201);
        assert_eq!(format!("{secret:?}"), "***");
    }
}
