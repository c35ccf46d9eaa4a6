//! Bodies of each provider, and what they are read as.

use serde_json::json;

use super::*;

/// Messages as lines `role: part, part`.
fn lines(body: &Value) -> String {
    let Body::Messages(messages, _) = read(&body.to_string()) else {
        return "no messages".to_owned();
    };
    let line = |message: &Message| {
        let parts: Vec<String> = message.parts.iter().map(word).collect();
        format!("{}: {}", message.role, parts.join(", "))
    };
    messages.iter().map(line).collect::<Vec<_>>().join(" | ")
}

fn word(part: &Part) -> String {
    match part {
        Part::Text(text) => text.clone(),
        Part::Thinking(text) => format!("({text})"),
        Part::Call {
            name, arguments, ..
        } => format!("{name}{arguments}"),
        Part::Answer {
            id,
            is_error,
            content,
        } => {
            let sign = if *is_error { "!" } else { "" };
            let content: Vec<String> = content.iter().map(word).collect();
            format!(
                "{sign}{}={}",
                id.as_deref().unwrap_or("?"),
                content.join("+")
            )
        }
        Part::Picture(url) => format!("<{url}>"),
        Part::Json(value) => value.to_string(),
    }
}

#[test]
fn messages_of_each_provider_are_read() {
    let cases = [
        (json!([{"role": "user", "content": "hi"}]), "user: hi"),
        (
            json!({"model": "gpt-5", "messages": [{"role": "system", "content": "s"}, {"role": "user", "content": [
                {"type": "text", "text": "what?"}, {"type": "image_url", "image_url": {"url": "data:image/png;base64,AA"}}]}]}),
            "system: s | user: what?, <data:image/png;base64,AA>",
        ),
        (
            json!({"choices": [{"index": 0, "message": {"role": "assistant", "content": null, "tool_calls": [
                {"id": "c1", "type": "function", "function": {"name": "weather", "arguments": "{\"city\":\"Oslo\"}"}}]}}]}),
            "assistant: weather{\"city\":\"Oslo\"}",
        ),
        (
            json!([{"role": "tool", "tool_call_id": "c1", "content": "12 degrees"}]),
            "tool: c1=12 degrees",
        ),
        (
            json!({"system": "be short", "messages": [{"role": "user", "content": [
                {"type": "tool_result", "tool_use_id": "t1", "is_error": true, "content": [{"type": "text", "text": "no"}]}]}]}),
            "system: be short | user: !t1=no",
        ),
        (
            json!({"role": "assistant", "content": [{"type": "thinking", "thinking": "hm"},
                {"type": "tool_use", "id": "t1", "name": "search", "input": {"q": 1}}]}),
            "assistant: (hm), search{\"q\":1}",
        ),
        (
            json!({"systemInstruction": {"parts": [{"text": "s"}]}, "contents": [{"role": "user", "parts": [
                {"text": "look"}, {"inlineData": {"mimeType": "image/jpeg", "data": "QQ"}}]}]}),
            "system: s | user: look, <data:image/jpeg;base64,QQ>",
        ),
        (
            json!({"candidates": [{"content": {"role": "model", "parts": [{"functionCall": {"name": "f", "args": {"a": 1}}}]}}]}),
            "assistant: f{\"a\":1}",
        ),
        (
            json!([{"type": "message", "role": "user", "content": [{"type": "input_text", "text": "hi"}]},
                {"type": "function_call", "call_id": "c", "name": "f", "arguments": "{}"},
                {"type": "function_call_output", "call_id": "c", "output": "done"},
                {"type": "reasoning", "summary": [{"type": "summary_text", "text": "why"}]}]),
            "user: hi | assistant: f{} | tool: c=done | assistant: (why)",
        ),
        (
            json!([{"role": "user", "parts": [{"type": "text", "content": "hi"}]}, {"role": "assistant", "parts": [
                {"type": "tool_call", "id": "x", "name": "f", "arguments": {"a": 1}}]}, {"role": "tool", "parts": [
                {"type": "tool_call_response", "id": "x", "response": "ok"}]}]),
            "user: hi | assistant: f{\"a\":1} | tool: x=ok",
        ),
        (
            json!({"messages": [{"role": "user", "content": [{"text": "hi"}, {"image": {"format": "png", "source": {"bytes": "AA"}}}]},
                {"role": "assistant", "content": [{"toolUse": {"toolUseId": "b", "name": "f", "input": {}}}]},
                {"role": "user", "content": [{"toolResult": {"toolUseId": "b", "content": [{"json": {"n": 1}}]}}]}]}),
            "user: hi, <data:image/png;base64,AA> | assistant: f{} | user: b={\"n\":1}",
        ),
        (
            json!([[{"type": "human", "content": "hi"}, {"type": "ai", "content": "yes"}]]),
            "user: hi | assistant: yes",
        ),
        (
            json!({"model": "llama", "message": {"role": "assistant", "content": "hello"}}),
            "assistant: hello",
        ),
        (
            json!([{"role": "user", "content": [{"type": "image", "source": {"type": "url", "url": "https://x.example/a.png"}}]}]),
            "user: <https://x.example/a.png>",
        ),
    ];
    for (body, expected) in cases {
        assert_eq!(lines(&body), expected, "{body}");
    }
}

#[test]
fn other_bodies_stay_what_they_are() {
    assert_eq!(read("plain words"), Body::Text("plain words".to_owned()));
    assert_eq!(
        read("\"a text in JSON\""),
        Body::Text("a text in JSON".to_owned())
    );
    assert_eq!(read("12.50"), Body::Text("12.50".to_owned()));
    assert_eq!(read(""), Body::Text(String::new()));
    for value in [
        json!({"query": "x", "input": "y"}),
        json!([1, 2]),
        json!([]),
        json!([{"role": "user"}, 3]),
        json!({"content": "x"}),
    ] {
        assert_eq!(read(&value.to_string()), Body::Json(value));
    }
}

#[test]
fn what_is_beside_the_messages_is_kept() {
    let body = json!({"messages": [{"role": "user", "content": "hi"}], "temperature": 1});
    let Body::Messages(messages, beside) = read(&body.to_string()) else {
        panic!("no messages");
    };
    assert_eq!(messages.len(), 1);
    assert_eq!(beside, Some(json!({"temperature": 1})));
}

#[test]
fn deep_json_does_no_harm() {
    let deep = "[".repeat(100_000);
    assert_eq!(read(&deep), Body::Text(deep.clone()));
}

#[test]
fn only_objects_and_lists_are_read_inside_of_texts() {
    assert!(inner("{\"a\": 1}").is_some());
    assert!(inner(" [1] ").is_some());
    for text in ["12", "true", "{a}", "\"x\"", "[1"] {
        assert_eq!(inner(text), None, "{text}");
    }
}

#[test]
fn the_gist_is_what_was_said_last() {
    let chat = r#"{"messages":[{"role":"system","content":"s"},{"role":"user","content":"hi"}]}"#;
    let calls =
        r#"{"role":"assistant","tool_calls":[{"function":{"name":"f","arguments":"{\"a\":1}"}}]}"#;
    for (text, expected) in [
        (chat, "hi"),
        (calls, "f({\"a\":1})"),
        ("\"words\"", "words"),
        ("words", "words"),
        (r#"{"a":1}"#, r#"{"a":1}"#),
        (
            r#"[{"role":"user","content":""#,
            r#"[{"role":"user","content":""#,
        ),
    ] {
        assert_eq!(gist(text), expected);
    }
}
