//! What attributes count, in the names of each convention.

use super::*;

fn tokens(counts: &[(&str, u64)]) -> Tokens {
    let mut tokens = Tokens::default();
    for (name, count) in counts {
        assert!(tokens.take(&format!("gen_ai.usage.{name}"), name, &Value::U64(*count)));
    }
    tokens
}

fn buckets(counts: &[(&str, u64)]) -> Vec<(String, u64)> {
    let tokens = tokens(counts);
    let usage = tokens.to_usage().0.unwrap();
    let buckets = usage
        .buckets()
        .map(|(name, units)| (name.to_owned(), units));
    buckets.collect()
}

fn named(buckets: &[(&str, u64)]) -> Vec<(String, u64)> {
    let named = buckets.iter();
    named
        .map(|(name, units)| ((*name).to_owned(), *units))
        .collect()
}

#[test]
fn what_is_part_of_a_count_is_not_counted_twice() {
    for (counts, expected) in [
        (
            &[
                ("input_tokens", 1000),
                ("cache_read.input_tokens", 400),
                ("cache_creation.input_tokens", 100),
                ("output_tokens", 200),
                ("reasoning_tokens", 150),
            ][..],
            &[
                ("input", 500),
                ("input_cached_tokens", 400),
                ("input_cache_creation", 100),
                ("output", 50),
                ("output_reasoning_tokens", 150),
            ][..],
        ),
        // A1
        (
            &[
                ("input_tokens", 100_005),
                ("cache_creation.input_tokens", 100_000),
                ("output_tokens", 100),
            ],
            &[
                ("input", 5),
                ("input_cache_creation", 100_000),
                ("output", 100),
            ],
        ),
        // A3: the names of GenAI conventions 0.1.0.
        (
            &[
                ("input_tokens", 1000),
                ("cache_write.input_tokens", 800),
                ("output_tokens", 10),
            ],
            &[
                ("input", 200),
                ("input_cache_creation", 800),
                ("output", 10),
            ],
        ),
        // A4
        (
            &[
                ("input_tokens", 1000),
                ("text.input_tokens", 700),
                ("audio.input_tokens", 300),
                ("output_tokens", 10),
            ],
            &[("input", 700), ("input_audio_tokens", 300), ("output", 10)],
        ),
        // A5: pydantic-ai and logfire.
        (
            &[
                ("input_tokens", 130_213),
                ("output_tokens", 500),
                ("details.cache_read_tokens", 128_955),
                ("details.cache_write_tokens", 1253),
                ("details.input_tokens", 5),
            ],
            &[
                ("input", 5),
                ("input_cached_tokens", 128_955),
                ("input_cache_creation", 1253),
                ("output", 500),
            ],
        ),
        // A6: rig with Gemini.
        (
            &[
                ("input_tokens", 300),
                ("output_tokens", 70),
                ("cache_read.input_tokens", 60),
                ("tool_use_prompt_tokens", 200),
                ("reasoning_tokens", 50),
            ],
            &[
                ("input", 240),
                ("input_cached_tokens", 60),
                ("output", 20),
                ("output_reasoning_tokens", 50),
            ],
        ),
        // A part larger than the whole was counted apart.
        (
            &[
                ("input_tokens", 50),
                ("cache_read_input_tokens", 100_000),
                ("output_tokens", 7),
            ],
            &[
                ("input", 50),
                ("input_cached_tokens", 100_000),
                ("output", 7),
            ],
        ),
        // OpenInference.
        (
            &[
                ("prompt", 100),
                ("completion", 30),
                ("total", 130),
                ("prompt_details.cache_read", 60),
                ("completion_details.reasoning", 10),
            ],
            &[
                ("input", 40),
                ("input_cached_tokens", 60),
                ("output", 20),
                ("output_reasoning_tokens", 10),
                ("total", 130),
            ],
        ),
    ] {
        assert_eq!(buckets(counts), named(expected), "{counts:?}");
    }
}

#[test]
fn a_count_of_an_unknown_name_is_not_added_to_a_total() {
    let with_total = tokens(&[
        ("input_tokens", 100),
        ("output_tokens", 5),
        ("magic_tokens", 40),
    ]);
    let (usage, left) = with_total.to_usage();
    assert_eq!(usage.unwrap().sum(), 105);
    assert_eq!(left, [("gen_ai.usage.magic_tokens", 40)]);
    let alone = tokens(&[("characters", 40)]);
    let (usage, left) = alone.to_usage();
    assert_eq!(
        usage.unwrap().buckets().collect::<Vec<_>>(),
        [("characters", 40)]
    );
    assert!(left.is_empty());
}

#[test]
fn both_generations_of_names_are_one_count_and_zeros_are_nothing() {
    let both = [
        ("prompt_tokens", 3),
        ("input_tokens", 3),
        ("completion_tokens", 4),
    ];
    assert_eq!(buckets(&both), named(&[("input", 3), ("output", 4)]));
    let zeros = tokens(&[("input_tokens", 0), ("reasoning_tokens", 0)]);
    assert!(zeros.is_empty() && !tokens(&both).is_empty());
    let cached = [
        ("input_tokens", 9),
        ("cache_read.input_tokens", 4),
        ("cache_read_input_tokens", 0),
    ];
    assert_eq!(
        buckets(&cached),
        named(&[("input", 5), ("input_cached_tokens", 4)])
    );
    assert!(!Tokens::default().take("input_tokens", "input_tokens", &Value::Bool(true)));
}

#[test]
fn the_last_report_of_a_name_counts() {
    let mut tokens = tokens(&[("input_tokens", 3)]);
    for value in [
        Value::F64(1000.0),
        Value::Str("1000".into()),
        Value::I64(1000),
    ] {
        assert!(tokens.take("gen_ai.usage.input_tokens", "input_tokens", &value));
        assert_eq!(tokens.to_usage().0.unwrap().sum(), 1000);
    }
    for value in [
        Value::F64(0.5),
        Value::I64(-3),
        Value::Str("x".into()),
        Value::F64(f64::NAN),
    ] {
        assert!(!tokens.take("gen_ai.usage.input_tokens", "input_tokens", &value));
    }
}

#[test]
fn a_stated_cost_is_the_total_or_its_parts() {
    let mut tokens = Tokens::default();
    assert!(tokens.cost().is_none());
    assert!(tokens.take_cost("input_cost", &Value::F64(0.25)));
    assert!(tokens.take_cost("output_cost", &Value::Str("0.5".into())));
    let buckets = |tokens: &Tokens| -> Vec<(String, f64)> {
        let cost = tokens.cost().unwrap();
        cost.buckets()
            .map(|(name, dollars)| (name.to_owned(), dollars))
            .collect()
    };
    assert_eq!(
        buckets(&tokens),
        [("input".to_owned(), 0.25), ("output".to_owned(), 0.5)]
    );
    assert!(tokens.take_cost("total_cost", &Value::F64(0.8)));
    assert_eq!(buckets(&tokens), [("total".to_owned(), 0.8)]);
    for value in [
        Value::F64(-1.0),
        Value::F64(f64::INFINITY),
        Value::Bool(true),
    ] {
        assert!(!tokens.take_cost("total_cost", &value));
    }
    assert!(!tokens.take_cost("other", &Value::F64(1.0)));
}

#[test]
fn counts_beyond_the_limit_are_no_counts() {
    let mut tokens = Tokens::default();
    let taken = (0..100_000u64).filter(|n| {
        let name = format!("part_{n}");
        tokens.take(&format!("gen_ai.usage.{name}"), &name, &Value::U64(1))
    });
    assert_eq!(taken.count(), MAX_COUNTS);
    // A count that is known can be reported again.
    assert!(tokens.take("gen_ai.usage.part_7", "part_7", &Value::U64(2)));
    let usage = tokens.to_usage().0.unwrap();
    assert_eq!(usage.buckets().map(|(_, units)| units).sum::<u64>(), 129);
}
