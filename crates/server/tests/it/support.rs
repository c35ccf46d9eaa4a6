//! A server on a thread, and a client of one request for each connection.

use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::thread::JoinHandle;
use std::time::Duration;

use serde_json::Value;
use tokio::sync::oneshot;
use tracefuse_server::{Server, ServerConfig, Store, StoreOptions};

pub(crate) struct Live {
    pub(crate) address: SocketAddr,
    pub(crate) store: Store,
    stop: Option<oneshot::Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl Live {
    pub(crate) fn start() -> Self {
        Self::with(ServerConfig::default())
    }

    pub(crate) fn with(config: ServerConfig) -> Self {
        Self::of(config, Store::in_memory(StoreOptions::default()).unwrap())
    }

    pub(crate) fn of(config: ServerConfig, store: Store) -> Self {
        let (stop, stopped) = oneshot::channel();
        let (tell, heard) = std::sync::mpsc::channel();
        let served = store.clone();
        let thread = std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread()
                .enable_all()
                .build()
                .unwrap();
            runtime.block_on(async {
                let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
                tell.send(listener.local_addr().unwrap()).unwrap();
                let stopped = async { drop(stopped.await) };
                Server::new(config)
                    .serve(&served, listener, stopped)
                    .await
                    .unwrap();
            });
        });
        Self {
            address: heard.recv().unwrap(),
            store,
            stop: Some(stop),
            thread: Some(thread),
        }
    }

    pub(crate) fn call(&self) -> Call {
        Call::to(self.address)
    }

    /// The answer to a `GET`, which must succeed.
    pub(crate) fn get(&self, path: &str) -> Value {
        let answer = self.call().send("GET", path, b"");
        assert_eq!(answer.status, 200, "{path}: {}", answer.body);
        answer.json()
    }

    /// Sends spans in JSON, which must succeed.
    pub(crate) fn put(&self, body: &[u8]) {
        let answer = self
            .call()
            .json()
            .send("POST", "/api/public/otel/v1/traces", body);
        assert_eq!((answer.status, answer.body.as_str()), (200, "{}"));
    }
}

impl Drop for Live {
    fn drop(&mut self) {
        drop(self.stop.take());
        if let Some(thread) = self.thread.take() {
            thread.join().unwrap();
        }
    }
}

#[derive(Clone)]
pub(crate) struct Call {
    address: SocketAddr,
    headers: Vec<(String, String)>,
}

#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) head: String,
    pub(crate) body: String,
    pub(crate) bytes: Vec<u8>,
}

impl Answer {
    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap_or_else(|error| panic!("{error}: {}", self.body))
    }

    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.head.lines().find_map(|line| {
            let (known, value) = line.split_once(':')?;
            known.eq_ignore_ascii_case(name).then(|| value.trim())
        })
    }
}

impl Call {
    pub(crate) fn to(address: SocketAddr) -> Self {
        Self {
            address,
            headers: vec![("host".to_owned(), address.to_string())],
        }
    }

    /// Replaces a header; an empty value leaves it out.
    pub(crate) fn with(mut self, name: &str, value: &str) -> Self {
        self.headers.retain(|(known, _)| known != name);
        if !value.is_empty() {
            self.headers.push((name.to_owned(), value.to_owned()));
        }
        self
    }

    pub(crate) fn also(mut self, name: &str, value: &str) -> Self {
        self.headers.push((name.to_owned(), value.to_owned()));
        self
    }

    pub(crate) fn json(self) -> Self {
        self.with("content-type", "application/json")
    }

    pub(crate) fn send(self, method: &str, path: &str, body: &[u8]) -> Answer {
        self.try_send(method, path, body).unwrap()
    }

    pub(crate) fn try_send(self, method: &str, path: &str, body: &[u8]) -> std::io::Result<Answer> {
        let mut stream = TcpStream::connect(self.address)?;
        stream.set_read_timeout(Some(Duration::from_secs(60)))?;
        let mut head = format!("{method} {path} HTTP/1.1\r\nconnection: close\r\n");
        if !self
            .headers
            .iter()
            .any(|(name, _)| name == "content-length")
        {
            head.push_str(&format!("content-length: {}\r\n", body.len()));
        }
        for (name, value) in &self.headers {
            head.push_str(&format!("{name}: {value}\r\n"));
        }
        stream.write_all(format!("{head}\r\n").as_bytes())?;
        // A server that refuses may close before it has read all.
        let sent = stream.write_all(body);
        let mut answer = Vec::new();
        let read = stream.read_to_end(&mut answer);
        let Some(end) = answer.windows(4).position(|four| four == b"\r\n\r\n") else {
            sent?;
            read?;
            return Err(std::io::Error::other("no answer"));
        };
        let head = String::from_utf8_lossy(&answer[..end]).into_owned();
        let bytes = answer[end + 4..].to_vec();
        let status = head
            .split(' ')
            .nth(1)
            .and_then(|status| status.parse().ok());
        Ok(Answer {
            status: status.ok_or_else(|| std::io::Error::other("no status"))?,
            body: String::from_utf8_lossy(&bytes).into_owned(),
            head,
            bytes,
        })
    }
}
