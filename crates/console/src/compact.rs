//! A line per span: when, which trace, what, how long, what it used, how it failed, what was recorded with it.
//! Called by `exporter`; each span is written without regard to others.

use tracefuse_exporter::record::SpanRecord;

use crate::choices::Text;
use crate::convert;
use crate::details::{Below, messages, of_trace, pair, settings, summary};
use crate::model::{Severity, TreeHeader};
use crate::page::Page;
use crate::paint::{BOLD, DIM, ERROR, Line, PLAIN, WARNING, joined, style_of};
use crate::sanitize::Sanitized;
use crate::tree_span::TreeSpan;
use crate::units::duration;

/// `13:19:50.504 4bf92f35 generation answer 1.12 s  gpt-4o · 1,024 → 200 tokens · $0.0041`: the time
/// of the start in UTC, the first eight digits of the trace's id, type, name, duration. An event has a separate
/// line, above its span. With `Text::Full` everything else follows, indented.
pub(crate) fn lines(page: &mut Page, record: &SpanRecord, text: Text, width: Option<usize>) {
    let trace = record.trace_id().to_string();
    let trace = trace.get(..8).unwrap_or_default();
    let mut spans = convert::spans(record, text).into_iter();
    let Some(span) = spans.next() else { return };
    let times = record.events().map(|event| event.time().to_string());
    for (event, time) in spans.zip(times) {
        line(page, &event, &time, trace, None, text, width);
    }
    let header = record
        .is_local_root()
        .then(|| convert::header(record.trace_id(), record.trace(), record.name(), text));
    let start = record.start_time().to_string();
    line(page, &span, &start, trace, header.as_ref(), text, width);
}

fn line(
    page: &mut Page,
    span: &TreeSpan,
    start: &str,
    trace: &str,
    header: Option<&TreeHeader>,
    text: Text,
    width: Option<usize>,
) {
    let mut line = Line::new()
        .with(DIM, Sanitized::new(start.get(11..23).unwrap_or_default()))
        .with(DIM, Sanitized::of(format_args!(" {trace} ")))
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
    if span.kind != "event" {
        let took = duration(span.duration());
        line.push(PLAIN, Sanitized::of(format_args!(" {took}")));
    }
    let facts = header.map(of_trace).unwrap_or_default();
    let mut more = Vec::new();
    if text != Text::Full {
        more.extend([
            joined(&summary(span)),
            joined(&facts),
            joined(&settings(span)),
        ]);
        more.extend(messages(span));
        more.push(pairs(header.map_or(&[][..], |header| &header.metadata)));
        more.push(pairs(&span.metadata));
        for link in &span.links {
            let word = Line::new().with(DIM, Sanitized::own("link "));
            more.push(word.with(PLAIN, Sanitized::new(link)));
        }
        for (word, text) in [("in ", &span.input), ("out ", &span.output)] {
            if let Some(text) = text {
                let word = Line::new().with(DIM, Sanitized::own(word));
                more.push(word.with(PLAIN, Sanitized::new(text)));
            }
        }
    }
    for part in more.into_iter().filter(|part| !part.is_empty()) {
        line.own(PLAIN, "  ");
        line.append(part);
    }
    page.line(&match width {
        Some(width) => line.cut(width),
        None => line,
    });
    if text == Text::Full {
        let width = width.unwrap_or(usize::MAX);
        let mut below = Below {
            page,
            prefix: "  ",
            width,
            text,
        };
        below.pieces(facts);
        below.pieces(summary(span));
        if let Some(header) = header {
            below.metadata("metadata ", &header.metadata);
        }
        below.span(
            span,
            if header.is_some() {
                "span metadata "
            } else {
                "metadata "
            },
        );
    }
}

fn pairs(pairs: &[(String, String)]) -> Line {
    joined(&pairs.iter().map(pair).collect::<Vec<_>>())
}
