//! A day of a shop's assistant: traces as a developer has them, for the lists, the plots and the pictures of the guide.
//! Used by cases; all of it follows from the time that is given.

use serde_json::{Value, json};
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

use crate::send::{Span, request, trace_id};

const MILLI: i64 = 1_000_000;
const SECOND: i64 = 1_000 * MILLI;
const MINUTE: i64 = 60 * SECOND;

/// The trace that the guide shows.
pub(crate) const AGENT: u64 = 0xa9e7_0001;

/// The same agent at another time: faster, and without the failure.
pub(crate) const OTHER_AGENT: u64 = 0xa9e7_0002;

/// The session with a conversation of four traces.
pub(crate) const SESSION: &str = "chat-7f3a";

/// Everything: the last trace starts a minute before now.
pub(crate) fn day(now: i64) -> Vec<Value> {
    let mut requests = vec![
        agent(AGENT, now - 4 * MINUTE, true),
        agent(OTHER_AGENT, now - 95 * MINUTE, false),
    ];
    requests.extend(conversation(now - 40 * MINUTE));
    let mut dice = Dice(7);
    for number in 0..64 {
        let start = now - 2 * MINUTE - number * 19 * MINUTE - i64::from(dice.below(600)) * SECOND;
        requests.push(small(number as u64, start, &mut dice));
    }
    requests
}

/// A picture of a box, 96 by 64 points, as a data URI.
pub(crate) const PICTURE: &str = "data:image/png;base64,iVBORw0KGgoAAAANSUhEUgAAAGAAAABACAIAAABqVuVZAAAAkElEQVR42u3asQnAIBBAUQfLOKkzjnUWyiQ2VqkdICIIVxh88OuDe8VVl0p9NSghAAQIECBAgAABEiBAgAABAgQI0ETPfYaUr+Nb1HBAgAABAgQIECBAgAABAgQIECBAYUDdxVYLEKD/ArlBgAABAgQIECBAgAABAgQIECBAewH5UQREARAgQIAAAQIESIDma3jiOiEX6pOGAAAAAElFTkSuQmCC";

/// An agent with guardrail, retrieval, two rounds of a model, tools of which one fails at first, and an evaluator.
pub(crate) fn agent(number: u64, start: i64, fails: bool) -> Value {
    let trace = trace_id(number);
    let id = |span: u64| number * 100 + span;
    let at = |millis: i64| start + millis * MILLI;
    let slow = if fails { 1000 } else { 0 };
    let span = |span: u64, parent: u64, name: &str, from: i64, to: i64| {
        Span::new(
            &trace,
            id(span),
            (parent > 0).then(|| id(parent)),
            name,
            at(from),
            at(to),
        )
    };
    let question = json!("Where is my order 81723, and can I still change the address?");
    let messages = json!([
        {"role": "system", "content": "You are the assistant of a shop. Answer from the documents and the tools. Be brief."},
        {"role": "user", "content": [{"type": "text", "text": question}, {"type": "image_url", "image_url": {"url": PICTURE}}]},
    ]);
    let calls = json!({"role": "assistant", "content": null, "tool_calls": [
        {"id": "call_1", "type": "function", "function": {"name": "find_order", "arguments": "{\"order\": 81723}"}},
        {"id": "call_2", "type": "function", "function": {"name": "track_shipment", "arguments": "{\"carrier\": \"DHL\", \"number\": \"JD0146\"}"}},
    ]});
    let answer = if fails {
        "Your order 81723 left our warehouse this morning and arrives on Saturday.\n\nThe address can no longer be changed here, but DHL can redirect the shipment: use the link in their message."
    } else {
        "Your order 81723 is being packed and arrives on Monday.\n\nThe address can still be changed: open the order and choose Change address."
    };
    let mut root = span(1, 0, "order-assistant", 0, 5240 + slow)
        .kind("agent")
        .set("langfuse.trace.name", "order-assistant")
        .set("user.id", "maria@example.com")
        .set("session.id", SESSION)
        .set("langfuse.environment", "production")
        .set("langfuse.release", "2026.11.3")
        .set("langfuse.trace.metadata.channel", "web")
        .set("langfuse.trace.metadata.experiment", "short-answers")
        .tags(&["web", "orders"])
        .input(&json!({"messages": [{"role": "user", "content": question}]}))
        .output(&json!({"role": "assistant", "content": answer}));
    root = root.set("langfuse.observation.metadata.agent.loops", "2");
    let mut spans = vec![
        root,
        span(2, 1, "check-input", 4, 120).kind("guardrail").input(&question).output(&json!({"allowed": true, "categories": []})),
        span(3, 1, "find-documents", 130, 640).kind("retriever").input(&question).output(&json!([
            {"id": "doc-12", "score": 0.91, "title": "Changing an address", "text": "Until an order is packed, its address can be changed in the account."},
            {"id": "doc-40", "score": 0.83, "title": "Delivery times", "text": "Orders of before noon leave on the same day."},
            {"id": "doc-7", "score": 0.78, "title": "Redirecting a shipment", "text": "Carriers redirect shipments that are under way."},
        ])),
        span(4, 3, "embed-question", 140, 330).kind("embedding").model("text-embedding-3-small", 18, 0, 0.000_000_4).input(&question),
        span(5, 3, "search-index", 335, 610).set("langfuse.observation.metadata.index", "help-center").set("langfuse.observation.metadata.top_k", "3"),
        span(6, 1, "decide", 650, 2130)
            .kind("generation")
            .model("gpt-5-mini", 812, 64, 0.000_331)
            .set("langfuse.observation.model.parameters", r#"{"temperature":0.2,"max_tokens":800,"tool_choice":"auto"}"#)
            .set("langfuse.observation.prompt.name", "order-assistant")
            .set("langfuse.observation.prompt.version", "4")
            .set("langfuse.observation.completion_start_time", &format!("\"{}\"", rfc3339(at(1290))))
            .input(&messages)
            .output(&calls),
        span(7, 1, "run-tools", 2140, 3620 + slow).kind("chain"),
        span(8, 7, "find_order", 2150, 2480).kind("tool").input(&json!({"order": 81723})).output(&json!({"order": 81723, "state": if fails { "shipped" } else { "packing" }, "carrier": "DHL", "items": 3})),
    ];
    if fails {
        spans.push(
            span(9, 7, "track_shipment", 2150, 3340)
                .kind("tool")
                .input(&json!({"carrier": "DHL", "number": "JD0146"}))
                .error(
                    "reqwest::Error",
                    "the carrier did not answer in time",
                    "operation timed out\nconnection to api.dhl.example:443 was closed",
                ),
        );
        spans.push(
            span(10, 7, "track_shipment", 3350, 4610)
                .kind("tool")
                .input(&json!({"carrier": "DHL", "number": "JD0146"}))
                .output(&json!({"state": "under way", "expected": "2026-11-28"}))
                .set("langfuse.observation.metadata.attempt", "2"),
        );
    } else {
        spans.push(
            span(9, 7, "track_shipment", 2150, 3600)
                .kind("tool")
                .input(&json!({"carrier": "DHL", "number": "JD0146"}))
                .output(&json!({"state": "unknown"})),
        );
    }
    let mut full = messages.as_array().cloned().unwrap_or_default();
    full.push(calls);
    full.push(json!({"role": "tool", "tool_call_id": "call_1", "content": "{\"order\": 81723, \"state\": \"shipped\"}"}));
    full.push(json!({"role": "tool", "tool_call_id": "call_2", "content": "{\"state\": \"under way\", \"expected\": \"2026-11-28\"}"}));
    spans.push(
        span(11, 1, "answer", 3640 + slow, 5040 + slow)
            .kind("generation")
            .model("gpt-5", 1460, 118, 0.003_005)
            .set(
                "langfuse.observation.model.parameters",
                r#"{"temperature":0.2,"max_tokens":800}"#,
            )
            .set("langfuse.observation.prompt.name", "order-assistant")
            .set("langfuse.observation.prompt.version", "4")
            .set(
                "langfuse.observation.completion_start_time",
                &format!("\"{}\"", rfc3339(at(4020 + slow))),
            )
            .event("first token", at(4020 + slow), "model", "gpt-5")
            .input(&json!(full))
            .output(&json!({"role": "assistant", "content": answer})),
    );
    spans.push(
        span(12, 1, "grade", 5050 + slow, 5220 + slow)
            .kind("evaluator")
            .set(
                "langfuse.observation.level",
                if fails { "WARNING" } else { "DEFAULT" },
            )
            .set(
                "langfuse.observation.status_message",
                if fails {
                    "the answer names no order number in its second part"
                } else {
                    ""
                },
            )
            .output(&json!({"helpful": 0.9, "grounded": 0.95})),
    );
    request(&spans)
}

/// Four traces of one session.
fn conversation(start: i64) -> Vec<Value> {
    let turns = [
        (
            "Hi! Do you ship to Norway?",
            "Yes, to all of Norway. It takes three to five days.",
        ),
        (
            "And what does it cost?",
            "9 EUR, and nothing for orders above 80 EUR.",
        ),
        (
            "مرحبا، هل يمكنني الدفع عند الاستلام؟",
            "نعم، الدفع عند الاستلام متاح في معظم المدن.",
        ),
        (
            "日本への配送はできますか？",
            "申し訳ありませんが、日本への配送には対応していません。",
        ),
    ];
    let mut history = Vec::new();
    let mut requests = Vec::new();
    for (number, (question, answer)) in turns.iter().enumerate() {
        let trace = trace_id(0xc4a7_0000 + number as u64);
        let id = 0xc4a7_0000 + number as u64 * 10;
        let begin = start + number as i64 * 3 * MINUTE;
        let end = begin + (1400 + 300 * number as i64) * MILLI;
        history.push(json!({"role": "user", "content": question}));
        let input = json!({"messages": history});
        let output = json!({"role": "assistant", "content": answer});
        let root = Span::new(&trace, id, None, "chat", begin, end)
            .set("langfuse.trace.name", "chat")
            .set("session.id", SESSION)
            .set("user.id", "maria@example.com")
            .set("langfuse.environment", "production")
            .tags(&["web"])
            .input(&input)
            .output(&output);
        let model = Span::new(
            &trace,
            id + 1,
            Some(id),
            "reply",
            begin + 40 * MILLI,
            end - 20 * MILLI,
        )
        .kind("generation")
        .model("claude-sonnet-4-5", 120 + 60 * number as u64, 40, 0.0012)
        .input(&input)
        .output(&output);
        history.push(output);
        requests.push(request(&[root, model]));
    }
    requests
}

/// One of many: a few spans, with a model, some slow, some failing.
fn small(number: u64, start: i64, dice: &mut Dice) -> Value {
    let trace = trace_id(0x5_0000 + number);
    let id = 0x5_0000 + number * 10;
    let (name, question, answer) = [
        (
            "summarize-review",
            "The shoes are fine, but the delivery was late by a week.",
            "Good product, late delivery.",
        ),
        (
            "classify-ticket",
            "I was charged twice for my order.",
            "billing",
        ),
        (
            "translate-listing",
            "Waterproof jacket with hood",
            "Wasserdichte Jacke mit Kapuze",
        ),
        (
            "product-search",
            "a gift for a gardener, below 40 EUR",
            "3 products found",
        ),
    ][dice.below(4) as usize];
    let (model, price) = [
        ("gpt-5-mini", 0.000_3),
        ("gpt-5", 0.004),
        ("claude-sonnet-4-5", 0.006),
        ("gemini-2.5-flash", 0.000_2),
    ][dice.below(4) as usize];
    let users = [
        "maria@example.com",
        "jonas@example.com",
        "li.wei@example.com",
        "amira@example.com",
        "service-account",
    ];
    let length =
        (300 + i64::from(dice.below(2400)) + if dice.below(9) == 0 { 9000 } else { 0 }) * MILLI;
    let fails = dice.below(8) == 0;
    let mut root = Span::new(&trace, id, None, name, start, start + length)
        .set("langfuse.trace.name", name)
        .set("user.id", users[dice.below(5) as usize])
        .set(
            "langfuse.environment",
            if dice.below(5) == 0 {
                "staging"
            } else {
                "production"
            },
        )
        .tags(if dice.below(2) == 0 {
            &["batch"]
        } else {
            &["web", "beta"]
        })
        .input(&json!(question));
    let mut call = Span::new(
        &trace,
        id + 1,
        Some(id),
        "call-model",
        start + 20 * MILLI,
        start + length - 15 * MILLI,
    )
    .kind("generation")
    .model(
        model,
        200 + u64::from(dice.below(1800)),
        30 + u64::from(dice.below(400)),
        price * f64::from(1 + dice.below(9)),
    )
    .set(
        "langfuse.observation.completion_start_time",
        &format!("\"{}\"", rfc3339(start + length / 3)),
    )
    .input(&json!([{"role": "user", "content": question}]));
    if fails {
        call = call.error(
            "RateLimitError",
            "429: rate limit reached for this model",
            "",
        );
    } else {
        call = call.output(&json!({"role": "assistant", "content": answer}));
        root = root.output(&json!(answer));
    }
    request(&[root, call])
}

/// A time in RFC 3339.
fn rfc3339(ns: i64) -> String {
    let time = OffsetDateTime::from_unix_timestamp_nanos(i128::from(ns));
    let text = time.ok().and_then(|time| time.format(&Rfc3339).ok());
    text.unwrap_or_default()
}

/// Numbers that are the same in each run.
struct Dice(u64);

impl Dice {
    fn below(&mut self, limit: u32) -> u32 {
        self.0 = self
            .0
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) as u32 % limit
    }
}
