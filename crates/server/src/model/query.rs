//! Which traces to list: the filters of the page, the command line and the read API. Their form in a URL is in `query_url`.
//! Read by `store`.

use std::fmt;

use tracefuse_core::Level;

/// A page of a list.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct Page<T> {
    /// The rows.
    pub rows: Vec<T>,
    /// Give it to the next query for the rows after these; `None` if there are no more.
    pub next: Option<String>,
    /// Whether rows may be missing, because the full-text search ran out of time.
    pub is_partial: bool,
}

impl<T> Default for Page<T> {
    fn default() -> Self {
        Self {
            rows: Vec::new(),
            next: None,
            is_partial: false,
        }
    }
}

/// In which order traces are listed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum Order {
    /// By start, the newest first.
    #[default]
    Newest,
    /// By start, the oldest first.
    Oldest,
    /// By latency, the slowest first.
    Slowest,
    /// By cost, the most expensive first.
    Costliest,
    /// By units, the most first.
    MostTokens,
}

impl Order {
    /// All, with their names in a URL.
    pub const NAMES: [(Self, &'static str); 5] = [
        (Self::Newest, "newest"),
        (Self::Oldest, "oldest"),
        (Self::Slowest, "slowest"),
        (Self::Costliest, "costliest"),
        (Self::MostTokens, "tokens"),
    ];

    /// Its name in a URL.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        let known = Self::NAMES.iter().find(|(order, _)| *order == self);
        known.map_or("newest", |(_, name)| name)
    }
}

/// Which traces to list. Every field that is set must match.
///
/// ```
/// use tracefuse_server::TraceQuery;
///
/// let query = TraceQuery::parse("name=chat&errors=1&min_latency=1.5s&from=-24h", 1_800_000_000_000_000_000)?;
/// assert!(query.errors);
/// assert_eq!(query.min_latency_ns, Some(1_500_000_000));
/// # Ok::<(), tracefuse_server::QueryError>(())
/// ```
#[derive(Clone, Debug, Default, PartialEq)]
#[non_exhaustive]
pub struct TraceQuery {
    /// Started at or after this time, in nanoseconds since 1970. In a URL `from`: RFC 3339, or `-24h` from now.
    pub from_ns: Option<i64>,
    /// Started before this time. In a URL `to`.
    pub to_ns: Option<i64>,
    /// `name`: the trace's whole name.
    pub name: Option<String>,
    /// `user`.
    pub user_id: Option<String>,
    /// `session`.
    pub session_id: Option<String>,
    /// `tag`, as often as there are tags, at most 50: the trace must have them all.
    pub tags: Vec<String>,
    /// `level`: at least one observation has this level or a worse one.
    pub level: Option<Level>,
    /// `model`: one observation used it.
    pub model: Option<String>,
    /// `environment`.
    pub environment: Option<String>,
    /// `release`.
    pub release: Option<String>,
    /// `version`.
    pub version: Option<String>,
    /// `min_latency`: a number of seconds, or with a unit such as `250ms`, `1.5s`, `2m`.
    pub min_latency_ns: Option<i64>,
    /// `min_cost` in US dollars.
    pub min_cost: Option<f64>,
    /// `errors=1`: at least one observation of level ERROR.
    pub errors: bool,
    /// `q`: words that one observation has in its name, status message, input, output or metadata. Words in quotes must
    /// follow each other; a word with `*` at its end matches longer words too.
    pub text: Option<String>,
    /// `order`.
    pub order: Order,
    /// `cursor`: where the page before ended.
    pub cursor: Option<String>,
    /// `limit`: at most so many rows, from 1 to 1000; 0 is 50.
    pub limit: usize,
}

/// A parameter of a query that cannot be read.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct QueryError {
    /// Its name.
    pub name: String,
    /// What is allowed.
    pub expected: &'static str,
}

impl fmt::Display for QueryError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "cannot read the parameter {}: give {}",
            self.name, self.expected
        )
    }
}

impl std::error::Error for QueryError {}
