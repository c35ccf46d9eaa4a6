//! Cohere's language.
//! Read by `usage`, as the other tables.

use super::Table;
use crate::record::Count;

/// What is billed is stated beside what was counted.
pub(super) const COHERE: Table = Table {
    places: &[
        "usage",
        // The last event of a stream.
        "delta.usage",
        // Version 1, embeddings and ranking.
        "meta",
    ],
    counts: &[
        (
            Count::Input,
            &["billed_units.input_tokens", "tokens.input_tokens"],
        ),
        (
            Count::Output,
            &["billed_units.output_tokens", "tokens.output_tokens"],
        ),
        (Count::Cached, &["cached_tokens"]),
        (Count::InputImage, &["billed_units.image_tokens"]),
    ],
    has_both: false,
    others: &[
        ("search_units", &["billed_units.search_units"]),
        ("classifications", &["billed_units.classifications"]),
        ("images", &["billed_units.images"]),
    ],
    audio_in_total: None,
    text_apart: &[],
    searches: &[],
    parameters: &[],
};
