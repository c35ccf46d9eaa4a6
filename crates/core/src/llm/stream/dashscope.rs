//! The chunks of DashScope's own API, which has its choices in `output`: each chunk repeats the text so far, unless it was
//! asked for what is new alone (`incremental_output`). Called by `openai`. Must not know other languages.

use serde_json::{Map, Value, json};

use super::assembly::fields;
use super::merge::{extend, says};

/// The choices that were put together.
#[derive(Default)]
pub(super) struct Repeated(Vec<Choice>);

#[derive(Default)]
struct Choice {
    content: Text,
    reasoning: Text,
    /// All fields of the message that are no text.
    message: Map<String, Value>,
    finish_reason: Option<Value>,
}

/// A text that arrives in pieces, or in beginnings that grow. Which of both it is, all pieces together show.
#[derive(Default)]
struct Text {
    joined: String,
    last: String,
    is_in_pieces: bool,
    /// The beginnings are long enough to be no pieces, so that pieces are not joined any more.
    grows: bool,
}

/// A piece that begins with another piece of this length is no piece.
const LONG: usize = 64;

impl Text {
    fn push(&mut self, piece: &str) -> bool {
        if piece.is_empty() {
            return false;
        }
        let goes_on = piece.starts_with(&self.last);
        if !self.is_in_pieces && goes_on && (LONG..piece.len()).contains(&self.last.len()) {
            self.grows = true;
            self.joined = String::new();
        }
        match (self.grows, goes_on) {
            (true, false) => self.last.push_str(piece),
            (true, true) => piece.clone_into(&mut self.last),
            (false, _) => {
                self.is_in_pieces |= !goes_on;
                self.joined.push_str(piece);
                piece.clone_into(&mut self.last);
            }
        }
        true
    }

    fn whole(self) -> String {
        match self.is_in_pieces {
            true => self.joined,
            false => self.last,
        }
    }
}

impl Repeated {
    pub(super) fn bytes(&self) -> usize {
        let choices = self.0.iter().map(|choice| {
            let texts = [&choice.content, &choice.reasoning].into_iter();
            let texts = texts.map(|text| text.joined.len() + text.last.len());
            texts.sum::<usize>() + fields(&choice.message)
        });
        choices.sum()
    }

    pub(super) fn are_complete(&self) -> bool {
        let mut choices = self.0.iter();
        !self.0.is_empty() && choices.all(|choice| choice.finish_reason.is_some())
    }

    /// Takes the choices, or the text, out of the `output` of a chunk. `true` if there is content.
    pub(super) fn add(&mut self, output: &mut Map<String, Value>) -> bool {
        let mut carries = false;
        if let Some(Value::Array(choices)) = output.remove("choices") {
            for (at, choice) in choices.into_iter().enumerate() {
                if let Value::Object(choice) = choice {
                    carries |= self.add_choice(at, choice);
                }
            }
        } else if let Some(text) = output.remove("text") {
            let message = json!({ "role": "assistant", "content": text });
            let reason = output.remove("finish_reason").unwrap_or_default();
            let choice = [
                ("message".to_owned(), message),
                ("finish_reason".to_owned(), reason),
            ];
            carries |= self.add_choice(0, Map::from_iter(choice));
        }
        carries
    }

    fn add_choice(&mut self, at: usize, mut choice: Map<String, Value>) -> bool {
        while self.0.len() <= at {
            self.0.push(Choice::default());
        }
        let Some(known) = self.0.get_mut(at) else {
            return false;
        };
        let reason = choice.remove("finish_reason").filter(says);
        known.finish_reason = reason
            .filter(|reason| reason != "null")
            .or_else(|| known.finish_reason.take());
        let Some(Value::Object(mut message)) = choice.remove("message") else {
            return false;
        };
        let mut carries = false;
        for (key, text) in [
            ("content", &mut known.content),
            ("reasoning_content", &mut known.reasoning),
        ] {
            match message.remove(key) {
                Some(Value::String(piece)) => carries |= text.push(&piece),
                // Models that see have parts of content.
                Some(Value::Array(parts)) => {
                    let texts = parts.iter().filter_map(|part| part.get("text")?.as_str());
                    carries |= text.push(&texts.collect::<String>());
                }
                _ => {}
            }
        }
        carries |= message.get("tool_calls").is_some_and(says);
        extend(&mut known.message, message);
        carries
    }

    /// The choices as Chat Completions has them.
    pub(super) fn whole(self) -> Vec<Value> {
        let choices = self.0.into_iter().map(|choice| {
            let mut message = choice.message;
            for (key, text) in [
                ("content", choice.content.whole()),
                ("reasoning_content", choice.reasoning.whole()),
            ] {
                if !text.is_empty() {
                    message.insert(key.to_owned(), text.into());
                }
            }
            json!({ "message": message, "finish_reason": choice.finish_reason })
        });
        choices.collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(pieces: &[&str]) -> String {
        let mut text = Text::default();
        for piece in pieces {
            text.push(piece);
        }
        text.whole()
    }

    #[test]
    fn pieces_are_joined_and_beginnings_are_not() {
        for (pieces, whole) in [
            (&["He", "Hello", "Hello!"][..], "Hello!"),
            (&["He", "llo", "!"], "Hello!"),
            (&["1", "1", "2"], "112"),
            (&["a", "ab", "", "c"], "aabc"),
            (&["", "Hi", ""], "Hi"),
            (&[], ""),
        ] {
            assert_eq!(read(pieces), whole, "{pieces:?}");
        }
    }

    #[test]
    fn of_a_long_text_that_grows_no_beginning_is_kept() {
        let whole = "0123456789".repeat(1000);
        let mut text = Text::default();
        for end in 1..=whole.len() {
            text.push(&whole[..end]);
        }
        assert!(text.joined.is_empty() && text.last.len() == whole.len());
        assert_eq!(text.whole(), whole);
    }

    /// A piece may begin with the piece before it, however long that is.
    #[test]
    fn long_pieces_that_are_alike_are_joined() {
        let (a, b) = ("a".repeat(70), "b".repeat(70));
        let more = format!("{b}c");
        assert_eq!(read(&[&a, &b, &more]), format!("{a}{b}{more}"));
        assert_eq!(read(&[&a, &more, &b]), format!("{a}{more}{b}"));
    }
}
