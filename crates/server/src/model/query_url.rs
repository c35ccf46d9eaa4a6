//! A query in the form of a URL: its parameters read, and written back.
//! Called by the pages, the read API and the command line.

use std::fmt::Write as _;

use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;
use tracefuse_core::Level;

use super::query::{Order, QueryError, TraceQuery};

/// Tags of one query.
const MOST_TAGS: usize = 50;

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
    Some(crate::take::within(time.unix_timestamp_nanos()))
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
        let wide = "from=0001-01-01T00:00:00Z&to=9999-12-31T23:59:59Z";
        let wide = TraceQuery::parse(wide, NOW).unwrap();
        assert_eq!((wide.from_ns, wide.to_ns), (Some(i64::MIN), Some(i64::MAX)));
        let lenient = TraceQuery::parse("a=b&name=&q=%zz%", NOW).unwrap();
        assert_eq!(lenient.text.as_deref(), Some("%zz%"));
        assert_eq!(lenient.name, None);
    }
}
