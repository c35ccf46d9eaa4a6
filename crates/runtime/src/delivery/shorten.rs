//! Cuts a span that is over the limit and marks what was cut: the longest values first, then long names, then events and
//! errors beyond the first ones, then attributes of the trace. No span is dropped for its size alone.
//! Called by `delivery` and `pipeline` for such spans.

use std::sync::Arc;

use tracefuse_exporter::record::{Place, Record, SpanRecord, TraceAttributes, Value, ValueRef};

/// The mark in a cut value, between its head and its tail.
const MARK: &str = "…[cut by tracefuse: ";
/// Values shorter than this are never cut: they are not what makes a span large.
const SHORT: usize = 1024;

/// Names longer than this are cut where values alone do not make a span fit.
const NAME: usize = 256;
/// How often events and errors are counted again, until the span fits.
const ROUNDS: u32 = 8;
/// How many tags, and how many keys of metadata, a trace keeps whose attributes are cut.
const TRACE_KEYS: usize = 64;

/// Cuts a span until its `size` is at most `limit`. A record of another kind stays as it is.
pub(crate) fn fit(record: &mut Record, limit: usize, size: impl Fn(&Record) -> usize) {
    if let Record::Span(span) = record {
        // A twentieth for what is beside the text.
        shorten(span, limit - limit / 20);
    }
    let mut keep = usize::MAX;
    for _ in 0..ROUNDS {
        let now = size(record);
        if now <= limit {
            return;
        }
        let Record::Span(span) = record else { return };
        let (events, exceptions) = (span.events().len(), span.exceptions().len());
        let cut = span.cut(keep, NAME);
        for (name, original, left_out) in [
            ("events", events, cut.events),
            ("exceptions", exceptions, cut.exceptions),
        ] {
            let mark = format!("_truncated.{name}");
            let is_marked = span.metadata().any(|(key, _)| key == mark);
            if left_out > 0 && !is_marked {
                let facts = format!(r#"{{"original_count":{original}}}"#);
                span.set_metadata(&mark, &Value::Json(facts));
            }
        }
        if cut.names > 0 {
            let facts = format!(r#"{{"cut_names":{}}}"#, cut.names);
            span.set_metadata("_truncated.names", &Value::Json(facts));
        }
        // As many as are likely to fit, and fewer each time.
        let most = span.events().len().max(span.exceptions().len());
        if keep == 0 || most == 0 {
            break;
        }
        let share = (most as u128 * limit as u128 / now as u128) as usize;
        keep = (share / 10 * 9).min(most - 1);
    }
    if size(record) > limit
        && let Record::Span(span) = record
    {
        let trace = shorten_trace(span.trace());
        span.set_trace(Arc::new(trace));
        span.set_metadata("_truncated.trace", &Value::Bool(true));
    }
}

/// A trace's attributes, each cut to what is short, and the first of many.
fn shorten_trace(trace: &TraceAttributes) -> TraceAttributes {
    let short = |text: &String| match text.len() > SHORT {
        true => cut(text, SHORT),
        false => text.clone(),
    };
    let mut new = trace.clone();
    new.name = short(&trace.name);
    for text in [
        &mut new.user_id,
        &mut new.session_id,
        &mut new.version,
        &mut new.release,
        &mut new.environment,
    ] {
        *text = text.as_ref().map(short);
    }
    new.tags = trace.tags.iter().take(TRACE_KEYS).map(short).collect();
    let metadata = trace.metadata.iter().take(TRACE_KEYS);
    new.metadata = metadata
        .map(|(key, value)| {
            let value = match text_of(value.as_ref()).filter(|text| text.len() > SHORT) {
                Some(text) => Value::Str(cut(text, SHORT)),
                None => value.clone(),
            };
            (short(key), value)
        })
        .collect();
    new
}

/// Shortens input, output, metadata and messages until the span's text is at most `limit` bytes.
/// Ids, times, model, usage and level stay.
fn shorten(span: &mut SpanRecord, limit: usize) {
    let mut lengths = Vec::new();
    span.rewrite(|_, value| {
        lengths.push(text_of(value).map_or(0, str::len));
        None
    });
    let longest = longest_allowed(&mut lengths, limit);
    let mut cuts = Vec::new();
    span.rewrite(|place, value| {
        let text = text_of(value)?;
        if text.len() <= longest {
            return None;
        }
        let cut = cut(text, longest);
        cuts.push((name_of(place), text.len(), cut.len()));
        Some(Value::Str(cut))
    });
    for (name, original, kept) in cuts {
        let facts = format!(r#"{{"original_bytes":{original},"kept_bytes":{kept}}}"#);
        span.set_metadata(&format!("_truncated.{name}"), &Value::Json(facts));
    }
}

/// The largest cap under which all lengths together fit: short values are untouched, long ones share what is left.
fn longest_allowed(lengths: &mut [usize], limit: usize) -> usize {
    lengths.sort_unstable();
    let mut left = limit;
    for (at, length) in lengths.iter().enumerate() {
        let share = left / (lengths.len() - at);
        if *length > share {
            return share.max(SHORT);
        }
        left -= length;
    }
    usize::MAX
}

/// Three quarters from the beginning, one from the end, at character boundaries.
fn cut(text: &str, longest: usize) -> String {
    let room = longest.saturating_sub(MARK.len() + 64);
    let mut head = room / 4 * 3;
    while !text.is_char_boundary(head) {
        head -= 1;
    }
    let mut tail = text.len() - room / 4;
    while !text.is_char_boundary(tail) {
        tail += 1;
    }
    let (start, end) = (
        text.get(..head).unwrap_or_default(),
        text.get(tail..).unwrap_or_default(),
    );
    format!(
        "{start}{MARK}{} of {} bytes left out]…{end}",
        tail - head,
        text.len()
    )
}

fn text_of(value: ValueRef<'_>) -> Option<&str> {
    match value {
        ValueRef::Str(text) | ValueRef::Json(text) => Some(text),
        _ => None,
    }
}

fn name_of(place: Place<'_>) -> String {
    match place {
        Place::Input => "input".into(),
        Place::Output => "output".into(),
        Place::StatusMessage => "status_message".into(),
        Place::Metadata(key) => format!("metadata.{key}"),
        Place::ModelParameter(name) => format!("model_parameters.{name}"),
        Place::EventInput => "event.input".into(),
        Place::EventOutput => "event.output".into(),
        Place::EventMetadata(key) => format!("event.metadata.{key}"),
        Place::LinkMetadata(key) => format!("link.metadata.{key}"),
        Place::ExceptionMessage => "exception.message".into(),
        Place::Stacktrace => "exception.stacktrace".into(),
        _ => "other".into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn record(name: &str, fill: impl FnOnce(&tracefuse_core::Span)) -> Record {
        let recorder = tracefuse_core::testing::Recorder::new();
        recorder
            .tracer()
            .trace(name)
            .run(|trace| fill(trace.root()));
        recorder.only().into()
    }

    fn check(mut record: Record, marks: &[&str]) {
        const LIMIT: usize = 256 * 1024;
        assert!(record.size() > LIMIT, "too small to begin with");
        fit(&mut record, LIMIT, Record::size);
        assert!(record.size() <= LIMIT, "{} bytes are left", record.size());
        let span = record.as_span().unwrap();
        for mark in marks {
            let mark = format!("_truncated.{mark}");
            assert!(span.metadata().any(|(key, _)| key == mark), "no {mark}");
        }
    }

    #[test]
    fn whatever_makes_a_span_large_is_cut_and_marked() {
        let long = |n: usize| format!("{n} {}", "k".repeat(100_000));
        check(
            record("events", |span| {
                (0..1_000).for_each(|n| {
                    span.event("e")
                        .metadata("n", "v".repeat(1_000))
                        .input(n)
                        .record()
                })
            }),
            &["events"],
        );
        check(
            record("errors", |span| {
                (0..1_000).for_each(|n| span.record_error(&format!("{n} {}", "e".repeat(1_000))))
            }),
            &["exceptions"],
        );
        check(
            record("keys", |span| {
                (0..64).for_each(|n| span.add_metadata(&long(n), n))
            }),
            &["names"],
        );
        check(
            record("values", |span| {
                (0..64).for_each(|n| span.add_metadata(&n.to_string(), long(n)))
            }),
            &["metadata.7"],
        );
        check(
            record("tags", |span| (0..64).for_each(|n| span.add_tag(&long(n)))),
            &["names"],
        );
        check(record(&"n".repeat(1_000_000), |_| {}), &["names"]);
    }

    #[test]
    fn attributes_of_the_trace_are_cut_last() {
        const LIMIT: usize = 256 * 1024;
        let recorder = tracefuse_core::testing::Recorder::new();
        for name in ["short".to_owned(), "n".repeat(1_000_000)] {
            recorder.tracer().trace(&name).run(|trace| {
                trace.span("s").input("x".repeat(1_000_000)).run(|_| {});
            });
        }
        let with_trace = |record: &Record| {
            let span = record.as_span();
            span.map_or(0, SpanRecord::size_with_trace)
        };
        let spans = recorder.spans().into_iter();
        let spans = spans.filter(|span| span.name() == "s");
        for (span, is_cut) in spans.zip([false, true]) {
            let mut record = Record::Span(span);
            fit(&mut record, LIMIT, with_trace);
            assert!(with_trace(&record) <= LIMIT);
            let span = record.as_span().unwrap();
            let mark = span.metadata().any(|(key, _)| key == "_truncated.trace");
            assert_eq!(mark, is_cut);
        }
    }

    #[test]
    fn no_attribute_of_the_trace_is_cut_once_the_span_fits() {
        let limit = 256 * 1024;
        for (sizes, is_cut) in [
            ([limit; 2], false),
            ([limit + 1, limit], false),
            ([limit + 1; 2], true),
        ] {
            let mut record = record(&"n".repeat(2 * SHORT), |_| {});
            let mut sizes = sizes.into_iter();
            let sizes = std::cell::RefCell::new(&mut sizes);
            fit(&mut record, limit, |_| sizes.borrow_mut().next().unwrap());
            let span = record.as_span().unwrap();
            let mark = span.metadata().any(|(key, _)| key == "_truncated.trace");
            assert_eq!((mark, span.trace().name.len() <= SHORT), (is_cut, is_cut));
        }
    }

    #[test]
    fn most_of_what_fits_is_kept() {
        const LIMIT: usize = 256 * 1024;
        let mut record = record("events", |span| {
            (0..1_000).for_each(|n| span.event("e").input(n.to_string().repeat(300)).record())
        });
        fit(&mut record, LIMIT, Record::size);
        let left = record.size();
        assert!((LIMIT / 2..=LIMIT).contains(&left), "{left}");
    }

    #[test]
    fn keys_that_begin_alike_stay_apart() {
        let key = |n: usize| format!("{}{n}", "k".repeat(100_000));
        let mut record = record("keys", |span| {
            (0..9).for_each(|n| span.add_metadata(&key(n), n))
        });
        fit(&mut record, 64 * 1024, Record::size);
        let span = record.as_span().unwrap();
        let keys: std::collections::BTreeSet<_> = span
            .metadata()
            .map(|(key, _)| key)
            .filter(|key| key.starts_with('k'))
            .collect();
        assert_eq!(keys.len(), 9);
    }

    #[test]
    fn a_cut_keeps_three_parts_of_the_head_and_one_of_the_tail() {
        let longest = |room: usize| MARK.len() + 64 + room;
        let text = format!(
            "{}{}{}",
            "h".repeat(300),
            "m".repeat(1_600),
            "t".repeat(100)
        );
        let expected = |head: &str, left_out: usize, all: usize, tail: &str| {
            format!("{head}{MARK}{left_out} of {all} bytes left out]…{tail}")
        };
        assert_eq!(
            cut(&text, longest(400)),
            expected(&"h".repeat(300), 1_600, 2_000, &"t".repeat(100))
        );
        // 303 and 101 bytes are in the middle of a character.
        assert_eq!(
            cut(&"ü".repeat(1_000), longest(404)),
            expected(&"ü".repeat(151), 1_598, 2_000, &"ü".repeat(50))
        );
    }

    #[test]
    fn long_values_share_what_short_ones_leave() {
        for (limit, longest) in [
            (15_000, usize::MAX),
            (14_999, 8_999),
            (12_000, 6_000),
            (5_000, SHORT.max(5_000 / 3)),
            (300, SHORT),
        ] {
            let cap = longest_allowed(&mut [9_000, 2_000, 4_000], limit);
            assert_eq!(cap, longest, "{limit}");
        }
    }

    #[test]
    fn the_attributes_of_a_trace_are_cut_beyond_their_bounds() {
        let (short, long) = ("s".repeat(SHORT), "l".repeat(SHORT + 1));
        let mut trace = TraceAttributes::default();
        trace.name.clone_from(&short);
        trace.user_id = Some(long.clone());
        trace.session_id = Some(short.clone());
        trace.version = Some(long.clone());
        trace.release = Some(long.clone());
        trace.environment = Some(long.clone());
        trace.tags = (0..=TRACE_KEYS).map(|n| format!("{n}")).collect();
        trace.tags[0].clone_from(&long);
        trace.metadata = (0..=TRACE_KEYS)
            .map(|n| (format!("{n}"), Value::U64(n as u64)))
            .collect();
        trace.metadata[0] = (long.clone(), Value::Json(long.clone()));
        trace.metadata[1].1 = Value::Json(short.clone());
        let cut_long = cut(&long, SHORT);
        assert!(cut_long.len() <= SHORT && cut_long.contains(MARK));

        let new = shorten_trace(&trace);
        assert_eq!((&new.name, new.session_id.as_ref()), (&short, Some(&short)));
        for text in [&new.user_id, &new.version, &new.release, &new.environment] {
            assert_eq!(text.as_ref(), Some(&cut_long));
        }
        assert_eq!((new.tags.len(), &new.tags[0]), (TRACE_KEYS, &cut_long));
        assert_eq!(new.metadata.len(), TRACE_KEYS);
        assert_eq!(new.metadata[0], (cut_long.clone(), Value::Str(cut_long)));
        assert_eq!(new.metadata[1].1, Value::Json(short));
        assert_eq!(new.metadata[2].1, Value::U64(2));
    }

    #[test]
    fn a_cut_value_says_how_long_it_was_and_is() {
        let long = "x".repeat(200_000);
        let mut record = record("r", |span| {
            span.set_input(&long);
            span.set_output("short");
        });
        fit(&mut record, 100_000, Record::size);
        let span = record.as_span().unwrap();
        let input = span.input().and_then(text_of).unwrap();
        // A twentieth is left for what is beside the text.
        assert!((90_000..=95_000).contains(&input.len()), "{}", input.len());
        let facts = format!(
            r#"{{"original_bytes":200000,"kept_bytes":{}}}"#,
            input.len()
        );
        let marks: Vec<_> = span.metadata().collect();
        assert_eq!(marks, [("_truncated.input", ValueRef::Json(&facts))]);
        assert_eq!(span.output(), Some(ValueRef::Str("short")));
    }

    #[test]
    fn every_place_is_named_in_its_mark() {
        for (place, name) in [
            (Place::Input, "input"),
            (Place::Output, "output"),
            (Place::StatusMessage, "status_message"),
            (Place::Metadata("k"), "metadata.k"),
            (Place::ModelParameter("k"), "model_parameters.k"),
            (Place::EventInput, "event.input"),
            (Place::EventOutput, "event.output"),
            (Place::EventMetadata("k"), "event.metadata.k"),
            (Place::LinkMetadata("k"), "link.metadata.k"),
            (Place::ExceptionMessage, "exception.message"),
            (Place::Stacktrace, "exception.stacktrace"),
        ] {
            assert_eq!(name_of(place), name);
        }
    }

    #[test]
    fn no_more_events_and_errors_are_left_out_than_needed() {
        const LIMIT: usize = 256 * 1024;
        let event = |span: &tracefuse_core::Span, n: usize| {
            span.event("e")
                .metadata("n", n)
                .metadata("v", "v".repeat(900))
                .record();
        };
        let error = |span: &tracefuse_core::Span, n: usize| {
            span.record_error(&format!("{n} {}", "e".repeat(900)));
        };
        for (events, errors) in [(600, 0), (0, 600), (400, 200)] {
            let mut record = record("r", |span| {
                (0..events).for_each(|n| event(span, n));
                (0..errors).for_each(|n| error(span, n));
            });
            fit(&mut record, LIMIT, Record::size);
            assert!(
                record.size() > LIMIT / 3,
                "{events} and {errors}: {} bytes are left",
                record.size()
            );
            let span = record.as_span().unwrap();
            let names = span.metadata().find(|(key, _)| *key == "_truncated.names");
            assert_eq!(names, None, "no name was cut");
            for (key, made, left) in [
                ("_truncated.events", events, span.events().len()),
                ("_truncated.exceptions", errors, span.exceptions().len()),
            ] {
                let mark = span.metadata().find(|(known, _)| *known == key);
                let facts = format!(r#"{{"original_count":{made}}}"#);
                assert_eq!(
                    mark.map(|(_, value)| value),
                    (left < made).then_some(ValueRef::Json(&facts)),
                    "{key}"
                );
            }
        }
    }

    proptest! {
        #[test]
        fn a_cut_text_keeps_whole_characters_and_its_length(text in "\\PC{2000,6000}", longest in 1024usize..4000) {
            prop_assume!(text.len() > longest);
            let cut = cut(&text, longest);
            prop_assert!(cut.len() <= longest);
            prop_assert!(cut.contains(MARK));
        }

        #[test]
        fn the_cap_makes_everything_fit(mut lengths in prop::collection::vec(0usize..100_000, 0..40), limit in 50_000usize..200_000) {
            let cap = longest_allowed(&mut lengths, limit);
            let total: usize = lengths.iter().map(|length| (*length).min(cap)).sum();
            prop_assert!(total <= limit);
        }
    }
}
