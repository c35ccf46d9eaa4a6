//! What an observation has beside what it has of its trace: type, level, model call, metadata, errors, links.
//! Called by `mapping` for each record.

use tracefuse_exporter::record::{
    ExceptionRef, LinkRef, ObservationType, PromptRef, SpanRecord, StatusCode, ValueRef,
};
use tracefuse_otlp::encode::{Any, Attributes, SpanBody};

use crate::attributes as name;
use crate::fields::Fields;
use crate::text;
use crate::values::{as_text, level, metadata, to_picodollars};

pub(super) fn write(
    record: &SpanRecord,
    fields: &Fields<'_>,
    body: &mut SpanBody<'_>,
    scratch: &mut String,
) {
    let mut attributes = body.attributes();
    if record.is_app_root() {
        attributes.set(name::IS_APP_ROOT, Any::Bool(true));
    }
    attributes.set(name::TYPE, Any::Str(record.observation_type().as_str()));
    let failed = record.status() == StatusCode::Error;
    if let Some(level) = level(record.level(), failed) {
        attributes.set(name::LEVEL, Any::Str(level.as_str()));
    }
    let message = fields.one.status_message.map(text::one_line);
    if let Some(message) = &message {
        attributes.set(name::STATUS_MESSAGE, Any::Str(message));
    }
    for (key, value) in [
        (name::INPUT, fields.one.input),
        (name::OUTPUT, fields.one.output),
    ] {
        if let Some(value) = value {
            attributes.set(key, as_text(value, scratch));
        }
    }
    write_call(fields, &mut attributes, scratch);
    if let Some(prompt) = fields.one.prompt {
        write_prompt(record, prompt, &mut attributes);
    }
    write_metadata(fields, &mut attributes, scratch);
    if let Some(exception) = fields.exceptions.first() {
        write_exception(exception, &mut attributes);
    }
    // For other backends behind a collector; Langfuse ignores links and span events.
    for exception in &fields.exceptions {
        write_exception_event(exception, body);
    }
    for link in &fields.links {
        write_link(link, body);
    }
    body.status(record.status(), message.as_deref());
}

/// The call of a model: its name, parameters, tokens, cost, and the time of its first token.
fn write_call(fields: &Fields<'_>, attributes: &mut Attributes<'_>, scratch: &mut String) {
    if let Some(model) = fields.one.model {
        attributes.set(name::MODEL, Any::Str(model));
    }
    if let Some(json) = text::object(scratch, fields.parameters.iter().copied()) {
        attributes.set(name::MODEL_PARAMETERS, Any::Str(json));
    }
    let units = |(bucket, units): &(_, u64)| (*bucket, ValueRef::U64(*units));
    if let Some(json) = text::object(scratch, fields.usage.iter().map(units)) {
        attributes.set(name::USAGE, Any::Str(json));
    }
    let cost = || {
        let stated = fields.cost.iter().copied();
        stated.filter(|(_, dollars)| dollars.is_finite())
    };
    // The server computes a total only if input and output are the only buckets.
    let total = match cost().any(|(bucket, _)| bucket == "total") {
        true => None,
        false => cost().map(|(_, dollars)| dollars).reduce(|a, b| a + b),
    };
    let total = total.map(|total| ("total", to_picodollars(total)));
    let dollars = |(bucket, dollars)| (bucket, ValueRef::F64(dollars));
    if let Some(json) = text::object(scratch, cost().chain(total).map(dollars)) {
        attributes.set(name::COST, Any::Str(json));
    }
    if let Some(time) = fields.one.completion_start {
        let time = text::micros(scratch, time);
        attributes.set(name::COMPLETION_START_TIME, Any::Str(time));
    }
}

/// The link to a prompt. Where the server would refuse it, name and version are metadata.
fn write_prompt(record: &SpanRecord, prompt: PromptRef<'_>, attributes: &mut Attributes<'_>) {
    let is_generation = record.observation_type() == ObservationType::Generation;
    let links = is_generation && (1..=text::PROMPT_VERSIONS).contains(&prompt.version);
    let (name, version) = if links {
        (name::PROMPT_NAME, name::PROMPT_VERSION)
    } else {
        text::warn_of_prompt(is_generation, prompt.version);
        (name::UNLINKED_PROMPT_NAME, name::UNLINKED_PROMPT_VERSION)
    };
    attributes.set(name, Any::Str(prompt.name));
    attributes.set(version, Any::Int(prompt.version.into()));
}

/// The user's metadata, and tags and links as metadata, since the server has neither for a span. A key of the user that is
/// also one of ours is renamed.
fn write_metadata(fields: &Fields<'_>, attributes: &mut Attributes<'_>, scratch: &mut String) {
    let erred = !fields.exceptions.is_empty();
    let tagged = !fields.tags.is_empty();
    let linked = !fields.links.is_empty();
    for (key, value) in fields.metadata.iter().copied() {
        if key.starts_with(name::EXPERIMENT) {
            attributes.set(key, as_text(value, scratch));
            continue;
        }
        let ours = match key {
            name::SPAN_TAGS => tagged,
            name::LINKS => linked,
            _ => erred && name::EXCEPTION.contains(&key),
        };
        let key = if ours {
            text::renamed(key)
        } else {
            text::safe_key(key).into()
        };
        attributes.set_below(name::METADATA, &key, metadata(value, scratch));
    }
    if let Some(json) = text::array(scratch, fields.tags.iter().copied()) {
        attributes.set_below(name::METADATA, name::SPAN_TAGS, Any::Str(json));
    }
    if linked {
        let json = text::links(scratch, &fields.links);
        attributes.set_below(name::METADATA, name::LINKS, Any::Str(json));
    }
}

/// An error as metadata.
pub(super) fn write_exception(exception: &ExceptionRef<'_>, attributes: &mut Attributes<'_>) {
    let parts = [
        (name::EXCEPTION_TYPE, Some(exception.kind())),
        (name::EXCEPTION_MESSAGE, Some(exception.message())),
        (name::EXCEPTION_SOURCES, exception.sources()),
        (name::EXCEPTION_STACKTRACE, exception.stacktrace()),
    ];
    let mut scratch = String::new();
    for (key, value) in parts
        .into_iter()
        .filter_map(|(key, value)| Some((key, value?)))
    {
        // A message such as "404" is text too, and must be read back as text.
        let value = metadata(ValueRef::Str(value), &mut scratch);
        attributes.set_below(name::METADATA, key, value);
    }
}

/// An error as a span event.
fn write_exception_event(exception: &ExceptionRef<'_>, body: &mut SpanBody<'_>) {
    body.event("exception", exception.time(), |attributes| {
        attributes.set(name::EXCEPTION_TYPE, Any::Str(exception.kind()));
        attributes.set(name::EXCEPTION_MESSAGE, Any::Str(exception.message()));
        if let Some(stack) = exception.stacktrace() {
            attributes.set(name::EXCEPTION_STACKTRACE, Any::Str(stack));
        }
    });
}

fn write_link(link: &LinkRef<'_>, body: &mut SpanBody<'_>) {
    body.link(
        link.trace_id(),
        link.span_id(),
        link.flags(),
        |attributes| {
            for (key, value) in link.metadata() {
                attributes.set(text::safe_key(key), metadata(value, &mut String::new()));
            }
        },
    );
}
