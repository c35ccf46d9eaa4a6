//! The shape of trees: folded siblings, errors counted once, narrow screens, and spans in any order.

use futures::executor::block_on;
use tracefuse_console::{ConsoleConfig, Format, Text, TreeHeader, TreeSpan, render_tree};
use tracefuse_core::bridge::{Measured, reopen};
use tracefuse_core::record::{Level, Record, SpanId, Timestamp, TraceId};
use tracefuse_exporter::Exporter;
use unicode_width::UnicodeWidthStr;

use crate::formats::check_app;
use crate::support::{App, batch, export, exporter};
use crate::traces::outline;

fn run_two_hundred(app: &App) {
    let id = crate::support::AGENT_TRACE.parse().unwrap();
    app.tracer.trace("import").trace_id(id).run(|trace| {
        for n in 0..200 {
            trace.span("row").input(n).run(|span| {
                app.pass(10);
                if n == 100 {
                    span.set_level(Level::Error);
                    span.set_status_message("no such row");
                }
            });
        }
    });
}

#[test]
fn two_hundred_equal_siblings_are_a_few_lines() {
    check_app(
        ConsoleConfig::new().width(80),
        run_two_hundred,
        r#"
✗ span import                                                   2.00 s · 1 error
│ 4bf92f3577b34da6a3ce929d0e0e4736
│                ╷0           ╷500 ms       ╷1 s         ╷1.5 s
├ span row       ╸            ╎             ╎            ╎               10.0 ms
│   in  0
├ span row ×198  ━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━   1.99 s
│   198 more like it · mean 10.0 ms (10.0 ms to 10.0 ms) · total 1.98 s
└ ✗ span row                  ╎             ╸            ╎               10.0 ms
    ✗ no such row
    in  100
"#,
    );
}

#[test]
fn siblings_are_not_folded_where_their_texts_differ_or_on_request() {
    for config in [
        ConsoleConfig::new().fold(false),
        ConsoleConfig::new().text(Text::Full),
    ] {
        let app = App::new();
        run_two_hundred(&app);
        let (exporter, screen) = exporter(config);
        export(&exporter, &app);
        let text = screen.text();
        let rows = text.lines().filter(|line| line.starts_with(['├', '└']));
        assert_eq!(rows.count(), 200);
    }
}

#[test]
fn an_error_that_propagates_counts_once() {
    let app = App::new();
    let (exporter, screen) = exporter(ConsoleConfig::new());
    let records = |app: &App| {
        let result: Result<(), std::io::Error> = app.tracer.trace("chat").try_run(|trace| {
            trace.span("step").try_run(|step| {
                let down = || Err(std::io::Error::other("connection refused"));
                step.tool("call").try_run(|_| down())
            })
        });
        assert!(result.is_err());
        app.records()
    };
    block_on(exporter.export(&batch(records(&app)))).unwrap();
    let text = screen.text();
    assert!(
        text.lines().next().unwrap().ends_with("· 1 error"),
        "{text}"
    );
    assert_eq!(
        text.matches("✗ io::Error: connection refused").count(),
        3,
        "{text}"
    );
    // JSON lines mark all but the first.
    let config = ConsoleConfig::new().format(Format::Json);
    let (exporter, screen) = crate::support::exporter(config);
    block_on(exporter.export(&batch(records(&app)))).unwrap();
    let text = screen.text();
    assert_eq!(text.matches(r#""propagated":true"#).count(), 2, "{text}");
}

#[test]
fn words_and_pictures_with_joiners_are_readable_and_aligned() {
    for name in ["می\u{200c}خواهم", "क्\u{200d}ष", "👨\u{200d}👩\u{200d}👧"] {
        let spans = [
            TreeSpan::new("1", "root", 0, 1_000),
            TreeSpan::new("2", name, 0, 1_000).parent("1"),
            TreeSpan::new("3", "plain", 0, 1_000).parent("1"),
        ];
        let text = render_tree(&TreeHeader::new("root", "4bf9"), &spans, 60, false);
        assert!(text.contains(name), "{text}");
        let ends = text
            .lines()
            .filter(|line| line.ends_with("µs") && !line.starts_with('●'));
        let widths: Vec<usize> = ends.map(UnicodeWidthStr::width).collect();
        assert_eq!(widths.len(), 2);
        assert_eq!(widths[0], widths[1], "{text}");
    }
}

#[test]
fn on_a_narrow_screen_lines_are_truncated_and_not_wrapped() {
    let rows = |width| {
        let app = App::new();
        run_two_hundred(&app);
        let (exporter, screen) = exporter(ConsoleConfig::new().width(width));
        export(&exporter, &app);
        let text = screen.text();
        assert!(text.lines().all(|line| line.width() <= width), "{text}");
        text.lines().count()
    };
    assert_eq!(rows(20), rows(40));
    assert_eq!(rows(1), rows(40));
}

/// The records of a trace of three levels and two children, the root last.
fn family(app: &App) -> Vec<Record> {
    app.tracer.trace("chat").run(|trace| {
        app.pass(1);
        trace.span("a").run(|a| {
            app.pass(1);
            a.tool("a1").run(|_| app.pass(1));
        });
        trace.span("b").run(|_| app.pass(1));
        app.pass(1);
    });
    app.records()
}

const FAMILY: [&str; 4] = ["● span chat", "├ span a", "│ └ tool a1", "└ span b"];

#[test]
fn spans_of_one_batch_may_come_in_any_order() {
    let orders = [
        [0, 1, 2, 3],
        [3, 2, 1, 0],
        [3, 0, 1, 2],
        [1, 3, 0, 2],
        [2, 0, 3, 1],
    ];
    for order in orders {
        let app = App::new();
        let records = family(&app);
        let (exporter, screen) = exporter(ConsoleConfig::new());
        let records = order.iter().map(|at| records[*at].clone()).collect();
        block_on(exporter.export(&batch(records))).unwrap();
        assert_eq!(outline(&screen.text()), FAMILY, "{order:?}");
        block_on(exporter.shutdown()).unwrap();
        assert_eq!(screen.writes().len(), 1);
    }
}

#[test]
fn a_span_that_ended_in_time_and_came_later_is_not_called_late() {
    let app = App::new();
    let mut records = family(&app);
    let (exporter, screen) = exporter(ConsoleConfig::new());
    let root = records.pop().unwrap();
    block_on(exporter.export(&batch(vec![root]))).unwrap();
    block_on(exporter.export(&batch(records))).unwrap();
    let text = &screen.writes()[1];
    assert_eq!(
        outline(text),
        [
            "◌ chat: continued: reached the console after its trace",
            "span a",
            "└ tool a1",
            "span b"
        ],
        "{text}"
    );
}

#[test]
fn spans_whose_root_was_left_out_do_not_wait_for_minutes() {
    let app = App::new();
    let (exporter, screen) = exporter(ConsoleConfig::new());
    let trace = TraceId::random();
    bridged(&app, trace, 3, Some(2), "llm call");
    bridged(&app, trace, 2, Some(1), "agent");
    export(&exporter, &app);
    app.pass(29_000);
    app.tracer.trace("other").run(|_| ());
    export(&exporter, &app);
    assert_eq!(outline(&screen.text()), ["● span other"]);
    app.pass(2_000);
    app.tracer.trace("other").run(|_| ());
    export(&exporter, &app);
    assert_eq!(
        outline(&screen.writes()[1]),
        [
            "● span other",
            "◌ span agent: incomplete: its root has not ended or is not recorded",
            "└ span llm call"
        ]
    );
}

/// A span of another tracing system.
fn bridged(app: &App, trace: TraceId, id: u8, parent: Option<u8>, name: &str) {
    let id_of = |n: u8| SpanId::from_bytes([n; 8]).unwrap();
    let start = Timestamp::from_unix_nanos(1_795_439_990_504_000_000 + u64::from(id));
    let measured = Measured {
        trace_id: trace,
        span_id: id_of(id),
        parent: parent.map(id_of),
        parent_is_remote: false,
        name,
        start,
    };
    reopen(&app.tracer, &measured).end();
}

#[test]
fn spans_below_one_that_was_left_out_hang_below_the_root() {
    let app = App::new();
    let (exporter, screen) = exporter(ConsoleConfig::new());
    let trace = TraceId::random();
    bridged(&app, trace, 3, Some(2), "llm call");
    export(&exporter, &app);
    assert_eq!(screen.text(), "", "its root may come");
    // 2 was left out.
    bridged(&app, trace, 1, None, "request");
    export(&exporter, &app);
    assert_eq!(
        outline(&screen.text()),
        ["● span request", "└ span llm call"]
    );
    // It came after the root that it belongs to.
    bridged(&app, trace, 5, Some(4), "afterwards");
    export(&exporter, &app);
    assert_eq!(screen.writes().len(), 2);
    assert!(
        screen.writes()[1].contains("span afterwards"),
        "{}",
        screen.writes()[1]
    );
}

#[test]
fn a_score_of_an_open_trace_is_part_of_its_tree() {
    let app = App::new();
    let (exporter, screen) = exporter(ConsoleConfig::new());
    let trace = app.tracer.trace("chat").start();
    trace.span("step").run(|span| {
        span.score("length", 3).record();
    });
    trace.score("quality", 0.5).record();
    export(&exporter, &app);
    assert_eq!(screen.text(), "");
    let id = trace.id().unwrap();
    trace.finish();
    export(&exporter, &app);
    let text = screen.text();
    assert!(
        text.contains("\n│ score quality = 0.5\n") && text.contains("\n    score length = 3\n"),
        "{text}"
    );
    // Its tree is printed.
    app.tracer.score_trace(id, "later", true).record();
    export(&exporter, &app);
    assert!(
        screen.writes()[1].ends_with("score later = true\n"),
        "{}",
        screen.writes()[1]
    );
}

#[test]
fn live_lines_are_printed_for_spans_that_end_before_their_root() {
    let app = App::new();
    let (exporter, screen) = exporter(ConsoleConfig::new().live(true));
    let trace = app.tracer.trace("chat").start();
    trace.span("step").run(|_| app.pass(1));
    export(&exporter, &app);
    let line = screen.text();
    assert!(line.ends_with(" span       step 1.00 ms\n"), "{line}");
    assert_eq!(line.lines().count(), 1);
    trace.finish();
    export(&exporter, &app);
    assert_eq!(outline(&screen.writes()[1]), ["● span chat", "└ span step"]);
    // The other formats print each span when it ends anyway, once.
    for format in [Format::Compact, Format::Json] {
        let (exporter, screen) =
            crate::support::exporter(ConsoleConfig::new().format(format).live(true));
        app.tracer.trace("chat").run(|_| ());
        export(&exporter, &app);
        assert_eq!(screen.text().lines().count(), 1);
    }
}
