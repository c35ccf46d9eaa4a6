//! Ids in log lines: what `TraceIds` adds to the lines of `tracing_subscriber::fmt`, and where it adds nothing.

use std::io;
use std::sync::{Arc, Mutex};

use serde_json::Value;
use tracefuse_core::bridge::suppress_thread;
use tracefuse_core::{SampleRate, Span, Tracer};
use tracefuse_tracing::TraceIds;
use tracing::dispatcher::{Dispatch, with_default};
use tracing_subscriber::fmt::{self, MakeWriter};
use tracing_subscriber::layer::SubscriberExt as _;

use crate::support::{Recorder, tracer};

#[derive(Clone, Default)]
struct Lines(Arc<Mutex<Vec<u8>>>);

impl Lines {
    fn text(&self) -> String {
        String::from_utf8(self.0.lock().unwrap().clone()).unwrap()
    }
}

impl io::Write for Lines {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl MakeWriter<'_> for Lines {
    type Writer = Self;

    fn make_writer(&self) -> Self {
        self.clone()
    }
}

/// A subscriber with a `fmt` layer of this form, and what it wrote.
macro_rules! lines {
    ($tracer:expr, |$layer:ident| $change:expr) => {{
        let lines = Lines::default();
        let $layer = fmt::layer()
            .with_writer(lines.clone())
            .with_ansi(false)
            .without_time();
        let subscriber = tracing_subscriber::registry()
            .with($change)
            .with(tracefuse_tracing::layer($tracer));
        (Dispatch::new(subscriber), lines)
    }};
}

fn ids(span: &Span) -> (String, String) {
    let (trace, span) = (span.trace_id().unwrap(), span.id().unwrap());
    (trace.to_string(), span.to_string())
}

#[test]
fn a_text_line_in_a_span_ends_with_its_ids() {
    let (tracer, _) = tracer();
    let (subscriber, lines) = lines!(&tracer, |layer| layer.map_event_format(TraceIds::text));
    let (trace, span) = with_default(&subscriber, || {
        tracing::info!("before");
        let ids = tracer.trace("request").run(|trace| {
            trace.span("work").run(|span| {
                tracing::info!(answer = 42, "inside");
                ids(&span)
            })
        });
        tracing::info!("after");
        ids
    });
    assert_eq!(
        lines.text(),
        format!(
            " INFO it::ids: before\n INFO it::ids: inside answer=42 trace_id={trace} span_id={span}\n INFO it::ids: after\n"
        )
    );
}

#[test]
fn a_json_line_has_the_ids_as_members() {
    let (tracer, _) = tracer();
    let prefix = "https://langfuse.example/\"quoted\"\\/project/p1/traces/";
    let (subscriber, lines) = lines!(&tracer, |layer| layer
        .json()
        .map_event_format(|format| TraceIds::json(format).trace_url(prefix)));
    let (trace, span) = with_default(&subscriber, || {
        tracing::info!("outside {{}}");
        tracer.trace("request").run(|trace| {
            tracing::info!(text = "ends with }\n", "inside }}}}");
            ids(trace.root())
        })
    });
    let text = lines.text();
    assert_eq!(text.matches('\n').count(), 2, "{text}");
    let lines: Vec<Value> = text
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    assert_eq!(lines[0].get("trace_id"), None);
    assert_eq!(lines[0]["fields"]["message"], "outside {}");
    assert_eq!(lines[1]["trace_id"], trace);
    assert_eq!(lines[1]["span_id"], span);
    assert_eq!(lines[1]["trace_url"], format!("{prefix}{trace}"));
    assert_eq!(lines[1]["fields"]["message"], "inside }}");
    assert_eq!(lines[1]["fields"]["text"], "ends with }\n");
}

#[test]
fn all_formats_keep_their_newlines() {
    let (tracer, _) = tracer();
    let check = |(subscriber, lines): (Dispatch, Lines), newlines: usize| {
        with_default(&subscriber, || {
            tracer.trace("request").run(|trace| {
                tracing::info!("two\nlines\n");
                let (trace, span) = ids(trace.root());
                let text = lines.text();
                let end = format!(
                    " trace_id={trace} span_id={span} trace_url=u/{trace}{}",
                    "\n".repeat(newlines)
                );
                assert!(text.ends_with(&end), "{text:?}");
                assert_eq!(text.matches("trace_id=").count(), 1, "{text:?}");
            });
        });
    };
    let url = "u/";
    check(
        lines!(&tracer, |layer| layer.compact().map_event_format(
            |format| TraceIds::text(format).trace_url(url)
        )),
        2,
    );
    check(
        lines!(&tracer, |layer| layer.pretty().map_event_format(|format| {
            TraceIds::text(format).trace_url(url)
        })),
        2,
    );
}

#[test]
fn a_span_of_tracing_gives_the_ids_of_its_observation() {
    let (tracer, recorder) = tracer();
    let (subscriber, lines) = lines!(&tracer, |layer| layer.map_event_format(TraceIds::text));
    with_default(&subscriber, || {
        let call = tracing::info_span!("chat", gen_ai.operation.name = "chat");
        call.in_scope(|| tracing::info!("contextual"));
        tracing::info!(parent: &call, "explicit");
        tracing::info!("outside");
        let unrecorded = tracing::info_span!(parent: &call, "http");
        tracing::info!(parent: &unrecorded, "below");
        call.in_scope(|| tracing::info!(parent: None, "detached"));
    });
    let record = &recorder.spans()[0];
    let (trace, span) = (record.trace_id(), record.span_id());
    let text = lines.text();
    let with_ids: Vec<bool> = text
        .lines()
        .map(|line| line.ends_with(&format!(" trace_id={trace} span_id={span}")))
        .collect();
    assert_eq!(with_ids, [true, true, false, true, false], "{text}");
}

#[test]
fn colours_stay_and_the_ids_come_first() {
    let (tracer, _) = tracer();
    let plain = Lines::default();
    let colored = Lines::default();
    let subscriber = tracing_subscriber::registry()
        .with(
            fmt::layer()
                .with_writer(plain.clone())
                .with_ansi(true)
                .without_time(),
        )
        .with(
            fmt::layer()
                .with_writer(colored.clone())
                .with_ansi(true)
                .without_time()
                .map_event_format(TraceIds::text),
        );
    let (trace, span) = with_default(&Dispatch::new(subscriber), || {
        tracer.trace("request").run(|trace| {
            tracing::info!("inside");
            ids(trace.root())
        })
    });
    let expected = format!("trace_id={trace} span_id={span} {}", plain.text());
    assert_eq!(colored.text(), expected);
    assert!(plain.text().contains('\u{1b}'));
}

#[test]
fn an_unsampled_trace_and_a_delivery_thread_add_nothing() {
    let (tracer, _) = tracer();
    let none = Tracer::builder(Recorder::new())
        .sample_rate(SampleRate::new(0.0).unwrap())
        .build();
    let (subscriber, lines) = lines!(&tracer, |layer| layer.map_event_format(TraceIds::text));
    with_default(&subscriber, || {
        none.trace("unsampled").run(|_| tracing::info!("one"));
        tracer.trace("request").run(|trace| {
            std::thread::scope(|scope| {
                scope.spawn(|| {
                    suppress_thread();
                    let _entered = trace.root().enter();
                    with_default(&subscriber, || tracing::info!("two"));
                });
            });
        });
    });
    assert_eq!(lines.text(), " INFO it::ids: one\n INFO it::ids: two\n");
}

/// Writes these pieces in place of each event.
#[derive(Clone)]
struct Pieces(&'static [&'static str]);

impl<S, N> fmt::FormatEvent<S, N> for Pieces
where
    S: tracing::Subscriber + for<'a> tracing_subscriber::registry::LookupSpan<'a>,
    N: for<'a> fmt::FormatFields<'a> + 'static,
{
    fn format_event(
        &self,
        _: &fmt::FmtContext<'_, S, N>,
        mut writer: fmt::format::Writer<'_>,
        _: &tracing::Event<'_>,
    ) -> std::fmt::Result {
        self.0.iter().try_for_each(|piece| writer.write_str(piece))
    }
}

#[test]
fn an_object_without_members_gets_the_ids_alone() {
    let (tracer, _) = tracer();
    for pieces in [
        &["{}\n"][..],
        &["{", "}", "\n"],
        &["{\"a\":{}}\n"],
        &["{\"a\":\"{\"", "}", "\n"],
        &["{\"a\":{", "}", "}\n"],
    ] {
        let (subscriber, lines) = lines!(&tracer, |layer| layer
            .event_format(TraceIds::json(Pieces(pieces))));
        let span = with_default(&subscriber, || {
            tracer.trace("request").run(|trace| {
                tracing::info!("replaced");
                ids(trace.root()).1
            })
        });
        let line: Value = serde_json::from_str(&lines.text()).unwrap();
        assert_eq!(line["span_id"], span, "{pieces:?}");
    }
}
