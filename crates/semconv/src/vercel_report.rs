//! What Vercel's AI SDK reports of a call beside OpenTelemetry's names: its telemetry settings, its usage and its response.
//! Called by `vercel`.

use serde_json::{Map, Value as Json};
use tracefuse_core::bridge::update_trace;

use crate::observation::Observation;
use crate::value::Value;

/// What the application says of its call.
pub(crate) fn record_telemetry<'a>(
    to: &Observation,
    key: &str,
    value: Value<'a>,
) -> Option<Value<'a>> {
    match key {
        "userId" => to.set_user(value.into_text()),
        "sessionId" => to.set_session(&value.text()),
        "tags" => {
            let tags = value.texts();
            update_trace(&to.span, |trace| {
                tags.iter().for_each(|tag| trace.add_tag(tag));
            });
        }
        // A prompt of Langfuse, as JSON.
        "langfusePrompt" => {
            let prompt: Map<String, Json> = serde_json::from_str(&value.text()).unwrap_or_default();
            let Some(name) = prompt.get("name").and_then(Json::as_str) else {
                return Some(value);
            };
            to.with_facts(|facts| facts.prompt.0 = Some(name.to_owned()));
            if let Some(version) = prompt.get("version").and_then(Json::as_u64) {
                to.set_prompt_version(&Value::U64(version));
            }
        }
        _ => to.span.add_metadata(key, &value),
    }
    None
}

/// Takes what the provider itself counted. Of Anthropic the SDK's own counts exclude the cache.
pub(crate) fn record_report(to: &Observation, value: &Value<'_>) {
    let metadata: Json = serde_json::from_str(&value.text()).unwrap_or_default();
    let count = |place: &str| metadata.pointer(place).and_then(Json::as_u64);
    let usage = |name: &str| count(&format!("/anthropic/usage/{name}"));
    let mut tokens: Vec<(&str, u64)> = Vec::new();
    if let Some(input) = usage("input_tokens") {
        let read = usage("cache_read_input_tokens").unwrap_or(0);
        let written = usage("cache_creation_input_tokens").unwrap_or(0);
        tokens.push((
            "input_tokens",
            input.saturating_add(read).saturating_add(written),
        ));
        tokens.push(("cache_read_input_tokens", read));
        tokens.push(("cache_creation_input_tokens", written));
        for lifetime in ["ephemeral_5m_input_tokens", "ephemeral_1h_input_tokens"] {
            let units = count(&format!("/anthropic/usage/cache_creation/{lifetime}"));
            tokens.extend(units.map(|units| (lifetime, units)));
        }
    }
    let costs = ["/gateway/cost", "/openrouter/usage/cost"];
    let cost = costs.iter().find_map(|place| metadata.pointer(place));
    let cost = match cost {
        Some(Json::String(text)) => Some(Value::Str(text.as_str().into())),
        Some(Json::Number(number)) => number.as_f64().map(Value::F64),
        _ => None,
    };
    to.with_facts(|facts| {
        for (name, units) in tokens {
            let attribute = format!("ai.response.providerMetadata.{name}");
            facts.tokens.take(&attribute, name, &Value::U64(units));
        }
        if let Some(cost) = cost {
            facts.tokens.take_cost("cost", &cost);
        }
    });
}
