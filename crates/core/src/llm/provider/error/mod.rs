//! What an answer, a chunk or an event of a stream says went wrong: one reader for the shapes of all providers.
//! Called by the readers of each language and by `stream`. Must not know spans.
//!
//! An error is stated by a field that exists for errors (`error`, `__type`, `base_resp`, ..), or implied by a
//! body that has a message and no part of an answer. Where an answer is, nothing is implied.

mod fields;
mod parts;

use serde_json::{Map, Value};

use super::{envelope, text};
use crate::record::Exception;
use fields::{ANSWER, MESSAGES};
use parts::{
    causes, code, compact, is_address, is_success, message, name, says, says_anything, scalar,
};

/// The error in `answer`, an object or an array of chunks. `provider` begins its kind, as in
/// `openai.invalid_request_error.model_not_found`.
pub(crate) fn read(answer: &Value, provider: &str) -> Option<Exception> {
    match answer {
        Value::Array(items) => items
            .iter()
            .filter(|item| item.is_object())
            .find_map(|item| read(item, provider)),
        Value::Object(object) => {
            let error = stated(object).or_else(|| implied(object))?;
            Some(error.exception(provider))
        }
        _ => None,
    }
}

/// The error in an event of a stream. Nothing is implied by an event that has a `type`, unless that is of an error.
pub(crate) fn of_event(event: &Map<String, Value>, provider: &str) -> Option<Exception> {
    let error = stated(event).or_else(|| {
        // Cerebras: `{"type": "invalid_request_error", "message": ..}` is the kind of an error, and no kind of event.
        let kind = text(event.get("type"));
        let kind = kind.map(str::to_ascii_lowercase);
        let is_event = |kind: &String| {
            !kind.ends_with("error") && !kind.ends_with("exception") && !is_address(kind)
        };
        let typed = event.contains_key("event") || kind.as_ref().is_some_and(is_event);
        (!typed).then(|| implied(event))?
    })?;
    Some(error.exception(provider))
}

/// The error in a body that is no JSON: the page of a proxy. Other text may be an answer.
pub(crate) fn of_text(body: &str, provider: &str) -> Option<Exception> {
    let start: String = first_tag(body).chars().take(16).collect();
    let start = start.to_ascii_lowercase();
    let kind = match start.as_str() {
        s if s.starts_with("<!doctype") || s.starts_with("<html") => "html",
        s if s.starts_with("<?xml") || s.starts_with("<error") => "xml",
        _ => return None,
    };
    let between = |open: &str, close: &str| {
        // ASCII letters keep their length in lower case, so that positions are the same in both texts.
        let lower = body.to_ascii_lowercase();
        let from = lower.find(open)? + open.len();
        let len = lower.get(from..)?.find(close)?;
        body.get(from..from + len).map(str::trim)
    };
    let message = between("<title>", "</title>").or_else(|| between("<message>", "</message>"));
    let code = between("<code>", "</code>").map(str::to_owned);
    let message = message.filter(|message| !message.is_empty());
    let message = message.map_or_else(|| body.trim().chars().take(200).collect(), str::to_owned);
    let error = Error {
        names: [Some(kind.to_owned()), code]
            .into_iter()
            .flatten()
            .collect(),
        message,
        sources: Vec::new(),
    };
    Some(error.exception(provider))
}

/// A body from its first tag on: a byte order mark and comments may come before it.
fn first_tag(body: &str) -> &str {
    let mut body = body;
    loop {
        body = body.trim_start_matches(|c: char| c.is_whitespace() || c == '\u{feff}');
        match body
            .strip_prefix("<!--")
            .and_then(|rest| rest.split_once("-->"))
        {
            Some((_, after)) => body = after,
            None => return body,
        }
    }
}

/// An error as it was found.
#[derive(Default)]
struct Error {
    /// Parts of its kind: a name, a code.
    names: Vec<String>,
    message: String,
    sources: Vec<String>,
}

impl Error {
    fn named(name: &str, message: impl Into<String>) -> Self {
        Self {
            names: vec![name.to_owned()],
            message: message.into(),
            sources: Vec::new(),
        }
    }

    fn exception(self, provider: &str) -> Exception {
        let mut kind = provider.to_owned();
        let mut known: Vec<&str> = Vec::new();
        for name in &self.names {
            if !known.contains(&name.as_str()) {
                kind.push('.');
                kind.push_str(name);
                known.push(name);
            }
        }
        let mut exception = Exception::new(kind, self.message);
        exception.sources = self.sources.join("\n");
        exception
    }
}

/// An error that a field states which exists for errors.
fn stated(object: &Map<String, Value>) -> Option<Error> {
    let get = |key: &str| object.get(key).filter(|value| says(value));
    let inner = |key: &str| get(key).and_then(Value::as_object);
    let is = |key: &str, word: &str| text(object.get(key)) == Some(word);
    // A body that is an error as a whole.
    if is("object", "error") || is("type", "error") && get("error").is_none() {
        return of_object(object).or_else(|| Some(Error::named("error", compact(object))));
    }
    if let Some(error) = get("error").or_else(|| get("Error")) {
        return in_field(object, error);
    }
    // MiniMax: HTTP 200 and a code that is not 0.
    if let Some(base) = inner("base_resp")
        && code(base).is_some_and(|code| !is_success(&code))
    {
        return of_object(base);
    }
    // The last message of Anthropic's agents.
    if is("type", "result") && object.get("is_error") == Some(&Value::Bool(true)) {
        let kind = text(object.get("subtype")).filter(|kind| *kind != "success");
        let message = text(object.get("result")).or(kind);
        return Some(Error::named(
            kind.unwrap_or("error"),
            message.unwrap_or("the agent failed"),
        ));
    }
    // Groq: within a chunk. Tencent, Volcengine: within the response.
    for (outer, key) in [
        ("x_groq", "error"),
        ("Response", "Error"),
        ("ResponseMetadata", "Error"),
        ("Output", "__type"),
    ] {
        if let Some(outer) = inner(outer)
            && let Some(error) = outer.get(key).filter(|error| says(error))
        {
            return in_field(outer, error);
        }
    }
    // Apigee and other gateways.
    if let Some(fault) = inner("fault") {
        let mut error = of_object(fault)?;
        let detail = fault.get("detail").and_then(Value::as_object);
        error.names.extend(detail.and_then(code));
        return Some(error);
    }
    // AWS: a body has `__type`, an event of a stream has one field, named after the exception.
    if get("__type").is_some() {
        return of_object(object);
    }
    let exception = object
        .iter()
        .find(|(key, value)| key.ends_with("Exception") && value.is_object());
    if let Some((name, value)) = exception {
        let mut error = value.as_object().and_then(of_object).unwrap_or_default();
        error.names.insert(0, name.clone());
        if error.message.is_empty() {
            error.message.clone_from(name);
        }
        return Some(error);
    }
    for key in [
        "error_code",
        "error_msg",
        "err_msg",
        "errorMessage",
        "error_message",
    ] {
        if let Some(value) = get(key)
            && !scalar(value).is_some_and(|code| is_success(&code))
        {
            return of_object(object);
        }
    }
    // Responses, realtime, interactions: a status, with or without an error.
    if is("status", "failed") {
        let details = inner("status_details");
        let error = details.and_then(|details| details.get("error")?.as_object());
        // `last_error` is of a run of assistants.
        let found = error
            .or_else(|| inner("last_error"))
            .and_then(of_object)
            .or_else(|| details.and_then(of_object));
        return Some(found.unwrap_or_else(|| Error::named("failed", "the response failed")));
    }
    if let Some(error) = envelope::inner(object)
        .and_then(Value::as_object)
        .and_then(stated)
    {
        return Some(error);
    }
    // OpenRouter: an error of one of several choices.
    let choices = object.get("choices").and_then(Value::as_array);
    for choice in choices.into_iter().flatten().filter_map(Value::as_object) {
        if let Some(error) = choice.get("error").filter(|error| says(error)) {
            return in_field(choice, error);
        }
        if text(choice.get("finish_reason")) == Some("error") {
            return Some(Error::named(
                "error",
                "the provider ended the answer with an error",
            ));
        }
    }
    // Cohere: the end of a stream, with or without an error.
    let end = inner("delta").unwrap_or(object);
    if let Some(reason) = text(end.get("finish_reason"))
        && reason.starts_with("ERROR")
    {
        let error = end.get("error").filter(|error| says(error));
        let error = error.and_then(|error| in_field(end, error));
        let otherwise = || Error::named(reason, "the provider ended the answer with an error");
        return Some(error.unwrap_or_else(otherwise));
    }
    None
}

/// An error that a body implies: a message, or a list of errors, and no part of an answer.
fn implied(object: &Map<String, Value>) -> Option<Error> {
    let is_answer = ANSWER
        .iter()
        .any(|key| object.get(*key).is_some_and(says_anything));
    let succeeded = object.get("success").and_then(Value::as_bool);
    if is_answer || succeeded == Some(true) || code(object).is_some_and(|code| is_success(&code)) {
        return None;
    }
    let messages = ["message", "Message", "msg", "detail", "errors", "title"];
    let has_message = messages.iter().any(|key| {
        let value = object.get(*key).filter(|value| says(value));
        value.is_some_and(|value| *key == "detail" || *key == "errors" || value.is_string())
    });
    if has_message {
        return of_object(object);
    }
    (succeeded == Some(false)).then(|| Error::named("error", compact(object)))
}

/// An error in its own field: an object, a text, a list, a code, `true`.
fn in_field(outer: &Map<String, Value>, error: &Value) -> Option<Error> {
    match error {
        Value::Object(error) => of_object(error),
        Value::Array(list) => of_list(list),
        _ => {
            // The other parts of the error are beside the field.
            let mut rest = outer.clone();
            for key in ["error", "Error", "type", "object"] {
                rest.remove(key);
            }
            for key in ANSWER {
                rest.remove(*key);
            }
            let beside = of_object(&rest);
            Some(match (beside, scalar(error)) {
                // `{"error": "invalid_request", "error_description": ".."}`
                (Some(mut beside), Some(word)) if message(&rest).is_some() => {
                    beside.names.insert(0, word);
                    beside
                }
                (Some(beside), None) => beside,
                // `{"error": "..", "code": ".."}`
                (beside, Some(word)) => Error {
                    message: word,
                    ..beside.unwrap_or_default()
                },
                (None, None) => Error::named("error", "an error without a text"),
            })
        }
    }
}

/// An error whose fields are those of `object`; `None` if they say nothing or success.
fn of_object(object: &Map<String, Value>) -> Option<Error> {
    if !object.values().any(says) {
        return None;
    }
    let code = code(object);
    let message = message(object);
    let good = |text: &Option<String>| text.as_deref().is_none_or(is_success);
    if code.is_some() && good(&code) && good(&message) {
        return None;
    }
    let mut error = Error::default();
    error.names.extend(name(object));
    let inner = match message {
        Some(message) => {
            error.message = message;
            None
        }
        None => MESSAGES.iter().find_map(|key| match object.get(*key)? {
            Value::Object(inner) => of_object(inner),
            Value::Array(list) => of_list(list),
            _ => None,
        }),
    };
    if let Some(inner) = inner {
        error.names.extend(inner.names);
        error.message = inner.message;
        error.sources = inner.sources;
    }
    error.names.extend(code);
    if error.message.is_empty() {
        // A name alone is a message too.
        let word = error.names.last().cloned();
        error.message = word.unwrap_or_else(|| compact(object));
    }
    error.sources.extend(causes(object));
    Some(error)
}

/// Several errors: the kind of the first, the messages of all.
fn of_list(list: &[Value]) -> Option<Error> {
    let mut all = list
        .iter()
        .filter(|item| says(item))
        .map(|item| match item {
            Value::Object(item) => {
                let mut error = of_object(item)?;
                // FastAPI names the field: `{"loc": ["body", "model"], "msg": "Field required"}`.
                let place = item.get("loc").and_then(Value::as_array);
                let place: Vec<_> = place.into_iter().flatten().filter_map(scalar).collect();
                if !place.is_empty() {
                    error.message = format!("{}: {}", place.join("."), error.message);
                }
                Some(error)
            }
            Value::Array(list) => of_list(list),
            item => Some(Error {
                message: scalar(item)?,
                ..Error::default()
            }),
        });
    let mut first = all.by_ref().find_map(|error| error)?;
    for further in all.flatten() {
        first.message.push_str("; ");
        first.message.push_str(&further.message);
    }
    Some(first)
}
