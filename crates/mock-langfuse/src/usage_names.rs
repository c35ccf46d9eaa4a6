//! The names of usage in OpenTelemetry's conventions, and the buckets that the server makes of them.
//! Called by `usage` where a span has no usage of Langfuse's own.

use std::collections::BTreeMap;

use serde_json::{Map, Value};

use crate::js;
use crate::values::Attributes;

/// A bucket of the server, and what the conventions call it, in the order in which the server looks.
const BUCKETS: &[(&str, &[&str])] = &[
    ("input", &["prompt_tokens", "input_tokens", "prompt"]),
    (
        "output",
        &["completion_tokens", "output_tokens", "completion"],
    ),
    ("total", &["total_tokens", "total"]),
    (
        "input_cached_tokens",
        &[
            "cache_read.input_tokens",
            "cache_read_input_tokens",
            "cache_read_tokens",
            "details.cache_read_tokens",
            "details.cache_read_input_tokens",
            "prompt_details.cache_read",
            "input_cached_tokens",
        ],
    ),
    (
        "input_cache_creation",
        &[
            "cache_creation.input_tokens",
            "cache_creation_input_tokens",
            "cache_write_tokens",
            "details.cache_write_tokens",
            "details.cache_creation_input_tokens",
            "prompt_details.cache_write",
            "input_cache_creation",
        ],
    ),
    (
        "output_reasoning_tokens",
        &["reasoning.output_tokens", "completion_details.reasoning"],
    ),
    ("output_audio_tokens", &["completion_details.audio"]),
];

/// The conventions count cached and reasoning tokens into input and output; the server takes them out again, so that no
/// token is in two buckets. A name that is not known is kept as a bucket.
pub(crate) fn by_conventions(a: &Attributes) -> Map<String, Value> {
    let mut raw: BTreeMap<String, f64> = BTreeMap::new();
    for (key, value) in a {
        let name = key
            .strip_prefix("gen_ai.usage.")
            .filter(|name| *name != "cost")
            .or_else(|| key.strip_prefix("llm.token_count."));
        if let Some((name, number)) = name.zip(js::to_number(value)) {
            raw.insert(name.to_owned(), number);
        }
    }
    let mut buckets: BTreeMap<String, f64> = BTreeMap::new();
    for (bucket, names) in BUCKETS {
        if let Some(units) = names.iter().find_map(|name| raw.get(*name)) {
            buckets.insert((*bucket).to_owned(), *units);
        }
    }
    for (whole, parts) in [
        ("input", ["input_cached_tokens", "input_cache_creation"]),
        ("output", ["output_reasoning_tokens", "output_audio_tokens"]),
    ] {
        let taken: f64 = parts.iter().filter_map(|part| buckets.get(*part)).sum();
        if let Some(units) = buckets.get_mut(whole) {
            *units = (*units - taken).max(0.0);
        }
    }
    let is_known = |name: &String| {
        BUCKETS
            .iter()
            .any(|(_, names)| names.contains(&name.as_str()))
    };
    for (name, units) in raw.into_iter().filter(|(name, _)| !is_known(name)) {
        let name = name.strip_prefix("details.").unwrap_or(&name).to_owned();
        buckets.entry(name).or_insert(units);
    }
    let buckets = buckets.into_iter();
    buckets
        .map(|(bucket, units)| (bucket, js::number(units)))
        .collect()
}
