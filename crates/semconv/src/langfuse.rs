//! `langfuse.*`: what a user says to Langfuse by the names Langfuse reads (`docs/langfuse.md` 2.4 and 2.5).
//! Called by `observation`.

use serde_json::{Map, Value as Json};
use tracefuse_core::bridge::{set_first_token, update_trace};
use tracefuse_core::record::Value as Captured;
use tracefuse_core::{Cost, Level, ObservationType};

use crate::observation::{Certainty, Observation, Rank};
use crate::time;
use crate::value::Value;

/// Takes a field by its name, and by the name after `langfuse.`.
pub(crate) fn record(to: &Observation, name: &str, rest: &str, value: Value<'_>) {
    if let Some(rest) = rest.strip_prefix("observation.") {
        record_observation(to, name, rest, value);
        return;
    }
    match rest {
        "user.id" => {
            let user = value.into_text();
            update_trace(&to.span, |trace| trace.user_id = Some(user));
        }
        "session.id" => to.set_session(&value.text()),
        "trace.name" => {
            let name = value.into_text();
            update_trace(&to.span, |trace| trace.name = name);
        }
        "trace.tags" | "tags" => {
            let tags = tags(&value);
            update_trace(&to.span, |trace| {
                tags.iter().for_each(|tag| trace.add_tag(tag));
            });
        }
        "trace.public" => {
            let public = matches!(&*value.text(), "true");
            update_trace(&to.span, |trace| trace.public = public);
        }
        "release" => {
            let release = value.into_text();
            update_trace(&to.span, |trace| trace.release = Some(release));
        }
        "version" => {
            let version = value.into_text();
            update_trace(&to.span, |trace| trace.version = Some(version));
        }
        "environment" => {
            let environment = value.into_text();
            update_trace(&to.span, |trace| trace.environment = Some(environment));
        }
        // A trace has no input of its own: it is its root's.
        "trace.input" if to.is_root => to.set_input(Rank::Explicit, value),
        "trace.output" if to.is_root => to.set_output(Rank::Explicit, value),
        _ => match rest.strip_prefix("trace.metadata.") {
            Some(key) => {
                if let Some(value) = Captured::capture(&value) {
                    update_trace(&to.span, |trace| trace.set_metadata(key, value));
                }
            }
            None => to.span.add_metadata(name, &value),
        },
    }
}

fn record_observation(to: &Observation, name: &str, rest: &str, value: Value<'_>) {
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
            let text = value.text();
            let known = [Level::Debug, Level::Default, Level::Warning, Level::Error]
                .into_iter()
                .find(|level| level.as_str().eq_ignore_ascii_case(&text));
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
            to.with_facts(|facts| facts.model_is_final = true);
            to.span.set_model(&value.text());
        }
        "model.parameters" => {
            for (key, value) in object(&value) {
                to.span.add_model_parameter(&key, value);
            }
        }
        "usage_details" => {
            let units = object(&value).into_iter();
            let buckets = units.filter_map(|(name, units)| Some((name, units.as_u64()?)));
            let buckets = buckets.collect::<Vec<_>>();
            if !buckets.is_empty() {
                to.with_facts(|facts| facts.usage = Some(buckets));
            }
        }
        "cost_details" => {
            let cost = object(&value)
                .into_iter()
                .filter_map(|(name, dollars)| Some((name, dollars.as_f64()?)))
                .fold(Cost::default(), |cost, (name, dollars)| {
                    cost.bucket(name, dollars)
                });
            to.with_facts(|facts| facts.cost = Some(cost));
        }
        "completion_start_time" => match time::parse(&value.text()) {
            Some(time) => set_first_token(&to.span, |_| time),
            // Of a span that is still open it says: now.
            None if !to.is_measured => to.span.record_first_token(),
            None => {}
        },
        "prompt.name" => to.with_facts(|facts| facts.prompt.0 = Some(value.into_text())),
        "prompt.version" => {
            let version = value.count().and_then(|version| version.try_into().ok());
            to.with_facts(|facts| facts.prompt.1 = version);
        }
        _ => {
            let key = rest.strip_prefix("metadata.").unwrap_or(name);
            to.span.add_metadata(key, &value);
        }
    }
}

impl Observation {
    pub(crate) fn set_session(&self, session: &str) {
        update_trace(&self.span, |trace| {
            trace.session_id = Some(session.to_owned())
        });
    }
}

/// A JSON object given as text; nothing if it is not one.
fn object(value: &Value<'_>) -> Map<String, Json> {
    serde_json::from_str(&value.text()).unwrap_or_default()
}

/// Tags as a JSON array, which is also how `Debug` writes a list of texts, or separated by commas.
fn tags(value: &Value<'_>) -> Vec<String> {
    let text = value.text();
    serde_json::from_str(&text).unwrap_or_else(|_| {
        let tags = text.split(',').map(|tag| tag.trim().to_owned());
        tags.filter(|tag| !tag.is_empty()).collect()
    })
}
