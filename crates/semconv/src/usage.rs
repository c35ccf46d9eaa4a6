//! Counts and costs as attributes state them, under the names of each convention; into a usage and a cost.
//! Filled by `gen_ai`, `openinference` and `traceloop`, read by `observation` at the end of a span.

use tracefuse_core::bridge::{Convention, Count};
use tracefuse_core::{Cost, Usage};

use crate::value::Value;

/// What was reported so far; a count reported again replaces the one before.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Tokens {
    /// Each by the name it came under: the whole one, and the part of it that says what it counts.
    reported: Vec<Reported>,
    costs: Vec<(&'static str, f64)>,
}

#[derive(Clone, Debug, PartialEq)]
struct Reported {
    attribute: String,
    count: Option<Count>,
    units: u64,
}

/// What the names count, after `gen_ai.usage.` or `llm.token_count.`. Each count of OpenTelemetry's conventions (0.1.0
/// first, then the older names), then what Traceloop, OpenInference, pydantic-ai, rig and others send.
const NAMES: &[(Count, &[&str])] = &[
    (Count::Input, &["input_tokens", "prompt_tokens", "prompt"]),
    (
        Count::Output,
        &["output_tokens", "completion_tokens", "completion"],
    ),
    (Count::Total, &["total_tokens", "total"]),
    (
        Count::Cached,
        &[
            "cache_read.input_tokens",
            "cache_read_input_tokens",
            "cache_read_tokens",
            "cached_input_tokens",
            "cached_tokens",
            "input_tokens.cached",
            "input_cached_tokens",
            "prompt_details.cache_read",
            "details.cache_read_tokens",
            "details.cache_read_input_tokens",
            "details.cached_tokens",
            "details.cached_content_tokens",
        ],
    ),
    (
        Count::CachedText,
        &[
            "cache_read.text.input_tokens",
            "text.cache_read.input_tokens",
        ],
    ),
    (
        Count::CachedAudio,
        &[
            "cache_read.audio.input_tokens",
            "audio.cache_read.input_tokens",
            "cache_audio_read_tokens",
            "details.cache_audio_read_tokens",
        ],
    ),
    (
        Count::CachedImage,
        &[
            "cache_read.image.input_tokens",
            "image.cache_read.input_tokens",
        ],
    ),
    (
        Count::CacheWrite,
        &[
            "cache_write.input_tokens",
            "cache_creation.input_tokens",
            "cache_creation_input_tokens",
            "cache_creation_tokens",
            "cache_write_input_tokens",
            "cache_write_tokens",
            "input_tokens.cache_write",
            "input_cache_creation",
            "prompt_details.cache_write",
            "details.cache_write_tokens",
            "details.cache_creation_input_tokens",
        ],
    ),
    (
        Count::CacheWrite5m,
        &[
            "cache_creation.ephemeral_5m_input_tokens",
            "cache_write.5m.input_tokens",
            "ephemeral_5m_input_tokens",
            "input_cache_creation_5m",
            "details.ephemeral_5m_input_tokens",
        ],
    ),
    (
        Count::CacheWrite1h,
        &[
            "cache_creation.ephemeral_1h_input_tokens",
            "cache_write.1h.input_tokens",
            "ephemeral_1h_input_tokens",
            "input_cache_creation_1h",
            "details.ephemeral_1h_input_tokens",
        ],
    ),
    (
        Count::InputText,
        &[
            "text.input_tokens",
            "input_text_tokens",
            "details.text_prompt_tokens",
        ],
    ),
    (
        Count::InputAudio,
        &[
            "audio.input_tokens",
            "input_audio_tokens",
            "prompt_details.audio",
            "details.input_audio_tokens",
            "details.audio_prompt_tokens",
            "details.audio_tokens",
        ],
    ),
    (
        Count::InputImage,
        &[
            "image.input_tokens",
            "input_image_tokens",
            "details.image_prompt_tokens",
        ],
    ),
    (
        Count::ToolUse,
        &["tool_use_prompt_tokens", "details.tool_use_prompt_tokens"],
    ),
    (
        Count::Reasoning,
        &[
            "reasoning.output_tokens",
            "reasoning_tokens",
            "output_tokens.reasoning",
            "output_reasoning_tokens",
            "completion_details.reasoning",
            "details.reasoning_tokens",
            "details.thoughts_tokens",
        ],
    ),
    (
        Count::OutputText,
        &[
            "text.output_tokens",
            "output_text_tokens",
            "details.text_candidates_tokens",
        ],
    ),
    (
        Count::OutputAudio,
        &[
            "audio.output_tokens",
            "output_audio_tokens",
            "completion_details.audio",
            "details.output_audio_tokens",
            "details.audio_candidates_tokens",
        ],
    ),
    (
        Count::OutputImage,
        &[
            "image.output_tokens",
            "output_image_tokens",
            "details.image_candidates_tokens",
        ],
    ),
    (
        Count::AcceptedPrediction,
        &[
            "accepted_prediction_tokens",
            "details.accepted_prediction_tokens",
        ],
    ),
    (
        Count::RejectedPrediction,
        &[
            "rejected_prediction_tokens",
            "details.rejected_prediction_tokens",
        ],
    ),
    (
        Count::Searches,
        &[
            "web_search_queries",
            "web_search_requests",
            "server_tool_use.web_search_requests",
            "details.web_search_requests",
        ],
    ),
];

/// What the names cost, after `gen_ai.usage.`, `gen_ai.cost.` or `llm.cost.`.
const COSTS: &[(&str, &[&str])] = &[
    ("total", &["cost", "total_cost", "total", "usd", "cost_usd"]),
    ("input", &["input_cost", "prompt_cost", "prompt"]),
    ("output", &["output_cost", "completion_cost", "completion"]),
];

impl Tokens {
    /// Takes a count by its attribute, and by its name in there; `false` if it is no count.
    pub(crate) fn take(&mut self, attribute: &str, name: &str, value: &Value<'_>) -> bool {
        let Some(units) = value.count() else {
            return false;
        };
        let known = self
            .reported
            .iter_mut()
            .find(|known| known.attribute == attribute);
        match known {
            Some(known) => known.units = units,
            None => {
                let count = NAMES.iter().find(|(_, names)| names.contains(&name));
                self.reported.push(Reported {
                    attribute: attribute.to_owned(),
                    count: count.map(|(count, _)| *count),
                    units,
                });
            }
        }
        true
    }

    /// Takes an amount of dollars by its name; `false` if it is none.
    pub(crate) fn take_cost(&mut self, name: &str, value: &Value<'_>) -> bool {
        let known = COSTS.iter().find(|(_, names)| names.contains(&name));
        let amount = value
            .number()
            .filter(|dollars| dollars.is_finite() && *dollars >= 0.0);
        let (Some((bucket, _)), Some(dollars)) = (known, amount) else {
            return false;
        };
        self.costs.retain(|(known, _)| known != bucket);
        self.costs.push((bucket, dollars));
        true
    }

    /// Whether anything was used: frameworks report zeros where the provider stated nothing.
    pub(crate) fn is_empty(&self) -> bool {
        self.reported.iter().all(|reported| reported.units == 0)
    }

    /// Every count as it was reported, for a span above those that are counted.
    pub(crate) fn reported(&self) -> impl Iterator<Item = (&str, u64)> {
        let reported = self.reported.iter();
        reported.map(|reported| (reported.attribute.as_str(), reported.units))
    }

    /// What it cost, as far as that was stated.
    pub(crate) fn cost(&self) -> Option<Cost> {
        let total = self.costs.iter().find(|(bucket, _)| *bucket == "total");
        if let Some((_, dollars)) = total {
            return Some(Cost::total(*dollars));
        }
        let parts = self.costs.iter();
        parts.fold(None, |cost, (bucket, dollars)| {
            Some(cost.unwrap_or_default().bucket(*bucket, *dollars))
        })
    }

    /// The usage, and the counts that have no place in it: what a name counts is not known, so it may be in a total
    /// already. Without any total an unknown count is a bucket of its own.
    pub(crate) fn to_usage(&self) -> (Option<Usage>, Vec<(&str, u64)>) {
        let mut usage = Usage::counted(Convention::Attributes);
        let mut any = false;
        let mut has_total = false;
        for (count, _) in NAMES {
            // Several names of one count are one count; some are filled with zeros.
            let named = self
                .reported
                .iter()
                .filter(|reported| reported.count == Some(*count));
            if let Some(units) = named.map(|reported| reported.units).max() {
                usage = usage.count(*count, units);
                any = true;
                has_total |=
                    units > 0 && matches!(count, Count::Input | Count::Output | Count::Total);
            }
        }
        let mut left = Vec::new();
        for reported in self
            .reported
            .iter()
            .filter(|reported| reported.count.is_none() && reported.units > 0)
        {
            if has_total {
                left.push((reported.attribute.as_str(), reported.units));
            } else {
                let name = reported.attribute.trim_start_matches("gen_ai.usage.");
                usage = usage.bucket(name, reported.units);
                any = true;
            }
        }
        (any.then_some(usage), left)
    }
}

#[cfg(test)]
mod tests {
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
}
