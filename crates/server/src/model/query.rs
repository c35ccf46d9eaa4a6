//! Which traces to list: the filters of the page, the command line and the read API, and their form in a URL.
//! Read by `store`.

use std::fmt;

use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;
use tracefuse_core::Level;

/// Tags of one query.
const MOST_TAGS: usize = 50;

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

impl TraceQuery {
    /// Reads the query of a URL, without the `?`; times such as `-24h` count from `now_ns`.
    ///
    /// # Errors
    /// A parameter that is known has a value that cannot be read. Unknown parameters are left out.
    pub fn parse(query: &str, now_ns: i64) -> Result<Self, QueryError> {
        let mut parsed = Self::default();
        for pair in query.split('&').filter(|pair| !pair.is_empty()) {
            let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
            parsed.set(&decode(name), &decode(value), now_ns)?;
        }
        Ok(parsed)
    }

    /// Sets one parameter by its name in a URL; an empty value is no filter.
    ///
    /// # Errors
    /// The parameter is known and its value cannot be read.
    pub fn set(&mut self, name: &str, value: &str, now_ns: i64) -> Result<(), QueryError> {
        if value.is_empty() {
            return Ok(());
        }
        let refuse = |expected: &'static str| QueryError {
            name: name.to_owned(),
            expected,
        };
        let text = || Some(value.to_owned());
        let at = || {
            moment(value, now_ns).ok_or_else(|| {
                refuse("a time of RFC 3339 such as 2026-11-27T12:00:00Z, or one before now such as -24h")
            })
        };
        match name {
            "from" => self.from_ns = Some(at()?),
            "to" => self.to_ns = Some(at()?),
            "name" => self.name = text(),
            "user" => self.user_id = text(),
            "session" => self.session_id = text(),
            "tag" if self.tags.len() >= MOST_TAGS => return Err(refuse("at most 50 tags")),
            "tag" => self.tags.push(value.to_owned()),
            "level" => {
                let known = [Level::Debug, Level::Default, Level::Warning, Level::Error];
                let mut known = known.into_iter();
                let level = known.find(|level| level.as_str().eq_ignore_ascii_case(value));
                self.level = Some(level.ok_or_else(|| refuse("DEBUG, DEFAULT, WARNING or ERROR"))?);
            }
            "model" => self.model = text(),
            "environment" => self.environment = text(),
            "release" => self.release = text(),
            "version" => self.version = text(),
            "min_latency" => {
                let length = duration(value);
                self.min_latency_ns = Some(
                    length.ok_or_else(|| refuse("seconds, or a length such as 250ms or 1.5s"))?,
                );
            }
            "min_cost" => {
                let cost = value.trim().trim_start_matches('$').parse().ok();
                let cost = cost.filter(|cost: &f64| cost.is_finite());
                self.min_cost = Some(cost.ok_or_else(|| refuse("a number of US dollars"))?);
            }
            "errors" => self.errors = matches!(value, "1" | "true" | "yes"),
            "q" => self.text = text(),
            "order" => {
                let known = Order::NAMES.iter().find(|(_, name)| *name == value);
                let (order, _) =
                    known.ok_or_else(|| refuse("newest, oldest, slowest, costliest or tokens"))?;
                self.order = *order;
            }
            "cursor" => self.cursor = text(),
            "limit" => {
                let limit = value
                    .parse()
                    .ok()
                    .filter(|limit| (1..=1000).contains(limit));
                self.limit = limit.ok_or_else(|| refuse("a number from 1 to 1000"))?;
            }
            _ => {}
        }
        Ok(())
    }

    /// The query as it is written in a URL, without the `?`. [`parse`](Self::parse) reads it back.
    #[must_use]
    pub fn to_query(&self) -> String {
        let mut query = String::new();
        let mut put = |name: &str, value: &str| {
            if !query.is_empty() {
                query.push('&');
            }
            query.push_str(name);
            query.push('=');
            encode(value, &mut query);
        };
        let time = |ns: Option<i64>| {
            let time = OffsetDateTime::from_unix_timestamp_nanos(i128::from(ns?)).ok()?;
            time.format(&Rfc3339).ok()
        };
        let optional = [
            ("from", time(self.from_ns)),
            ("to", time(self.to_ns)),
            ("name", self.name.clone()),
            ("user", self.user_id.clone()),
            ("session", self.session_id.clone()),
            ("level", self.level.map(|level| level.as_str().to_owned())),
            ("model", self.model.clone()),
            ("environment", self.environment.clone()),
            ("release", self.release.clone()),
            ("version", self.version.clone()),
            (
                "min_latency",
                self.min_latency_ns.map(|ns| format!("{ns}ns")),
            ),
            ("min_cost", self.min_cost.map(|cost| cost.to_string())),
            ("errors", self.errors.then(|| "1".to_owned())),
            ("q", self.text.clone()),
            ("cursor", self.cursor.clone()),
        ];
        for (name, value) in optional {
            if let Some(value) = value {
                put(name, &value);
            }
        }
        for tag in &self.tags {
            put("tag", tag);
        }
        if self.order != Order::Newest {
            put("order", self.order.as_str());
        }
        if self.limit != 0 {
            put("limit", &self.limit.to_string());
        }
        query
    }
}

/// RFC 3339, or a length before now.
fn moment(text: &str, now_ns: i64) -> Option<i64> {
    if let Some(before) = text.strip_prefix('-') {
        return now_ns.checked_sub(duration(before)?);
    }
    let time = OffsetDateTime::parse(text.trim(), &Rfc3339).ok()?;
    i64::try_from(time.unix_timestamp_nanos()).ok()
}

/// A length of time in nanoseconds; without a unit in seconds.
fn duration(text: &str) -> Option<i64> {
    let text = text.trim();
    let digits = text.find(|c: char| !(c.is_ascii_digit() || c == '.'));
    let (number, unit) = text.split_at(digits.unwrap_or(text.len()));
    let unit = match unit {
        "ns" => return number.parse().ok(),
        "us" => 1e3,
        "ms" => 1e6,
        "" | "s" => 1e9,
        "m" => 60e9,
        "h" => 3_600e9,
        "d" => 86_400e9,
        _ => return None,
    };
    let nanos = number.parse::<f64>().ok()? * unit;
    (nanos.is_finite() && nanos < 9e18).then_some(nanos as i64)
}

/// Decodes `%XX` and `+`; what is not valid stays as it is.
pub(crate) fn decode(text: &str) -> String {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((first, after)) = rest.split_first() {
        let hex = || {
            let digits = std::str::from_utf8(after.get(..2)?).ok()?;
            u8::from_str_radix(digits, 16).ok()
        };
        match (*first, hex()) {
            (b'%', Some(byte)) => {
                bytes.push(byte);
                rest = after.get(2..).unwrap_or_default();
            }
            (b'+', _) => {
                bytes.push(b' ');
                rest = after;
            }
            (byte, _) => {
                bytes.push(byte);
                rest = after;
            }
        }
    }
    String::from_utf8(bytes)
        .unwrap_or_else(|error| String::from_utf8_lossy(error.as_bytes()).into_owned())
}

fn encode(text: &str, to: &mut String) {
    use fmt::Write as _;
    for byte in text.bytes() {
        match byte {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'_' | b'.' | b'~' => {
                to.push(char::from(byte))
            }
            _ => drop(write!(to, "%{byte:02X}")),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: i64 = 1_800_000_000_000_000_000;

    #[test]
    fn a_query_reads_back_as_it_was_written() {
        let mut query = TraceQuery {
            name: Some("a & b=ä+%".to_owned()),
            tags: vec!["x".to_owned(), "y z".to_owned()],
            errors: true,
            min_latency_ns: Some(1),
            min_cost: Some(0.25),
            level: Some(Level::Warning),
            order: Order::Slowest,
            limit: 7,
            ..TraceQuery::default()
        };
        query.set("from", "-24h", NOW).unwrap();
        assert_eq!(query.from_ns, Some(NOW - 86_400_000_000_000));
        assert_eq!(TraceQuery::parse(&query.to_query(), NOW), Ok(query));
    }

    #[test]
    fn what_cannot_be_read_is_named() {
        for (query, name) in [
            ("from=yesterday", "from"),
            ("level=loud", "level"),
            ("min_latency=1x", "min_latency"),
            ("min_cost=NaN", "min_cost"),
            ("order=best", "order"),
            (&"tag=a&".repeat(51), "tag"),
            ("limit=0", "limit"),
            ("limit=1001", "limit"),
        ] {
            assert_eq!(TraceQuery::parse(query, NOW).unwrap_err().name, name);
        }
        let lenient = TraceQuery::parse("a=b&name=&q=%zz%", NOW).unwrap();
        assert_eq!(lenient.text.as_deref(), Some("%zz%"));
        assert_eq!(lenient.name, None);
    }
}
