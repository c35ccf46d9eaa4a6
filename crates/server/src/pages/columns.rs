//! The spans of a trace as columns of JSON, which come with its page for its script.
//! Called by `trace`; read by `assets/spans.js`, which describes the columns.

use std::collections::HashMap;

use serde::Serialize;
use tracefuse_core::Level;

use super::tree::Place;
use crate::store::SpanOutline;

/// One entry a span in each list; a text is its number in `strings`.
#[derive(Debug, Default, Serialize)]
pub(super) struct Columns<'a> {
    strings: Vec<&'a str>,
    id: Vec<&'a str>,
    depth: Vec<usize>,
    name: Vec<usize>,
    kind: Vec<usize>,
    model: Vec<usize>,
    start: Vec<i64>,
    length: Vec<i64>,
    first: Vec<i64>,
    level: Vec<u8>,
    tokens: Vec<i64>,
    cost: Vec<f64>,
    now: i64,
}

impl<'a> Columns<'a> {
    /// The columns of a trace. `now_ns` is where bars of running spans end.
    pub(super) fn new(spans: &'a [SpanOutline], places: &[Place], now_ns: i64) -> Self {
        let zero = spans.iter().map(|span| span.start_ns).min().unwrap_or(0);
        let micros = |nanos: i64| nanos / 1000;
        let mut columns = Self {
            now: micros(now_ns.saturating_sub(zero)),
            ..Self::default()
        };
        let mut numbers = HashMap::new();
        for place in places {
            let Some(span) = spans.get(place.index) else {
                continue;
            };
            let mut number = |text: &'a str| {
                *numbers.entry(text).or_insert_with(|| {
                    columns.strings.push(text);
                    columns.strings.len() - 1
                })
            };
            let (name, kind) = (number(&span.name), number(span.kind.as_str()));
            let model = number(span.model.as_deref().unwrap_or(""));
            columns.id.push(&span.id);
            columns.depth.push(place.depth);
            columns.name.push(name);
            columns.kind.push(kind);
            columns.model.push(model);
            columns
                .start
                .push(micros(span.start_ns.saturating_sub(zero)));
            let length = |end: i64| micros(end.saturating_sub(span.start_ns).max(0));
            columns.length.push(span.end_ns.map_or(-1, length));
            columns.first.push(span.ttft_ns.map_or(-1, micros));
            columns.level.push(match span.level {
                Level::Debug => 0,
                Level::Warning => 2,
                Level::Error => 3,
                _ => 1,
            });
            let total = span.units.total.and_then(|total| total.try_into().ok());
            columns.tokens.push(total.unwrap_or(-1));
            let cost = span.cost.filter(|cost| cost.is_finite());
            columns.cost.push(cost.unwrap_or(-1.0));
        }
        columns
    }
}

#[cfg(test)]
mod tests {
    use super::super::tree::ordered;
    use super::*;

    #[test]
    fn a_running_span_has_no_length() {
        let spans = [
            SpanOutline {
                id: "a".to_owned(),
                name: "answer".to_owned(),
                start_ns: 5_000_000,
                ..SpanOutline::default()
            },
            SpanOutline {
                id: "b".to_owned(),
                parent: Some("a".to_owned()),
                name: "answer".to_owned(),
                start_ns: 6_000_000,
                end_ns: Some(6_500_000),
                ..SpanOutline::default()
            },
        ];
        let columns = Columns::new(&spans, &ordered(&spans), 9_000_000);
        assert_eq!(columns.strings, ["answer", "span", ""]);
        assert_eq!(columns.start, [0, 1000]);
        assert_eq!(columns.length, [-1, 500]);
        assert_eq!(columns.depth, [0, 1]);
        assert_eq!(
            (columns.now, columns.tokens.as_slice()),
            (4000, [-1, -1].as_slice())
        );
    }
}
