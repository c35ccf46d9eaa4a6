//! The export over a real socket: what the request has, when it is sent, and what a failure does.

use std::time::{Duration, Instant};

use opentelemetry_proto::tonic::metrics::v1::metric::Data;
use opentelemetry_proto::tonic::metrics::v1::number_data_point::Value;
use tracefuse_core::Usage;
use tracefuse_core::record::Resource;
use tracefuse_metrics::{Metrics, OtlpMetricsConfig};

use crate::receiver::{Answer, Receiver, text};
use crate::support::Measured;

const DURATION: &str = "gen_ai.client.inference.duration";
const TOKENS: &str = "gen_ai.client.inference.usage.input_tokens";

fn measured(config: OtlpMetricsConfig) -> Measured {
    Measured::new(Metrics::builder().otlp(config).build().unwrap())
}

/// An export happens at a flush only.
fn seldom(receiver: &Receiver) -> OtlpMetricsConfig {
    OtlpMetricsConfig::new(&receiver.address).interval(Duration::from_secs(3600))
}

fn call(on: &Measured, millis: u64) {
    on.tracer.trace("request").run(|trace| {
        let call = trace.generation("answer").model("gpt-4o");
        call.usage(Usage::new(10, 1)).run(|_| on.passes(millis));
    });
}

#[test]
fn a_shutdown_exports_all_that_was_measured() {
    let receiver = Receiver::start(Answer::Status(200));
    let on = measured(seldom(&receiver).header("x-key", "k1"));
    let mut resource = Resource::default();
    resource.service_name = Some("chat".to_owned());
    on.metrics.set_resource(resource);
    call(&on, 300);
    call(&on, 20);
    on.tracer.shutdown_within(Duration::from_secs(30)).unwrap();
    let requests = receiver.take(1);
    let [request] = &*requests else {
        panic!("{}", requests.len())
    };
    assert!(
        request.head.starts_with("post /v1/metrics http/1.1"),
        "{}",
        request.head
    );
    assert!(
        request
            .head
            .contains("content-type: application/x-protobuf")
    );
    assert!(request.head.contains("x-key: k1"));
    let of = &request.metrics.resource_metrics[0];
    let resource = text(&of.resource.as_ref().unwrap().attributes);
    assert!(
        resource.contains(&"service.name=chat".to_owned()),
        "{resource:?}"
    );
    assert_eq!(
        of.scope_metrics[0].scope.as_ref().unwrap().name,
        "tracefuse"
    );

    let (buckets, sum, temporality) = request.histogram(DURATION);
    assert_eq!((buckets[1], buckets[5], sum, temporality), (1, 1, 0.32, 2));
    let metric = request.metric(DURATION).unwrap();
    assert_eq!(metric.unit, "s");
    let Some(Data::Histogram(histogram)) = &metric.data else {
        panic!()
    };
    let point = &histogram.data_points[0];
    assert_eq!(point.explicit_bounds[0], 0.01);
    assert!(point.start_time_unix_nano > 0 && point.start_time_unix_nano <= point.time_unix_nano);
    assert_eq!(
        text(&point.attributes),
        [
            "gen_ai.operation.name=chat",
            "gen_ai.provider.name=openai",
            "gen_ai.request.model=gpt-4o"
        ]
    );
    let Some(Data::Sum(sum)) = &request.metric(TOKENS).unwrap().data else {
        panic!()
    };
    assert!(sum.is_monotonic && sum.aggregation_temporality == 2);
    assert_eq!(sum.data_points[0].value, Some(Value::AsInt(20)));
    let Some(Data::Sum(live)) = &request.metric("otel.sdk.span.live").unwrap().data else {
        panic!()
    };
    assert!(!live.is_monotonic);
    let exported = on
        .samples()
        .sum("otel_sdk_exporter_metric_data_point_exported_total");
    let points = of.scope_metrics[0]
        .metrics
        .iter()
        .map(|metric| match &metric.data {
            Some(Data::Sum(sum)) => sum.data_points.len(),
            Some(Data::Gauge(gauge)) => gauge.data_points.len(),
            Some(Data::Histogram(histogram)) => histogram.data_points.len(),
            _ => 0,
        });
    assert_eq!(exported, points.sum::<usize>() as f64);
}

#[test]
fn a_flush_without_a_limit_exports_and_the_next_one_too() {
    let receiver = Receiver::start(Answer::Status(200));
    let on = measured(seldom(&receiver));
    for _ in 0..2 {
        call(&on, 20);
        on.tracer.flush_within(Duration::MAX).unwrap();
        assert_eq!(receiver.take(1).len(), 1);
    }
}

#[test]
fn it_exports_at_its_interval_and_again_all() {
    let receiver = Receiver::start(Answer::Status(200));
    let on =
        measured(OtlpMetricsConfig::new(&receiver.address).interval(Duration::from_millis(100)));
    call(&on, 0);
    let first = receiver.take(1);
    call(&on, 0);
    let deadline = Instant::now() + Duration::from_secs(30);
    let count = |request: &crate::receiver::Request| {
        request
            .metric(DURATION)
            .map(|_| request.histogram(DURATION).0.iter().sum::<u64>())
    };
    let mut last = first.iter().filter_map(count).next_back();
    while last != Some(2) {
        assert!(Instant::now() < deadline, "{last:?}");
        last = receiver
            .take(1)
            .iter()
            .filter_map(count)
            .next_back()
            .or(last);
    }
}

#[test]
fn with_delta_an_export_has_what_was_counted_since_the_last() {
    let receiver = Receiver::start(Answer::Status(200));
    let on = measured(seldom(&receiver).delta(true));
    call(&on, 20);
    on.tracer.flush_within(Duration::from_secs(30)).unwrap();
    let first = receiver.take(1).pop().unwrap();
    let (buckets, sum, temporality) = first.histogram(DURATION);
    assert_eq!(
        (buckets.iter().sum::<u64>(), sum, temporality),
        (1, 0.02, 1)
    );
    // Refused: what it had is in the next one.
    receiver.answers(Answer::Status(503));
    call(&on, 20);
    on.tracer.flush_within(Duration::from_secs(30)).unwrap();
    receiver.take(1);
    receiver.answers(Answer::Status(200));
    call(&on, 40);
    on.tracer.flush_within(Duration::from_secs(30)).unwrap();
    let third = receiver.take(1).pop().unwrap();
    let (buckets, sum, _) = third.histogram(DURATION);
    assert_eq!(buckets.iter().sum::<u64>(), 2);
    assert!((sum - 0.06).abs() < 1e-9, "{sum}");
    let Some(Data::Histogram(histogram)) = &third.metric(DURATION).unwrap().data else {
        panic!()
    };
    let Some(Data::Histogram(before)) = &first.metric(DURATION).unwrap().data else {
        panic!()
    };
    let (point, before) = (&histogram.data_points[0], &before.data_points[0]);
    assert_eq!(
        point.start_time_unix_nano, before.time_unix_nano,
        "no gap, no overlap"
    );
    // Nothing new: no point.
    on.tracer.flush_within(Duration::from_secs(30)).unwrap();
    assert!(receiver.take(1)[0].metric(DURATION).is_none());
}

#[test]
fn a_failed_export_is_counted_and_fails_nothing() {
    let receiver = Receiver::start(Answer::Status(503));
    let on = measured(seldom(&receiver));
    call(&on, 0);
    on.tracer.flush_within(Duration::from_secs(30)).unwrap();
    let samples = on.samples();
    let failed = |samples: &crate::parser::Samples, reason: &str| {
        let name = "otel_sdk_exporter_metric_data_point_exported_total";
        let all = samples.of(name);
        let mine = all
            .iter()
            .filter(|(labels, _)| labels.get("error_type").is_some_and(|t| t == reason));
        mine.map(|(_, points)| points).sum::<f64>()
    };
    assert!(failed(&samples, "503") > 10.0);
    receiver.answers(Answer::Rejects(2));
    on.tracer.flush_within(Duration::from_secs(30)).unwrap();
    assert_eq!(failed(&on.samples(), "rejected"), 2.0);
}

#[test]
fn a_receiver_that_is_silent_costs_the_deadline_and_no_more() {
    let receiver = Receiver::start(Answer::Silence);
    let on = measured(seldom(&receiver));
    call(&on, 0);
    let began = Instant::now();
    let report = on
        .tracer
        .shutdown_within(Duration::from_millis(200))
        .unwrap();
    assert!(report.complete);
    assert!(
        began.elapsed() < Duration::from_secs(20),
        "{:?}",
        began.elapsed()
    );
    // A second shutdown sends nothing.
    on.tracer.shutdown_within(Duration::from_secs(30)).unwrap();
    assert_eq!(receiver.take(1).len(), 1);
}

#[test]
fn an_async_shutdown_exports_on_any_executor() {
    let receiver = Receiver::start(Answer::Status(200));
    let on = measured(seldom(&receiver).gzip(false));
    call(&on, 0);
    let done =
        futures::executor::block_on(on.tracer.shutdown_async_within(Duration::from_secs(30)));
    assert!(done.is_ok());
    assert_eq!(receiver.take(1).len(), 1);
}

#[test]
fn settings_that_cannot_be_used_are_refused() {
    let wrong = |config: OtlpMetricsConfig| {
        Metrics::builder()
            .otlp(config)
            .build()
            .unwrap_err()
            .to_string()
    };
    assert!(wrong(OtlpMetricsConfig::metrics_endpoint("nonsense")).contains("endpoint"));
    assert!(wrong(OtlpMetricsConfig::default().interval(Duration::ZERO)).contains("interval"));
    assert!(wrong(OtlpMetricsConfig::default().header("a\nb", "c")).contains("headers"));
    let plain = wrong(OtlpMetricsConfig::new("http://otlp.example.com").header("x-key", "hidden"));
    assert!(
        plain.contains("clear text") && !plain.contains("hidden"),
        "{plain}"
    );
}
