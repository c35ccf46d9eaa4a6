//! A span that is too large for any batch arrives, cut and marked.

use std::time::Duration;

use mock_langfuse::MockLangfuse;
use tracefuse::Span;

use crate::support::{config, row};

const LONG: Duration = Duration::from_secs(60);

/// Delivers one span and returns its metadata.
fn delivered(name: &str, fill: impl FnOnce(&Span)) -> (MockLangfuse, Vec<String>) {
    let server = MockLangfuse::start();
    // Encoding 64 MB may take a busy machine longer than an attempt may last by default.
    let tracer = tracefuse::builder()
        .langfuse(config(&server).timeout(LONG))
        .build()
        .unwrap();
    tracer.trace(name).run(|trace| fill(trace.root()));
    let report = tracer.shutdown_within(LONG).unwrap();
    assert!(report.is_lossless(), "{report:?}");
    let keys = row(&server, name).metadata.keys().cloned().collect();
    (server, keys)
}

#[test]
fn a_span_with_very_many_events_arrives_with_the_first_of_them() {
    // More than a span keeps, and more than a batch and the queue would have room for.
    for count in [2_000, 50_000, 500_000] {
        let (server, keys) = delivered("events", |span| {
            (0..count).for_each(|_| span.event("e").metadata("k", 1).record());
        });
        assert!(keys.iter().any(|key| key == "_dropped.events"), "{keys:?}");
        assert_eq!(server.observations().len() - 1, 1_024, "of {count}");
    }
}

#[test]
fn very_long_keys_are_cut() {
    let (_, keys) = delivered("keys", |span| {
        for n in 0..64 {
            span.add_metadata(&format!("{n} {}", "k".repeat(1_000_000)), n);
        }
    });
    assert!(
        keys.iter().any(|key| key.starts_with("_truncated.names")),
        "{}",
        keys.len()
    );
    assert_eq!(keys.iter().filter(|key| key.contains("kkk")).count(), 64);
}

#[test]
fn very_long_values_are_cut() {
    let (_, keys) = delivered("values", |span| {
        for n in 0..64 {
            span.add_metadata(&format!("key {n}"), "v".repeat(1_000_000));
        }
    });
    assert_eq!(
        keys.iter().filter(|key| key.starts_with("key ")).count(),
        64
    );
}
