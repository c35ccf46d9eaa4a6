//! The attributes that are the same for all observations of a batch or of a trace. Called by `mapping` once for each.

use tracefuse_exporter::record::{Resource, TraceAttributes};
use tracefuse_otlp::encode::{Any, Attributes};
use tracefuse_otlp::resource_attributes;

use crate::attributes as name;
use crate::text;
use crate::values::{any, as_text, metadata};

/// What all spans of the process have in common.
pub(super) fn write_resource(resource: &Resource, attributes: &mut Attributes<'_>) {
    let environment = resource.environment.as_deref().and_then(text::environment);
    let names = [
        (name::ENVIRONMENT, environment.as_deref()),
        (name::RELEASE, resource.release.as_deref()),
        (name::VERSION, resource.version.as_deref()),
    ];
    let mut scratch = String::new();
    for (key, value) in resource_attributes(resource, &names) {
        attributes.set(key, any(value, &mut scratch));
    }
}

/// What each observation has of its trace; `wanted` chooses keys of the metadata.
pub(super) fn write(
    trace: &TraceAttributes,
    resource: &Resource,
    attributes: &mut Attributes<'_>,
    wanted: impl Fn(&str) -> bool,
) {
    let texts = [
        (
            name::TRACE_NAME,
            (!trace.name.is_empty()).then_some(&trace.name),
        ),
        (name::USER_ID, trace.user_id.as_ref()),
        (name::SESSION_ID, trace.session_id.as_ref()),
        (
            name::RELEASE,
            trace.release.as_ref().or(resource.release.as_ref()),
        ),
        (
            name::VERSION,
            trace.version.as_ref().or(resource.version.as_ref()),
        ),
    ];
    for (key, value) in texts {
        if let Some(value) = value.filter(|value| !value.is_empty()) {
            attributes.set(key, Any::Str(value));
        }
    }
    let environments = [&trace.environment, &resource.environment];
    let mut environments = environments.into_iter().flatten();
    if let Some(environment) = environments.find_map(|name| text::environment(name)) {
        attributes.set(name::ENVIRONMENT, Any::Str(&environment));
    }
    if !trace.tags.is_empty() {
        attributes.set_texts(name::TAGS, trace.tags.iter().map(String::as_str));
    }
    if trace.public {
        attributes.set(name::PUBLIC, Any::Bool(true));
    }
    let mut scratch = String::new();
    for (key, value) in trace.metadata.iter().filter(|(key, _)| wanted(key)) {
        if key.starts_with(name::EXPERIMENT) {
            attributes.set(key, as_text(value.as_ref(), &mut scratch));
            continue;
        }
        let value = metadata(value.as_ref(), &mut scratch);
        attributes.set_below(name::TRACE_METADATA, text::safe_key(key), value);
    }
}
