//! JSON objects out of text that arrives in pieces: server-sent events (`data: {..}`), a line for each object, or
//! one array of objects. Called by `assembly` for items that are text. Must not know what the objects mean.

use serde_json::Value;

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
                _ => match rest.split_once('\n') {
                    Some((_, after)) => rest = after,
                    None => break,
                },
            }
        } else if let Some(after) = rest.strip_prefix(['[', ']']) {
            rest = after;
        } else {
            match rest.split_once('\n') {
                Some((_, after)) => rest = after,
                None => break,
            }
        }
    }
    text.len() - rest.len()
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
        assert_eq!(
            read(&["upstream connect ", "error"]),
            (vec![], false, Some("upstream connect error".to_owned()))
        );
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
}
