//! Text that cannot command a terminal. Everything dynamic passes here on its way to `paint`, which
//! takes nothing else; knows nothing of spans, colours or streams.
//!
//! Prompts, answers and error messages are written by strangers. Printed as they are, they could
//! move the cursor, set the title, fill the clipboard (OSC 52), hide a link (OSC 8) or turn the
//! reading direction around (the class of RUSTSEC-2025-0055).

use std::borrow::Cow;
use std::fmt::{self, Write as _};

use tracefuse_exporter::is_plain;
use unicode_width::UnicodeWidthStr;

/// One line of text without control characters, and without what is invisible or reorders text.
///
/// What is taken out is shown: a newline as `\n`, an escape as `\x1b`, a direction override as
/// `\u{202e}`. Backslashes are left alone, so the text is for people and not for reading back.
///
/// ```
/// use tracefuse_console::Sanitized;
///
/// assert_eq!(Sanitized::new("a\nb \u{1b}[31mred").as_str(), r"a\nb \x1b[31mred");
/// assert_eq!(Sanitized::new("invoice\u{202e}gpj.exe").as_str(), r"invoice\u{202e}gpj.exe");
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Sanitized(Cow<'static, str>);

impl Sanitized {
    /// The text with everything dangerous made visible.
    #[must_use]
    pub fn new(text: &str) -> Self {
        let mut safe = String::with_capacity(text.len());
        for c in text.chars() {
            if is_plain(c) {
                safe.push(c);
            } else {
                escape(&mut safe, c);
            }
        }
        Self(Cow::Owned(safe))
    }

    /// What `value` shows, made safe.
    #[must_use]
    pub fn of(value: impl fmt::Display) -> Self {
        Self::new(&value.to_string())
    }

    /// A text from our own source code.
    pub(crate) const fn own(text: &'static str) -> Self {
        Self(Cow::Borrowed(text))
    }

    /// A JSON document on one line, its meaning unchanged: between tokens whitespace becomes a space,
    /// in strings what is dangerous becomes a JSON escape. Both hold only for valid JSON, which
    /// has no raw control character in a string and nothing but ASCII outside of one.
    pub(crate) fn json(document: &str) -> Self {
        let mut safe = String::with_capacity(document.len());
        for c in document.chars() {
            if c < ' ' {
                safe.push(' ');
            } else if is_plain(c) {
                safe.push(c);
            } else {
                for unit in c.encode_utf16(&mut [0; 2]) {
                    // Writing into a String cannot fail, here and below.
                    let _ = write!(safe, "\\u{unit:04x}");
                }
            }
        }
        Self(Cow::Owned(safe))
    }

    /// The safe text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Columns it takes in a terminal.
    #[must_use]
    pub fn width(&self) -> usize {
        self.0.width()
    }

    /// At most `columns` wide; what was longer ends in `…`.
    #[must_use]
    pub fn cut(&self, columns: usize) -> Self {
        if self.width() <= columns {
            return self.clone();
        }
        self.shorten(columns)
    }

    /// At most `columns` wide, ending in `…` even if it would fit: more was to follow.
    pub(crate) fn shorten(&self, columns: usize) -> Self {
        let Some(room) = columns.checked_sub(1) else {
            return Self::default();
        };
        // A bound on characters too: accents piled upon one letter have no width.
        let longest = room.saturating_mul(4).saturating_add(1);
        let ends = self.0.char_indices().map(|(at, c)| at + c.len_utf8());
        let mut kept = "";
        for end in ends.take(longest) {
            let Some(head) = self.0.get(..end) else { break };
            if head.width() > room {
                break;
            }
            kept = head;
        }
        Self(Cow::Owned(format!("{kept}…")))
    }
}

impl fmt::Display for Sanitized {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

fn escape(safe: &mut String, c: char) {
    let _ = match c {
        '\n' => safe.write_str("\\n"),
        '\r' => safe.write_str("\\r"),
        '\t' => safe.write_str("\\t"),
        c if c.is_ascii() => write!(safe, "\\x{:02x}", u32::from(c)),
        c => write!(safe, "\\u{{{:x}}}", u32::from(c)),
    };
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn terminal_commands_become_text() {
        for (hostile, shown) in [
            (
                "\u{1b}]8;;https://evil.example\u{7}click\u{1b}]8;;\u{7}",
                r"\x1b]8;;https://evil.example\x07click\x1b]8;;\x07",
            ),
            (
                "\u{1b}]52;c;cm0gLXJmIH4=\u{1b}\\",
                r"\x1b]52;c;cm0gLXJmIH4=\x1b\",
            ),
            ("\u{1b}]0;title\u{7}", r"\x1b]0;title\x07"),
            ("\u{1b}P$q\"p\u{1b}\\", r#"\x1bP$q"p\x1b\"#),
            ("\u{1b}[2J\u{1b}[H", r"\x1b[2J\x1b[H"),
            ("\u{9b}31m\u{9d}0;t\u{9c}", r"\u{9b}31m\u{9d}0;t\u{9c}"),
            ("\r\u{8}\u{7f}\0", r"\r\x08\x7f\x00"),
            (
                "a\u{202e}b\u{2066}c\u{200b}d\u{e0041}",
                r"a\u{202e}b\u{2066}c\u{200b}d\u{e0041}",
            ),
            ("one\ntwo\tthree\u{2028}", r"one\ntwo\tthree\u{2028}"),
            ("naïve 日本語 ❤️ \\ é", "naïve 日本語 ❤️ \\ é"),
        ] {
            assert_eq!(Sanitized::new(hostile).as_str(), shown);
        }
    }

    #[test]
    fn a_cut_is_by_columns_and_never_inside_a_character() {
        for (text, columns, shown) in [
            ("hello", 5, "hello"),
            ("hello", 4, "hel…"),
            ("日本語", 5, "日本…"),
            ("日本語", 4, "日…"),
            ("日本語", 1, "…"),
            ("hello", 0, ""),
            ("", 0, ""),
        ] {
            assert_eq!(Sanitized::new(text).cut(columns).as_str(), shown);
        }
        let zalgo = format!("a{}", "\u{301}".repeat(100_000)) + "bcdef";
        assert!(Sanitized::new(&zalgo).cut(4).as_str().len() < 50);
    }

    fn is_quiet(text: &str) -> bool {
        text.chars().all(|c| !c.is_control() && is_plain(c))
    }

    proptest! {
        #[test]
        fn no_text_yields_a_control_character(text in any::<String>(), raw in any::<Vec<u8>>(), columns in 0usize..40) {
            for text in [text, String::from_utf8_lossy(&raw).into_owned()] {
                let safe = Sanitized::new(&text);
                prop_assert!(is_quiet(safe.as_str()));
                let cut = safe.cut(columns);
                prop_assert!(is_quiet(cut.as_str()) && cut.width() <= columns);
            }
        }

        #[test]
        fn json_keeps_its_meaning_and_loses_its_control_characters(text in any::<String>()) {
            let text = format!("{text}\u{1b}\u{9b}\u{202e}\u{e0041}");
            let document = serde_json::to_string_pretty(&[&text]).unwrap();
            let safe = Sanitized::json(&document);
            prop_assert!(is_quiet(safe.as_str()));
            prop_assert_eq!(serde_json::from_str::<Vec<String>>(safe.as_str()).unwrap(), vec![text]);
        }
    }
}
