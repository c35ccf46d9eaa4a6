//! `langfuse.*`: the attributes that Langfuse reads (`docs/langfuse.md` 2.4 and 2.5), and swiftide's shorter names for some.
//! Called by `read`.

use tracefuse_core::bridge::update_trace;
use tracefuse_core::record::Value as Captured;

use crate::facts::Rank;
use crate::langfuse_observation::{add_metadata, object, record_observation};
use crate::observation::Observation;
use crate::value::Value;

/// Takes a field by its name, and by the name after `langfuse.`.
pub(crate) fn record(to: &Observation, name: &str, rest: &str, value: Value<'_>) {
    if let Some(rest) = rest.strip_prefix("observation.") {
        record_observation(to, name, rest, value);
        return;
    }
    match rest {
        "user.id" => to.set_user(value.into_text()),
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
        "trace.public" | "public" => {
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
        // The input of a trace is the input of its root.
        "trace.input" if to.is_root => to.set_input(Rank::Explicit, value),
        "trace.output" if to.is_root => to.set_output(Rank::Explicit, value),
        "trace.metadata" => {
            for (key, value) in object(&value) {
                if let Some(value) = Captured::capture(&value) {
                    update_trace(&to.span, |trace| trace.set_metadata(&key, value));
                }
            }
        }
        "metadata" => add_metadata(to, &value),
        "prompt.name" | "prompt.version" => record_observation(to, name, rest, value),
        // The short names that swiftide writes for its own exporter.
        "type" | "input" | "output" | "status_message" | "level" => {
            record_observation(to, name, rest, value);
        }
        "model" => record_observation(to, name, "model.name", value),
        "model_parameters" => record_observation(to, name, "model.parameters", value),
        "usage" => record_observation(to, name, "usage_details", value),
        _ => match rest.strip_prefix("trace.metadata.") {
            Some(key) => {
                if let Some(value) = Captured::capture(&value) {
                    update_trace(&to.span, |trace| trace.set_metadata(key, value));
                }
            }
            None => {
                let key = rest.strip_prefix("metadata.").unwrap_or(name);
                to.span.add_metadata(key, &value);
            }
        },
    }
}

/// Tags as a JSON array, which is also how `Debug` writes a list of texts, or separated by commas.
fn tags(value: &Value<'_>) -> Vec<String> {
    let text = value.text();
    serde_json::from_str(&text).unwrap_or_else(|_| {
        let tags = text.split(',').map(|tag| tag.trim().to_owned());
        tags.filter(|tag| !tag.is_empty()).collect()
    })
}
