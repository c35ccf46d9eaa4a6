//! The end-to-end floor: owned spans sent to another thread in batches of 100, their JSON written on the exporting
//! thread and posted over raw hyper to Langfuse's ingestion endpoint. No semantics, no accounting.

use std::cell::RefCell;
use std::io::Write;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::thread::JoinHandle;
use std::time::{SystemTime, UNIX_EPOCH};

use flate2::{Compress, Compression, FlushCompress, Status};
use http_body_util::{BodyExt, Full};
use hyper::Request;
use hyper_util::rt::TokioIo;
use tokio::sync::mpsc;

use crate::peer::{AGENT_ITERATIONS, AGENT_STEPS, Peer, Target};
use crate::work::{ATTRS, Generation};

const BATCH: usize = 100;

enum Value {
    Text(String),
    Float(f64),
    Int(i64),
}

enum Body {
    Metadata(Vec<(&'static str, Value)>),
    Generation { input: String, output: String, model: String, usage: [i64; 3] },
}

struct Span {
    name: &'static str,
    trace: u64,
    id: u64,
    parent: u64,
    begin: u64,
    end: u64,
    body: Body,
}

enum Message {
    Spans(Vec<Span>),
}

fn now() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |d| d.as_nanos() as u64)
}

static NEXT: AtomicU64 = AtomicU64::new(1);

fn next_id() -> u64 {
    NEXT.fetch_add(1, Relaxed)
}

/// `"2026-11-23T13:56:37.123456Z"`, with the quotes.
fn timestamp(out: &mut Vec<u8>, ns: u64) {
    let (secs, micros) = (ns / 1_000_000_000, ns % 1_000_000_000 / 1000);
    let (days, day) = (secs / 86_400, secs % 86_400);
    // Days since 0000-03-01, in 400-year eras.
    let z = days + 719_468;
    let (era, doe) = (z / 146_097, z % 146_097);
    let yoe = (doe - doe / 1460 + doe / 36_524 - doe / 146_096) / 365;
    let doy = doe - (365 * yoe + yoe / 4 - yoe / 100);
    let mp = (5 * doy + 2) / 153;
    let month = if mp < 10 { mp + 3 } else { mp - 9 };
    let year = yoe + era * 400 + u64::from(month <= 2);
    let mut text = *b"\"0000-00-00T00:00:00.000000Z\"";
    for (at, len, mut value) in [
        (1, 4, year),
        (6, 2, month),
        (9, 2, doy - (153 * mp + 2) / 5 + 1),
        (12, 2, day / 3600),
        (15, 2, day / 60 % 60),
        (18, 2, day % 60),
        (21, 6, micros),
    ] {
        for digit in text[at..at + len].iter_mut().rev() {
            *digit = b'0' + (value % 10) as u8;
            value /= 10;
        }
    }
    out.extend_from_slice(&text);
}

fn hex(out: &mut Vec<u8>, value: u64) {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    out.push(b'"');
    for shift in (0..64).step_by(4).rev() {
        out.push(DIGITS[(value >> shift & 15) as usize]);
    }
    out.push(b'"');
}

fn text(out: &mut Vec<u8>, value: &str) {
    serde_json::to_writer(out, value).unwrap();
}

fn serialise(spans: &[Span], capacity: usize) -> Vec<u8> {
    let mut out = Vec::with_capacity(capacity);
    out.extend_from_slice(b"{\"batch\":[");
    for (i, span) in spans.iter().enumerate() {
        if i > 0 {
            out.push(b',');
        }
        let generation = matches!(span.body, Body::Generation { .. });
        out.extend_from_slice(b"{\"id\":");
        hex(&mut out, span.id);
        out.extend_from_slice(b",\"timestamp\":");
        timestamp(&mut out, span.end);
        out.extend_from_slice(if generation {
            b",\"type\":\"generation-create\""
        } else {
            b",\"type\":\"span-create\""
        });
        out.extend_from_slice(b",\"body\":{\"id\":");
        hex(&mut out, span.id);
        out.extend_from_slice(b",\"traceId\":");
        hex(&mut out, span.trace);
        out.extend_from_slice(b",\"parentObservationId\":");
        hex(&mut out, span.parent);
        out.extend_from_slice(b",\"name\":");
        text(&mut out, span.name);
        out.extend_from_slice(b",\"startTime\":");
        timestamp(&mut out, span.begin);
        out.extend_from_slice(b",\"endTime\":");
        timestamp(&mut out, span.end);
        match &span.body {
            Body::Metadata(attrs) => {
                out.extend_from_slice(b",\"metadata\":{");
                for (i, (key, value)) in attrs.iter().enumerate() {
                    if i > 0 {
                        out.push(b',');
                    }
                    text(&mut out, key);
                    out.push(b':');
                    match value {
                        Value::Text(v) => text(&mut out, v),
                        Value::Float(v) => serde_json::to_writer(&mut out, v).unwrap(),
                        Value::Int(v) => write!(out, "{v}").unwrap(),
                    }
                }
                out.push(b'}');
            }
            Body::Generation { input, output, model, usage: [i, o, t] } => {
                for (key, value) in [(&b",\"input\":"[..], input), (b",\"output\":", output), (b",\"model\":", model)] {
                    out.extend_from_slice(key);
                    text(&mut out, value);
                }
                write!(out, ",\"usageDetails\":{{\"input\":{i},\"output\":{o},\"total\":{t}}}").unwrap();
            }
        }
        out.extend_from_slice(b"}}");
    }
    out.extend_from_slice(b"]}");
    out
}

/// A thread with one tokio runtime and `connections` tasks taking turns at the queue.
struct Poster {
    queue: Option<mpsc::Sender<Message>>,
    thread: Option<JoinHandle<()>>,
}

impl Poster {
    fn start(url: &str, connections: usize, gzip: bool) -> Self {
        let (queue, messages) = mpsc::channel::<Message>(64);
        let host = url.trim_start_matches("http://").to_owned();
        let thread = std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
            let messages = Arc::new(tokio::sync::Mutex::new(messages));
            runtime.block_on(async {
                let workers: Vec<_> =
                    (0..connections).map(|_| tokio::spawn(connection(host.clone(), messages.clone(), gzip))).collect();
                for worker in workers {
                    worker.await.unwrap();
                }
            });
        });
        Self { queue: Some(queue), thread: Some(thread) }
    }

    fn send(&self, message: Message) {
        let _ = self.queue.as_ref().unwrap().blocking_send(message);
    }

    fn finish(&mut self) {
        self.queue = None;
        self.thread.take().unwrap().join().unwrap();
    }
}

/// `body` in gzip, by a compressor that is used again: the fastest level, as the Langfuse exporter has it.
fn compressed(compress: &mut Compress, body: &[u8]) -> Vec<u8> {
    compress.reset();
    let mut out = Vec::with_capacity(body.len());
    let status = compress.compress_vec(body, &mut out, FlushCompress::Finish).unwrap();
    assert_eq!(status, Status::StreamEnd);
    out
}

async fn connection(host: String, messages: Arc<tokio::sync::Mutex<mpsc::Receiver<Message>>>, gzip: bool) {
    let mut compress = Compress::new_gzip(Compression::fast(), 15);
    let stream = tokio::net::TcpStream::connect(&host).await.unwrap();
    stream.set_nodelay(true).unwrap();
    let (mut sender, driver) = hyper::client::conn::http1::handshake(TokioIo::new(stream)).await.unwrap();
    tokio::spawn(driver);
    let mut capacity = 4096;
    loop {
        let message = messages.lock().await.recv().await;
        let body: bytes::Bytes = match message {
            None => return,
            Some(Message::Spans(spans)) => {
                let bytes = serialise(&spans, capacity);
                capacity = capacity.max(bytes.len() + bytes.len() / 8);
                if gzip { compressed(&mut compress, &bytes).into() } else { bytes.into() }
            }
        };
        let request = Request::post("/api/public/ingestion")
            .header("host", &host)
            .header("content-encoding", if gzip { "gzip" } else { "identity" })
            .header("authorization", "Basic cGs6c2s=")
            .header("content-type", "application/json")
            .body(Full::new(body))
            .unwrap();
        sender.ready().await.unwrap();
        let response = sender.send_request(request).await.unwrap();
        assert_eq!(response.status(), 207);
        response.into_body().collect().await.unwrap();
    }
}

fn metadata_span(
    name: &'static str,
    trace: u64,
    parent: u64,
    attrs: impl FnOnce() -> Vec<(&'static str, Value)>,
) -> Span {
    let (id, begin) = (next_id(), now());
    Span { name, trace, id, parent, begin, body: Body::Metadata(attrs()), end: now() }
}

fn attrs_span(trace: u64) -> Span {
    let a = &*ATTRS;
    metadata_span("child", trace, trace, || {
        vec![
            ("user", Value::Text(a.user.clone())),
            ("stage", Value::Text(a.stage.clone())),
            ("score", Value::Float(a.score)),
            ("step", Value::Int(a.step)),
        ]
    })
}

fn generation_span(trace: u64, g: &Generation) -> Span {
    let (id, begin) = (next_id(), now());
    let (input, output, model, usage) = (g.input.clone(), g.output.clone(), g.model.clone(), g.usage);
    let body = Body::Generation { input, output, model, usage };
    Span { name: "generation", trace, id, parent: trace, begin, body, end: now() }
}

thread_local! {
    static BUFFER: RefCell<Vec<Span>> = const { RefCell::new(Vec::new()) };
}

struct Serialise(Poster);

pub fn open(target: &Target) -> Box<dyn Peer> {
    post(target, false)
}

pub fn gzip(target: &Target) -> Box<dyn Peer> {
    post(target, true)
}

fn post(target: &Target, gzip: bool) -> Box<dyn Peer> {
    let Target::Http { url, .. } = target else { panic!("end to end only") };
    Box::new(Serialise(Poster::start(url, 2, gzip)))
}

impl Serialise {
    fn push(&self, span: Span) {
        BUFFER.with_borrow_mut(|buffer| {
            buffer.push(span);
            if buffer.len() >= BATCH {
                self.0.send(Message::Spans(std::mem::replace(buffer, Vec::with_capacity(BATCH))));
            }
        });
    }

    fn trace(&self, children: impl FnOnce(u64)) {
        let trace = next_id();
        let begin = now();
        children(trace);
        let body = Body::Metadata(Vec::new());
        self.push(Span { name: "root", trace, id: trace, parent: 0, begin, end: now(), body });
    }
}

impl Peer for Serialise {
    fn bare(&self, n: usize) {
        self.trace(|t| (0..n).for_each(|_| self.push(metadata_span("child", t, t, Vec::new))));
    }
    fn attrs(&self, n: usize) {
        self.trace(|t| (0..n).for_each(|_| self.push(attrs_span(t))));
    }
    fn generations(&self, n: usize, g: &Generation) {
        self.trace(|t| (0..n).for_each(|_| self.push(generation_span(t, g))));
    }
    fn agent(&self) {
        self.trace(|t| {
            for iteration in 0..AGENT_ITERATIONS {
                for step in AGENT_STEPS {
                    self.push(metadata_span(step, t, t, || {
                        vec![("stage", Value::Text(ATTRS.stage.clone())), ("iteration", Value::Int(iteration))]
                    }));
                }
            }
        });
    }
    fn flush(&self) {}
    fn finish(mut self: Box<Self>) {
        let rest = BUFFER.take();
        if !rest.is_empty() {
            self.0.send(Message::Spans(rest));
        }
        self.0.finish();
    }
}
