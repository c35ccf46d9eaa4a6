//! Usage buckets as the token counts of OpenTelemetry's conventions, whose totals include their parts.
//! Called by `mapping` and `openinference`. A table of buckets; our buckets are disjoint, so each is added to all counts it is part of.

use tracefuse_exporter::record::SpanRecord;

pub(crate) const INPUT: &str = "gen_ai.usage.input_tokens";
pub(crate) const OUTPUT: &str = "gen_ai.usage.output_tokens";
pub(crate) const CACHE_READ: &str = "gen_ai.usage.cache_read.input_tokens";
pub(crate) const CACHE_WRITE: &str = "gen_ai.usage.cache_write.input_tokens";
pub(crate) const REASONING: &str = "gen_ai.usage.reasoning.output_tokens";
const TEXT_IN: &str = "gen_ai.usage.text.input_tokens";
pub(crate) const AUDIO_IN: &str = "gen_ai.usage.audio.input_tokens";
const IMAGE_IN: &str = "gen_ai.usage.image.input_tokens";
const VIDEO_IN: &str = "gen_ai.usage.video.input_tokens";
const TEXT_READ: &str = "gen_ai.usage.text.cache_read.input_tokens";
const AUDIO_READ: &str = "gen_ai.usage.audio.cache_read.input_tokens";
const IMAGE_READ: &str = "gen_ai.usage.image.cache_read.input_tokens";
const TEXT_OUT: &str = "gen_ai.usage.text.output_tokens";
pub(crate) const AUDIO_OUT: &str = "gen_ai.usage.audio.output_tokens";
const IMAGE_OUT: &str = "gen_ai.usage.image.output_tokens";

/// The older names of counts, for backends that do not read the ones of version 0.1.0 yet.
const OLDER: &[(&str, &str)] = &[
    (INPUT, "gen_ai.usage.prompt_tokens"),
    (OUTPUT, "gen_ai.usage.completion_tokens"),
    (CACHE_WRITE, "gen_ai.usage.cache_creation.input_tokens"),
];

/// The counts that a bucket is part of, and whether they say all that the bucket's name says.
pub(crate) fn counts_of(bucket: &str) -> (&'static [&'static str], bool) {
    let counts: &[&str] = match bucket {
        "input" => &[INPUT],
        "output" => &[OUTPUT],
        "input_cached_tokens" | "cache_read_input_tokens" | "input_cache_read" => {
            &[INPUT, CACHE_READ]
        }
        "input_cache_creation"
        | "input_cache_creation_tokens"
        | "cache_creation_input_tokens"
        | "cache_write_tokens" => &[INPUT, CACHE_WRITE],
        // How long they are kept has no name in the conventions.
        "input_cache_creation_5m" | "input_cache_creation_1h" => {
            return (&[INPUT, CACHE_WRITE], false);
        }
        "input_text_tokens" => &[INPUT, TEXT_IN],
        "input_audio_tokens" => &[INPUT, AUDIO_IN],
        "input_image_tokens" => &[INPUT, IMAGE_IN],
        "input_video_tokens" => &[INPUT, VIDEO_IN],
        "input_cached_text_tokens" => &[INPUT, CACHE_READ, TEXT_IN, TEXT_READ],
        "input_cached_audio_tokens" => &[INPUT, CACHE_READ, AUDIO_IN, AUDIO_READ],
        "input_cached_image_tokens" => &[INPUT, CACHE_READ, IMAGE_IN, IMAGE_READ],
        "output_reasoning_tokens" => &[OUTPUT, REASONING],
        "output_text_tokens" => &[OUTPUT, TEXT_OUT],
        "output_audio_tokens" => &[OUTPUT, AUDIO_OUT],
        "output_image_tokens" => &[OUTPUT, IMAGE_OUT],
        _ if bucket.starts_with("input") || bucket.starts_with("cache_") => {
            return (&[INPUT], false);
        }
        _ if bucket.starts_with("output") => return (&[OUTPUT], false),
        _ => return (&[], false),
    };
    (counts, true)
}

/// The token counts of a span, in the order in which they were met.
pub(crate) fn counts(record: &SpanRecord, older_too: bool) -> Vec<(&'static str, u64)> {
    let mut counts: Vec<(&'static str, u64)> = Vec::new();
    let mut add = |name: &'static str, units: u64| match counts
        .iter_mut()
        .find(|(known, _)| *known == name)
    {
        Some((_, sum)) => *sum = sum.saturating_add(units),
        None => counts.push((name, units)),
    };
    for (bucket, units) in record.usage() {
        for name in counts_of(bucket).0 {
            add(name, units);
            let older = OLDER.iter().find(|(new, _)| older_too && new == name);
            if let Some((_, older)) = older {
                add(older, units);
            }
        }
    }
    counts
}

/// The buckets of a span whose names say more than the counts do.
pub(crate) fn unnamed(record: &SpanRecord) -> impl Iterator<Item = (&str, u64)> {
    record.usage().filter(|(bucket, _)| !counts_of(bucket).1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_bucket_counts_where_the_conventions_have_a_name() {
        let read = [INPUT, CACHE_READ];
        let write = [INPUT, CACHE_WRITE];
        for (bucket, counts, says_all) in [
            ("input", &[INPUT][..], true),
            ("output", &[OUTPUT], true),
            ("input_cached_tokens", &read, true),
            ("cache_read_input_tokens", &read, true),
            ("input_cache_read", &read, true),
            ("input_cache_creation", &write, true),
            ("input_cache_creation_tokens", &write, true),
            ("cache_creation_input_tokens", &write, true),
            ("cache_write_tokens", &write, true),
            ("input_cache_creation_5m", &write, false),
            ("input_cache_creation_1h", &write, false),
            ("input_text_tokens", &[INPUT, TEXT_IN], true),
            ("input_audio_tokens", &[INPUT, AUDIO_IN], true),
            ("input_image_tokens", &[INPUT, IMAGE_IN], true),
            ("input_video_tokens", &[INPUT, VIDEO_IN], true),
            (
                "input_cached_text_tokens",
                &[INPUT, CACHE_READ, TEXT_IN, TEXT_READ],
                true,
            ),
            (
                "input_cached_audio_tokens",
                &[INPUT, CACHE_READ, AUDIO_IN, AUDIO_READ],
                true,
            ),
            (
                "input_cached_image_tokens",
                &[INPUT, CACHE_READ, IMAGE_IN, IMAGE_READ],
                true,
            ),
            ("output_reasoning_tokens", &[OUTPUT, REASONING], true),
            ("output_text_tokens", &[OUTPUT, TEXT_OUT], true),
            ("output_audio_tokens", &[OUTPUT, AUDIO_OUT], true),
            ("output_image_tokens", &[OUTPUT, IMAGE_OUT], true),
            ("input_of_a_new_kind", &[INPUT], false),
            ("cache_of_a_new_kind", &[INPUT], false),
            ("output_of_a_new_kind", &[OUTPUT], false),
            ("searches", &[], false),
            ("total", &[], false),
        ] {
            assert_eq!(counts_of(bucket), (counts, says_all), "{bucket}");
        }
    }
}
