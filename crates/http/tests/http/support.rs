//! A server in raw bytes, so that it can do what no HTTP library would.

use std::future::Future;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;

use tracefuse_http::{Answer, Endpoint, HttpClient, HttpConfig, HttpError, HttpRequest};

pub(crate) trait Stream: AsyncRead + AsyncWrite + Unpin + Send {}

impl<T: AsyncRead + AsyncWrite + Unpin + Send> Stream for T {}

/// One accepted connection.
pub(crate) struct Peer {
    pub(crate) stream: Box<dyn Stream>,
    log: Arc<Mutex<Log>>,
}

#[derive(Default)]
struct Log {
    connections: usize,
    requests: Vec<Vec<u8>>,
}

pub(crate) struct Server {
    pub(crate) port: u16,
    log: Arc<Mutex<Log>>,
    task: JoinHandle<()>,
}

impl Server {
    /// Runs `serve` for each connection, beside each other.
    pub(crate) async fn start<F, Fut>(serve: F) -> Self
    where
        F: Fn(Peer) -> Fut + Send + Sync + 'static,
        Fut: Future<Output = ()> + Send + 'static,
    {
        Self::start_with(serve, async |stream| {
            Some(Box::new(stream) as Box<dyn Stream>)
        })
        .await
    }

    /// As `start`, with each connection wrapped first; `None` ends it.
    pub(crate) async fn start_with<F, Fut, W, WFut>(serve: F, wrap: W) -> Self
    where
        F: Fn(Peer) -> Fut + Send + Sync + 'static,
        Fut: Future<Output = ()> + Send + 'static,
        W: Fn(TcpStream) -> WFut + Send + Sync + 'static,
        WFut: Future<Output = Option<Box<dyn Stream>>> + Send + 'static,
    {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let log = Arc::new(Mutex::new(Log::default()));
        let seen = Arc::clone(&log);
        let task = tokio::spawn(async move {
            loop {
                let (stream, _) = listener.accept().await.unwrap();
                seen.lock().unwrap().connections += 1;
                let (wrapped, log) = (wrap(stream), Arc::clone(&seen));
                if let Some(stream) = wrapped.await {
                    tokio::spawn(serve(Peer { stream, log }));
                }
            }
        });
        Self { port, log, task }
    }

    /// Answers every request of every connection with `answer`.
    pub(crate) async fn answering(answer: impl Into<Vec<u8>>) -> Self {
        let answer = Arc::new(answer.into());
        Self::start(move |mut peer| {
            let answer = Arc::clone(&answer);
            async move {
                while peer.request().await.is_some() {
                    peer.write(&answer).await;
                }
            }
        })
        .await
    }

    pub(crate) fn url(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }

    pub(crate) fn endpoint(&self) -> Endpoint {
        Endpoint::parse(&self.url()).unwrap()
    }

    pub(crate) fn post(&self, body: impl Into<Vec<u8>>) -> HttpRequest {
        HttpRequest::post(self.endpoint()).body("application/x-protobuf", body.into())
    }

    pub(crate) fn connections(&self) -> usize {
        self.log.lock().unwrap().connections
    }

    /// The requests that were read whole, heads included, in the order of their ends.
    pub(crate) fn requests(&self) -> Vec<Vec<u8>> {
        self.log.lock().unwrap().requests.clone()
    }

    /// The head of request `number`, in lower case.
    pub(crate) fn head(&self, number: usize) -> String {
        let request = self.requests()[number].clone();
        let end = head_length(&request).unwrap();
        String::from_utf8(request[..end].to_vec())
            .unwrap()
            .to_ascii_lowercase()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Peer {
    /// Reads up to the empty line; `None` at the end of the connection.
    pub(crate) async fn head(&mut self) -> Option<Vec<u8>> {
        let mut head = Vec::new();
        while head_length(&head).is_none() {
            head.push(self.stream.read_u8().await.ok()?);
        }
        Some(head)
    }

    /// Reads a whole request; `None` at the end of the connection.
    pub(crate) async fn request(&mut self) -> Option<Vec<u8>> {
        let mut request = self.head().await?;
        let head = String::from_utf8(request.clone())
            .unwrap()
            .to_ascii_lowercase();
        let length = head
            .lines()
            .find_map(|line| line.strip_prefix("content-length: "));
        let mut body = vec![0; length.map_or(0, |length| length.parse().unwrap())];
        self.stream.read_exact(&mut body).await.ok()?;
        request.extend_from_slice(&body);
        self.log.lock().unwrap().requests.push(request.clone());
        Some(request)
    }

    /// Writes what the client may no longer want to read.
    pub(crate) async fn write(&mut self, bytes: &[u8]) {
        let _ = self.stream.write_all(bytes).await;
        let _ = self.stream.flush().await;
    }

    /// Keeps the connection open, reading nothing, for as long as the test runs.
    pub(crate) async fn hang(self) {
        std::future::pending::<()>().await;
        drop(self);
    }

    /// Reads until the client ends the connection, and counts.
    pub(crate) async fn drain(&mut self) -> usize {
        let mut sink = vec![0; 64 * 1024];
        let mut total = 0;
        while let Ok(count @ 1..) = self.stream.read(&mut sink).await {
            total += count;
        }
        total
    }
}

fn head_length(bytes: &[u8]) -> Option<usize> {
    bytes
        .windows(4)
        .position(|window| window == b"\r\n\r\n")
        .map(|at| at + 4)
}

/// A whole answer with `headers` (each line with its line break).
pub(crate) fn answer(status: u16, headers: &str, body: &str) -> String {
    format!(
        "HTTP/1.1 {status} Some Reason\r\n{headers}content-length: {}\r\n\r\n{body}",
        body.len()
    )
}

pub(crate) fn client() -> HttpClient {
    client_with(&HttpConfig::new())
}

pub(crate) fn client_with(config: &HttpConfig) -> HttpClient {
    HttpClient::new(config).unwrap()
}

/// Gives a server that never answers little time. Where a connection must come about first, it is
/// long for loopback and short for a person who waits.
pub(crate) const BRIEFLY: Duration = Duration::from_millis(300);

pub(crate) async fn send_failing(client: &HttpClient, request: &HttpRequest) -> HttpError {
    match client.send(request).await {
        Ok(answer) => panic!("expected an error, got {answer:?}"),
        Err(error) => error,
    }
}

pub(crate) async fn send(client: &HttpClient, request: &HttpRequest) -> Answer {
    client.send(request).await.unwrap()
}

/// A name that no resolver takes, refused without asking one: its label is too long.
pub(crate) fn unresolvable() -> String {
    format!("{}.invalid", "x".repeat(64))
}
