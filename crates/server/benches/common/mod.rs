//! Bodies of OTLP, a client that sends them, and what is measured of a process. Used by `load` and `peers`.

use std::io::{self, BufRead as _, BufReader, Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::process::Child;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::tonic::common::v1::any_value::Value;
use opentelemetry_proto::tonic::common::v1::{AnyValue, InstrumentationScope, KeyValue};
use opentelemetry_proto::tonic::resource::v1::Resource;
use opentelemetry_proto::tonic::trace::v1::{ResourceSpans, ScopeSpans, Span};
use prost::Message as _;

const CLIENTS: u64 = 4;
/// Spans of a request, and of a trace.
const BATCH: u64 = 500;
const TRACE: u64 = 10;
pub(crate) const WORDS: [&str; 16] = [
    "invoice", "weather", "refund", "kernel", "lantern", "harbour", "violet", "granite", "orchard",
    "meadow", "signal", "compass", "ribbon", "thunder", "pepper", "glacier",
];

pub(crate) fn percentiles(times: &mut [Duration]) -> String {
    times.sort();
    let at = |hundredths: usize| times[(times.len() - 1) * hundredths / 100].as_secs_f64() * 1e3;
    format!("p50 {:.1} ms, p95 {:.1} ms", at(50), at(95))
}

/// Megabytes that a process has in memory.
pub(crate) fn resident(child: &Child) -> f64 {
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

/// Sends all spans from several clients: the rate until the last one was answered, and how many requests were not answered
/// with 200.
pub(crate) fn load(address: SocketAddr, path: &str, spans: u64, is_large: bool) -> (f64, u64) {
    let begun = Instant::now();
    let refused = AtomicU64::new(0);
    std::thread::scope(|scope| {
        for client in 0..CLIENTS {
            let refused = &refused;
            scope.spawn(move || {
                let mut connection = Connection::to(address).unwrap();
                let batch = if is_large { BATCH / 10 } else { BATCH };
                let mut at = client * batch;
                while at < spans {
                    let end = (at + batch).min(spans);
                    match connection.ask("POST", path, &request(at..end, is_large)) {
                        Ok(200) => {}
                        Ok(_) => drop(refused.fetch_add(1, Ordering::Relaxed)),
                        Err(_) => {
                            refused.fetch_add(1, Ordering::Relaxed);
                            connection = Connection::to(address).unwrap();
                        }
                    }
                    at += CLIENTS * batch;
                }
            });
        }
    });
    (
        spans as f64 / begun.elapsed().as_secs_f64(),
        refused.into_inner(),
    )
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
    // No span has the id of another, also in another trace: some viewers keep one of them.
    let id = |n: u64| {
        (n + 1 + if is_large { 1 << 40 } else { 0 })
            .to_be_bytes()
            .to_vec()
    };
    Span {
        trace_id: (high + u128::from(trace) + 1).to_be_bytes().to_vec(),
        span_id: id(n),
        parent_span_id: if n.is_multiple_of(TRACE) {
            Vec::new()
        } else {
            id(trace * TRACE)
        },
        name: WORDS[(n % 16) as usize].to_owned(),
        start_time_unix_nano: start,
        end_time_unix_nano: start + 5_000_000,
        attributes,
        ..Span::default()
    }
}

/// A `GET` that must succeed.
pub(crate) fn get(address: SocketAddr, path: &str) {
    let status = Connection::to(address).and_then(|mut to| to.ask("GET", path, &[]));
    assert_eq!(status.unwrap(), 200, "{path}");
}

pub(crate) struct Connection {
    address: SocketAddr,
    stream: BufReader<TcpStream>,
}

impl Connection {
    pub(crate) fn to(address: SocketAddr) -> io::Result<Self> {
        let stream = TcpStream::connect(address)?;
        stream.set_nodelay(true)?;
        Ok(Self {
            address,
            stream: BufReader::new(stream),
        })
    }

    /// One request on the open connection; the status of its answer.
    pub(crate) fn ask(&mut self, method: &str, path: &str, body: &[u8]) -> io::Result<u16> {
        let head = format!(
            "{method} {path} HTTP/1.1\r\nhost: {}\r\ncontent-type: application/x-protobuf\r\ncontent-length: {}\r\n\r\n",
            self.address,
            body.len()
        );
        let stream = self.stream.get_mut();
        stream.write_all(head.as_bytes())?;
        stream.write_all(body)?;
        let status = self.line()?;
        let (mut length, mut is_chunked) = (0, false);
        loop {
            let line = self.line()?.to_ascii_lowercase();
            if line.is_empty() {
                break;
            }
            if let Some(value) = line.strip_prefix("content-length:") {
                length = value.trim().parse().unwrap_or(0);
            }
            is_chunked |= line.starts_with("transfer-encoding:") && line.contains("chunked");
        }
        if is_chunked {
            loop {
                let size = usize::from_str_radix(self.line()?.trim(), 16).unwrap_or(0);
                self.stream.read_exact(&mut vec![0; size + 2])?;
                if size == 0 {
                    break;
                }
            }
        } else {
            self.stream.read_exact(&mut vec![0; length])?;
        }
        let status = status
            .split(' ')
            .nth(1)
            .and_then(|status| status.parse().ok());
        status.ok_or_else(|| io::Error::other("no status"))
    }

    /// A line without its end; an error if there is none.
    fn line(&mut self) -> io::Result<String> {
        let mut line = String::new();
        match self.stream.read_line(&mut line)? {
            0 => Err(io::ErrorKind::UnexpectedEof.into()),
            _ => Ok(line.trim_end().to_owned()),
        }
    }
}
