//! `langfuse.observation.*`: the attributes of one observation.
//! Called by `langfuse`, which has those of the trace.

use serde_json::{Map, Value as Json};
use tracefuse_core::bridge::{
    Count, count, dollars, reported_usage, set_first_token, update_trace,
};
use tracefuse_core::{Cost, Level, ObservationType, Usage};

use crate::facts::{Certainty, Rank};
use crate::observation::Observation;
use crate::time;
use crate::value::Value;

/// Metadata that is one JSON object.
pub(crate) fn add_metadata(to: &Observation, value: &Value<'_>) {
    for (key, value) in object(value) {
        to.span.add_metadata(&key, value);
    }
}

pub(crate) fn record_observation(to: &Observation, name: &str, rest: &str, value: Value<'_>) {
    match rest {
        "type" => {
            let text = value.text();
            let known = ObservationType::ALL
                .into_iter()
                .find(|kind| kind.as_str().eq_ignore_ascii_case(&text));
            if let Some(kind) = known {
                to.set_kind(kind, Certainty::Explicit);
            }
        }
        "level" => {
            let known = level(&value.text());
            match known {
                Some(Level::Error) => {
                    to.fail(None);
                    to.set_level(Level::Error);
                }
                Some(level) => to.set_level(level),
                None => {}
            }
        }
        "status_message" => to.note(value.into_text()),
        "input" => to.set_input(Rank::Explicit, value),
        "output" => to.set_output(Rank::Explicit, value),
        "model.name" => {
            to.set_kind(ObservationType::Generation, Certainty::Model);
            let model = value.text();
            if !model.is_empty() {
                to.with_facts(|facts| facts.model_is_final = true);
                to.span.set_model(&model);
            }
        }
        "model.parameters" => {
            for (key, value) in object(&value) {
                to.span.add_model_parameter(&key, value);
            }
        }
        "usage_details" => {
            let details = object(&value);
            if !details.is_empty() {
                to.with_facts(|facts| facts.usage = stated_usage(details));
            }
        }
        "cost_details" => {
            let stated = object(&value);
            let cost = stated
                .iter()
                .filter_map(|(name, amount)| Some((name.as_str(), dollars(amount)?)))
                .fold(None, |cost: Option<Cost>, (name, dollars)| {
                    Some(cost.unwrap_or_default().bucket(name, dollars))
                });
            to.with_facts(|facts| facts.cost = cost);
        }
        "completion_start_time" => match time::parse(&value.text()) {
            Some(time) => set_first_token(&to.span, |_| time),
            // On a span that is still open, any other value means now.
            None if !to.is_measured => to.span.record_first_token(),
            None => {}
        },
        "prompt.name" => to.with_facts(|facts| facts.prompt.0 = Some(value.into_text())),
        "prompt.version" => to.set_prompt_version(&value),
        "metadata" => add_metadata(to, &value),
        _ => {
            let key = rest.strip_prefix("metadata.").unwrap_or(name);
            to.span.add_metadata(key, &value);
        }
    }
}

/// The level of any of the names that Langfuse knows, in any case.
pub(crate) fn level(name: &str) -> Option<Level> {
    Some(match name.trim().to_ascii_lowercase().as_str() {
        "debug" | "trace" | "verbose" => Level::Debug,
        "default" | "info" | "log" | "notice" | "ok" | "success" => Level::Default,
        "warning" | "warn" => Level::Warning,
        "error" | "fatal" | "critical" => Level::Error,
        _ => return None,
    })
}

impl Observation {
    pub(crate) fn set_session(&self, session: &str) {
        update_trace(&self.span, |trace| {
            trace.session_id = Some(session.to_owned())
        });
    }

    pub(crate) fn set_user(&self, user: String) {
        update_trace(&self.span, |trace| trace.user_id = Some(user));
    }

    pub(crate) fn set_prompt_version(&self, version: &Value<'_>) {
        let number = version.count().and_then(|number| number.try_into().ok());
        // The conventions have versions of any text, such as `v2`; a link needs a number.
        let text = number.is_none().then(|| version.text().into_owned());
        self.with_facts(|facts| {
            facts.prompt.1 = number;
            facts.prompt_version = text.filter(|text| !text.is_empty());
        });
    }
}

/// Buckets by name, or a provider's own report. Buckets do not include one another, unless the stated total shows
/// that they do.
fn stated_usage(mut details: Map<String, Json>) -> Option<Usage> {
    // swiftide has the parts of a provider's report in a separate object.
    if let Some(Json::Object(parts)) = details.remove("details") {
        details.extend(parts);
    }
    let report = Json::Object(details);
    if let Some(usage) = reported_usage(&report) {
        return Some(usage);
    }
    let buckets = report.as_object()?.iter();
    let buckets = buckets.filter_map(|(name, units)| Some((name.as_str(), count(units)?)));
    buckets.fold(None, |usage: Option<Usage>, (name, units)| {
        let usage = usage.unwrap_or_default();
        Some(match name {
            "input" => usage.count(Count::Input, units),
            "output" => usage.count(Count::Output, units),
            "total" => usage.total(units),
            name => usage.bucket(name, units),
        })
    })
}

/// A JSON object given as text; nothing if it is not one.
pub(crate) fn object(value: &Value<'_>) -> Map<String, Json> {
    serde_json::from_str(&value.text()).unwrap_or_default()
}
