//! Spans of frameworks that have their own names for the content of a span.

use serde_json::json;
use tracefuse_core::ObservationType;

use crate::inputs::{text, usage};
use crate::usage::of;

/// <https://mlflow.org/docs/latest/genai/tracing/>: values are JSON.
#[test]
fn a_span_of_mlflow_has_type_content_and_usage() {
    let span = of(&json!({
        "mlflow.spanType": "\"CHAT_MODEL\"",
        "mlflow.spanInputs": r#"{"messages":[{"role":"user","content":"hi"}]}"#,
        "mlflow.spanOutputs": "\"hello\"",
        "mlflow.chat.tokenUsage": r#"{"input_tokens": 10, "output_tokens": 5, "total_tokens": 15, "cache_read_input_tokens": 4}"#,
    }));
    assert_eq!(span.observation_type(), ObservationType::Generation);
    assert_eq!(
        text(span.input()),
        json!({ "messages": [{ "role": "user", "content": "hi" }] })
    );
    assert_eq!(text(span.output()), json!("hello"));
    assert_eq!(
        usage(&span),
        [("input", 6), ("input_cached_tokens", 4), ("output", 5)]
    );
    for (kind, recorded) in [
        ("TOOL", ObservationType::Tool),
        ("AGENT", ObservationType::Agent),
        ("RETRIEVER", ObservationType::Retriever),
        ("UNKNOWN", ObservationType::Span),
    ] {
        let span = of(&json!({ "mlflow.spanType": format!("\"{kind}\"") }));
        assert_eq!(span.observation_type(), recorded, "{kind}");
    }
}

/// Google's Agent Development Kit, LiveKit and Genkit have the content of a span under their own names.
#[test]
fn content_under_the_names_of_frameworks_is_input_and_output() {
    for (attributes, input, output) in [
        (
            json!({ "gen_ai.operation.name": "generate_content", "gcp.vertex.agent.llm_request": r#"{"model":"m"}"#, "gcp.vertex.agent.llm_response": r#"{"content":{}}"#, "gcp.vertex.agent.tool_call_args": "{}" }),
            json!({ "model": "m" }),
            json!({ "content": {} }),
        ),
        (
            json!({ "gen_ai.operation.name": "execute_tool", "gcp.vertex.agent.llm_request": "{}", "gcp.vertex.agent.llm_response": "{}", "gcp.vertex.agent.tool_call_args": r#"{"a":1}"#, "gcp.vertex.agent.tool_response": r#"{"b":2}"# }),
            json!({ "a": 1 }),
            json!({ "b": 2 }),
        ),
        (
            json!({ "gen_ai.request.model": "m", "lk.chat_ctx": r#"[{"role":"user"}]"#, "lk.response.text": "Hi", "lk.response.function_calls": "[]" }),
            json!([{ "role": "user" }]),
            json!("Hi"),
        ),
        (
            json!({ "gen_ai.request.model": "m", "genkit:input": "\"q\"", "genkit:output": "\"a\"" }),
            json!("q"),
            json!("a"),
        ),
        // What a convention says wins.
        (
            json!({ "gen_ai.request.model": "m", "gen_ai.input.messages": r#"[{"role":"user"}]"#, "gen_ai.output.messages": "[]", "gcp.vertex.agent.llm_request": r#"{"model":"m"}"#, "gcp.vertex.agent.llm_response": r#"{"c":1}"# }),
            json!([{ "role": "user" }]),
            json!([]),
        ),
    ] {
        let span = of(&attributes);
        assert_eq!(
            (text(span.input()), text(span.output())),
            (input, output),
            "{attributes}"
        );
        let beside = span
            .metadata()
            .any(|(key, _)| attributes.get(key).is_some() && !key.starts_with("gen_ai."));
        assert!(!beside, "content is no metadata: {attributes}");
    }
    let session = of(&json!({ "gen_ai.request.model": "m", "gcp.vertex.agent.session_id": "s" }));
    assert_eq!(session.trace().session_id.as_deref(), Some("s"));
}
