//! The names of buckets, and which bucket is a part of which.
//! Used by `buckets` and `report`; knows no units.

use super::family::Family;

/// Searches of the web: the bucket that Langfuse prices. They are no tokens.
pub(super) const SEARCHES: &str = "web_search_queries";

/// The bucket that a bucket of this name is, or is a part of, if it is one of tokens.
pub(super) fn side_of(name: &str) -> Option<&'static str> {
    if name.starts_with("input") || name.starts_with("cache_") {
        Some("input")
    } else if name.starts_with("output") || name.starts_with("reasoning_") {
        Some("output")
    } else {
        None
    }
}

/// The bucket that a bucket of this name is a part of.
pub(super) fn whole_of(name: &str) -> Option<&'static str> {
    side_of(name).filter(|whole| *whole != name)
}

/// The names of buckets that a family has.
pub(super) struct Names {
    pub(super) input: &'static str,
    pub(super) input_audio: &'static str,
    pub(super) input_image: &'static str,
    pub(super) output: &'static str,
    pub(super) output_audio: &'static str,
    pub(super) output_image: &'static str,
    pub(super) reasoning: &'static str,
}

impl Names {
    pub(super) fn of(family: Family, text: bool) -> Self {
        let short = family.short_names();
        let name = |short_name, long_name| if short { short_name } else { long_name };
        Self {
            input: if text {
                name("input_text", "input_text_tokens")
            } else {
                "input"
            },
            input_audio: name("input_audio", "input_audio_tokens"),
            input_image: name("input_image", "input_image_tokens"),
            output: if text {
                name("output_text", "output_text_tokens")
            } else {
                "output"
            },
            output_audio: name("output_audio", "output_audio_tokens"),
            output_image: name("output_image", "output_image_tokens"),
            reasoning: "output_reasoning_tokens",
        }
    }
}
