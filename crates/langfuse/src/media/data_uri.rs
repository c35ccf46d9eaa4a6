//! Data URIs in text (RFC 2397), as far as they are base64: the whole text, or a part of it as in Markdown.
//! Called by `find`. A data URI whose end is in doubt is not found, so that it stays whole.

use std::ops::Range;

use super::base64::{self, reads_as_word};

/// A data URI in a text.
#[derive(Debug)]
pub(super) struct DataUri<'a> {
    pub(super) range: Range<usize>,
    pub(super) mime: &'a str,
    pub(super) bytes: Vec<u8>,
}

/// What is between the head and the base64, in any case.
const MARK: &str = ";base64,";
/// What a head takes at most: `data:`, a type, a few parameters.
const LONGEST_HEAD: usize = 256;

/// Where a text has what may be between the head and the base64 of a data URI.
fn marks(text: &str) -> impl Iterator<Item = usize> {
    let semicolons = memchr::memchr_iter(b';', text.as_bytes());
    semicolons.filter(|at| begins_with_mark(text.as_bytes(), *at))
}

/// Whether the mark is there, whose first byte is a semicolon.
pub(super) fn begins_with_mark(text: &[u8], at: usize) -> bool {
    let mark = text.get(at..at + MARK.len());
    mark.is_some_and(|mark| mark.eq_ignore_ascii_case(MARK.as_bytes()))
}

/// All data URIs of a text, in its order.
pub(super) fn find(text: &str) -> Vec<DataUri<'_>> {
    let mut found: Vec<DataUri<'_>> = Vec::new();
    for mark in marks(text) {
        let done = found.last().map_or(0, |last| last.range.end);
        if mark >= done
            && let Some(uri) = at_mark(text, done, mark)
        {
            found.push(uri);
        }
    }
    found
}

fn at_mark(text: &str, done: usize, mark: usize) -> Option<DataUri<'_>> {
    let earliest = done.max(mark.saturating_sub(LONGEST_HEAD));
    let from = (earliest..mark).find(|at| text.is_char_boundary(*at))?;
    let start = from + text.get(from..mark)?.to_ascii_lowercase().rfind("data:")?;
    let head = text.get(start + "data:".len()..mark)?;
    let in_head = |c: char| c.is_ascii_alphanumeric() || "!#$&^_.+-/;=*'\"".contains(c);
    let before = text.get(..start)?.chars().next_back();
    // `metadata:` is no scheme.
    if !head.chars().all(in_head) || before.is_some_and(|c| c.is_alphanumeric()) {
        return None;
    }
    let body = mark + MARK.len();
    let rest = text.get(body..)?;
    let length = match before.and_then(closing) {
        Some(closing) => enclosed(rest, closing)?,
        None => open(rest)?,
    };
    let bytes = base64::decode(rest.get(..length)?)?;
    Some(DataUri {
        range: start..body + length,
        mime: head.split(';').next().unwrap_or_default(),
        bytes,
    })
}

/// The character that must end a data URI which comes after this one.
fn closing(opening: char) -> Option<char> {
    Some(match opening {
        '(' => ')',
        '[' => ']',
        '<' => '>',
        '"' | '\'' | '`' => opening,
        _ => return None,
    })
}

/// The base64 up to the closing sign, line ends included. In Markdown a title may come before that sign.
fn enclosed(rest: &str, closing: char) -> Option<usize> {
    let inside = |c: char| c.is_ascii_alphanumeric() || "+/=-_%\n\r\t ".contains(c);
    let end = rest.find(|c| !inside(c))?;
    let body = rest.get(..end)?.trim_end();
    let stopped_by = rest.get(end..)?.chars().next()?;
    let title = closing == ')' && matches!(stopped_by, '"' | '\'') && body.len() < end;
    (stopped_by == closing || title).then_some(body.len())
}

/// The base64 that nothing encloses: a run of digits, and further lines if they are as long as the first.
fn open(rest: &str) -> Option<usize> {
    let whole = rest.trim_end();
    if whole.chars().all(|c| is_digit(c) || "=-_%".contains(c)) {
        return Some(whole.len());
    }
    let first = digits(rest);
    let mut end = first;
    let mut last = first;
    while !rest.get(..end)?.ends_with('=')
        && let Some((line, line_end)) = next_line(rest, end)
        && line < line_end
    {
        let digits = rest.get(line..line_end)?;
        let alone = matches!(
            rest.get(line_end..)?.chars().next(),
            None | Some('\r' | '\n')
        );
        let padded = digits.ends_with('=');
        let reads_as_word = reads_as_word(digits.as_bytes()) && digits.len() < first;
        if !alone && reads_as_word {
            // Words follow.
            break;
        }
        // Continued only in lines of equal length, the last one not longer. Else its end is not known.
        if last != first || digits.len() > first || reads_as_word || !alone && !padded {
            return None;
        }
        (end, last) = (line_end, digits.len());
    }
    let after = rest.get(end..)?;
    let ends = match after.chars().next() {
        None => true,
        // Something was left out here: the base64 is not whole.
        Some('.') => !after.starts_with(".."),
        Some(c) => c.is_whitespace() || ",;:!?)]}>\"'`*|<".contains(c),
    };
    ends.then_some(end)
}

fn is_digit(c: char) -> bool {
    c.is_ascii_alphanumeric() || c == '+' || c == '/'
}

/// Digits at the beginning of a text, padding included.
fn digits(text: &str) -> usize {
    let end = text.find(|c| !is_digit(c)).unwrap_or(text.len());
    let rest = text.get(end..).unwrap_or_default();
    end + rest
        .bytes()
        .take(2)
        .take_while(|byte| *byte == b'=')
        .count()
}

/// Where the line after the one that ends at `end` begins, and where its digits end.
fn next_line(text: &str, end: usize) -> Option<(usize, usize)> {
    let rest = text.get(end..)?;
    let after = rest
        .strip_prefix("\r\n")
        .or_else(|| rest.strip_prefix('\n'))?;
    let line = text.len() - after.len();
    Some((line, line + digits(after)))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The text with `@` in the place of each data URI.
    fn swapped(text: &str) -> String {
        let mut new = text.to_owned();
        for uri in find(text).into_iter().rev() {
            new.replace_range(uri.range, "@");
        }
        new
    }

    #[test]
    fn data_uris_are_found_inside_of_text() {
        let wrapped = format!(
            "{}\n{}\n{}",
            "iVBORw0K".repeat(8),
            "AAAABBB1".repeat(8),
            "aGVsbG8="
        );
        for (text, expected) in [
            ("data:image/png;base64,aGVsbG8=", "@"),
            ("  data:image/png;base64,aGVsbG8=\n", "  @\n"),
            (
                "see ![a](data:image/png;base64,aGVsbG8=), please",
                "see ![a](@), please",
            ),
            (
                "![a](data:image/png;base64,aGVsbG8= \"title\")",
                "![a](@ \"title\")",
            ),
            (
                "<img src=\"data:image/png;base64,aGVs\nbG8=\">",
                "<img src=\"@\">",
            ),
            ("url(data:image/gif;name=\"x\";base64,aGVsbG8=)", "url(@)"),
            (
                "one data:image/png;base64,aGVsbG8= two data:image/png;base64,d29ybGQ=.",
                "one @ two @.",
            ),
            (
                "data:image/png;base64,aGVsbG8=\nThe picture shows a dog",
                "@\nThe picture shows a dog",
            ),
            ("data:image/png;base64,-_-_-_8=", "@"),
            ("data:image/png;base64,aGVsbG8%3D", "@"),
            (
                "data:image/png;base64,iVBORw0KGgoA\nThe picture shows a dog",
                "@\nThe picture shows a dog",
            ),
            (
                "data:image/png;base64,iVBORw0KGgoA\n\nThe picture",
                "@\n\nThe picture",
            ),
            ("<data:image/png;base64,aGVs bG8=>", "<@>"),
            ("[data:image/png;base64,aGVs bG8=]", "[@]"),
            // Scheme and extension are read in any case (RFC 3986, 3.1; the URL standard of WHATWG).
            ("DATA:image/png;BASE64,aGVsbG8=", "@"),
            (
                "a; b;base64; <img src='Data:;Base64,aGVsbG8='>",
                "a; b;base64; <img src='@'>",
            ),
        ] {
            assert_eq!(swapped(text), expected, "{text}");
        }
        assert_eq!(swapped(&format!("data:image/png;base64,{wrapped}")), "@");
        assert_eq!(
            swapped(&format!("a data:image/png;base64,{wrapped}\nand b")),
            "a @\nand b"
        );
        let crlf = wrapped.replace('\n', "\r\n");
        assert_eq!(swapped(&format!("(data:image/png;base64,{crlf})")), "(@)");
        assert_eq!(
            swapped(&format!("data:image/png;base64,{crlf}\r\n")),
            "@\r\n"
        );
    }

    #[test]
    fn a_head_may_come_after_long_characters() {
        for shift in 0..4 {
            // The first byte that a head may have is within a character.
            let before = format!("{}{} ", "🦀".repeat(100), "x".repeat(shift));
            assert_eq!(
                swapped(&format!("{before}data:image/png;base64,aGVsbG8=")),
                format!("{before}@")
            );
        }
    }

    #[test]
    fn a_head_has_a_bound() {
        let uri = |len: usize| {
            let name = "x".repeat(len - "data:a/b;n=".len());
            format!("data:a/b;n={name};base64,aGVsbG8=")
        };
        assert_eq!(swapped(&uri(LONGEST_HEAD)), "@");
        assert_eq!(swapped(&uri(LONGEST_HEAD + 1)), uri(LONGEST_HEAD + 1));
    }

    #[test]
    fn what_has_no_certain_end_stays_whole() {
        let long = "iVBORw0K".repeat(30);
        for text in [
            "a text about ;base64, and data:",
            "data:text/plain,hello;base64,",
            "data:image/png;base64,not base64!",
            "data:image/png;base64,iVBORw0KGgo...",
            "data:image/png;base64,iVBORw0KGgo…[cut]",
            "data:image/png;base64,user",
            "metadata:image/png;base64,aGVsbG8=",
            "(data:image/png;base64,aGVsbG8=",
            "(data:image/png;base64,aGVsbG8=]",
            "(data:image/png;base64,aGVsbG8= ]",
            "(data:image/png;base64,aGVsbG8=\"title\")",
            "<data:image/png;base64,aGVsbG8= \"title\">",
            "data:image/png;base64,",
            "data:image/png;base64, x",
            "(data:image/png;base64,)",
            "data:ü;base64,aGVsbG8=",
        ] {
            assert_eq!(swapped(text), text);
        }
        for text in [
            format!("data:image/png;base64,{long}\nthanks"),
            format!("data:image/png;base64,{long}\nthat"),
            format!("data:image/png;base64,{long}\n{long}AAAA\nx y"),
            format!("data:image/png;base64,{long}\niVBORw0K\niVBORw0K\nx y"),
            format!("data:image/png;base64,{long}\n{long}A\nx y"),
            format!("data:image/png;base64,{long}\n{long} and more"),
            format!("data:image/png;base64,{long}%2B and more"),
            format!("data:image/png;base64,{long}_ and more"),
        ] {
            assert_eq!(swapped(&text), text);
        }
    }
}
