//! Cuts the longest values of a span that is over the limit, says so, and leaves everything else alone.
//! Called by `delivery`; nothing is ever dropped for its size alone.

use tracefuse_exporter::record::{Place, SpanRecord, Value, ValueRef};

/// What a cut value says of itself, between its head and its tail.
const MARK: &str = "…[cut by tracefuse: ";
/// Values shorter than this are never cut: they are not what makes a span large.
const SHORT: usize = 1024;

/// Shortens input, output, metadata and messages until the span's text is at most `limit` bytes.
/// Ids, times, model, usage and level stay.
pub(crate) fn shorten(span: &mut SpanRecord, limit: usize) {
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
        Place::ExceptionMessage => "exception.message".into(),
        Place::Stacktrace => "exception.stacktrace".into(),
        _ => "other".into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

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
