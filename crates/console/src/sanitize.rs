//! Text that cannot control a terminal. All text of spans is converted here before `paint`, which
//! accepts nothing else, prints it. Knows nothing of spans, colours or streams.
//!
//! Prompts, answers and error messages come from outside the application. Printed unchanged, they could
//! move the cursor, set the title, fill the clipboard (OSC 52), hide a link (OSC 8) or reverse the
//! reading direction (the class of RUSTSEC-2025-0055).

use std::borrow::Cow;
use std::fmt::{self, Write as _};

use tracefuse_exporter::is_plain;
use unicode_width::{UnicodeWidthChar, UnicodeWidthStr};

use crate::joiner::{JOINER, NON_JOINER, is_part_of_a_word};

/// One line of text without control characters, and without what is invisible or reorders text.
///
/// What is taken out is shown: a newline as `\n`, an escape as `\x1b`, a direction override as
/// `\u{202e}`. Zero-width joiners are kept inside words of scripts that need them and inside emoji. Backslashes
/// are not escaped, so the text cannot be converted back.
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
        for (c, printed) in checked(text) {
            if printed {
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
    /// in strings what is dangerous becomes a JSON escape. Both are right only for valid JSON, which
    /// has no raw control character in a string and nothing but ASCII outside of one.
    pub(crate) fn json(document: &str) -> Self {
        let mut safe = String::with_capacity(document.len());
        for (c, printed) in checked(document) {
            if c < ' ' {
                safe.push(' ');
            } else if printed {
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

    /// At most `columns` wide, ending in `…` even if it would fit: more text follows this one.
    pub(crate) fn shorten(&self, columns: usize) -> Self {
        let Some(room) = columns.checked_sub(1) else {
            return Self::default();
        };
        Self(Cow::Owned(format!("{}…", head(&self.0, room))))
    }

    /// The text in lines of at most `columns`, broken after a space where there is one. A cluster that is wider
    /// than `columns` is on a line alone, for the caller to cut.
    pub(crate) fn wrap(&self, columns: usize) -> Vec<Self> {
        let mut lines = Vec::new();
        let mut rest: &str = &self.0;
        while !rest.is_empty() {
            let fits = head(rest, columns);
            let mut end = fits.len();
            if end == 0 {
                end = clusters(rest).next().map_or(rest.len(), str::len);
            } else if end < rest.len() && !rest.get(end..).is_some_and(|rest| rest.starts_with(' '))
            {
                // Not inside a word, unless the word alone is too long.
                let word = fits.trim_end_matches(|c| c != ' ');
                if !word.trim_matches(' ').is_empty() {
                    end = word.len();
                }
            }
            let (line, after) = rest.split_at_checked(end).unwrap_or((rest, ""));
            lines.push(Self(Cow::Owned(line.trim_end_matches(' ').to_owned())));
            rest = after.trim_start_matches([' ', JOINER, NON_JOINER]);
        }
        lines
    }
}

/// Each character, and whether it may be printed as it is.
fn checked(text: &str) -> impl Iterator<Item = (char, bool)> {
    let mut before = None;
    let mut chars = text.chars().peekable();
    std::iter::from_fn(move || {
        let c = chars.next()?;
        let printed = match c {
            JOINER | NON_JOINER => is_part_of_a_word(before, c, chars.peek().copied()),
            _ => is_plain(c),
        };
        before = Some(c);
        Some((c, printed))
    })
}

/// The beginning of a safe text, at most `columns` wide and not cut inside of what is drawn as one character.
fn head(text: &str, columns: usize) -> &str {
    let (mut width, mut end) = (0, 0);
    let most = columns.saturating_add(1).saturating_mul(CLUSTER);
    for cluster in clusters(text) {
        width += cluster.width();
        if width > columns || end + cluster.len() > most {
            break;
        }
        end += cluster.len();
    }
    text.get(..end)
        .unwrap_or_default()
        .trim_end_matches([JOINER, NON_JOINER])
}

/// Bytes of a cluster at most.
const CLUSTER: usize = 64;

/// A letter with its marks, or an emoji with what is joined to it; at most so many bytes, since marks have no
/// width and no end.
fn clusters(text: &str) -> impl Iterator<Item = &str> {
    let mut rest = text;
    std::iter::from_fn(move || {
        let mut before = rest.chars().next()?;
        let mut end = before.len_utf8();
        for c in rest.chars().skip(1) {
            let belongs = before == JOINER
                || c.width().unwrap_or(0) == 0
                || matches!(c, '\u{1f3fb}'..='\u{1f3ff}');
            if !belongs || end + c.len_utf8() > CLUSTER {
                break;
            }
            end += c.len_utf8();
            before = c;
        }
        let (cluster, after) = rest.split_at_checked(end)?;
        rest = after;
        Some(cluster)
    })
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
            // Joiners where they belong to a word or a picture, and where they hide.
            (
                "می\u{200c}خواهم क्\u{200d}ष 👨\u{200d}👩\u{200d}👧",
                "می\u{200c}خواهم क्\u{200d}ष 👨\u{200d}👩\u{200d}👧",
            ),
            ("pay\u{200d}pal \u{200c}", r"pay\u{200d}pal \u{200c}"),
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
        assert!(Sanitized::new(&zalgo).cut(4).as_str().len() < 300);
    }

    #[test]
    fn an_emoji_family_is_two_columns_wide_and_never_cut() {
        let family = "👨\u{200d}👩\u{200d}👧";
        let text = Sanitized::new(&format!("a{family}b"));
        assert_eq!(text.width(), 4);
        for (columns, shown) in [
            (4, format!("a{family}b")),
            (3, "a…".into()),
            (2, "a…".into()),
        ] {
            assert_eq!(text.cut(columns).as_str(), shown);
        }
        // A joiner with nothing behind it would join the mark of the cut.
        assert_eq!(Sanitized::new("می\u{200c}خواهم").cut(3).as_str(), "می…");
    }

    #[test]
    fn long_text_is_broken_between_words_where_there_are_some() {
        for (text, columns, lines) in [
            ("one two three", 7, &["one two", "three"][..]),
            ("one two three", 8, &["one two", "three"]),
            ("onetwothree", 4, &["onet", "woth", "ree"]),
            ("a onetwothree", 4, &["a", "onet", "woth", "ree"]),
            ("日本語", 5, &["日本", "語"]),
            ("日本語", 1, &["日", "本", "語"]),
            ("", 5, &[]),
        ] {
            let wrapped = Sanitized::new(text).wrap(columns);
            let wrapped: Vec<&str> = wrapped.iter().map(Sanitized::as_str).collect();
            assert_eq!(wrapped, lines, "{text} in {columns}");
        }
    }

    fn is_quiet(text: &str) -> bool {
        checked(text).all(|(c, printed)| printed && !c.is_control())
    }

    proptest! {
        #[test]
        fn no_text_yields_a_control_character(text in any::<String>(), raw in any::<Vec<u8>>(), columns in 0usize..40) {
            for text in [text, String::from_utf8_lossy(&raw).into_owned()] {
                let safe = Sanitized::new(&text);
                prop_assert!(is_quiet(safe.as_str()));
                let cut = safe.cut(columns);
                prop_assert!(is_quiet(cut.as_str()) && cut.width() <= columns);
                let lines = safe.wrap(columns.max(2));
                prop_assert!(lines.iter().all(|line| is_quiet(line.as_str()) && line.width() <= columns.max(2)));
                let letters = |text: &str| text.replace([' ', JOINER, NON_JOINER], "");
                let all: String = lines.iter().map(|line| letters(line.as_str())).collect();
                prop_assert_eq!(all, letters(safe.as_str()));
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
