//! Spans reach an exporter in the order in which they ended, whichever threads ended them.

use std::sync::Arc;
use std::time::Duration;

use tracefuse_core::record::SpanId;
use tracefuse_core::{Span, Tracer};
use tracefuse_exporter::InMemoryExporter;
use tracefuse_runtime::{Pipeline, PipelineConfig};

/// A span whose children run on their own threads, which are joined before it ends.
fn fan_out(parent: &Span, depth: usize) {
    if depth == 0 {
        return;
    }
    std::thread::scope(|scope| {
        for _ in 0..3 {
            let span = parent.span("child").start();
            scope.spawn(move || fan_out(&span, depth - 1));
        }
    });
}

fn check(config: PipelineConfig) {
    let exporter = Arc::new(InMemoryExporter::default());
    let pipeline = Pipeline::builder()
        .config(config)
        .exporter(exporter.clone());
    let tracer = Tracer::builder(pipeline.build().unwrap()).build();
    std::thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                for _ in 0..50 {
                    tracer.trace("root").run(|trace| fan_out(trace.root(), 2));
                }
            });
        }
    });
    tracer.shutdown().unwrap();
    let spans = exporter.spans();
    assert_eq!(spans.len(), 4 * 50 * 13);
    let mut seen = std::collections::HashSet::<SpanId>::new();
    for span in &spans {
        let parent = span.parent_span_id();
        assert!(
            parent.is_none_or(|parent| !seen.contains(&parent)),
            "a parent came before its child"
        );
        seen.insert(span.span_id());
    }
}

#[test]
fn children_of_other_threads_come_before_their_parents() {
    check(PipelineConfig::default());
}

#[test]
fn the_order_holds_where_the_queue_is_full() {
    let mut config = PipelineConfig::default();
    config.max_queue_size = 100;
    config.batch_size = 10;
    config.overload = tracefuse_runtime::Overload::Block(Duration::from_secs(60));
    check(config);
}
