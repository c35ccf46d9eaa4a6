//! A server that answers as a test says and keeps what it was sent, and what is recorded of a call.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use bytes::Bytes;
use reqwest_middleware::{ClientBuilder, ClientWithMiddleware};
use serde_json::Value;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Notify;
use tracefuse_core::record::SpanRecord;
use tracefuse_core::testing::Recorder;
use tracefuse_core::{Trace, Tracer};
use tracefuse_http_client::ModelCalls;

/// What the server does for one request.
#[derive(Clone, Default)]
pub(crate) struct Answer {
    pub(crate) status: &'static str,
    pub(crate) headers: Vec<(&'static str, String)>,
    /// Written one by one, each flushed.
    pub(crate) chunks: Vec<Bytes>,
    /// Written before the last chunk only when it is notified.
    pub(crate) hold: Option<Arc<Notify>>,
    /// The connection is closed in the middle of the body.
    pub(crate) breaks: bool,
}

impl Answer {
    pub(crate) fn json(body: &Value) -> Self {
        Self::new("application/json", [Bytes::from(body.to_string())])
    }

    pub(crate) fn new(kind: &str, chunks: impl IntoIterator<Item = Bytes>) -> Self {
        Self {
            status: "200 OK",
            headers: vec![("content-type", kind.to_owned())],
            chunks: chunks.into_iter().collect(),
            ..Self::default()
        }
    }

    /// Server-sent events, a chunk each.
    pub(crate) fn events(events: &[Value]) -> Self {
        let chunk = |event: &Value| Bytes::from(format!("data: {event}\n\n"));
        let done = Bytes::from_static(b"data: [DONE]\n\n");
        let chunks = events.iter().map(chunk).chain([done]);
        Self::new("text/event-stream", chunks)
    }

    pub(crate) fn status(mut self, status: &'static str) -> Self {
        self.status = status;
        self
    }

    pub(crate) fn header(mut self, name: &'static str, value: &str) -> Self {
        self.headers.push((name, value.to_owned()));
        self
    }

    pub(crate) fn body(&self) -> Bytes {
        Bytes::from(self.chunks.concat())
    }
}

/// A request as it was received.
#[derive(Clone, Debug)]
pub(crate) struct Received {
    pub(crate) head: String,
    pub(crate) body: Vec<u8>,
}

impl Received {
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.head.lines().find_map(|line| {
            let (known, value) = line.split_once(':')?;
            known.eq_ignore_ascii_case(name).then(|| value.trim())
        })
    }
}

/// Answers requests in turn; the last answer is repeated.
pub(crate) struct Server {
    pub(crate) address: std::net::SocketAddr,
    received: Arc<Mutex<Vec<Received>>>,
}

impl Server {
    pub(crate) async fn start(answers: impl IntoIterator<Item = Answer>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let received = Arc::<Mutex<Vec<Received>>>::default();
        let answers: Vec<Answer> = answers.into_iter().collect();
        let seen = received.clone();
        tokio::spawn(async move {
            while let Ok((socket, _)) = listener.accept().await {
                tokio::spawn(serve(socket, answers.clone(), seen.clone()));
            }
        });
        Self { address, received }
    }

    pub(crate) fn received(&self) -> Vec<Received> {
        self.received.lock().unwrap().clone()
    }

    /// A client for which each of these hosts is this server.
    pub(crate) fn plain(&self) -> reqwest::Client {
        let hosts = [
            "api.openai.com",
            "api.anthropic.com",
            "generativelanguage.googleapis.com",
            "api.cohere.com",
            "x.openai.azure.com",
            "openrouter.ai",
            "api.groq.com",
            "api.mistral.ai",
            "api.deepseek.com",
            "api.moonshot.ai",
            "ollama.internal",
            "api.jina.ai",
            "bedrock-runtime.us-east-1.amazonaws.com",
            "gateway.internal",
        ];
        let builder = hosts
            .iter()
            .fold(reqwest::Client::builder(), |builder, host| {
                builder.resolve(host, self.address)
            });
        builder.no_proxy().build().unwrap()
    }

    pub(crate) fn client(&self, calls: ModelCalls) -> ClientWithMiddleware {
        ClientBuilder::new(self.plain()).with(calls).build()
    }

    /// The address of a path at a host.
    pub(crate) fn url(&self, host: &str, path: &str) -> String {
        format!("http://{host}:{}{path}", self.address.port())
    }

    pub(crate) fn chat_url(&self) -> String {
        self.url("api.openai.com", "/v1/chat/completions")
    }
}

async fn serve(mut socket: TcpStream, answers: Vec<Answer>, seen: Arc<Mutex<Vec<Received>>>) {
    while let Some(request) = read(&mut socket).await {
        let answer = {
            let mut seen = seen.lock().unwrap();
            seen.push(request);
            answers[(seen.len() - 1).min(answers.len() - 1)].clone()
        };
        if write(&mut socket, answer).await.is_none() {
            return;
        }
    }
}

/// Reads a request with `content-length` or a chunked body.
async fn read(socket: &mut TcpStream) -> Option<Received> {
    let mut bytes = Vec::new();
    loop {
        if socket.read_buf(&mut bytes).await.ok()? == 0 {
            return None;
        }
        let text = bytes.as_slice();
        let Some(at) = memchr::memmem::find(text, b"\r\n\r\n") else {
            continue;
        };
        let head = String::from_utf8_lossy(&text[..at]).into_owned();
        let body = &text[at + 4..];
        let mut received = Received {
            head,
            body: body.to_vec(),
        };
        let whole = match received.header("content-length") {
            Some(length) => body.len() >= length.parse().unwrap(),
            None if received.header("transfer-encoding").is_some() => body.ends_with(b"0\r\n\r\n"),
            None => true,
        };
        if whole {
            received.head.push_str("\r\n");
            return Some(received);
        }
    }
}

/// Chunked, so that each chunk arrives alone. `None` if the connection is closed.
async fn write(socket: &mut TcpStream, answer: Answer) -> Option<()> {
    let mut head = format!(
        "HTTP/1.1 {}\r\ntransfer-encoding: chunked\r\n",
        answer.status
    );
    for (name, value) in &answer.headers {
        head.push_str(&format!("{name}: {value}\r\n"));
    }
    head.push_str("\r\n");
    socket.write_all(head.as_bytes()).await.ok()?;
    let last = answer.chunks.len().saturating_sub(1);
    for (at, chunk) in answer.chunks.iter().enumerate() {
        if let Some(hold) = answer.hold.as_ref().filter(|_| at == last) {
            hold.notified().await;
        }
        let framed = [format!("{:x}\r\n", chunk.len()).as_bytes(), chunk, b"\r\n"].concat();
        if answer.breaks && at == last {
            socket.write_all(&framed[..framed.len() / 2]).await.ok()?;
            socket.shutdown().await.ok()?;
            return None;
        }
        socket.write_all(&framed).await.ok()?;
        socket.flush().await.ok()?;
    }
    socket.write_all(b"0\r\n\r\n").await.ok()
}

pub(crate) fn tracer() -> (Tracer, Recorder) {
    let recorder = Recorder::new();
    (recorder.tracer(), recorder)
}

/// Runs `work` in a trace and gives what was recorded below it.
pub(crate) async fn recorded(work: impl AsyncFnOnce(&Trace)) -> Vec<SpanRecord> {
    let (tracer, recorder) = tracer();
    tracer
        .trace("request")
        .run_async(async |trace| work(&trace).await)
        .await;
    let ended = tokio::time::timeout(Duration::from_secs(30), recorder.ended("request")).await;
    ended.expect("the trace ends in less than 30 seconds");
    let mut spans = recorder.spans();
    spans.retain(|span| span.name() != "request");
    spans
}

/// The one span.
pub(crate) fn only(spans: Vec<SpanRecord>) -> SpanRecord {
    let [span] = <[SpanRecord; 1]>::try_from(spans).unwrap_or_else(|spans| {
        panic!(
            "{:?}",
            spans.iter().map(SpanRecord::name).collect::<Vec<_>>()
        )
    });
    span
}

pub(crate) fn json(value: Option<tracefuse_core::record::ValueRef<'_>>) -> Value {
    let text = value.expect("a value").to_string();
    serde_json::from_str(&text).unwrap_or(Value::String(text))
}

pub(crate) fn metadata(span: &SpanRecord, key: &str) -> Option<String> {
    let found = span.metadata().find(|(known, _)| *known == key);
    found.map(|(_, value)| value.to_string())
}

pub(crate) fn parameter(span: &SpanRecord, key: &str) -> Option<String> {
    let found = span.model_parameters().find(|(known, _)| *known == key);
    found.map(|(_, value)| value.to_string())
}

pub(crate) fn usage(span: &SpanRecord) -> Vec<(String, u64)> {
    span.usage()
        .map(|(name, units)| (name.to_owned(), units))
        .collect()
}

/// A question, as OpenAI's chat takes it.
pub(crate) fn question() -> Value {
    serde_json::json!({
        "model": "gpt-4o", "temperature": 0.2, "max_completion_tokens": 100,
        "messages": [{ "role": "user", "content": "What is 2 + 5?" }],
    })
}

/// The answer of OpenAI's chat.
pub(crate) fn answer() -> Value {
    serde_json::json!({
        "id": "chatcmpl-1", "object": "chat.completion", "model": "gpt-4o-2024-08-06",
        "choices": [{ "index": 0, "message": { "role": "assistant", "content": "7" }, "finish_reason": "stop" }],
        "usage": { "prompt_tokens": 20, "completion_tokens": 3, "total_tokens": 23 },
    })
}

/// The answer as chunks.
pub(crate) fn chunks() -> Vec<Value> {
    let chunk = |delta: Value, reason: Value| {
        serde_json::json!({
            "id": "chatcmpl-1", "object": "chat.completion.chunk", "model": "gpt-4o-2024-08-06",
            "choices": [{ "index": 0, "delta": delta, "finish_reason": reason }],
        })
    };
    let text = |text: &str| chunk(serde_json::json!({ "content": text }), Value::Null);
    vec![
        chunk(
            serde_json::json!({ "role": "assistant", "content": "" }),
            Value::Null,
        ),
        text("It is "),
        text("7 \u{1f600} "),
        text("ß."),
        chunk(serde_json::json!({}), Value::from("stop")),
        serde_json::json!({
            "id": "chatcmpl-1", "object": "chat.completion.chunk", "model": "gpt-4o-2024-08-06", "choices": [],
            "usage": { "prompt_tokens": 20, "completion_tokens": 3, "total_tokens": 23 },
        }),
    ]
}
