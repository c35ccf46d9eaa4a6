//! The shapes of usage (`crates/core/tests/data/usage/`) as fields of spans, in every type that a field has.

use std::collections::BTreeMap;
use std::path::Path;

use proptest::prelude::*;
use serde_json::Value;
use tracefuse_core::record::SpanRecord;
use tracing::field::Empty;
use tracing::info_span;

use crate::support::recorded;

/// How a number is recorded.
#[derive(Clone, Copy, Debug)]
enum Field {
    U64,
    I64,
    F64,
    Text,
    Debug,
}

impl Field {
    const ALL: [Self; 5] = [Self::U64, Self::I64, Self::F64, Self::Text, Self::Debug];

    fn record(self, span: &tracing::Span, name: &str, units: u64) {
        match self {
            Self::U64 => span.record(name, units),
            Self::I64 => span.record(name, i64::try_from(units).unwrap()),
            Self::F64 => span.record(name, units as f64),
            Self::Text => span.record(name, units.to_string().as_str()),
            Self::Debug => span.record(name, tracing::field::debug(units)),
        };
    }
}

/// A span that has a field for every name in the shapes: fields are fixed when a program is compiled.
fn span() -> tracing::Span {
    info_span!(
        "chat",
        gen_ai.operation.name = Empty,
        gen_ai.provider.name = Empty,
        gen_ai.request.model = Empty,
        gen_ai.response.model = Empty,
        gen_ai.usage.input_tokens = Empty,
        gen_ai.usage.output_tokens = Empty,
        gen_ai.usage.total_tokens = Empty,
        gen_ai.usage.prompt_tokens = Empty,
        gen_ai.usage.completion_tokens = Empty,
        gen_ai.usage.cached_tokens = Empty,
        gen_ai.usage.cache_read_input_tokens = Empty,
        gen_ai.usage.cache_read.input_tokens = Empty,
        gen_ai.usage.cache_read.text.input_tokens = Empty,
        gen_ai.usage.cache_read.audio.input_tokens = Empty,
        gen_ai.usage.cache_creation.input_tokens = Empty,
        gen_ai.usage.cache_creation.ephemeral_5m_input_tokens = Empty,
        gen_ai.usage.cache_creation.ephemeral_1h_input_tokens = Empty,
        gen_ai.usage.cache_write.input_tokens = Empty,
        gen_ai.usage.text.input_tokens = Empty,
        gen_ai.usage.audio.input_tokens = Empty,
        gen_ai.usage.image.input_tokens = Empty,
        gen_ai.usage.text.output_tokens = Empty,
        gen_ai.usage.audio.output_tokens = Empty,
        gen_ai.usage.reasoning_tokens = Empty,
        gen_ai.usage.reasoning.output_tokens = Empty,
        gen_ai.usage.tool_use_prompt_tokens = Empty,
        gen_ai.usage.accepted_prediction_tokens = Empty,
        gen_ai.usage.rejected_prediction_tokens = Empty,
        gen_ai.usage.cost = Empty,
        gen_ai.usage.num_sources_used = Empty,
        gen_ai.usage.total_cost = Empty,
        langfuse.observation.usage_details = Empty,
    )
}

fn shapes() -> Vec<(String, Value)> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../core/tests/data/usage");
    let files = std::fs::read_dir(folder)
        .unwrap()
        .map(|file| file.unwrap().path());
    let mut shapes: Vec<_> = files
        .map(|path| {
            let name = path.file_stem().unwrap().to_string_lossy().into_owned();
            let text = std::fs::read_to_string(path).unwrap();
            (name, serde_json::from_str(&text).unwrap())
        })
        .collect();
    shapes.sort_by(|(a, _): &(String, Value), (b, _)| a.cmp(b));
    shapes
}

/// What is recorded of a shape with every count multiplied; `None` if no attributes have it.
fn of(shape: &Value, field: Field, factor: u64) -> Option<SpanRecord> {
    let attributes = shape.get("attributes")?.as_object()?;
    let kept = recorded(
        |layer| layer,
        |_| {
            let span = span();
            for (name, value) in attributes {
                assert!(span.has_field(name.as_str()), "{name}");
                match value {
                    Value::String(text) => {
                        span.record(name.as_str(), text.as_str());
                    }
                    value => match value.as_u64() {
                        Some(units) => field.record(&span, name, units * factor),
                        None => {
                            span.record(name.as_str(), value.as_f64().unwrap());
                        }
                    },
                }
            }
        },
    );
    Some(kept.only())
}

fn stated(details: &str) -> SpanRecord {
    let kept = recorded(
        |layer| layer,
        |_| {
            span().record("langfuse.observation.usage_details", details);
        },
    );
    kept.only()
}

fn buckets(span: &SpanRecord) -> BTreeMap<String, u64> {
    let tokens = span.usage().filter(|(name, _)| *name != "total");
    tokens
        .map(|(name, units)| (name.to_owned(), units))
        .collect()
}

fn expected(shape: &Value) -> BTreeMap<String, u64> {
    let buckets: BTreeMap<String, u64> = serde_json::from_value(shape["buckets"].clone()).unwrap();
    let named = buckets
        .into_iter()
        .map(|(name, units)| match name.as_str() {
            "cache_read_input_tokens" => ("input_cached_tokens".to_owned(), units),
            "cache_creation_input_tokens" => ("input_cache_creation".to_owned(), units),
            _ => (name, units),
        });
    named
        .filter(|(name, _)| name != "web_search_queries")
        .collect()
}

#[test]
fn fields_of_every_shape_give_the_buckets_that_are_billed() {
    let mut tried = 0;
    for (name, shape) in shapes() {
        for field in Field::ALL {
            let Some(span) = of(&shape, field, 1) else {
                continue;
            };
            assert_eq!(buckets(&span), expected(&shape), "{name} {field:?}");
            tried += 1;
        }
    }
    println!("{tried} shapes as fields, by type of field");
    assert!(tried >= 100, "{tried}");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(16))]

    /// The law for this bridge: by fields, and by buckets that are stated.
    #[test]
    fn the_buckets_of_every_shape_add_up(factor in 1..100_000u64) {
        for (name, shape) in shapes() {
            let total = shape["total"].as_u64().unwrap() * factor;
            for field in Field::ALL {
                if let Some(span) = of(&shape, field, factor) {
                    prop_assert_eq!(buckets(&span).values().sum::<u64>(), total, "{}", name);
                }
            }
            let mut details = expected(&shape);
            details.retain(|name, _| name.starts_with("input") || name.starts_with("output"));
            details.values_mut().for_each(|units| *units *= factor);
            details.insert("total".to_owned(), total);
            let span = stated(&serde_json::to_string(&details).unwrap());
            prop_assert_eq!(buckets(&span).values().sum::<u64>(), total, "{} stated", name);
        }
    }
}

#[test]
fn a_count_may_be_recorded_again_as_it_grows() {
    let kept = recorded(
        |layer| layer,
        |_| {
            let span = span();
            for units in [10u64, 200, 1000] {
                span.record("gen_ai.usage.input_tokens", units);
                span.record("gen_ai.usage.cache_write.input_tokens", units / 2);
            }
        },
    );
    let span = kept.only();
    assert_eq!(
        span.usage().collect::<Vec<_>>(),
        [("input", 500), ("input_cache_creation", 500)]
    );
}

/// What a span costs by the prices of Claude Sonnet 4 in Langfuse's table; a bucket that is not in it costs nothing.
fn dollars(span: &SpanRecord) -> f64 {
    let price = |bucket: &str| match bucket {
        "input" => 3e-6,
        "output" => 15e-6,
        "input_cached_tokens" => 0.3e-6,
        "input_cache_creation" => 3.75e-6,
        _ => 0.0,
    };
    span.usage()
        .map(|(bucket, units)| units as f64 * price(bucket))
        .sum()
}

#[test]
fn what_claude_counts_is_priced() {
    let claude = |counts: &[(&str, u64)]| {
        let kept = recorded(
            |layer| layer,
            |_| {
                let span = span();
                span.record("gen_ai.request.model", "claude-sonnet-4-20250514");
                for (name, units) in counts {
                    span.record(*name, *units);
                }
            },
        );
        kept.only()
    };
    let written = claude(&[
        ("gen_ai.usage.input_tokens", 100_005),
        ("gen_ai.usage.cache_creation.input_tokens", 100_000),
        ("gen_ai.usage.output_tokens", 100),
    ]);
    assert_eq!(
        written.usage().collect::<Vec<_>>(),
        [
            ("input", 5),
            ("input_cache_creation", 100_000),
            ("output", 100)
        ]
    );
    assert!((dollars(&written) - 0.376_515).abs() < 1e-9);
    let thinking = claude(&[
        ("gen_ai.usage.input_tokens", 100),
        ("gen_ai.usage.output_tokens", 2000),
        ("gen_ai.usage.reasoning.output_tokens", 1500),
    ]);
    assert!((dollars(&thinking) - 0.0303).abs() < 1e-9);
    let split = thinking
        .metadata()
        .find(|(key, _)| key.ends_with("reasoning.output_tokens"));
    assert_eq!(
        split.map(|(_, units)| units.to_string()).as_deref(),
        Some("1500")
    );
}

#[test]
fn a_stated_cost_is_the_cost_of_the_observation() {
    type Write = fn(&tracing::Span, &str);
    let writes: [Write; 3] = [
        |span, name| _ = span.record(name, 0.25),
        |span, name| _ = span.record(name, "0.25"),
        |span, name| _ = span.record(name, tracing::field::debug(0.25)),
    ];
    for write in writes {
        let kept = recorded(
            |layer| layer,
            |_| {
                let span = span();
                span.record("gen_ai.request.model", "gpt-4o");
                span.record("gen_ai.usage.input_tokens", 1000_u64);
                write(&span, "gen_ai.usage.total_cost");
            },
        );
        let span = kept.only();
        assert_eq!(span.cost().collect::<Vec<_>>(), [("total", 0.25)]);
        assert_eq!(span.usage().collect::<Vec<_>>(), [("input", 1000)]);
    }
}

#[test]
fn the_model_that_answered_and_the_one_asked_for_are_both_known() {
    for answered_first in [false, true] {
        let kept = recorded(
            |layer| layer,
            |_| {
                let span = span();
                let mut models = vec![
                    ("gen_ai.request.model", "gpt-4o"),
                    ("gen_ai.response.model", "gpt-4o-2024-08-06"),
                ];
                if answered_first {
                    models.reverse();
                }
                for (name, model) in models {
                    span.record(name, model);
                }
            },
        );
        let span = kept.only();
        assert_eq!(
            (span.model(), span.request_model(), span.response_model()),
            (
                Some("gpt-4o-2024-08-06"),
                Some("gpt-4o"),
                Some("gpt-4o-2024-08-06")
            )
        );
    }
}
