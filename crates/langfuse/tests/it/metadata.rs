//! What a user says of a span or a trace, and how it reads on the server.

use serde_json::{Value, json};
use tracefuse_core::{Link, Span, SpanId, TraceId};

use crate::support::{records, request, resource, sent, span_text, spans, wire, without};

/// What a value of metadata is on the wire, and what the server reads.
async fn check<T: serde::Serialize>(value: T, on_the_wire: &str, read: Value) {
    let records = records(|recording| {
        recording
            .tracer
            .trace("it")
            .run(|trace| trace.root().add_metadata("k", value));
    });
    let server = sent(resource(|_| {}), records).await;
    let text = span_text(&spans(&request(&server)), "it");
    let line = format!("langfuse.observation.metadata.k = {on_the_wire}");
    assert!(
        text.lines().any(|found| found == line),
        "expected {line} in\n{text}"
    );
    assert_eq!(
        server.observations()[0].metadata.get("k"),
        Some(&read),
        "read back"
    );
}

#[tokio::test]
async fn every_value_reads_back_as_what_it_was() {
    check("text", r#""text""#, json!("text")).await;
    check("", r#""""#, json!("")).await;
    check(
        "line\n\"quoted\" ü",
        r#""line\n\"quoted\" ü""#,
        json!("line\n\"quoted\" ü"),
    )
    .await;
    check(true, "true", json!(true)).await;
    check(-5, "-5", json!(-5)).await;
    check(0.5, "0.5", json!(0.5)).await;
    check(1_u64 << 53, "9007199254740992", json!(1_u64 << 53)).await;
    // Beyond, a double has gaps.
    check(
        (1_u64 << 53) + 1,
        r#""\"9007199254740993\"""#,
        json!("9007199254740993"),
    )
    .await;
    check(
        i64::MIN,
        r#""\"-9223372036854775808\"""#,
        json!("-9223372036854775808"),
    )
    .await;
    check(
        u64::MAX,
        r#""\"18446744073709551615\"""#,
        json!("18446744073709551615"),
    )
    .await;
    check(f64::NAN, r#""\"NaN\"""#, json!("NaN")).await;
    check(f64::NEG_INFINITY, r#""\"-Infinity\"""#, json!("-Infinity")).await;
    check([1, 2], r#""[1,2]""#, json!([1, 2])).await;
    check("a\0b", "\"a\u{fffd}b\"", json!("a\u{fffd}b")).await;
}

#[tokio::test]
async fn a_text_that_is_json_stays_a_text() {
    for text in [
        r#"{"a":1}"#,
        "[1,2]",
        " { } ",
        "{a}",
        "[1] and [2]",
        "{\"a\":\"{}\"}",
        "5",
        "-1e3",
        "true",
        "null",
        " 7 ",
        "\"x\"",
        "007",
        "1.2.3",
        "+1",
        "Infinity",
        "5 apples",
    ] {
        let quoted = serde_json::from_str::<Value>(text).is_ok();
        let sent = if quoted {
            json!(text).to_string()
        } else {
            text.to_owned()
        };
        check(text, &format!("{sent:?}"), json!(text)).await;
    }
}

#[tokio::test]
async fn keys_of_every_kind_arrive_and_none_hides_another() {
    let spans = wire(resource(|_| {}), |recording| {
        let trace = recording
            .tracer
            .trace("root")
            .metadata("tenant", "acme")
            .metadata("__proto__", 1)
            .start();
        let span: Span = trace
            .span("it")
            .metadata("a.b", 1)
            .metadata("x.constructor.y", 2)
            .metadata("input", 3)
            .metadata("model", 4)
            .metadata("tags", 5)
            .metadata("exception.type", 6)
            .metadata("nul\0", 7)
            .metadata("", 8)
            .metadata("x.__proto__", 9)
            .tag("own")
            .start();
        span.record_error("oops");
    })
    .await;
    let only = |name| {
        let text = span_text(&spans, name);
        without(
            &text,
            &[
                "langfuse.trace.name",
                "langfuse.observation.type",
                "langfuse.observation.level",
                "langfuse.observation.status",
                "status",
                "langfuse.internal",
            ],
        )
        .into_iter()
        .map(str::to_owned)
        .collect::<Vec<_>>()
    };
    assert_eq!(
        only("it"),
        [
            r#"langfuse.trace.metadata.tenant = "acme""#,
            "langfuse.trace.metadata.__proto___ = 1",
            "langfuse.observation.metadata.a.b = 1",
            "langfuse.observation.metadata.x.constructor.y = 2",
            "langfuse.observation.metadata.input = 3",
            "langfuse.observation.metadata.model = 4",
            "langfuse.observation.metadata.tags_ = 5",
            "langfuse.observation.metadata.exception.type_ = 6",
            "langfuse.observation.metadata.nul\u{fffd} = 7",
            "langfuse.observation.metadata._ = 8",
            "langfuse.observation.metadata.x.__proto__ = 9",
            r#"langfuse.observation.metadata.tags = "[\"own\"]""#,
            r#"langfuse.observation.metadata.exception.type = "error""#,
            r#"langfuse.observation.metadata.exception.message = "oops""#,
        ]
    );
}

#[tokio::test]
async fn a_key_that_a_span_shares_with_its_trace_keeps_the_spans_value() {
    let records = records(|recording| {
        let trace = recording
            .tracer
            .trace("root")
            .metadata("version", "trace's")
            .metadata("tenant", "acme")
            .metadata("links", "trace's")
            .start();
        let link = Link::new(TraceId::random(), SpanId::random());
        trace.span("linked").link(link).run(|_| {});
        trace
            .span("same key")
            .metadata("version", "span's")
            .run(|_| {});
        trace.span("other").run(|_| {});
        trace.event("event").metadata("version", "event's").record();
        trace.root().add_metadata("version", "root's");
    });
    let server = sent(resource(|_| {}), records).await;
    let of = |name: &str, key: &str| {
        let row = server
            .observations()
            .into_iter()
            .find(|row| row.name == name)
            .unwrap();
        assert_eq!(row.metadata.get("tenant"), Some(&json!("acme")), "{name}");
        row.metadata.get(key).cloned()
    };
    let version = |name: &str| of(name, "version");
    assert_eq!(version("same key"), Some(json!("span's")));
    assert_eq!(version("event"), Some(json!("event's")));
    assert_eq!(of("other", "links"), Some(json!("trace's")));
    assert!(of("linked", "links").is_some_and(|links| links.is_array()));
    assert_eq!(version("other"), Some(json!("trace's")));
    assert_eq!(
        version("root"),
        Some(json!("trace's")),
        "the trace's metadata is read from here"
    );
}

#[tokio::test]
async fn an_attribute_of_the_trace_given_late_reaches_every_span_that_ends_later() {
    let spans = wire(resource(|_| {}), |recording| {
        let trace = recording.tracer.trace("root").start();
        trace.span("early").run(|_| {});
        trace.set_user_id("u");
        trace.span("late").run(|_| {});
    })
    .await;
    let user = |name| span_text(&spans, name).contains("user.id = \"u\"");
    assert!(!user("early") && user("late") && user("root"));
}

#[tokio::test]
async fn links_are_metadata_that_a_person_can_follow() {
    let (trace_id, span_id) = (TraceId::random(), SpanId::random());
    let records = records(|recording| {
        let link = Link::new(trace_id, span_id)
            .metadata("why", "retry \"1\"")
            .metadata("rate", f64::NAN);
        let trace = recording
            .tracer
            .trace("it")
            .metadata("links", "of the trace");
        trace.run(|trace| {
            let span = trace.span("linked").link(link).start();
            span.add_link(Link::new(trace_id, span_id));
            span.add_metadata("links", "the user's own");
        });
    });
    let server = sent(resource(|_| {}), records).await;
    let observations = server.observations();
    let of = |name: &str| observations.iter().find(|of| of.name == name).unwrap();
    let observation = of("linked");
    let ids = json!({ "trace_id": trace_id.to_string(), "span_id": span_id.to_string() });
    let mut first = ids.clone();
    first["metadata"] = json!({ "why": "retry \"1\"", "rate": "NaN" });
    assert_eq!(
        observation.metadata.get("links"),
        Some(&json!([first, ids]))
    );
    assert_eq!(
        observation.metadata.get("links_"),
        Some(&json!("the user's own"))
    );
    assert_eq!(of("it").metadata.get("links"), Some(&json!("of the trace")));
    // Other backends behind a collector read them as links.
    assert_eq!(spans(&request(&server))[0].links.len(), 2);
}
