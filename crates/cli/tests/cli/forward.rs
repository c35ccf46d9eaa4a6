//! `forward`: what waits on disk, what is sent, and what is counted.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::path::Path;

use serde_json::Value;

use crate::support::{Server, record, run, unused};

const JSON: &str = "content-type: application/json\r\n";

#[test]
fn forward_sends_on_what_it_stores() {
    let dir = tempfile::tempdir().unwrap();
    let at = |name: &str| dir.path().join(name).to_str().unwrap().to_owned();
    // The receiver is away at first: the request waits on disk.
    let receiver = Server::start(&["view", "--store", &at("second.db")]);
    let url = receiver.address.clone();
    let port = url.rsplit(':').next().unwrap().to_owned();
    receiver.stop();
    let (first, second, spool) = (at("first.db"), at("second.db"), at("waiting"));
    let arguments = [
        "forward", "--to", &url, "--store", &first, "--spool", &spool,
    ];
    let forwarding = Server::start(&arguments);
    assert!(forwarding.said.contains(&url), "{}", forwarding.said);
    let id = record(&forwarding.tracer());
    let said = forwarding.stop();
    assert!(said.contains("sent 0, waiting 1,"), "{said}");

    let listen = format!("127.0.0.1:{port}");
    let receiver = Server::start_at(&listen, &["view", "--store", &second]);
    let forwarding = Server::start(&arguments);
    assert!(
        forwarding.said.contains("of an earlier run"),
        "{}",
        forwarding.said
    );
    let arrived = (0..600).any(|_| {
        std::thread::park_timeout(std::time::Duration::from_millis(50));
        run(Path::new(&second), &["list", "--json"]).1.contains(&id)
    });
    assert!(arrived, "the trace is at the receiver");
    let said = forwarding.stop();
    assert!(
        said.contains("sent 1, waiting 0, refused 0, not kept 0"),
        "{said}"
    );
    receiver.stop();
}

#[test]
fn a_request_that_cannot_be_kept_is_counted_and_said() {
    let dir = tempfile::tempdir().unwrap();
    let at = |name: &str| dir.path().join(name).to_str().unwrap().to_owned();
    let (store, spool) = (at("traces.db"), at("waiting"));
    let url = format!("http://{}", unused());
    let mut forwarding = Server::start(&[
        "forward",
        "--to",
        &url,
        "--store",
        &store,
        "--spool",
        &spool,
        "--report-every",
        "1",
    ]);
    // The directory goes away, and a file is in its place.
    let directory = dir.path().join("waiting/v1");
    std::fs::remove_dir_all(&directory).unwrap();
    std::fs::write(&directory, "").unwrap();
    let span = r#"{"traceId": "0af7651916cd43dd8448eb211c80319c", "spanId": "00f067aa0ba902b7", "name": "kept"}"#;
    let body = format!(r#"{{"resourceSpans": [{{"scopeSpans": [{{"spans": [{span}]}}]}}]}}"#);
    let (status, answer) = forwarding.ask("POST", "/v1/traces", JSON, body.as_bytes());
    assert_eq!((status, answer.as_str()), (200, "{}"));
    let (_, health) = forwarding.ask("GET", "/api/public/health", "", b"");
    let health: Value = serde_json::from_str(&health).unwrap();
    assert_eq!(health["forward"]["not kept"], 1, "{health}");
    assert_eq!(health["forward"]["waiting"], 0, "{health}");
    let line = "forwarded requests: sent 0, waiting 0, refused 0, not kept 1, lost on disk 0";
    assert!(
        forwarding.lines().any(|said| said == line),
        "the line comes while it runs"
    );
    assert!(run(Path::new(&store), &["list"]).1.contains("kept"));
    let said = forwarding.stop();
    assert_eq!(said.trim(), line, "and at the end");
}

#[test]
fn a_request_that_the_receiver_refuses_is_counted() {
    let dir = tempfile::tempdir().unwrap();
    let spool = dir.path().join("waiting");
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let receiver = std::thread::spawn(move || refuse(&listener.accept().unwrap().0));
    let mut forwarding = Server::start(&[
        "forward",
        "--to",
        &url,
        "--store",
        ":memory:",
        "--spool",
        spool.to_str().unwrap(),
        "--report-every",
        "1",
    ]);
    record(&forwarding.tracer());
    let line = "forwarded requests: sent 0, waiting 0, refused 1, not kept 0, lost on disk 0";
    assert!(forwarding.lines().any(|said| said == line));
    receiver.join().unwrap();
    forwarding.stop();
}

/// Reads a request and answers 400.
fn refuse(mut stream: &TcpStream) {
    let mut request = BufReader::new(stream);
    let mut length = 0;
    loop {
        let mut line = String::new();
        request.read_line(&mut line).unwrap();
        if let Some(value) = line.to_ascii_lowercase().strip_prefix("content-length:") {
            length = value.trim().parse().unwrap();
        }
        if line.trim().is_empty() {
            break;
        }
    }
    request.read_exact(&mut vec![0; length]).unwrap();
    let answer = b"HTTP/1.1 400 Bad Request\r\nconnection: close\r\ncontent-length: 0\r\n\r\n";
    stream.write_all(answer).unwrap();
}
