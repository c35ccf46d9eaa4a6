//! The program as a process, and what an application records.

use std::io::{BufRead as _, BufReader, Lines, Read as _, Write as _};
use std::net::TcpStream;
use std::path::Path;
use std::process::{Child, ChildStdout, Command, Stdio};
use std::time::Duration;

use tracefuse_core::{Tracer, Usage};
use tracefuse_langfuse::{LangfuseConfig, LangfuseExporter};
use tracefuse_runtime::Pipeline;

/// A server that ends with the test.
pub(crate) struct Server {
    pub(crate) child: Child,
    pub(crate) address: String,
    pub(crate) said: String,
    lines: Option<Lines<BufReader<ChildStdout>>>,
}

impl Server {
    /// On a free port.
    pub(crate) fn start(arguments: &[&str]) -> Self {
        Self::start_at("127.0.0.1:0", arguments)
    }

    pub(crate) fn start_at(listen: &str, arguments: &[&str]) -> Self {
        let mut child = Command::new(env!("CARGO_BIN_EXE_tracefuse"))
            .args(arguments)
            .args(["--listen", listen])
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let mut said = String::new();
        for line in &mut lines {
            let line = line.unwrap();
            let end = line.starts_with("Ctrl-C");
            said.push_str(&line);
            said.push('\n');
            if end {
                break;
            }
        }
        let base = said
            .lines()
            .find_map(|line| line.trim().strip_prefix("LANGFUSE_BASE_URL="));
        let address = base.expect(&said).to_owned();
        Self {
            child,
            address,
            said,
            lines: Some(lines),
        }
    }

    /// The lines that the program prints from now on.
    pub(crate) fn lines(&mut self) -> impl Iterator<Item = String> {
        self.lines.as_mut().unwrap().map(Result::unwrap)
    }

    /// The answer to a request: its status, and its body.
    pub(crate) fn ask(
        &self,
        method: &str,
        path: &str,
        headers: &str,
        body: &[u8],
    ) -> (u16, String) {
        let host = self.address.trim_start_matches("http://");
        let mut stream = TcpStream::connect(host).unwrap();
        stream
            .set_read_timeout(Some(Duration::from_secs(60)))
            .unwrap();
        let length = body.len();
        write!(
            stream,
            "{method} {path} HTTP/1.1\r\nhost: {host}\r\nconnection: close\r\ncontent-length: {length}\r\n{headers}\r\n"
        )
        .unwrap();
        // A server that refuses may close before it has read all.
        let _ = stream.write_all(body);
        let mut answer = Vec::new();
        let _ = stream.read_to_end(&mut answer);
        let answer = String::from_utf8_lossy(&answer);
        let (head, body) = answer.split_once("\r\n\r\n").unwrap();
        let status = head.split(' ').nth(1).unwrap().parse().unwrap();
        (status, body.to_owned())
    }

    pub(crate) fn tracer(&self) -> Tracer {
        let config = LangfuseConfig::new("pk-lf-local", "sk-lf-local").base_url(&self.address);
        let exporter = LangfuseExporter::new(config).unwrap();
        Tracer::builder(Pipeline::builder().exporter(exporter).build().unwrap()).build()
    }

    /// As Ctrl-C does; what the program printed meanwhile.
    pub(crate) fn stop(mut self) -> String {
        let id = self.child.id().to_string();
        assert!(
            Command::new("kill")
                .args(["-INT", &id])
                .status()
                .unwrap()
                .success()
        );
        let lines = self.lines.take().unwrap();
        let said: Vec<String> = lines.map(Result::unwrap).collect();
        assert!(self.child.wait().unwrap().success());
        said.join("\n")
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Sends a trace with a generation, and what went wrong in it; its id.
pub(crate) fn record(tracer: &Tracer) -> String {
    let id = trace(tracer);
    tracer.flush().unwrap();
    id
}

/// Asserts that a tree shows what [`trace`] records.
#[track_caller]
pub(crate) fn shows_trace(tree: &str) {
    for text in [
        "question",
        "answer",
        "gpt-4o",
        "What is 2 + 5?",
        "calculator",
        "no batteries",
        "ada",
    ] {
        assert!(tree.contains(text), "{text} is not in\n{tree}");
    }
}

/// Records the same without sending it.
pub(crate) fn trace(tracer: &Tracer) -> String {
    let trace = tracer
        .trace("question")
        .user_id("ada")
        .session_id("monday")
        .start();
    let id = trace.id().unwrap().to_string();
    trace.generation("answer").run(|span| {
        span.set_model("gpt-4o");
        span.set_input("What is 2 + 5?");
        span.set_output("7");
        span.set_usage(Usage::new(12, 3));
    });
    trace
        .tool("calculator")
        .run(|span| span.record_error(&std::io::Error::other("no batteries")));
    drop(trace);
    id
}

pub(crate) fn run(store: &Path, arguments: &[&str]) -> (bool, String, String) {
    let output = Command::new(env!("CARGO_BIN_EXE_tracefuse"))
        .arg("--store")
        .arg(store)
        .args(arguments)
        .stdin(Stdio::null())
        .env("NO_COLOR", "1")
        .output()
        .unwrap();
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
    (
        output.status.success(),
        text(output.stdout),
        text(output.stderr),
    )
}

/// An address at which nothing listens.
pub(crate) fn unused() -> std::net::SocketAddr {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    listener.local_addr().unwrap()
}
