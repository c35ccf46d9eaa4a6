//! Ollama's own language.
//! Read by `usage`, as the other tables.

use super::Table;
use crate::record::Count;

/// The counts are in the answer itself.
pub(super) const OLLAMA: Table = Table {
    places: &[""],
    counts: &[
        (Count::Input, &["prompt_eval_count"]),
        (Count::Output, &["eval_count"]),
    ],
    has_both: false,
    others: &[],
    audio_in_total: None,
    text_apart: &[],
    searches: &[],
    parameters: &[],
};
