//! What is set is what the record shows.

use serde::{Serialize, Serializer};
use serde_json::json;
use tracefuse_core::record::{Value, ValueRef};
use tracefuse_core::{Cost, Level, ObservationType, Span, Status, Timestamp, Usage};

use crate::support::{EPOCH, tracer};

#[test]
fn a_generation_shows_everything_that_was_set_on_it() {
    let (tracer, kept, _) = tracer();
    tracer.trace("root").run(|trace| {
        let builder = trace
            .generation("answer")
            .model("gpt-4o")
            .model_parameter("temperature", 0.7)
            .prompt("qa", 3)
            .input(json!([{"role": "user", "content": "2+2?"}]))
            .metadata("k", 1)
            .tag("a");
        builder.run(|span| {
            span.record_first_token();
            span.add_metadata("k", "two");
            span.add_metadata("none", None::<u8>);
            span.add_tag("b");
            span.add_tag("a");
            span.set_usage(Usage::openai(9, 1));
            span.set_usage(Usage::openai(10, 2).cached_tokens(4));
            span.set_cost(Cost::total(0.0015));
            span.set_output(String::from("4"));
            span.event("cache-miss")
                .level(Level::Debug)
                .metadata("shard", 3)
                .input("in")
                .record();
            span.record_event("second");
        });
    });
    let span = kept.named("answer");
    assert_eq!(span.observation_type(), ObservationType::Generation);
    assert_eq!(span.model(), Some("gpt-4o"));
    assert_eq!(
        span.model_parameters().collect::<Vec<_>>(),
        [("temperature", ValueRef::F64(0.7))]
    );
    assert_eq!(span.prompt().map(|p| (p.name, p.version)), Some(("qa", 3)));
    assert_eq!(
        span.input(),
        Some(ValueRef::Json(r#"[{"content":"2+2?","role":"user"}]"#))
    );
    assert_eq!(span.output(), Some(ValueRef::Str("4")));
    assert_eq!(
        span.metadata().collect::<Vec<_>>(),
        [("k", ValueRef::Str("two"))]
    );
    assert_eq!(span.tags().collect::<Vec<_>>(), ["a", "b"]);
    assert_eq!(
        span.usage().collect::<Vec<_>>(),
        [("input", 6), ("input_cached_tokens", 4), ("output", 2)]
    );
    assert_eq!(span.cost().collect::<Vec<_>>(), [("total", 0.0015)]);
    assert_eq!(span.completion_start_time().unwrap().as_unix_nanos(), EPOCH);
    let events: Vec<_> = span.events().collect();
    assert_eq!(
        events
            .iter()
            .map(|e| (e.name(), e.level()))
            .collect::<Vec<_>>(),
        [("cache-miss", Level::Debug), ("second", Level::Default)]
    );
    assert_eq!(
        events[0].metadata().collect::<Vec<_>>(),
        [("shard", ValueRef::I64(3))]
    );
    assert_eq!(events[0].input(), Some(ValueRef::Str("in")));
    assert_ne!(events[0].id(), events[1].id());
}

#[test]
fn what_is_set_on_a_trace_reaches_every_span_that_ends_afterwards() {
    let (tracer, kept, _) = tracer();
    tracer
        .trace("root")
        .user_id("u")
        .tags(["a", "b"])
        .metadata("tenant", "acme")
        .run(|trace| {
            trace.span("early").run(|_| {});
            trace.set_session_id("s");
            trace.add_tag("b");
            trace.add_tag("c");
            trace.add_metadata("tenant", json!({"id": 1}));
            trace.set_input("question");
            trace.set_output(42);
            trace.span("late").run(|_| {});
        });
    let (early, late, root) = (kept.named("early"), kept.named("late"), kept.named("root"));
    assert_eq!(
        (
            early.trace().user_id.as_deref(),
            early.trace().session_id.as_deref()
        ),
        (Some("u"), None)
    );
    assert_eq!(early.trace().tags, ["a", "b"]);
    assert_eq!(late.trace().session_id.as_deref(), Some("s"));
    assert_eq!(late.trace().tags, ["a", "b", "c"]);
    assert_eq!(
        late.trace().metadata,
        [("tenant".into(), Value::Json(r#"{"id":1}"#.into()))]
    );
    assert!(
        std::sync::Arc::ptr_eq(late.trace(), root.trace()),
        "unchanged attributes are shared"
    );
    assert_eq!(
        (root.input(), root.output()),
        (Some(ValueRef::Str("question")), Some(ValueRef::I64(42)))
    );
}

#[test]
fn the_first_error_gives_level_and_message_and_all_are_kept() {
    let (tracer, kept, _) = tracer();
    tracer.trace("root").run(|trace| {
        trace.record_error(&std::io::Error::other("first"));
        trace.record_error("second");
        trace.span("status").run(|span| {
            span.set_level(Level::Warning);
            span.set_status(Status::error("soft"));
        });
    });
    let root = kept.named("root");
    assert_eq!(root.level(), Some(Level::Error));
    assert_eq!(root.status_message(), Some("std::io::error::Error: first"));
    assert_eq!(
        root.exceptions().map(|e| e.message()).collect::<Vec<_>>(),
        ["first", "second"]
    );
    let status = kept.named("status");
    assert_eq!(
        (status.level(), status.status_message()),
        (Some(Level::Warning), Some("soft"))
    );
}

/// A value whose `Serialize` uses the very span it is set on.
struct Reentrant<'a>(&'a Span);

impl Serialize for Reentrant<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.0.add_metadata("from serialize", true);
        serializer.collect_seq([1, 2])
    }
}

#[test]
fn a_value_that_uses_its_own_span_does_not_deadlock() {
    let (tracer, kept, _) = tracer();
    tracer
        .trace("root")
        .run(|trace| trace.span("s").run(|span| span.set_input(Reentrant(&span))));
    let span = kept.named("s");
    assert_eq!(span.input(), Some(ValueRef::Json("[1,2]")));
    assert_eq!(
        span.metadata().collect::<Vec<_>>(),
        [("from serialize", ValueRef::Bool(true))]
    );
}

#[test]
fn a_large_owned_string_is_moved_into_the_record() {
    let (tracer, kept, _) = tracer();
    let (prompt, answer) = ("p".repeat(70_000), "a".repeat(70_000));
    let (prompt_at, answer_at) = (prompt.as_ptr(), answer.as_ptr());
    tracer.trace("root").run(|trace| {
        trace
            .generation("big")
            .input(prompt)
            .run(|span| span.set_output(answer));
    });
    let span = kept.named("big");
    let (Some(ValueRef::Str(input)), Some(ValueRef::Str(output))) = (span.input(), span.output())
    else {
        panic!()
    };
    assert_eq!((input.as_ptr(), output.as_ptr()), (prompt_at, answer_at));
}

#[test]
fn a_rewrite_sees_every_value_and_replaces_what_it_names() {
    let (tracer, kept, _) = tracer();
    tracer.trace("root").run(|trace| {
        trace
            .span("s")
            .input("in")
            .output(json!({"a": 1}))
            .metadata("k", "v")
            .model("m")
            .run(|span| {
                span.event("e").metadata("ek", "ev").record();
                span.record_error("bad");
            });
    });
    let mut span = kept.named("s");
    let mut seen = Vec::new();
    span.rewrite(|place, value| {
        seen.push(format!("{place:?}={value}"));
        Some(Value::Str("***".into()))
    });
    seen.sort();
    assert_eq!(
        seen,
        [
            "EventMetadata(\"ek\")=ev",
            "ExceptionMessage=bad",
            "Input=in",
            "Metadata(\"k\")=v",
            "Output={\"a\":1}",
            "StatusMessage=error: bad",
        ]
    );
    assert_eq!(
        (span.input(), span.output()),
        (Some(ValueRef::Str("***")), Some(ValueRef::Str("***")))
    );
    assert_eq!(span.exceptions().next().unwrap().message(), "***");
    assert_eq!(span.model(), Some("m"));
}

#[test]
fn an_event_happened_when_it_is_said_to_have() {
    let (tracer, kept, _) = tracer();
    let then = Timestamp::from_unix_nanos(EPOCH - 7);
    tracer.trace("root").run(|trace| {
        trace.event("then").at(then).record();
        trace.event("now").record();
    });
    let times: Vec<u64> = kept
        .only()
        .events()
        .map(|event| event.time().as_unix_nanos())
        .collect();
    assert_eq!(times, [EPOCH - 7, EPOCH]);
}
