//! Text in the form that Langfuse needs: messages of one line, keys, environments, small JSON objects; and warnings about
//! values that the server or the official SDKs drop. Used by `mapping` and `score`.

use std::borrow::Cow;
use std::fmt::Write as _;
use std::sync::atomic::{AtomicBool, Ordering};

use tracefuse_exporter::contain::log_line;
use tracefuse_exporter::record::{LinkRef, Timestamp, TraceAttributes, ValueRef};

use crate::config::stored_environment;

/// Text that is borrowed in most cases.
pub(crate) type Text<'a> = Cow<'a, str>;

/// How many characters of a message are kept: what fits the badge in the UI.
const MESSAGE: usize = 500;

/// A message on one line, cut to what fits. Line breaks and other control characters become spaces.
pub(crate) fn one_line(text: &str) -> Text<'_> {
    let text = text.trim();
    let long = text.chars().nth(MESSAGE).is_some();
    let breaks = |c: char| c.is_control() || matches!(c, '\u{2028}' | '\u{2029}');
    if !long && !text.contains(breaks) {
        return Cow::Borrowed(text);
    }
    let mut line = String::with_capacity(text.len().min(4 * MESSAGE) + 3);
    for c in text.chars().take(MESSAGE) {
        if !breaks(c) {
            line.push(c);
        } else if !line.ends_with(' ') {
            line.push(' ');
        }
    }
    if long {
        line.push('…');
    }
    Cow::Owned(line)
}

/// A key of metadata that the server keeps: it drops an empty one, and exactly `__proto__` (`docs/langfuse.md` 2.3).
pub(crate) fn safe_key(key: &str) -> &str {
    match key {
        "" => "_",
        "__proto__" => "__proto___",
        key => key,
    }
}

/// A user's key that is also one of our keys: with an underscore at its end.
pub(crate) fn renamed(key: &str) -> Text<'_> {
    Cow::Owned(format!("{key}_"))
}

/// A time as the official SDKs write it: RFC 3339 with microseconds.
pub(crate) fn micros(out: &mut String, time: Timestamp) -> &str {
    out.clear();
    let _ = write!(out, "{time}");
    // Nanoseconds end in `nnnZ`.
    out.truncate(out.len().saturating_sub(4));
    out.push('Z');
    out
}

/// Whether a text begins and ends as JSON does. A cheap check that may say yes for text that is no JSON.
pub(crate) fn may_be_json(text: &str) -> bool {
    // Only the four characters that JSON allows as white space.
    let mut bytes = text.as_bytes();
    while let [b' ' | b'\t' | b'\n' | b'\r', rest @ ..]
    | [rest @ .., b' ' | b'\t' | b'\n' | b'\r'] = bytes
    {
        bytes = rest;
    }
    match bytes {
        [b'"', .., b'"'] | [b'{', .., b'}'] | [b'[', .., b']'] => true,
        [b'-' | b'0'..=b'9', .., last] => last.is_ascii_digit(),
        [digit] => digit.is_ascii_digit(),
        word => matches!(word, b"true" | b"false" | b"null"),
    }
}

/// Whether a text is JSON: the server would read it back as what the JSON says and not as a text.
pub(crate) fn reads_as_json(text: &str) -> bool {
    may_be_json(text) && serde_json::from_str::<serde::de::IgnoredAny>(text).is_ok()
}

/// An environment as the server stores it; `None` for a name of which the server would make `default`. That is said in
/// the log, once.
pub(crate) fn environment(name: &str) -> Option<Text<'_>> {
    static WARNED: AtomicBool = AtomicBool::new(false);
    environment_or_warn(name, &WARNED)
}

fn environment_or_warn<'a>(name: &'a str, warned: &AtomicBool) -> Option<Text<'a>> {
    let stored = stored_environment(name);
    if stored != "default" || name.eq_ignore_ascii_case("default") {
        return Some(stored);
    }
    if !name.is_empty() && !warned.swap(true, Ordering::Relaxed) {
        log_line(|| {
            tracing::warn!(
                target: "tracefuse", environment = name,
                "an environment is not sent: expected lower-case letters, digits, `-` and `_`; the tracer's own is used instead"
            );
        });
    }
    None
}

/// Logs, once per reason, that a prompt will not be linked. Langfuse drops such a link silently.
pub(crate) fn warn_of_prompt(is_generation: bool, version: u32) {
    static WARNED: [AtomicBool; 2] = [const { AtomicBool::new(false) }; 2];
    warn_of_prompt_once(is_generation, version, &WARNED);
}

fn warn_of_prompt_once(is_generation: bool, version: u32, warned: &[AtomicBool; 2]) {
    let reasons = [
        (!is_generation, "the observation is no generation"),
        (
            !(1..=PROMPT_VERSIONS).contains(&version),
            "its version is not from 1 to 32767",
        ),
    ];
    for ((applies, reason), warned) in reasons.into_iter().zip(warned) {
        if applies && !warned.swap(true, Ordering::Relaxed) {
            log_line(|| {
                tracing::warn!(
                    target: "tracefuse", reason, version,
                    "a prompt is not linked; it is sent as metadata instead"
                );
            });
        }
    }
}

/// The largest version of a prompt that the server links.
pub(crate) const PROMPT_VERSIONS: u32 = 32_767;

/// Appends a text as JSON.
pub(crate) fn quote(out: &mut String, text: &str) {
    let as_it_is = |byte: u8| byte >= b' ' && byte != b'"' && byte != b'\\';
    if text.bytes().all(as_it_is) {
        out.push('"');
        out.push_str(text);
        out.push('"');
        return;
    }
    // Writing a text as JSON into memory does not fail.
    if let Ok(json) = serde_json::to_string(text) {
        out.push_str(&json);
    }
}

/// A JSON object of scalars; `None` if it is empty.
pub(crate) fn object<'a, 's>(
    out: &'s mut String,
    entries: impl Iterator<Item = (&'a str, ValueRef<'a>)>,
) -> Option<&'s str> {
    out.clear();
    for (key, value) in entries {
        out.push(if out.is_empty() { '{' } else { ',' });
        quote(out, key);
        out.push(':');
        match value {
            ValueRef::Str(text) => quote(out, text),
            ValueRef::F64(v) if !v.is_finite() => {
                let _ = write!(out, "\"{value}\"");
            }
            value => {
                let _ = write!(out, "{value}");
            }
        }
    }
    close(out, '}')
}

/// A JSON array of texts; `None` if it is empty.
pub(crate) fn array<'a, 's>(
    out: &'s mut String,
    texts: impl Iterator<Item = &'a str>,
) -> Option<&'s str> {
    out.clear();
    for text in texts {
        out.push(if out.is_empty() { '[' } else { ',' });
        quote(out, text);
    }
    close(out, ']')
}

/// Links as a JSON array of objects: `trace_id`, `span_id`, and `metadata` if there is any.
pub(crate) fn links<'s>(out: &'s mut String, links: &[LinkRef<'_>]) -> &'s str {
    let mut of_link = String::new();
    out.clear();
    for link in links {
        out.push(if out.is_empty() { '[' } else { ',' });
        let (trace, span) = (link.trace_id(), link.span_id());
        let _ = write!(out, "{{\"trace_id\":\"{trace}\",\"span_id\":\"{span}\"");
        if let Some(metadata) = object(&mut of_link, link.metadata()) {
            out.push_str(",\"metadata\":");
            out.push_str(metadata);
        }
        out.push('}');
    }
    out.push(']');
    out
}

fn close(out: &mut String, bracket: char) -> Option<&str> {
    if out.is_empty() {
        return None;
    }
    out.push(bracket);
    Some(out)
}

/// The longest value that the official SDKs send, in characters. The server stores longer ones.
const LONG: usize = 200;

/// Logs, once per field and process, that a value is longer than the official SDKs allow.
pub(crate) fn warn_if_long(trace: &TraceAttributes) {
    static WARNED: [AtomicBool; 4] = [const { AtomicBool::new(false) }; 4];
    warn_if_long_once(trace, &WARNED);
}

fn warn_if_long_once(trace: &TraceAttributes, warned: &[AtomicBool; 4]) {
    let fields = [
        ("trace name", std::slice::from_ref(&trace.name)),
        ("user id", trace.user_id.as_slice()),
        ("session id", trace.session_id.as_slice()),
        ("tag", trace.tags.as_slice()),
    ];
    for ((field, values), warned) in fields.into_iter().zip(warned) {
        let long = values.iter().any(|value| value.chars().nth(LONG).is_some());
        if long && !warned.swap(true, Ordering::Relaxed) {
            log_line(|| {
                tracing::warn!(
                    target: "tracefuse", field,
                    "a value is longer than 200 characters: it is sent, but Langfuse's own SDKs refuse such values"
                );
            });
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::Lines;

    #[test]
    fn an_environment_that_is_not_sent_is_logged_once() {
        let (lines, _guard) = Lines::collect();
        let warned = AtomicBool::new(false);
        for name in ["production", "default", "Default", "langfuse-eu", ""] {
            environment_or_warn(name, &warned);
        }
        assert!(lines.of("environment").is_empty());
        for name in ["Prod.EU", "langfuse"] {
            assert_eq!(environment_or_warn(name, &warned), None);
        }
        assert_eq!(lines.of("environment"), ["Prod.EU"]);
    }

    #[test]
    fn a_prompt_that_is_not_linked_is_logged_once_a_reason() {
        let (lines, _guard) = Lines::collect();
        let warned = [const { AtomicBool::new(false) }; 2];
        for version in [1, 32_767] {
            warn_of_prompt_once(true, version, &warned);
        }
        assert!(lines.of("reason").is_empty());
        for (is_generation, version) in [(true, 0), (true, 32_768), (false, 1), (false, 0)] {
            warn_of_prompt_once(is_generation, version, &warned);
        }
        assert_eq!(
            lines.of("reason"),
            [
                "its version is not from 1 to 32767",
                "the observation is no generation"
            ]
        );
        assert_eq!(lines.of("version"), ["0", "1"]);
        warn_of_prompt(false, 0);
        assert_eq!(lines.of("reason").len(), 4, "no other test gives a reason");
    }

    #[test]
    fn a_long_value_is_logged_once_a_field() {
        let (lines, _guard) = Lines::collect();
        let warned = [const { AtomicBool::new(false) }; 4];
        for (length, c) in [(200, 'x'), (200, 'ü'), (201, 'x'), (201, 'ü')] {
            let mut trace = TraceAttributes::default();
            trace.session_id = Some(c.to_string().repeat(length));
            warn_if_long_once(&trace, &warned);
            assert_eq!(lines.of("field").len(), usize::from(length > 200), "{c}");
        }
        assert_eq!(lines.of("field"), ["session id"]);
    }

    #[test]
    fn a_quoted_text_is_what_serde_json_writes() {
        for text in [
            "",
            "a",
            " ",
            "\n",
            "\u{1f}",
            "\u{7f}",
            "\"",
            "\"\"",
            "\\",
            "ü/",
            "a\"b\\c\td",
        ] {
            let mut out = String::from("before ");
            quote(&mut out, text);
            let json = serde_json::to_string(text).unwrap();
            assert_eq!(out, format!("before {json}"));
        }
    }

    #[test]
    fn keys_that_the_server_drops_are_renamed_and_others_left() {
        for (key, safe) in [
            ("a.b", "a.b"),
            ("__proto__", "__proto___"),
            ("x.__proto__", "x.__proto__"),
            ("constructor", "constructor"),
            ("prototype.x", "prototype.x"),
            ("", "_"),
        ] {
            assert_eq!(safe_key(key), safe);
        }
    }

    #[test]
    fn text_that_is_json_is_distinguished_from_other_text() {
        let long = format!("\"{}\"", "x".repeat(10_000));
        for text in [
            "5",
            "0",
            "-1.5e3",
            "1e999",
            "true",
            "null",
            "\"x\"",
            "\"\"",
            " 7\n",
            &long,
            "{}",
            "[]",
            "{\"a\":1}",
            "[1]",
            " { \"a\" : [ ] } ",
        ] {
            assert!(reads_as_json(text), "{text}");
        }
        for text in [
            "",
            "\"",
            "\"a\"b\"",
            "007",
            "+1",
            "\u{a0}5",
            "2024-01-01",
            "5a",
            "truth",
            "-",
            "nul",
            "1.2.3",
            "{",
            "{a}",
            "[1,]",
            "{} {}",
            "[1] and [2]",
        ] {
            assert!(!reads_as_json(text), "{text}");
        }
    }

    #[test]
    fn an_environment_is_sent_as_the_server_keeps_it() {
        for (name, kept) in [
            ("production", Some("production")),
            ("Production", Some("production")),
            ("langfuse-langfuse_x", Some("x")),
            ("LANGFUSEeu", Some("eu")),
            ("Prod.EU", None),
            ("langfuse", None),
            ("", None),
            ("prod eu", None),
            ("ÜMLAUT", None),
        ] {
            assert_eq!(environment(name).as_deref(), kept, "{name}");
        }
        assert_eq!(environment(&"X".repeat(50)).unwrap(), "x".repeat(40));
    }

    #[test]
    fn messages_fit_on_one_line() {
        assert_eq!(one_line("a\r\nb\tc\u{2028}d\n"), "a b c d");
        assert_eq!(one_line("as it is"), "as it is");
        assert_eq!(one_line(&"é".repeat(600)).chars().count(), 501);
    }

    #[test]
    fn objects_are_json_whatever_is_in_them() {
        let mut out = String::new();
        let entries = [
            ("a\"", ValueRef::Str("x\n")),
            ("n", ValueRef::F64(f64::NAN)),
            ("j", ValueRef::Json("[1]")),
            ("u", ValueRef::U64(1)),
        ];
        assert_eq!(
            object(&mut out, entries.into_iter()),
            Some(r#"{"a\"":"x\n","n":"NaN","j":[1],"u":1}"#)
        );
        assert_eq!(object(&mut out, [].into_iter()), None);
        assert_eq!(
            array(&mut out, ["a", "b"].into_iter()),
            Some(r#"["a","b"]"#)
        );
    }
}
