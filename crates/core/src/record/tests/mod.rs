//! Finished records, and the names and roles of what they have.

mod changes;
mod memory;

use std::collections::HashSet;
use std::sync::Arc;

use super::format::Attributes;
use super::*;
use crate::testing::Recorder;
use crate::{Span, Trace};

/// The record of a trace's root.
fn root(begin: impl FnOnce(&Trace)) -> SpanRecord {
    let recorder = Recorder::new();
    recorder.tracer().trace("t").run(|trace| begin(&trace));
    recorder.only()
}

/// The record of a span below a root.
fn span(work: impl FnOnce(&Span)) -> SpanRecord {
    let recorder = Recorder::new();
    let trace = recorder.tracer().trace("t").start();
    trace.span("s").run(|span| work(&span));
    recorder.spans().remove(0)
}

#[test]
fn names_are_those_that_are_sent() {
    assert_eq!(
        ObservationType::ALL.map(ObservationType::as_str),
        [
            "span",
            "generation",
            "event",
            "embedding",
            "agent",
            "tool",
            "chain",
            "retriever",
            "evaluator",
            "guardrail"
        ]
    );
    assert_eq!(Level::Warning.as_str(), "WARNING");
    let values: [ScoreValue; 4] = [1.into(), true.into(), "good".into(), ScoreValue::text("x")];
    assert_eq!(
        values.map(|value| value.data_type()),
        ["NUMERIC", "BOOLEAN", "CATEGORICAL", "TEXT"]
    );
}

#[test]
fn each_role_has_its_place_in_the_format() {
    // Numbers are part of the format on disk.
    let single = [
        Role::Input,
        Role::Output,
        Role::Model,
        Role::StatusMessage,
        Role::Prompt,
        Role::CompletionStart,
        Role::Name,
    ];
    let keyed = [
        Role::Metadata,
        Role::ModelParameter,
        Role::Tag,
        Role::Usage,
        Role::Cost,
        Role::Call,
    ];
    let alone = [Role::Event, Role::Exception, Role::Link];
    let mut bits = HashSet::new();
    for (at, role) in Role::ALL.into_iter().enumerate() {
        assert_eq!(role as usize, at);
        assert_eq!(role.is_single(), single.contains(&role), "{role:?}");
        assert_eq!(role.is_keyed(), keyed.contains(&role), "{role:?}");
        let is_part = !single.contains(&role) && !keyed.contains(&role) && !alone.contains(&role);
        assert_eq!(role.is_part(), is_part, "{role:?}");
        assert_eq!(role.is_limited(), keyed[..3].contains(&role), "{role:?}");
        // Those from the sixteenth on share a bit.
        assert_eq!(role.bit().count_ones(), 1);
        assert_eq!(bits.insert(role.bit()), at <= 15, "{role:?}");
    }
}

#[test]
fn attributes_of_every_role_come_typed() {
    let text = |role, key, text| (role, key, ValueRef::Str(text));
    let number = |role, key, n| (role, key, ValueRef::U64(n));
    for ((role, key, value), shown) in [
        (text(Role::Output, "", "out"), "Output(Str(\"out\"))"),
        (text(Role::Model, "", "m"), "Model(\"m\")"),
        (text(Role::StatusMessage, "", "s"), "StatusMessage(\"s\")"),
        (
            text(Role::ModelParameter, "p", "v"),
            "ModelParameter(\"p\", Str(\"v\"))",
        ),
        (
            number(Role::Prompt, "qa", 3),
            "Prompt(PromptRef { name: \"qa\", version: 3 })",
        ),
        (
            number(Role::CompletionStart, "", 9),
            "CompletionStart(Timestamp(9))",
        ),
        (
            (Role::Cost, "total", ValueRef::F64(0.5)),
            "Cost(\"total\", 0.5)",
        ),
        (
            text(Role::Call, "request_model", "m"),
            "RequestModel(\"m\")",
        ),
        (
            text(Role::Call, "response_model", "m"),
            "ResponseModel(\"m\")",
        ),
        (number(Role::Call, "output_chunks", 4), "OutputChunks(4)"),
        (number(Role::Call, "region", 4), "Call(\"region\", U64(4))"),
        // Numbers that no writer of this version writes.
        (number(Role::Prompt, "qa", 1 << 32), ""),
        (text(Role::Usage, "input", "7"), ""),
        (text(Role::Cost, "total", "7"), ""),
        (number(Role::Model, "", 7), ""),
    ] {
        let mut written = Attributes::default();
        written.push(role, key, value);
        let attributes = attribute::SpanAttributes(written.read(0));
        let all: Vec<String> = attributes.map(|a| format!("{a:?}")).collect();
        assert_eq!(all.concat(), shown, "{role:?}");
    }
}
