//! The lines of a `.env` file. Nothing is expanded, executed or looked up: a key may contain a `$`.
//! Called by `layers` with the text of the file; knows no setting.

use std::collections::BTreeMap;

/// What a file contains.
#[derive(Debug, Default, PartialEq)]
pub(super) struct Dotenv {
    /// The variables; of several of one name the last.
    pub(super) variables: BTreeMap<String, String>,
    /// The lines that are neither `NAME=value` nor a comment. They are skipped one by one: other programs that read the
    /// file may understand them.
    pub(super) broken: Vec<Broken>,
}

/// A line that is not `NAME=value`.
#[derive(Debug, PartialEq)]
pub(super) struct Broken {
    pub(super) number: usize,
    /// Its first characters, so that the caller can see whose line it is.
    pub(super) beginning: String,
}

/// Reads a file.
///
/// A value is what follows `=`, without the spaces around it and without a comment that begins with ` #`. In single
/// quotes it is literal, in double quotes `\n`, `\r`, `\t`, `\"`, `\\` and `\$` are escapes; both may span lines.
/// `export ` before a name is allowed.
pub(super) fn parse(text: &str) -> Dotenv {
    // A byte order mark, as editors on Windows write it.
    let mut rest = text.strip_prefix('\u{feff}').unwrap_or(text);
    let mut file = Dotenv::default();
    let mut number = 1;
    while !rest.is_empty() {
        let (line, _) = split_line(rest);
        let trimmed = line.trim();
        let mut taken = line.len();
        if !trimmed.is_empty() && !trimmed.starts_with('#') {
            match assignment(rest, line) {
                Some((name, value, length)) => {
                    taken = length;
                    file.variables.insert(name, value);
                }
                None => file.broken.push(Broken {
                    number,
                    beginning: trimmed.chars().take(40).collect(),
                }),
            }
        }
        let done = rest.get(..taken).unwrap_or(rest);
        number += 1 + done.matches('\n').count();
        rest = split_line(rest.get(taken..).unwrap_or_default()).1;
    }
    file
}

/// Name and value of the assignment at the beginning of `text`, and its length in bytes. `line` is its first line.
fn assignment(text: &str, line: &str) -> Option<(String, String, usize)> {
    let (name, value) = line.split_once('=')?;
    let name = without_export(name);
    if !is_name(name) {
        return None;
    }
    let padding = value.len() - value.trim_start().len();
    let start = line.len() - value.len() + padding;
    let after = text.get(start..)?;
    let (value, length) = match after.chars().next() {
        Some(quote @ ('"' | '\'')) => quoted(after, quote)?,
        _ => (bare(value.trim_start()).to_owned(), value.len() - padding),
    };
    Some((name.to_owned(), value, start + length))
}

/// A name, or the beginning of a line, without the `export` before it.
pub(super) fn without_export(text: &str) -> &str {
    let text = text.trim();
    let exported = text.strip_prefix("export");
    let exported = exported.filter(|rest| rest.starts_with(char::is_whitespace));
    exported.map_or(text, str::trim)
}

/// The line without its end, and what comes after.
fn split_line(text: &str) -> (&str, &str) {
    let (line, rest) = text.split_once('\n').unwrap_or((text, ""));
    (line, rest)
}

fn is_name(name: &str) -> bool {
    let inner = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '.' | '-');
    name.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_') && name.chars().all(inner)
}

/// A value without quotes ends where a comment begins, and with the line.
fn bare(value: &str) -> &str {
    let comment = value
        .char_indices()
        .zip(std::iter::once(' ').chain(value.chars()))
        .find(|((_, c), before)| *c == '#' && before.is_whitespace())
        .map(|((at, _), _)| at);
    value
        .get(..comment.unwrap_or(value.len()))
        .unwrap_or(value)
        .trim()
}

/// The value in quotes at the beginning of `text`, and its length in bytes with the quotes. Only a comment may follow in
/// the same line.
fn quoted(text: &str, quote: char) -> Option<(String, usize)> {
    let mut value = String::new();
    let mut characters = text.char_indices().skip(1);
    while let Some((at, c)) = characters.next() {
        if c == quote {
            let (line, _) = split_line(text.get(at + 1..)?);
            let tail = line.trim();
            let end = at + 1 + line.len();
            return (tail.is_empty() || tail.starts_with('#')).then_some((value, end));
        }
        if c == '\\' && quote == '"' {
            match characters.next()?.1 {
                'n' => value.push('\n'),
                'r' => value.push('\r'),
                't' => value.push('\t'),
                same @ ('"' | '\\' | '$' | '\'') => value.push(same),
                // Not an escape: mostly a path of Windows.
                other => value.extend(['\\', other]),
            }
        } else {
            value.push(c);
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn values_are_read_literally() {
        for (line, value) in [
            ("A=b", "b"),
            ("  A =  b c  ", "b c"),
            ("export A=b", "b"),
            ("export\t A=b", "b"),
            ("A=", ""),
            ("A=# nothing", ""),
            ("A=b # comment", "b"),
            ("A=b#c", "b#c"),
            ("A=b=c==", "b=c=="),
            ("A='b # \\n c' # comment", "b # \\n c"),
            ("A=\"b \\\"c\\\"\\n\\td\"", "b \"c\"\n\td"),
            ("A=\"C:\\dir\"", "C:\\dir"),
            ("A=b\r", "b"),
            ("\u{feff}A=b", "b"),
            ("# A=c\n\nA=b\n", "b"),
            ("A=c\nA=b", "b"),
            ("A='one\ntwo'\n", "one\ntwo"),
        ] {
            let file = parse(line);
            assert_eq!(file.variables["A"], value, "{line:?}");
            assert_eq!(file.broken, [], "{line:?}");
        }
    }

    #[test]
    fn nothing_is_expanded_and_nothing_is_run() {
        for text in [
            "$HOME", "${HOME}", "a$PATH", "$(id)", "`id`", "~/x", "%PATH%", "!1",
        ] {
            for line in [
                format!("A={text}"),
                format!("A='{text}'"),
                format!("A=\"{text}\""),
            ] {
                assert_eq!(parse(&line).variables["A"], text, "{line}");
            }
        }
    }

    #[test]
    fn a_line_that_is_no_assignment_is_skipped_alone() {
        for (text, numbers) in [
            ("FOO\nA=b", vec![1]),
            ("A=b\n\nnonsense", vec![3]),
            ("B='one\ntwo'\n=b\nA=b", vec![3]),
            ("1A=b\nA=b\nA B=c", vec![1, 3]),
            ("X='it''s'\nA=b", vec![1]),
            ("X='b\nA=b", vec![1]),
            ("X=\"b\\\nA=b", vec![1]),
            ("key: value\n- item\nA=b", vec![1, 2]),
            ("exporter A=c\nA=b", vec![1]),
        ] {
            let file = parse(text);
            let broken: Vec<usize> = file.broken.iter().map(|line| line.number).collect();
            assert_eq!(broken, numbers, "{text:?}");
            assert_eq!(file.variables["A"], "b", "{text:?}");
        }
        assert_eq!(
            parse("LANGFUSE_HOST x").broken[0].beginning,
            "LANGFUSE_HOST x"
        );
    }

    proptest! {
        #[test]
        fn any_text_is_read_or_refused(text in any::<String>(), lines in "([A-C]=|'|\"|\\\\|#|\n|\r|x| )*") {
            let _ = parse(&text);
            let _ = parse(&lines);
        }

        #[test]
        fn a_value_in_single_quotes_is_what_it_was(value in "[^']*", other in "[a-z]{0,4}") {
            let read = parse(&format!("A='{value}'\nB={other}")).variables;
            prop_assert_eq!(&read["A"], &value);
            prop_assert_eq!(&read["B"], &other);
        }
    }
}
