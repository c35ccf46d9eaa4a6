//! Metrics do not depend on the sample rate.

use tracefuse_core::Usage;
use tracefuse_metrics::Metrics;

use crate::support::Measured;

#[test]
fn totals_are_the_same_at_every_sample_rate() {
    let run = |rate| {
        let on = Measured::with_rate(Metrics::new(), rate);
        for n in 0..200 {
            on.tracer.trace("request").run(|trace| {
                let call = trace
                    .generation("answer")
                    .model(["gpt-4o", "claude-sonnet-4"][n % 2]);
                call.usage(Usage::new(10, n as u64))
                    .run(|_| on.passes(n as u64));
                trace.tool("weather").run(|_| {});
            });
        }
        let recorded = on.recorder.spans().len();
        let text = on.metrics.prometheus();
        let measured = text.lines().filter(|line| line.starts_with("gen_ai_"));
        (measured.map(str::to_owned).collect::<Vec<_>>(), recorded)
    };
    let (all, recorded) = run(1.0);
    assert_eq!(recorded, 600);
    assert!(all.len() > 50);
    let (none, recorded) = run(0.0);
    assert_eq!((none, recorded), (all.clone(), 0));
    let (some, recorded) = run(0.5);
    assert_eq!(some, all);
    assert!(recorded > 0 && recorded < 600);
}

#[test]
fn unsampled_spans_are_counted_apart() {
    let on = Measured::with_rate(Metrics::new(), 0.0);
    let open = on.tracer.trace("request").start();
    open.tool("weather").run(|_| {});
    let samples = on.samples();
    assert_eq!(samples.value("tracefuse_spans_unsampled_total", &[]), 1.0);
    assert_eq!(samples.value("tracefuse_traces_unsampled_total", &[]), 1.0);
    assert_eq!(samples.value("otel_sdk_span_live", &[]), 1.0);
    assert_eq!(samples.value("otel_sdk_span_started_total", &[]), 2.0);
}
