//! The shapes of usage (`crates/core/tests/data/usage/`) as attributes of spans, in every spelling of a number.

#![expect(clippy::disallowed_methods, reason = "the shapes are files")]

use std::collections::BTreeMap;
use std::path::Path;

use opentelemetry::trace::TraceContextExt as _;
use opentelemetry::{Context, KeyValue, Value as Attribute};
use proptest::prelude::*;
use serde_json::{Value, json};
use tracefuse_core::record::SpanRecord;

use crate::support::{metadata, recorded, start};

/// One span with these attributes.
fn span(attributes: Vec<KeyValue>) -> SpanRecord {
    let kept = recorded(
        |it| it,
        |otel| {
            start(otel, &Context::new(), "chat", attributes)
                .span()
                .end()
        },
    );
    kept.only()
}

pub(crate) fn of(attributes: &Value) -> SpanRecord {
    let attributes = attributes.as_object().unwrap().iter();
    span(
        attributes
            .map(|(key, value)| KeyValue::new(key.clone(), native(value)))
            .collect(),
    )
}

fn native(value: &Value) -> Attribute {
    match value {
        Value::String(text) => text.clone().into(),
        Value::Bool(yes) => (*yes).into(),
        Value::Number(n) if n.is_i64() => n.as_i64().unwrap().into(),
        Value::Number(n) => n.as_f64().unwrap().into(),
        other => panic!("{other}"),
    }
}

/// How a number is spelled.
#[derive(Clone, Copy, Debug)]
enum Spelling {
    Integer,
    Float,
    Text,
}

impl Spelling {
    const ALL: [Self; 3] = [Self::Integer, Self::Float, Self::Text];

    fn of(self, units: u64) -> Attribute {
        match self {
            Self::Integer => i64::try_from(units).unwrap().into(),
            Self::Float => (units as f64).into(),
            Self::Text => units.to_string().into(),
        }
    }
}

struct Shape {
    name: String,
    file: Value,
}

fn shapes() -> Vec<Shape> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../core/tests/data/usage");
    let files = std::fs::read_dir(folder)
        .unwrap()
        .map(|file| file.unwrap().path());
    let mut shapes: Vec<_> = files
        .map(|path| Shape {
            name: path.file_stem().unwrap().to_string_lossy().into_owned(),
            file: serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap(),
        })
        .collect();
    shapes.sort_by(|a, b| a.name.cmp(&b.name));
    shapes
}

impl Shape {
    fn total(&self) -> u64 {
        self.file["total"].as_u64().unwrap()
    }

    /// The buckets without searches, which these attributes do not have, and in the names of all providers.
    fn buckets(&self) -> BTreeMap<String, u64> {
        let buckets: BTreeMap<String, u64> =
            serde_json::from_value(self.file["buckets"].clone()).unwrap();
        let named = buckets.into_iter().map(|(name, units)| {
            let name = match name.as_str() {
                "cache_read_input_tokens" => "input_cached_tokens".to_owned(),
                "cache_creation_input_tokens" => "input_cache_creation".to_owned(),
                _ => name,
            };
            (name, units)
        });
        named
            .filter(|(name, _)| name != "web_search_queries")
            .collect()
    }

    /// As attributes, with every count multiplied; `None` if no attributes have this shape.
    fn attributes(&self, spelling: Spelling, factor: u64) -> Option<Vec<KeyValue>> {
        let attributes = self.file.get("attributes")?.as_object()?.iter();
        let attributes = attributes.map(|(key, value)| {
            let value = match value.as_u64() {
                Some(units) => spelling.of(units * factor),
                None => native(value),
            };
            KeyValue::new(key.clone(), value)
        });
        Some(attributes.collect())
    }
}

fn tokens(span: &SpanRecord) -> BTreeMap<String, u64> {
    let buckets = span.usage().filter(|(name, _)| *name != "total");
    buckets
        .map(|(name, units)| (name.to_owned(), units))
        .collect()
}

fn sum(span: &SpanRecord) -> u64 {
    let buckets = tokens(span).into_iter();
    buckets
        .filter(|(name, _)| name != "web_search_queries")
        .map(|(_, units)| units)
        .sum()
}

#[test]
fn attributes_of_every_shape_give_the_buckets_that_are_billed() {
    let mut tried = 0;
    for shape in shapes() {
        for spelling in Spelling::ALL {
            let Some(attributes) = shape.attributes(spelling, 1) else {
                continue;
            };
            let span = span(attributes);
            assert_eq!(
                tokens(&span),
                shape.buckets(),
                "{} {spelling:?}",
                shape.name
            );
            if let Some(dollars) = shape.file.get("cost").and_then(Value::as_f64) {
                assert_eq!(
                    span.cost().collect::<Vec<_>>(),
                    [("total", dollars)],
                    "{}",
                    shape.name
                );
            }
            for (key, units) in shape
                .file
                .get("within")
                .and_then(Value::as_object)
                .into_iter()
                .flatten()
            {
                assert_eq!(
                    metadata(&span, key),
                    Some(units.to_string()),
                    "{} {key}",
                    shape.name
                );
            }
            tried += 1;
        }
    }
    println!("{tried} shapes as attributes, by spelling of numbers");
    assert!(tried >= 60, "{tried}");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(16))]

    /// The law for this bridge: by attributes, by buckets that are stated, and by a provider's report that is stated.
    #[test]
    fn the_buckets_of_every_shape_add_up(factor in 1..100_000u64) {
        let mut tried = 0;
        for shape in shapes() {
            for spelling in Spelling::ALL {
                if let Some(attributes) = shape.attributes(spelling, factor) {
                    prop_assert_eq!(sum(&span(attributes)), shape.total() * factor, "{}", shape.name);
                    tried += 1;
                }
            }
            let mut buckets = shape.buckets();
            buckets.values_mut().for_each(|units| *units *= factor);
            let units = ["audio_seconds", "search_units", "images", "pages"];
            buckets.retain(|name, _| !units.contains(&name.as_str()));
            buckets.insert("total".to_owned(), shape.total() * factor);
            let details = serde_json::to_string(&buckets).unwrap();
            let stated = span(vec![KeyValue::new("langfuse.observation.usage_details", details)]);
            prop_assert_eq!(sum(&stated), shape.total() * factor, "{} stated", shape.name);
            tried += 1;
        }
        prop_assert!(tried >= 100, "{} shapes by entry points", tried);
    }
}

#[test]
fn a_providers_report_may_be_stated_as_it_is() {
    let mut tried = 0;
    for shape in shapes() {
        let answer = &shape.file["answer"];
        let report = ["usage", "usageMetadata"]
            .iter()
            .find_map(|key| answer.get(*key));
        let Some(report) = report.filter(|report| report.is_object()) else {
            continue;
        };
        if shape.file["buckets"].get("audio_seconds").is_some() {
            continue;
        }
        let model = answer
            .get("model")
            .or_else(|| answer.get("modelVersion"))
            .or_else(|| shape.file.get("asked"));
        let span = of(&json!({
            "gen_ai.request.model": model.and_then(Value::as_str).unwrap_or("asked"),
            "langfuse.observation.usage_details": report.to_string(),
        }));
        assert_eq!(
            sum(&span),
            shape.total(),
            "{}: {:?}",
            shape.name,
            tokens(&span)
        );
        tried += 1;
    }
    assert!(tried >= 35, "{tried}");
}

#[test]
fn stated_buckets_are_read_in_every_spelling() {
    for (details, expected) in [
        // A16
        (
            r#"{"input":5.0,"output":"6","total":11}"#,
            &[("input", 5), ("output", 6), ("total", 11)][..],
        ),
        (r#"{"input":3,"output":4}"#, &[("input", 3), ("output", 4)]),
        // The total shows that the parts are within.
        (
            r#"{"input":100,"output":50,"input_cached_tokens":80,"total":150}"#,
            &[
                ("input", 20),
                ("output", 50),
                ("input_cached_tokens", 80),
                ("total", 150),
            ],
        ),
        (
            r#"{"input":100,"output":50,"input_cached_tokens":80,"total":230}"#,
            &[
                ("input", 100),
                ("output", 50),
                ("input_cached_tokens", 80),
                ("total", 230),
            ],
        ),
        (
            r#"{"input":1.5,"output":-3,"total":null,"images":2}"#,
            &[("images", 2)],
        ),
        (r#"{"total_tokens":10}"#, &[("input", 10), ("total", 10)]),
        ("[]", &[]),
        ("nonsense", &[]),
    ] {
        let span = of(&json!({ "langfuse.observation.usage_details": details }));
        assert_eq!(span.usage().collect::<Vec<_>>(), expected, "{details}");
    }
}

#[test]
fn a_cost_that_is_stated_is_the_observations() {
    for (attributes, expected) in [
        (
            json!({ "gen_ai.usage.total_cost": 0.25 }),
            &[("total", 0.25)][..],
        ),
        (json!({ "gen_ai.usage.cost": "0.25" }), &[("total", 0.25)]),
        (json!({ "operation.cost": 0.25 }), &[("total", 0.25)]),
        (json!({ "llm.cost.total": 0.25 }), &[("total", 0.25)]),
        (
            json!({ "gen_ai.usage.input_cost": 0.25, "gen_ai.usage.output_cost": 0.5 }),
            &[("input", 0.25), ("output", 0.5)],
        ),
        (
            json!({ "langfuse.observation.cost_details": r#"{"total":"0.5"}"#, "gen_ai.usage.cost": 0.25 }),
            &[("total", 0.5)],
        ),
        (json!({ "gen_ai.usage.cost": -1.0 }), &[]),
    ] {
        let mut attributes = attributes;
        attributes["gen_ai.request.model"] = json!("m");
        let span = of(&attributes);
        assert_eq!(span.cost().collect::<Vec<_>>(), expected, "{attributes}");
    }
}

#[test]
fn a_cost_below_is_not_added_to_the_same_above() {
    let stated = || {
        vec![
            KeyValue::new("gen_ai.request.model", "m"),
            KeyValue::new("gen_ai.usage.input_tokens", 7i64),
            KeyValue::new("gen_ai.usage.cost", 0.25),
        ]
    };
    let kept = recorded(
        |it| it,
        |otel| {
            let agent = start(otel, &Context::new(), "agent", stated());
            start(otel, &agent, "chat", stated()).span().end();
            agent.span().end();
        },
    );
    assert_eq!(kept.named("chat").cost().count(), 1);
    let agent = kept.named("agent");
    assert_eq!((agent.cost().count(), agent.usage().count()), (0, 0));
    assert_eq!(
        metadata(&agent, "gen_ai.usage.cost").as_deref(),
        Some("0.25")
    );
    assert_eq!(
        metadata(&agent, "gen_ai.usage.input_tokens").as_deref(),
        Some("7")
    );
}
