//! Makes text of others safe for a line of a log: the one rule of which characters are shown unchanged.
//! Used by delivery for all it logs and reports, by the HTTP client for texts of servers, by the terminal.

use std::borrow::Cow;

/// Characters kept of a text that goes into a log line.
const KEPT: usize = 1_000;

/// `text` on one line, as it may go into a log or onto a terminal: at most 1,000 characters, and each that
/// could forge a line, move a cursor or hide itself shown as an escape, such as `\n` or `\u{1b}`.
///
/// ```
/// use tracefuse_exporter::plain_text;
///
/// assert_eq!(plain_text("all is well"), "all is well");
/// assert_eq!(plain_text("refused\nERROR forged \u{1b}[31m"), r"refused\nERROR forged \u{1b}[31m");
/// ```
#[must_use]
pub fn plain_text(text: &str) -> Cow<'_, str> {
    let is_short = text.len() <= KEPT || text.chars().nth(KEPT).is_none();
    if is_short && text.chars().all(is_plain) {
        return Cow::Borrowed(text);
    }
    let mut plain = String::with_capacity(text.len().min(4 * KEPT));
    for c in text.chars().take(KEPT) {
        if is_plain(c) {
            plain.push(c);
        } else {
            plain.extend(c.escape_default());
        }
    }
    if !is_short {
        plain.push('…');
    }
    Cow::Owned(plain)
}

/// Whether a terminal shows a character as itself and in its place. Not so: control characters (C0, DEL,
/// C1), line and paragraph separators, and characters that are invisible or change the direction, with which
/// a text can look different to people and to a model.
#[must_use]
pub fn is_plain(c: char) -> bool {
    !c.is_control()
        && !matches!(c,
            '\u{ad}' | '\u{34f}' | '\u{61c}'
            | '\u{115f}'..='\u{1160}' | '\u{17b4}'..='\u{17b5}' | '\u{180b}'..='\u{180f}'
            | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}'
            | '\u{3164}' | '\u{ffa0}' | '\u{feff}' | '\u{fff0}'..='\u{fffb}'
            // Variation selectors carry hidden bytes; the last two only choose between text and emoji.
            | '\u{fe00}'..='\u{fe0d}' | '\u{1bca0}'..='\u{1bca3}' | '\u{1d173}'..='\u{1d17a}'
            | '\u{e0000}'..='\u{e0fff}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_forges_hides_or_commands_is_shown_and_the_rest_is_left() {
        for (text, shown) in [
            ("naïve 日本語 ❤️ \\ é", "naïve 日本語 ❤️ \\ é"),
            (
                "a\nb\r\u{1b}]52;c;cm0=\u{7}",
                r"a\nb\r\u{1b}]52;c;cm0=\u{7}",
            ),
            (
                "\u{9b}2J\u{202e}\u{200b}\u{e0041}\0\t",
                r"\u{9b}2J\u{202e}\u{200b}\u{e0041}\u{0}\t",
            ),
        ] {
            assert_eq!(plain_text(text), shown);
        }
        assert!(matches!(plain_text("as it is"), Cow::Borrowed(_)));
    }

    #[test]
    fn a_text_without_end_is_cut() {
        assert_eq!(plain_text(&"ü".repeat(KEPT)).chars().count(), KEPT);
        let cut = plain_text(&"ü".repeat(1_000_000)).into_owned();
        assert_eq!(
            (cut.chars().count(), cut.chars().last()),
            (KEPT + 1, Some('…'))
        );
    }
}
