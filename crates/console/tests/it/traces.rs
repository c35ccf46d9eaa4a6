//! When trees appear, and how spans are shown that do not fit in: late, early, too many.

use std::io::{self, ErrorKind, Write};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use futures::executor::block_on;
use tracefuse_console::{ConsoleConfig, ConsoleExporter, Format};
use tracefuse_core::record::{SpanId, TraceId};
use tracefuse_exporter::{Advice, Exporter};

use crate::support::{App, Screen, export, exporter};

/// Titles and rows without bars, times and ids: which spans are shown, where, and with which note.
pub(crate) fn outline(text: &str) -> Vec<String> {
    let lines = text
        .lines()
        .filter(|line| !line.is_empty() && !line.contains('╷'));
    let rows = lines.filter(|line| {
        let start = line.trim_start_matches(['│', ' ', '⋯']);
        start.starts_with(['●', '◌', '✗', '!', '├', '└']) || !line.starts_with([' ', '│'])
    });
    let cut = |line: &str| {
        let title = line.starts_with(['●', '◌', '✗', '!']);
        let words = line.split("  ").filter(|word| !word.trim().is_empty());
        let words = words.take(if title { 2 } else { 1 });
        let words: Vec<&str> = words
            .filter(|word| !word.trim().starts_with(|c: char| c.is_ascii_digit()))
            .collect();
        words.join(": ").trim().to_owned()
    };
    rows.map(cut).collect()
}

#[test]
fn traces_at_once_do_not_interleave() {
    let app = App::new();
    let (exporter, screen) = exporter(ConsoleConfig::new());
    let traces = ["a", "b"].map(|name| app.tracer.trace(name).start());
    for _ in 0..2 {
        for trace in &traces {
            trace.span("step").run(|_| app.pass(1));
        }
        export(&exporter, &app);
    }
    assert_eq!(screen.text(), "");
    for trace in &traces {
        trace.finish();
        export(&exporter, &app);
    }
    let writes: Vec<_> = screen.writes().iter().map(|text| outline(text)).collect();
    assert_eq!(
        writes,
        [
            ["● span a", "├ span step", "└ span step"],
            ["● span b", "├ span step", "└ span step"],
        ]
    );
}

#[test]
fn children_that_end_after_their_root_are_shown_together_and_name_their_trace() {
    let app = App::new();
    let (exporter, screen) = exporter(ConsoleConfig::new());
    let trace = app.tracer.trace("chat").start();
    let late = trace.span("late").start();
    let child = late.tool("child").start();
    trace.finish();
    export(&exporter, &app);
    app.pass(1);
    child.end();
    export(&exporter, &app);
    assert_eq!(screen.writes().len(), 1, "the child waits for its parent");
    late.end();
    export(&exporter, &app);
    let note = "◌ chat · span late: late: ended after its trace was shown";
    assert_eq!(outline(&screen.writes()[1]), [note, "└ tool child"]);
    assert!(screen.writes()[1].contains(&trace.id().unwrap().to_string()));
}

#[test]
fn a_flush_shows_what_is_there_and_the_root_says_so_later() {
    let app = App::new();
    let (exporter, screen) = exporter(ConsoleConfig::new());
    let trace = app.tracer.trace("chat").start();
    trace.span("early").run(|_| ());
    export(&exporter, &app);
    block_on(exporter.flush()).unwrap();
    trace.finish();
    export(&exporter, &app);
    block_on(exporter.shutdown()).unwrap();
    let writes: Vec<_> = screen.writes().iter().map(|text| outline(text)).collect();
    assert_eq!(
        writes,
        [
            ["◌ chat · span early: incomplete: its root has not ended"],
            ["◌ span chat: continued: 1 span shown before"],
        ]
    );
}

#[test]
fn the_oldest_trace_is_shown_incomplete_when_too_many_spans_wait() {
    let app = App::new();
    let (exporter, screen) = exporter(ConsoleConfig::new().max_held_spans(2));
    let traces = ["a", "b", "c"].map(|name| app.tracer.trace(name).start());
    for trace in &traces {
        trace.span("step").run(|_| app.pass(1));
        export(&exporter, &app);
    }
    let note = "◌ a · span step: incomplete: more than 2 spans wait for a root";
    assert_eq!(outline(&screen.text()), [note]);
}

#[test]
fn a_trace_that_waits_too_long_is_shown_incomplete() {
    let app = App::new();
    let (exporter, screen) = exporter(ConsoleConfig::new().max_held_age(Duration::from_secs(60)));
    let old = app.tracer.trace("old").start();
    old.span("step").run(|_| ());
    app.pass(60_000);
    app.tracer.trace("new").run(|_| ());
    export(&exporter, &app);
    assert_eq!(outline(&screen.text()), ["● span new"]);
    app.pass(1);
    app.tracer.trace("newer").run(|_| ());
    export(&exporter, &app);
    let note = "◌ old · span step: incomplete: its root has not ended for 1m 00s";
    assert_eq!(outline(&screen.writes()[1]), ["● span newer", note]);
}

#[test]
fn two_requests_of_one_distributed_trace_are_two_trees() {
    let app = App::new();
    let (exporter, screen) = exporter(ConsoleConfig::new());
    let (id, caller) = (TraceId::random(), SpanId::random());
    let [a, b] = ["a", "b"].map(|name| app.tracer.trace(name).remote_parent(id, caller).start());
    a.span("of a").run(|_| ());
    b.span("of b").run(|_| ());
    a.finish();
    export(&exporter, &app);
    b.finish();
    export(&exporter, &app);
    let writes: Vec<_> = screen.writes().iter().map(|text| outline(text)).collect();
    assert_eq!(
        writes,
        [["● span a", "└ span of a"], ["● span b", "└ span of b"]]
    );
}

/// Takes a few bytes, then fails once, and so on.
#[derive(Clone)]
struct Faulty(Arc<Mutex<(Screen, bool, ErrorKind)>>);

impl Write for Faulty {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let (screen, fails, kind) = &mut *self.0.lock().unwrap();
        *fails = !*fails;
        if *fails {
            return Err((*kind).into());
        }
        // Whole lines, since the screen takes text.
        let end = bytes
            .iter()
            .position(|b| *b == b'\n')
            .map_or(bytes.len(), |at| at + 1);
        screen.write(&bytes[..end])
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

fn faulty(format: Format, kind: ErrorKind) -> (ConsoleExporter, Screen) {
    let screen = Screen::default();
    let writer = Faulty(Arc::new(Mutex::new((screen.clone(), false, kind))));
    let config = ConsoleConfig::new()
        .format(format)
        .width(100)
        .writer(writer);
    (ConsoleExporter::new(config), screen)
}

#[test]
fn a_batch_that_is_sent_again_is_shown_once() {
    for format in [Format::Tree, Format::Compact, Format::Json] {
        let app = App::new();
        let trace = app.tracer.trace("chat").start();
        trace.span("step").run(|_| ());
        trace.finish();
        let batch = app.batch();
        let (plain, expected) = exporter(ConsoleConfig::new().format(format));
        block_on(plain.export(&batch)).unwrap();

        let (exporter, screen) = faulty(format, ErrorKind::WouldBlock);
        let mut tries = 0;
        while let Err(error) = block_on(exporter.export(&batch)) {
            assert_eq!(error.advice(), Advice::Retry);
            tries += 1;
            assert!(tries < 100);
        }
        assert!(tries > 1);
        assert_eq!(screen.text(), expected.text());
    }
}

#[test]
fn a_reader_that_is_gone_stops_the_exporter() {
    let app = App::new();
    app.tracer.trace("chat").run(|_| ());
    let (exporter, _) = faulty(Format::Tree, ErrorKind::BrokenPipe);
    let error = block_on(exporter.export(&app.batch())).unwrap_err();
    assert_eq!(error.advice(), Advice::Stop);
    assert!(
        error
            .to_string()
            .starts_with("the console could not be written to: ")
    );
}
