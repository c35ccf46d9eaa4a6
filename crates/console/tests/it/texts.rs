//! What was recorded is shown: in a line each, whole, or not at all.

use tracefuse_console::{ConsoleConfig, Format, Text};
use tracefuse_core::record::{Cost, Level, Status, Usage};
use tracefuse_core::{Exception, Link};

use crate::formats::check_app;
use crate::support::{AGENT_TRACE, App, export, exporter};

/// Every kind of thing that can be recorded.
fn run_all(app: &App) {
    let trace = app
        .tracer
        .trace("support-chat")
        .trace_id(AGENT_TRACE.parse().unwrap());
    let trace = trace
        .user_id("ada")
        .tag("beta")
        .metadata("plan", "pro")
        .version("2.1");
    trace.run(|trace| {
        let answer = trace
            .generation("answer")
            .model("gpt-4o")
            .tag("cached")
            .prompt("support", 3);
        answer
            .model_parameter("temperature", 0.7)
            .model_parameter("top_p", 1)
            .metadata("attempt", 1)
            .metadata("source", "docs\nand more")
            .run(|span| {
                app.pass(10);
                span.set_input(
                    [("role", "user"), ("content", "Hello,\nwho are you?")]
                        .into_iter()
                        .collect::<std::collections::BTreeMap<_, _>>(),
                );
                span.set_output(
                    "I am a model that answers questions about this product and nothing else.",
                );
                span.set_usage(Usage::openai(1024, 200).cached_tokens(512));
                span.set_cost(Cost::new(0.0021, 0.002));
                span.event("retry")
                    .level(Level::Warning)
                    .metadata("wait_ms", 20)
                    .input("429")
                    .record();
                span.score("quality", 0.9).comment("short").record();
                span.set_status(Status::Ok);
            });
        let tool = trace.tool("search").start();
        let timeout = Exception::new(
            "std::io::error::Error",
            "connection timed out after a long while of waiting",
        );
        tool.record_exception(timeout);
        app.pass(10);
        tool.end();
        trace.score("solved", true).record();
    });
}

#[test]
fn everything_recorded_is_shown_in_a_line_each() {
    check_app(
        ConsoleConfig::new().width(80),
        run_all,
        r#"
✗ span support-chat
│ 20.0 ms · 1,024 → 200 tokens (512 cached) · $0.0041 · 1 error
│ 4bf92f3577b34da6a3ce929d0e0e4736 · user ada · version 2.1 · #beta
│ metadata plan=pro
│ score solved = true
│                    ╷0          ╷5 ms       ╷10 ms      ╷15 ms
├ generation answer  ━━━━━━━━━━━━━━━━━━━━━━━━╸           ╎               10.0 ms
│ │ gpt-4o · 1,024 → 200 tokens (512 cached) · $0.0041
│ │ ok · temperature=0.7 · top_p=1 · prompt support v3 · #cached
│ │ score quality = 0.9  short
│ │ metadata attempt=1 · source=docs\nand more
│ │ in  user: Hello,\nwho are you?
│ │ out I am a model that answers questions about this product and nothing else.
│ └ ! event retry                ╎           ◆           ╎              +10.0 ms
│     metadata wait_ms=20
│     in  429
└ ✗ tool search                  ╎           ╺━━━━━━━━━━━━━━━━━━━━━━━━   10.0 ms
    ✗ io::Error: connection timed out after a long while of waiting
"#,
    );
}

#[test]
fn whole_texts_are_wrapped_and_indented() {
    check_app(
        ConsoleConfig::new().width(60).text(Text::Full),
        run_all,
        r#"
✗ span support-chat
│ 20.0 ms · 1,024 → 200 tokens (512 cached) · $0.0041
│ 1 error
│ 4bf92f3577b34da6a3ce929d0e0e4736 · user ada · version 2.1
│ #beta
│ metadata
│   plan = pro
│ score solved = true
│                    ╷0            ╷10 ms
├ generation answer  ━━━━━━━━━━━━━━╸                 10.0 ms
│ │ gpt-4o · 1,024 → 200 tokens (512 cached) · $0.0041
│ │ ok · temperature=0.7 · top_p=1 · prompt support v3
│ │ #cached
│ │ input=512 · input_cached_tokens=512 · output=200
│ │ input cost=$0.0021 · output cost=$0.0020
│ │ score quality = 0.9  short
│ │ metadata
│ │   attempt = 1
│ │   source =
│ │     docs
│ │     and more
│ │ in  user:
│ │       Hello,
│ │       who are you?
│ │ out I am a model that answers questions about this
│ │     product and nothing else.
│ └ ! event retry                  ◆                +10.0 ms
│     metadata
│       wait_ms = 20
│     in  429
└ ✗ tool search                    ╺━━━━━━━━━━━━━━   10.0 ms
    ✗ io::Error: connection timed out after a long while of
      waiting
"#,
    );
}

#[test]
fn without_texts_there_is_what_happened() {
    check_app(
        ConsoleConfig::new().width(80).text(Text::None),
        run_all,
        r#"
✗ span support-chat
│ 20.0 ms · 1,024 → 200 tokens (512 cached) · $0.0041 · 1 error
│ 4bf92f3577b34da6a3ce929d0e0e4736 · user ada · version 2.1 · #beta
│ score solved = true
│                    ╷0          ╷5 ms       ╷10 ms      ╷15 ms
├ generation answer  ━━━━━━━━━━━━━━━━━━━━━━━━╸           ╎               10.0 ms
│ │ gpt-4o · 1,024 → 200 tokens (512 cached) · $0.0041
│ │ ok · temperature=0.7 · top_p=1 · prompt support v3 · #cached
│ │ score quality = 0.9  short
│ └ ! event retry                ╎           ◆           ╎              +10.0 ms
└ ✗ tool search                  ╎           ╺━━━━━━━━━━━━━━━━━━━━━━━━   10.0 ms
    ✗ io::Error: connection timed out after a long while of waiting
"#,
    );
}

#[test]
fn compact_lines_have_all_of_it_too() {
    check_app(
        ConsoleConfig::new().format(Format::Compact).width(1_000),
        run_all,
        r#"
13:19:50.514 4bf92f35 event      ! retry  wait_ms=20  in 429
13:19:50.504 4bf92f35 generation answer 10.0 ms  gpt-4o · 1,024 → 200 tokens (512 cached) · $0.0041  ok · temperature=0.7 · top_p=1 · prompt support v3 · #cached  attempt=1 · source=docs\nand more  in user: Hello,\nwho are you?  out I am a model that answers questions about this product and nothing else.
13:19:50.514 4bf92f35 tool       ✗ search 10.0 ms  ✗ io::Error: connection timed out after a long while of waiting
13:19:50.504 4bf92f35 span       support-chat 20.0 ms  user ada · version 2.1 · #beta  plan=pro
13:19:50.514 4bf92f35/SPAN score quality = 0.9  short
13:19:50.524 4bf92f35 score solved = true
"#,
    );
}

#[test]
fn compact_lines_have_whole_texts_below_them() {
    let config = ConsoleConfig::new()
        .format(Format::Compact)
        .text(Text::Full)
        .width(60);
    check_app(
        config,
        run_all,
        r#"
13:19:50.514 4bf92f35 event      ! retry
  metadata
    wait_ms = 20
  in  429
13:19:50.504 4bf92f35 generation answer 10.0 ms
  gpt-4o · 1,024 → 200 tokens (512 cached) · $0.0041
  ok · temperature=0.7 · top_p=1 · prompt support v3
  #cached
  input=512 · input_cached_tokens=512 · output=200
  input cost=$0.0021 · output cost=$0.0020
  metadata
    attempt = 1
    source =
      docs
      and more
  in  user:
        Hello,
        who are you?
  out I am a model that answers questions about this product
      and nothing else.
13:19:50.514 4bf92f35 tool       ✗ search 10.0 ms
  ✗ io::Error: connection timed out after a long while of
    waiting
13:19:50.504 4bf92f35 span       support-chat 20.0 ms
  user ada · version 2.1 · #beta
  metadata
    plan = pro
13:19:50.514 4bf92f35/SPAN score quality = 0.9  short
13:19:50.524 4bf92f35 score solved = true
"#,
    );
}

fn run_linked(app: &App) {
    let link = Link::new(
        AGENT_TRACE.parse().unwrap(),
        "b7ad6b7169203331".parse().unwrap(),
    );
    let far = Link::new(
        "0af7651916cd43dd8448eb211c80319c".parse().unwrap(),
        "00f067aa0ba902b7".parse().unwrap(),
    );
    let trace = app
        .tracer
        .trace("job")
        .trace_id(AGENT_TRACE.parse().unwrap());
    let trace = trace.link(link.metadata("why", "retry\nonce"));
    trace.link(far).run(|_| app.pass(10));
}

#[test]
fn links_are_shown_with_their_metadata() {
    let far = "span 00f067aa0ba902b7 of trace 0af7651916cd43dd8448eb211c80319c";
    for (config, first) in [
        (
            ConsoleConfig::new(),
            "link  span b7ad6b7169203331  why=retry\\nonce",
        ),
        (
            ConsoleConfig::new().text(Text::None),
            "link  span b7ad6b7169203331",
        ),
        (
            ConsoleConfig::new().format(Format::Compact),
            "link span b7ad6b7169203331  why=retry\\nonce",
        ),
        (
            ConsoleConfig::new().format(Format::Json),
            r#""links":[{"trace_id":"4bf92f3577b34da6a3ce929d0e0e4736","span_id":"b7ad6b7169203331","metadata":{"why":"retry\nonce"}}"#,
        ),
    ] {
        let app = App::new();
        run_linked(&app);
        let (exporter, screen) = exporter(config.width(1_000));
        export(&exporter, &app);
        let text = screen.text();
        assert!(text.contains(first), "\n{text}");
        assert!(
            text.contains(far) || text.contains(r#""span_id":"00f067aa0ba902b7"}]"#),
            "\n{text}"
        );
        assert_eq!(text.contains("why"), first.contains("why"), "\n{text}");
    }
}
