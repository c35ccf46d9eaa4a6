//! The languages of servers of open models that state their counts in the answer itself, or beside the text of each result.
//! Read by `usage` after the table of OpenAI, whose reader gets these answers.

use super::Table;
use crate::record::Count;

/// Input includes what was cached.
pub(super) const SERVERS: Table = Table {
    // The second is of a stream that was put together.
    places: &["", "usage"],
    counts: &[
        (
            Count::Input,
            &[
                // llama.cpp's own `/completion`.
                "tokens_evaluated",
                // IBM watsonx.
                "results.*.input_token_count",
                "input_token_count",
                // Text Generation Inference: streamed, and whole if it was asked for the tokens of the prompt.
                "details.input_length",
                "details.prefill.*",
            ],
        ),
        (
            Count::Output,
            &[
                "tokens_predicted",
                "results.*.generated_token_count",
                "generated_token_count",
                "details.generated_tokens",
            ],
        ),
        // `tokens_cached` is what the cache has after the answer.
        (Count::Cached, &["timings.cache_n"]),
    ],
    has_both: false,
    others: &[],
    audio_in_total: None,
    text_apart: &[],
    searches: &[],
    parameters: &[],
};
