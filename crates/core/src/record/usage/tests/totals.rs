//! What a total includes, and usage in which nothing is to be decided.
//! Run by the tests of `usage`.

use super::super::*;

/// Which counts include which others, for totals at the edges and for parts of several kinds.
#[test]
fn what_a_total_includes_is_decided_by_the_fewest_changes() {
    let attributes = |input: u64, output: u64| {
        let usage = Usage::counted(Convention::Attributes);
        usage
            .count(Count::Input, input)
            .count(Count::Output, output)
    };
    let read = || Usage::counted(Convention::OpenAi);
    for (usage, expected) in [
        // The cache's writes alone are on top, and not both other parts.
        (
            Usage::openai(100, 50)
                .reasoning_tokens(4)
                .cached_tokens(6)
                .cache_write_tokens(10)
                .total(160),
            &[
                ("input", 94),
                ("input_cached_tokens", 6),
                ("input_cache_creation", 10),
                ("output", 46),
                ("output_reasoning_tokens", 4),
                ("total", 160),
            ][..],
        ),
        // Units that are no tokens may be in the total.
        (
            Usage::openai(20, 5)
                .reasoning_tokens(2)
                .bucket("images", 1)
                .total(28),
            &[
                ("input", 20),
                ("output", 5),
                ("output_reasoning_tokens", 2),
                ("images", 1),
                ("total", 28),
            ],
        ),
        // A part that is larger than its whole is counted apart.
        (
            attributes(10, 5).cached_tokens(20),
            &[("input", 10), ("input_cached_tokens", 20), ("output", 5)],
        ),
        (
            attributes(10, 5).cached_tokens(10),
            &[("input", 0), ("input_cached_tokens", 10), ("output", 5)],
        ),
        (
            attributes(10, 5).cached_tokens(9),
            &[("input", 1), ("input_cached_tokens", 9), ("output", 5)],
        ),
        (
            attributes(10, 5).reasoning_tokens(6),
            &[("input", 10), ("output", 5), ("output_reasoning_tokens", 6)],
        ),
        (
            attributes(10, 5).reasoning_tokens(5),
            &[("input", 10), ("output", 0), ("output_reasoning_tokens", 5)],
        ),
        (
            attributes(10, 5).reasoning_tokens(4),
            &[("input", 10), ("output", 1), ("output_reasoning_tokens", 4)],
        ),
        // Totals that say nothing about what is left out.
        (Usage::openai(0, 0).total(0), &[("input", 0), ("output", 0)]),
        (
            read().count(Count::Output, 5).total(5),
            &[("output", 5), ("total", 5)],
        ),
        (
            read().count(Count::Input, 5).total(5),
            &[("input", 5), ("total", 5)],
        ),
        (
            read().count(Count::Input, 5).total(8),
            &[("input", 5), ("output", 3), ("total", 8)],
        ),
        (
            read().count(Count::Output, 5).total(8),
            &[("input", 3), ("output", 5), ("total", 8)],
        ),
        // Where no count includes another one, what only the total has is nothing else.
        (
            Usage::new(3, 4).total(9),
            &[("input", 3), ("output", 4), ("total", 9)],
        ),
        (
            Usage::new(10, 4).count(Count::InputAudio, 5),
            &[("input", 10), ("input_audio_tokens", 5), ("output", 4)],
        ),
        (
            Usage::openai(10, 4).count(Count::InputAudio, 5),
            &[("input", 5), ("input_audio_tokens", 5), ("output", 4)],
        ),
        // A bucket of a name is a part of the whole with its beginning.
        (
            Usage::openai(1000, 10).bucket("input_audio_tokens", 300),
            &[("input", 700), ("output", 10), ("input_audio_tokens", 300)],
        ),
        (
            Usage::openai(1000, 10).bucket("output_audio_tokens", 7),
            &[("input", 1000), ("output", 3), ("output_audio_tokens", 7)],
        ),
        // Langfuse would add searches to the tokens.
        (
            Usage::openai(10, 20).count(Count::Searches, 2),
            &[
                ("input", 10),
                ("output", 20),
                ("web_search_queries", 2),
                ("total", 30),
            ],
        ),
        (
            Usage::openai(10, 20).count(Count::Searches, 0),
            &[("input", 10), ("output", 20)],
        ),
        (
            read().count(Count::Searches, 2),
            &[("web_search_queries", 2)],
        ),
    ] {
        assert_eq!(usage.buckets().collect::<Vec<_>>(), expected, "{usage:?}");
    }
    let none = Usage::openai(1, 2).count(Count::Sources, 0);
    assert_eq!(none.settle(None).within, []);
    let some = Usage::openai(1, 2).count(Count::Sources, 3);
    assert_eq!(some.settle(None).within, [(Count::Sources, 3)]);
}

/// Where nothing is to be decided, the buckets are what was given.
#[test]
fn a_plain_usage_is_sent_as_it_was_given() {
    for (usage, expected) in [
        (Usage::new(3, 4), Some(vec![("input", 3), ("output", 4)])),
        (
            Usage::new(3, 4).total(7),
            Some(vec![("input", 3), ("output", 4), ("total", 7)]),
        ),
        (Usage::new(3, 4).total(9), None),
        (Usage::new(0, 0).total(0), None),
        (Usage::new(3, 4).total(1), None),
        (Usage::new(3, 4).cached_tokens(1), None),
        (Usage::new(3, 4).bucket("pages", 1), None),
        (Usage::openai(3, 4), None),
        (Usage::default(), None),
    ] {
        let plain = usage.plain().map(Iterator::collect::<Vec<_>>);
        assert_eq!(plain, expected, "{usage:?}");
    }
}
