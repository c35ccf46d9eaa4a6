//! Amazon Bedrock: the Converse API, of every model that Bedrock serves.
//! Called by `provider` for whole answers and for the events of a stream.

use serde_json::{Map, Value, json};

use super::envelope::unwrapped;
use super::gemini::field;
use super::{Facts, anthropic, error, openai, text, without_nulls};
use crate::llm::usage::{self, Language};

pub(crate) fn facts(response: &Value) -> Facts {
    // Without Converse a model answers in the language of its maker.
    let makers = match Language::Bedrock.spoken_in(response) {
        Language::OpenAi => Some(openai::facts(response)),
        Language::Anthropic => Some(anthropic::facts(response)),
        _ => None,
    };
    if let Some(facts) = makers {
        return Facts {
            provider: "aws.bedrock",
            ..facts
        };
    }
    let whole = response;
    let used = usage::read(Language::Bedrock, response);
    let response = unwrapped(response);
    // An event of a stream has its fields in an inner object.
    let stop = response.get("messageStop").unwrap_or(response);
    let routed = response.pointer("/trace/promptRouter/invokedModelId");
    Facts {
        provider: "aws.bedrock",
        model: text(routed).map(str::to_owned),
        usage: used.usage,
        cost: used.cost,
        parameters: used.parameters,
        finish_reason: text(field(stop, "stopReason", "stop_reason")).map(Value::from),
        output: response.pointer("/output/message").and_then(output),
        cut: 0,
        error: error::read(whole, "bedrock"),
    }
}

/// The message: its role and its blocks, or its text if it is nothing else.
fn output(message: &Value) -> Option<Value> {
    let blocks = message.get("content")?.as_array()?;
    let blocks: Vec<Map<String, Value>> = blocks
        .iter()
        .filter_map(Value::as_object)
        .map(without_nulls)
        .collect();
    if blocks.is_empty() {
        return None;
    }
    let role = text(message.get("role")).unwrap_or("assistant");
    let plain: Option<String> = blocks
        .iter()
        .map(|block| block.get("text").filter(|_| block.len() == 1)?.as_str())
        .collect();
    Some(match plain {
        Some(text) => json!({ "role": role, "content": text }),
        None => json!({ "role": role, "content": blocks }),
    })
}
