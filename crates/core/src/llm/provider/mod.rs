//! What a provider's response says: model, usage, finish reason, output, error.
//! Called by users on a `Span` or a `Usage`, and by `stream` at a stream's end; one file a provider.

pub(crate) mod anthropic;
pub(crate) mod gemini;
pub(crate) mod openai;
pub(crate) mod tree;

use serde::Serialize;
use serde_json::{Map, Value};

use crate::record::{self, Exception, Role, Usage, ValueRef};
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
        self.record_response(response, openai::SKIP, openai::facts);
    }

    /// Records what an Anthropic `Message` says: model, usage, `finish_reason` (its `stop_reason`) as
    /// metadata, and, unless an output was set, the message with its tool calls as output. An error
    /// body is recorded as an error.
    ///
    /// Takes an SDK's type, a `serde_json::Value`, or the body's text; what it cannot read changes nothing.
    pub fn record_anthropic<T: Serialize + ?Sized>(&self, response: &T) {
        self.record_response(response, &[], anthropic::facts);
    }

    /// Records what a Gemini `GenerateContentResponse` says: model, usage, `finish_reason` as
    /// metadata, and, unless an output was set, the content with its function calls as output. An
    /// error body is recorded as an error. Keys may be in camel or snake case.
    ///
    /// Takes an SDK's type, a `serde_json::Value`, or the body's text; what it cannot read changes nothing.
    pub fn record_gemini<T: Serialize + ?Sized>(&self, response: &T) {
        self.record_response(response, gemini::SKIP, gemini::facts);
    }

    fn record_response<T: Serialize + ?Sized>(
        &self,
        response: &T,
        skip: &'static [&'static str],
        facts: fn(&Value) -> Facts,
    ) {
        if self.open.is_some()
            && let Some(response) = tree::read(response, skip)
        {
            self.record_facts(facts(&response));
        }
    }

    pub(crate) fn record_facts(&self, facts: Facts) {
        let Some(open) = &self.open else { return };
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
        if model.is_none() && usage.is_none() && finish_reason.is_none() && output.is_none() {
            return;
        }
        let finish_reason = finish_reason.and_then(|reason| record::Value::capture(&reason));
        let output = output.and_then(|output| record::Value::capture(&output));
        open.write(|buffer| {
            if let Some(model) = &model {
                buffer.set_response_model(model);
            }
            if !provider.is_empty() {
                buffer.put(Role::Call, record::PROVIDER, ValueRef::Str(provider));
            }
            if let Some(usage) = &usage {
                buffer.set_usage(usage);
            }
            if let Some(reason) = finish_reason {
                buffer.put_owned(Role::Metadata, "finish_reason", reason);
            }
            if let Some(output) = output
                && !buffer.has(Role::Output)
            {
                buffer.put_owned(Role::Output, "", output);
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

/// `{"error": {"type", "code" or "status", "message"}}`, which all three have, or its inner object.
fn error(response: &Value, provider: &str) -> Option<Exception> {
    let error = response.get("error").filter(|error| !error.is_null())?;
    let message = text(error.get("message")).or_else(|| text(Some(error)))?;
    let kind = ["type", "status", "code"]
        .iter()
        .find_map(|key| text(error.get(*key)))
        .map_or_else(|| provider.to_owned(), |kind| format!("{provider}.{kind}"));
    Some(Exception::new(kind, message))
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
