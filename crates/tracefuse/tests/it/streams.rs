//! What the server has of a provider's responses and streams.

use futures::StreamExt as _;
use futures::stream;
use mock_langfuse::{MockLangfuse, Observation};
use serde_json::{Value, json};
use tracefuse::ObserveStream as _;

use crate::support::{row, tracer};

fn usage(row: &Observation) -> Vec<(&str, u64)> {
    let usage = row.usage.iter();
    usage.map(|(name, units)| (name.as_str(), *units)).collect()
}

fn output(row: &Observation) -> Value {
    serde_json::from_str(row.output.as_deref().unwrap()).unwrap()
}

fn chunk(delta: &Value, finish_reason: &Value) -> Value {
    json!({
        "model": "gpt-4o-2024-08-06",
        "choices": [{ "index": 0, "delta": delta, "finish_reason": finish_reason }],
    })
}

fn chunks() -> Vec<Result<Value, std::io::Error>> {
    let call = json!({ "id": "call_1", "index": 0, "function": { "name": "weather", "arguments": "{\"city\":" } });
    vec![
        Ok(chunk(
            &json!({ "role": "assistant", "content": "It " }),
            &Value::Null,
        )),
        Ok(chunk(&json!({ "content": "rains." }), &Value::Null)),
        Ok(chunk(&json!({ "tool_calls": [call] }), &Value::Null)),
        Ok(chunk(
            &json!({ "tool_calls": [{ "index": 0, "function": { "arguments": "\"Lyon\"}" } }] }),
            &json!("tool_calls"),
        )),
        Ok(json!({
            "model": "gpt-4o-2024-08-06", "choices": [],
            "usage": {
                "prompt_tokens": 812, "completion_tokens": 164, "total_tokens": 976,
                "prompt_tokens_details": { "cached_tokens": 512 },
                "completion_tokens_details": { "reasoning_tokens": 100 },
            },
        })),
    ]
}

#[tokio::test]
async fn streams_and_responses_arrive_with_model_usage_output_and_first_token() {
    let server = MockLangfuse::start();
    let tracer = tracer(&server);
    let trace = tracer.trace("chat").start();
    let start = |name: &str| trace.generation(name).model("gpt-4o").start();

    let whole = stream::iter(chunks())
        .try_observed(start("streamed"))
        .openai();
    assert_eq!(whole.count().await, 5);

    let half = stream::iter(chunks())
        .try_observed(start("given up"))
        .openai();
    assert_eq!(half.take(2).count().await, 2);

    let broken = vec![Ok("It "), Err(std::io::Error::other("connection reset"))];
    let broken = stream::iter(broken).try_observed(start("broken")).text();
    assert_eq!(broken.count().await, 2);

    trace.generation("claude").run(|span| {
        span.record_anthropic(&json!({
            "type": "message", "role": "assistant", "model": "claude-sonnet-4-5", "stop_reason": "end_turn",
            "content": [{ "type": "text", "text": "Take an umbrella." }],
            "usage": {
                "input_tokens": 50, "output_tokens": 503,
                "cache_read_input_tokens": 1000, "cache_creation_input_tokens": 248,
            },
        }));
    });
    trace.embedding("embedded").run(|span| {
        span.record_openai(&json!({
            "object": "list", "model": "text-embedding-3-small",
            "data": [{ "embedding": [0.1, 0.2], "index": 0 }],
            "usage": { "prompt_tokens": 8, "total_tokens": 8 },
        }));
    });
    trace.finish();
    tracer.shutdown_async().await.unwrap();

    let streamed = row(&server, "streamed");
    assert_eq!(streamed.model.as_deref(), Some("gpt-4o-2024-08-06"));
    assert_eq!(
        usage(&streamed),
        [
            ("input", 300),
            ("input_cached_tokens", 512),
            // This model has no price for reasoning.
            ("output", 164),
            ("total", 976)
        ]
    );
    let call = json!({ "id": "call_1", "function": { "name": "weather", "arguments": "{\"city\":\"Lyon\"}" } });
    assert_eq!(
        output(&streamed),
        json!({ "role": "assistant", "content": "It rains.", "tool_calls": [call] })
    );
    assert_eq!(streamed.metadata["finish_reason"], json!("tool_calls"));
    assert!(streamed.completion_start_time.is_some());
    assert_eq!(streamed.level, "DEFAULT");

    let given_up = row(&server, "given up");
    assert_eq!(given_up.level, "WARNING");
    assert_eq!(output(&given_up)["content"], json!("It rains."));
    let broken = row(&server, "broken");
    assert_eq!(
        (broken.level.as_str(), broken.output.as_deref()),
        ("ERROR", Some("It "))
    );

    let claude = row(&server, "claude");
    assert_eq!(
        usage(&claude),
        [
            ("cache_creation_input_tokens", 248),
            ("cache_read_input_tokens", 1000),
            ("input", 50),
            ("output", 503),
            ("total", 1801)
        ]
    );
    assert_eq!(
        output(&claude),
        json!({ "role": "assistant", "content": "Take an umbrella." })
    );
    let embedded = row(&server, "embedded");
    assert_eq!(embedded.model.as_deref(), Some("text-embedding-3-small"));
    assert_eq!(usage(&embedded), [("input", 8), ("total", 8)]);
    assert_eq!(embedded.output, None);
}
