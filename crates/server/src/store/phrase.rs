//! What a person typed into a search: words and phrases, as a query of the index and as a test of one text.
//! Used by `search` and `words`. Knows no SQL but the form of a query of FTS5.

use std::borrow::Cow;

/// A part of a search: words that follow each other; the last may be the beginning of one.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Phrase {
    words: Vec<String>,
    is_prefix: bool,
}

/// What is searched for: all phrases must be there.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Search(Vec<Phrase>);

impl Search {
    /// Reads what a person typed: words, and phrases in quotes.
    pub(crate) fn new(text: &str) -> Self {
        let mut phrases = Vec::new();
        for (at, part) in text.split('"').enumerate() {
            let in_quotes = at % 2 == 1;
            let parts: Vec<&str> = match in_quotes {
                true => vec![part],
                false => part.split_whitespace().collect(),
            };
            for part in parts {
                let words: Vec<String> = words(part).collect();
                if !words.is_empty() {
                    phrases.push(Phrase {
                        words,
                        is_prefix: !in_quotes && part.ends_with('*'),
                    });
                }
            }
        }
        Self(phrases)
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Whether something was typed that has no word, such as `->`: it finds nothing.
    pub(crate) fn is_wordless(text: &str) -> bool {
        !text.trim().is_empty() && Self::new(text).is_empty()
    }

    /// For FTS5: every word is quoted, so nothing of it is read as an operator.
    pub(super) fn to_match(&self) -> String {
        let phrases = self.0.iter().map(|phrase| {
            let star = if phrase.is_prefix { " *" } else { "" };
            format!("\"{}\"{star}", phrase.words.join(" "))
        });
        phrases.collect::<Vec<_>>().join(" AND ")
    }

    /// Whether a text has all phrases.
    pub(super) fn is_in(&self, text: &str) -> bool {
        let all: Vec<String> = words(text).collect();
        self.0.iter().all(|phrase| {
            all.windows(phrase.words.len()).any(|window| {
                let last = phrase.words.len().saturating_sub(1);
                window
                    .iter()
                    .zip(&phrase.words)
                    .enumerate()
                    .all(|(at, (there, wanted))| {
                        there == wanted
                            || (phrase.is_prefix
                                && at == last
                                && there.starts_with(wanted.as_str()))
                    })
            })
        })
    }
}

/// Words as the index has them: letters and digits, in lower case. A sign of a script without spaces is a word.
fn words(text: &str) -> impl Iterator<Item = String> {
    let parts = text.split(|c: char| !c.is_alphanumeric());
    parts.flat_map(signs).map(str::to_lowercase)
}

/// The parts of a word: each sign of a script without spaces, and what is between them.
fn signs(word: &str) -> impl Iterator<Item = &str> {
    let mut rest = word;
    std::iter::from_fn(move || {
        let first = rest.chars().next()?;
        let end = match is_without_spaces(first) {
            true => first.len_utf8(),
            false => rest.find(is_without_spaces).unwrap_or(rest.len()),
        };
        let (part, after) = rest.split_at_checked(end)?;
        rest = after;
        Some(part)
    })
}

/// The text with a space around each sign of a script without spaces: the index takes what is between spaces as one
/// word, so that a word within a sentence of Chinese would not be found.
pub(super) fn spaced(text: &str) -> Cow<'_, str> {
    if text.is_ascii() || !text.contains(is_without_spaces) {
        return Cow::Borrowed(text);
    }
    let mut out = String::with_capacity(text.len().saturating_mul(2));
    for c in text.chars() {
        match is_without_spaces(c) {
            true => out.extend([' ', c, ' ']),
            false => out.push(c),
        }
    }
    Cow::Owned(out)
}

/// Whether words of this sign's script are written without spaces, or with endings that are part of the word.
fn is_without_spaces(c: char) -> bool {
    matches!(c,
        // Thai and Lao, Burmese, Khmer
        '\u{e00}'..='\u{eff}' | '\u{1000}'..='\u{109f}' | '\u{1780}'..='\u{17ff}'
        // Hiragana, Katakana, Han, Hangul
        | '\u{3040}'..='\u{30ff}' | '\u{31f0}'..='\u{31ff}' | '\u{3400}'..='\u{4dbf}' | '\u{4e00}'..='\u{9fff}'
        | '\u{ac00}'..='\u{d7af}' | '\u{f900}'..='\u{faff}' | '\u{ff66}'..='\u{ff9f}' | '\u{20000}'..='\u{3ffff}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn operators_of_the_index_are_words() {
        let search = Search::new("foo AND b*r \"x OR y\" NEAR(a) pre* -no \"");
        assert_eq!(
            search.to_match(),
            r#""foo" AND "and" AND "b r" AND "x or y" AND "near a" AND "pre" * AND "no""#
        );
        assert!(Search::new(" * \" \"").is_empty());
    }

    #[test]
    fn signs_without_spaces_are_words_of_the_index() {
        assert_eq!(spaced("plain text"), "plain text");
        assert_eq!(spaced("später"), "später");
        assert_eq!(spaced("用GPT模型"), " 用 GPT 模  型 ");
        assert_eq!(Search::new("GPT模型").to_match(), "\"gpt 模 型\"");
    }

    #[test]
    fn a_scan_finds_words_phrases_and_beginnings() {
        let text = "Wie spät ist es? The QUICK-brown fox 我想查询北京的天气，用GPT模型";
        for (typed, is_there) in [
            ("spät", true),
            ("quick brown", true),
            ("\"brown fox\"", true),
            ("\"fox brown\"", false),
            ("qui", false),
            ("qui*", true),
            ("quick-brown", true),
            ("fox wolf", false),
            ("天气", true),
            ("北京天气", false),
            ("北京 天气", true),
            ("gpt模型", true),
            ("天気", false),
        ] {
            assert_eq!(Search::new(typed).is_in(text), is_there, "{typed}");
        }
    }
}
