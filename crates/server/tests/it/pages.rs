//! The pages as a client without a browser gets them. `tests/pages` opens them in one.

use std::io::{BufRead as _, BufReader, Write as _};
use std::net::TcpStream;
use std::time::Duration;

use serde_json::{Value, json};

use crate::support::Live;

const ID: &str = "0123456789abcdef0123456789abcdef";

/// A generation below an agent; the generation failed.
fn sample(server: &Live) {
    let attribute = |key: &str, value: &str| json!({"key": key, "value": {"stringValue": value}});
    let chat = r#"[{"role":"user","content":"Hello <b>there</b>"}]"#;
    let spans = json!([
        {"traceId": ID, "spanId": "1111111111111111", "name": "agent", "startTimeUnixNano": "1800000000000000000",
            "endTimeUnixNano": "1800000002000000000", "attributes": [attribute("langfuse.observation.type", "agent"),
            attribute("session.id", "s 1"), attribute("user.id", "ann"), attribute("langfuse.observation.input", chat)]},
        {"traceId": ID, "spanId": "2222222222222222", "parentSpanId": "1111111111111111", "name": "answer",
            "startTimeUnixNano": "1800000000500000000", "endTimeUnixNano": "1800000001500000000",
            "attributes": [attribute("langfuse.observation.type", "generation"), attribute("langfuse.observation.level", "ERROR"),
            attribute("langfuse.observation.status_message", "no answer"), attribute("langfuse.observation.output", "words")]},
    ]);
    let request = json!({"resourceSpans": [{"scopeSpans": [{"spans": spans}]}]});
    server.put(request.to_string().as_bytes());
}

fn page(server: &Live, path: &str) -> String {
    let answer = server.call().send("GET", path, b"");
    assert_eq!(answer.status, 200, "{path}: {}", answer.body);
    let policy = answer.header("content-security-policy").unwrap_or_default();
    assert!(policy.starts_with("default-src 'none'"), "{path}: {policy}");
    assert!(!policy.contains("unsafe"), "{path}: {policy}");
    assert_eq!(answer.header("x-content-type-options"), Some("nosniff"));
    answer.body
}

#[test]
fn every_page_is_there_and_forbids_what_is_foreign() {
    let server = Live::start();
    sample(&server);
    for (path, part) in [
        ("/", "agent"),
        ("/?q=words", "agent"),
        ("/?level=ERROR&user=ann", "1 error"),
        ("/?name=other", "No trace matches"),
        ("/?min_cost=much", "is not used"),
        (&format!("/traces/{ID}"), "no answer"),
        (&format!("/traces/{ID}?span=2222222222222222"), "words"),
        (
            &format!("/traces/{ID}/spans/1111111111111111"),
            "Hello &lt;b&gt;there&lt;/b&gt;",
        ),
        ("/sessions", "s 1"),
        ("/sessions/s%201", "Hello"),
        ("/users", "ann"),
        (&format!("/compare?t={ID}&t={ID}"), "equal"),
        ("/compare", "Choose two traces"),
        ("/overview?range=90d", "Latency"),
    ] {
        let html = page(&server, path);
        assert!(html.contains(part), "{path}: no {part}: {html}");
        assert!(!html.contains("<b>there"), "{path}: {html}");
        assert!(
            !html.contains(" style=") && !html.contains(" onclick"),
            "{path}: {html}"
        );
    }
}

#[test]
fn spans_are_columns_and_exports_are_texts() {
    let server = Live::start();
    sample(&server);
    let html = page(&server, &format!("/traces/{ID}"));
    let (_, columns) = html
        .split_once("<script id=\"columns\" type=\"application/json\">")
        .unwrap();
    let (columns, _) = columns.split_once("</script>").unwrap();
    let columns: Value = serde_json::from_str(columns).unwrap();
    assert_eq!(columns["depth"], json!([0, 1]));
    assert_eq!(columns["start"], json!([0, 500_000]));
    assert_eq!(columns["length"], json!([2_000_000, 1_000_000]));
    assert_eq!(columns["level"], json!([1, 3]));
    let text = page(&server, &format!("/traces/{ID}/export.md"));
    assert!(
        text.contains("- agent (agent, 2.00 s)\n  - answer (generation, 1.00 s, **error**)"),
        "{text}"
    );
    let spans = server.get(&format!("/traces/{ID}/spans/2222222222222222/export.json"));
    assert_eq!(spans.as_array().map(Vec::len), Some(1));
    assert_eq!(spans[0]["output"], "words");
    let raw = page(
        &server,
        &format!("/traces/{ID}/spans/2222222222222222/raw/output"),
    );
    assert_eq!(raw, "words");
    let asked = page(&server, &format!("/traces/{ID}/raw/input"));
    assert_eq!(asked, r#"[{"role":"user","content":"Hello <b>there</b>"}]"#);
}

#[test]
fn a_trace_shows_the_texts_that_it_was_given_itself() {
    let server = Live::start();
    let event = |id: &str, kind: &str, body: Value| json!({"id": id, "timestamp": "2026-11-27T12:00:00Z", "type": kind, "body": body});
    let batch = json!({"batch": [
        event("1", "trace-create", json!({"id": "t", "name": "chat", "input": "the question", "output": "the answer"})),
        event("2", "span-create", json!({"id": "s", "traceId": "t", "name": "step", "input": "of the step", "startTime": "2026-11-27T12:00:00Z"})),
    ]});
    let answer = server.call().json().send(
        "POST",
        "/api/public/ingestion",
        batch.to_string().as_bytes(),
    );
    assert_eq!(answer.status, 207, "{}", answer.body);
    let html = page(&server, "/traces/t");
    assert!(
        html.contains("the question") && html.contains("the answer"),
        "{html}"
    );
    assert_eq!(page(&server, "/traces/t/raw/output"), "the answer");
}

#[test]
fn a_name_ends_no_element_of_the_page() {
    let server = Live::start();
    let name = "</script><script>alert(1)</script><!--";
    let spans = json!([{"traceId": ID, "spanId": "1111111111111111", "name": name, "startTimeUnixNano": "1800000000000000000",
        "endTimeUnixNano": "1800000002000000000", "attributes": []}]);
    let request = json!({"resourceSpans": [{"scopeSpans": [{"spans": spans}]}]});
    server.put(request.to_string().as_bytes());
    let html = page(&server, &format!("/traces/{ID}"));
    assert!(
        !html.contains("<script>alert") && !html.contains("<!--"),
        "{html}"
    );
    assert!(
        html.contains("\\u003c/script>\\u003cscript>alert(1)"),
        "{html}"
    );
}

#[test]
fn what_is_not_there_is_a_page_with_404() {
    let server = Live::start();
    sample(&server);
    for path in [
        "/traces/none",
        "/traces/none/raw/input",
        "/traces/none/export.md",
        &format!("/traces/{ID}/export.pdf"),
        &format!("/traces/{ID}/spans/1111111111111111/raw/output"),
        "/sessions/none",
        "/assets/none.js",
        "/assets/..%2f..%2flib.rs",
    ] {
        let answer = server.call().send("GET", path, b"");
        assert_eq!(answer.status, 404, "{path}");
    }
}

#[test]
fn a_file_that_the_browser_has_is_not_sent_again() {
    let server = Live::start();
    let first = server.call().send("GET", "/assets/trace.js", b"");
    assert_eq!(first.status, 200);
    let tag = first.header("etag").unwrap().to_owned();
    let again = server
        .call()
        .with("if-none-match", &tag)
        .send("GET", "/assets/trace.js", b"");
    assert_eq!((again.status, again.body.len()), (304, 0));
}

#[test]
fn events_name_what_changed_and_end_with_the_server() {
    let server = Live::start();
    let mut stream = TcpStream::connect(server.address).unwrap();
    stream
        .set_read_timeout(Some(Duration::from_secs(60)))
        .unwrap();
    let request = format!("GET /live HTTP/1.1\r\nhost: {}\r\n\r\n", server.address);
    stream.write_all(request.as_bytes()).unwrap();
    let mut lines = BufReader::new(stream).lines().map(Result::unwrap);
    assert!(lines.any(|line| line == ": the stream begins"));
    sample(&server);
    assert!(lines.any(|line| line == format!("data: [\"{ID}\"]")));
    // The server stops though the page is open, and ends the answer.
    drop(server);
    assert!(lines.any(|line| line == "0"));
}
