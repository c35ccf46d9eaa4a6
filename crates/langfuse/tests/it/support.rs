//! Records made with the real handles on a clock that does not move, sent by the real exporter, and
//! what arrived: the request as `opentelemetry-proto` decodes it and as text.

use std::fmt::Write as _;
use std::sync::Arc;
use std::time::Duration;

use mock_langfuse::MockLangfuse;
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::tonic::common::v1::any_value::Value as Wire;
use opentelemetry_proto::tonic::common::v1::{AnyValue, KeyValue};
use opentelemetry_proto::tonic::trace::v1::Span;
use prost::Message as _;
use tracefuse_core::record::{Record, Resource, Timestamp};
use tracefuse_core::testing::Recorder;
use tracefuse_core::{Clock, ManualClock, Tracer};
use tracefuse_exporter::{Batch, Exporter};
use tracefuse_langfuse::{LangfuseConfig, LangfuseExporter};

/// 2026-11-23T13:00:00Z.
pub(crate) const START: u64 = 1_795_438_800_000_000_000;

/// A tracer whose clock a program moves.
pub(crate) struct Recording {
    pub(crate) tracer: Tracer,
    pub(crate) clock: ManualClock,
}

impl Recording {
    pub(crate) fn tick(&self) {
        self.clock.advance(Duration::from_millis(1));
    }
}

/// The records of a program, in the order they ended.
pub(crate) fn records(program: impl FnOnce(&Recording)) -> Vec<Record> {
    let recorder = Recorder::new();
    let clock = ManualClock::at(Timestamp::from_unix_nanos(START));
    let recording = Recording {
        tracer: Tracer::builder(recorder.clone())
            .clock(Clock::new(clock.clone()))
            .build(),
        clock,
    };
    program(&recording);
    drop(recording);
    recorder.take()
}

pub(crate) fn resource(change: impl FnOnce(&mut Resource)) -> Resource {
    let mut resource = Resource::default();
    change(&mut resource);
    resource
}

pub(crate) fn config(server: &MockLangfuse) -> LangfuseConfig {
    LangfuseConfig::new(server.public_key(), server.secret_key()).base_url(server.url())
}

/// Sends the records of a program and returns the server that took them.
pub(crate) async fn sent(resource: Resource, records: Vec<Record>) -> MockLangfuse {
    let server = MockLangfuse::start();
    let exporter = LangfuseExporter::new(config(&server)).unwrap();
    let batch = Batch::new(Arc::new(resource), records);
    let report = exporter.export(&batch).await.unwrap();
    assert_eq!(report.accepted, batch.len());
    server
}

/// The request of the server's only export, decoded.
pub(crate) fn request(server: &MockLangfuse) -> ExportTraceServiceRequest {
    let requests = server.requests();
    assert_eq!(requests.len(), 1);
    ExportTraceServiceRequest::decode(&*requests[0].inflated).unwrap()
}

pub(crate) fn spans(request: &ExportTraceServiceRequest) -> Vec<Span> {
    request.resource_spans[0].scope_spans[0].spans.clone()
}

/// The spans of a program, as they are on the wire.
pub(crate) async fn wire(resource: Resource, program: impl FnOnce(&Recording)) -> Vec<Span> {
    spans(&request(&sent(resource, records(program)).await))
}

pub(crate) fn show_value(value: Option<&AnyValue>) -> String {
    match value.and_then(|any| any.value.as_ref()) {
        Some(Wire::StringValue(text)) => format!("{text:?}"),
        Some(Wire::BoolValue(v)) => v.to_string(),
        Some(Wire::IntValue(v)) => v.to_string(),
        Some(Wire::DoubleValue(v)) => format!("{v:?}"),
        Some(Wire::ArrayValue(array)) => {
            let values: Vec<_> = array.values.iter().map(|v| show_value(Some(v))).collect();
            format!("[{}]", values.join(", "))
        }
        other => format!("not for Langfuse: {other:?}"),
    }
}

pub(crate) fn show(attributes: &[KeyValue]) -> String {
    let mut text = String::new();
    for attribute in attributes {
        let value = show_value(attribute.value.as_ref());
        let _ = writeln!(text, "{} = {value}", attribute.key);
    }
    text
}

/// Attributes and status of the only span of this name, a line each.
pub(crate) fn span_text(spans: &[Span], name: &str) -> String {
    let mut found = spans.iter().filter(|span| span.name == name);
    let span = found.next().unwrap_or_else(|| panic!("no span {name}"));
    assert!(found.next().is_none(), "two spans {name}");
    let mut text = show(&span.attributes);
    if let Some(status) = &span.status {
        let _ = writeln!(text, "status {} {:?}", status.code, status.message);
    }
    text
}

/// Lines that a reader need not see, such as those every span has.
pub(crate) fn without<'t>(text: &'t str, prefixes: &[&str]) -> Vec<&'t str> {
    text.lines()
        .filter(|line| !prefixes.iter().any(|prefix| line.starts_with(prefix)))
        .collect()
}
