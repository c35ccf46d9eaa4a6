//! Takes in spans over a real socket and reads them back, and prints what it measured.
//!
//! `cargo bench -p tracefuse-server --bench load [SPANS] [GENERATIONS]`, by default a million and 100,000. The server is a
//! separate process, so that its memory is measured alone. Nothing else should run on the machine.

#![expect(
    clippy::disallowed_methods,
    clippy::print_stdout,
    reason = "a program that measures: its clock is the system's, and it prints what it found"
)]

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::tonic::common::v1::any_value::Value;
use opentelemetry_proto::tonic::common::v1::{AnyValue, InstrumentationScope, KeyValue};
use opentelemetry_proto::tonic::resource::v1::Resource;
use opentelemetry_proto::tonic::trace::v1::{ResourceSpans, ScopeSpans, Span};
use prost::Message as _;
use tracefuse_server::{Server, ServerConfig, Store, StoreOptions};

const CLIENTS: u64 = 4;
/// Spans of a request, and of a trace.
const BATCH: u64 = 500;
const TRACE: u64 = 10;
const WORDS: [&str; 16] = [
    "invoice", "weather", "refund", "kernel", "lantern", "harbour", "violet", "granite", "orchard",
    "meadow", "signal", "compass", "ribbon", "thunder", "pepper", "glacier",
];

fn main() {
    let arguments: Vec<String> = std::env::args()
        .skip(1)
        .filter(|argument| argument != "--bench")
        .collect();
    if let [command, path] = arguments.as_slice()
        && command == "serve"
    {
        serve(path);
        return;
    }
    let number = |at: usize, default: u64| {
        arguments
            .get(at)
            .and_then(|text| text.parse().ok())
            .unwrap_or(default)
    };
    let (small, large) = (number(0, 1_000_000), number(1, 100_000));
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("traces.db");
    let begun = Instant::now();
    let (mut server, address) = start(&path);
    get(address, "/api/public/health");
    println!(
        "start to first answer: {:.0} ms",
        begun.elapsed().as_secs_f64() * 1e3
    );
    println!("resident, idle: {:.1} MB", resident(&server));
    let rate = load(address, small, false);
    println!("{small} small spans: {rate:.0} a second");
    let rate = load(address, large, true);
    println!("{large} generations of 8 KiB: {rate:.0} a second");
    println!("resident after the load: {:.1} MB", resident(&server));
    let begun = Instant::now();
    let waited = wait_for_index(&path);
    println!(
        "full-text index complete {:.0} s after the load: {waited}",
        begun.elapsed().as_secs_f64()
    );
    let size = std::fs::metadata(&path).map_or(0, |file| file.len());
    println!("file: {:.0} MB", size as f64 / 1e6);
    let store = Store::open_read_only(&path).unwrap();
    let parse = |query: &str| tracefuse_server::TraceQuery::parse(query, 0).unwrap();
    for (name, queries) in [
        ("trace list", vec!["limit=50".to_owned()]),
        (
            "trace list of a user",
            (0..20).map(|n| format!("user=user-{n}")).collect(),
        ),
        ("trace list with errors", vec!["errors=1".to_owned()]),
        (
            "full text, a word of many",
            WORDS.iter().map(|word| format!("q={word}")).collect(),
        ),
        (
            "full text, two words",
            WORDS
                .iter()
                .zip(WORDS.iter().skip(1))
                .map(|(a, b)| format!("q={a}+{b}"))
                .collect(),
        ),
        (
            "full text, a word of one",
            (0..20).map(|n| format!("q=unique{}", n * 37)).collect(),
        ),
    ] {
        let mut times = Vec::new();
        for round in 0..100 {
            let query = parse(&queries[round % queries.len()]);
            let begun = Instant::now();
            store.traces(&query).unwrap();
            times.push(begun.elapsed());
        }
        println!("{name}: {}", percentiles(&mut times));
    }
    let mut times: Vec<Duration> = (0..100)
        .map(|_| {
            let begun = Instant::now();
            get(address, "/api/public/v2/observations?limit=50");
            begun.elapsed()
        })
        .collect();
    println!(
        "50 observations by the read API: {}",
        percentiles(&mut times)
    );
    println!("resident after reading: {:.1} MB", resident(&server));
    server.kill().unwrap();
    server.wait().unwrap();
    drop(store);
    let (mut server, address) = start(&path);
    get(address, "/api/public/health");
    println!("resident after a new start: {:.1} MB", resident(&server));
    server.kill().unwrap();
    server.wait().unwrap();
}

fn percentiles(times: &mut [Duration]) -> String {
    times.sort();
    let at = |hundredths: usize| times[(times.len() - 1) * hundredths / 100].as_secs_f64() * 1e3;
    format!("p50 {:.1} ms, p95 {:.1} ms", at(50), at(95))
}

fn serve(path: &str) {
    let store = Store::open(path, StoreOptions::default()).unwrap();
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .unwrap();
    runtime.block_on(async {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        println!("{}", listener.local_addr().unwrap());
        let server = Server::new(ServerConfig::default());
        server
            .serve(&store, listener, std::future::pending())
            .await
            .unwrap();
    });
}

fn start(path: &std::path::Path) -> (Child, SocketAddr) {
    let mut child = Command::new(std::env::current_exe().unwrap())
        .arg("serve")
        .arg(path)
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut line = String::new();
    BufReader::new(child.stdout.as_mut().unwrap())
        .read_line(&mut line)
        .unwrap();
    (child, line.trim().parse().unwrap())
}

/// Megabytes that a process has in memory.
fn resident(child: &Child) -> f64 {
    let status =
        std::fs::read_to_string(format!("/proc/{}/status", child.id())).unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    let kib = line.and_then(|line| {
        line.trim()
            .trim_end_matches("kB")
            .trim()
            .parse::<f64>()
            .ok()
    });
    kib.unwrap_or(f64::NAN) / 1024.0
}

fn wait_for_index(path: &std::path::Path) -> bool {
    let store = Store::open_read_only(path).unwrap();
    let begun = Instant::now();
    while begun.elapsed() < Duration::from_secs(900) {
        if store.is_indexed().unwrap() {
            return true;
        }
        std::thread::sleep(Duration::from_millis(200));
    }
    false
}

/// Sends all spans from several clients; the rate until the last one was answered.
fn load(address: SocketAddr, spans: u64, is_large: bool) -> f64 {
    let begun = Instant::now();
    std::thread::scope(|scope| {
        for client in 0..CLIENTS {
            scope.spawn(move || {
                let mut connection = Connection::to(address);
                let batch = if is_large { BATCH / 10 } else { BATCH };
                let mut at = client * batch;
                while at < spans {
                    let end = (at + batch).min(spans);
                    connection.post(&request(at..end, is_large));
                    at += CLIENTS * batch;
                }
            });
        }
    });
    spans as f64 / begun.elapsed().as_secs_f64()
}

fn request(numbers: std::ops::Range<u64>, is_large: bool) -> Vec<u8> {
    let spans = numbers.map(|n| span(n, is_large)).collect();
    let scope = InstrumentationScope {
        name: "load".to_owned(),
        ..InstrumentationScope::default()
    };
    ExportTraceServiceRequest {
        resource_spans: vec![ResourceSpans {
            resource: Some(Resource {
                attributes: vec![text("service.name", "load")],
                ..Resource::default()
            }),
            scope_spans: vec![ScopeSpans {
                scope: Some(scope),
                spans,
                ..ScopeSpans::default()
            }],
            ..ResourceSpans::default()
        }],
    }
    .encode_to_vec()
}

fn text(key: &str, value: &str) -> KeyValue {
    KeyValue {
        key: key.to_owned(),
        value: Some(AnyValue {
            value: Some(Value::StringValue(value.to_owned())),
        }),
        ..KeyValue::default()
    }
}

/// An attribute of Langfuse's.
fn own(name: &str, value: &str) -> KeyValue {
    text(&["langfuse", name].join("."), value)
}

fn span(n: u64, is_large: bool) -> Span {
    let trace = n / TRACE;
    let mut attributes = vec![
        own("trace.name", WORDS[(trace % 16) as usize]),
        text("user.id", &format!("user-{}", trace % 1000)),
        text("session.id", &format!("session-{}", trace / 20)),
    ];
    if n % 1000 == 7 {
        attributes.push(own("observation.level", "ERROR"));
    }
    if is_large {
        let input: String = (0..1000u64)
            .map(|at| WORDS[((n * 31 + at * at + at) % 16) as usize])
            .collect::<Vec<_>>()
            .join(" ");
        attributes.push(own("observation.type", "generation"));
        attributes.push(own("observation.model.name", "gpt-4o-mini"));
        attributes.push(own(
            "observation.usage_details",
            r#"{"input": 1200, "output": 300}"#,
        ));
        attributes.push(own("observation.input", &input[..7 * 1024]));
        attributes.push(own(
            "observation.output",
            &format!("unique{n} {}", &input[..1000]),
        ));
    } else {
        attributes.push(own("observation.metadata.step", &n.to_string()));
    }
    let start = 1_795_000_000_000_000_000 + n * 1_000_000;
    let high = if is_large { 1u128 << 100 } else { 1u128 << 90 };
    Span {
        trace_id: (high + u128::from(trace) + 1).to_be_bytes().to_vec(),
        span_id: (n + 1).to_be_bytes().to_vec(),
        parent_span_id: if n.is_multiple_of(TRACE) {
            Vec::new()
        } else {
            (trace * TRACE + 1).to_be_bytes().to_vec()
        },
        name: WORDS[(n % 16) as usize].to_owned(),
        start_time_unix_nano: start,
        end_time_unix_nano: start + 5_000_000,
        attributes,
        ..Span::default()
    }
}

fn get(address: SocketAddr, path: &str) {
    Connection::to(address).ask("GET", path, &[]);
}

struct Connection {
    address: SocketAddr,
    stream: BufReader<TcpStream>,
}

impl Connection {
    fn to(address: SocketAddr) -> Self {
        let stream = TcpStream::connect(address).unwrap();
        stream.set_nodelay(true).unwrap();
        Self {
            address,
            stream: BufReader::new(stream),
        }
    }

    fn post(&mut self, body: &[u8]) {
        self.ask("POST", "/api/public/otel/v1/traces", body);
    }

    /// One request on the open connection; it must succeed.
    fn ask(&mut self, method: &str, path: &str, body: &[u8]) {
        let head = format!(
            "{method} {path} HTTP/1.1\r\nhost: {}\r\ncontent-type: application/x-protobuf\r\ncontent-length: {}\r\n\r\n",
            self.address,
            body.len()
        );
        let stream = self.stream.get_mut();
        stream.write_all(head.as_bytes()).unwrap();
        stream.write_all(body).unwrap();
        let mut length = 0usize;
        let mut first = String::new();
        loop {
            let mut line = String::new();
            self.stream.read_line(&mut line).unwrap();
            if first.is_empty() {
                first.clone_from(&line);
            }
            if line.trim().is_empty() {
                break;
            }
            let lower = line.to_ascii_lowercase();
            if let Some(value) = lower.strip_prefix("content-length:") {
                length = value.trim().parse().unwrap();
            }
        }
        let mut answer = vec![0; length];
        self.stream.read_exact(&mut answer).unwrap();
        assert!(
            first.starts_with("HTTP/1.1 200"),
            "{first} {}",
            String::from_utf8_lossy(&answer)
        );
    }
}
