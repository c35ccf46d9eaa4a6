//! Rows of the table of streams that are events of the Responses API and of realtime.
//! <https://platform.openai.com/docs/api-reference/responses-streaming>

use serde_json::{Value, json};

use crate::golden::{Golden, Provider, check};

/// An event with further fields.
fn event(name: &str, fields: Value) -> Value {
    let mut event = json!({ "type": format!("response.{name}") });
    if let Value::Object(fields) = fields {
        for (key, value) in fields {
            event[key] = value;
        }
    }
    event
}

fn added(item: Value) -> Value {
    let mut fields = json!({});
    fields["item"] = item;
    event("output_item.added", fields)
}

fn done(item: Value) -> Value {
    let mut fields = json!({});
    fields["item"] = item;
    event("output_item.done", fields)
}

fn said(text: &str) -> Value {
    json!({ "type": "message", "role": "assistant", "content": [{ "type": "output_text", "text": text }] })
}

/// A stream that was dropped before its end, whose first chunk is content.
fn cut(name: &'static str, chunks: Vec<Value>, output: Value) -> Golden {
    Golden {
        name,
        chunks,
        first: 1,
        output,
        ..Golden::default()
    }
}

#[test]
fn what_only_one_event_has_is_kept() {
    let begun = json!({ "type": "message", "role": "assistant", "content": [] });
    let at = |fields: Value| {
        let mut fields = fields;
        fields["output_index"] = json!(0);
        fields
    };
    check(
        Provider::OpenAi,
        vec![
            Golden {
                first: 0,
                ..cut(
                    "a part that is done",
                    vec![event(
                        "content_part.done",
                        at(
                            json!({ "content_index": 0, "part": { "type": "output_text", "text": "Hi" } }),
                        ),
                    )],
                    json!({ "type": "message", "role": "assistant", "content": "Hi" }),
                )
            },
            Golden {
                first: 0,
                ..cut(
                    "a part of a summary that is done",
                    vec![event(
                        "reasoning_summary_part.done",
                        at(
                            json!({ "summary_index": 0, "part": { "type": "summary_text", "text": "hm" } }),
                        ),
                    )],
                    json!({ "type": "reasoning", "summary": [{ "type": "summary_text", "text": "hm" }] }),
                )
            },
            cut(
                "a text that is done",
                vec![event(
                    "output_text.done",
                    at(json!({ "content_index": 0, "text": "Hi" })),
                )],
                json!({ "type": "message", "role": "assistant", "content": "Hi" }),
            ),
            cut(
                "arguments that are done",
                vec![event(
                    "function_call_arguments.done",
                    at(json!({ "item_id": "i", "arguments": "{}" })),
                )],
                json!({ "type": "function_call", "id": "i", "arguments": "{}" }),
            ),
            cut(
                "a sound and its text",
                vec![
                    event(
                        "output_audio.delta",
                        at(json!({ "content_index": 0, "delta": "AAAA" })),
                    ),
                    event(
                        "output_audio_transcript.delta",
                        at(json!({ "content_index": 0, "delta": "Good " })),
                    ),
                    event(
                        "audio_transcript.delta",
                        at(json!({ "content_index": 0, "delta": "day" })),
                    ),
                ],
                json!({ "type": "message", "role": "assistant", "content": [{ "type": "output_audio", "transcript": "Good day" }] }),
            ),
            cut(
                "a sound alone",
                vec![event(
                    "audio.delta",
                    at(json!({ "content_index": 0, "delta": "AAAA" })),
                )],
                Value::Null,
            ),
            cut(
                "a text of a kind that is not known",
                vec![
                    event("new_kind.delta", at(json!({ "delta": "H" }))),
                    event("new_kind.delta", at(json!({ "delta": "i" }))),
                ],
                json!({ "new_kind": "Hi" }),
            ),
            cut(
                "a text of no kind",
                vec![event("delta", json!({ "delta": "H" }))],
                Value::Null,
            ),
            Golden {
                first: 2,
                ..cut(
                    "an annotation",
                    vec![
                        event("output_item.added", at(json!({ "item": begun }))),
                        event(
                            "output_text.delta",
                            at(json!({ "content_index": 0, "delta": "Hi" })),
                        ),
                        event(
                            "output_text.annotation.added",
                            at(json!({ "content_index": 0, "annotation": { "url": "u" } })),
                        ),
                        event(
                            "output_text.annotation.added",
                            at(json!({ "content_index": 0, "annotation": {} })),
                        ),
                    ],
                    json!({ "type": "message", "role": "assistant", "content": [
                        { "type": "output_text", "text": "Hi", "annotations": [{ "url": "u" }] }] }),
                )
            },
            cut(
                "a place that is too far",
                vec![
                    event(
                        "output_text.delta",
                        at(json!({ "content_index": 0, "delta": "a" })),
                    ),
                    event(
                        "output_text.delta",
                        at(json!({ "content_index": 1024, "delta": "b" })),
                    ),
                ],
                json!({ "type": "message", "role": "assistant", "content": "ab" }),
            ),
            cut(
                "a place that is far",
                vec![
                    event(
                        "output_text.delta",
                        at(json!({ "content_index": 0, "delta": "a" })),
                    ),
                    event(
                        "output_text.delta",
                        at(json!({ "content_index": 1023, "delta": "b" })),
                    ),
                ],
                json!({ "type": "message", "role": "assistant", "content": [
                    { "type": "output_text", "text": "a" }, { "type": "output_text", "text": "b" }] }),
            ),
            Golden {
                ends: true,
                ..cut(
                    "an end without a status",
                    vec![
                        event("output_text.delta", at(json!({ "delta": "Hi" }))),
                        event("done", json!({ "response": { "id": "a" } })),
                    ],
                    json!({ "type": "message", "role": "assistant", "content": "Hi" }),
                )
            },
        ],
    );
}

/// Gateways leave out indices, or ids, or both.
#[test]
fn an_event_belongs_to_the_item_with_its_id_or_the_open_one() {
    let message =
        |id: &str| json!({ "type": "message", "id": id, "role": "assistant", "content": [] });
    let whole = |id: &str, text: &str| {
        let mut item = said(text);
        item["id"] = json!(id);
        item
    };
    let open = || json!({ "type": "message", "role": "assistant", "content": [] });
    let call = |id: &str, arguments: &str| json!({ "type": "function_call", "id": id, "name": "f", "arguments": arguments });
    let piece = |id: &str, piece: &str| {
        event(
            "function_call_arguments.delta",
            json!({ "item_id": id, "delta": piece }),
        )
    };
    let text = |index: Option<u64>, text: &str| {
        event(
            "output_text.delta",
            json!({ "output_index": index, "delta": text }),
        )
    };
    let plain = |text: &str| json!({ "type": "message", "role": "assistant", "content": text });
    check(
        Provider::OpenAi,
        vec![
            Golden {
                first: 3,
                ..cut(
                    "two messages with ids, done by turns",
                    vec![
                        added(message("a")),
                        added(message("b")),
                        done(whole("a", "One")),
                        done(whole("b", "Two")),
                    ],
                    json!([whole("a", "One"), whole("b", "Two")]),
                )
            },
            Golden {
                first: 2,
                ..cut(
                    "a message whose end has no id",
                    vec![added(message("a")), done(said("One"))],
                    whole("a", "One"),
                )
            },
            Golden {
                first: 2,
                ..cut(
                    "a message whose end has another id",
                    vec![added(message("a")), done(whole("b", "One"))],
                    whole("b", "One"),
                )
            },
            Golden {
                first: 2,
                ..cut(
                    "two messages without ids, one after the other",
                    vec![
                        added(open()),
                        done(said("One")),
                        added(open()),
                        done(said("Two")),
                    ],
                    json!([said("One"), said("Two")]),
                )
            },
            Golden {
                first: 2,
                ..cut(
                    "a text after a message that is done",
                    vec![added(open()), done(said("One")), text(None, "Two")],
                    json!([said("One"), plain("Two")]),
                )
            },
            cut(
                "a call that has begun, and a message",
                vec![added(call("", "")), added(open()), done(said("One"))],
                json!([call("", ""), said("One")]),
            ),
            cut(
                "two calls with ids, by turns",
                vec![
                    added(call("a", "")),
                    added(call("b", "")),
                    piece("a", "{\"a\""),
                    piece("b", "{\"b\""),
                    piece("a", ":1}"),
                    piece("b", ":2}"),
                ],
                json!([call("a", "{\"a\":1}"), call("b", "{\"b\":2}")]),
            ),
            cut(
                "two texts with indices",
                vec![
                    text(Some(0), "a"),
                    text(Some(1), "b"),
                    text(Some(0), "a"),
                    text(Some(1), "b"),
                ],
                json!([plain("aa"), plain("bb")]),
            ),
            cut(
                "a text without an index, whose message has one",
                vec![
                    text(None, "Hi"),
                    event(
                        "output_item.done",
                        json!({ "output_index": 0, "item": said("Hi!") }),
                    ),
                ],
                said("Hi!"),
            ),
            Golden {
                first: 2,
                ..cut(
                    "a message with an index, which is done without it",
                    vec![
                        event(
                            "output_item.added",
                            json!({ "output_index": 0, "item": open() }),
                        ),
                        done(said("Hi")),
                    ],
                    said("Hi"),
                )
            },
            cut(
                "an item with an empty id",
                vec![piece("", "{"), piece("", "}")],
                json!({ "type": "function_call", "arguments": "{}" }),
            ),
        ],
    );
}
