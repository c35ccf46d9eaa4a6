//! A sink on loopback, run as a process: OTLP over HTTP, and for the floor Langfuse's ingestion endpoint. Counts, answers.

use std::convert::Infallible;
use std::io::Read;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::time::Duration;

use bytes::Bytes;
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper::{Request, Response};
use hyper_util::rt::TokioIo;
use serde::Deserialize;
use tracefuse_benches::measure;

static REQUESTS: AtomicU64 = AtomicU64::new(0);
static BYTES: AtomicU64 = AtomicU64::new(0);
static SPANS: AtomicU64 = AtomicU64::new(0);
static MAX_BODY: AtomicU64 = AtomicU64::new(0);
static CONNECTIONS: AtomicU64 = AtomicU64::new(0);
static DELAY_MS: AtomicU64 = AtomicU64::new(0);

#[derive(Deserialize)]
struct Batch<'a> {
    #[serde(borrow)]
    batch: Vec<Envelope<'a>>,
}

#[derive(Deserialize)]
struct Envelope<'a> {
    id: &'a str,
}

#[tokio::main(flavor = "current_thread")]
async fn main() {
    let port = measure::arg("--port").unwrap_or_else(|| "0".into());
    let listener = tokio::net::TcpListener::bind(format!("127.0.0.1:{port}")).await.unwrap();
    println!("http://{}", listener.local_addr().unwrap());
    loop {
        let (stream, _) = listener.accept().await.unwrap();
        stream.set_nodelay(true).unwrap();
        CONNECTIONS.fetch_add(1, Relaxed);
        tokio::spawn(async move {
            let _ = hyper::server::conn::http1::Builder::new()
                .serve_connection(TokioIo::new(stream), service_fn(serve))
                .await;
        });
    }
}

async fn serve(request: Request<Incoming>) -> Result<Response<Full<Bytes>>, Infallible> {
    let path = request.uri().path().to_owned();
    let query = request.uri().query().unwrap_or_default().to_owned();
    let header = |name: &str| request.headers().get(name).and_then(|v| v.to_str().ok()).unwrap_or_default().to_owned();
    let encoding = header("content-encoding");
    match path.as_str() {
        "/reset" => {
            for counter in [&REQUESTS, &BYTES, &SPANS, &MAX_BODY, &CONNECTIONS] {
                counter.store(0, Relaxed);
            }
            DELAY_MS.store(query.strip_prefix("delay_ms=").and_then(|v| v.parse().ok()).unwrap_or(0), Relaxed);
            return Ok(reply(200, "text/plain", "ok"));
        }
        "/stats" => {
            let stats = serde_json::json!({
                "requests": REQUESTS.load(Relaxed), "bytes": BYTES.load(Relaxed), "spans": SPANS.load(Relaxed),
                "max_body": MAX_BODY.load(Relaxed), "connections": CONNECTIONS.load(Relaxed),
                "sink_cpu_s": measure::process_cpu().as_secs_f64(),
            });
            return Ok(reply(200, "application/json", stats.to_string()));
        }
        _ => {}
    }
    let Ok(body) = request.into_body().collect().await else {
        return Ok(reply(400, "text/plain", "body"));
    };
    let mut body = body.to_bytes();
    REQUESTS.fetch_add(1, Relaxed);
    BYTES.fetch_add(body.len() as u64, Relaxed);
    MAX_BODY.fetch_max(body.len() as u64, Relaxed);
    if encoding == "gzip" {
        let mut plain = Vec::new();
        let _ = flate2::read::GzDecoder::new(&body[..]).read_to_end(&mut plain);
        body = plain.into();
    }
    if path.ends_with("/v1/traces") {
        let spans = otlp_spans(&body);
        SPANS.fetch_add(spans, Relaxed);
        delay().await;
        return Ok(reply(200, "application/x-protobuf", ""));
    }
    let Ok(batch) = serde_json::from_slice::<Batch>(&body) else {
        return Ok(reply(200, "application/json", "{}"));
    };
    SPANS.fetch_add(batch.batch.len() as u64, Relaxed);
    delay().await;
    let mut text = String::with_capacity(24 + batch.batch.len() * 64);
    text.push_str("{\"successes\":[");
    for (i, event) in batch.batch.iter().enumerate() {
        if i > 0 {
            text.push(',');
        }
        text.push_str("{\"id\":\"");
        text.push_str(event.id);
        text.push_str("\",\"status\":201}");
    }
    text.push_str("],\"errors\":[]}");
    Ok(reply(207, "application/json", text))
}

/// Being slow starts once the request has arrived and been counted.
async fn delay() {
    let delay = DELAY_MS.load(Relaxed);
    if delay > 0 {
        tokio::time::sleep(Duration::from_millis(delay)).await;
    }
}

fn reply(status: u16, kind: &str, body: impl Into<Bytes>) -> Response<Full<Bytes>> {
    Response::builder().status(status).header("content-type", kind).body(Full::new(body.into())).unwrap()
}

/// Counts the spans of an ExportTraceServiceRequest without decoding them: resource_spans (1),
/// scope_spans (2), spans (2).
fn otlp_spans(body: &[u8]) -> u64 {
    fields(body, 1)
        .flat_map(|resource| fields(resource, 2).collect::<Vec<_>>())
        .map(|scope| fields(scope, 2).count() as u64)
        .sum()
}

/// The length-delimited fields numbered `wanted` of one protobuf message.
fn fields(mut rest: &[u8], wanted: u64) -> impl Iterator<Item = &[u8]> {
    std::iter::from_fn(move || {
        while !rest.is_empty() {
            let key = varint(&mut rest)?;
            match key & 7 {
                0 => drop(varint(&mut rest)?),
                1 => rest = rest.get(8..)?,
                5 => rest = rest.get(4..)?,
                2 => {
                    let len = varint(&mut rest)? as usize;
                    let (field, after) = rest.split_at_checked(len)?;
                    rest = after;
                    if key >> 3 == wanted {
                        return Some(field);
                    }
                }
                _ => return None,
            }
        }
        None
    })
}

fn varint(rest: &mut &[u8]) -> Option<u64> {
    let mut value = 0;
    for shift in (0..64).step_by(7) {
        let (&byte, after) = rest.split_first()?;
        *rest = after;
        value |= u64::from(byte & 0x7f) << shift;
        if byte < 0x80 {
            return Some(value);
        }
    }
    None
}
