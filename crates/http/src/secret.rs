//! Values that must never be printed, and text of a server made safe to print.
//! Made from configuration and answers, used by headers and error messages. Knows nothing of requests.

use std::fmt;

use tracefuse_exporter::is_plain;

/// A value that `Debug` and `Display` show as `***`.
///
/// The text can only be read with [`Secret::expose`], so that every use can be found by that name.
///
/// ```
/// use tracefuse_http::Secret;
///
/// let secret = Secret::new("sk-lf-123");
/// assert!(!format!("{secret:?}").contains("123"));
/// ```
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(String);

impl Secret {
    /// Wraps `text`.
    pub fn new(text: impl Into<String>) -> Self {
        Self(text.into())
    }

    /// The text itself. Put it into a header, never into a message.
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

impl fmt::Display for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("***")
    }
}

impl From<String> for Secret {
    fn from(text: String) -> Self {
        Self(text)
    }
}

impl From<&str> for Secret {
    fn from(text: &str) -> Self {
        Self(text.to_owned())
    }
}

/// The beginning of a server's text in a form that a message can contain: at most 200 characters, each of our own
/// `secrets` replaced by `***`, and every control or invisible character shown as an escape such as `\n` or `\u{1b}`.
#[must_use]
pub fn sanitize_server_text(text: &str, secrets: &[&Secret]) -> String {
    let mut known: Vec<&str> = secrets
        .iter()
        .map(|secret| secret.expose())
        .filter(|secret| !secret.is_empty() && text.contains(secret))
        .collect();
    // The longest first: if a secret contains another, no part of it may remain.
    known.sort_by_key(|secret| std::cmp::Reverse(secret.len()));

    // Before truncation: the first half of a secret at the cut would otherwise remain.
    let mut text = text.trim().to_owned();
    for secret in known {
        text = text.replace(secret, "***");
    }

    let mut shown = String::new();
    for (at, character) in text.chars().enumerate() {
        if at == SHOWN_CHARACTERS {
            shown.push('…');
            break;
        }
        if is_plain(character) {
            shown.push(character);
        } else {
            shown.extend(character.escape_default());
        }
    }
    shown
}

const SHOWN_CHARACTERS: usize = 200;

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str, secrets: &[&str], expected: &str) {
        let secrets: Vec<Secret> = secrets.iter().map(|text| Secret::new(*text)).collect();
        let secrets: Vec<&Secret> = secrets.iter().collect();
        assert_eq!(sanitize_server_text(text, &secrets), expected);
    }

    #[test]
    fn a_secret_prints_as_stars_however_it_is_printed() {
        let secret = Secret::new("CANARY");
        assert_eq!(
            format!("{secret} {secret:?} {:#?}", Some(&secret)),
            "*** *** Some(\n    ***,\n)"
        );
        assert_eq!(secret.expose(), "CANARY");
    }

    #[test]
    fn plain_words_of_a_server_stay_as_they_are() {
        check(
            " Größe überschritten: 4 MB ",
            &[],
            "Größe überschritten: 4 MB",
        );
    }

    #[test]
    fn control_and_invisible_characters_become_visible() {
        check(
            "a\nb\r\x1b[31m\u{9b}\u{202e}\u{200b}\u{e0041}\0",
            &[],
            r"a\nb\r\u{1b}[31m\u{9b}\u{202e}\u{200b}\u{e0041}\u{0}",
        );
    }

    #[test]
    fn our_own_secrets_are_taken_out_the_longest_first() {
        check(
            "key sk-1 and sk-12 and sk-1 again",
            &["sk-1", "sk-12", ""],
            "key *** and *** and *** again",
        );
    }

    #[test]
    fn a_secret_across_the_cut_does_not_show_its_first_half() {
        let text = format!("{}CANARY-SECRET", "x".repeat(195));
        check(
            &text,
            &["CANARY-SECRET"],
            &format!("{}***", "x".repeat(195)),
        );
    }

    #[test]
    fn two_hundred_characters_are_enough() {
        check(&"ü".repeat(300), &[], &format!("{}…", "ü".repeat(200)));
    }
}
