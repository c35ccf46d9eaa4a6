//! What servers of open models, coding agents and services for speech stream in their own languages.

use serde_json::{Value, json};
use tracefuse_core::Level;

use crate::inputs::{OPENAI, said, streamed, whole};
use crate::stream_providers::{finish_reason, record, usage};

/// <https://github.com/ggml-org/llama.cpp/blob/master/tools/server/README.md>,
/// <https://huggingface.co/docs/text-generation-inference/basic_tutorials/consuming_tgi>,
/// <https://cloud.ibm.com/apidocs/watsonx-ai#text-generation-stream>
#[test]
fn what_servers_of_open_models_stream_is_one_text() {
    let token = |text: &str, special: bool, whole: Value, details: Value| json!({ "index": 1, "token": { "id": 1, "text": text, "special": special }, "generated_text": whole, "details": details });
    let end = json!({ "finish_reason": "length", "generated_tokens": 3, "input_length": 11 });
    let result = |text: &str, reason: &str| json!({ "model_id": "granite", "results": [{ "generated_text": text, "generated_token_count": 1, "input_token_count": 1, "stop_reason": reason }] });
    for (chunks, reason) in [
        (
            vec![
                token("Hel", false, Value::Null, Value::Null),
                token("lo", false, Value::Null, Value::Null),
                token("</s>", true, json!("Hello"), end),
            ],
            Some("length"),
        ),
        (
            vec![
                result("", "not_finished"),
                result("Hel", "not_finished"),
                result("lo", "max_tokens"),
            ],
            Some("max_tokens"),
        ),
        (
            vec![
                json!({ "content": "Hel", "stop": false, "stop_type": "none" }),
                json!({ "content": "lo", "stop": false }),
                json!({ "content": "", "stop": true, "stop_type": "limit" }),
            ],
            Some("limit"),
        ),
        // Baidu.
        (
            vec![
                json!({ "sentence_id": 0, "is_end": false, "result": "Hel" }),
                json!({ "sentence_id": 1, "is_end": false, "result": "lo" }),
                json!({ "sentence_id": 2, "is_end": true, "result": "" }),
            ],
            None,
        ),
    ] {
        let text = chunks.iter().map(|chunk| format!("data: {chunk}\n\n"));
        let text = whole(OPENAI, &Value::from(text.collect::<String>()));
        // A reader that stops after the last chunk has not cancelled the stream.
        let read = record(chunks.clone(), 3, |s| s.openai());
        for span in [text, read] {
            assert_eq!(said(&span), json!("Hello"), "{chunks:?}");
            assert_eq!(finish_reason(&span).as_deref(), reason, "{chunks:?}");
            assert_eq!(span.level(), None, "{chunks:?}");
        }
        let half = record(chunks.clone(), 2, |s| s.openai());
        assert!(matches!(said(&half), Value::String(text) if text.starts_with("Hel")));
        assert_eq!(finish_reason(&half), None, "{chunks:?}");
        assert_eq!(half.level(), Some(Level::Warning), "{chunks:?}");
    }
}

#[test]
fn tokens_of_a_prompt_that_are_listed_are_counted() {
    let answer = json!({ "generated_text": "Hello", "details": { "finish_reason": "eos_token", "generated_tokens": 3,
        "prefill": [{ "id": 1, "text": "a", "logprob": null }, { "id": 2, "text": "b", "logprob": -1.0 }] } });
    for answer in [answer.clone(), json!([answer])] {
        let span = whole(OPENAI, &answer);
        assert_eq!(usage(&span), [("input", 2), ("output", 3)]);
        assert_eq!(finish_reason(&span).as_deref(), Some("eos_token"));
    }
}

/// `codex exec --json` (<https://github.com/openai/codex/blob/main/docs/exec.md>): the counts grow with the session.
#[test]
fn a_run_of_codex_keeps_its_items_and_its_usage() {
    let item = |event: &str, id: &str, item: Value| {
        let mut event = json!({ "type": event, "item": item });
        event["item"]["id"] = json!(id);
        event
    };
    let command = |command: &str, output: &str, status: &str| json!({ "type": "command_execution", "command": command, "aggregated_output": output, "status": status });
    let used = |input: u64, output: u64| json!({ "type": "turn.completed", "usage": { "input_tokens": input, "cached_input_tokens": 100, "output_tokens": output } });
    let chunks = [
        json!({ "type": "thread.started", "thread_id": "t" }),
        json!({ "type": "turn.started" }),
        item("item.started", "item_0", command("ls", "", "in_progress")),
        item("item.started", "item_1", command("pwd", "", "in_progress")),
        item(
            "item.completed",
            "item_0",
            command("ls", "docs", "completed"),
        ),
        used(1000, 10),
        item(
            "item.completed",
            "item_2",
            json!({ "type": "agent_message", "text": "Done" }),
        ),
        used(2500, 30),
    ];
    let span = streamed(&chunks, |s| s.openai());
    let items = said(&span);
    let shown = |at: usize, key: &str| items[at][key].as_str().unwrap_or_default().to_owned();
    assert_eq!(items.as_array().unwrap().len(), 3, "{items}");
    assert_eq!(shown(0, "aggregated_output"), "docs");
    assert_eq!(
        (shown(1, "command"), shown(1, "status")),
        ("pwd".into(), "in_progress".into())
    );
    assert_eq!(shown(2, "text"), "Done");
    assert_eq!(
        usage(&span),
        [
            ("input", 2400),
            ("input_cached_tokens", 100),
            ("output", 30)
        ]
    );
    assert_eq!(span.level(), None);
    let failed = [
        chunks[0].clone(),
        json!({ "type": "turn.failed", "error": { "message": "boom" } }),
    ];
    let span = streamed(&failed, |s| s.openai());
    assert_eq!(span.status_message(), Some("openai: boom"));
}

/// <https://docs.aws.amazon.com/nova/latest/userguide/output-events.html>
#[test]
fn what_nova_sonic_said_is_the_output() {
    let event = |name: &str, value: Value| json!({ "event": { (name): value } });
    let begins = |role: &str, stage: &str| {
        event(
            "contentStart",
            json!({ "role": role, "type": "TEXT", "additionalModelFields": format!("{{\"generationStage\":\"{stage}\"}}") }),
        )
    };
    let text =
        |role: &str, text: &str| event("textOutput", json!({ "content": text, "role": role }));
    let chunks = [
        event("completionStart", json!({ "completionId": "c" })),
        begins("USER", "FINAL"),
        text("USER", "what is the time"),
        event(
            "toolUse",
            json!({ "toolName": "clock", "toolUseId": "t", "content": "{\"zone\":\"IST\"}" }),
        ),
        begins("ASSISTANT", "SPECULATIVE"),
        text("ASSISTANT", "It is five, I think."),
        event("audioOutput", json!({ "content": "AAAA" })),
        begins("ASSISTANT", "FINAL"),
        text("ASSISTANT", "It is five."),
        event("completionEnd", json!({ "stopReason": "END_TURN" })),
    ];
    let span = streamed(&chunks, |s| s.bedrock());
    let call =
        json!({ "toolUse": { "toolName": "clock", "toolUseId": "t", "input": { "zone": "IST" } } });
    assert_eq!(
        said(&span),
        json!([{ "role": "assistant", "content": [call] }, "It is five."])
    );
    assert_eq!(
        (finish_reason(&span).as_deref(), span.level()),
        (Some("END_TURN"), None)
    );
    // Interrupted before it was said: what was planned.
    let half = record(chunks.to_vec(), 7, |s| s.bedrock());
    assert_eq!(said(&half)[1], "It is five, I think.");
}

/// A report comes with each call of the model: with a call of a tool, and with the end of the turn
/// (<https://github.com/BerriAI/litellm/pull/26590>). Each is billed with all that was said before it.
#[test]
fn each_report_within_a_turn_of_a_live_session_counts() {
    let used = |prompt: u64, response: u64| json!({ "promptTokenCount": prompt, "responseTokenCount": response, "totalTokenCount": prompt + response });
    let call = json!({ "functionCalls": [{ "id": "c", "name": "f", "args": {} }] });
    let turn = json!({ "modelTurn": { "parts": [{ "text": "Five" }] } });
    let over = json!({ "turnComplete": true });
    let with_the_call = [
        json!({ "toolCall": call, "usageMetadata": used(100, 10) }),
        json!({ "serverContent": turn }),
        json!({ "serverContent": over, "usageMetadata": used(130, 20) }),
    ];
    let apart = [
        json!({ "toolCall": call }),
        json!({ "usageMetadata": used(100, 10) }),
        json!({ "serverContent": turn }),
        json!({ "usageMetadata": used(130, 20) }),
        json!({ "serverContent": over }),
    ];
    // The same report again changes nothing.
    let repeated = [
        json!({ "toolCall": call, "usageMetadata": used(100, 10) }),
        json!({ "serverContent": turn, "usageMetadata": used(130, 12) }),
        json!({ "usageMetadata": used(130, 20) }),
        json!({ "serverContent": over, "usageMetadata": used(130, 20) }),
    ];
    let snake = [
        json!({ "tool_call": { "function_calls": [{ "id": "c", "name": "f", "args": {} }] }, "usage_metadata": { "prompt_token_count": 100, "response_token_count": 10 } }),
        json!({ "server_content": { "model_turn": { "parts": [{ "text": "Five" }] } } }),
        json!({ "server_content": { "turn_complete": true }, "usage_metadata": { "prompt_token_count": 130, "response_token_count": 20 } }),
    ];
    for chunks in [&with_the_call[..], &apart, &repeated, &snake] {
        let span = streamed(chunks, |s| s.gemini());
        assert_eq!(usage(&span), [("input", 230), ("output", 30)], "{chunks:?}");
        assert_eq!(
            said(&span)["parts"],
            json!([{ "functionCall": { "id": "c", "name": "f", "args": {} } }, { "text": "Five" }])
        );
        assert_eq!(span.level(), None);
    }
}

#[test]
fn why_a_response_without_items_ended_is_said() {
    let created = json!({ "type": "response.created", "response": { "id": "r", "status": "in_progress", "output": [] } });
    for (name, response, reason) in [
        (
            "incomplete",
            json!({ "id": "r", "status": "incomplete", "incomplete_details": { "reason": "content_filter" }, "output": [] }),
            "content_filter",
        ),
        (
            "failed",
            json!({ "id": "r", "status": "failed", "output": [], "error": { "code": "server_error", "message": "boom" } }),
            "failed",
        ),
    ] {
        let last = json!({ "type": format!("response.{name}"), "response": response });
        let span = streamed(&[created.clone(), last], |s| s.openai());
        assert_eq!(finish_reason(&span).as_deref(), Some(reason));
        assert_eq!(said(&span), Value::Null);
    }
}
