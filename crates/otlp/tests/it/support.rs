//! Records made with the real handles, and a server that answers one request with a given answer.

use std::collections::BTreeSet;
use std::sync::Arc;

use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::tonic::common::v1::any_value::Value;
use opentelemetry_proto::tonic::common::v1::{AnyValue, KeyValue};
use opentelemetry_proto::tonic::trace::v1::Span;
use prost::Message as _;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpListener;
use tokio::task::JoinHandle;
use tracefuse_core::record::{Record, Resource, Timestamp};
use tracefuse_core::testing::Recorder;
use tracefuse_core::{Clock, ManualClock, Trace, Tracer};
use tracefuse_exporter::{Batch, Exporter as _};
use tracefuse_otlp::{OtlpConfig, OtlpExporter};

pub(crate) const START: u64 = 1_800_000_000_000_000_000;

/// The records of a program, in the order they ended, on a clock that only the program moves.
pub(crate) fn records(program: impl FnOnce(&Tracer, &ManualClock)) -> Vec<Record> {
    let recorder = Recorder::new();
    let clock = ManualClock::at(Timestamp::from_unix_nanos(START));
    let tracer = Tracer::builder(recorder.clone())
        .clock(Clock::new(clock.clone()))
        .build();
    program(&tracer, &clock);
    drop(tracer);
    recorder.take()
}

/// A request as it arrived.
pub(crate) struct Request {
    pub(crate) head: String,
    pub(crate) body: Vec<u8>,
}

/// A server on loopback that gives one answer; its address, and the request once it came.
pub(crate) async fn serve(
    status: &str,
    headers: &str,
    body: &[u8],
) -> (String, JoinHandle<Request>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = format!("http://{}", listener.local_addr().unwrap());
    let mut answer = format!(
        "HTTP/1.1 {status}\r\ncontent-length: {}\r\n{headers}\r\n",
        body.len()
    )
    .into_bytes();
    answer.extend_from_slice(body);
    let task = tokio::spawn(async move { answer_one(&listener, &answer).await });
    (address, task)
}

/// A server on loopback that gives each of these answers once, without a body, and closes the connection after it.
pub(crate) async fn serve_each(statuses: &[&str]) -> (String, JoinHandle<Vec<Request>>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = format!("http://{}", listener.local_addr().unwrap());
    let answers: Vec<_> = statuses
        .iter()
        .map(|status| {
            format!("HTTP/1.1 {status}\r\ncontent-length: 0\r\nconnection: close\r\n\r\n")
        })
        .collect();
    let task = tokio::spawn(async move {
        let mut requests = Vec::new();
        for answer in answers {
            requests.push(answer_one(&listener, answer.as_bytes()).await);
        }
        requests
    });
    (address, task)
}

async fn answer_one(listener: &TcpListener, answer: &[u8]) -> Request {
    let (mut socket, _) = listener.accept().await.unwrap();
    let mut read = Vec::new();
    let request = loop {
        assert_ne!(
            socket.read_buf(&mut read).await.unwrap(),
            0,
            "the client left"
        );
        if let Some(request) = parse(&read) {
            break request;
        }
    };
    socket.write_all(answer).await.unwrap();
    request
}

/// The request, when it is there to its end.
fn parse(read: &[u8]) -> Option<Request> {
    let end = read.windows(4).position(|window| window == b"\r\n\r\n")? + 4;
    let head = String::from_utf8(read[..end].to_vec())
        .unwrap()
        .to_lowercase();
    let length = head
        .lines()
        .find_map(|line| line.strip_prefix("content-length: "))?;
    let body = read[end..].to_vec();
    (body.len() == length.parse::<usize>().unwrap()).then_some(Request { head, body })
}

/// What an exporter with the default settings makes of `records`.
pub(crate) async fn sent(resource: Resource, records: Vec<Record>) -> ExportTraceServiceRequest {
    sent_with(|config| config, resource, records).await
}

/// What an exporter with these settings makes of `records`, over a socket, decoded by prost; laws of every request hold.
pub(crate) async fn sent_with(
    change: impl FnOnce(OtlpConfig) -> OtlpConfig,
    resource: Resource,
    records: Vec<Record>,
) -> ExportTraceServiceRequest {
    let (address, request) = serve("200 OK", "", b"").await;
    let exporter = OtlpExporter::new(change(OtlpConfig::new(address))).unwrap();
    let batch = Batch::new(Arc::new(resource), records);
    let hint: usize = batch
        .records()
        .iter()
        .map(|record| exporter.size_hint(record))
        .sum();
    exporter.export(&batch).await.unwrap();
    let body = request.await.unwrap().body;
    assert!(
        hint + 300 >= body.len(),
        "estimated {hint}, sent {}",
        body.len()
    );
    let request = ExportTraceServiceRequest::decode(body.as_slice()).unwrap();
    assert_eq!(
        request.encode_to_vec(),
        body,
        "the bytes are those of prost"
    );
    for span in &request.resource_spans[0].scope_spans[0].spans {
        let keys: BTreeSet<_> = span
            .attributes
            .iter()
            .map(|attribute| &attribute.key)
            .collect();
        assert_eq!(
            keys.len(),
            span.attributes.len(),
            "keys are unique in {}",
            span.name
        );
        assert!(!keys.contains(&String::new()), "no key is empty");
    }
    request
}

pub(crate) fn span(request: &ExportTraceServiceRequest, name: &str) -> Span {
    let mut spans = request.resource_spans[0].scope_spans[0].spans.iter();
    spans.find(|span| span.name == name).unwrap().clone()
}

/// The attributes of the span `it`, without those of its trace.
pub(crate) async fn attributes_of(
    config: fn(OtlpConfig) -> OtlpConfig,
    program: fn(&Trace),
) -> Vec<String> {
    let records = records(|tracer, _| program(&tracer.trace("root").start()));
    let request = sent_with(config, Resource::default(), records).await;
    let shown = show(&span(&request, "it").attributes);
    let of_trace =
        |line: &String| line.starts_with("tracefuse.trace") || line.starts_with("openinference");
    shown.into_iter().filter(|line| !of_trace(line)).collect()
}

/// Attributes, a line each.
pub(crate) fn show(attributes: &[KeyValue]) -> Vec<String> {
    attributes
        .iter()
        .map(|attribute| format!("{} = {}", attribute.key, value(attribute.value.as_ref())))
        .collect()
}

fn value(any: Option<&AnyValue>) -> String {
    match any.and_then(|any| any.value.as_ref()) {
        Some(Value::StringValue(text)) => format!("{text:?}"),
        Some(Value::BoolValue(v)) => v.to_string(),
        Some(Value::IntValue(v)) => v.to_string(),
        Some(Value::DoubleValue(v)) => format!("{v:?}"),
        Some(Value::ArrayValue(array)) => {
            let values: Vec<_> = array.values.iter().map(|v| value(Some(v))).collect();
            format!("[{}]", values.join(", "))
        }
        other => panic!("{other:?}"),
    }
}
