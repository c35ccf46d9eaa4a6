//! A client of one request per connection, written by hand so that it shares no code with the clients under test.

use std::io::{Read as _, Write as _};
use std::net::TcpStream;

use base64::Engine as _;
use mock_langfuse::MockLangfuse;
use serde_json::{Value, json};

pub(crate) const OTLP: &str = "/api/public/otel/v1/traces";

pub(crate) struct Call<'a> {
    server: &'a MockLangfuse,
    headers: Vec<(String, String)>,
}

impl<'a> Call<'a> {
    /// A call with the right key.
    pub(crate) fn to(server: &'a MockLangfuse) -> Self {
        let key = format!("{}:{}", server.public_key(), server.secret_key());
        let key = base64::engine::general_purpose::STANDARD.encode(key);
        let host = server.url().split_once("://").unwrap().1.to_owned();
        Self {
            server,
            headers: vec![
                ("host".into(), host),
                ("authorization".into(), format!("Basic {key}")),
            ],
        }
    }

    pub(crate) fn with(mut self, name: &str, value: &str) -> Self {
        self.headers.retain(|(known, _)| known != name);
        if !value.is_empty() {
            self.headers.push((name.into(), value.into()));
        }
        self
    }

    pub(crate) fn send(
        self,
        method: &str,
        path: &str,
        body: &[u8],
    ) -> std::io::Result<(u16, String)> {
        let url = self.server.url();
        let mut stream = TcpStream::connect(url.split_once("://").unwrap().1)?;
        let mut head = format!(
            "{method} {path} HTTP/1.1\r\nconnection: close\r\ncontent-length: {}\r\n",
            body.len()
        );
        for (name, value) in &self.headers {
            head.push_str(&format!("{name}: {value}\r\n"));
        }
        stream.write_all(format!("{head}\r\n").as_bytes())?;
        stream.write_all(body)?;
        let mut answer = Vec::new();
        stream.read_to_end(&mut answer)?;
        let answer = String::from_utf8_lossy(&answer).into_owned();
        let (head, body) = answer
            .split_once("\r\n\r\n")
            .ok_or(std::io::ErrorKind::UnexpectedEof)?;
        let status = head
            .split(' ')
            .nth(1)
            .and_then(|status| status.parse().ok())
            .unwrap_or(0);
        Ok((status, body.to_owned()))
    }

    pub(crate) fn post(self, path: &str, body: &[u8]) -> (u16, String) {
        self.send("POST", path, body).unwrap()
    }

    pub(crate) fn get(self, path: &str) -> (u16, String) {
        self.send("GET", path, b"").unwrap()
    }
}

pub(crate) const PYTHON: &[u8] = include_bytes!("../data/otlp-python-5.0.4.pb.gz");
pub(crate) const JS: &[u8] = include_bytes!("../data/otlp-js-5.11.1.json");

/// The Python SDK's request, as it was sent.
pub(crate) fn post_python(server: &MockLangfuse) -> (u16, String) {
    let call = Call::to(server)
        .with("content-type", "application/x-protobuf")
        .with("content-encoding", "gzip");
    call.with("x-langfuse-ingestion-version", "4")
        .post(OTLP, PYTHON)
}

/// A body of one span with these attributes, each `(key, value of OTLP)`.
pub(crate) fn one_span(scope: &str, attributes: &[(&str, Value)]) -> Vec<u8> {
    let attributes: Vec<Value> = attributes
        .iter()
        .map(|(key, value)| json!({ "key": key, "value": value }))
        .collect();
    let span = json!({
        "traceId": "ab".repeat(16), "spanId": "cd".repeat(8), "name": "case",
        "startTimeUnixNano": "1795765676000000000", "endTimeUnixNano": "1795765677500000000", "attributes": attributes,
    });
    let scope = json!({ "scope": { "name": scope }, "spans": [span] });
    json!({ "resourceSpans": [{ "scopeSpans": [scope] }] })
        .to_string()
        .into_bytes()
}

/// The row that the read API shows of one span, all of it.
pub(crate) fn row(scope: &str, attributes: &[(&str, Value)]) -> Value {
    let server = MockLangfuse::start();
    let call = Call::to(&server).with("content-type", "application/json");
    let (status, body) = call.post(OTLP, &one_span(scope, attributes));
    assert_eq!(status, 200, "{body}");
    read(
        &server,
        "core,basic,time,io,metadata,model,usage,prompt,metrics,trace_context",
    )
}

/// The first row of the read API.
pub(crate) fn read(server: &MockLangfuse, fields: &str) -> Value {
    let (status, body) =
        Call::to(server).get(&format!("/api/public/v2/observations?fields={fields}"));
    assert_eq!(status, 200, "{body}");
    let body: Value = serde_json::from_str(&body).unwrap();
    body["data"][0].clone()
}

/// The scope's name begins with `langfuse-sdk`, as ours does.
pub(crate) const OURS: &str = "langfuse-sdk-test";

pub(crate) fn text(text: &str) -> Value {
    json!({ "stringValue": text })
}

/// A case: its name, what is sent, where it shows, and what the real server shows there.
pub(crate) type Case = (
    &'static str,
    Vec<(&'static str, Value)>,
    &'static str,
    Value,
);

pub(crate) fn check(cases: Vec<Case>) {
    let mut wrong = Vec::new();
    for (name, attributes, pointer, wanted) in cases {
        let row = row(OURS, &attributes);
        let found = row.pointer(pointer).cloned();
        if found.as_ref() != Some(&wanted) {
            wrong.push(format!(
                "{name}: {pointer} is {found:?}, the real server has {wanted}"
            ));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}
