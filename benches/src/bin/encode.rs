//! Our protobuf encoder beside prost on opentelemetry-proto's types, from the same finished spans to bytes
//! of the same content; as one line of JSON.

use std::time::Instant;

use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::tonic::common::v1::{AnyValue, InstrumentationScope, KeyValue, any_value::Value};
use opentelemetry_proto::tonic::resource::v1::Resource;
use opentelemetry_proto::tonic::trace::v1::{ResourceSpans, ScopeSpans, Span};
use prost::Message;
use serde_json::{Map, json};
use tracefuse_benches::measure::median;
use tracefuse_benches::work::{ATTRS, Generation};
use tracefuse_core::testing::Recorder;
use tracefuse_exporter::record::{SpanRecord, ValueRef};
use tracefuse_otlp::encode::{self, Any, Scope, SpanHead};

const SCOPE: Scope<'_> = Scope { name: "tracefuse", version: "0" };

fn ours(records: &[SpanRecord], capacity: usize) -> Vec<u8> {
    let resource = |attributes: &mut encode::Attributes<'_>| attributes.set("service.name", Any::Str("bench"));
    encode::request(&SCOPE, capacity, resource, |spans| {
        for record in records {
            let head = SpanHead {
                trace_id: record.trace_id(),
                span_id: record.span_id(),
                parent: record.parent_span_id(),
                parent_is_remote: false,
                name: record.name(),
                start: record.start_time(),
                end: record.end_time(),
            };
            spans.span(&head, |body| {
                let mut attributes = body.attributes();
                for (key, value) in attributes_of(record) {
                    let value = match value {
                        ValueRef::Str(text) | ValueRef::Json(text) => Any::Str(text),
                        ValueRef::Bool(v) => Any::Bool(v),
                        ValueRef::I64(v) => Any::Int(v),
                        ValueRef::U64(v) => Any::Int(v as i64),
                        ValueRef::F64(v) => Any::Double(v),
                        _ => continue,
                    };
                    attributes.set(key, value);
                }
            });
        }
    })
}

fn attributes_of(record: &SpanRecord) -> impl Iterator<Item = (&str, ValueRef<'_>)> {
    let named = [("input", record.input()), ("output", record.output()), ("model", record.model().map(ValueRef::Str))];
    let usage = record.usage().map(|(key, units)| (key, ValueRef::U64(units)));
    named.into_iter().filter_map(|(key, value)| Some((key, value?))).chain(usage).chain(record.metadata())
}

fn tree(records: &[SpanRecord]) -> ExportTraceServiceRequest {
    let text = |key: &str, text: &str| KeyValue {
        key: key.into(),
        value: Some(AnyValue { value: Some(Value::StringValue(text.into())) }),
        ..KeyValue::default()
    };
    let spans = records.iter().map(|record| Span {
        trace_id: record.trace_id().to_bytes().to_vec(),
        span_id: record.span_id().to_bytes().to_vec(),
        parent_span_id: record.parent_span_id().map(|id| id.to_bytes().to_vec()).unwrap_or_default(),
        name: record.name().to_owned(),
        kind: 1,
        start_time_unix_nano: record.start_time().as_unix_nanos(),
        end_time_unix_nano: record.end_time().as_unix_nanos(),
        flags: 0x101,
        attributes: attributes_of(record)
            .map(|(key, value)| {
                let value = match value {
                    ValueRef::Str(text) | ValueRef::Json(text) => Value::StringValue(text.to_owned()),
                    ValueRef::Bool(v) => Value::BoolValue(v),
                    ValueRef::I64(v) => Value::IntValue(v),
                    ValueRef::U64(v) => Value::IntValue(v as i64),
                    ValueRef::F64(v) => Value::DoubleValue(v),
                    _ => Value::BoolValue(false),
                };
                KeyValue { key: key.to_owned(), value: Some(AnyValue { value: Some(value) }), ..KeyValue::default() }
            })
            .collect(),
        ..Span::default()
    });
    let scope = InstrumentationScope { name: SCOPE.name.into(), version: SCOPE.version.into(), ..Default::default() };
    let scope_spans = ScopeSpans { scope: Some(scope), spans: spans.collect(), ..ScopeSpans::default() };
    let resource = Resource { attributes: vec![text("service.name", "bench")], ..Resource::default() };
    let resource_spans =
        ResourceSpans { resource: Some(resource), scope_spans: vec![scope_spans], ..ResourceSpans::default() };
    ExportTraceServiceRequest { resource_spans: vec![resource_spans] }
}

fn records(generations: bool) -> Vec<SpanRecord> {
    let recorder = Recorder::new();
    let tracer = recorder.tracer();
    let g = Generation::of(4096);
    tracer.trace("root").run(|trace| {
        for _ in 0..99 {
            if generations {
                let usage = tracefuse_core::Usage::new(g.usage[0] as u64, g.usage[1] as u64);
                let span = trace.generation("generation").input(g.input.as_str()).output(g.output.as_str());
                span.model(&g.model).usage(usage).run(|_| {});
            } else {
                let span = trace.span("child").metadata("user", ATTRS.user.as_str()).metadata("step", ATTRS.step);
                span.metadata("stage", ATTRS.stage.as_str()).metadata("score", ATTRS.score).run(|_| {});
            }
        }
    });
    recorder.spans()
}

fn main() {
    let mut out = Map::new();
    for (name, generations) in [("small spans", false), ("generations of 4 KiB + 4 KiB", true)] {
        let records = records(generations);
        let built = tree(&records);
        let bytes = ours(&records, 0);
        assert_eq!(bytes, built.encode_to_vec(), "the encoders agree to the byte");
        let capacity = bytes.len() + 64;
        type Way<'a> = (&'a str, Box<dyn Fn() -> Vec<u8> + 'a>);
        let ways: [Way<'_>; 3] = [
            ("ours", Box::new(|| ours(&records, capacity))),
            ("prost", Box::new(|| tree(&records).encode_to_vec())),
            ("prost, messages built before", Box::new(|| built.encode_to_vec())),
        ];
        let mut times: [Vec<f64>; 3] = Default::default();
        // Interleaved, so that other load on the machine affects all of them.
        for _ in 0..41 {
            for (way, times) in ways.iter().zip(&mut times) {
                let start = Instant::now();
                (0..20).for_each(|_| drop(std::hint::black_box((way.1)())));
                times.push(start.elapsed().as_secs_f64() / 20.0);
            }
        }
        let rates = ways
            .iter()
            .zip(&mut times)
            .map(|(way, times)| (way.0.to_owned(), json!(bytes.len() as f64 / median(times))));
        out.insert(name.into(), rates.collect::<Map<_, _>>().into());
    }
    println!("{}", serde_json::Value::Object(out));
}
