//! The names of counts in each provider's language, and their places: a file for each language. Support for a provider is
//! added here.
//! Read by `usage`; the places are relative to the report, and written as `path` has them.
//!
//! Sources: the providers' API references and the SDKs' types, as of 2026-11; the compatible providers' own
//! references. Each shape is a file in `crates/core/tests/data/usage/`.

mod anthropic;
mod bedrock;
mod cohere;
mod gemini;
mod ollama;
mod openai;
mod servers;

use serde_json::Value;

use crate::llm::provider::envelope::unwrapped;
use crate::record::{Convention, Count};
use anthropic::ANTHROPIC;
use bedrock::BEDROCK;
use cohere::COHERE;
use gemini::GEMINI;
use ollama::OLLAMA;
use openai::OPENAI;
use servers::SERVERS;

/// A language that providers answer in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Language {
    /// OpenAI's, and that of all compatible providers and gateways.
    OpenAi,
    Anthropic,
    Gemini,
    /// Bedrock's Converse.
    Bedrock,
    Cohere,
    /// Ollama's own.
    Ollama,
}

type Counts = &'static [(Count, &'static [&'static str])];

pub(super) struct Table {
    /// Where reports are in an answer. Of several at one place the last one counts.
    pub(super) places: &'static [&'static str],
    pub(super) counts: Counts,
    /// Input and output are always stated, and left out when they are zero.
    pub(super) has_both: bool,
    /// Buckets of units that are no tokens.
    pub(super) others: &'static [(&'static str, &'static [&'static str])],
    /// If this is there, the total alone counts the audio that went in.
    pub(super) audio_in_total: Option<&'static str>,
    /// If one of these is there, text is counted beside audio.
    pub(super) text_apart: &'static [&'static str],
    /// Lists in the answer of what was searched for.
    pub(super) searches: &'static [&'static str],
    /// Model parameters, and where the answer states them.
    pub(super) parameters: &'static [(&'static str, &'static [&'static str])],
}

impl Language {
    /// Its table, and the tables of answers that the same reader gets.
    pub(super) fn tables(self) -> impl Iterator<Item = &'static Table> {
        let servers = (self == Self::OpenAi).then_some(&SERVERS);
        std::iter::once(self.table()).chain(servers)
    }

    pub(super) fn table(self) -> &'static Table {
        match self {
            Self::OpenAi => &OPENAI,
            Self::Anthropic => &ANTHROPIC,
            Self::Gemini => &GEMINI,
            Self::Bedrock => &BEDROCK,
            Self::Cohere => &COHERE,
            Self::Ollama => &OLLAMA,
        }
    }

    /// The language of an answer: what Bedrock runs without Converse answers in the language of its maker.
    pub(crate) fn spoken_in(self, answer: &Value) -> Self {
        let answer = unwrapped(answer);
        let list = |key: &str| answer.get(key).and_then(Value::as_array);
        let has = |key: &str| {
            answer.get("output").is_none()
                && list(key).is_some_and(|list| list.iter().any(Value::is_object))
        };
        match self {
            Self::Bedrock if has("choices") => Self::OpenAi,
            Self::Bedrock if has("content") => Self::Anthropic,
            other => other,
        }
    }

    /// Which counts of a report include which other counts.
    pub(super) fn convention(self, report: &Value) -> Convention {
        match self {
            Self::OpenAi if is_research(report) => Convention::Disjoint,
            // A gateway that gives Anthropic's counts as they are.
            Self::OpenAi if is_anthropics(report) => Convention::Anthropic,
            Self::OpenAi | Self::Cohere | Self::Ollama => Convention::OpenAi,
            Self::Anthropic | Self::Bedrock => Convention::Anthropic,
            Self::Gemini => Convention::Gemini,
        }
    }
}

/// Whether a report is of Perplexity's research: reasoning and citations are billed beside the output, and are in no total.
fn is_research(report: &Value) -> bool {
    let number = |place: &str| report.pointer(place).and_then(Value::as_f64);
    let has_citations = number("/citation_tokens").is_some_and(|n| n > 0.0);
    let is_larger = number("/reasoning_tokens") > number("/completion_tokens");
    let is_billed = number("/cost/reasoning_tokens_cost").is_some_and(|dollars| dollars > 0.0);
    has_citations && (is_larger || is_billed)
}

/// Whether a report has Anthropic's counts of the cache and nothing of OpenAI's.
fn is_anthropics(report: &Value) -> bool {
    let has = |name: &str| report.get(name).is_some_and(|value| !value.is_null());
    has("input_tokens")
        && (has("cache_read_input_tokens") || has("cache_creation_input_tokens"))
        && ![
            "prompt_tokens",
            "total_tokens",
            "prompt_tokens_details",
            "input_tokens_details",
        ]
        .iter()
        .any(|name| has(name))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    /// <https://docs.perplexity.ai/guides/pricing>: reasoning of the research models is billed beside the output.
    #[test]
    fn a_report_of_research_has_citations_and_more_reasoning_than_output() {
        let report = |citations: u64, reasoning: u64, output: u64, dollars: f64| {
            json!({ "citation_tokens": citations, "reasoning_tokens": reasoning, "completion_tokens": output,
                "cost": { "reasoning_tokens_cost": dollars } })
        };
        for (report, expected) in [
            (report(5, 9, 3, 0.0), true),
            (report(5, 3, 9, 0.1), true),
            (report(5, 9, 3, 0.1), true),
            (report(0, 9, 3, 0.1), false),
            (report(5, 3, 9, 0.0), false),
            (report(5, 3, 3, 0.0), false),
            (json!({ "citation_tokens": 5 }), false),
            (json!({}), false),
        ] {
            assert_eq!(is_research(&report), expected, "{report}");
        }
    }

    #[test]
    fn a_report_with_counts_of_openai_is_not_anthropics() {
        for (report, expected) in [
            (
                json!({ "input_tokens": 1, "cache_read_input_tokens": 2 }),
                true,
            ),
            (
                json!({ "input_tokens": 1, "cache_creation_input_tokens": 2 }),
                true,
            ),
            (
                json!({ "input_tokens": 1, "cache_creation_input_tokens": 2, "total_tokens": null }),
                true,
            ),
            (json!({ "input_tokens": 1 }), false),
            (json!({ "cache_read_input_tokens": 2 }), false),
            (
                json!({ "input_tokens": 1, "cache_read_input_tokens": 2, "total_tokens": 3 }),
                false,
            ),
            (
                json!({ "input_tokens": 1, "cache_read_input_tokens": 2, "input_tokens_details": {} }),
                false,
            ),
        ] {
            assert_eq!(is_anthropics(&report), expected, "{report}");
        }
    }
}
