//! Many requests over two services. Alone in its process: they push the contexts of other tests out of the bounded
//! table of what unrecorded traces forward.

use std::collections::HashMap;

use futures::executor::block_on;
use tracefuse_core::testing::Recorder;
use tracefuse_core::{SampleRate, Span, Tracer};

type Headers = HashMap<String, String>;

fn rated(rate: f64) -> (Tracer, Recorder) {
    let kept = Recorder::default();
    let rate = SampleRate::new(rate).unwrap();
    let tracer = Tracer::builder(kept.clone()).sample_rate(rate).build();
    (tracer, kept)
}

#[test]
fn five_thousand_requests_over_two_services_give_whole_traces() {
    const REQUESTS: usize = 5_000;
    for (rate_a, rate_b, low, high) in [
        (0.1, 0.1, 350, 650),
        (0.1, 1.0, 350, 650),
        (1.0, 0.1, REQUESTS, REQUESTS),
        (0.0, 1.0, 0, 0),
    ] {
        let ((a, kept_a), (b, kept_b)) = (rated(rate_a), rated(rate_b));
        for request in 0..REQUESTS {
            let mut headers = Headers::new();
            a.trace("a").run(|trace| {
                // Services call from the trace, from a child, and from a task.
                match request % 3 {
                    0 => trace.inject(&mut headers),
                    1 => trace.tool("call").run(|span| span.inject(&mut headers)),
                    _ => block_on(trace.tool("call").run_async(async |_| {
                        Span::current().inject(&mut headers);
                    })),
                }
            });
            b.trace("b")
                .continue_from(&headers)
                .run(|trace| trace.span("work").run(|_| {}));
        }
        let ids = |kept: &Recorder, name: &str| {
            let spans = kept.spans();
            let named = spans.iter().filter(|span| span.name() == name);
            named
                .map(|span| span.trace_id())
                .collect::<std::collections::BTreeSet<_>>()
        };
        let (roots, served) = (ids(&kept_a, "a"), ids(&kept_b, "b"));
        assert_eq!(roots, served, "each trace is whole: {rate_a} {rate_b}");
        assert!(
            (low..=high).contains(&roots.len()),
            "{rate_a} {rate_b}: {}",
            roots.len()
        );
        assert_eq!(ids(&kept_b, "work").len(), roots.len());
        assert!(
            kept_b
                .spans()
                .iter()
                .all(|span| span.name() != "b" || span.parent_span_id().is_some())
        );
        assert_eq!(b.stats().unsampled_traces as usize, REQUESTS - roots.len());
    }
}
