//! The lines of a `.env` file. Nothing is expanded, run or looked up: a key may hold a `$`.
//! Called by `source` with the text of the file; knows no setting.

use std::collections::BTreeMap;

/// The variables of a file, of several of one name the last; or the number of a line that is not `NAME=value`.
///
/// A value is taken as it stands, without the spaces around it and from ` #` on. In single quotes it is
/// taken literally, in double quotes `\n`, `\r`, `\t`, `\"`, `\\` and `\$` are read; both may span lines.
/// `export ` before a name is allowed.
pub(super) fn parse(text: &str) -> Result<BTreeMap<String, String>, usize> {
    // Editors of one system put it there.
    let mut rest = text.strip_prefix('\u{feff}').unwrap_or(text);
    let mut variables = BTreeMap::new();
    let mut number = 1;
    while !rest.is_empty() {
        let (line, _) = split_line(rest);
        let trimmed = line.trim();
        let mut taken = line.len();
        if !trimmed.is_empty() && !trimmed.starts_with('#') {
            let (name, value) = line.split_once('=').ok_or(number)?;
            let name = name.trim();
            let name = name.strip_prefix("export ").map_or(name, str::trim);
            if !is_name(name) {
                return Err(number);
            }
            let padding = value.len() - value.trim_start().len();
            let start = line.len() - value.len() + padding;
            let after = rest.get(start..).ok_or(number)?;
            let (value, length) = match after.chars().next() {
                Some(quote @ ('"' | '\'')) => quoted(after, quote).ok_or(number)?,
                _ => (bare(value.trim_start()).to_owned(), value.len() - padding),
            };
            taken = start + length;
            variables.insert(name.to_owned(), value);
        }
        let done = rest.get(..taken).unwrap_or(rest);
        number += 1 + done.matches('\n').count();
        rest = split_line(rest.get(taken..).unwrap_or_default()).1;
    }
    Ok(variables)
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

/// The value in quotes at the beginning of `text`, and the bytes it takes with them. After them only a
/// comment may stand in their line.
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
                // No escape of ours: a path of Windows, as a rule.
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
    fn values_are_read_as_they_stand() {
        for (line, value) in [
            ("A=b", "b"),
            ("  A =  b c  ", "b c"),
            ("export A=b", "b"),
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
            assert_eq!(parse(line).unwrap()["A"], value, "{line:?}");
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
                assert_eq!(parse(&line).unwrap()["A"], text, "{line}");
            }
        }
    }

    #[test]
    fn a_line_that_is_no_assignment_is_named_by_its_number() {
        for (text, number) in [
            ("A", 1),
            ("A=b\n\nnonsense", 3),
            ("A='one\ntwo'\n=b", 3),
            ("1A=b", 1),
            ("A B=c", 1),
            ("A='b", 1),
            ("A='b' c", 1),
            ("A=\"b\\", 1),
        ] {
            assert_eq!(parse(text), Err(number), "{text:?}");
        }
    }

    proptest! {
        #[test]
        fn any_text_is_read_or_refused(text in any::<String>(), lines in "([A-C]=|'|\"|\\\\|#|\n|\r|x| )*") {
            let _ = parse(&text);
            let _ = parse(&lines);
        }

        #[test]
        fn a_value_in_single_quotes_is_what_it_was(value in "[^']*", other in "[a-z]{0,4}") {
            let read = parse(&format!("A='{value}'\nB={other}")).unwrap();
            prop_assert_eq!(&read["A"], &value);
            prop_assert_eq!(&read["B"], &other);
        }
    }
}
