//! What a tree is drawn from: plain values, whoever has them, our exporter or a program that read a
//! trace back from a server. Knows neither records nor terminals; its text is not yet safe.

/// What stands above a tree.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
#[must_use]
pub struct TreeHeader {
    pub(crate) name: String,
    pub(crate) trace_id: String,
    pub(crate) user: Option<String>,
    pub(crate) session: Option<String>,
    pub(crate) tags: Vec<String>,
    pub(crate) note: Option<String>,
}

impl TreeHeader {
    /// The name and the id of the trace.
    pub fn new(name: impl Into<String>, trace_id: impl Into<String>) -> Self {
        Self {
            name: name.into(),
            trace_id: trace_id.into(),
            ..Self::default()
        }
    }

    /// The user it was done for.
    pub fn user(mut self, user: impl Into<String>) -> Self {
        self.user = Some(user.into());
        self
    }

    /// The session or conversation it belongs to.
    pub fn session(mut self, session: impl Into<String>) -> Self {
        self.session = Some(session.into());
        self
    }

    /// Adds a tag.
    pub fn tag(mut self, tag: impl Into<String>) -> Self {
        self.tags.push(tag.into());
        self
    }

    /// A remark behind the name, such as `incomplete`.
    pub fn note(mut self, note: impl Into<String>) -> Self {
        self.note = Some(note.into());
        self
    }
}

/// One observation of a tree.
#[derive(Clone, Debug, Default, PartialEq)]
#[non_exhaustive]
#[must_use]
pub struct TreeSpan {
    pub(crate) id: String,
    pub(crate) parent: Option<String>,
    pub(crate) name: String,
    pub(crate) kind: String,
    pub(crate) start_ns: u64,
    pub(crate) end_ns: u64,
    pub(crate) first_token_ns: Option<u64>,
    pub(crate) level: Severity,
    pub(crate) status_message: Option<String>,
    pub(crate) exceptions: Vec<(String, Vec<String>)>,
    pub(crate) model: Option<String>,
    pub(crate) tokens: Tokens,
    pub(crate) cost: Option<f64>,
    pub(crate) input: Option<String>,
    pub(crate) output: Option<String>,
}

/// What a level does to a row.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Severity {
    Debug,
    #[default]
    Normal,
    Warning,
    Error,
}

impl TreeSpan {
    /// An observation of this id and name, of kind `span`, from and to these times in nanoseconds
    /// since any common moment. An id is any text that is unique within the tree.
    pub fn new(id: impl Into<String>, name: impl Into<String>, start_ns: u64, end_ns: u64) -> Self {
        Self {
            id: id.into(),
            name: name.into(),
            kind: "span".to_owned(),
            start_ns,
            end_ns: end_ns.max(start_ns),
            ..Self::default()
        }
    }

    /// The id of the observation it stands under. If the tree has none of that id, it is drawn as a root.
    pub fn parent(mut self, parent: impl Into<String>) -> Self {
        self.parent = Some(parent.into());
        self
    }

    /// Its type, such as `generation` or `GENERATION`.
    pub fn kind(mut self, kind: impl AsRef<str>) -> Self {
        self.kind = kind.as_ref().to_lowercase();
        self
    }

    /// When the first token of the answer arrived, in nanoseconds as above.
    pub fn first_token_ns(mut self, at: u64) -> Self {
        self.first_token_ns = Some(at);
        self
    }

    /// Its level: `DEBUG`, `WARNING` or `ERROR` in any case; anything else is nothing special.
    pub fn level(mut self, level: impl AsRef<str>) -> Self {
        self.level = match level.as_ref().to_ascii_uppercase().as_str() {
            "DEBUG" => Severity::Debug,
            "WARNING" => Severity::Warning,
            "ERROR" => Severity::Error,
            _ => Severity::Normal,
        };
        self
    }

    /// A short message about how it ended.
    pub fn status_message(mut self, message: impl Into<String>) -> Self {
        self.status_message = Some(message.into());
        self
    }

    /// Adds an error: its type and message, and its sources, nearest first. One whose message is
    /// the status message is shown once.
    pub fn exception(
        mut self,
        message: impl Into<String>,
        sources: impl IntoIterator<Item = String>,
    ) -> Self {
        self.exceptions
            .push((message.into(), sources.into_iter().collect()));
        self
    }

    /// The model that was used.
    pub fn model(mut self, model: impl Into<String>) -> Self {
        self.model = Some(model.into());
        self
    }

    /// Tokens by bucket, as Langfuse names them (`input`, `input_cached_tokens`, `output`, ..):
    /// buckets are disjoint but for `total`, which counts only if it is the only one.
    pub fn usage<'a>(mut self, buckets: impl IntoIterator<Item = (&'a str, u64)>) -> Self {
        self.tokens = Tokens::of(buckets);
        self
    }

    /// The whole cost in US dollars; what is negative or not a number is not shown.
    pub fn cost(mut self, dollars: f64) -> Self {
        self.cost = Some(dollars).filter(|d| d.is_finite() && *d >= 0.0);
        self
    }

    /// What went in, as text or JSON text.
    pub fn input(mut self, input: impl Into<String>) -> Self {
        self.input = Some(input.into());
        self
    }

    /// What came out, as text or JSON text.
    pub fn output(mut self, output: impl Into<String>) -> Self {
        self.output = Some(output.into());
        self
    }
}

/// Tokens as a row shows them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Tokens {
    /// Everything that went in, cached or not.
    pub(crate) input: u64,
    /// Of which were read from a cache.
    pub(crate) cached: u64,
    /// Everything that came out, reasoning included.
    pub(crate) output: u64,
    /// What is neither, or only known as a total.
    pub(crate) other: u64,
}

impl Tokens {
    fn of<'a>(buckets: impl IntoIterator<Item = (&'a str, u64)>) -> Self {
        let (mut tokens, mut total) = (Self::default(), 0);
        for (name, units) in buckets {
            let bucket = match name {
                "total" => {
                    total = units;
                    continue;
                }
                // `cache_read_input_tokens` is input too.
                name if name.contains("input") => &mut tokens.input,
                name if name.contains("output") => &mut tokens.output,
                _ => &mut tokens.other,
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
                9,
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
    fn a_stated_total_cost_wins_and_nonsense_does_not_count() {
        assert_eq!(total_cost([("input", 0.5), ("output", 0.25)]), Some(0.75));
        assert_eq!(total_cost([("input", 0.5), ("total", 0.6)]), Some(0.6));
        assert_eq!(total_cost([("input", f64::NAN), ("output", -1.0)]), None);
    }
}
