//! Shows every part of a value to a masker and replaces it by the result; JSON stays JSON.
//! Called by `apply`, once for each value of a span.

use tracefuse_core::record::{ObservationType, Place, Value, ValueRef};

use super::Masker;
use super::json::{self, Kind, Token};
use super::json_text::decode;
use super::target::{MaskTarget, Step};

pub(super) struct Walk<'a> {
    masker: &'a dyn Masker,
    place: Place<'a>,
    kind: ObservationType,
    /// The path from the top of the value to the current part.
    steps: Vec<Step>,
}

impl<'a> Walk<'a> {
    pub(super) fn new(masker: &'a dyn Masker, place: Place<'a>, kind: ObservationType) -> Self {
        Self {
            masker,
            place,
            kind,
            steps: Vec::new(),
        }
    }

    /// What takes the value's place; `None` if it stays.
    pub(super) fn value(&mut self, value: ValueRef<'_>) -> Option<Value> {
        match value {
            ValueRef::Json(text) => self.json_or_text(text).map(|(value, _)| value),
            // Text that is JSON is looked into, and stays text.
            ValueRef::Str(text) => match self.json_or_text(text)? {
                (Value::Json(json), true) => Some(Value::Str(json)),
                (value, _) => Some(value),
            },
            scalar => self.ask(scalar),
        }
    }

    fn ask(&self, value: ValueRef<'_>) -> Option<Value> {
        self.masker.mask(value, &self.here())
    }

    fn here(&self) -> MaskTarget<'_> {
        MaskTarget {
            place: self.place,
            kind: self.kind,
            steps: &self.steps,
        }
    }

    /// Text that may be JSON; tells whether it was.
    fn json_or_text(&mut self, text: &str) -> Option<(Value, bool)> {
        let tokens = json::may_be_composite(text).then(|| json::tokens(text));
        match tokens.flatten() {
            Some(tokens) => Some((self.composite(text, &tokens)?, true)),
            None => Some((self.ask(ValueRef::Str(text))?, false)),
        }
    }

    /// An object or an array: first as a whole, then part by part, with the result of the whole.
    fn composite(&mut self, text: &str, tokens: &[Token]) -> Option<Value> {
        match self.ask(ValueRef::Json(text)) {
            Some(Value::Json(new)) => match json::tokens(&new) {
                Some(tokens) if json::may_be_composite(&new) => {
                    let inner = self.parts(&new, &tokens);
                    Some(Value::Json(inner.unwrap_or(new)))
                }
                Some(_) => Some(Value::Json(new)),
                // Not JSON after all: kept as what it is.
                None => Some(Value::Str(new)),
            },
            Some(other) => Some(other),
            None => self.parts(text, tokens).map(Value::Json),
        }
    }

    /// The text with its masked parts replaced and everything else copied; `None` if nothing was.
    fn parts(&mut self, text: &str, tokens: &[Token]) -> Option<String> {
        let mut changed = Changed {
            text,
            copied: 0,
            out: String::new(),
        };
        // The first token is the whole, which was asked about.
        let mut next = 1;
        self.enter(tokens.first()?.kind);
        while let Some(token) = tokens.get(next) {
            next += 1;
            let raw = text.get(token.start..token.end).unwrap_or_default();
            match token.kind {
                Kind::Close => {
                    self.steps.pop();
                    // The caller counts the end of the whole value.
                    if next < tokens.len() {
                        self.advance();
                    }
                }
                Kind::Key => {
                    let key = decode(inside(raw));
                    if let Some(Step::Key(current)) = self.steps.last_mut() {
                        current.clear();
                        current.push_str(&key);
                    }
                    if let Some(new) = self.masker.mask_key(&key, &self.here()) {
                        changed.replace(token, &Value::Str(new));
                    }
                }
                Kind::Object | Kind::Array => match self.ask(ValueRef::Json(raw)) {
                    None => self.enter(token.kind),
                    Some(new) => {
                        let new = self.again(new);
                        changed.replace(token, &new);
                        next = token.next;
                        self.advance();
                    }
                },
                Kind::Text | Kind::Number | Kind::Bool | Kind::Null => {
                    let new = match token.kind {
                        Kind::Text => self.value(ValueRef::Str(&decode(inside(raw)))),
                        Kind::Number => self.ask(number(raw)),
                        Kind::Bool => self.ask(ValueRef::Bool(raw == "true")),
                        _ => None,
                    };
                    if let Some(new) = new {
                        changed.replace(token, &new);
                    }
                    self.advance();
                }
            }
        }
        changed.finish()
    }

    /// JSON that a masker gave is masked part by part in its turn.
    fn again(&mut self, value: Value) -> Value {
        let Value::Json(text) = &value else {
            return value;
        };
        let tokens = json::may_be_composite(text).then(|| json::tokens(text));
        match tokens
            .flatten()
            .and_then(|tokens| self.parts(text, &tokens))
        {
            Some(text) => Value::Json(text),
            None => value,
        }
    }

    fn enter(&mut self, kind: Kind) {
        self.steps.push(if kind == Kind::Object {
            Step::Key(String::new())
        } else {
            Step::Index(0)
        });
    }

    /// A part of a list is done.
    fn advance(&mut self) {
        if let Some(Step::Index(index)) = self.steps.last_mut() {
            *index += 1;
        }
    }
}

/// Text that is copied up to each change.
struct Changed<'a> {
    text: &'a str,
    copied: usize,
    out: String,
}

impl Changed<'_> {
    fn replace(&mut self, token: &Token, value: &Value) {
        let before = self.text.get(self.copied..token.start);
        self.out.push_str(before.unwrap_or_default());
        self.copied = token.end;
        match value {
            Value::Json(text) if json::tokens(text).is_some() => self.out.push_str(text),
            Value::Str(text) | Value::Json(text) => self.push_text(text),
            Value::F64(number) if !number.is_finite() => {
                self.push_text(&value.as_ref().to_string());
            }
            scalar => self.out.push_str(&scalar.as_ref().to_string()),
        }
    }

    /// Appends a text as a JSON string. Texts never fail to serialize.
    fn push_text(&mut self, text: &str) {
        self.out
            .push_str(&serde_json::to_string(text).unwrap_or_default());
    }

    fn finish(mut self) -> Option<String> {
        if self.copied == 0 {
            return None;
        }
        self.out
            .push_str(self.text.get(self.copied..).unwrap_or_default());
        Some(self.out)
    }
}

fn inside(quoted: &str) -> &str {
    let inside = quoted
        .strip_prefix('"')
        .and_then(|rest| rest.strip_suffix('"'));
    inside.unwrap_or_default()
}

fn number(text: &str) -> ValueRef<'_> {
    if let Ok(number) = text.parse() {
        ValueRef::U64(number)
    } else if let Ok(number) = text.parse() {
        ValueRef::I64(number)
    } else {
        ValueRef::F64(text.parse().unwrap_or(f64::NAN))
    }
}

#[cfg(test)]
mod tests {
    use super::super::Mask;
    use super::*;
    use std::sync::{Arc, Mutex};

    fn mask(masker: &dyn Masker, value: ValueRef<'_>) -> Option<Value> {
        Walk::new(masker, Place::Input, ObservationType::Span).value(value)
    }

    #[test]
    fn every_part_is_shown_once_with_its_path() {
        let seen = Arc::new(Mutex::new(Vec::new()));
        let log = seen.clone();
        let masker = Mask::new().rewrite(move |value, at| {
            log.lock().unwrap().push(format!("{}={value}", at.path()));
            None
        });
        let json = r#"{"a": [1, {"b": "x\n"}, "[0]", 2], "t": "{\"c\": true}", "n": null}"#;
        assert_eq!(mask(&masker, ValueRef::Json(json)), None);
        assert_eq!(
            *seen.lock().unwrap(),
            [
                format!("input={json}"),
                r#"input.a=[1, {"b": "x\n"}, "[0]", 2]"#.into(),
                "input.a.0=1".into(),
                r#"input.a.1={"b": "x\n"}"#.into(),
                "input.a.1.b=x\n".into(),
                "input.a.2=[0]".into(),
                "input.a.2.0=0".into(),
                "input.a.3=2".into(),
                r#"input.t={"c": true}"#.into(),
                "input.t.c=true".into(),
            ]
        );
    }

    #[test]
    fn replaced_parts_are_written_as_json_and_the_rest_is_copied_unchanged() {
        let masker = Mask::new().rewrite(|value, at| match (at.key()?, value) {
            ("text", _) => Some(Value::Str("quo\"ted".into())),
            ("number", _) => Some(Value::U64(0)),
            ("nan", _) => Some(Value::F64(f64::NAN)),
            ("object", ValueRef::Json(_)) => Some(Value::Json(r#"{"text":1}"#.into())),
            ("broken", _) => Some(Value::Json("{".into())),
            _ => None,
        });
        let json =
            r#" { "text" : 1.50, "number":"x", "nan":[ ], "object":{}, "broken":1, "z": [1e2] } "#;
        assert_eq!(
            mask(&masker, ValueRef::Json(json)),
            Some(Value::Json(
                r#" { "text" : "quo\"ted", "number":0, "nan":"NaN", "object":{"text":"quo\"ted"}, "broken":"{", "z": [1e2] } "#.into()
            ))
        );
    }

    #[test]
    fn json_inside_of_text_stays_text_that_is_json() {
        let masker = Mask::new().keys(["password"]);
        let inner = r#"{"password": "hunter2", "n": 1}"#;
        assert_eq!(
            mask(&masker, ValueRef::Str(inner)),
            Some(Value::Str(r#"{"password": "<masked>", "n": 1}"#.into()))
        );
        let outer = serde_json::json!({ "function": { "arguments": inner } }).to_string();
        let Some(Value::Json(masked)) = mask(&masker, ValueRef::Json(&outer)) else {
            panic!("not masked");
        };
        let masked: serde_json::Value = serde_json::from_str(&masked).unwrap();
        assert_eq!(
            masked["function"]["arguments"],
            r#"{"password": "<masked>", "n": 1}"#
        );
        let broken = r#"{"password": "hunter2""#;
        assert_eq!(
            mask(&masker, ValueRef::Str(broken)),
            None,
            "no JSON, no keys"
        );
    }

    #[test]
    fn keys_that_are_secrets_are_masked_too() {
        let masker = Mask::new().emails();
        assert_eq!(
            mask(
                &masker,
                ValueRef::Json(r#"{"a@example.com":{"x":[]},"b":0}"#)
            ),
            Some(Value::Json(r#"{"<email>":{"x":[]},"b":0}"#.into()))
        );
    }
}
