//! JSON objects out of text that arrives in pieces: server-sent events (`data: {..}`), a line for each object, or
//! one array of objects. Called by `assembly` for items that are text. Must not know what the objects mean.

use serde_json::Value;

use crate::llm::lenient;

/// Text that waits for its end. More is discarded: an object of this size is no chunk.
const MAX_WAITING: usize = 64 * 1024 * 1024;

/// What is kept of a body in which no object was found.
const MAX_BODY: usize = 64 * 1024;

/// Fields of server-sent events, and the comment.
const FIELDS: &[&str] = &["data:", "event:", "id:", "retry:", ":"];

#[derive(Default)]
pub(super) struct Pieces {
    /// What may be the beginning of an object or of a line.
    waiting: String,
    /// The beginning of the text, as long as no object was found.
    body: String,
    found: bool,
}

/// What a piece of text has completed.
#[derive(Default)]
pub(super) struct Found {
    pub(super) values: Vec<Value>,
    /// `[DONE]`, the end of a stream of OpenAI's language.
    pub(super) done: bool,
}

impl Pieces {
    pub(super) fn push(&mut self, piece: &str) -> Found {
        let mut found = Found::default();
        if !self.found {
            let room = MAX_BODY.saturating_sub(self.body.len());
            self.body.extend(piece.chars().take(room));
        }
        // A stream of lines has no line ends: a field begins a line.
        let in_object = self.waiting.starts_with('{');
        let in_field = FIELDS.iter().any(|field| field.starts_with(&self.waiting));
        if !in_object && !in_field && FIELDS.iter().any(|field| piece.starts_with(field)) {
            self.waiting.clear();
        }
        self.waiting.push_str(piece);
        if self.waiting.len() > MAX_WAITING {
            self.waiting.clear();
        }
        if in_object && !piece.contains('}') {
            return found;
        }
        let used = take(&self.waiting, &mut found);
        self.waiting.drain(..used);
        self.found |= found.done || !found.values.is_empty();
        found
    }

    /// The text, if there was no object in it.
    pub(super) fn body(self) -> Option<String> {
        (!self.found && !self.body.trim().is_empty()).then_some(self.body)
    }
}

/// Takes the objects off the front of `text`. Returns how much of it is done with.
fn take(text: &str, found: &mut Found) -> usize {
    let mut rest = text;
    loop {
        rest = rest.trim_start_matches(|c: char| c.is_whitespace() || c == ',' || c == '\u{feff}');
        if let Some(value) = rest.strip_prefix("data:") {
            rest = value;
        } else if let Some(after) = rest.strip_prefix("[DONE]") {
            found.done = true;
            rest = after;
        } else if rest.is_empty() || "[DONE]".starts_with(rest) {
            break;
        } else if rest.starts_with('{') {
            let mut values = serde_json::Deserializer::from_str(rest).into_iter::<Value>();
            match values.next() {
                Some(Ok(value)) => {
                    found.values.push(value);
                    let used = values.byte_offset();
                    rest = rest.get(used..).unwrap_or_default();
                }
                Some(Err(error)) if error.is_eof() => break,
                _ => match over_lines(rest) {
                    Lines::Whole(value, after) => {
                        found.values.push(value);
                        rest = after;
                    }
                    Lines::Unfinished => break,
                    Lines::No => {
                        let line = rest.split(LINE_END).next().unwrap_or_default();
                        if let Some(value) = lenient::parse(line) {
                            found.values.push(value);
                            rest = rest.get(line.len()..).unwrap_or_default();
                        } else if let Some(after) = after_line(rest) {
                            rest = after;
                        } else {
                            break;
                        }
                    }
                },
            }
        } else if let Some(after) = rest.strip_prefix(['[', ']']) {
            rest = after;
        } else {
            match after_line(rest) {
                Some(after) => rest = after,
                None => break,
            }
        }
    }
    text.len() - rest.len()
}

/// What comes after the first line, from its end on. An item that is a line has no end: the next one begins with its field.
fn after_line(text: &str) -> Option<&str> {
    match text.find(LINE_END) {
        Some(end) => text.get(end..),
        None => text.get(text.find("data:")?..),
    }
}

/// The end of a line: `\n`, `\r\n` or `\r` (HTML, 9.2.5). The second is read as two ends.
const LINE_END: [char; 2] = ['\n', '\r'];

/// An object over several `data:` lines of one event.
enum Lines<'a> {
    /// The object, and what comes after its event.
    Whole(Value, &'a str),
    /// The event has not arrived as a whole.
    Unfinished,
    No,
}

/// Reads an object whose event has its data in several lines, each with a `data:` before it.
fn over_lines(text: &str) -> Lines<'_> {
    let mut joined = String::new();
    let mut rest = text;
    let is_whole = loop {
        let end = rest.find(LINE_END);
        let (line, after) = rest.split_at(end.unwrap_or(rest.len()));
        if end.is_none() && !line.starts_with("data:") {
            // The beginning of a line may be that of any field.
            break false;
        }
        let line = match (joined.is_empty(), line.strip_prefix("data:")) {
            (_, Some(data)) => data,
            (true, None) => line,
            // An empty line ends the event.
            (false, None) => break true,
        };
        joined.push_str(line);
        let more = after.strip_prefix("\r\n");
        rest = more.or_else(|| after.get(1..)).unwrap_or_default();
        if end.is_none() {
            break false;
        }
        joined.push('\n');
    };
    let mut values = serde_json::Deserializer::from_str(&joined).into_iter::<Value>();
    match values.next() {
        Some(Ok(value)) => Lines::Whole(value, rest),
        Some(Err(error)) if error.is_eof() && !is_whole => Lines::Unfinished,
        _ => Lines::No,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use serde_json::json;

    fn read(pieces: &[&str]) -> (Vec<Value>, bool, Option<String>) {
        let mut reader = Pieces::default();
        let (mut values, mut done) = (Vec::new(), false);
        for piece in pieces {
            let found = reader.push(piece);
            values.extend(found.values);
            done |= found.done;
        }
        (values, done, reader.body())
    }

    const EVENTS: &str = ": keep-alive\n\nevent: message\nid: 7\ndata: {\"a\":\"data: {\\n\"}\n\nretry: 10\r\n\
        data: {\"b\":[1,\"}\"]}\r\n\r\ndata: not json\n\ndata:{\"c\":\"[DONE] ß\"}\n\ndata: [DONE]\n\n";

    fn events() -> Vec<Value> {
        vec![
            json!({ "a": "data: {\n" }),
            json!({ "b": [1, "}"] }),
            json!({ "c": "[DONE] ß" }),
        ]
    }

    #[test]
    fn events_lines_and_arrays_are_read() {
        assert_eq!(read(&[EVENTS]), (events(), true, None));
        let lines: Vec<_> = EVENTS.lines().collect();
        assert_eq!(
            read(&lines),
            (events(), true, None),
            "items without line ends"
        );
        let objects = vec![json!({ "a": 1 }), json!({ "b": 2 })];
        for text in [
            "{\"a\":1}\n{\"b\":2}\n",
            "{\"a\":1}{\"b\":2}",
            "[{\"a\": 1}\n,\r\n{\"b\": 2}]",
            "\u{feff}[\n  {\n    \"a\": 1\n  },\n  {\"b\": 2}\n]\n",
        ] {
            assert_eq!(read(&[text]), (objects.clone(), false, None), "{text}");
        }
        assert_eq!(read(&["data: {\"a\":"]).0, Vec::<Value>::new());
        assert_eq!(read(&["{broken}\n{\"a\":1}"]).0, [json!({ "a": 1 })]);
        // The first event ends before its object does.
        assert_eq!(
            read(&["data: {\"a\":\n\ndata: {\"b\":1}\n\n"]).0,
            [json!({ "b": 1 })]
        );
        assert_eq!(
            read(&["data: {\"a\":NaN}\n\ndata: {\"b\":1e400}", "\n\n"]).0,
            [json!({ "a": null }), json!({ "b": null })]
        );
        assert_eq!(
            read(&["data: {broken", "data: {\"a\":1}"]).0,
            [json!({ "a": 1 })]
        );
        assert_eq!(
            read(&["upstream connect ", "error"]),
            (vec![], false, Some("upstream connect error".to_owned()))
        );
    }

    /// An event may have its data in several lines, and lines may end in any of three ways (HTML, 9.2.6).
    #[test]
    fn an_object_may_take_several_lines_of_data() {
        let text = "event: chunk\ndata: {\ndata:   \"a\": \"data: x\",\ndata:   \"b\": [1,\ndata: 2]\ndata: }\n\n\
            data: {\"c\":3}\n\ndata: {broken\ndata: {\"d\":4}\n\ndata: [DONE]\n\n";
        let values = vec![
            json!({ "a": "data: x", "b": [1, 2] }),
            json!({ "c": 3 }),
            json!({ "d": 4 }),
        ];
        for end in ["\n", "\r\n", "\r"] {
            let text = text.replace('\n', end);
            assert_eq!(read(&[&text]), (values.clone(), true, None), "{end:?}");
            for cut in 0..text.len() {
                let pieces = [&text[..cut], &text[cut..]];
                assert_eq!(read(&pieces), (values.clone(), true, None), "{end:?} {cut}");
            }
            let letters: Vec<&str> = text.split_inclusive(|_| true).collect();
            assert_eq!(read(&letters), (values.clone(), true, None), "{end:?}");
        }
    }

    proptest! {
        #[test]
        fn where_the_text_is_cut_makes_no_difference(cuts in prop::collection::vec(any::<prop::sample::Index>(), 0..40)) {
            let mut at: Vec<usize> = cuts.iter().map(|cut| cut.index(EVENTS.len())).collect();
            at.retain(|at| EVENTS.is_char_boundary(*at));
            at.extend([0, EVENTS.len()]);
            at.sort_unstable();
            let pieces: Vec<_> = at.windows(2).map(|w| &EVENTS[w[0]..w[1]]).collect();
            prop_assert_eq!(read(&pieces), (events(), true, None));
        }

        #[test]
        fn no_text_panics(pieces in prop::collection::vec("[\\[\\]{}\":,dat\n 1DONE]{0,12}", 0..20)) {
            let pieces: Vec<&str> = pieces.iter().map(String::as_str).collect();
            read(&pieces);
        }
    }

    /// Of a body without an object its beginning is kept; of an object that never ends nothing is.
    #[test]
    fn what_waits_for_its_end_has_a_limit() {
        let long = "x".repeat(MAX_BODY + 5);
        assert_eq!(read(&[&long, "more"]).2, Some("x".repeat(64 * 1024)));
        let text = "x".repeat(2 * 1024 * 1024);
        let begin = format!("{{\"a\":\"{text}");
        assert_eq!(read(&[&begin, "\"}"]).0, [json!({ "a": text })]);
        for (len, kept) in [(MAX_WAITING, true), (MAX_WAITING + 1, false)] {
            let mut waiting = "{".to_owned();
            waiting.push_str(&"x".repeat(len - 2));
            let mut reader = Pieces {
                waiting,
                ..Pieces::default()
            };
            reader.push("x");
            assert_eq!(!reader.waiting.is_empty(), kept, "{len}");
        }
    }
}
