//! Spans of unsampled traces where the processor measures: what is recorded of them, and that nothing else sees them.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};

use futures::StreamExt as _;
use tracefuse_core::record::{FinishedSpan, ScoreRecord, SpanAttribute, SpanRecord};
use tracefuse_core::{
    InSpan as _, ObservationType, ObserveStream as _, Processor, SampleRate, Span, SpanId, Trace,
    TraceId, Tracer, Usage, bridge,
};

#[derive(Clone, Default)]
struct Seen(Arc<Mutex<Vec<String>>>);

impl Seen {
    fn note(&self, text: String) {
        self.0.lock().unwrap().push(text);
    }

    fn lines(&self) -> Vec<String> {
        self.0.lock().unwrap().clone()
    }
}

impl Processor for Seen {
    fn on_end(&self, span: SpanRecord) {
        self.note(format!("sampled {}", span.name()));
    }

    fn on_score(&self, score: ScoreRecord) {
        self.note(format!("score {}", score.name));
    }

    fn measures(&self) -> bool {
        true
    }

    fn on_unsampled(&self, span: &FinishedSpan<'_>) {
        let mut line = format!("{} {}", span.observation_type(), span.name());
        for attribute in span.attributes() {
            match attribute {
                SpanAttribute::CompletionStart(_) => line += " first",
                SpanAttribute::Exception(exception) => line += &format!(" !{}", exception.kind()),
                other => line += &format!(" {other:?}"),
            }
        }
        self.note(line);
    }
}

fn tracer(rate: f64) -> (Tracer, Seen) {
    let seen = Seen::default();
    let tracer = Tracer::builder(seen.clone())
        .sample_rate(SampleRate::new(rate).unwrap())
        .build();
    (tracer, seen)
}

#[test]
fn an_unsampled_span_is_measured_without_its_content() {
    let (tracer, seen) = tracer(0.0);
    tracer.trace("request").input("secret").run(|trace| {
        trace.set_output("secret");
        let answer = trace.generation("answer").model("gpt-4o").input("secret");
        answer
            .input_with(|| -> &str { panic!("not asked for") })
            .run(|span| {
                span.set_usage(Usage::new(12, 3));
                span.set_output("secret");
                span.event("secret").input("secret").record();
                span.score("quality", 1.0).record();
                assert!(span.is_recording() && span.id().is_none() && span.trace_id().is_none());
            });
        let failed = Span::current()
            .tool("weather")
            .try_run(|_| "x".parse::<u32>());
        assert!(failed.is_err());
        assert!(bridge::is_unsampled(&Span::current()) && Trace::current().id().is_none());
    });
    assert_eq!(
        seen.lines(),
        [
            "generation answer Model(\"gpt-4o\") Usage(\"input\", 12) Usage(\"output\", 3)",
            "tool weather StatusMessage(\"core::num::error::ParseIntError: invalid digit found in string\") !core::num::error::ParseIntError",
            "span request",
        ]
    );
    let stats = tracer.stats();
    assert_eq!((stats.unsampled_traces, stats.open), (1, 0));
}

#[test]
fn an_unsampled_span_forwards_the_decision() {
    let (tracer, _) = tracer(0.0);
    let (trace, parent) = (TraceId::random(), SpanId::random());
    let headers = HashMap::from([
        ("traceparent".to_owned(), format!("00-{trace}-{parent}-00")),
        ("tracestate".to_owned(), "vendor=1".to_owned()),
        ("baggage".to_owned(), "key=value".to_owned()),
    ]);
    let sent = tracer
        .trace("request")
        .user_id("user123")
        .continue_from(&headers)
        .run(|trace| {
            trace.span("call").run(|span| {
                let mut sent = HashMap::new();
                span.inject(&mut sent);
                sent
            })
        });
    assert_eq!(sent, headers, "as they came, and no user");
}

#[test]
fn a_sampled_trace_is_recorded_as_before() {
    let (tracer, seen) = tracer(1.0);
    tracer.trace("request").run(|trace| {
        trace.score("quality", 1.0).record();
    });
    assert_eq!(seen.lines(), ["score quality", "sampled request"]);
}

#[test]
fn an_open_unsampled_span_is_measured_at_shutdown_and_is_not_unfinished() {
    let (tracer, seen) = tracer(0.0);
    let trace = tracer.trace("request").start();
    let span = trace.span("work").start();
    let report = tracer.shutdown().unwrap();
    assert_eq!(report.unfinished, 0);
    assert_eq!(seen.lines().len(), 2, "{:?}", seen.lines());
    drop((trace, span));
    assert_eq!(seen.lines().len(), 2);
}

#[test]
fn a_spawned_future_below_an_unsampled_span_is_measured() {
    let (tracer, seen) = tracer(0.0);
    let future = tracer
        .trace("request")
        .run(|_| async { Span::current().tool("late").run(|_| {}) }.in_current_span());
    futures::executor::block_on(future);
    assert_eq!(seen.lines(), ["span request", "tool late"]);
}

#[test]
fn a_stream_counts_its_chunks() {
    let (tracer, seen) = tracer(0.0);
    tracer.trace("request").run(|trace| {
        let chunks = futures::stream::iter(["It", " ", "rains", "."]);
        let span = trace.generation("answer").start();
        futures::executor::block_on(
            chunks
                .observed(span)
                .fold_output(|text: &mut String, chunk| text.push_str(chunk))
                .collect::<Vec<_>>(),
        );
    });
    assert_eq!(seen.lines()[0], "generation answer first OutputChunks(3)");
}

#[test]
fn a_span_of_another_system_is_measured() {
    let (tracer, seen) = tracer(0.0);
    let measured = bridge::Measured {
        trace_id: TraceId::random(),
        span_id: SpanId::random(),
        parent: None,
        parent_is_remote: false,
        name: "chat",
        start: tracefuse_core::Timestamp::from_unix_nanos(1),
    };
    let span = bridge::reopen(&tracer, &measured);
    assert!(span.is_recording() && span.id().is_none());
    span.observation("below", ObservationType::Tool).run(|_| {});
    span.end();
    assert_eq!(seen.lines(), ["tool below", "span chat"]);
}

#[test]
fn chunks_are_counted_only_where_spans_are_measured() {
    let (measured, seen) = tracer(0.0);
    for chunks in [0, 3] {
        let trace = measured.trace("t").start();
        bridge::set_output_chunks(trace.root(), chunks);
    }
    assert_eq!(seen.lines(), ["span t", "span t OutputChunks(3)"]);
    let (plain, recorder, _) = crate::support::tracer();
    plain
        .trace("t")
        .run(|trace| bridge::set_output_chunks(trace.root(), 3));
    assert_eq!(recorder.only().attributes().count(), 0);
}
