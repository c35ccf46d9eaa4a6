//! What the bridges read of a span and write to its trace.

use std::sync::Arc;
use std::time::Duration;

use serde::{Serialize, Serializer};
use serde_json::json;
use tracefuse_core::bridge::{self, Measured, count, now, reported_usage, update_trace};
use tracefuse_core::record::{StatusCode, ValueRef};
use tracefuse_core::testing::Recorder;
use tracefuse_core::{
    Exception, Level, ObservationType, SampleRate, Span, SpanId, Status, Timestamp, TraceId, Tracer,
};

use crate::support::{EPOCH, tracer};

#[test]
fn what_is_written_to_the_trace_is_seen_by_its_spans() {
    let (tracer, recorder, _) = tracer();
    tracer.trace("t").run(|trace| {
        update_trace(trace.root(), |attributes| {
            attributes.user_id = Some("u".into())
        });
        update_trace(&Span::noop(), |_| panic!("there is no trace"));
    });
    assert_eq!(recorder.only().trace().user_id.as_deref(), Some("u"));
}

#[test]
fn the_time_is_that_of_the_traces_clock() {
    let (tracer, recorder, clock) = tracer();
    let time = tracer.trace("t").run(|trace| {
        clock.advance(Duration::from_secs(3));
        now(trace.root())
    });
    assert_eq!(time, Some(recorder.only().end_time()));
    assert_eq!(now(&Span::noop()), None);
}

#[test]
fn a_count_is_a_number_or_a_text_of_one() {
    for (value, expected) in [
        (json!(7), Some(7)),
        (json!(7.0), Some(7)),
        (json!("7"), Some(7)),
        (json!(null), None),
        (json!("seven"), None),
        (json!([7]), None),
    ] {
        assert_eq!(count(&value), expected, "{value}");
    }
}

#[test]
fn a_report_of_a_known_language_is_a_usage() {
    let report = json!({ "prompt_tokens": 8, "completion_tokens": 2, "total_tokens": 10 });
    let usage = reported_usage(&report).unwrap();
    let buckets: Vec<_> = usage.buckets().collect();
    assert_eq!(buckets, [("input", 8), ("output", 2), ("total", 10)]);
    assert_eq!(reported_usage(&json!({ "tokens": 8 })), None);
}

#[test]
fn a_value_holds_the_bytes_of_its_text() {
    assert_eq!(ValueRef::Str("abc").size(), 3);
    assert_eq!(ValueRef::Json("[1]").size(), 3);
    assert_eq!(
        [ValueRef::U64(1).size(), ValueRef::Bool(true).size()],
        [8, 8]
    );
}

#[test]
fn a_tracer_shows_whether_it_is_on() {
    let (tracer, _, _) = tracer();
    assert_eq!(format!("{tracer:?}"), "Tracer { enabled: true, .. }");
    let off = Tracer::noop();
    assert_eq!(format!("{off:?}"), "Tracer { enabled: false, .. }");
}

/// The record of a generation to which `work` was done.
fn generation(work: impl FnOnce(&Span)) -> tracefuse_core::record::SpanRecord {
    let (tracer, recorder, _) = tracer();
    tracer
        .trace("t")
        .run(|trace| trace.generation("g").run(|span| work(&span)));
    recorder.named("g")
}

#[test]
fn the_models_and_the_provider_of_a_call_are_kept() {
    let span = generation(|span| {
        span.set_model("asked");
        bridge::set_response_model(span, "answered");
        bridge::set_provider(span, "mistral_ai");
    });
    let models = (span.model(), span.request_model(), span.response_model());
    assert_eq!(models, (Some("answered"), Some("asked"), Some("answered")));
    assert_eq!(span.provider(), Some("mistral_ai"));
    // A fact of the call that was noted before is no answer.
    let span = generation(|span| {
        span.set_model("asked");
        bridge::set_provider(span, "mistral_ai");
        bridge::set_response_model(span, "answered");
    });
    assert_eq!(span.request_model(), Some("asked"));
    // A second response does not change what was asked for.
    let span = generation(|span| {
        span.set_model("asked");
        bridge::set_response_model(span, "first");
        bridge::set_response_model(span, "second");
    });
    assert_eq!(
        (span.request_model(), span.response_model()),
        (Some("asked"), Some("second"))
    );
    let span = generation(|span| bridge::set_response_model(span, "answered"));
    assert_eq!(
        (span.model(), span.request_model()),
        (Some("answered"), None)
    );
    let span = generation(|span| {
        span.set_model("answered");
        bridge::set_request_model(span, "asked");
    });
    assert_eq!(
        (span.model(), span.request_model(), span.response_model()),
        (Some("answered"), Some("asked"), None)
    );
}

#[test]
fn the_type_of_an_open_span_is_known_until_it_ends() {
    let (tracer, _, _) = tracer();
    let trace = tracer.trace("t").start();
    let tool = trace.tool("x").start();
    assert_eq!(bridge::observation_type(&tool), Some(ObservationType::Tool));
    tool.end();
    assert_eq!(bridge::observation_type(&tool), None);
    assert_eq!(bridge::observation_type(&Span::noop()), None);
}

#[test]
fn an_error_is_found_in_a_body_of_json_or_text() {
    let body = r#"{ "error": { "type": "rate_limit", "message": "slow down" } }"#;
    let error = bridge::error_in(body, "openai").unwrap();
    assert_eq!(error.to_string(), "openai.rate_limit: slow down");
    let page = "<html><title>502 Bad Gateway</title></html>";
    let error = bridge::error_in(page, "openai").unwrap();
    assert!(error.message.contains("502 Bad Gateway"), "{error}");
    assert_eq!(bridge::error_in(r#"{ "choices": [] }"#, "openai"), None);
}

#[test]
fn a_cancelled_span_ends_with_a_warning_and_its_message() {
    let (tracer, recorder, _) = tracer();
    tracer.trace("t").run(|trace| {
        let span = trace.span("work").start();
        bridge::end_cancelled(&span, "cancelled: the client left");
        assert!(!span.is_recording());
        bridge::end_cancelled(&Span::noop(), "nothing to end");
    });
    let span = recorder.named("work");
    assert_eq!(span.level(), Some(Level::Warning));
    assert_eq!(span.status_message(), Some("cancelled: the client left"));
}

#[test]
fn cancelled_work_keeps_what_was_set() {
    type Set = fn(&Span);
    let sets: [(Set, Option<Level>, &str); 5] = [
        (|_| {}, Some(Level::Warning), "cancelled"),
        (
            |s| s.set_level(Level::Debug),
            Some(Level::Debug),
            "cancelled",
        ),
        (|s| s.set_status(Status::Ok), None, "cancelled"),
        (
            |s| s.set_status_message("mine"),
            Some(Level::Warning),
            "mine",
        ),
        (
            |s| s.set_status(Status::error("mine")),
            Some(Level::Error),
            "mine",
        ),
    ];
    for (set, level, message) in sets {
        let (tracer, recorder, _) = tracer();
        let trace = tracer.trace("t").start();
        set(trace.root());
        bridge::end_cancelled(trace.root(), "cancelled");
        let span = recorder.only();
        assert_eq!(
            (span.level(), span.status_message()),
            (level, Some(message))
        );
    }
}

#[test]
fn a_panic_is_recorded_and_ends_the_span() {
    let (tracer, recorder, _) = tracer();
    tracer.trace("t").run(|trace| {
        let span = trace.span("work").start();
        bridge::record_panic(&span, &"out of range");
        assert!(!span.is_recording());
    });
    let message = recorder.named("work").status_message().map(str::to_owned);
    assert_eq!(message.as_deref(), Some("panic: out of range"));
}

#[test]
fn dollars_are_a_number_or_a_text_of_one() {
    for (value, expected) in [
        (json!(0.25), Some(0.25)),
        (json!(3), Some(3.0)),
        (json!("0.25"), Some(0.25)),
        (json!("free"), None),
        (json!(null), None),
    ] {
        assert_eq!(bridge::dollars(&value), expected, "{value}");
    }
}

#[test]
fn content_is_captured_unless_it_is_switched_off() {
    for on in [true, false] {
        let tracer = Tracer::builder(Recorder::new()).capture_content(on).build();
        tracer
            .trace("t")
            .run(|trace| assert_eq!(bridge::captures_content(trace.root()), on));
    }
    assert!(!bridge::captures_content(&Span::noop()));
}

#[test]
fn a_returned_error_that_was_recorded_counts_once() {
    let error = "x".parse::<u32>().unwrap_err();
    for (recorded, marks) in [(false, vec![false]), (true, vec![false, true])] {
        let span = generation(|span| {
            if recorded {
                span.record_error(&error);
            }
            bridge::record_returned(span, &error);
        });
        let propagated: Vec<_> = span.exceptions().map(|e| e.is_propagated()).collect();
        assert_eq!(propagated, marks);
        assert_eq!(span.level(), Some(Level::Error));
    }
    bridge::record_returned(&Span::noop(), &error);
    let span = generation(|span| {
        bridge::record_returned_exception(span, Exception::new("Timeout", "after 5 s"));
    });
    assert_eq!(span.status_message(), Some("Timeout: after 5 s"));
    let at = Timestamp::from_unix_nanos(EPOCH - 5);
    let span = generation(|span| {
        bridge::record_exception_at(span, at, Exception::new("Timeout", "after 5 s"));
    });
    assert_eq!(span.exceptions().next().unwrap().time(), at);
}

#[test]
fn a_failed_span_keeps_the_level_that_was_set() {
    let span = generation(bridge::set_failed);
    assert_eq!(
        (span.level(), span.status(), span.status_message()),
        (Some(Level::Error), StatusCode::Error, None)
    );
    let span = generation(|span| {
        span.set_level(Level::Warning);
        bridge::set_failed(span);
    });
    assert_eq!(
        (span.level(), span.status()),
        (Some(Level::Warning), StatusCode::Error)
    );
}

#[test]
fn the_first_token_is_dated_from_the_start_of_the_span() {
    let after = |start: Timestamp| Timestamp::from_unix_nanos(start.as_unix_nanos() + 7);
    let span = generation(|span| bridge::set_first_token(span, after));
    assert_eq!(
        span.completion_start_time(),
        Some(Timestamp::from_unix_nanos(EPOCH + 7))
    );
}

#[test]
fn a_text_of_a_user_is_the_text_or_says_that_it_failed() {
    assert_eq!(bridge::text_of(format_args!("{} of {}", 1, 2)), "1 of 2");
    struct Broken;
    impl std::fmt::Display for Broken {
        fn fmt(&self, _: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
            Err(std::fmt::Error)
        }
    }
    let text = bridge::text_of(format_args!("{Broken}"));
    assert!(text.starts_with('<') && text.ends_with('>'), "{text}");
}

/// A text that was made from a managed prompt.
struct FromPrompt(Arc<str>);

impl Serialize for FromPrompt {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        bridge::note_prompt(&self.0, 4);
        serializer.collect_seq(["a text"])
    }
}

#[test]
fn a_generation_is_linked_to_the_prompt_of_its_input() {
    let (tracer, recorder, _) = tracer();
    let input = || FromPrompt("qa".into());
    tracer.trace("t").run(|trace| {
        trace.generation("at its start").input(input()).run(|_| {});
        trace
            .generation("later")
            .run(|span| span.set_input(input()));
        trace
            .generation("named")
            .prompt("other", 1)
            .input(input())
            .run(|_| {});
        trace.span("no generation").input(input()).run(|_| {});
        trace
            .generation("output")
            .output(input())
            .run(|span| span.set_output(input()));
        trace.generation("after it").input(["plain"]).run(|_| {});
    });
    for (name, prompt) in [
        ("at its start", Some(("qa", 4))),
        ("later", Some(("qa", 4))),
        ("named", Some(("other", 1))),
        ("no generation", None),
        ("output", None),
        ("after it", None),
    ] {
        let span = recorder.named(name);
        let linked = span.prompt().map(|prompt| (prompt.name, prompt.version));
        assert_eq!(linked, prompt, "{name}");
    }
}

#[test]
fn only_a_span_of_an_unsampled_trace_is_unsampled() {
    let (on, _, _) = tracer();
    on.trace("t").run(|trace| {
        assert!(!bridge::is_unsampled(trace.root()));
    });
    assert!(!bridge::is_unsampled(&Span::noop()));
    let none = SampleRate::new(0.0).unwrap();
    let off = Tracer::builder(Recorder::new()).sample_rate(none).build();
    off.trace("t").run(|trace| {
        assert!(bridge::is_unsampled(trace.root()));
    });
}

#[test]
fn a_weak_tracer_does_not_keep_its_tracer_open() {
    let (tracer, recorder, _) = tracer();
    let weak = bridge::WeakTracer::new(&tracer);
    let stats = bridge::WeakStats::new(&tracer);
    assert_eq!(
        format!("{weak:?} {stats:?}"),
        "WeakTracer { .. } WeakStats { .. }"
    );
    let span = weak.upgrade().unwrap().trace("t").start();
    assert_eq!(stats.read().unwrap().open, 1);
    drop(span);
    assert_eq!(recorder.names(), ["t"]);
    drop(tracer);
    assert!(weak.upgrade().is_none());
    assert_eq!(stats.read(), None);
    let noop = Tracer::noop();
    assert!(bridge::WeakTracer::new(&noop).upgrade().is_none());
    assert_eq!(bridge::WeakStats::new(&noop).read(), None);
}

#[test]
fn nothing_is_recorded_on_a_thread_that_delivers() {
    let (tracer, recorder, _) = tracer();
    assert!(!bridge::is_suppressed());
    std::thread::scope(|scope| {
        scope.spawn(|| {
            bridge::suppress_thread();
            assert!(bridge::is_suppressed());
            tracer.trace("delivery").run(|_| {});
        });
    });
    tracer.trace("work").run(|_| {});
    assert_eq!(recorder.names(), ["work"]);
}

#[test]
fn a_reopened_span_has_the_ids_and_times_that_were_measured() {
    let (on, recorder, _) = tracer();
    let at = |nanos: u64| Timestamp::from_unix_nanos(EPOCH + nanos);
    let (trace_id, remote, root) = (TraceId::random(), SpanId::random(), SpanId::random());
    for (parent, parent_is_remote, local_root) in [
        (None, false, true),
        (Some(remote), true, true),
        (Some(root), false, false),
        // Without a parent it is no span of another process.
        (None, true, true),
    ] {
        let measured = Measured {
            trace_id,
            span_id: SpanId::random(),
            parent,
            parent_is_remote,
            name: "imported",
            start: at(1),
        };
        bridge::reopen(&on, &measured).end_at(at(9));
        let Some(span) = recorder.spans().pop() else {
            panic!("it was recorded")
        };
        recorder.clear();
        assert_eq!(
            (span.trace_id(), span.span_id(), span.parent_span_id()),
            (trace_id, measured.span_id, parent)
        );
        assert_eq!(span.duration(), Duration::from_nanos(8));
        assert_eq!(span.is_local_root(), local_root);
        let named = if parent.is_none() { "imported" } else { "" };
        assert_eq!(
            (span.name(), span.trace().name.as_str()),
            ("imported", named)
        );
    }
}

#[test]
fn an_unsampled_trace_of_another_system_counts_once() {
    let none = SampleRate::new(0.0).unwrap();
    let off = Tracer::builder(Recorder::new()).sample_rate(none).build();
    let open = |parent: Option<SpanId>, parent_is_remote: bool| {
        let measured = Measured {
            trace_id: TraceId::random(),
            span_id: SpanId::random(),
            parent,
            parent_is_remote,
            name: "imported",
            start: Timestamp::from_unix_nanos(EPOCH),
        };
        let before = off.stats().unsampled_traces;
        assert!(!bridge::reopen(&off, &measured).is_recording());
        off.stats().unsampled_traces - before
    };
    assert_eq!(open(None, false), 1, "a root");
    assert_eq!(open(Some(SpanId::random()), true), 1, "the first here");
    assert_eq!(open(Some(SpanId::random()), false), 0, "below another");
}
