//! Reduces the buckets of usage and cost to the few numbers of a row.
//! Called by `model`, `convert` and `units`; knows names of buckets, not providers.

/// Tokens as a row shows them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Tokens {
    /// All input, cached or not.
    pub(crate) input: u64,
    /// The part of the input that was read from a cache.
    pub(crate) cached: u64,
    /// All output, with reasoning.
    pub(crate) output: u64,
    /// Tokens that are neither input nor output, or of which only the total is known.
    pub(crate) other: u64,
}

impl Tokens {
    pub(crate) fn of<'a>(buckets: impl IntoIterator<Item = (&'a str, u64)>) -> Self {
        let (mut tokens, mut total) = (Self::default(), 0);
        for (name, units) in buckets {
            let bucket = match name {
                "total" => {
                    total = units;
                    continue;
                }
                name if has(name, &["input", "prompt", "cache"]) => &mut tokens.input,
                name if has(name, &["output", "completion", "reasoning"]) => &mut tokens.output,
                name if has(name, &["token"]) => &mut tokens.other,
                // Other units: see `units`.
                _ => continue,
            };
            *bucket = bucket.saturating_add(units);
            if name.contains("cached") || name.contains("cache_read") {
                tokens.cached = tokens.cached.saturating_add(units);
            }
        }
        if tokens == Self::default() {
            tokens.other = total;
        }
        tokens
    }

    pub(crate) fn add(&mut self, more: Self) {
        self.input = self.input.saturating_add(more.input);
        self.cached = self.cached.saturating_add(more.cached);
        self.output = self.output.saturating_add(more.output);
        self.other = self.other.saturating_add(more.other);
    }

    pub(crate) fn is_zero(self) -> bool {
        self == Self::default()
    }
}

/// Units that are no tokens, such as `web_search_queries`.
pub(crate) fn units<'a>(
    buckets: impl IntoIterator<Item = (&'a str, u64)>,
) -> impl Iterator<Item = (&'a str, u64)> {
    let tokens = [
        "total",
        "input",
        "prompt",
        "cache",
        "output",
        "completion",
        "reasoning",
        "token",
    ];
    let others = buckets.into_iter();
    others.filter(move |(name, units)| *units > 0 && !has(name, &tokens))
}

fn has(name: &str, parts: &[&str]) -> bool {
    parts.iter().any(|part| name.contains(part))
}

/// The whole cost of buckets that add up, or of a `total` among them.
pub(crate) fn total_cost<'a>(buckets: impl IntoIterator<Item = (&'a str, f64)>) -> Option<f64> {
    let (mut sum, mut total) = (None, None);
    for (name, dollars) in buckets {
        if !dollars.is_finite() || dollars < 0.0 {
            continue;
        }
        if name == "total" {
            total = Some(dollars);
        } else {
            sum = Some(sum.unwrap_or(0.0) + dollars);
        }
    }
    total.or(sum)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tokens_of_every_provider_are_counted_once() {
        for (buckets, input, cached, output, other) in [
            (
                &[
                    ("input", 600),
                    ("input_cached_tokens", 400),
                    ("output", 50),
                    ("total", 1050),
                ][..],
                1000,
                400,
                50,
                0,
            ),
            (
                &[
                    ("input", 1),
                    ("cache_read_input_tokens", 2),
                    ("cache_creation_input_tokens", 4),
                ],
                7,
                2,
                0,
                0,
            ),
            (
                &[
                    ("output", 1),
                    ("output_reasoning_tokens", 2),
                    ("characters", 9),
                ],
                0,
                0,
                3,
                0,
            ),
            (
                &[
                    ("prompt_text_tokens", 1),
                    ("cache_write_tokens", 2),
                    ("completion_tokens", 4),
                    ("audio_tokens", 8),
                ],
                3,
                0,
                4,
                8,
            ),
            (&[("total", 7)], 0, 0, 0, 7),
            (&[], 0, 0, 0, 0),
        ] {
            let tokens = Tokens {
                input,
                cached,
                output,
                other,
            };
            assert_eq!(Tokens::of(buckets.iter().copied()), tokens, "{buckets:?}");
        }
    }

    #[test]
    fn units_that_are_no_tokens_are_not_added_to_them() {
        let buckets = [("input", 5), ("web_search_queries", 3), ("seconds", 0)];
        assert_eq!(Tokens::of(buckets).other, 0);
        assert_eq!(
            units(buckets).collect::<Vec<_>>(),
            [("web_search_queries", 3)]
        );
    }

    #[test]
    fn a_stated_total_cost_wins_and_nonsense_does_not_count() {
        assert_eq!(total_cost([("input", 0.5), ("output", 0.25)]), Some(0.75));
        assert_eq!(total_cost([("input", 0.5), ("total", 0.6)]), Some(0.6));
        assert_eq!(total_cost([("input", f64::NAN), ("output", -1.0)]), None);
    }
}
