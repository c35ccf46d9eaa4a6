//! The number of series has a bound, whatever the texts are, and nothing is lost from the totals.

use std::sync::atomic::{AtomicU64, Ordering};

use proptest::prelude::*;
use tracefuse_core::Usage;
use tracefuse_metrics::Metrics;

use crate::support::Measured;

#[test]
fn a_thousand_models_and_users_on_threads_add_up_exactly() {
    const THREADS: u64 = 4;
    const SPANS: u64 = 4_000;
    let on = Measured::with_rate(Metrics::new(), 0.3);
    let tokens = AtomicU64::new(0);
    std::thread::scope(|scope| {
        for thread in 0..THREADS {
            let (on, tokens) = (&on, &tokens);
            scope.spawn(move || {
                for n in 0..SPANS / 10 {
                    let user = format!("user{}", n % 1000);
                    on.tracer.trace("request").user_id(&user).run(|trace| {
                        for call in 0..10 {
                            let model = format!("model-{}", (thread * 7 + n * 10 + call) % 1000);
                            let units = n + call;
                            tokens.fetch_add(units, Ordering::Relaxed);
                            trace
                                .generation("answer")
                                .model(&model)
                                .usage(Usage::new(units, 1))
                                .run(|_| {});
                        }
                    });
                }
            });
        }
    });
    assert_eq!(on.metrics.series(), 1000);
    assert_eq!(on.metrics.overflowed(), 0);
    let samples = on.samples();
    let calls = (THREADS * SPANS) as f64;
    assert_eq!(
        samples.sum("gen_ai_client_inference_duration_seconds_count"),
        calls
    );
    let tokens = tokens.into_inner() as f64;
    assert_eq!(
        samples.sum("gen_ai_client_inference_usage_input_tokens_total"),
        tokens
    );
    assert_eq!(
        samples.sum("gen_ai_client_inference_operation_input_tokens_sum"),
        tokens
    );
    assert_eq!(
        samples.sum("gen_ai_client_inference_usage_output_tokens_total"),
        calls
    );
    // Roots too.
    let ended = calls + (THREADS * SPANS / 10) as f64;
    let recorded = samples.value("tracefuse_spans_recorded_total", &[]);
    assert_eq!(recorded, 0.0, "a Recorder keeps no statistics");
    let unsampled = samples.value("tracefuse_spans_unsampled_total", &[]);
    assert_eq!(unsampled + on.recorder.spans().len() as f64, ended);
}

#[test]
fn further_series_go_to_one_of_overflow() {
    let on = Measured::new(Metrics::builder().max_series(10).build().unwrap());
    on.tracer.trace("request").run(|trace| {
        for n in 0..50 {
            trace
                .generation("answer")
                .model(&format!("model-{n}"))
                .usage(Usage::new(2, 1))
                .run(|_| {});
            trace.tool(&format!("tool-{n}")).run(|_| {});
            trace
                .embedding("embed")
                .model(&format!("model-{n}"))
                .run(|_| {});
        }
    });
    let samples = on.samples();
    let overflow = [("otel_metric_overflow", "true")];
    for (name, most) in [
        ("gen_ai_client_inference_duration_seconds_count", 10),
        ("gen_ai_execute_tool_duration_seconds_count", 10),
        ("gen_ai_client_operation_duration_seconds_count", 10),
    ] {
        assert!(samples.of(name).len() <= most, "{name}");
        assert_eq!(samples.sum(name), 50.0, "{name}");
        assert!(samples.value(name, &overflow) >= 40.0, "{name}");
    }
    assert_eq!(
        samples.sum("gen_ai_client_inference_usage_input_tokens_total"),
        100.0
    );
    let name = "gen_ai_client_inference_usage_input_tokens_total";
    let labels = [("gen_ai_token_modality", "unknown"), overflow[0]];
    assert!(samples.value(name, &labels) > 0.0);
    assert!(on.metrics.series() <= 10 + 10);
    assert_eq!(
        on.metrics.overflowed(),
        samples.value("tracefuse_metrics_overflowed_total", &[]) as u64
    );
}

#[test]
fn a_long_text_is_cut() {
    let on = Measured::new(Metrics::new());
    let long = "ü".repeat(100_000);
    on.tracer.trace("request").run(|trace| {
        trace
            .generation("answer")
            .model(&format!("{long}1"))
            .run(|_| {});
        trace
            .generation("answer")
            .model(&format!("{long}2"))
            .run(|_| {});
    });
    assert_eq!(on.metrics.series(), 1);
    let samples = on.samples();
    let (labels, count) = samples.of("gen_ai_client_inference_duration_seconds_count")[0];
    assert_eq!((labels["gen_ai_request_model"].len(), count), (128, 2.0));
}

#[test]
fn a_limit_out_of_range_is_refused() {
    for series in [0, 9, 100_001, usize::MAX] {
        let error = Metrics::builder().max_series(series).build().unwrap_err();
        assert!(error.to_string().contains("max_series"), "{error}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 32, failure_persistence: None, ..ProptestConfig::default() })]

    /// Whatever texts and numbers spans have: the text parses, series are bounded, and totals are exact.
    #[test]
    fn any_texts_give_a_text_that_parses(
        spans in prop::collection::vec((".{0,12}", ".{0,12}", any::<bool>(), 0..u64::from(u32::MAX)), 0..40),
    ) {
        let on = Measured::new(Metrics::builder().max_series(10).build().unwrap());
        let mut tokens = 0_u64;
        on.tracer.trace("request").run(|trace| {
            for (model, name, is_tool, units) in &spans {
                if *is_tool {
                    trace.tool(name).run(|_| {});
                } else {
                    tokens += units;
                    trace.generation(name).model(model).usage(Usage::new(*units, 1)).run(|_| {});
                }
            }
        });
        let samples = on.samples();
        let calls = spans.iter().filter(|(.., is_tool, _)| !is_tool).count();
        prop_assert_eq!(samples.sum("gen_ai_client_inference_duration_seconds_count"), calls as f64);
        let tools = (spans.len() - calls) as f64;
        prop_assert_eq!(samples.sum("gen_ai_execute_tool_duration_seconds_count"), tools);
        prop_assert_eq!(samples.sum("gen_ai_client_inference_usage_input_tokens_total"), tokens as f64);
        prop_assert!(on.metrics.series() <= 20);
    }
}
