//! Masks on whole spans: everything that may hold a secret is shown, JSON stays JSON, a panic costs one value.

use std::sync::Arc;

use proptest::prelude::*;
use serde_json::{Value as Json, json};
use tracefuse_core::record::{SpanRecord, Value, ValueRef};
use tracefuse_core::testing::Recorder;
use tracefuse_core::{Exception, Status, Trace, Tracer};
use tracefuse_mask::apply::{MaskMemo, mask_span};
use tracefuse_mask::{Mask, Masker};

fn recorded(record: impl FnOnce(Trace)) -> SpanRecord {
    let kept = Recorder::new();
    Tracer::builder(kept.clone()).build().trace("t").run(record);
    kept.only()
}

/// All that an exporter might send of a span, except names and ids.
fn everything(span: &SpanRecord) -> String {
    let mut all: Vec<String> = Vec::new();
    all.extend(span.input().map(|v| v.to_string()));
    all.extend(span.output().map(|v| v.to_string()));
    all.extend(span.status_message().map(str::to_owned));
    all.extend(span.metadata().map(|(_, v)| v.to_string()));
    all.extend(span.model_parameters().map(|(_, v)| v.to_string()));
    all.extend(
        span.trace()
            .metadata
            .iter()
            .map(|(_, v)| v.as_ref().to_string()),
    );
    for event in span.events() {
        all.extend(event.input().map(|v| v.to_string()));
        all.extend(event.output().map(|v| v.to_string()));
        all.extend(event.metadata().map(|(_, v)| v.to_string()));
    }
    for exception in span.exceptions() {
        all.push(exception.message().to_owned());
        all.extend(exception.sources().map(str::to_owned));
        all.extend(exception.stacktrace().map(str::to_owned));
    }
    all.join("\n")
}

const CANARY: &str = "canary@example.com";

fn full_of_canaries(trace: &Trace) {
    trace.add_metadata("shared", json!({ "by": [CANARY] }));
    trace.set_input(CANARY);
    trace.set_output(json!([{ "content": format!("to {CANARY}") }]));
    let root = trace.root();
    root.add_metadata("who", CANARY);
    root.add_model_parameter("user", CANARY);
    root.event("e")
        .input(CANARY)
        .output(CANARY)
        .metadata("m", CANARY)
        .record();
    let mut exception = Exception::new("E", CANARY);
    exception.sources = CANARY.into();
    exception.stacktrace = Some(CANARY.into());
    root.record_exception(exception);
    root.set_status(Status::error(format!("no {CANARY}")));
    root.add_metadata("large", format!("{}{CANARY}", " ".repeat(100_000)));
}

#[test]
fn every_place_that_may_hold_a_secret_is_masked() {
    let mut span = recorded(|trace| full_of_canaries(&trace));
    assert_eq!(everything(&span).matches(CANARY).count(), 13);
    let report = mask_span(&mut span, &Mask::new().emails(), &mut MaskMemo::default());
    assert_eq!((report.changed, report.failed), (13, 0));
    assert!(!everything(&span).contains(CANARY));
    assert_eq!(everything(&span).matches("<email>").count(), 13);
    assert_eq!(
        span.output(),
        Some(ValueRef::Json(r#"[{"content":"to <email>"}]"#))
    );
    assert_eq!(span.name(), "t");
}

#[test]
fn values_that_hold_nothing_stay_as_they_are() {
    let mut span = recorded(|trace| {
        trace.set_input(json!({ "a": [1, 2.5, null, true] }));
        trace.add_metadata("n", 4);
        trace.root().add_metadata("n", 4_111_111_111_111_112u64);
    });
    let (before, trace) = (everything(&span), span.trace().clone());
    let report = mask_span(&mut span, &Mask::standard(), &mut MaskMemo::default());
    assert_eq!((report.changed, everything(&span)), (0, before));
    assert!(Arc::ptr_eq(&trace, span.trace()), "spans go on sharing it");
}

#[test]
fn spans_of_a_trace_share_its_masked_attributes() {
    let kept = Recorder::new();
    let tracer = Tracer::builder(kept.clone()).build();
    tracer.trace("t").metadata("who", CANARY).run(|trace| {
        trace.span("a").run(|_| {});
        trace.span("b").run(|_| {});
    });
    let (mut spans, mut memo) = (kept.spans(), MaskMemo::default());
    for span in &mut spans {
        mask_span(span, &Mask::new().emails(), &mut memo);
        assert_eq!(span.trace().metadata[0].1, Value::Str("<email>".into()));
        assert_eq!(span.trace().name, "t");
    }
    assert!(Arc::ptr_eq(spans[0].trace(), spans[2].trace()));
}

#[test]
fn a_masker_that_panics_costs_the_value_it_was_shown_and_no_other() {
    let mut span = recorded(|trace| {
        trace.set_input(json!({ "a": [{ "bad": "secret" }], "b": "secret" }));
        trace.set_output("fine");
        trace.root().add_metadata("bad", "secret");
        trace.root().add_metadata("good", 1);
        trace.add_metadata("bad", "secret");
    });
    let masker = Mask::new().rewrite(|_, at| {
        assert_ne!(at.key(), Some("bad"), "this is what the test is about");
        None
    });
    let report = mask_span(&mut span, &masker, &mut MaskMemo::default());
    assert_eq!((report.changed, report.failed), (3, 3));
    assert_eq!(span.input(), Some(ValueRef::Str("<masking failed>")));
    assert_eq!(span.output(), Some(ValueRef::Str("fine")));
    assert!(!everything(&span).contains("secret"));
    assert_eq!(
        span.metadata().collect::<Vec<_>>(),
        [
            ("bad", ValueRef::Str("<masking failed>")),
            ("good", ValueRef::I64(1))
        ]
    );
}

#[test]
fn maskers_are_composed_in_order_and_shared() {
    let mask = Arc::new(
        Mask::new()
            .rewrite_text(|text| text.contains("one").then(|| text.replace("one", "two")))
            .regex("tw(o)", "thre$1")
            .unwrap()
            .keys(["left"]),
    );
    let mut span = recorded(|trace| trace.set_input(json!({ "x": "one", "one": 1, "left": {} })));
    mask_span(
        &mut span,
        &(mask as Arc<dyn Masker>),
        &mut MaskMemo::default(),
    );
    // serde_json sorts keys; those of objects are masked as well.
    let masked: Json = serde_json::from_str(&span.input().unwrap().to_string()).unwrap();
    assert_eq!(
        masked,
        json!({ "x": "threo", "threo": 1, "left": "<masked>" })
    );
}

const SECRETS: [&str; 6] = [
    "joe@example.com",
    "4111 1111 1111 1111",
    "4111111111111111",
    "sk-lf-1234abcd-12ab-34cd-56ef-1234567890ab",
    "AKIAIOSFODNN7EXAMPLE",
    "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0In0.c2lnbmF0dXJl",
];

fn text() -> impl Strategy<Value = String> {
    let secret = prop::sample::select(&SECRETS[..]);
    prop_oneof![
        any::<String>(),
        secret.prop_map(str::to_owned),
        (".*", prop::sample::select(&SECRETS[..]), ".*")
            .prop_map(|(a, b, c)| format!("{a} {b} {c}")),
    ]
}

fn tree() -> impl Strategy<Value = Json> {
    let leaf = prop_oneof![
        text().prop_map(Json::from),
        any::<i64>().prop_map(Json::from),
        Just(json!(4_111_111_111_111_111u64)),
        Just(json!(4_111_111_111_111_111.0)),
        Just(json!({ "password": ["hunter2"] })),
        Just(json!({ "apiKey": { "a": "hunter2" } })),
        Just(Json::Null),
    ];
    leaf.prop_recursive(4, 30, 5, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..5).prop_map(Json::from),
            prop::collection::vec((text(), inner.clone()), 0..5)
                .prop_map(|pairs| Json::Object(pairs.into_iter().collect())),
            inner.prop_map(|inner| Json::from(json!([inner]).to_string())),
        ]
    })
}

proptest! {
    #[test]
    fn masked_json_is_json_and_holds_no_secret(value in tree()) {
        let json = json!([value]);
        let mut span = recorded(|trace| {
            trace.set_input(&json);
            trace.set_output(json.to_string());
        });
        let report = mask_span(&mut span, &Mask::standard(), &mut MaskMemo::default());
        prop_assert_eq!(report.failed, 0);
        for masked in [span.input().unwrap(), span.output().unwrap()] {
            let masked = masked.to_string();
            let parsed: Json = serde_json::from_str(&masked).unwrap();
            for secret in SECRETS.iter().chain(&["hunter2"]) {
                prop_assert!(!masked.contains(secret), "{} in {}", secret, masked);
                prop_assert!(!parsed.to_string().contains(secret), "{} in {}", secret, masked);
            }
        }
    }

    #[test]
    fn masked_text_holds_no_secret(text in text()) {
        let mut span = recorded(|trace| trace.set_input(&text));
        mask_span(&mut span, &Mask::standard(), &mut MaskMemo::default());
        let masked = span.input().unwrap().to_string();
        for secret in SECRETS {
            prop_assert!(!masked.contains(secret), "{} in {}", secret, masked);
        }
    }
}

/// A panic whose payload panics again when it is dropped.
struct PanicsAgain;

impl Drop for PanicsAgain {
    fn drop(&mut self) {
        assert!(std::thread::panicking(), "again");
    }
}

#[test]
fn a_masker_whose_panic_panics_again_costs_one_value() {
    let mut span = recorded(|trace| trace.set_input("secret"));
    let masker = Mask::new().rewrite(|_, _| std::panic::panic_any(PanicsAgain));
    let report = mask_span(&mut span, &masker, &mut MaskMemo::default());
    assert_eq!(report.failed, 1);
    assert_eq!(span.input(), Some(ValueRef::Str("<masking failed>")));
}
