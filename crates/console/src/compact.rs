//! A line per span: when, which trace, what, how long, what it used, how it failed.
//! Fed by `exporter`; knows nothing of the span before or after.

use tracefuse_exporter::record::SpanRecord;

use crate::convert;
use crate::model::Severity;
use crate::paint::{BOLD, DIM, ERROR, Line, PLAIN, WARNING, style_of};
use crate::sanitize::Sanitized;
use crate::tree::{messages, summary};
use crate::units::duration;

/// `13:19:50.504 4bf92f35 generation answer 1.12 s  gpt-4o · 1,024 → 200 tokens · $0.0041`: the time
/// of the start in UTC, the first eight digits of the trace's id, type, name, duration.
pub(crate) fn line(record: &SpanRecord, io: bool, width: Option<usize>) -> Line {
    let span = convert::span(record, io);
    let start = record.start_time().to_string();
    let trace = record.trace_id().to_string();
    let mut line = Line::new()
        .with(DIM, Sanitized::new(start.get(11..23).unwrap_or_default()))
        .with(
            DIM,
            Sanitized::of(format_args!(" {} ", trace.get(..8).unwrap_or_default())),
        )
        .with(
            style_of(&span.kind),
            Sanitized::of(format_args!("{:10} ", span.kind)),
        );
    let name = match span.level {
        Severity::Error => {
            line.own(ERROR, "✗ ");
            ERROR.bold()
        }
        Severity::Warning => {
            line.own(WARNING, "! ");
            BOLD
        }
        Severity::Debug => DIM,
        Severity::Normal => BOLD,
    };
    line.push(name, Sanitized::new(&span.name));
    let took = duration(span.end_ns - span.start_ns);
    line.push(PLAIN, Sanitized::of(format_args!(" {took}")));
    let mut more = vec![summary(&span)];
    more.extend(messages(&span));
    for (word, text) in [("in ", &span.input), ("out ", &span.output)] {
        if let Some(text) = text {
            let word = Line::new().with(DIM, Sanitized::own(word));
            more.push(word.with(PLAIN, Sanitized::new(text)));
        }
    }
    for part in more.into_iter().filter(|part| !part.is_empty()) {
        line.own(PLAIN, "  ");
        line.append(part);
    }
    match width {
        Some(width) => line.cut(width),
        None => line,
    }
}
