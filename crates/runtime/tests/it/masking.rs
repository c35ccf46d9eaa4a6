//! Masking in delivery: once per span, before anything is cut or sent, and counted where it fails.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use tracefuse_core::Tracer;
use tracefuse_exporter::record::{Value, ValueRef};
use tracefuse_exporter::{ExportError, InMemoryExporter};
use tracefuse_mask::Mask;
use tracefuse_runtime::{Pipeline, PipelineConfig};

use crate::support::{Scripted, assert_balanced, record};

fn input(exporter: &InMemoryExporter, name: &str) -> String {
    let spans = exporter.spans();
    let span = spans.iter().find(|span| span.name() == name).unwrap();
    span.input().unwrap().to_string()
}

#[test]
fn a_span_is_masked_once_however_often_it_is_tried() {
    let exporter = Scripted::default().then(|_| Err(ExportError::split("halve it")));
    let calls = Arc::new(AtomicUsize::new(0));
    let counted = calls.clone();
    let mask = Mask::new().rewrite(move |_, _| {
        counted.fetch_add(1, Ordering::Relaxed);
        None
    });
    let pipeline = Pipeline::builder().exporter(exporter.clone()).masker(mask);
    let tracer = Tracer::builder(pipeline.build().unwrap()).build();
    for n in 0..4 {
        tracer.trace("t").input(n).run(|_| {});
    }
    tracer.shutdown().unwrap();
    assert_eq!(exporter.batches(), [4, 2, 2]);
    assert_eq!(calls.load(Ordering::Relaxed), 4);
}

#[test]
fn every_exporter_sees_masked_spans() {
    let (first, second) = (InMemoryExporter::new(), InMemoryExporter::new());
    let pipeline = Pipeline::builder()
        .exporter(first.clone())
        .exporter(second.clone())
        .masker(Mask::new().emails());
    let tracer = Tracer::builder(pipeline.build().unwrap()).build();
    tracer.trace("t").input("joe@example.com").run(|_| {});
    tracer.shutdown().unwrap();
    assert_eq!(input(&first, "t"), "<email>");
    assert_eq!(input(&second, "t"), "<email>");
}

#[test]
fn a_masker_that_panics_is_counted_and_takes_no_neighbour_along() {
    let exporter = InMemoryExporter::new();
    let mask = Mask::new().rewrite(|value, _| match value {
        ValueRef::Str("boom") => panic!("this is what the test is about"),
        _ => Some(Value::Str("masked".into())),
    });
    let pipeline = Pipeline::builder().exporter(exporter.clone()).masker(mask);
    let tracer = Tracer::builder(pipeline.build().unwrap()).build();
    record(&tracer, 0..2);
    tracer
        .trace("bad")
        .input("boom")
        .run(|trace| trace.set_output("fine"));
    tracer.trace("good").input("fine").run(|_| {});
    let stats = tracer.shutdown().unwrap().stats;
    assert_balanced(&stats);
    assert_eq!(
        (
            stats.exporters[0].exported,
            stats.exporters[0].masking_failures
        ),
        (4, 1)
    );
    assert_eq!(input(&exporter, "bad"), "<masking failed>");
    assert_eq!(input(&exporter, "good"), "masked");
    let spans = exporter.spans();
    assert_eq!(spans[2].output(), Some(ValueRef::Str("masked")));
}

#[test]
fn a_huge_span_is_masked_before_it_is_cut() {
    let exporter = InMemoryExporter::new();
    let mut config = PipelineConfig::default();
    config.max_batch_bytes = 64 * 1024;
    let pipeline = Pipeline::builder()
        .config(config)
        .exporter(exporter.clone())
        .masker(Mask::new().secret_fields());
    let tracer = Tracer::builder(pipeline.build().unwrap()).build();
    let password = "hunter2 ".repeat(4);
    let text = format!(
        r#"[{{"password":"{password}"}},"{}"]"#,
        "x".repeat(200 * 1024)
    );
    tracer.trace("huge").input(text).run(|_| {});
    tracer.shutdown().unwrap();
    let sent = input(&exporter, "huge");
    assert!(sent.contains("bytes left out"), "{}", sent.len());
    assert!(
        sent.starts_with(r#"[{"password":"<masked>"},"xxx"#),
        "{}",
        &sent[..80]
    );
}
