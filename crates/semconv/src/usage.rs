//! Tokens as `gen_ai.usage.*` counts them, into buckets that are counted once.
//! Filled by `gen_ai`, read by `observation` at the end of a span.

use tracefuse_core::Usage;

use crate::value::Value;

/// What was reported so far; a count reported again replaces the one before.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Tokens {
    input: Option<u64>,
    output: Option<u64>,
    total: Option<u64>,
    cached: u64,
    cache_write: u64,
    reasoning: u64,
    tool_use: u64,
    other: Vec<(String, u64)>,
}

impl Tokens {
    /// Takes a field by its name after `gen_ai.usage.`; `false` if it is not a count.
    pub(crate) fn take(&mut self, name: &str, value: &Value<'_>) -> bool {
        let Some(count) = value.count() else {
            return false;
        };
        match name {
            "input_tokens" | "prompt_tokens" => self.input = Some(count),
            "output_tokens" | "completion_tokens" => self.output = Some(count),
            "total_tokens" => self.total = Some(count),
            "cache_read.input_tokens"
            | "cache_read_input_tokens"
            | "cached_input_tokens"
            | "input_tokens.cached"
            | "cached_tokens" => self.cached = count,
            "cache_creation.input_tokens" | "cache_creation_input_tokens" => {
                self.cache_write = count;
            }
            "reasoning_tokens"
            | "reasoning.output_tokens"
            | "output_tokens.reasoning"
            | "output_reasoning_tokens" => self.reasoning = count,
            "tool_use_prompt_tokens" => self.tool_use = count,
            _ => match self.other.iter_mut().find(|(known, _)| known == name) {
                Some((_, old)) => *old = count,
                None => self.other.push((name.to_owned(), count)),
            },
        }
        true
    }

    /// Whether anything was used: frameworks report zeros where the provider said nothing.
    pub(crate) fn is_empty(&self) -> bool {
        self.buckets().all(|(_, count)| count == 0)
    }

    /// Every count as it was reported, for a span above those that are counted.
    pub(crate) fn buckets(&self) -> impl Iterator<Item = (&str, u64)> {
        let known = [
            ("input_tokens", self.input.unwrap_or(0)),
            ("output_tokens", self.output.unwrap_or(0)),
            ("total_tokens", self.total.unwrap_or(0)),
            ("cache_read.input_tokens", self.cached),
            ("cache_creation.input_tokens", self.cache_write),
            ("reasoning_tokens", self.reasoning),
            ("tool_use_prompt_tokens", self.tool_use),
        ];
        let other = self
            .other
            .iter()
            .map(|(name, count)| (name.as_str(), *count));
        known.into_iter().chain(other)
    }

    /// Disjoint buckets. By the conventions input includes what the cache gave and took, and output
    /// includes reasoning; a part larger than its whole shows a provider that counts apart, as
    /// Anthropic does. Tokens of tools that the provider ran come on top (Gemini).
    pub(crate) fn to_usage(&self) -> Usage {
        let (input, output) = (self.input.unwrap_or(0), self.output.unwrap_or(0));
        let cache = self.cached.saturating_add(self.cache_write);
        let mut usage = Usage::new(
            input.checked_sub(cache).unwrap_or(input),
            output.checked_sub(self.reasoning).unwrap_or(output),
        );
        if self.cached > 0 {
            usage = usage.cached_tokens(self.cached);
        }
        if self.cache_write > 0 {
            usage = usage.cache_write_tokens(self.cache_write);
        }
        if self.reasoning > 0 {
            usage = usage.reasoning_tokens(self.reasoning);
        }
        if self.tool_use > 0 {
            usage = usage.bucket("input_tool_use_tokens", self.tool_use);
        }
        for (name, count) in self.other.iter().filter(|(_, count)| *count > 0) {
            usage = usage.bucket(name.clone(), *count);
        }
        match self.total {
            Some(total) if total > 0 => usage.total(total),
            _ => usage,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tokens(counts: &[(&str, u64)]) -> Tokens {
        let mut tokens = Tokens::default();
        for (name, count) in counts {
            assert!(tokens.take(name, &Value::U64(*count)));
        }
        tokens
    }

    #[test]
    fn what_is_part_of_a_count_is_not_counted_twice() {
        let usage = tokens(&[
            ("input_tokens", 1000),
            ("cache_read.input_tokens", 400),
            ("cache_creation.input_tokens", 100),
            ("output_tokens", 200),
            ("reasoning_tokens", 150),
        ])
        .to_usage();
        assert_eq!(
            usage.buckets().collect::<Vec<_>>(),
            [
                ("input", 500),
                ("input_cached_tokens", 400),
                ("input_cache_creation", 100),
                ("output", 50),
                ("output_reasoning_tokens", 150),
            ]
        );
    }

    #[test]
    fn a_part_larger_than_the_whole_was_counted_apart() {
        let usage = tokens(&[
            ("input_tokens", 50),
            ("cache_read_input_tokens", 100_000),
            ("output_tokens", 7),
        ])
        .to_usage();
        assert_eq!(usage.sum(), 100_057);
    }

    #[test]
    fn both_generations_of_names_are_one_count_and_zeros_are_nothing() {
        let both = tokens(&[
            ("prompt_tokens", 3),
            ("input_tokens", 3),
            ("completion_tokens", 4),
        ]);
        assert_eq!(both.to_usage().sum(), 7);
        let zeros = tokens(&[("input_tokens", 0), ("reasoning_tokens", 0)]);
        assert!(zeros.is_empty() && !both.is_empty());
        assert!(!Tokens::default().take("input_tokens", &Value::Bool(true)));
    }
}
