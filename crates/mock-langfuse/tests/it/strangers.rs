//! Requests that must be refused: of web pages, for other host names, too large, too many.

use std::io::{Read as _, Write as _};
use std::net::TcpStream;

use mock_langfuse::{Action, MockLangfuse, Scenario};

use crate::support::{Call, JS, OTLP, post_python};

const READ: &str = "/api/public/v2/observations";

fn address(server: &MockLangfuse) -> String {
    server.url().split_once("://").unwrap().1.to_owned()
}

/// Sends a head as it is and returns the whole answer.
fn raw(server: &MockLangfuse, head: &str) -> String {
    let mut stream = TcpStream::connect(address(server)).unwrap();
    stream.write_all(head.as_bytes()).unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    answer
}

#[test]
fn a_host_that_is_not_this_machine_is_not_answered() {
    let server = MockLangfuse::start();
    post_python(&server);
    let port = address(&server).rsplit_once(':').unwrap().1.to_owned();
    for (host, status) in [
        (format!("localhost:{port}"), 200),
        (format!("LOCALHOST:{port}"), 200),
        (format!("127.0.0.1:{port}"), 200),
        (format!("[::1]:{port}"), 200),
        ("localhost".to_owned(), 200),
        ("evil.example".to_owned(), 403),
        (format!("evil.example:{port}"), 403),
        (format!("localhost.evil.example:{port}"), 403),
        (format!("127.0.0.1.nip.io:{port}"), 403),
        ("localhost:80:evil.example".to_owned(), 403),
        ("localhost@evil.example".to_owned(), 403),
        (format!("0.0.0.0:{port}"), 403),
        ("127.1".to_owned(), 403),
    ] {
        let (got, body) = Call::to(&server).with("host", &host).get(READ);
        assert_eq!(got, status, "{host}: {body}");
    }
    assert_eq!(Call::to(&server).with("host", "").get(READ).0, 403);
}

#[test]
fn of_two_hosts_neither_is_believed() {
    let server = MockLangfuse::start();
    let own = address(&server);
    for scenario in [Scenario::new(), Scenario::new().forever(Action::good())] {
        server.set_scenario(scenario);
        for (first, second) in [
            (own.as_str(), "evil.example"),
            ("evil.example", own.as_str()),
        ] {
            let answer = raw(
                &server,
                &format!(
                    "GET /api/public/health HTTP/1.1\r\nhost: {first}\r\nhost: {second}\r\nconnection: close\r\n\r\n"
                ),
            );
            let refused = answer.starts_with("HTTP/1.1 403") || answer.starts_with("HTTP/1.1 400");
            assert!(refused, "{answer}");
        }
    }
}

#[test]
fn a_page_of_another_origin_is_not_answered_and_none_is_invited() {
    let server = MockLangfuse::start();
    for (origin, status) in [
        ("http://localhost:3000", 200),
        ("https://127.0.0.1", 200),
        ("https://evil.example", 403),
        ("http://localhost.evil.example", 403),
        ("null", 403),
        ("file://localhost", 403),
    ] {
        let call = Call::to(&server).with("origin", origin);
        assert_eq!(call.get(READ).0, status, "{origin}");
        let call = Call::to(&server)
            .with("origin", origin)
            .with("content-type", "application/json");
        assert_eq!(call.post(OTLP, JS).0, status, "{origin}");
    }
    for kind in [
        "text/plain",
        "Text/Plain; charset=utf-8",
        "application/x-www-form-urlencoded",
        "multipart/form-data; boundary=x",
    ] {
        let call = Call::to(&server).with("content-type", kind);
        assert_eq!(call.post("/api/public/scores", b"{}").0, 400, "{kind}");
    }
    let preflight = format!(
        "OPTIONS {OTLP} HTTP/1.1\r\nhost: {}\r\norigin: http://localhost\r\n\
         access-control-request-method: POST\r\nconnection: close\r\n\r\n",
        address(&server)
    );
    let answer = raw(&server, &preflight).to_ascii_lowercase();
    assert!(!answer.starts_with("http/1.1 2"), "{answer}");
    assert!(!answer.contains("access-control"), "{answer}");
}

#[test]
fn a_scenarios_answer_is_for_this_machine_as_well() {
    let echo = Action::status(200).body("of the scenario");
    let server = MockLangfuse::builder()
        .scenario(Scenario::new().forever(echo))
        .start()
        .unwrap();
    let (status, body) = Call::to(&server).with("host", "evil.example").get(READ);
    assert_eq!(status, 403);
    assert!(!body.contains("of the scenario"));
    assert!(Call::to(&server).get(READ).1.contains("of the scenario"));
}

#[test]
fn a_name_that_is_a_script_is_sent_as_text_and_as_nothing_else() {
    let server = MockLangfuse::start();
    let hostile = "</script><img src=x onerror=alert(1)>javascript:alert(1)";
    let span = serde_json::json!({
        "traceId": "ab".repeat(16), "spanId": "cd".repeat(8), "name": hostile,
        "startTimeUnixNano": "1", "endTimeUnixNano": "2",
    });
    let body = serde_json::json!({ "resourceSpans": [{ "scopeSpans": [{ "spans": [span] }] }] });
    let call = Call::to(&server).with("content-type", "application/json");
    assert_eq!(call.post(OTLP, body.to_string().as_bytes()).0, 200);
    let key = server.requests()[0].headers["authorization"].clone();
    let head = format!(
        "GET /mock/traces/{}/tree HTTP/1.1\r\nhost: {}\r\nauthorization: {key}\r\nconnection: close\r\n\r\n",
        "ab".repeat(16),
        address(&server)
    );
    let answer = raw(&server, &head);
    assert!(answer.contains(hostile), "{answer}");
    let head = answer
        .split_once("\r\n\r\n")
        .unwrap()
        .0
        .to_ascii_lowercase();
    assert!(head.contains("content-type: text/plain"), "{head}");
    assert!(head.contains("x-content-type-options: nosniff"), "{head}");
    let (_, json) = Call::to(&server).get(READ);
    assert!(serde_json::from_str::<serde_json::Value>(&json).is_ok());
}

#[test]
fn a_path_in_place_of_an_id_reaches_no_file() {
    let server = MockLangfuse::start();
    let long = "a".repeat(4_000);
    for id in [
        "../../etc/passwd",
        "..%2f..%2fetc%2fpasswd",
        "%00",
        "CON",
        &long,
    ] {
        let (status, body) = Call::to(&server).get(&format!("/mock/traces/{id}/tree"));
        assert!(
            matches!((status, body.as_str()), (200, "") | (404, _)),
            "{id}: {body}"
        );
        assert!(!body.contains("root:"), "{body}");
    }
}

#[test]
fn a_bomb_is_not_inflated_beyond_the_limit() {
    let zeros = vec![0; 4 << 20];
    let mut bomb = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    bomb.write_all(&zeros).unwrap();
    let bomb = bomb.finish().unwrap();
    assert!(bomb.len() < 64 << 10);
    let server = MockLangfuse::builder().max_body(1 << 20).start().unwrap();
    let call = Call::to(&server)
        .with("content-type", "application/x-protobuf")
        .with("content-encoding", "gzip");
    assert_eq!(call.post(OTLP, &bomb).0, 413);
    assert!(
        server
            .requests()
            .iter()
            .all(|request| request.inflated.len() <= 2 << 20)
    );
}

#[test]
fn a_body_that_is_announced_too_large_is_not_waited_for() {
    let server = MockLangfuse::builder().max_body(1 << 20).start().unwrap();
    let head = |server: &MockLangfuse| {
        format!(
            "POST {OTLP} HTTP/1.1\r\nhost: {}\r\ncontent-length: 99999999999\r\n\r\n",
            address(server)
        )
    };
    let answer = raw(&server, &head(&server));
    assert!(answer.starts_with("HTTP/1.1 413"), "{answer}");
    server.set_scenario(Scenario::new().forever(Action::good()));
    assert_eq!(raw(&server, &head(&server)), "");
    assert!(server.observations().is_empty());
}

#[test]
fn a_crowd_of_connections_is_not_served_and_is_forgotten_when_it_goes() {
    let server = MockLangfuse::start();
    let ask = |stream: &mut TcpStream| {
        let head = format!(
            "GET /api/public/health HTTP/1.1\r\nhost: {}\r\n\r\n",
            address(&server)
        );
        if stream.write_all(head.as_bytes()).is_err() {
            return false;
        }
        // To the end of its JSON: the connection stays open.
        let mut answer = Vec::new();
        while !answer.ends_with(b"}") {
            let mut byte = [0];
            if stream.read_exact(&mut byte).is_err() {
                return false;
            }
            answer.push(byte[0]);
        }
        answer.starts_with(b"HTTP/1.1 200")
    };
    let mut crowd = Vec::new();
    for _ in 0..64 {
        let mut stream = TcpStream::connect(address(&server)).unwrap();
        assert!(ask(&mut stream));
        crowd.push(stream);
    }
    let mut one_more = TcpStream::connect(address(&server)).unwrap();
    assert!(!ask(&mut one_more), "the 65th is closed");
    assert!(ask(&mut crowd[0]), "the others stay");
    drop(crowd);
    // The server sees the end of those connections in its own time, but it does.
    let back = (0..10_000).any(|_| ask(&mut TcpStream::connect(address(&server)).unwrap()));
    assert!(back);
}
