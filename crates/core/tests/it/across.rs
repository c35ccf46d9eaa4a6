//! What crosses services when a trace is not recorded: the decision, `tracestate`, and baggage of others.

use std::collections::{BTreeMap, HashMap};
use std::process::Command;

use futures::executor::block_on;
use tracefuse_core::propagation::{Extractor, Injector, RemoteContext};
use tracefuse_core::record::SpanRecord;
use tracefuse_core::{
    InSpan, Processor, SampleRate, SamplingInput, Span, Timestamp, Trace, TraceBuilder, TraceId,
    Tracer,
};

use crate::support::{Recorder, tracer};

type Headers = HashMap<String, String>;

const TRACE: &str = "0af7651916cd43dd8448eb211c80319c";
const SPAN: &str = "b7ad6b7169203331";

fn rated(rate: f64) -> (Tracer, Recorder) {
    let kept = Recorder::default();
    let rate = SampleRate::new(rate).unwrap();
    let tracer = Tracer::builder(kept.clone()).sample_rate(rate).build();
    (tracer, kept)
}

/// What a caller sends, with these flags.
fn sent(flags: &str) -> Headers {
    HashMap::from([
        (
            "traceparent".to_owned(),
            format!("00-{TRACE}-{SPAN}-{flags}"),
        ),
        ("tracestate".to_owned(), "vendor=1,other=2".to_owned()),
        (
            "baggage".to_owned(),
            "theirs=a%20b;p=1,langfuse_user_id=u1".to_owned(),
        ),
    ])
}

/// The parts of the `traceparent` that was written.
fn parent(headers: &Headers) -> Vec<&str> {
    let parent = headers.get("traceparent").map(String::as_str);
    parent
        .map(|parent| parent.split('-').collect())
        .unwrap_or_default()
}

/// What every way to a span of this trace injects.
fn injected(trace: impl Fn() -> TraceBuilder) -> Vec<(&'static str, Headers)> {
    let mut all = Vec::new();
    let mut note = |way, inject: &dyn Fn(&mut Headers)| {
        let mut headers = Headers::new();
        inject(&mut headers);
        all.push((way, headers));
    };
    note("trace in run", &|to| trace().run(|trace| trace.inject(to)));
    note("root in run", &|to| {
        trace().run(|trace| trace.root().inject(to))
    });
    note("current in run", &|to| {
        trace().run(|_| Span::current().inject(to))
    });
    note("current trace in run", &|to| {
        trace().run(|_| Trace::current().inject(to))
    });
    note("child in run", &|to| {
        trace().run(|trace| trace.span("call").run(|span| span.inject(to)));
    });
    note("current child in run", &|to| {
        trace().run(|trace| trace.span("call").run(|_| Span::current().inject(to)));
    });
    note("trace of a child", &|to| {
        trace().run(|trace| trace.span("call").run(|_| Trace::current().inject(to)));
    });
    note("grandchild", &|to| {
        trace().run(|trace| trace.span("a").run(|a| a.tool("b").run(|b| b.inject(to))));
    });
    note("started trace", &|to| trace().start().inject(to));
    note("started child", &|to| {
        let trace = trace().start();
        trace.span("call").start().inject(to);
    });
    note("child of a started trace, not entered", &|to| {
        let trace = trace().start();
        trace.span("call").run(|span| span.inject(to));
    });
    note("entered", &|to| {
        let trace = trace().start();
        let _entered = trace.root().enter();
        Span::current().inject(to);
    });
    note("async", &|to| {
        block_on(trace().run_async(async |trace| {
            trace
                .span("call")
                .run_async(async |span| span.inject(to))
                .await;
        }));
    });
    note("a future that was given the span", &|to| {
        let span = trace().run(|trace| trace.span("call").start());
        block_on(async { Span::current().inject(to) }.in_span(span));
    });
    note("another thread, after the trace", &|to| {
        let span = trace().run(|_| Span::current());
        let work = span.wrap(|| {
            let mut headers = Headers::new();
            Span::current().inject(&mut headers);
            headers
        });
        to.extend(std::thread::scope(|scope| {
            scope.spawn(work).join().unwrap()
        }));
    });
    note("a task below the current span", &|to| {
        let task = trace().run(|_| async { Span::current().inject(to) }.in_current_span());
        block_on(task);
    });
    all
}

#[test]
fn an_unsampled_trace_sends_its_decision_from_every_handle() {
    let (tracer, kept) = rated(0.0);
    for (way, headers) in injected(|| tracer.trace("t")) {
        let parent = parent(&headers);
        assert_eq!(
            (parent.len(), parent[0], parent[3]),
            (4, "00", "00"),
            "{way}"
        );
        let remote = RemoteContext::extract(&headers).unwrap_or_else(|| panic!("{way}"));
        assert!(!remote.is_sampled(), "{way}");
        assert!(
            !headers.contains_key("baggage") && !headers.contains_key("tracestate"),
            "{way}"
        );
    }
    assert!(kept.spans().is_empty());
}

#[test]
fn one_unsampled_trace_has_one_id_on_the_wire() {
    let (tracer, _) = rated(0.0);
    let id = TraceId::random();
    for (way, headers) in injected(|| tracer.trace("t").trace_id(id)) {
        assert_eq!(parent(&headers)[1], id.to_string(), "{way}");
    }
}

#[test]
fn a_callers_no_goes_on_with_all_that_it_sent() {
    for rate in [0.0, 0.1, 1.0] {
        let (tracer, kept) = rated(rate);
        for (way, headers) in injected(|| tracer.trace("t").continue_from(&sent("00"))) {
            assert_eq!(headers, sent("00"), "{way}");
        }
        assert!(kept.spans().is_empty());
        assert!(tracer.stats().unsampled_traces > 0);
    }
}

#[test]
fn a_sampler_that_refuses_a_sampled_trace_says_no() {
    let tracer = Tracer::builder(Recorder::default())
        .sampler(|_: &SamplingInput<'_>| false)
        .build();
    for (way, headers) in injected(|| tracer.trace("t").continue_from(&sent("01"))) {
        let parent = parent(&headers);
        // The caller's span stays the parent: it is the nearest one that is recorded.
        assert_eq!(parent, ["00", TRACE, SPAN, "00"], "{way}");
        assert_eq!(headers["tracestate"], "vendor=1,other=2", "{way}");
    }
}

#[test]
fn tracers_that_are_disabled_or_closed_forward_what_they_were_given() {
    let (closed, kept, _) = tracer();
    closed.shutdown().unwrap();
    let paused = Tracer::builder(Paused).build();
    for tracer in [Tracer::noop(), closed, paused] {
        for flags in ["00", "01", "03"] {
            for (way, headers) in injected(|| tracer.trace("t").continue_from(&sent(flags))) {
                assert_eq!(headers, sent(flags), "{way}");
            }
        }
        for (way, headers) in injected(|| tracer.trace("t")) {
            assert!(headers.is_empty(), "nothing was given: {way} {headers:?}");
        }
        let id = (TRACE.parse().unwrap(), SPAN.parse().unwrap());
        for sampled in [true, false] {
            let traces = [
                tracer
                    .trace("t")
                    .remote_parent(id.0, id.1)
                    .remote_sampled(sampled),
                tracer
                    .trace("t")
                    .remote_sampled(sampled)
                    .remote_parent(id.0, id.1),
            ];
            let mut headers = Headers::new();
            for trace in traces {
                trace.run(|trace| trace.inject(&mut headers));
            }
            assert_eq!(parent(&headers)[1..3], [TRACE, SPAN]);
        }
    }
    assert!(kept.spans().is_empty());
    let mut headers = Headers::new();
    Span::noop().inject(&mut headers);
    Span::current().inject(&mut headers);
    Trace::current().inject(&mut headers);
    assert!(headers.is_empty());
}

/// A pipeline whose circuit breaker is open.
struct Paused;

impl Processor for Paused {
    fn on_end(&self, span: SpanRecord) {
        drop(span);
    }
    fn is_recording(&self) -> bool {
        false
    }
}

#[test]
fn a_recorded_trace_sends_on_what_it_received() {
    let (tracer, kept, _) = tracer();
    for (way, headers) in injected(|| tracer.trace("t").continue_from(&sent("01"))) {
        let parent = parent(&headers);
        assert_eq!((parent[1], parent[3]), (TRACE, "01"), "{way}");
        assert_ne!(parent[2], SPAN, "{way}");
        assert_eq!(headers["tracestate"], "vendor=1,other=2", "{way}");
        assert!(
            headers["baggage"].starts_with("theirs=a%20b;p=1,langfuse_trace_id="),
            "{way}"
        );
        assert!(headers["baggage"].contains("langfuse_user_id=u1"), "{way}");
    }
    assert!(!kept.spans().is_empty());
}

#[test]
fn a_span_that_has_ended_still_sends_its_context() {
    let (tracer, _, _) = tracer();
    let trace = tracer.trace("t").continue_from(&sent("01")).start();
    let span = trace.span("s").start();
    let id = span.id().unwrap().to_string();
    span.end();
    trace.end();
    let mut headers = Headers::new();
    span.inject(&mut headers);
    assert_eq!(parent(&headers), ["00", TRACE, &id, "01"]);
    assert_eq!(headers["tracestate"], "vendor=1,other=2");
    let mut headers = Headers::new();
    Trace::inject_traceparent(&trace, &mut headers);
    assert_eq!(parent(&headers).len(), 4);
    assert!(!headers.contains_key("baggage"));
}

#[test]
fn spans_started_after_shutdown_send_the_trace_they_are_in() {
    let (tracer, _, _) = tracer();
    let trace = tracer.trace("t").continue_from(&sent("01")).start();
    let root = trace.root().id().unwrap().to_string();
    tracer.shutdown().unwrap();
    let mut headers = Headers::new();
    trace
        .span("late")
        .run(|_| Span::current().inject(&mut headers));
    assert_eq!(parent(&headers), ["00", TRACE, &root, "01"]);
    assert_eq!(headers["tracestate"], "vendor=1,other=2");
    assert!(tracer.stats().not_recorded > 0);
}

#[test]
fn baggage_without_a_traceparent_goes_on_too() {
    let given = HashMap::from([("baggage".to_owned(), "theirs=1".to_owned())]);
    for tracer in [tracer().0, rated(0.0).0, Tracer::noop()] {
        let mut headers = HashMap::from([("Baggage".to_owned(), "mine=2".to_owned())]);
        tracer
            .trace("t")
            .continue_from(&given)
            .run(|trace| trace.inject(&mut headers));
        assert!(
            headers["baggage"].starts_with("mine=2,theirs=1"),
            "{headers:?}"
        );
    }
}

#[test]
fn every_carrier_is_read_and_written() {
    let (tracer, _, _) = tracer();
    let mut tree = BTreeMap::from([("TraceParent".to_owned(), "old".to_owned())]);
    let mut command = Command::new("child");
    command.env("BAGGAGE", "mine=2");
    tracer.trace("t").continue_from(&sent("01")).run(|trace| {
        trace.inject(&mut tree);
        trace.inject(&mut command);
    });
    assert_eq!(
        tree.len(),
        3,
        "old values are replaced, whatever their case"
    );
    let read = |carrier: &dyn Extractor| {
        let remote = RemoteContext::extract(carrier).unwrap();
        (
            remote.trace_id().to_string(),
            remote.user_id().map(str::to_owned),
        )
    };
    let expected = (TRACE.to_owned(), Some("u1".to_owned()));
    assert_eq!(read(&tree), expected);
    assert_eq!(read(&command), expected);
    let environment: Headers = command
        .get_envs()
        .map(|(name, value)| {
            let text = |text: &std::ffi::OsStr| text.to_str().unwrap().to_owned();
            (text(name), text(value.unwrap()))
        })
        .collect();
    assert!(environment["BAGGAGE"].starts_with("mine=2,theirs=a%20b;p=1,"));
    assert!(environment.contains_key("TRACEPARENT") && environment.contains_key("TRACESTATE"));
    assert_eq!(read(&environment), expected);
    Injector::set(&mut command, "tracestate", "a=1".to_owned());
    assert_eq!(
        Extractor::get(&command, "tracestate").as_deref(),
        Some("a=1")
    );
}

#[cfg(feature = "http")]
#[test]
fn a_byte_that_is_not_ascii_loses_its_own_member_of_the_header() {
    use http::{HeaderMap, HeaderValue};

    let mut headers = HeaderMap::new();
    headers.insert(
        "traceparent",
        HeaderValue::from_str(&sent("01")["traceparent"]).unwrap(),
    );
    let baggage = b"langfuse_user_id=u1,bad=\xff,worse=\xc3\xa9,langfuse_session_id=s1";
    headers.insert("baggage", HeaderValue::from_bytes(baggage).unwrap());
    headers.append("baggage", HeaderValue::from_static("theirs=1"));
    headers.insert("tracestate", HeaderValue::from_bytes(b"a=\xff").unwrap());
    let remote = RemoteContext::extract(&headers).unwrap();
    assert_eq!(
        (remote.user_id(), remote.session_id()),
        (Some("u1"), Some("s1"))
    );
    let mut out = HeaderMap::new();
    out.insert(
        "baggage",
        HeaderValue::from_bytes(b"mine=2,bad=\xff").unwrap(),
    );
    let (tracer, _, _) = tracer();
    tracer
        .trace("t")
        .continue_from(&headers)
        .run(|trace| trace.inject(&mut out));
    let sent = out["baggage"].to_str().unwrap();
    assert!(
        sent.starts_with("mine=2,theirs=1,langfuse_trace_id="),
        "{sent}"
    );
    assert!(!out.contains_key("tracestate"));
}

#[test]
fn tags_with_commas_and_quotes_cross_services() {
    let (tracer, kept, _) = tracer();
    let tags = ["r1", "r,2", "it's", "\"q\"", "[x]", "é"];
    let mut headers = Headers::new();
    tracer
        .trace("a")
        .tags(tags)
        .run(|trace| trace.inject(&mut headers));
    assert!(headers["baggage"].is_ascii());
    tracer.trace("b").continue_from(&headers).run(|_| {});
    assert_eq!(kept.named("b").trace().tags, tags);
    for (wire, expected) in [
        ("%5B%27p1%27%2C+%27p%2C2%27%5D", vec!["p1", "p,2"]),
        ("%5B%22p1%22%2C%22p%2C2%22%5D", vec!["p1", "p,2"]),
        ("p1%2Cp2", vec!["p1", "p2"]),
        ("p1", vec!["p1"]),
    ] {
        let mut headers = sent("01");
        headers.insert("baggage".to_owned(), format!("langfuse_tags={wire}"));
        let remote = RemoteContext::extract(&headers).unwrap();
        assert_eq!(remote.attributes().tags, expected, "{wire}");
    }
}

#[test]
fn a_trace_can_start_in_the_past() {
    let (tracer, kept, _) = tracer();
    let at = |seconds: u64| Timestamp::from_unix_nanos(seconds * 1_000_000_000);
    let trace = tracer.trace("imported").start_at(at(1_000));
    let child = trace.span("child").start_at(at(1_001));
    child.end_at(at(1_002));
    trace.end_at(at(1_003));
    let (root, child) = (kept.named("imported"), kept.named("child"));
    assert_eq!((root.start_time(), root.end_time()), (at(1_000), at(1_003)));
    assert_eq!(
        (child.start_time(), child.end_time()),
        (at(1_001), at(1_002))
    );
    drop(Tracer::noop().trace("t").start_at(at(1)));
    let trace = tracer.trace("backwards").start_at(at(1_000));
    trace.end_at(at(1));
    assert_eq!(kept.named("backwards").end_time(), at(1_000));
}

#[test]
fn the_trace_of_a_scope_that_outlives_its_root_is_still_found() {
    let (tracer, kept, _) = tracer();
    let trace = tracer.trace("root").start();
    let (id, root) = (trace.id(), trace.root().id());
    let late = trace.span("late").start();
    drop(trace);
    let _entered = late.enter();
    let trace = Trace::current();
    assert_eq!((trace.id(), trace.root().id()), (id, root));
    trace.set_user_id("u");
    trace.span("later").run(|_| {});
    assert!(!trace.is_recording());
    drop((late, _entered, trace));
    let named = kept.named("later");
    assert_eq!(
        (named.parent_span_id(), named.trace().user_id.as_deref()),
        (root, Some("u"))
    );
    assert_eq!(kept.named("late").trace().user_id.as_deref(), Some("u"));
    assert_eq!(kept.spans().len(), 3, "the root is recorded once");
}
