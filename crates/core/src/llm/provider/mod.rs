//! What a provider's response says: model, usage, finish reason, output, error.
//! Called by users on a `Span` or a `Usage`, and by `stream` at a stream's end; one file a provider.

pub(crate) mod anthropic;
pub(crate) mod error;
pub(crate) mod gemini;
pub(crate) mod openai;
pub(crate) mod tree;

use serde::Serialize;
use serde_json::{Map, Value};

use crate::llm::stream::{Anthropic, Fold, Gemini, OpenAi};
use crate::record::{self, Exception, Role, Slot, Usage, ValueRef};
use crate::span::handle::Span;

/// What a response says, as far as it says it.
#[derive(Debug, Default)]
pub(crate) struct Facts {
    /// Whose language the response is in, as OpenTelemetry's `gen_ai.provider.name` has it.
    pub(crate) provider: &'static str,
    pub(crate) model: Option<String>,
    pub(crate) usage: Option<Usage>,
    /// One text; an array if there are several answers.
    pub(crate) finish_reason: Option<Value>,
    pub(crate) output: Option<Value>,
    pub(crate) error: Option<Exception>,
}

impl Facts {
    /// Whether there is neither an answer nor an error.
    fn say_nothing(&self) -> bool {
        self.error.is_none() && self.have_no_answer()
    }

    fn have_no_answer(&self) -> bool {
        self.model.is_none()
            && self.usage.is_none()
            && self.finish_reason.is_none()
            && self.output.is_none()
    }
}

/// What a provider answered.
impl Span {
    /// Records what an OpenAI response says: model, usage, `finish_reason` as metadata, and, unless an
    /// output was set, the assistant's message with its tool calls as output. An error body, or an
    /// error within the response, is recorded as an error.
    ///
    /// Reads Chat Completions, Responses, Embeddings, Completions, and the last chunk or event of
    /// a stream, of OpenAI and of those who speak its language. Takes an SDK's type, a
    /// `serde_json::Value`, or the body's text; what it cannot read changes nothing.
    ///
    /// ```
    /// # use tracefuse_core::Span;
    /// # let span = Span::noop();
    /// let response = serde_json::json!({
    ///     "model": "gpt-4o-2024-08-06",
    ///     "choices": [{ "message": { "role": "assistant", "content": "Hi!" }, "finish_reason": "stop" }],
    ///     "usage": {
    ///         "prompt_tokens": 2006, "completion_tokens": 300, "total_tokens": 2306,
    ///         "prompt_tokens_details": { "cached_tokens": 1920 },
    ///     },
    /// });
    /// span.record_openai(&response); // 86 input, 1,920 cached and 300 output tokens
    /// ```
    pub fn record_openai<T: Serialize + ?Sized>(&self, response: &T) {
        self.record_response(response, openai::SKIP, openai::facts, OpenAi::default);
    }

    /// Records what an Anthropic `Message` says: model, usage, `finish_reason` (its `stop_reason`) as
    /// metadata, and, unless an output was set, the message with its tool calls as output. An error
    /// body is recorded as an error.
    ///
    /// Takes an SDK's type, a `serde_json::Value`, or the body's text; what it cannot read changes nothing.
    pub fn record_anthropic<T: Serialize + ?Sized>(&self, response: &T) {
        self.record_response(response, &[], anthropic::facts, Anthropic::default);
    }

    /// Records what a Gemini `GenerateContentResponse` says: model, usage, `finish_reason` as
    /// metadata, and, unless an output was set, the content with its function calls as output. An
    /// error body is recorded as an error. Keys may be in camel or snake case.
    ///
    /// Takes an SDK's type, a `serde_json::Value`, or the body's text; what it cannot read changes nothing.
    pub fn record_gemini<T: Serialize + ?Sized>(&self, response: &T) {
        self.record_response(response, gemini::SKIP, gemini::facts, Gemini::default);
    }

    /// Records an answer: an object as it is, an array of chunks and the text of a stream put together, and
    /// what is none of these as the output, so that it can be seen.
    fn record_response<T: Serialize + ?Sized, F: Fold<Value>>(
        &self,
        response: &T,
        skip: &'static [&'static str],
        facts: fn(&Value) -> Facts,
        fold: impl FnOnce() -> F,
    ) {
        if self.open.is_none() {
            return;
        }
        let Some(response) = tree::read(response, skip) else {
            // Too large or not readable: captured as any other output, which is cut.
            return self.offer(response);
        };
        let is_stream = match &response {
            Value::String(_) => true,
            Value::Array(chunks) => chunks.iter().any(Value::is_object),
            _ => false,
        };
        if is_stream {
            let mut fold = fold();
            fold.push(&response);
            return fold.record(self);
        }
        let facts = facts(&response);
        if facts.say_nothing() {
            let empty = match &response {
                Value::Null => true,
                Value::Array(list) => list.is_empty(),
                Value::Object(object) => without_nulls(object).is_empty(),
                _ => false,
            };
            if !empty {
                self.offer(&response);
            }
        }
        self.record_facts(facts);
    }

    /// Sets the output unless there is one.
    fn offer<T: Serialize + ?Sized>(&self, output: &T) {
        if let Some(output) = record::Value::capture(output) {
            self.offer_output(output);
        }
    }

    pub(crate) fn record_facts(&self, facts: Facts) {
        let Some(open) = &self.open else { return };
        let no_answer = facts.have_no_answer();
        let Facts {
            provider,
            model,
            usage,
            finish_reason,
            output,
            error,
        } = facts;
        if let Some(error) = error {
            self.record_exception(error);
        }
        if no_answer {
            return;
        }
        let finish_reason = finish_reason.and_then(|reason| record::Value::capture(&reason));
        let output = output.filter(|_| open.captures());
        let output = output.and_then(|output| record::Value::capture(&output));
        open.write(|buffer| {
            if let Some(model) = &model {
                buffer.set_response_model(model);
            }
            if !provider.is_empty() {
                let slot = buffer.push_value(ValueRef::Str(provider));
                buffer.set_entry(Role::Call, record::PROVIDER, slot);
            }
            if let Some(usage) = &usage {
                buffer.set_usage(usage);
            }
            if let Some(reason) = finish_reason {
                let reason = buffer.push_owned(reason);
                buffer.set_entry(Role::Metadata, "finish_reason", reason);
            }
            if let Some(output) = output
                && buffer.output == Slot::Absent
            {
                buffer.output = buffer.push_owned(output);
            }
        });
    }
}

/// What a provider counted.
impl Usage {
    /// The usage an OpenAI response states, see [`Span::record_openai`]; `None` if it states none.
    ///
    /// ```
    /// use tracefuse_core::Usage;
    /// let body = r#"{ "usage": { "prompt_tokens": 8, "total_tokens": 8 } }"#;
    /// assert_eq!(Usage::from_openai_response(body).unwrap().sum(), 8);
    /// ```
    #[must_use]
    pub fn from_openai_response<T: Serialize + ?Sized>(response: &T) -> Option<Self> {
        openai::facts(&tree::read(response, openai::SKIP)?).usage
    }

    /// The usage an Anthropic response states, see [`Span::record_anthropic`]; `None` if it states none.
    #[must_use]
    pub fn from_anthropic_response<T: Serialize + ?Sized>(response: &T) -> Option<Self> {
        anthropic::facts(&tree::read(response, &[])?).usage
    }

    /// The usage a Gemini response states, see [`Span::record_gemini`]; `None` if it states none.
    #[must_use]
    pub fn from_gemini_response<T: Serialize + ?Sized>(response: &T) -> Option<Self> {
        gemini::facts(&tree::read(response, gemini::SKIP)?).usage
    }
}

/// A count of tokens; what is negative, broken or absurd is none.
fn count(value: Option<&Value>) -> Option<u64> {
    let value = value?;
    value.as_u64().or_else(|| {
        // Some clients keep counts as floats; beyond 2^53 a float is no count.
        let float = value.as_f64()?;
        ((0.0..=9_007_199_254_740_992.0).contains(&float) && float.fract() == 0.0)
            .then_some(float as u64)
    })
}

/// A text that says something.
fn text(value: Option<&Value>) -> Option<&str> {
    value?.as_str().filter(|text| !text.is_empty())
}

/// What is said of each answer: one as it is, several as an array.
fn one_or_all(mut values: Vec<Value>) -> Option<Value> {
    match values.len() {
        0 => None,
        1 => values.pop(),
        _ => Some(Value::Array(values)),
    }
}

/// An object without what is `null` or an empty list: SDKs write out every field they know.
fn without_nulls(object: &Map<String, Value>) -> Map<String, Value> {
    let says_something =
        |value: &Value| !value.is_null() && value.as_array().is_none_or(|list| !list.is_empty());
    object
        .iter()
        .filter(|(_, value)| says_something(value))
        .map(|(key, value)| (key.clone(), value.clone()))
        .collect()
}

#[cfg(test)]
mod tests;
