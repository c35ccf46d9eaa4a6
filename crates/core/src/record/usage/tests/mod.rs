//! Sums and names of buckets, for every convention and family of models.

mod totals;

use proptest::prelude::*;

use super::*;

fn buckets(usage: &Usage, model: &str) -> Vec<(String, u64)> {
    let settled = usage.settle(Some(model));
    let named = settled.buckets.into_iter();
    named
        .map(|(name, units)| (name.to_owned(), units))
        .collect()
}

#[test]
fn the_buckets_of_each_provider_add_up_to_its_total() {
    for (usage, total) in [
        (
            Usage::openai(2006, 300)
                .cached_tokens(1920)
                .reasoning_tokens(64),
            2306,
        ),
        // A2: what was written to the cache is input too.
        (
            Usage::openai(2600, 10)
                .cached_tokens(2000)
                .cache_write_tokens(400),
            2610,
        ),
        (
            Usage::anthropic(50, 503)
                .cached_tokens(100_000)
                .cache_write_tokens(248),
            100_801,
        ),
        (
            Usage::gemini(1000, 200)
                .cached_tokens(800)
                .reasoning_tokens(90),
            1290,
        ),
        (Usage::new(3, 4).bucket("input_audio_tokens", 5), 12),
        (
            Usage::openai(1000, 10).bucket("input_audio_tokens", 300),
            1010,
        ),
        (
            Usage::openai(1000, 10).bucket("output_audio_tokens", 300),
            1010,
        ),
        (Usage::openai(1000, 10).bucket("characters", 7), 1017),
    ] {
        assert_eq!(usage.sum(), total, "{usage:?}");
    }
}

#[test]
fn what_is_read_and_written_is_taken_from_the_input() {
    let usage = Usage::openai(2600, 10)
        .cached_tokens(2000)
        .cache_write_tokens(400);
    let mut buckets: Vec<_> = usage.buckets().collect();
    buckets.sort_unstable();
    assert_eq!(
        buckets,
        [
            ("input", 200),
            ("input_cache_creation", 400),
            ("input_cached_tokens", 2000),
            ("output", 10)
        ]
    );
}

#[test]
fn parts_larger_than_their_whole_are_cut() {
    let usage = Usage::openai(10, 5).cached_tokens(20).total(15);
    assert_eq!(
        usage.buckets().collect::<Vec<_>>(),
        [
            ("input", 0),
            ("input_cached_tokens", 10),
            ("output", 5),
            ("total", 15)
        ]
    );
    let usage = Usage::openai(10, 5)
        .reasoning_tokens(u64::MAX)
        .cache_write_tokens(u64::MAX);
    assert_eq!(usage.sum(), 15);
}

#[test]
fn the_total_tells_what_includes_what() {
    for (usage, expected) in [
        // xAI counts reasoning on top.
        (
            Usage::openai(37, 530).reasoning_tokens(233).total(800),
            &[
                ("input", 37),
                ("output", 530),
                ("output_reasoning_tokens", 233),
                ("total", 800),
            ][..],
        ),
        // A proxy counts thoughts among the candidates.
        (
            Usage::gemini(10, 50).reasoning_tokens(30).total(60),
            &[
                ("input", 10),
                ("output", 20),
                ("output_reasoning_tokens", 30),
                ("total", 60),
            ],
        ),
        // Only the total has the thoughts.
        (
            Usage::openai(10, 20).total(330),
            &[
                ("input", 10),
                ("output", 20),
                ("output_reasoning_tokens", 300),
                ("total", 330),
            ],
        ),
        // Parts were given although the numbers are totals.
        (
            Usage::new(100, 50).cached_tokens(80).total(150),
            &[
                ("input", 20),
                ("input_cached_tokens", 80),
                ("output", 50),
                ("total", 150),
            ],
        ),
        // A total that nothing gives is not sent when it is too small.
        (
            Usage::openai(10, 20).total(7),
            &[("input", 10), ("output", 20)],
        ),
        (
            Usage::openai(10, 20).total(0),
            &[("input", 10), ("output", 20)],
        ),
        (
            Usage::counted(Convention::OpenAi).total(10),
            &[("input", 10), ("total", 10)],
        ),
    ] {
        assert_eq!(usage.buckets().collect::<Vec<_>>(), expected, "{usage:?}");
    }
}

#[test]
fn a_part_without_a_price_stays_in_its_whole() {
    let read = Usage::counted(Convention::OpenAi)
        .count(Count::Input, 100)
        .count(Count::Output, 2000);
    let usage = read
        .reasoning_tokens(1500)
        .count(Count::AcceptedPrediction, 5)
        .total(2100);
    let settled = usage.settle(Some("anthropic/claude-sonnet-4"));
    assert_eq!(
        settled.buckets,
        [("input", 100), ("output", 2000), ("total", 2100)]
    );
    assert_eq!(
        settled.within,
        [(Count::Reasoning, 1500), (Count::AcceptedPrediction, 5)]
    );
    let settled = usage.settle(Some("o3"));
    assert_eq!(
        settled.buckets,
        [
            ("input", 100),
            ("output", 500),
            ("output_reasoning_tokens", 1500),
            ("total", 2100)
        ]
    );
    assert_eq!(settled.within, [(Count::AcceptedPrediction, 5)]);
}

#[test]
fn what_a_user_states_is_not_changed_by_the_model() {
    let usage = Usage::openai(20, 5)
        .reasoning_tokens(2)
        .bucket("images", 1)
        .total(26);
    let expected = [
        ("input", 20),
        ("output", 3),
        ("output_reasoning_tokens", 2),
        ("images", 1),
        ("total", 26),
    ];
    assert_eq!(usage.settle(Some("gpt-4o")).buckets, expected);
    let usage = Usage::openai(20, 5).bucket("characters", 90).total(25);
    assert_eq!(
        usage.buckets().collect::<Vec<_>>(),
        [
            ("input", 20),
            ("output", 5),
            ("characters", 90),
            ("total", 25)
        ]
    );
}

#[test]
fn text_beside_audio_is_named_as_its_model_prices_it() {
    let read = |input, output| {
        let report = Usage::counted(Convention::OpenAi).count(Count::Input, input);
        report.count(Count::Output, output)
    };
    let usage = read(500, 200)
        .count(Count::InputText, 120)
        .count(Count::InputAudio, 380)
        .count(Count::Cached, 384)
        .count(Count::CachedText, 64)
        .count(Count::CachedAudio, 320)
        .count(Count::OutputText, 50)
        .count(Count::OutputAudio, 150)
        .with_text_apart();
    let apart = [
        ("input_text_tokens", 56),
        ("input_cached_text_tokens", 64),
        ("input_audio_tokens", 60),
        ("input_cached_audio_tokens", 320),
        ("output_text_tokens", 50),
        ("output_audio_tokens", 150),
    ];
    let named = |buckets: &[(&str, u64)]| -> Vec<(String, u64)> {
        let owned = buckets
            .iter()
            .map(|(name, units)| ((*name).to_owned(), *units));
        owned.collect()
    };
    for model in ["asked", "gpt-4o-realtime-preview"] {
        assert_eq!(buckets(&usage, model), named(&apart), "{model}");
    }
    assert_eq!(
        buckets(&usage, "gpt-4o"),
        named(&[
            ("input", 116),
            ("input_cached_tokens", 384),
            ("output", 200)
        ])
    );
    assert_eq!(
        buckets(&usage, "gpt-4o-audio-preview"),
        named(&[
            ("input_text_tokens", 120),
            ("input_audio_tokens", 380),
            ("output_text_tokens", 50),
            ("output_audio_tokens", 150),
        ])
    );
    assert_eq!(
        buckets(&read(7, 3), "gpt-realtime"),
        named(&[("input_text_tokens", 7), ("output_text_tokens", 3)])
    );
}

fn any_usage() -> impl Strategy<Value = Usage> {
    const CONVENTIONS: &[Convention] = &[
        Convention::Disjoint,
        Convention::OpenAi,
        Convention::Anthropic,
        Convention::Gemini,
        Convention::Attributes,
    ];
    const COUNTS: &[Count] = &[
        Count::Input,
        Count::Output,
        Count::Cached,
        Count::CachedText,
        Count::CachedAudio,
        Count::CacheWrite,
        Count::CacheWrite5m,
        Count::CacheWrite1h,
        Count::InputAudio,
        Count::InputImage,
        Count::ToolUse,
        Count::Reasoning,
        Count::OutputAudio,
        Count::OutputImage,
        Count::AcceptedPrediction,
        Count::InputText,
    ];
    let units = prop_oneof![Just(0u64), 0..1000u64, Just(u64::MAX)];
    let parts = prop::collection::vec((prop::sample::select(COUNTS), units), 0..9);
    (prop::sample::select(CONVENTIONS), parts, any::<bool>()).prop_map(
        |(convention, parts, apart)| {
            let usage = Usage::counted(convention);
            let usage = parts
                .into_iter()
                .fold(usage, |usage, (count, units)| usage.count(count, units));
            if apart {
                usage.with_text_apart()
            } else {
                usage
            }
        },
    )
}

proptest! {
    /// Which parts a model has prices for changes the names of buckets, never their sum.
    #[test]
    fn the_sum_is_the_same_for_every_family(usage in any_usage()) {
        let sum = usage.sum();
        for model in ["claude-opus-5", "o3", "gpt-4o", "gpt-4o-audio-preview", "gpt-realtime", "gemini-2.0-flash", "gemini-2.5-flash"] {
            let settled = usage.settle(Some(model));
            prop_assert_eq!(buckets::sum(&settled.buckets), sum, "{}: {:?}", model, settled);
        }
    }

    /// The short way gives what the long way gives.
    #[test]
    fn a_plain_usage_is_the_same_settled(input in 0..9u64, output in 0..9u64, cached in 0..3u64, total in 0..20u64) {
        for usage in [Usage::new(input, output), Usage::new(input, output).total(total), Usage::new(input, output).cached_tokens(cached).total(total)] {
            if let Some(plain) = usage.plain() {
                prop_assert_eq!(plain.collect::<Vec<_>>(), usage.settle(Some("o3")).buckets);
            }
        }
    }

    /// The order in which counts are given changes nothing.
    #[test]
    fn the_order_of_calls_changes_no_bucket(input in 0..5000u64, output in 0..5000u64, cached in 0..6000u64, write in 0..6000u64, reasoning in 0..6000u64) {
        let one = Usage::openai(input, output).cached_tokens(cached).cache_write_tokens(write).reasoning_tokens(reasoning).total(input + output);
        let two = Usage::openai(input, output).total(input + output).reasoning_tokens(reasoning).cache_write_tokens(write).cached_tokens(cached);
        prop_assert_eq!(one.buckets().collect::<Vec<_>>(), two.buckets().collect::<Vec<_>>());
        prop_assert_eq!(one.sum(), input + output);
    }

    /// A total that is at least input and output is what the buckets add up to.
    #[test]
    fn the_buckets_add_up_to_a_stated_total(usage in any_usage(), input in 0..5000u64, output in 0..5000u64, more in 0..9000u64) {
        let usage = usage.count(Count::Input, input).count(Count::Output, output);
        let least = usage.sum();
        let total = least.saturating_add(more);
        let usage = usage.total(total);
        prop_assert!(usage.sum() <= total || total == 0, "{:?}", usage);
        if usage.convention != Convention::Disjoint {
            prop_assert_eq!(usage.sum(), total.max(input + output));
        }
    }
}
