//! The text format: names, escapes, what describes the process.

use tracefuse_core::record::{Resource, Value};
use tracefuse_metrics::Metrics;

use crate::support::Measured;

#[test]
fn texts_are_escaped() {
    let on = Measured::new(Metrics::new());
    let model = "a \"quoted\" \\ model\nof two lines{}";
    on.tracer.trace("request").run(|trace| {
        trace.generation("answer").model(model).run(|_| {});
    });
    let samples = on.samples();
    let (labels, _) = samples.of("gen_ai_client_inference_duration_seconds_count")[0];
    assert_eq!(labels["gen_ai_request_model"], model);
    assert_eq!(
        samples.types["gen_ai_client_inference_duration_seconds"],
        "histogram"
    );
    assert_eq!(
        samples.types["gen_ai_client_inference_usage_input_tokens_total"],
        "counter"
    );
    assert_eq!(samples.types["otel_sdk_span_live"], "gauge");
}

#[test]
fn the_resource_is_target_info() {
    let on = Measured::new(Metrics::new());
    let mut resource = Resource::default();
    resource.service_name = Some("chat \"1\"".to_owned());
    resource.release = Some("1.4.0".to_owned());
    resource.attributes = vec![
        ("host.name".to_owned(), Value::Str("h1".to_owned())),
        ("9lives".to_owned(), Value::Bool(true)),
    ];
    assert!(!on.metrics.prometheus().contains("target_info"));
    on.metrics.set_resource(resource);
    let labels = [
        ("service_name", "chat \"1\""),
        ("service_version", "1.4.0"),
        ("host_name", "h1"),
        ("key_9lives", "true"),
    ];
    assert_eq!(on.samples().value("target_info", &labels), 1.0);
}

#[test]
fn attributes_with_one_name_in_prometheus_are_one_label() {
    let on = Measured::new(Metrics::new());
    let mut resource = Resource::default();
    resource.service_name = Some("chat".to_owned());
    let text = |text: &str| Value::Str(text.to_owned());
    resource.attributes = [
        ("host_name", "b"),
        ("host.name", "a"),
        ("host-name", "c"),
        ("service_name", "other"),
        ("größe", "1"),
        ("gr..e", "2"),
        ("", "nothing"),
        ("9", "digit"),
        ("key_9", "word"),
    ]
    .map(|(key, value)| (key.to_owned(), text(value)))
    .to_vec();
    on.metrics.set_resource(resource);
    let labels = [
        ("host_name", "c;a;b"),
        ("service_name", "chat;other"),
        ("gr__e", "2;1"),
        ("key_9", "digit;word"),
    ];
    assert_eq!(on.samples().value("target_info", &labels), 1.0);
}

#[test]
fn nothing_measured_gives_a_text_that_parses() {
    let metrics = Metrics::new();
    let samples = crate::parser::parse(&metrics.prometheus()).unwrap();
    assert_eq!(samples.value("tracefuse_metrics_series", &[]), 0.0);
}
