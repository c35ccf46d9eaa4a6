//! Names of frameworks that have their own for the content of a span: MLflow, Google's Agent Development Kit, LiveKit, Genkit.
//! Called by `read` for names of no convention.

use serde_json::Value as Json;
use tracefuse_core::ObservationType;

use crate::facts::{Certainty, Rank};
use crate::observation::Observation;
use crate::openinference;
use crate::value::Value;

/// Attributes with the input.
const INPUTS: &[&str] = &[
    "mlflow.spanInputs",
    "gcp.vertex.agent.llm_request",
    "gcp.vertex.agent.tool_call_args",
    "lk.chat_ctx",
    "lk.user_input",
    "lk.user_transcript",
    "lk.input_text",
    "lk.function_tool.arguments",
    "genkit:input",
];

/// Attributes with the output.
const OUTPUTS: &[&str] = &[
    "mlflow.spanOutputs",
    "gcp.vertex.agent.llm_response",
    "gcp.vertex.agent.tool_response",
    "lk.response.text",
    "lk.response.function_calls",
    "lk.function_tool.output",
    "genkit:output",
];

/// Takes a field by its name; gives it back if it is not one of these.
pub(crate) fn record<'a>(to: &Observation, name: &str, value: Value<'a>) -> Option<Value<'a>> {
    if INPUTS.contains(&name) || OUTPUTS.contains(&name) {
        // The ADK writes an empty object, LiveKit an empty text or list, where it records no content.
        if matches!(&*value.text(), "" | "{}" | "[]") {
            return None;
        }
        let value = plain(value);
        match INPUTS.contains(&name) {
            true => to.set_input(Rank::Tool, value),
            false => to.set_output(Rank::Tool, value),
        }
        return None;
    }
    match name {
        "mlflow.spanType" => match kind(&plain(value).text()) {
            Some(kind) => to.set_kind(kind, Certainty::Operation),
            None => return None,
        },
        "mlflow.chat.tokenUsage" => {
            let taken = to.with_facts(|facts| facts.tokens.take(name, "", &value));
            return (!taken).then_some(value);
        }
        "gcp.vertex.agent.session_id" => to.set_session(&value.text()),
        "lk.function_tool.name" => {
            to.set_kind(ObservationType::Tool, Certainty::Tool);
            return Some(value);
        }
        _ => return Some(value),
    }
    None
}

/// A text that is written as JSON, as the text.
fn plain(value: Value<'_>) -> Value<'_> {
    match serde_json::from_str(&value.text()) {
        Ok(Json::String(text)) => Value::Str(text.into()),
        _ => value,
    }
}

/// The observation that a type of MLflow's spans is.
fn kind(span_type: &str) -> Option<ObservationType> {
    match span_type {
        "CHAT_MODEL" => Some(ObservationType::Generation),
        other => openinference::kind(other),
    }
}
