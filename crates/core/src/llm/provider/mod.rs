//! Reads a provider's response: model, usage, finish reason, output, error. One file for each provider.
//! Called by `response` for whole responses and by `stream` at the end of a stream; must know neither.

pub(crate) mod anthropic;
pub(crate) mod bedrock;
pub(crate) mod cohere;
pub(crate) mod envelope;
pub(crate) mod error;
pub(crate) mod gemini;
pub(crate) mod ollama;
pub(crate) mod openai;
pub(crate) mod tree;

use serde_json::{Map, Value};

use crate::record::{self, Cost, Exception, Role, Usage, ValueRef};
use crate::span::handle::Span;

/// What a response states; empty where it states nothing.
#[derive(Debug, Default)]
pub(crate) struct Facts {
    /// The provider in whose language the response is, by OpenTelemetry's name (`gen_ai.provider.name`).
    pub(crate) provider: &'static str,
    pub(crate) model: Option<String>,
    pub(crate) usage: Option<Usage>,
    /// The cost that the provider or a gateway states.
    pub(crate) cost: Option<Cost>,
    /// How the provider served the call: `service_tier`, `speed`.
    pub(crate) parameters: Vec<(&'static str, String)>,
    /// One text; an array if there are several answers.
    pub(crate) finish_reason: Option<Value>,
    pub(crate) output: Option<Value>,
    /// Bytes of a streamed output that were left out.
    pub(crate) cut: usize,
    pub(crate) error: Option<Exception>,
}

impl Facts {
    /// Whether there is neither an answer nor an error.
    pub(crate) fn say_nothing(&self) -> bool {
        self.error.is_none() && self.have_no_answer()
    }

    fn have_no_answer(&self) -> bool {
        self.model.is_none()
            && self.usage.is_none()
            && self.cost.is_none()
            && self.parameters.is_empty()
            && self.finish_reason.is_none()
            && self.output.is_none()
    }
}

impl Span {
    /// Records what a response states. One that states nothing changes nothing.
    pub(crate) fn record_facts(&self, facts: Facts) {
        let Some(open) = &self.open else { return };
        let no_answer = facts.have_no_answer();
        let Facts {
            provider,
            model,
            usage,
            cost,
            parameters,
            finish_reason,
            output,
            cut,
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
                buffer.put(Role::Call, record::PROVIDER, ValueRef::Str(provider));
            }
            if let Some(usage) = &usage {
                buffer.set_usage(usage);
            }
            if let Some(cost) = &cost {
                buffer.set_cost(cost);
            }
            for (name, value) in &parameters {
                buffer.put(Role::ModelParameter, name, ValueRef::Str(value));
            }
            if let Some(reason) = finish_reason {
                buffer.put_owned(Role::Metadata, "finish_reason", reason);
            }
            if let Some(output) = output
                && !buffer.has(Role::Output)
            {
                buffer.put_streamed_output(output, cut);
            }
        });
    }
}

/// Fields with the answer of services that have neither messages nor items: agents, ranking, moderation, recognition of
/// documents and speech, text generation of Hugging Face, Bedrock's own models, older releases.
const OTHERS: &[&str] = &[
    "result",
    "results",
    "outputs",
    "generations",
    "generation",
    "generated_text",
    "completion",
    "transcript",
    "pages",
    "rankings",
    "documents",
];

/// The answer in one of the fields that no language has its messages in.
pub(crate) fn other_output(response: &Value) -> Option<Value> {
    let response = envelope::unwrapped(response);
    let is_vector = |result: &Value| result.get("embedding").is_some();
    let says = |value: &&Value| match value {
        Value::String(text) => !text.is_empty(),
        // Vectors are not recorded.
        Value::Array(list) => !list.is_empty() && !list.iter().any(is_vector),
        Value::Object(object) => !object.is_empty(),
        _ => false,
    };
    let mut found = OTHERS.iter().filter_map(|key| response.get(*key));
    found.find(says).cloned()
}

/// A text that is not empty.
fn text(value: Option<&Value>) -> Option<&str> {
    value?.as_str().filter(|text| !text.is_empty())
}

/// One value as it is, several as an array.
pub(crate) fn one_or_all(mut values: Vec<Value>) -> Option<Value> {
    match values.len() {
        0 => None,
        1 => values.pop(),
        _ => Some(Value::Array(values)),
    }
}

/// An object without what is `null` or an empty list: SDKs write out every field they know.
pub(crate) fn without_nulls(object: &Map<String, Value>) -> Map<String, Value> {
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
