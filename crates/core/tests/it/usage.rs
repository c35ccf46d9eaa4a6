//! What every known shape of usage becomes. The shapes are in `tests/data/usage/`, one file each, with their source.

#![expect(clippy::disallowed_methods, reason = "the shapes are files")]

use std::collections::BTreeMap;
use std::path::Path;

use futures::executor::block_on;
use futures::stream::{self, StreamExt as _};
use proptest::prelude::*;
use serde_json::{Value, json};
use tracefuse_core::record::SpanRecord;
use tracefuse_core::{ObserveStream as _, Span, Usage};

use crate::support::tracer;

/// A shape and what must be read out of it.
#[derive(Clone, Debug)]
struct Shape {
    name: String,
    file: Value,
}

impl Shape {
    fn all() -> Vec<Self> {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/usage");
        let mut files: Vec<_> = std::fs::read_dir(folder)
            .unwrap()
            .map(|file| file.unwrap().path())
            .collect();
        files.sort();
        let read = |path: &std::path::PathBuf| Self {
            name: path.file_stem().unwrap().to_string_lossy().into_owned(),
            file: serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap(),
        };
        files.iter().map(read).collect()
    }

    fn language(&self) -> &str {
        self.file["language"].as_str().unwrap()
    }

    fn asked(&self) -> &str {
        self.file["asked"].as_str().unwrap_or("asked")
    }

    fn buckets(&self) -> BTreeMap<String, u64> {
        serde_json::from_value(self.file["buckets"].clone()).unwrap()
    }

    fn total(&self) -> u64 {
        self.file["total"].as_u64().unwrap()
    }

    /// The same with every count of tokens multiplied.
    fn times(&self, factor: u64) -> Self {
        let mut scaled = self.clone();
        for part in ["answer", "chunks", "buckets"] {
            scale(&mut scaled.file[part], part == "buckets", factor);
        }
        scaled.file["total"] = (self.total() * factor).into();
        scaled
    }

    fn record(&self, span: &Span, answer: &Value) {
        match self.language() {
            "openai" => span.record_openai(answer),
            "anthropic" => span.record_anthropic(answer),
            "gemini" => span.record_gemini(answer),
            "bedrock" => span.record_bedrock(answer),
            "cohere" => span.record_cohere(answer),
            "ollama" => span.record_ollama(answer),
            other => panic!("{other}"),
        }
    }

    fn whole(&self) -> SpanRecord {
        recorded(self.asked(), |span| {
            self.record(&span, &self.file["answer"])
        })
    }

    fn chunks(&self) -> Option<Vec<Value>> {
        serde_json::from_value(self.file.get("chunks")?.clone()).ok()
    }

    fn streamed(&self) -> Option<SpanRecord> {
        let chunks = self.chunks()?;
        let language = self.language().to_owned();
        Some(recorded(self.asked(), move |span| {
            let chunks = stream::iter(chunks).observed(span);
            block_on(async {
                match &*language {
                    "openai" => chunks.openai().count().await,
                    "anthropic" => chunks.anthropic().count().await,
                    "gemini" => chunks.gemini().count().await,
                    "bedrock" => chunks.bedrock().count().await,
                    "cohere" => chunks.cohere().count().await,
                    "ollama" => chunks.ollama().count().await,
                    other => panic!("{other}"),
                }
            });
        }))
    }

    /// The chunks as an array, as a client that reads a stream to its end has them.
    fn collected(&self) -> Option<SpanRecord> {
        let chunks = self.chunks()?;
        Some(recorded(self.asked(), |span| {
            self.record(&span, &Value::Array(chunks))
        }))
    }

    fn read(&self) -> Option<Usage> {
        let answer = &self.file["answer"];
        match self.language() {
            "openai" => Usage::from_openai_response(answer),
            "anthropic" => Usage::from_anthropic_response(answer),
            "gemini" => Usage::from_gemini_response(answer),
            "bedrock" => Usage::from_bedrock_response(answer),
            "cohere" => Usage::from_cohere_response(answer),
            _ => Usage::from_ollama_response(answer),
        }
    }
}

fn scale(value: &mut Value, all: bool, factor: u64) {
    match value {
        Value::Object(object) => {
            for (key, value) in object {
                let counts = key.to_lowercase().contains("token")
                    || key.ends_with("_count")
                    || matches!(key.as_str(), "cache_n" | "input_length");
                match value {
                    Value::Number(n) if (all || counts) && n.is_u64() => {
                        *value = (n.as_u64().unwrap() * factor).into();
                    }
                    Value::String(text) if counts && text.parse::<u64>().is_ok() => {
                        *value = (text.parse::<u64>().unwrap() * factor).to_string().into();
                    }
                    inner => scale(inner, all, factor),
                }
            }
        }
        Value::Array(list) => list.iter_mut().for_each(|value| scale(value, all, factor)),
        _ => {}
    }
}

fn recorded(model: &str, f: impl FnOnce(Span)) -> SpanRecord {
    let (tracer, kept, _) = tracer();
    let trace = tracer.trace("t").start();
    let span = trace.generation("answer").model(model).start();
    f(span.clone());
    // Not by the last handle: another test may look at all open spans and have a handle of each for a moment.
    span.end();
    drop(trace);
    kept.named("answer")
}

fn tokens(span: &SpanRecord) -> BTreeMap<String, u64> {
    let buckets = span.usage().filter(|(name, _)| *name != "total");
    buckets
        .map(|(name, units)| (name.to_owned(), units))
        .collect()
}

/// No tokens.
const UNITS: [&str; 5] = [
    "web_search_queries",
    "audio_seconds",
    "search_units",
    "images",
    "pages",
];

fn sum(buckets: &BTreeMap<String, u64>) -> u64 {
    let tokens = buckets
        .iter()
        .filter(|(name, _)| !UNITS.contains(&name.as_str()));
    tokens.map(|(_, units)| units).sum()
}

fn check(shape: &Shape, by: &str, span: &SpanRecord) {
    let name = &shape.name;
    assert_eq!(tokens(span), shape.buckets(), "{name} {by}");
    let cost: Vec<_> = span.cost().collect();
    match shape.file.get("cost").and_then(Value::as_f64) {
        Some(dollars) => assert_eq!(cost, [("total", dollars)], "{name} {by}"),
        None => assert_eq!(cost, [], "{name} {by}"),
    }
    let object = |entries: Vec<(&str, String)>| -> Value {
        let entries = entries
            .into_iter()
            .map(|(key, value)| (key.to_owned(), value.into()));
        Value::Object(entries.collect())
    };
    let parameters = span
        .model_parameters()
        .map(|(key, value)| (key, value.to_string()));
    let expected = shape
        .file
        .get("parameters")
        .cloned()
        .unwrap_or_else(|| json!({}));
    assert_eq!(object(parameters.collect()), expected, "{name} {by}");
    for (key, units) in shape
        .file
        .get("within")
        .and_then(Value::as_object)
        .into_iter()
        .flatten()
    {
        let found = span.metadata().find(|(known, _)| known == key);
        assert_eq!(
            found.map(|(_, value)| value.to_string()),
            Some(units.to_string()),
            "{name} {by} {key}"
        );
    }
}

#[test]
fn every_shape_gives_the_buckets_that_are_billed() {
    let shapes = Shape::all();
    assert!(shapes.len() >= 50, "{}", shapes.len());
    for shape in &shapes {
        assert_eq!(sum(&shape.buckets()), shape.total(), "{}", shape.name);
        assert!(
            shape.file["source"]
                .as_str()
                .unwrap()
                .starts_with("https://"),
            "{}",
            shape.name
        );
        check(shape, "whole", &shape.whole());
        if let Some(span) = shape.streamed() {
            check(shape, "streamed", &span);
        }
        if let Some(span) = shape.collected() {
            check(shape, "collected", &span);
        }
        assert_eq!(
            shape.read().map(|usage| usage.sum() - others(&usage)),
            Some(shape.total()),
            "{}",
            shape.name
        );
    }
}

fn others(usage: &Usage) -> u64 {
    let units = usage
        .buckets()
        .filter(|(name, _)| UNITS[1..].contains(name));
    units.map(|(_, units)| units).sum()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(16))]

    /// The law: whatever the counts, the buckets add up to what the provider bills, by every entry point.
    #[test]
    fn the_buckets_of_every_shape_add_up(factor in 1..100_000u64) {
        let mut tried = 0;
        for shape in Shape::all() {
            let shape = shape.times(factor);
            let spans = [Some(shape.whole()), shape.streamed(), shape.collected()];
            for span in spans.into_iter().flatten() {
                prop_assert_eq!(sum(&tokens(&span)), shape.total(), "{}", shape.name);
                if let Some((_, total)) = span.usage().find(|(name, _)| *name == "total") {
                    prop_assert_eq!(total, shape.total(), "{}", shape.name);
                }
                tried += 1;
            }
        }
        prop_assert!(tried >= 100, "{} shapes by entry points", tried);
    }
}

#[test]
fn how_many_shapes_and_entry_points_are_tried() {
    let shapes = Shape::all();
    let streamed = shapes
        .iter()
        .filter(|shape| shape.chunks().is_some())
        .count();
    println!(
        "{} shapes: {} whole, {streamed} streamed, {streamed} collected",
        shapes.len(),
        shapes.len()
    );
    assert!(streamed >= 25, "{streamed}");
}

/// Records an answer in OpenAI's language; its buckets without the total.
fn openai(answer: &Value) -> BTreeMap<String, u64> {
    tokens(&recorded("asked", |span| span.record_openai(answer)))
}

fn named(buckets: &[(&str, u64)]) -> BTreeMap<String, u64> {
    let named = buckets.iter();
    named
        .map(|(name, units)| ((*name).to_owned(), *units))
        .collect()
}

#[test]
fn hostile_counts_do_no_harm() {
    let absurd = 9_007_199_254_740_993u64;
    for (usage, expected) in [
        // Details larger than their total.
        (
            json!({ "prompt_tokens": 10, "completion_tokens": 5, "total_tokens": 15,
                "prompt_tokens_details": { "cached_tokens": 400, "audio_tokens": 70 },
                "completion_tokens_details": { "reasoning_tokens": 90, "audio_tokens": 80 } }),
            &[
                ("input", 0),
                ("input_cached_tokens", 10),
                ("output", 0),
                ("output_reasoning_tokens", 5),
            ][..],
        ),
        // A total that is less than its parts, or nothing.
        (
            json!({ "prompt_tokens": 10, "completion_tokens": 5, "total_tokens": 3 }),
            &[("input", 10), ("output", 5)],
        ),
        (
            json!({ "prompt_tokens": 10, "completion_tokens": 5, "total_tokens": 0 }),
            &[("input", 10), ("output", 5)],
        ),
        // A missing part is what the total has more.
        (
            json!({ "prompt_tokens": 10, "total_tokens": 15 }),
            &[("input", 10), ("output", 5)],
        ),
        (
            json!({ "completion_tokens": 5, "total_tokens": 15 }),
            &[("input", 10), ("output", 5)],
        ),
        (json!({ "total_tokens": 15 }), &[("input", 15)]),
        // Negative, fractions, absurd, nulls, texts.
        (
            json!({ "prompt_tokens": 10, "completion_tokens": -5, "total_tokens": absurd,
                "prompt_tokens_details": { "cached_tokens": -3, "audio_tokens": null } }),
            &[("input", 10)],
        ),
        (
            json!({ "prompt_tokens": "10", "completion_tokens": 5.0, "total_tokens": "15.0",
                "prompt_tokens_details": null, "completion_tokens_details": [] }),
            &[("input", 10), ("output", 5)],
        ),
        (
            json!({ "prompt_tokens": 10, "completion_tokens": 0.5, "prompt_tokens_details": "many" }),
            &[("input", 10)],
        ),
        // Both generations of names, one filled with zeros.
        (
            json!({ "prompt_tokens": 0, "completion_tokens": 0, "input_tokens": 10, "output_tokens": 5,
                "total_tokens": 15, "cached_tokens": 4, "prompt_tokens_details": { "cached_tokens": 0 } }),
            &[("input", 6), ("input_cached_tokens", 4), ("output", 5)],
        ),
        (json!({}), &[]),
        (json!([]), &[]),
        (json!("12"), &[]),
        (json!(null), &[]),
    ] {
        assert_eq!(
            openai(&json!({ "usage": usage })),
            named(expected),
            "{usage}"
        );
    }
}

#[test]
fn usage_is_found_wherever_a_provider_puts_it() {
    let report = json!({ "prompt_tokens": 19, "completion_tokens": 13, "total_tokens": 32 });
    let zeros = json!({ "prompt_tokens": 0, "completion_tokens": 0, "total_tokens": 0 });
    for answer in [
        json!({ "usage": report }),
        json!({ "usage": null, "x_groq": { "usage": report } }),
        json!({ "usage": null, "choices": [{ "delta": {} }, { "delta": {}, "usage": report }] }),
        json!({ "usage": zeros, "choices": [{ "delta": {}, "usage": report }] }),
        json!({ "type": "response.completed", "response": { "usage": report } }),
        json!({ "result": { "usage": report }, "success": true }),
        json!([{ "usage": null, "choices": [] }, { "usage": report, "choices": [] }]),
        json!([{ "usage": report, "choices": [] }, { "usage": zeros, "choices": [] }]),
    ] {
        assert_eq!(
            openai(&answer),
            named(&[("input", 19), ("output", 13)]),
            "{answer}"
        );
    }
}

#[test]
fn audio_of_an_unknown_model_is_counted_once() {
    let realtime = json!({ "type": "response.done", "response": { "usage": {
        "total_tokens": 700, "input_tokens": 500, "output_tokens": 200,
        "input_token_details": { "text_tokens": 120, "audio_tokens": 380, "cached_tokens": 384,
            "cached_tokens_details": { "text_tokens": 64, "audio_tokens": 320 } },
        "output_token_details": { "text_tokens": 50, "audio_tokens": 150 },
    } } });
    let expected = [
        ("input_text_tokens", 56),
        ("input_cached_text_tokens", 64),
        ("input_audio_tokens", 60),
        ("input_cached_audio_tokens", 320),
        ("output_text_tokens", 50),
        ("output_audio_tokens", 150),
    ];
    assert_eq!(openai(&realtime), named(&expected));
    let gemini = json!({ "usageMetadata": {
        "promptTokenCount": 1010, "cachedContentTokenCount": 500, "candidatesTokenCount": 5,
        "promptTokensDetails": [
            { "modality": "TEXT", "tokenCount": 10 }, { "modality": "AUDIO", "tokenCount": 1000 },
        ],
        "cacheTokensDetails": [{ "modality": "AUDIO", "tokenCount": 500 }],
    } });
    let expected = [
        ("input", 10),
        ("input_audio_tokens", 500),
        ("input_cached_tokens", 500),
        ("output", 5),
    ];
    let span = recorded("asked", |span| span.record_gemini(&gemini));
    assert_eq!(tokens(&span), named(&expected));
}

#[test]
fn a_report_that_grows_is_counted_once() {
    let chunk = |usage: Value| json!({ "choices": [{ "index": 0, "delta": { "content": "x" } }], "usage": usage });
    let span = recorded("asked", |span| {
        let chunks = [
            chunk(json!(null)),
            chunk(json!({ "prompt_tokens": 10, "completion_tokens": 1, "total_tokens": 11 })),
            chunk(json!({ "prompt_tokens": 10, "completion_tokens": 7, "total_tokens": 17 })),
            chunk(json!({ "prompt_tokens": 0, "completion_tokens": 0, "total_tokens": 0 })),
            chunk(json!(null)),
        ];
        block_on(stream::iter(chunks).observed(span).openai().count());
    });
    assert_eq!(tokens(&span), named(&[("input", 10), ("output", 7)]));
}

#[test]
fn what_a_provider_answers_is_recorded_whole() {
    let facts = |span: &SpanRecord| {
        let reason = span.metadata().find(|(key, _)| *key == "finish_reason");
        (
            span.output()
                .map(|output| output.to_string())
                .unwrap_or_default(),
            reason
                .map(|(_, reason)| reason.to_string())
                .unwrap_or_default(),
            span.provider().unwrap_or_default().to_owned(),
        )
    };
    let expect = |output: &str, reason: &str, provider: &str| {
        (output.to_owned(), reason.to_owned(), provider.to_owned())
    };
    let hi = r#"{"content":"Hi","role":"assistant"}"#;
    for (name, expected) in [
        ("bedrock-converse", expect(hi, "end_turn", "aws.bedrock")),
        ("cohere-chat", expect(hi, "COMPLETE", "cohere")),
        ("ollama-chat", expect(hi, "stop", "ollama")),
        ("groq", expect(hi, "stop", "groq")),
        ("azure-openai", expect(hi, "stop", "azure.ai.openai")),
        ("deepseek", expect(hi, "stop", "deepseek")),
        ("dashscope-native", expect(hi, "stop", "openai")),
        ("openai-transcription", expect("Hello there", "", "openai")),
        (
            "code-assist",
            expect(r#"{"content":"Hi","role":"model"}"#, "STOP", "gcp.gemini"),
        ),
        (
            "gemini-array-of-chunks",
            expect(r#"{"content":"Hi","role":"model"}"#, "STOP", "gcp.gemini"),
        ),
    ] {
        let shapes = Shape::all();
        let shape = shapes.iter().find(|shape| shape.name == name).unwrap();
        assert_eq!(facts(&shape.whole()), expected, "{name}");
    }
}
