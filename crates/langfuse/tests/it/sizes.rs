//! The estimate that batches are cut by, and the shape of the bytes.

use std::sync::Arc;

use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use proptest::prelude::*;
use prost::Message as _;
use tracefuse_core::record::{Record, Resource};
use tracefuse_core::{Cost, Exception, Link, SpanId, TraceId, Usage};
use tracefuse_exporter::{Batch, Exporter};
use tracefuse_langfuse::LangfuseExporter;

use crate::support::{config, records, sent};

/// Texts without quotes and control characters, which JSON writes longer than they are.
fn plain() -> impl Strategy<Value = String> {
    "[a-zü ]{0,200}"
}

#[derive(Clone, Debug)]
struct Program {
    trace: Vec<(String, String)>,
    tags: Vec<String>,
    spans: Vec<Span>,
}

/// Input, metadata, and how many events and errors.
type Span = (String, Vec<(String, String)>, usize);

fn program() -> impl Strategy<Value = Program> {
    let pairs = || prop::collection::vec((plain(), plain()), 0..6);
    (
        pairs(),
        prop::collection::vec(plain(), 0..4),
        prop::collection::vec((plain(), pairs(), 0..3_usize), 0..6),
    )
        .prop_map(|(trace, tags, spans)| Program { trace, tags, spans })
}

fn run(program: &Program) -> Vec<Record> {
    records(|recording| {
        let mut trace = recording
            .tracer
            .trace("root")
            .tags(&program.tags)
            .user_id("u");
        for (key, value) in &program.trace {
            trace = trace.metadata(key, value);
        }
        let trace = trace.start();
        for (input, metadata, events) in &program.spans {
            let span = trace.generation("llm").model("m").input(input).start();
            for (key, value) in metadata {
                span.add_metadata(key, value);
            }
            for _ in 0..*events {
                span.event("event").metadata("k", "v").record();
                span.record_error("e");
            }
        }
    })
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(32) })]
    #[test]
    fn the_estimate_is_never_too_small_and_the_bytes_are_those_of_prost(program in program()) {
        let records = run(&program);
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let (hint, body) = runtime.block_on(async {
            let server = sent(Resource::default(), records.clone()).await;
            let exporter = LangfuseExporter::new(config(&server)).unwrap();
            let hint: usize = records.iter().map(|record| exporter.size_hint(record)).sum();
            // Twice the same bytes, so that a server can tell a retry from news.
            let batch = Batch::new(Arc::new(Resource::default()), records);
            exporter.export(&batch).await.unwrap();
            let [first, second] = &server.requests()[..] else { panic!() };
            assert_eq!(first.body, second.body);
            (hint, first.inflated.clone())
        });
        // The resource and the scope come once a request.
        let spans = body.len().saturating_sub(200);
        prop_assert!(hint >= spans, "estimated {hint}, sent {}", body.len());
        prop_assert!(hint <= spans * 3 + 2_000, "estimated {hint}, sent {}", body.len());
        let decoded = ExportTraceServiceRequest::decode(&*body).unwrap();
        prop_assert_eq!(decoded.encode_to_vec(), body);
    }
}

/// Puts a text into one kind of place of a span.
type Fill = fn(&tracefuse_core::Span, &str);

const KINDS: [(&str, Fill); 16] = [
    ("input", |span, text| span.set_input(text)),
    ("output", |span, text| span.set_output(text)),
    ("model", |span, text| span.set_model(text)),
    ("model parameter", |span, text| {
        span.add_model_parameter(text, text)
    }),
    ("prompt", |span, text| span.set_prompt(text, 3)),
    ("usage", |span, text| {
        span.set_usage(Usage::default().bucket(text, u64::MAX))
    }),
    ("cost", |span, text| {
        span.set_cost(Cost::default().bucket(text, 1.0e-300))
    }),
    ("tag", |span, text| span.add_tag(text)),
    ("status", |span, text| span.set_status_message(text)),
    ("metadata", |span, text| span.add_metadata(text, text)),
    ("JSON in metadata", |span, text| {
        span.add_metadata(text, format!("[{}1]", "\"\",".repeat(text.len() / 3)))
    }),
    ("numbers", |span, text| {
        span.add_metadata(text, -1.234_567_890_123_456_7e-300)
    }),
    ("event", |span, text| {
        let event = span.event(text).input(text).output(text);
        event.metadata(text, text).record();
    }),
    ("one error", |span, text| {
        let mut error = Exception::new(text, text);
        error.sources = text.to_owned();
        error.stacktrace = Some(text.to_owned());
        span.record_exception(error);
    }),
    ("two errors", |span, text| {
        span.record_exception(Exception::new(text, text));
        span.record_exception(Exception::new("second", text));
    }),
    ("link", |span, text| {
        let link = Link::new(TraceId::random(), SpanId::random());
        span.add_link(link.metadata(text, text));
    }),
];

#[tokio::test]
async fn the_estimate_is_enough_for_each_kind_of_content() {
    let (long, short): (Vec<_>, Vec<_>) = (
        vec!["l".repeat(5_000)],
        (0..100).map(|n| format!("s{n}")).collect(),
    );
    for (kind, fill) in KINDS {
        for texts in [&long, &short] {
            let records = records(|recording| {
                let trace = recording.tracer.trace("root").start();
                let span = trace.generation("llm").start();
                texts.iter().for_each(|text| fill(&span, text));
            });
            let server = sent(Resource::default(), records.clone()).await;
            let exporter = LangfuseExporter::new(config(&server)).unwrap();
            let hint: usize = records
                .iter()
                .map(|record| exporter.size_hint(record))
                .sum();
            let sent = server.requests()[0].inflated.len();
            // The resource and the scope come once a request.
            assert!(hint + 200 >= sent, "{kind}: estimated {hint}, sent {sent}");
        }
    }
}

#[test]
fn a_large_span_counts_without_its_media_and_a_small_one_with_them() {
    let config = tracefuse_langfuse::LangfuseConfig::new("pk-lf-1", "sk-lf-1");
    let exporter = LangfuseExporter::new(config).unwrap();
    for (digits, with_media) in [(200_000, true), (300_000, false)] {
        let uri = format!("data:image/png;base64,{}", "iVBORw0K".repeat(digits / 8));
        let records = records(|recording| {
            let trace = recording.tracer.trace("root");
            trace.run(|trace| trace.set_input(&uri));
        });
        let hint = exporter.size_hint(&records[0]);
        assert_eq!(hint >= digits, with_media, "{digits}: {hint}");
        assert!(hint > 500);
    }
}
