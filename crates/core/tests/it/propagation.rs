//! A trace across services and attributes from far away.

use std::collections::{BTreeMap, HashMap};

use futures::executor::block_on;
use tracefuse_core::propagation::RemoteContext;
use tracefuse_core::record::Value;
use tracefuse_core::{InSpan, Span, SpanId, Trace, TraceBuilder, TraceId, Tracer, with_attributes};

use crate::support::tracer;

#[test]
fn what_goes_out_comes_in_as_one_trace_with_user_and_session() {
    let (tracer, kept, _) = tracer();
    let mut headers = HashMap::from([("Baggage".to_owned(), "theirs=1".to_owned())]);
    let (trace_id, parent) = tracer
        .trace("client")
        .user_id("user 1")
        .session_id("s")
        .tag("a")
        .tag("b")
        .metadata("k", "v")
        .run(|trace| {
            trace.span("call").run(|span| {
                span.inject(&mut headers);
                (span.trace_id().unwrap(), span.id().unwrap())
            })
        });
    assert!(headers["baggage"].starts_with("theirs=1,langfuse_trace_id="));
    let remote = RemoteContext::extract(&headers).unwrap();
    assert_eq!(
        (remote.trace_id(), remote.parent_span_id()),
        (trace_id, parent)
    );

    tracer
        .trace("POST /chat")
        .tag("c")
        .continue_from(&headers)
        .run(|trace| trace.span("below").run(|_| {}));
    let served = kept.named("POST /chat");
    assert_eq!(
        (served.trace_id(), served.parent_span_id()),
        (trace_id, Some(parent))
    );
    assert!(
        served.is_local_root() && !served.is_app_root(),
        "the root is the client's"
    );
    for span in [served, kept.named("below")] {
        let trace = span.trace();
        assert_eq!(trace.name, "client", "the trace is named where its root is");
        assert_eq!(trace.user_id.as_deref(), Some("user 1"));
        assert_eq!(trace.session_id.as_deref(), Some("s"));
        assert_eq!(trace.tags, ["c", "a", "b"]);
        assert_eq!(
            trace.metadata,
            [("k".to_owned(), Value::Str("v".to_owned()))]
        );
    }
}

#[test]
fn the_headers_of_the_python_sdk_are_read_as_it_means_them() {
    // Captured from version 5.0.4: flags 03, `+` for spaces, a list as Python prints it, metadata as JSON.
    let headers = HashMap::from([
        (
            "traceparent".to_owned(),
            "00-3f1dfa0c2b9a4e6f8d7c6b5a49382716-00f067aa0ba902b7-03".to_owned(),
        ),
        (
            "baggage".to_owned(),
            "langfuse_tags=%5B%27a%27%2C+%27b%27%5D,langfuse_metadata_k=%22v+w%22,langfuse_user_id=u+1,\
             langfuse_trace_id=3f1dfa0c2b9a4e6f8d7c6b5a49382716"
                .to_owned(),
        ),
    ]);
    let remote = RemoteContext::extract(&headers).unwrap();
    assert!(remote.is_sampled());
    assert_eq!(remote.user_id(), Some("u 1"));
    assert_eq!(remote.attributes().tags, ["a", "b"]);
    assert_eq!(
        remote.attributes().metadata,
        [("k".to_owned(), Value::Str("v w".to_owned()))]
    );
}

#[test]
fn a_caller_that_only_has_a_traceparent_leaves_the_root_to_us() {
    let (tracer, kept, _) = tracer();
    let headers = BTreeMap::from([(
        "traceparent".to_owned(),
        "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01".to_owned(),
    )]);
    tracer.trace("served").continue_from(&headers).run(|_| {});
    let span = kept.only();
    assert!(span.is_app_root());
    assert_eq!(span.trace().name, "served");
    assert_eq!(
        span.trace_id().to_string(),
        "0af7651916cd43dd8448eb211c80319c"
    );
}

#[test]
fn the_service_that_has_the_root_names_the_trace() {
    let (trace, parent) = (TraceId::random(), SpanId::random());
    let claimed = format!("langfuse_trace_id={trace}");
    let named = "langfuse_trace_name=theirs";
    for (baggage, name) in [
        (String::new(), "ours"),
        ("other=1".to_owned(), "ours"),
        (claimed.clone(), ""),
        (named.to_owned(), "theirs"),
        (format!("{claimed},{named}"), "theirs"),
    ] {
        let (tracer, recorder, _) = tracer();
        let headers = HashMap::from([
            ("traceparent".to_owned(), format!("00-{trace}-{parent}-01")),
            ("baggage".to_owned(), baggage.clone()),
        ]);
        tracer.trace("ours").continue_from(&headers).run(|_| {});
        let span = recorder.only();
        assert_eq!(
            (span.name(), span.trace().name.as_str()),
            ("ours", name),
            "{baggage}"
        );
    }
}

/// The flags that a trace sends whose builder was given a parent and, before or after it, a decision.
fn sent_flags(enabled: bool, build: impl FnOnce(TraceBuilder) -> TraceBuilder) -> Option<String> {
    let tracer = if enabled { tracer().0 } else { Tracer::noop() };
    let mut sent = HashMap::<String, String>::new();
    build(tracer.trace("t")).start().inject(&mut sent);
    let header = sent.remove("traceparent")?;
    header.rsplit_once('-').map(|(_, flags)| flags.to_owned())
}

#[test]
fn a_parents_decision_is_sent_on_in_any_order() {
    let (trace, parent) = (TraceId::random(), SpanId::random());
    for (sampled, flags) in [(Some(true), "01"), (Some(false), "00"), (None, "01")] {
        for enabled in [true, false] {
            let decide = |builder: TraceBuilder| match sampled {
                Some(sampled) => builder.remote_sampled(sampled),
                None => builder,
            };
            let after = sent_flags(enabled, |t| decide(t.remote_parent(trace, parent)));
            assert_eq!(after.as_deref(), Some(flags), "{sampled:?} {enabled}");
            if enabled {
                let before = sent_flags(enabled, |t| decide(t).remote_parent(trace, parent));
                assert_eq!(before.as_deref(), Some(flags), "{sampled:?}");
            }
        }
    }
    // Other flags stay as they came.
    let headers = HashMap::from([("traceparent".to_owned(), format!("00-{trace}-{parent}-03"))]);
    for (sampled, flags) in [(true, "03"), (false, "02")] {
        let build = |t: TraceBuilder| t.continue_from(&headers).remote_sampled(sampled);
        assert_eq!(sent_flags(false, build).as_deref(), Some(flags));
    }
}

#[test]
fn a_trace_that_is_public_stays_so_in_a_scope() {
    let (tracer, recorder, _) = tracer();
    tracer.trace("t").public(true).run(|trace| {
        with_attributes().tag("a").run(|| {});
        assert!(trace.is_recording());
    });
    assert!(recorder.only().trace().public);
    assert_eq!(recorder.only().trace().tags, ["a"]);
}

#[test]
fn the_callers_decision_not_to_record_is_honoured() {
    let (tracer, kept, _) = tracer();
    let headers = HashMap::from([(
        "traceparent".to_owned(),
        "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-00".to_owned(),
    )]);
    tracer.trace("served").continue_from(&headers).run(|_| {});
    assert!(kept.spans().is_empty());
    assert_eq!(tracer.stats().unsampled_traces, 1);
    // Without a header, or with a broken one, it is a trace of our own.
    let broken = HashMap::from([("traceparent".to_owned(), "nonsense".to_owned())]);
    tracer.trace("own").continue_from(&broken).run(|_| {});
    assert!(kept.only().parent_span_id().is_none());
}

#[test]
fn current_reaches_the_span_and_its_trace_without_a_handle() {
    let (tracer, kept, _) = tracer();
    Trace::current().set_user_id("no trace is current");
    tracer.trace("t").run(|trace| {
        trace.span("s").run(|_| {
            Span::current().add_metadata("span", 1);
            Span::current().set_output("out");
            Trace::current().set_user_id("user");
            Trace::current().set_session_id("session");
            Trace::current().add_tag("tag");
            Trace::current().add_metadata("trace", 2);
            Trace::current().set_input("of the root");
            assert_eq!(Trace::current().id(), trace.id());
            assert_eq!(Trace::current().root().id(), trace.root().id());
        });
    });
    let span = kept.named("s");
    assert_eq!(
        span.metadata().map(|(key, _)| key).collect::<Vec<_>>(),
        ["span"]
    );
    assert!(span.output().is_some() && span.input().is_none());
    assert!(kept.named("t").input().is_some());
    let trace = kept.named("t").trace().clone();
    assert_eq!(
        (
            trace.user_id.as_deref(),
            trace.session_id.as_deref(),
            trace.tags.len(),
            trace.metadata.len()
        ),
        (Some("user"), Some("session"), 1, 1)
    );
}

#[test]
fn a_scope_covers_the_current_trace_and_those_that_begin_inside() {
    let (tracer, kept, _) = tracer();
    tracer.trace("outer").tag("own").run(|_| {
        with_attributes().user_id("u").tag("scope").run(|| {
            with_attributes()
                .session_id("s")
                .tag("inner")
                .metadata("k", 1)
                .run(|| {
                    tracer.trace("inside").user_id("its own").run(|_| {});
                });
            tracer.trace("between").run(|_| {});
        });
    });
    tracer.trace("after").run(|_| {});
    let of = |name: &str| kept.named(name).trace().clone();
    assert_eq!(of("outer").tags, ["own", "scope", "inner"]);
    assert_eq!(of("outer").user_id.as_deref(), Some("u"));
    assert_eq!(of("outer").name, "outer");
    assert_eq!(of("inside").user_id.as_deref(), Some("its own"));
    assert_eq!(of("inside").session_id.as_deref(), Some("s"));
    assert_eq!(of("inside").tags, ["inner", "scope"]);
    assert_eq!(of("between").session_id, None);
    assert_eq!(of("after").user_id, None);
}

async fn yield_once() {
    let mut yielded = false;
    std::future::poll_fn(|cx| {
        if std::mem::replace(&mut yielded, true) {
            return std::task::Poll::Ready(());
        }
        cx.waker().wake_by_ref();
        std::task::Poll::Pending
    })
    .await;
}

#[test]
fn a_scope_of_a_future_is_left_between_its_polls() {
    let (tracer, kept, _) = tracer();
    let scoped = |user: &'static str| {
        let tracer = tracer.clone();
        with_attributes().user_id(user).scope(async move {
            for _ in 0..3 {
                yield_once().await;
                tracer.trace(user).run(|_| {});
            }
        })
    };
    block_on(async { futures::join!(scoped("a"), scoped("b").in_current_span()) });
    assert_eq!(kept.spans().len(), 6);
    for span in kept.spans() {
        assert_eq!(span.trace().user_id.as_deref(), Some(span.name()));
    }
}

#[test]
fn a_scopes_prompt_links_the_generations_that_name_none() {
    use tracefuse_core::ObservationType;

    let (tracer, kept, _) = tracer();
    let trace = tracer.trace("t").start();
    let prompt = |name: &str| {
        let span = kept.named(name);
        span.prompt()
            .map(|prompt| (prompt.name.to_owned(), prompt.version))
    };
    with_attributes().prompt("outer", 1).run(|| {
        trace.generation("linked").run(|_| {});
        trace.generation("own").prompt("mine", 3).run(|_| {});
        trace
            .span("span")
            .run(|span| span.generation("below").run(|_| {}));
        trace
            .tool("kind")
            .observation_type(ObservationType::Generation)
            .run(|_| {});
        with_attributes()
            .user_id("u")
            .run(|| trace.generation("nested").run(|_| {}));
        with_attributes()
            .prompt("inner", 2)
            .run(|| trace.generation("inner").run(|_| {}));
        block_on(with_attributes().prompt("async", 4).scope(async {
            yield_once().await;
            trace
                .generation("async")
                .run_async(async |_| yield_once().await)
                .await;
        }));
    });
    trace.generation("after").run(|_| {});
    let linked = |name: &str, version| Some((name.to_owned(), version));
    assert_eq!(prompt("linked"), linked("outer", 1));
    assert_eq!(prompt("own"), linked("mine", 3));
    assert_eq!(prompt("span"), None);
    assert_eq!(prompt("below"), linked("outer", 1));
    assert_eq!(prompt("kind"), linked("outer", 1));
    assert_eq!(prompt("nested"), linked("outer", 1));
    assert_eq!(prompt("inner"), linked("inner", 2));
    assert_eq!(prompt("async"), linked("async", 4));
    assert_eq!(prompt("after"), None);
}
