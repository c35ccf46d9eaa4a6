//! Each method of a handle or a builder: what the record, the score or the processor gets of it.

use std::time::Duration;

use tracefuse_core::propagation::RemoteContext;
use tracefuse_core::record::{SpanRecord, StatusCode, Value, ValueRef};
use tracefuse_core::{
    Cost, Exception, Level, ObservationType, ScoreTarget, Span, SpanBuilder, SpanId, Status,
    Timestamp, Trace, TraceId, Tracer, Usage,
};

use crate::support::{EPOCH, Recorder, tracer};

/// What a record shows of all that a span can be given.
fn shown(span: &SpanRecord) -> Vec<String> {
    let mut lines = vec![
        format!("{} {}", span.observation_type(), span.name()),
        format!(
            "{:?} {:?} {:?}",
            span.level(),
            span.status(),
            span.status_message()
        ),
    ];
    let attributes = span.attributes().map(|attribute| format!("{attribute:?}"));
    lines.extend(attributes.filter(|line| !line.starts_with("StatusMessage")));
    lines
}

#[test]
fn each_setter_of_a_span_is_seen_in_its_record() {
    let (tracer, kept, _) = tracer();
    type Set = fn(&Span);
    let sets: [(Set, &str); 17] = [
        (|s| s.set_name("new"), "span new"),
        (
            |s| s.set_observation_type(ObservationType::Agent),
            "agent s",
        ),
        (|s| s.add_metadata("k", 1u64), "Metadata(\"k\", U64(1))"),
        (
            |s| s.add_metadata_with("k", || "v"),
            "Metadata(\"k\", Str(\"v\"))",
        ),
        (|s| s.add_tag("tag"), "Tag(\"tag\")"),
        (|s| s.set_input([1]), "Input(Json(\"[1]\"))"),
        (|s| s.set_input_with(|| "in"), "Input(Str(\"in\"))"),
        (|s| s.set_output(true), "Output(Bool(true))"),
        (|s| s.set_output_with(|| "out"), "Output(Str(\"out\"))"),
        (|s| s.set_model("m"), "Model(\"m\")"),
        (
            |s| s.add_model_parameter("p", 2),
            "ModelParameter(\"p\", I64(2))",
        ),
        (|s| s.set_usage(Usage::new(3, 4)), "Usage(\"output\", 4)"),
        (|s| s.set_cost(Cost::total(0.5)), "Cost(\"total\", 0.5)"),
        (
            |s| s.set_prompt("qa", 7),
            "Prompt(PromptRef { name: \"qa\", version: 7 })",
        ),
        (|s| s.set_level(Level::Debug), "Some(Debug) Unset None"),
        (|s| s.set_status(Status::Ok), "None Ok None"),
        (
            |s| s.set_status_message("done"),
            "None Unset Some(\"done\")",
        ),
    ];
    for (set, expected) in sets {
        kept.clear();
        let trace = tracer.trace("t").start();
        trace.span("s").run(|span| set(&span));
        let span = kept.spans().remove(0);
        let lines = shown(&span);
        assert!(
            lines.iter().any(|line| line == expected),
            "{expected}: {lines:?}"
        );
    }
}

#[test]
fn each_setter_of_a_builder_is_seen_in_its_record() {
    let (tracer, kept, _) = tracer();
    type Set = fn(SpanBuilder) -> SpanBuilder;
    let sets: [(Set, &str); 15] = [
        (|s| s.observation_type(ObservationType::Agent), "agent s"),
        (|s| s.metadata("k", 1u64), "Metadata(\"k\", U64(1))"),
        (
            |s| s.metadata_with("k", || "v"),
            "Metadata(\"k\", Str(\"v\"))",
        ),
        (|s| s.tag("tag"), "Tag(\"tag\")"),
        (|s| s.input([1]), "Input(Json(\"[1]\"))"),
        (|s| s.input_with(|| "in"), "Input(Str(\"in\"))"),
        (|s| s.output(true), "Output(Bool(true))"),
        (|s| s.output_with(|| "out"), "Output(Str(\"out\"))"),
        (|s| s.model("m"), "Model(\"m\")"),
        (
            |s| s.model_parameter("p", 2),
            "ModelParameter(\"p\", I64(2))",
        ),
        (|s| s.usage(Usage::new(3, 4)), "Usage(\"output\", 4)"),
        (|s| s.cost(Cost::total(0.5)), "Cost(\"total\", 0.5)"),
        (
            |s| s.prompt("qa", 7),
            "Prompt(PromptRef { name: \"qa\", version: 7 })",
        ),
        (|s| s.level(Level::Debug), "Some(Debug) Unset None"),
        (|s| s, "span s"),
    ];
    for (set, expected) in sets {
        kept.clear();
        let trace = tracer.trace("t").start();
        set(trace.span("s")).run(|_| {});
        let lines = shown(&kept.spans()[0]);
        assert!(
            lines.iter().any(|line| line == expected),
            "{expected}: {lines:?}"
        );
    }
}

#[test]
fn each_setter_of_a_trace_is_seen_in_its_record() {
    let (tracer, kept, _) = tracer();
    tracer
        .trace("t")
        .observation_type(ObservationType::Agent)
        .version("v1")
        .release("r1")
        .public(true)
        .session_id("s1")
        .metadata_with("built", || 1)
        .tag("a")
        .input_with(|| "in")
        .run(|trace| {
            trace.set_name("renamed");
            trace.set_version("v2");
            trace.set_user_id("u2");
            trace.add_metadata_with("added", || "later");
            trace.add_metadata("null", None::<u8>);
            trace.set_input_with(|| "asked");
            trace.set_output_with(|| "out");
            assert!(trace.is_recording());
            trace.set_level(Level::Warning);
            trace.set_status(Status::error("soft"));
            trace.record_event("happened");
            trace.record_exception(Exception::new("E", "broken"));
        });
    let root = kept.only();
    let trace = root.trace();
    assert_eq!(
        (root.name(), trace.name.as_str(), root.observation_type()),
        ("t", "renamed", ObservationType::Agent)
    );
    assert_eq!(
        (
            trace.version.as_deref(),
            trace.release.as_deref(),
            trace.public
        ),
        (Some("v2"), Some("r1"), true)
    );
    assert_eq!(
        (trace.user_id.as_deref(), trace.session_id.as_deref()),
        (Some("u2"), Some("s1"))
    );
    let metadata = [
        ("built".to_owned(), Value::I64(1)),
        ("added".to_owned(), Value::Str("later".into())),
    ];
    assert_eq!(trace.metadata, metadata);
    assert_eq!(trace.tags, ["a"]);
    assert_eq!(
        (root.input(), root.output()),
        (Some(ValueRef::Str("asked")), Some(ValueRef::Str("out")))
    );
    assert_eq!(
        (root.level(), root.status()),
        (Some(Level::Error), StatusCode::Error)
    );
    assert_eq!(root.events().next().unwrap().name(), "happened");
    assert_eq!(root.exceptions().next().unwrap().kind(), "E");
    kept.clear();
    tracer.trace("t").run(|trace| {
        trace.set_level(Level::Warning);
        trace.set_public(true);
    });
    assert_eq!(kept.only().level(), Some(Level::Warning));
    kept.clear();
    tracer.trace("t").run(|trace| {
        trace.set_status(Status::error("soft"));
        trace.set_public(true);
    });
    let soft = kept.only();
    assert_eq!(
        (soft.status(), soft.status_message()),
        (StatusCode::Error, Some("soft"))
    );
    assert!(kept.only().trace().public);
    tracer
        .trace("t")
        .public(true)
        .run(|trace| trace.set_public(false));
    assert!(!kept.spans()[1].trace().public);
}

#[test]
fn each_type_of_observation_has_its_method() {
    let (tracer, kept, _) = tracer();
    type Start<P> = fn(&P) -> SpanBuilder;
    let of_span: [Start<Span>; 10] = [
        |s| s.span("x"),
        |s| s.generation("x"),
        |s| s.embedding("x"),
        |s| s.agent("x"),
        |s| s.tool("x"),
        |s| s.chain("x"),
        |s| s.retriever("x"),
        |s| s.evaluator("x"),
        |s| s.guardrail("x"),
        |s| s.observation("x", ObservationType::Event),
    ];
    let of_trace: [Start<Trace>; 10] = [
        |t| t.span("x"),
        |t| t.generation("x"),
        |t| t.embedding("x"),
        |t| t.agent("x"),
        |t| t.tool("x"),
        |t| t.chain("x"),
        |t| t.retriever("x"),
        |t| t.evaluator("x"),
        |t| t.guardrail("x"),
        |t| t.observation("x", ObservationType::Event),
    ];
    tracer.trace("t").run(|trace| {
        of_span
            .iter()
            .for_each(|start| start(trace.root()).run(|_| {}));
        of_trace.iter().for_each(|start| start(&trace).run(|_| {}));
        let same: &Span = trace.as_ref();
        assert_eq!(same.as_ref().id(), trace.root().id());
    });
    let names: Vec<_> = kept.spans()[..20]
        .iter()
        .map(|span| span.observation_type().as_str())
        .collect();
    let all = [
        "span",
        "generation",
        "embedding",
        "agent",
        "tool",
        "chain",
        "retriever",
        "evaluator",
        "guardrail",
        "event",
    ];
    assert_eq!(names, [all, all].concat());
}

#[test]
fn a_score_has_all_that_its_builder_was_given() {
    let (tracer, kept, clock) = tracer();
    clock.advance(Duration::from_nanos(3));
    let (trace, span) = (TraceId::random(), SpanId::random());
    let headers = std::collections::HashMap::from([
        ("traceparent".to_owned(), format!("00-{trace}-{span}-01")),
        (
            "baggage".to_owned(),
            "langfuse_environment=staging,langfuse_version=v7".to_owned(),
        ),
    ]);
    let remote = RemoteContext::extract(&headers).unwrap();
    tracer.trace("t").continue_remote(&remote).run(|trace| {
        let score = trace.score("s", 1).id("mine").comment("why").config_id("c");
        let score = score.metadata("k", 1).metadata("null", None::<u8>);
        assert_eq!(score.record().as_deref(), Some("mine"));
        trace.root().score("s", 1).environment("own").record();
    });
    tracer.score_dataset_run("run", "s", 1).record();
    tracer.score_observation(trace, span, "s", 1).record();
    let [of_trace, of_root, of_run, of_span] = &kept.scores()[..] else {
        panic!("four were recorded")
    };
    assert_eq!(
        (
            of_trace.id.as_str(),
            of_trace.comment.as_deref(),
            of_trace.config_id.as_deref()
        ),
        ("mine", Some("why"), Some("c"))
    );
    assert_eq!(of_trace.metadata, [("k".to_owned(), Value::I64(1))]);
    // The environment of the trace, unless the score has its own.
    assert_eq!(of_trace.environment.as_deref(), Some("staging"));
    assert_eq!(of_root.environment.as_deref(), Some("own"));
    assert_eq!(of_trace.timestamp, Timestamp::from_unix_nanos(EPOCH + 3));
    assert_eq!(of_run.target, ScoreTarget::DatasetRun("run".into()));
    assert_eq!(of_span.target, ScoreTarget::Observation(trace, span));
    assert_eq!(kept.only().trace().version.as_deref(), Some("v7"));
}

#[test]
fn an_event_and_an_error_show_all_their_parts() {
    let (tracer, kept, clock) = tracer();
    tracer.trace("t").run(|trace| {
        clock.advance(Duration::from_nanos(5));
        let mut exception = Exception::new("E", "message");
        exception.sources = "cause".into();
        exception.stacktrace = Some("stack".into());
        trace.record_exception(exception);
        trace.event("e").level(Level::Warning).output([1]).record();
        trace.event("f").input(2).record();
    });
    let span = kept.only();
    let error = span.exceptions().next().unwrap();
    assert_eq!(error.time(), Timestamp::from_unix_nanos(EPOCH + 5));
    assert_eq!(
        (
            error.kind(),
            error.message(),
            error.sources(),
            error.stacktrace()
        ),
        ("E", "message", Some("cause"), Some("stack"))
    );
    assert!(!error.is_propagated());
    let events: Vec<_> = span
        .events()
        .map(|e| (e.name(), e.level(), e.input(), e.output()))
        .collect();
    assert_eq!(
        events,
        [
            ("e", Level::Warning, None, Some(ValueRef::Json("[1]"))),
            ("f", Level::Default, Some(ValueRef::I64(2)), None),
        ]
    );
}

#[test]
fn a_stack_is_captured_where_backtraces_are_on() {
    for on in [true, false] {
        let kept = Recorder::new();
        let tracer = Tracer::builder(kept.clone()).backtraces(on).build();
        tracer.trace("t").run(|trace| {
            trace.record_error("one");
            let mut exception = Exception::new("E", "two");
            exception.stacktrace = Some("its own".into());
            trace.record_exception(exception);
        });
        let span = kept.only();
        let stacks: Vec<_> = span.exceptions().map(|error| error.stacktrace()).collect();
        assert_eq!(
            stacks[0].is_some_and(|stack| stack.contains("record_error")),
            on
        );
        assert_eq!(stacks[1], Some("its own"));
    }
}

#[test]
fn a_trace_ends_when_it_is_said_to() {
    let (tracer, kept, clock) = tracer();
    let at = |nanos| Timestamp::from_unix_nanos(EPOCH + nanos);
    let trace = tracer.trace("a").start();
    clock.advance(Duration::from_nanos(9));
    trace.end_at(at(4));
    assert!(!trace.is_recording());
    tracer.trace("b").start().finish();
    let trace = tracer.trace("c").start();
    trace.root().end();
    trace.end();
    assert_eq!(kept.names(), ["a", "b", "c"]);
    assert_eq!(kept.named("a").end_time(), at(4));
    assert_eq!(kept.named("b").end_time(), at(9));
}

#[test]
fn what_is_not_recorded_builds_no_value() {
    fn never() -> &'static str {
        panic!("built for nothing")
    }
    let noop = Span::noop();
    let builder = || noop.span("s").metadata_with("k", never);
    builder().input_with(never).output_with(never).run(|span| {
        span.add_metadata_with("k", never);
        span.set_input_with(never);
        span.set_output_with(never);
    });
    let off = Tracer::noop();
    let trace = off
        .trace("t")
        .metadata_with("k", never)
        .input_with(never)
        .start();
    trace.add_metadata_with("k", never);
    trace.set_input_with(never);
    trace.set_output_with(never);
    assert!(!trace.is_recording());
}
