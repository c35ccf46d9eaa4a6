//! How events of the batch API are merged into what is known, by Langfuse's rules (`docs/langfuse.md` 1.5).
//! Called by `apply`. Pure: knows no tables.

use std::collections::BTreeMap;

use serde_json::Value;

use super::change::{Context, Field, ObservationPatch, TraceBody, TracePatch};
use super::rows::TraceState;
use crate::model::{Bodies, ObservationRow};

/// Merges an observation: later fields win, but the start stays the first that was given; null erases; of input and
/// output the last that is not empty counts; metadata is merged by key.
pub(crate) fn observation(
    known: Option<ObservationRow>,
    bodies: &mut Bodies,
    context: &mut Context,
    patch: ObservationPatch,
) -> ObservationRow {
    let is_new = known.is_none();
    let mut row = known.unwrap_or_default();
    row.id = patch.id;
    if let Some(kind) = patch.kind {
        row.kind = kind;
    }
    let first = |start_ns: i64, ttft: Option<i64>| ttft.map(|ttft| start_ns.saturating_add(ttft));
    let mut first_token_ns = first(row.start_ns, row.ttft_ns);
    if is_new {
        // An update may come first: its end is nearer to the start than the time of its event.
        let end_ns = match &patch.end_ns {
            Field::Is(end) => *end,
            Field::Absent | Field::Null => patch.event_ns,
        };
        row.start_ns = patch.start_ns.unwrap_or_else(|| patch.event_ns.min(end_ns));
    } else if let Some(start_ns) = patch.start_ns {
        // A create may come after its update: then the earlier start is kept. So it is for two creates.
        row.start_ns = row.start_ns.min(start_ns);
    }
    patch.first_token_ns.over(&mut first_token_ns);
    row.ttft_ns = first_token_ns.map(|first| first.saturating_sub(row.start_ns).max(0));
    patch.parent.over(&mut row.parent);
    row.is_root = row.parent.is_none();
    let mut name = Some(std::mem::take(&mut row.name));
    patch.name.over(&mut name);
    row.name = name.unwrap_or_default();
    patch.end_ns.over(&mut row.end_ns);
    // An end before the start is raised to the start.
    row.end_ns = row.end_ns.map(|end| end.max(row.start_ns));
    if let Some(level) = patch.level {
        row.level = level;
    }
    patch.status_message.over(&mut row.status_message);
    patch.model.over(&mut row.model);
    if let Some(prompt) = patch.prompt {
        row.prompt = Some(prompt);
    }
    if !patch.usage.is_empty() {
        row.usage = patch.usage;
    }
    if !patch.cost.is_empty() {
        row.cost = patch.cost;
        row.cost_is_computed = false;
    }
    for note in patch.notes {
        if !row.notes.contains(&note) {
            row.notes.push(note);
        }
    }
    text(&mut bodies.input, patch.input);
    text(&mut bodies.output, patch.output);
    deep(&mut bodies.metadata, patch.metadata);
    bodies.parameters.extend(patch.parameters);
    patch.version.over(&mut context.facts.version);
    if context.facts.environment.is_none() {
        context.facts.environment = patch.environment;
    }
    row
}

/// Merges the row of a trace; returns the part that belongs to its body.
pub(crate) fn trace(
    state: &mut TraceState,
    patch: TracePatch,
    start_ns: i64,
) -> (Field<String>, Field<String>, BTreeMap<String, Value>) {
    patch.name.over(&mut state.given_name);
    let row = &mut state.row;
    patch.user_id.over(&mut row.user_id);
    patch.session_id.over(&mut row.session_id);
    patch.release.over(&mut row.release);
    patch.version.over(&mut row.version);
    if let Some(environment) = patch.environment
        && (row.environment.is_empty() || row.environment == "default")
    {
        row.environment = environment;
    }
    if let Some(public) = patch.public {
        row.public = public;
    }
    if !patch.tags.is_empty() {
        row.tags.extend(patch.tags);
        row.tags.sort();
        row.tags.dedup();
    }
    if state.own_ns.is_none() && (patch.timestamp_ns.is_some() || row.spans == 0) {
        state.own_ns = Some(start_ns);
        row.start_ns = match row.spans {
            0 => start_ns,
            _ => row.start_ns.min(start_ns),
        };
    }
    (patch.input, patch.output, patch.metadata)
}

pub(crate) fn trace_body(
    body: &mut TraceBody,
    input: Field<String>,
    output: Field<String>,
    metadata: BTreeMap<String, Value>,
) {
    text(&mut body.input, input);
    text(&mut body.output, output);
    deep(&mut body.metadata, metadata);
}

/// The last text that is not empty.
fn text(known: &mut Option<String>, new: Field<String>) {
    if let Field::Is(new) = new
        && !new.is_empty()
    {
        *known = Some(new);
    }
}

/// Objects are merged by key, everything else is replaced.
fn deep(known: &mut BTreeMap<String, Value>, new: BTreeMap<String, Value>) {
    for (key, new) in new {
        match (known.get_mut(&key), new) {
            (Some(Value::Object(known)), Value::Object(new)) => {
                let mut merged: BTreeMap<String, Value> =
                    std::mem::take(known).into_iter().collect();
                deep(&mut merged, new.into_iter().collect());
                known.extend(merged);
            }
            (_, new) => {
                known.insert(key, new);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn patch(id: &str) -> ObservationPatch {
        ObservationPatch {
            id: id.to_owned(),
            ..ObservationPatch::default()
        }
    }

    #[test]
    fn a_create_and_an_update_are_one_in_any_order() {
        let create = || ObservationPatch {
            name: Field::Is("answer".to_owned()),
            start_ns: Some(1_000),
            event_ns: 1_001,
            input: Field::Is("question".to_owned()),
            metadata: BTreeMap::from([("a".to_owned(), json!({"x": 1}))]),
            ..patch("o")
        };
        let update = || ObservationPatch {
            event_ns: 5_000,
            end_ns: Field::Is(4_000),
            output: Field::Is("answer".to_owned()),
            metadata: BTreeMap::from([("a".to_owned(), json!({"y": 2}))]),
            ..patch("o")
        };
        for events in [[create(), update()], [update(), create()]] {
            let (mut bodies, mut context) = (Bodies::default(), Context::default());
            let mut row = None;
            for event in events {
                row = Some(observation(row, &mut bodies, &mut context, event));
            }
            let row = row.unwrap();
            assert_eq!((row.start_ns, row.end_ns), (1_000, Some(4_000)));
            assert_eq!(row.name, "answer");
            assert_eq!(bodies.metadata.get("a"), Some(&json!({"x": 1, "y": 2})));
            assert_eq!(bodies.input.as_deref(), Some("question"));
        }
    }

    #[test]
    fn null_erases_and_an_empty_output_does_not() {
        let (mut bodies, mut context) = (Bodies::default(), Context::default());
        bodies.output = Some("kept".to_owned());
        let known = ObservationRow {
            name: "old".to_owned(),
            status_message: Some("bad".to_owned()),
            ..ObservationRow::default()
        };
        let event = ObservationPatch {
            name: Field::Null,
            status_message: Field::Null,
            output: Field::Is(String::new()),
            ..patch("o")
        };
        let row = observation(Some(known), &mut bodies, &mut context, event);
        assert_eq!((row.name.as_str(), row.status_message), ("", None));
        assert_eq!(bodies.output.as_deref(), Some("kept"));
    }
}
