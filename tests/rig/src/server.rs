//! A server that answers as OpenAI's chat completions do, whole or as a stream: if there is a tool it asks for
//! that first, and once it has the tool's result it answers. Started by tests and examples on any free port.

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use serde_json::{Value, json};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;

/// The running server; stops when dropped.
#[derive(Debug)]
pub struct OpenAi {
    address: std::net::SocketAddr,
    requests: Arc<AtomicUsize>,
    task: JoinHandle<()>,
}

impl OpenAi {
    /// The model that answers 429 whenever it is asked.
    pub const WITHOUT_QUOTA: &str = "without-quota";
    /// The model that answers 500 whenever it is asked.
    pub const BROKEN: &str = "broken";

    /// Starts it on a free port of the loopback address.
    ///
    /// # Errors
    /// If there is none.
    pub async fn start() -> io::Result<Self> {
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let address = listener.local_addr()?;
        let requests = Arc::<AtomicUsize>::default();
        let count = Arc::clone(&requests);
        let task = tokio::spawn(async move {
            while let Ok((socket, _)) = listener.accept().await {
                count.fetch_add(1, Ordering::Relaxed); // one a connection
                tokio::spawn(answer(socket));
            }
        });
        Ok(Self {
            address,
            requests,
            task,
        })
    }

    /// Its base URL, as clients of OpenAI take it.
    #[must_use]
    pub fn url(&self) -> String {
        format!("http://{}/v1", self.address)
    }

    /// How often it was asked.
    #[must_use]
    pub fn requests(&self) -> usize {
        self.requests.load(Ordering::Relaxed)
    }
}

impl Drop for OpenAi {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// One request a connection.
async fn answer(mut socket: TcpStream) -> io::Result<()> {
    let request = read(&mut socket).await?;
    let (status, kind, body) = if let Some((status, error)) = refusal(&request) {
        (status, "application/json", error.to_string())
    } else if request["stream"] == true {
        ("200 OK", "text/event-stream", stream(&request))
    } else {
        ("200 OK", "application/json", whole(&request).to_string())
    };
    // A client that retries does not have to wait.
    let head = format!(
        "HTTP/1.1 {status}\r\nretry-after: 0\r\ncontent-type: {kind}\r\ncontent-length: {}\r\nconnection: close\r\n\r\n",
        body.len()
    );
    socket.write_all(head.as_bytes()).await?;
    socket.write_all(body.as_bytes()).await?;
    socket.shutdown().await
}

async fn read(socket: &mut TcpStream) -> io::Result<Value> {
    let mut bytes = Vec::new();
    loop {
        if socket.read_buf(&mut bytes).await? == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        let text = String::from_utf8_lossy(&bytes);
        let Some((head, body)) = text.split_once("\r\n\r\n") else {
            continue;
        };
        let head = head.to_ascii_lowercase();
        let length = head
            .lines()
            .find_map(|line| line.strip_prefix("content-length:")?.trim().parse().ok())
            .unwrap_or(0);
        if body.len() >= length {
            return serde_json::from_str(body).map_err(io::Error::other);
        }
    }
}

/// Two models that never answer.
fn refusal(request: &Value) -> Option<(&'static str, Value)> {
    let (status, kind, message) = match request["model"].as_str()? {
        OpenAi::WITHOUT_QUOTA => (
            "429 Too Many Requests",
            "insufficient_quota",
            "You exceeded your current quota",
        ),
        OpenAi::BROKEN => (
            "500 Internal Server Error",
            "server_error",
            "The server had an error",
        ),
        _ => return None,
    };
    let error = json!({ "message": message, "type": kind, "param": null, "code": kind });
    Some((status, json!({ "error": error })))
}

/// Whether the model answers now: the request has no tool, or the tool's result is in the conversation.
fn answers(request: &Value) -> bool {
    let messages = request["messages"].as_array();
    request["tools"].is_null()
        || messages.is_some_and(|messages| messages.iter().any(|message| message["role"] == "tool"))
}

fn usage() -> Value {
    json!({
        "prompt_tokens": 120, "completion_tokens": 30, "total_tokens": 150,
        "prompt_tokens_details": { "cached_tokens": 100 },
    })
}

const ARGUMENTS: &str = r#"{"x":2,"y":5}"#;

fn whole(request: &Value) -> Value {
    let (message, reason) = if answers(request) {
        (
            json!({ "role": "assistant", "content": "2 + 5 is 7." }),
            "stop",
        )
    } else {
        let call = json!({
            "id": "call_1", "type": "function",
            "function": { "name": "add", "arguments": ARGUMENTS },
        });
        (
            json!({ "role": "assistant", "content": null, "tool_calls": [call] }),
            "tool_calls",
        )
    };
    json!({
        "id": "chatcmpl-1", "object": "chat.completion", "created": 1, "model": "gpt-4o-2024-08-06",
        "choices": [{ "index": 0, "message": message, "finish_reason": reason }],
        "usage": usage(),
    })
}

fn stream(request: &Value) -> String {
    let deltas = if answers(request) {
        ["2 + 5", " is 7."].map(|text| json!({ "content": text }))
    } else {
        let call = |function: Value| json!({ "tool_calls": [{ "index": 0, "id": "call_1", "type": "function", "function": function }] });
        [
            call(json!({ "name": "add", "arguments": "" })),
            call(json!({ "arguments": ARGUMENTS })),
        ]
    };
    let chunk = |choices: Value, usage: Value| {
        json!({
            "id": "chatcmpl-1", "object": "chat.completion.chunk", "created": 1,
            "model": "gpt-4o-2024-08-06", "choices": choices, "usage": usage,
        })
    };
    let reason = if answers(request) {
        "stop"
    } else {
        "tool_calls"
    };
    let mut body = String::new();
    // The first chunk has the role, as OpenAI's has.
    let chunks = [json!({ "role": "assistant", "content": "" })]
        .into_iter()
        .chain(deltas)
        .map(|delta| {
            chunk(
                json!([{ "index": 0, "delta": delta, "finish_reason": null }]),
                Value::Null,
            )
        })
        .chain([
            chunk(
                json!([{ "index": 0, "delta": {}, "finish_reason": reason }]),
                Value::Null,
            ),
            chunk(json!([]), usage()),
        ]);
    for chunk in chunks {
        body.push_str(&format!("data: {chunk}\n\n"));
    }
    body.push_str("data: [DONE]\n\n");
    body
}
