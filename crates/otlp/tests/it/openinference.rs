//! Every attribute of the generic exporter that is configured for OpenInference.

use std::time::Duration;

use opentelemetry_proto::tonic::trace::v1::Span;
use serde_json::json;
use tracefuse_core::record::Resource;
use tracefuse_core::{Cost, Exception, ManualClock, ObservationType, Tracer, Usage};
use tracefuse_otlp::Conventions;

use crate::support::{records, sent_with, show, span};

async fn named(name: &str, program: impl FnOnce(&Tracer, &ManualClock)) -> Span {
    let request = sent_with(
        |config| config.conventions(Conventions::OpenInference),
        Resource::default(),
        records(program),
    );
    span(&request.await, name)
}

#[tokio::test]
async fn numbers_that_json_has_not_are_texts_in_the_metadata() {
    let span = named("root", |tracer, _| {
        let trace = tracer.trace("root").start();
        trace.root().add_metadata("none", f64::NAN);
        trace.root().add_metadata("most", f64::INFINITY);
        trace.root().add_metadata("half", 0.5);
    })
    .await;
    let metadata = show(&span.attributes)
        .into_iter()
        .find(|line| line.starts_with("metadata = "));
    assert_eq!(
        metadata.unwrap().replace('\\', ""),
        r#"metadata = "{"half":0.5,"most":"Infinity","none":"NaN"}""#
    );
}

#[tokio::test]
async fn an_embedding_has_its_own_key_for_the_model() {
    for (kind, key) in [
        (ObservationType::Embedding, "embedding.model_name"),
        (ObservationType::Generation, "llm.model_name"),
        (ObservationType::Agent, "llm.model_name"),
    ] {
        let span = named("call", |tracer, _| {
            let trace = tracer.trace("root").start();
            trace.observation("call", kind).model("m").run(|_| {});
        })
        .await;
        let models = show(&span.attributes)
            .into_iter()
            .filter(|line| line.contains("model_name"));
        assert_eq!(models.collect::<Vec<_>>(), [format!("{key} = \"m\"")]);
    }
}

#[tokio::test]
async fn a_generation_speaks_openinference() {
    let llm = named("llm", |tracer, clock| {
        let trace = tracer
            .trace("root")
            .user_id("u")
            .session_id("s")
            .tag("a")
            .metadata("tenant", "acme")
            .metadata("tier", 1)
            .start();
        trace
            .generation("llm")
            .model("gpt-4o")
            .model_parameter("temperature", 0.5)
            .prompt("qa", 3)
            .input(json!([
                { "role": "system", "content": "be brief" },
                { "role": "user", "content": [
                    { "type": "text", "text": "2+2?" },
                    { "type": "image_url", "image_url": { "url": "https://x/y.png" } },
                ] },
            ]))
            .metadata("tier", json!({ "level": 2 }))
            .run(|span| {
                clock.advance(Duration::from_millis(250));
                span.record_first_token();
                span.set_usage(
                    Usage::openai(20, 5)
                        .cached_tokens(8)
                        .reasoning_tokens(2)
                        .bucket("images", 1),
                );
                span.set_cost(Cost::new(0.25, 0.5));
                span.set_output(json!({ "choices": [{ "message": {
                    "role": "assistant", "content": null,
                    "tool_calls": [{ "id": "c1", "function": { "name": "add", "arguments": "{\"a\":2}" } }],
                } }] }));
            });
    })
    .await;
    assert_eq!(
        show(&llm.attributes),
        [
            r#"openinference.span.kind = "LLM""#,
            r#"session.id = "s""#,
            r#"user.id = "u""#,
            r#"tracefuse.trace.name = "root""#,
            r#"tag.tags = ["a"]"#,
            r#"input.value = "[{\"content\":\"be brief\",\"role\":\"system\"},{\"content\":[{\"text\":\"2+2?\",\"type\":\"text\"},{\"image_url\":{\"url\":\"https://x/y.png\"},\"type\":\"image_url\"}],\"role\":\"user\"}]""#,
            r#"input.mime_type = "application/json""#,
            r#"llm.input_messages.0.message.role = "system""#,
            r#"llm.input_messages.0.message.content = "be brief""#,
            r#"llm.input_messages.1.message.role = "user""#,
            r#"llm.input_messages.1.message.contents.0.message_content.type = "text""#,
            r#"llm.input_messages.1.message.contents.0.message_content.text = "2+2?""#,
            r#"llm.input_messages.1.message.contents.1.message_content.type = "image""#,
            r#"llm.input_messages.1.message.contents.1.message_content.image.image.url = "https://x/y.png""#,
            r#"output.value = "{\"choices\":[{\"message\":{\"content\":null,\"role\":\"assistant\",\"tool_calls\":[{\"function\":{\"arguments\":\"{\\\"a\\\":2}\",\"name\":\"add\"},\"id\":\"c1\"}]}}]}""#,
            r#"output.mime_type = "application/json""#,
            r#"llm.output_messages.0.message.role = "assistant""#,
            r#"llm.output_messages.0.message.tool_calls.0.tool_call.id = "c1""#,
            r#"llm.output_messages.0.message.tool_calls.0.tool_call.function.name = "add""#,
            r#"llm.output_messages.0.message.tool_calls.0.tool_call.function.arguments = "{\"a\":2}""#,
            r#"llm.model_name = "gpt-4o""#,
            r#"llm.invocation_parameters = "{\"temperature\":0.5}""#,
            r#"prompt.id = "qa""#,
            r#"llm.prompt_template.version = "3""#,
            "llm.token_count.prompt_details.cache_read = 8",
            "llm.token_count.completion_details.reasoning = 2",
            "tracefuse.usage.images = 1",
            "llm.token_count.prompt = 20",
            "llm.token_count.completion = 5",
            "llm.token_count.total = 25",
            "llm.cost.prompt = 0.25",
            "llm.cost.completion = 0.5",
            "llm.cost.total = 0.75",
            "tracefuse.time_to_first_token = 0.25",
            r#"metadata = "{\"tenant\":\"acme\",\"tier\":{\"level\":2}}""#,
        ]
    );
}

#[tokio::test]
async fn conversations_of_other_providers_are_read_too() {
    let llm = named("llm", |tracer, _| {
        let trace = tracer.trace("root").start();
        let messages = json!({ "contents": [{ "role": "user", "parts": [{ "text": "hi" }] }] });
        trace.generation("llm").input(messages).run(|span| {
            span.set_output(json!({ "role": "assistant", "content": [
                { "type": "text", "text": "one moment" },
                { "type": "tool_use", "id": "t1", "name": "add", "input": { "a": 2 } },
            ] }));
        });
    });
    let shown = show(&llm.await.attributes);
    for line in [
        r#"llm.input_messages.0.message.contents.0.message_content.text = "hi""#,
        r#"llm.output_messages.0.message.contents.0.message_content.text = "one moment""#,
        r#"llm.output_messages.0.message.tool_calls.0.tool_call.function.name = "add""#,
        r#"llm.output_messages.0.message.tool_calls.0.tool_call.function.arguments = "{\"a\":2}""#,
    ] {
        assert!(shown.contains(&line.to_owned()), "no {line} in {shown:#?}");
    }
    let plain = named("llm", |tracer, _| {
        let trace = tracer.trace("root").start();
        trace.generation("llm").input("q").output(7).run(|_| {});
    });
    assert_eq!(
        show(&plain.await.attributes)
            .iter()
            .filter(|line| !line.starts_with("tracefuse."))
            .collect::<Vec<_>>(),
        [
            r#"openinference.span.kind = "LLM""#,
            r#"input.value = "q""#,
            r#"input.mime_type = "text/plain""#,
            r#"llm.input_messages.0.message.role = "user""#,
            r#"llm.input_messages.0.message.content = "q""#,
            "output.value = 7",
            r#"output.mime_type = "text/plain""#,
        ]
    );
}

#[tokio::test]
async fn conversations_in_opentelemetrys_form_keep_texts_calls_and_answers() {
    let span = named("llm", |tracer, _| {
        let trace = tracer.trace("root").start();
        let messages = json!([
            { "role": "user", "parts": [{ "type": "text", "content": "2+5?" }] },
            { "role": "assistant", "parts": [
                { "type": "text", "content": "adding" },
                { "type": "tool_call", "id": "c1", "name": "add", "arguments": { "x": 2, "y": 5 } },
            ] },
            { "role": "tool", "parts": [{ "type": "tool_call_response", "id": "c1", "response": 7 }] },
        ]);
        trace.generation("llm").input(messages).run(|span| {
            span.set_output(json!([{ "role": "assistant", "parts": [
                { "type": "tool_call", "id": "c2", "name": "print", "arguments": "7" },
            ], "finish_reason": "tool_call" }]));
        });
    })
    .await;
    let lines = show(&span.attributes);
    let messages: Vec<&str> = lines
        .iter()
        .filter_map(|line| line.strip_prefix("llm."))
        .collect();
    assert_eq!(
        messages,
        [
            r#"input_messages.0.message.role = "user""#,
            r#"input_messages.0.message.contents.0.message_content.type = "text""#,
            r#"input_messages.0.message.contents.0.message_content.text = "2+5?""#,
            r#"input_messages.1.message.role = "assistant""#,
            r#"input_messages.1.message.contents.0.message_content.type = "text""#,
            r#"input_messages.1.message.contents.0.message_content.text = "adding""#,
            r#"input_messages.1.message.tool_calls.0.tool_call.id = "c1""#,
            r#"input_messages.1.message.tool_calls.0.tool_call.function.name = "add""#,
            r#"input_messages.1.message.tool_calls.0.tool_call.function.arguments = "{\"x\":2,\"y\":5}""#,
            r#"input_messages.2.message.role = "tool""#,
            r#"input_messages.2.message.tool_call_id = "c1""#,
            r#"input_messages.2.message.contents.0.message_content.type = "text""#,
            r#"input_messages.2.message.contents.0.message_content.text = "7""#,
            r#"output_messages.0.message.role = "assistant""#,
            r#"output_messages.0.message.tool_calls.0.tool_call.id = "c2""#,
            r#"output_messages.0.message.tool_calls.0.tool_call.function.name = "print""#,
            r#"output_messages.0.message.tool_calls.0.tool_call.function.arguments = "7""#,
        ]
    );
}

#[tokio::test]
async fn a_conversation_in_a_text_is_one_and_another_text_is_what_was_said() {
    let conversation = r#"[{"role":"user","parts":[{"type":"text","content":"2+5?"}]}]"#;
    let llm = named("llm", |tracer, _| {
        let trace = tracer.trace("root").start();
        let span = trace.generation("llm").input(conversation);
        span.run(|span| span.set_output(r#"[{"sum":7}]"#));
    })
    .await;
    let lines = show(&llm.attributes);
    for expected in [
        r#"input.mime_type = "application/json""#,
        r#"llm.input_messages.0.message.role = "user""#,
        r#"llm.input_messages.0.message.contents.0.message_content.text = "2+5?""#,
        r#"llm.output_messages.0.message.role = "assistant""#,
        r#"llm.output_messages.0.message.content = "[{\"sum\":7}]""#,
    ] {
        assert!(
            lines.iter().any(|line| line == expected),
            "{expected} is not in {lines:#?}"
        );
    }
    let tool = named("add", |tracer, _| {
        let trace = tracer.trace("root").start();
        let span = trace.tool("add").input(r#"{"x":2}"#);
        span.run(|span| span.set_output("[sic"));
    })
    .await;
    let lines = show(&tool.attributes);
    for expected in [
        r#"tool.parameters = "{\"x\":2}""#,
        r#"output.mime_type = "text/plain""#,
    ] {
        assert!(
            lines.iter().any(|line| line == expected),
            "{expected} is not in {lines:#?}"
        );
    }
}

#[tokio::test]
async fn calls_and_answers_of_anthropic_and_gemini_are_read_too() {
    let messages = json!([
        { "role": "user", "content": [{ "type": "tool_result", "tool_use_id": "t1", "content": "7" }] },
        { "role": "model", "parts": [{ "functionCall": { "name": "add", "args": { "x": 2 } } }] },
        { "role": "user", "parts": [{ "functionResponse": { "name": "add", "response": { "sum": 7 } } }] },
    ]);
    let span = named("llm", |tracer, _| {
        let trace = tracer.trace("root").start();
        trace.generation("llm").input(messages).run(|_| {});
    })
    .await;
    let lines = show(&span.attributes);
    for expected in [
        r#"llm.input_messages.0.message.tool_call_id = "t1""#,
        r#"llm.input_messages.0.message.contents.0.message_content.text = "7""#,
        r#"llm.input_messages.1.message.tool_calls.0.tool_call.function.name = "add""#,
        r#"llm.input_messages.1.message.tool_calls.0.tool_call.function.arguments = "{\"x\":2}""#,
        r#"llm.input_messages.2.message.contents.0.message_content.text = "{\"sum\":7}""#,
    ] {
        assert!(
            lines.iter().any(|line| line == expected),
            "{expected} is not in {lines:#?}"
        );
    }
}

#[tokio::test]
async fn a_failed_tool_has_its_error_as_an_event() {
    let tool = named("search", |tracer, _| {
        let trace = tracer.trace("root").start();
        let span = trace.tool("search").input(json!({ "q": "rain" })).start();
        span.event("miss").metadata("shard", 3).record();
        span.record_exception(Exception::new("io::Error", "disk on fire"));
    })
    .await;
    assert_eq!(
        show(&tool.attributes),
        [
            r#"openinference.span.kind = "TOOL""#,
            r#"tracefuse.trace.name = "root""#,
            r#"tracefuse.level = "ERROR""#,
            r#"input.value = "{\"q\":\"rain\"}""#,
            r#"input.mime_type = "application/json""#,
            r#"tool.name = "search""#,
            r#"tool.parameters = "{\"q\":\"rain\"}""#,
            r#"error.type = "io::Error""#,
        ]
    );
    let names: Vec<&str> = tool
        .events
        .iter()
        .map(|event| event.name.as_str())
        .collect();
    assert_eq!(names, ["miss", "exception"]);
    assert_eq!(tool.status.unwrap().code, 2);
}

/// The lines of one generation whose key begins so.
async fn lines(prefix: &str, program: impl FnOnce(&tracefuse_core::Span)) -> Vec<String> {
    let span = named("llm", |tracer, _| {
        let trace = tracer.trace("root").start();
        trace.generation("llm").run(|span| program(&span));
    })
    .await;
    let lines = show(&span.attributes).into_iter();
    lines.filter(|line| line.starts_with(prefix)).collect()
}

#[tokio::test]
async fn a_stated_total_replaces_the_sum_of_its_parts() {
    let both = Cost::new(0.25, 0.5);
    for (cost, expected) in [
        (Cost::total(0.5), vec!["total = 0.5"]),
        (
            both.clone().bucket("total", 1.0),
            vec!["prompt = 0.25", "completion = 0.5", "total = 1.0"],
        ),
        (
            both.bucket("images", 0.125),
            vec!["prompt = 0.25", "completion = 0.5", "total = 0.875"],
        ),
    ] {
        let shown = lines("llm.cost.", |span| span.set_cost(cost)).await;
        let expected: Vec<_> = expected
            .iter()
            .map(|line| format!("llm.cost.{line}"))
            .collect();
        assert_eq!(shown, expected);
    }
    let others = lines("tracefuse.cost.", |span| {
        span.set_cost(Cost::total(1.0).bucket("images", 0.125));
    });
    assert_eq!(others.await, ["tracefuse.cost.images = 0.125"]);
    // A count without a name here is written under the bucket's name.
    let others = lines("tracefuse.usage.", |span| {
        let usage = Usage::default().bucket("input_text_tokens", 3);
        span.set_usage(usage.bucket("input_audio_tokens", 4).bucket("pages", 5));
    });
    assert_eq!(
        others.await,
        [
            "tracefuse.usage.input_text_tokens = 3",
            "tracefuse.usage.pages = 5"
        ]
    );
    for (usage, expected) in [
        (
            Usage::new(20, 5).total(30),
            vec!["prompt = 20", "completion = 5", "total = 30"],
        ),
        (Usage::default().total(30), vec!["total = 30"]),
        (Usage::default().bucket("images", 1), vec![]),
    ] {
        let shown = lines("llm.token_count.", |span| span.set_usage(usage)).await;
        let expected: Vec<_> = expected
            .iter()
            .map(|line| format!("llm.token_count.{line}"))
            .collect();
        assert_eq!(shown, expected);
    }
}

#[tokio::test]
async fn a_list_is_a_conversation_only_if_each_item_is_a_message() {
    let message = json!({ "role": "user", "content": "a" });
    for (input, messages) in [
        (json!([]), 0),
        (json!([1, 2]), 0),
        (json!([message, 3]), 0),
        (json!([message, message]), 2),
        (json!([{ "content": "a" }]), 1),
        (json!({ "messages": [] }), 0),
        (json!({ "messages": [message] }), 1),
        (json!({ "sum": 7 }), 0),
    ] {
        let shown = lines("llm.input_messages.", |span| span.set_input(input.clone())).await;
        assert_eq!(shown.len(), 2 * messages, "{input}: {shown:?}");
    }
    // A text that is JSON is so only as an object or a list.
    for (text, mime) in [
        (r#"{"a":1}"#, "application/json"),
        (" [1]", "application/json"),
        ("5", "text/plain"),
        ("null", "text/plain"),
        (r#""a""#, "text/plain"),
        ("{a}", "text/plain"),
    ] {
        let shown = lines("input.mime_type", |span| span.set_input(text)).await;
        assert_eq!(shown, [format!("input.mime_type = {mime:?}")], "{text}");
    }
    // A text is what was said, unless it is a conversation as JSON.
    for text in ["[]", "[1]", r#"[{"content":"a"}]"#, "[sic", "{}"] {
        let shown = lines("llm.input_messages.", |span| span.set_input(text)).await;
        let said = format!("llm.input_messages.0.message.content = {text:?}");
        assert_eq!(
            shown,
            [r#"llm.input_messages.0.message.role = "user""#, &said]
        );
    }
}
