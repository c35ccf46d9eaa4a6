//! The dashboard in `docs/`: it is JSON, and each metric in it exists.

use std::collections::BTreeSet;
use std::path::Path;

use serde_json::Value;
use tracefuse_core::{ObserveStream as _, Tracer, Usage};
use tracefuse_exporter::InMemoryExporter;
use tracefuse_metrics::Metrics;
use tracefuse_runtime::Pipeline;

use crate::parser::parse;

/// The names in all queries.
fn names(dashboard: &Value, into: &mut BTreeSet<String>) {
    match dashboard {
        Value::Object(members) => {
            for (key, value) in members {
                match (key.as_str(), value) {
                    ("expr" | "query" | "definition", Value::String(query)) => {
                        let words = query.split(|c: char| !(c.is_ascii_alphanumeric() || c == '_'));
                        let mine = words.filter(|word| {
                            [
                                "gen_ai_client",
                                "gen_ai_execute",
                                "gen_ai_invoke",
                                "otel_sdk",
                                "tracefuse_",
                            ]
                            .iter()
                            .any(|prefix| word.starts_with(prefix))
                        });
                        into.extend(mine.map(str::to_owned));
                    }
                    _ => names(value, into),
                }
            }
        }
        Value::Array(items) => items.iter().for_each(|item| names(item, into)),
        _ => {}
    }
}

#[test]
fn each_metric_of_the_dashboard_exists() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/grafana-dashboard.json");
    let text = std::fs::read_to_string(path).unwrap();
    let dashboard: Value = serde_json::from_str(&text).unwrap();
    let mut wanted = BTreeSet::new();
    names(&dashboard, &mut wanted);
    assert!(wanted.len() >= 12, "{wanted:?}");

    let metrics = Metrics::new();
    let pipeline = Pipeline::builder()
        .exporter(InMemoryExporter::new())
        .build()
        .unwrap();
    let tracer = Tracer::builder(metrics.processor(pipeline)).build();
    metrics.watch(&tracer);
    tracer.trace("request").run(|trace| {
        let span = trace
            .generation("answer")
            .model("gpt-4o")
            .usage(Usage::new(1, 1))
            .start();
        let chunks = futures::stream::iter(["a", "b"]).observed(span);
        let read = chunks.fold_output(|text: &mut String, chunk| text.push_str(chunk));
        futures::executor::block_on(futures::StreamExt::collect::<Vec<_>>(read));
        trace.embedding("embed").run(|_| {});
        trace.tool("weather").run(|_| {});
        trace.agent("planner").run(|_| {});
    });
    tracer.flush().unwrap();
    let samples = parse(&metrics.prometheus()).unwrap();
    let known: BTreeSet<&str> = samples
        .values
        .keys()
        .map(|(name, _)| name.as_str())
        .collect();
    for name in wanted {
        assert!(
            known.contains(&*name),
            "{name} is no metric; there are {known:#?}"
        );
    }
}
