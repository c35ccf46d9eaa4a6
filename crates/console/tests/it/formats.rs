//! The three formats, as text.

use tracefuse_console::{Color, ConsoleConfig, Format, Text};
use tracefuse_core::record::Level;

use crate::support::{AGENT_TRACE, App, export, exporter, run_agent};

pub(crate) fn check(config: ConsoleConfig, expected: &str) {
    check_app(config, run_agent, expected);
}

/// What the exporter prints of what the application records.
pub(crate) fn check_app(config: ConsoleConfig, run: fn(&App), expected: &str) {
    let app = App::new();
    run(&app);
    let (exporter, screen) = exporter(config);
    export(&exporter, &app);
    let text = screen.text();
    // The ids of spans are random.
    let text = match text.split_once("4bf92f35/") {
        Some((before, after)) => format!("{before}4bf92f35/SPAN{}", &after[8..]),
        None => text,
    };
    // An empty line follows each tree.
    let same = text.trim_end_matches('\n') == expected.trim_matches('\n');
    assert!(same, "\n{text}");
    assert_eq!(screen.writes().len(), 1);
}

#[test]
fn a_tree_is_printed_when_the_root_ends() {
    check(
        ConsoleConfig::new(),
        r#"
✗ agent support-chat                    1.81 s · 1,033 → 200 tokens (512 cached) · $0.0041 · 1 error
│ 4bf92f3577b34da6a3ce929d0e0e4736 · user user123 · session session456 · #production · #beta
│ metadata version=1.0
│ in  What's the weather in Berlin?\nShould I take an umbrella?
│ out Light rain until the evening, 12 °C. Yes, take one.
│                          ╷0               ╷500 ms          ╷1 s              ╷1.5 s
├ span rewrite-query       ━                ╎                ╎                 ╎             27.0 ms
├ retriever vector-search   ━━━━━━━         ╎                ╎                 ╎              210 ms
│ │ metadata top_k=5
│ │ out [["doc-17",0.83],["doc-4",0.79]]
│ ├ embedding embed         ━━              ╎                ╎                 ╎             62.0 ms
│ │   text-embedding-3-small · 9 tokens
│ └ event cache-miss        ◆               ╎                ╎                 ╎            +32.0 ms
├ ✗ tool get_weather               ━━━━━━━━━━╸               ╎                 ╎              302 ms
│   ✗ it::support::Failure: request failed
│     ↳ connection refused (os error 111)
│   in  [["city","Berlin"]]
├ ! tool get_weather                        ╎╺━━━━           ╎                 ╎              131 ms
│   ! second try
│   out 12 °C, light rain
└ generation answer                         ╎     ╶──────────━━━━━━━━━━━━━━━━━━━━━━━━━━━━╸    1.12 s
    gpt-4o · 1,024 → 200 tokens (512 cached) · $0.0041 · first token 300 ms
    temperature=0.7 · prompt support v3
    in  [2 messages] user: Weather in Berlin?
    out Light rain until the evening, 12 °C. Yes, take one.
"#,
    );
}

#[test]
fn a_narrow_tree_is_still_a_tree() {
    check(
        ConsoleConfig::new().width(60),
        r#"
✗ agent support-chat
│ 1.81 s · 1,033 → 200 tokens (512 cached) · $0.0041
│ 1 error
│ 4bf92f3577b34da6a3ce929d0e0e4736 · user user123
│ session session456 · #production · #beta
│ metadata version=1.0
│ in  What's the weather in Berlin?\nShould I take an umbre…
│ out Light rain until the evening, 12 °C. Yes, take one.
│                          ╷0          ╷1 s
├ span rewrite-query       ╸           ╎             27.0 ms
├ retriever vector-search  ━━━         ╎              210 ms
│ │ metadata top_k=5
│ │ out [["doc-17",0.83],["doc-4",0.79]]
│ ├ embedding embed        ━           ╎             62.0 ms
│ │   text-embedding-3-small · 9 tokens
│ └ event cache-miss       ◆           ╎            +32.0 ms
├ ✗ tool get_weather          ━━━╸     ╎              302 ms
│   ✗ it::support::Failure: request failed
│     ↳ connection refused (os error 111)
│   in  [["city","Berlin"]]
├ ! tool get_weather             ╺━╸   ╎              131 ms
│   ! second try
│   out 12 °C, light rain
└ generation answer                ╶───━━━━━━━━━━╸    1.12 s
    gpt-4o · 1,024 → 200 tokens (512 cached) · $0.0041
    first token 300 ms
    temperature=0.7 · prompt support v3
    in  [2 messages] user: Weather in Berlin?
    out Light rain until the evening, 12 °C. Yes, take one.
"#,
    );
}

#[test]
fn a_wide_tree_without_input_and_output_has_a_line_per_span() {
    check(
        ConsoleConfig::new().width(150).text(Text::None),
        r#"
✗ agent support-chat                                                                      1.81 s · 1,033 → 200 tokens (512 cached) · $0.0041 · 1 error
│ 4bf92f3577b34da6a3ce929d0e0e4736 · user user123 · session session456 · #production · #beta
│                          ╷0         ╷500 ms    ╷1 s       ╷1.5 s
├ span rewrite-query       ╸          ╎          ╎          ╎         27.0 ms
├ retriever vector-search  ╺━━━━      ╎          ╎          ╎          210 ms
│ ├ embedding embed        ╺━         ╎          ╎          ╎         62.0 ms  text-embedding-3-small · 9 tokens
│ └ event cache-miss       ◆          ╎          ╎          ╎        +32.0 ms
├ ✗ tool get_weather            ━━━━━━╸          ╎          ╎          302 ms
│   ✗ it::support::Failure: request failed
│     ↳ connection refused (os error 111)
├ ! tool get_weather                  ╺━━╸       ╎          ╎          131 ms
│   ! second try
└ generation answer                   ╎   ──────╼━━━━━━━━━━━━━━━━━╸    1.12 s  gpt-4o · 1,024 → 200 tokens (512 cached) · $0.0041 · first token 300 ms
    temperature=0.7 · prompt support v3
"#,
    );
}

#[test]
fn a_compact_line_is_printed_per_span() {
    check(
        ConsoleConfig::new().format(Format::Compact).width(130),
        r#"
13:19:50.508 4bf92f35 span       rewrite-query 27.0 ms
13:19:50.536 4bf92f35 embedding  embed 62.0 ms  text-embedding-3-small · 9 tokens
13:19:50.536 4bf92f35 event      cache-miss
13:19:50.535 4bf92f35 retriever  vector-search 210 ms  top_k=5  out [["doc-17",0.83],["doc-4",0.79]]
13:19:50.745 4bf92f35 tool       ✗ get_weather 302 ms  ✗ it::support::Failure: request failed    ↳ connection refused (os error 1…
13:19:51.047 4bf92f35 tool       ! get_weather 131 ms  ! second try  out 12 °C, light rain
13:19:51.186 4bf92f35 generation answer 1.12 s  gpt-4o · 1,024 → 200 tokens (512 cached) · $0.0041 · first token 300 ms  temperat…
13:19:50.504 4bf92f35 agent      support-chat 1.81 s  user user123 · session session456 · #production · #beta  version=1.0  in Wh…
"#,
    );
}

/// The JSON line of a tool that failed, its random ids as `#1`, `#2`, in the order they appear.
#[test]
fn a_json_line_has_the_documented_schema() {
    let app = App::new();
    let trace = app
        .tracer
        .trace("shop")
        .trace_id(AGENT_TRACE.parse().unwrap());
    let trace = trace.metadata("numbers", [1, 2]).start();
    let tool = trace
        .tool("pay")
        .tag("money")
        .metadata("rate", f64::NAN)
        .metadata("big", u64::MAX);
    let tool = tool
        .metadata("ok", true)
        .input("a\u{1b}]0;t\u{7}\n\u{202e}")
        .start();
    tool.event("asked")
        .level(Level::Warning)
        .metadata("try", 1)
        .record();
    tool.record_error("no funds");
    app.pass(2);
    tool.end();
    let (exporter, screen) = exporter(
        ConsoleConfig::new()
            .format(Format::Json)
            .color(Color::Always),
    );
    export(&exporter, &app);

    let mut line = screen.text();
    let mut ids = 0;
    while let Some(at) = (0..line.len()).find(|at| {
        let quoted = line.get(*at..at + 18).unwrap_or_default();
        quoted.starts_with('"')
            && quoted.ends_with('"')
            && quoted[1..17].bytes().all(|b| b.is_ascii_hexdigit())
    }) {
        ids += 1;
        let id = line[at..at + 18].to_owned();
        line = line.replace(&id, &format!("\"#{ids}\""));
    }
    let expected = [
        r##"{"schema":1,"trace_id":"4bf92f3577b34da6a3ce929d0e0e4736","span_id":"#1","parent_span_id":"#2","name":"pay","type":"tool""##,
        r##""start_time":"2026-11-23T13:19:50.504000000Z","end_time":"2026-11-23T13:19:50.506000000Z","duration_ns":2000000"##,
        r##""level":"ERROR","status":"error","status_message":"error: no funds""##,
        r##""input":"a\u001b]0;t\u0007\n\u202e","metadata":{"rate":"NaN","big":18446744073709551615,"ok":true},"tags":["money"]"##,
        r##""events":[{"id":"#3","name":"asked","time":"2026-11-23T13:19:50.504000000Z","level":"WARNING","metadata":{"try":1}}]"##,
        r##""exceptions":[{"id":"#4","time":"2026-11-23T13:19:50.504000000Z","type":"error","message":"no funds"}]"##,
        r##""trace":{"name":"shop","metadata":{"numbers":[1,2]}},"resource":{"service_name":"shop"}}"##,
    ];
    assert_eq!(line, expected.join(",") + "\n", "\n{line}");
}

#[test]
fn no_format_lets_text_command_the_terminal() {
    let hostile = "\u{1b}]52;c;cm0=\u{7}\u{1b}]8;;x\u{1b}\\\u{1b}]0;t\u{7}\u{1b}P$q\u{9b}2J\u{202e}\u{e0041}\r\n\0";
    for format in [Format::Tree, Format::Compact, Format::Json] {
        let app = App::new();
        let trace = app
            .tracer
            .trace(hostile)
            .user_id(hostile)
            .session_id(hostile)
            .tag(hostile);
        trace.metadata(hostile, hostile).run(|trace| {
            trace.set_input(hostile);
            trace
                .generation(hostile)
                .model(hostile)
                .prompt(hostile, 1)
                .run(|span| {
                    span.set_output([(hostile, hostile)]);
                    span.event(hostile)
                        .metadata(hostile, hostile)
                        .input(hostile)
                        .record();
                    span.record_error(hostile);
                    span.set_status_message(hostile);
                });
        });
        let config = ConsoleConfig::new()
            .format(format)
            .width(10_000)
            .color(Color::Always);
        let (exporter, screen) = exporter(config);
        export(&exporter, &app);
        let text = screen.text();
        let colours = text.matches("\u{1b}[").count();
        assert_eq!(colours > 0, format != Format::Json);
        let bare = anstream::adapter::strip_str(&text).to_string();
        let loud = |c: char| c.is_control() && c != '\n' || "\u{202e}\u{e0041}".contains(c);
        assert!(!bare.contains(loud), "{bare:?}");
        // Stripping removes commands too, so what it removed must have been our colours alone.
        let sgr = |code: &str| {
            code.find('m')
                .is_some_and(|end| code[..end].bytes().all(|b| b.is_ascii_digit() || b == b';'))
        };
        assert!(text.split("\u{1b}[").skip(1).all(sgr));
        assert_eq!(text.matches('\u{1b}').count(), colours);
        assert!(bare.contains("52;c;cm0="));
    }
}

#[test]
fn a_writer_gets_colours_only_when_asked() {
    for (color, colored) in [
        (Color::Auto, false),
        (Color::Never, false),
        (Color::Always, true),
    ] {
        let app = App::new();
        run_agent(&app);
        let (exporter, screen) = exporter(ConsoleConfig::new().color(color));
        export(&exporter, &app);
        assert_eq!(screen.text().contains('\u{1b}'), colored);
    }
}
