//! What a provider's response leaves on a span.

use serde::Serialize;
use serde_json::json;
use tracefuse_core::record::StatusCode;
use tracefuse_core::{Level, Span, Usage};

use crate::support::tracer;

#[derive(Serialize)]
struct Completion {
    model: String,
    choices: Vec<Choice>,
    usage: Option<TokenUsage>,
}

#[derive(Serialize)]
struct Choice {
    message: Message,
    finish_reason: FinishReason,
}

#[derive(Serialize)]
struct Message {
    role: &'static str,
    content: Option<String>,
    refusal: Option<String>,
}

#[derive(Serialize)]
#[serde(rename_all = "snake_case")]
enum FinishReason {
    Stop,
}

#[derive(Serialize)]
struct TokenUsage {
    prompt_tokens: u32,
    completion_tokens: i32,
    total_tokens: u64,
}

fn completion() -> Completion {
    Completion {
        model: "gpt-4o-2024-08-06".into(),
        choices: vec![Choice {
            message: Message {
                role: "assistant",
                content: Some("Bonjour".into()),
                refusal: None,
            },
            finish_reason: FinishReason::Stop,
        }],
        usage: Some(TokenUsage {
            prompt_tokens: 20,
            completion_tokens: 3,
            total_tokens: 23,
        }),
    }
}

#[test]
fn an_sdks_struct_gives_model_usage_finish_reason_and_output() {
    let (tracer, kept, _) = tracer();
    tracer.trace("root").run(|trace| {
        let generation = trace.generation("typed").model("gpt-4o");
        generation.run(|span| span.record_openai(&completion()));
        trace.generation("text").run(|span| {
            span.record_openai(&serde_json::to_string(&completion()).unwrap());
        });
    });
    for name in ["typed", "text"] {
        let span = kept.named(name);
        assert_eq!(span.model(), Some("gpt-4o-2024-08-06"));
        assert_eq!(
            span.usage().collect::<Vec<_>>(),
            [("input", 20), ("output", 3), ("total", 23)]
        );
        assert_eq!(
            span.output().unwrap().to_string(),
            r#"{"content":"Bonjour","role":"assistant"}"#
        );
        let metadata: Vec<_> = span
            .metadata()
            .map(|(key, value)| (key, value.to_string()))
            .collect();
        assert_eq!(metadata, [("finish_reason", "stop".to_owned())]);
    }
    assert_eq!(
        Usage::from_openai_response(&completion()).map(|usage| usage.sum()),
        Some(23)
    );
}

#[test]
fn an_output_that_was_set_stays() {
    let (tracer, kept, _) = tracer();
    tracer.trace("root").run(|trace| {
        trace.generation("before").run(|span| {
            span.set_output("mine");
            span.record_anthropic(&json!({ "content": [{ "type": "text", "text": "theirs" }] }));
        });
        trace.generation("after").run(|span| {
            span.record_gemini(
                &json!({ "candidates": [{ "content": { "parts": [{ "text": "theirs" }] } }] }),
            );
            span.set_output("mine");
        });
    });
    for name in ["before", "after"] {
        assert_eq!(kept.named(name).output().unwrap().to_string(), "mine");
    }
}

#[test]
fn an_error_body_makes_the_span_an_error() {
    let (tracer, kept, _) = tracer();
    tracer.trace("root").run(|trace| {
        trace.generation("failed").run(|span| {
            span.record_anthropic(
                r#"{"type":"error","error":{"type":"overloaded_error","message":"Overloaded"}}"#,
            );
        });
    });
    let span = kept.named("failed");
    assert_eq!(span.level(), Some(Level::Error));
    assert_eq!(
        span.status_message(),
        Some("anthropic.overloaded_error: Overloaded")
    );
}

#[test]
fn what_says_nothing_changes_nothing() {
    let (tracer, kept, _) = tracer();
    tracer.trace("root").run(|trace| {
        trace.generation("kept").model("asked").run(|span| {
            span.set_usage(Usage::new(1, 2));
            for nonsense in ["", " ", "{}", "[]", "null", r#"{"a":null}"#] {
                span.record_openai(nonsense);
                span.record_anthropic(nonsense);
                span.record_gemini(nonsense);
            }
        });
    });
    let span = kept.named("kept");
    assert_eq!(span.model(), Some("asked"));
    assert_eq!(
        span.usage().collect::<Vec<_>>(),
        [("input", 1), ("output", 2)]
    );
    assert!(span.output().is_none() && span.metadata().next().is_none());
    assert_eq!(span.level(), None);
}

#[test]
fn a_body_that_is_no_object_is_the_output() {
    let (tracer, kept, _) = tracer();
    tracer.trace("root").run(|trace| {
        let read = |name: &str, body: &str| trace.generation(name).run(|span| span.record_openai(body));
        read("text", "no healthy upstream");
        read("number", "7");
        read("page", "<html><title>502 Bad Gateway</title></html>");
        read("unknown", r#"{"answer":42}"#);
        trace.generation("values").run(|span| span.record_gemini(&json!(["a", 1])));
        trace.generation("errors").run(|span| {
            span.record_gemini(&json!([{ "error": { "code": 400, "message": "API key not valid.", "status": "INVALID_ARGUMENT" } }]));
        });
        trace.generation("mistral").run(|span| {
            span.record_openai(&json!({ "object": "error", "message": "Invalid model: x", "type": "invalid_model", "code": "1500" }));
        });
    });
    let facts = |name: &str| {
        let span = kept.named(name);
        let output = span.output().map(|output| output.to_string());
        let message = span.status_message().map(str::to_owned);
        (output, span.level(), message)
    };
    let text = |text: &str| Some(text.to_owned());
    assert_eq!(facts("text"), (text("no healthy upstream"), None, None));
    assert_eq!(facts("number"), (text("7"), None, None));
    assert_eq!(facts("unknown"), (text(r#"{"answer":42}"#), None, None));
    assert_eq!(facts("values"), (text(r#"["a",1]"#), None, None));
    let error = Some(Level::Error);
    assert_eq!(
        facts("page"),
        (
            text("<html><title>502 Bad Gateway</title></html>"),
            error,
            text("openai.html: 502 Bad Gateway")
        )
    );
    assert_eq!(
        facts("errors"),
        (
            None,
            error,
            text("gemini.INVALID_ARGUMENT.400: API key not valid.")
        )
    );
    assert_eq!(
        facts("mistral"),
        (
            None,
            error,
            text("openai.invalid_model.1500: Invalid model: x")
        )
    );
}

#[test]
fn an_error_of_any_provider_gives_level_and_status() {
    let (tracer, kept, _) = tracer();
    let invalid = json!([{ "error": { "code": 400, "message": "API key not valid.", "status": "INVALID_ARGUMENT" } }]);
    let mistral = json!({ "object": "error", "message": "Invalid model: x", "type": "invalid_model", "code": "1500" });
    let minimax = json!({ "choices": null, "base_resp": { "status_code": 1008, "status_msg": "insufficient balance" } });
    let throttled = json!({ "message": "Too many requests", "__type": "ThrottlingException" });
    tracer.trace("root").run(|trace| {
        let openai = |name: &str, body| trace.generation(name).run(|span| span.record_openai(body));
        openai("array", &invalid);
        openai("mistral", &mistral);
        openai("minimax", &minimax);
        let bedrock = trace.generation("bedrock");
        bedrock.run(|span| span.record_bedrock(&throttled));
        let handled = trace.generation("handled").start();
        handled.record_openai(&mistral);
        handled.set_status(tracefuse_core::Status::Ok);
    });
    for (name, message) in [
        ("array", "openai.INVALID_ARGUMENT.400: API key not valid."),
        ("mistral", "openai.invalid_model.1500: Invalid model: x"),
        ("minimax", "openai.1008: insufficient balance"),
        ("bedrock", "bedrock.ThrottlingException: Too many requests"),
    ] {
        let span = kept.named(name);
        assert_eq!(
            (span.level(), span.status(), span.status_message()),
            (Some(Level::Error), StatusCode::Error, Some(message)),
            "{name}"
        );
        assert!(span.output().is_none(), "{name}");
    }
    let handled = kept.named("handled");
    assert_eq!((handled.level(), handled.status()), (None, StatusCode::Ok));
}

/// An answer that cannot be read.
struct Panicking;

impl Serialize for Panicking {
    fn serialize<S: serde::Serializer>(&self, _: S) -> Result<S::Ok, S::Error> {
        panic!("no luck");
    }
}

#[test]
fn an_answer_whose_serialize_panics_is_recorded_as_such() {
    let (tracer, kept, _) = tracer();
    tracer.trace("root").run(|trace| {
        trace
            .generation("whole")
            .run(|span| span.record_openai(&Panicking));
        let chunks = futures::stream::iter([Panicking, Panicking]);
        let chunks =
            tracefuse_core::ObserveStream::observed(chunks, trace.generation("stream").start());
        let count = futures::StreamExt::count(chunks.openai());
        assert_eq!(futures::executor::block_on(count), 2);
    });
    assert_eq!(
        kept.named("whole").output().unwrap().to_string(),
        "<not serializable: its Serialize panicked: no luck>"
    );
    assert_eq!(kept.named("stream").level(), None);
}

/// A response that must not be read.
struct Untouchable;

impl Serialize for Untouchable {
    fn serialize<S: serde::Serializer>(&self, _: S) -> Result<S::Ok, S::Error> {
        panic!("read although nothing is recorded");
    }
}

#[test]
fn nothing_is_read_for_a_span_that_is_not_recorded() {
    let span = Span::noop();
    span.record_openai(&Untouchable);
    span.record_anthropic(&Untouchable);
    span.record_gemini(&Untouchable);
    assert!(!span.is_recording());
}

#[test]
fn the_model_asked_for_is_kept_beside_the_one_that_answered() {
    let (tracer, kept, _) = tracer();
    tracer.trace("t").run(|trace| {
        trace.generation("asked").model("gpt-4o").run(|_| {});
        let answered = trace.generation("answered").model("gpt-4o").start();
        answered.record_openai(&json!({ "model": "gpt-4o-mini" }));
        answered.record_openai(&json!({ "model": "gpt-4o-2024-08-06" }));
        drop(answered);
        let unasked = trace.generation("unasked").start();
        unasked.record_anthropic(&json!({ "model": "claude-sonnet-4" }));
    });
    let facts = |name: &str| {
        let span = kept.named(name);
        let facts = [
            span.request_model(),
            span.response_model(),
            span.model(),
            span.provider(),
        ];
        facts.map(|fact| fact.unwrap_or("none").to_owned())
    };
    assert_eq!(facts("asked"), ["gpt-4o", "none", "gpt-4o", "none"]);
    let answer = "gpt-4o-2024-08-06";
    assert_eq!(facts("answered"), ["gpt-4o", answer, answer, "openai"]);
    let answer = "claude-sonnet-4";
    assert_eq!(facts("unasked"), ["none", answer, answer, "anthropic"]);
}

/// The names of OpenTelemetry's conventions for generative AI; where these have none, the names of frameworks.
#[test]
fn a_part_without_a_price_is_metadata_under_its_name() {
    let (tracer, kept, _) = tracer();
    tracer.trace("root").run(|trace| {
        let span = trace.generation("answer").start();
        span.record_openai(&json!({ "model": "anthropic/claude-sonnet-4", "usage": {
            "prompt_tokens": 20, "completion_tokens": 9, "total_tokens": 29, "num_sources_used": 3, "connector_tokens": 5,
            "completion_tokens_details": { "reasoning_tokens": 4, "accepted_prediction_tokens": 2, "rejected_prediction_tokens": 1 } } }));
    });
    let span = kept.named("answer");
    let found = span
        .metadata()
        .map(|(key, value)| (key.to_owned(), value.to_string()));
    let mut found: Vec<_> = found
        .filter(|(key, _)| key.starts_with("gen_ai."))
        .collect();
    found.sort();
    let expected = [
        ("gen_ai.usage.accepted_prediction_tokens", "2"),
        ("gen_ai.usage.num_sources_used", "3"),
        ("gen_ai.usage.reasoning.output_tokens", "4"),
        ("gen_ai.usage.rejected_prediction_tokens", "1"),
        ("gen_ai.usage.tool_use_prompt_tokens", "5"),
    ];
    assert_eq!(
        found,
        expected.map(|(key, value)| (key.to_owned(), value.to_owned()))
    );
}
