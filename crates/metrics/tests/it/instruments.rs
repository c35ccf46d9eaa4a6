//! Which span is counted by which instrument, with which attributes.

use tracefuse_core::{Cost, Exception, Usage};
use tracefuse_metrics::Metrics;

use crate::support::Measured;

const CHAT: [(&str, &str); 3] = [
    ("gen_ai_operation_name", "chat"),
    ("gen_ai_provider_name", "openai"),
    ("gen_ai_request_model", "gpt-4o"),
];

fn with<'a>(labels: &[(&'a str, &'a str)], more: (&'a str, &'a str)) -> Vec<(&'a str, &'a str)> {
    let mut labels = labels.to_vec();
    labels.push(more);
    labels
}

#[test]
fn a_generation_has_duration_and_tokens() {
    let on = Measured::new(Metrics::new());
    on.tracer
        .trace("request")
        .user_id("user1")
        .session_id("s1")
        .run(|trace| {
            trace.generation("answer").model("gpt-4o").run(|span| {
                on.passes(300);
                span.set_usage(Usage::openai(812, 164));
                span.set_cost(Cost::new(0.1, 0.2));
            });
        });
    let samples = on.samples();
    let name = "gen_ai_client_inference_duration_seconds";
    assert_eq!(samples.value(&format!("{name}_count"), &CHAT), 1.0);
    assert_eq!(samples.value(&format!("{name}_sum"), &CHAT), 0.3);
    let bucket = |le| samples.value(&format!("{name}_bucket"), &with(&CHAT, ("le", le)));
    assert_eq!(
        (bucket("0.16"), bucket("0.32"), bucket("81.92")),
        (0.0, 1.0, 1.0)
    );
    let unknown = with(&CHAT, ("gen_ai_token_modality", "unknown"));
    for (kind, units) in [
        ("input_tokens", 812.0),
        ("output_tokens", 164.0),
        ("cache_read_input_tokens", 0.0),
        ("cache_write_input_tokens", 0.0),
        ("reasoning_output_tokens", 0.0),
    ] {
        let name = format!("gen_ai_client_inference_usage_{kind}_total");
        assert_eq!(samples.value(&name, &unknown), units, "{kind}");
    }
    let name = "gen_ai_client_inference_operation_input_tokens";
    assert_eq!(samples.value(&format!("{name}_sum"), &CHAT), 812.0);
    assert_eq!(
        samples.value(&format!("{name}_bucket"), &with(&CHAT, ("le", "256.0"))),
        0.0
    );
    assert_eq!(
        samples.value(&format!("{name}_bucket"), &with(&CHAT, ("le", "1024.0"))),
        1.0
    );
    let text = on.metrics.prometheus();
    assert!(!text.contains("user1") && !text.contains("s1\""), "{text}");
    assert!(
        !text.contains("gen_ai_client_token_usage"),
        "older names are off"
    );
    assert!(!text.contains("chunk"), "it was not streamed");
}

#[test]
fn parts_of_tokens_are_in_their_totals() {
    let on = Measured::new(Metrics::new());
    on.tracer.trace("request").run(|trace| {
        // Two cached and three of reasoning, within 10 and 7.
        trace.generation("answer").run(|span| {
            span.record_openai(&serde_json::json!({
                "object": "chat.completion", "model": "gpt-4o-2024-08-06",
                "choices": [{ "index": 0, "message": { "role": "assistant", "content": "yes" }, "finish_reason": "stop" }],
                "usage": { "prompt_tokens": 10, "completion_tokens": 7, "total_tokens": 17,
                    "prompt_tokens_details": { "cached_tokens": 2 },
                    "completion_tokens_details": { "reasoning_tokens": 3 } },
            }));
        });
        trace.generation("audio").model("gpt-4o-audio-preview").run(|span| {
            span.record_openai(&serde_json::json!({
                "object": "chat.completion", "model": "gpt-4o-audio-preview",
                "choices": [{ "index": 0, "message": { "role": "assistant", "content": "yes" }, "finish_reason": "stop" }],
                "usage": { "prompt_tokens": 50, "completion_tokens": 5, "total_tokens": 55,
                    "prompt_tokens_details": { "audio_tokens": 40 } },
            }));
        });
    });
    let samples = on.samples();
    let sum = |kind: &str| samples.sum(&format!("gen_ai_client_inference_usage_{kind}_total"));
    assert_eq!(sum("input_tokens"), 60.0);
    assert_eq!(sum("output_tokens"), 12.0);
    assert_eq!(sum("cache_read_input_tokens"), 2.0);
    assert_eq!(sum("reasoning_output_tokens"), 3.0);
    let audio = samples.of("gen_ai_client_inference_usage_input_tokens_total");
    let audio: f64 = audio
        .iter()
        .filter(|(labels, _)| labels["gen_ai_token_modality"] == "audio")
        .map(|(_, units)| units)
        .sum();
    assert_eq!(audio, 40.0);
    let calls = samples.of("gen_ai_client_inference_duration_seconds_count");
    let answered = |(labels, _): &&(&crate::parser::Labels, f64)| {
        labels["gen_ai_response_model"] == "gpt-4o-2024-08-06"
    };
    let (labels, _) = calls.iter().find(answered).unwrap();
    assert!(!labels.contains_key("gen_ai_request_model"));
}

#[test]
fn a_failed_call_has_an_error_type_and_zero_tokens() {
    let on = Measured::new(Metrics::new());
    on.tracer.trace("request").run(|trace| {
        trace.generation("answer").model("gpt-4o").run(|span| {
            span.record_exception(Exception::new("RateLimit", "try again"));
        });
        trace
            .generation("answer")
            .model("gpt-4o")
            .run(|span| span.set_status(tracefuse_core::Status::error("no")));
    });
    let samples = on.samples();
    let name = "gen_ai_client_inference_duration_seconds_count";
    for error in ["RateLimit", "_OTHER"] {
        let mut labels = with(&CHAT, ("error_type", error));
        labels.sort_unstable();
        assert_eq!(samples.value(name, &labels), 1.0);
        let name = "gen_ai_client_inference_operation_output_tokens";
        assert_eq!(samples.value(&format!("{name}_count"), &labels), 1.0);
        assert_eq!(samples.value(&format!("{name}_sum"), &labels), 0.0);
    }
    let unknown = with(&CHAT, ("gen_ai_token_modality", "unknown"));
    let name = "gen_ai_client_inference_usage_output_tokens_total";
    assert_eq!(samples.value(name, &unknown), 0.0, "one point for both");
}

#[test]
fn a_stream_has_the_times_of_its_chunks() {
    use futures::StreamExt as _;
    use tracefuse_core::ObserveStream as _;

    let on = Measured::new(Metrics::new());
    on.tracer.trace("request").run(|trace| {
        let span = trace.generation("answer").model("gpt-4o").start();
        let chunks = futures::stream::iter(["It ", "rains", "."]).map(|chunk| {
            on.passes(200);
            chunk
        });
        let read = chunks
            .observed(span)
            .fold_output(|text: &mut String, chunk| text.push_str(chunk));
        futures::executor::block_on(read.for_each(|_| async {}));
    });
    let samples = on.samples();
    let first = "gen_ai_client_inference_time_to_first_chunk_seconds";
    assert_eq!(samples.value(&format!("{first}_sum"), &CHAT), 0.2);
    let between = "gen_ai_client_inference_time_per_output_chunk_seconds";
    assert_eq!(samples.value(&format!("{between}_count"), &CHAT), 2.0);
    assert_eq!(samples.value(&format!("{between}_sum"), &CHAT), 0.4);
    let bucket = |le| samples.value(&format!("{between}_bucket"), &with(&CHAT, ("le", le)));
    assert_eq!((bucket("0.16"), bucket("0.32")), (0.0, 2.0));
}

#[test]
fn other_kinds_of_work_have_their_instruments() {
    let on = Measured::new(Metrics::new());
    on.tracer.trace("request").run(|trace| {
        trace
            .embedding("embed")
            .model("text-embedding-3-small")
            .usage(Usage::new(9, 0))
            .run(|_| {});
        trace.retriever("search").run(|_| on.passes(50));
        let failed = trace
            .tool("weather")
            .metadata("gen_ai.request.model", "x")
            .try_run(|_| "x".parse::<u32>());
        assert!(failed.is_err());
        trace
            .agent("planner")
            .model("gpt-4o")
            .run(|_| on.passes(500));
        trace.span("plain").run(|_| {});
        trace.chain("chain").run(|_| {});
    });
    let samples = on.samples();
    let embedding = [
        ("gen_ai_operation_name", "embeddings"),
        ("gen_ai_provider_name", "openai"),
        ("gen_ai_request_model", "text-embedding-3-small"),
    ];
    let name = "gen_ai_client_operation_duration_seconds";
    assert_eq!(samples.value(&format!("{name}_count"), &embedding), 1.0);
    let retrieval = [("gen_ai_operation_name", "retrieval")];
    assert_eq!(samples.value(&format!("{name}_sum"), &retrieval), 0.05);
    let unknown = with(&embedding, ("gen_ai_token_modality", "unknown"));
    let tokens = "gen_ai_client_inference_usage_input_tokens_total";
    assert_eq!(samples.value(tokens, &unknown), 9.0);
    let tool = [
        ("error_type", "core::num::error::ParseIntError"),
        ("gen_ai_tool_name", "weather"),
    ];
    assert_eq!(
        samples.value("gen_ai_execute_tool_duration_seconds_count", &tool),
        1.0
    );
    let agent = [
        ("gen_ai_agent_name", "planner"),
        ("gen_ai_request_model", "gpt-4o"),
    ];
    let name = "gen_ai_invoke_agent_duration_seconds";
    let bucket = |le| samples.value(&format!("{name}_bucket"), &with(&agent, ("le", le)));
    assert_eq!((bucket("0.4"), bucket("0.8")), (0.0, 1.0));
    assert_eq!(
        samples.sum("gen_ai_client_inference_duration_seconds_count"),
        0.0
    );
}

#[test]
fn older_names_are_given_beside_the_new_ones() {
    let on = Measured::new(Metrics::builder().older_names(true).build().unwrap());
    on.tracer.trace("request").run(|trace| {
        trace
            .generation("answer")
            .model("gpt-4o")
            .usage(Usage::new(10, 2))
            .run(|_| on.passes(20));
        trace.generation("answer").model("gpt-4o").run(|_| {});
    });
    let samples = on.samples();
    let name = "gen_ai_client_operation_duration_seconds_count";
    assert_eq!(samples.value(name, &CHAT), 2.0);
    let input = with(&CHAT, ("gen_ai_token_type", "input"));
    let output = with(&CHAT, ("gen_ai_token_type", "output"));
    let name = "gen_ai_client_token_usage";
    assert_eq!(samples.value(&format!("{name}_sum"), &input), 10.0);
    assert_eq!(samples.value(&format!("{name}_sum"), &output), 2.0);
    assert_eq!(
        samples.value(&format!("{name}_count"), &input),
        1.0,
        "the other call has no usage"
    );
    let name = "gen_ai_client_inference_operation_input_tokens_count";
    assert_eq!(samples.value(name, &CHAT), 2.0);
}

#[test]
fn what_a_framework_gives_wins() {
    let on = Measured::new(Metrics::new());
    on.tracer.trace("request").run(|trace| {
        trace
            .generation("answer")
            .model("llama-3.3")
            .metadata("gen_ai.operation.name", "text_completion")
            .metadata("gen_ai.provider.name", "groq")
            .metadata("gen_ai.request.model", "llama")
            .metadata("error.type", "429")
            .run(|_| {});
    });
    let labels = [
        ("error_type", "429"),
        ("gen_ai_operation_name", "text_completion"),
        ("gen_ai_provider_name", "groq"),
        ("gen_ai_request_model", "llama"),
        ("gen_ai_response_model", "llama-3.3"),
    ];
    let name = "gen_ai_client_inference_duration_seconds_count";
    assert_eq!(on.samples().value(name, &labels), 1.0);
}
