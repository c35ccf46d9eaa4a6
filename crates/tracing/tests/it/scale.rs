//! A hundred thousand spans and events, from several threads: nothing is lost and everything is in place.

use std::collections::HashMap;
use std::thread;

use tracing::{info_span, warn};

use crate::support::recorded;

const THREADS: usize = 4;
const TREES: usize = 5_000;

#[test]
fn a_hundred_thousand_spans_and_events_arrive() {
    let kept = recorded(
        |layer| layer,
        |_| {
            let dispatch = tracing::dispatcher::get_default(Clone::clone);
            thread::scope(|scope| {
                for _ in 0..THREADS {
                    scope.spawn(|| {
                        tracing::dispatcher::with_default(&dispatch, || (0..TREES).for_each(tree));
                    });
                }
            });
        },
    );
    let spans = kept.spans();
    assert_eq!(spans.len(), 100_000);
    assert_eq!(
        spans.iter().map(|span| span.events().len()).sum::<usize>(),
        100_000
    );
    let mut traces = HashMap::<_, usize>::new();
    for span in &spans {
        *traces.entry(span.trace_id()).or_default() += 1;
        assert_eq!(
            span.parent_span_id().is_none(),
            span.name() == "invoke_agent"
        );
        assert_eq!(
            span.usage().count(),
            if span.name() == "chat" { 2 } else { 0 }
        );
    }
    assert_eq!(traces.len(), THREADS * TREES);
    assert!(traces.values().all(|spans| *spans == 5));
}

/// Five spans with an event each.
fn tree(n: usize) {
    info_span!("invoke_agent", gen_ai.operation.name = "invoke_agent", n).in_scope(|| {
        warn!(n, "began");
        for _ in 0..2 {
            let call = info_span!(
                "chat",
                gen_ai.operation.name = "chat",
                gen_ai.usage.input_tokens = tracing::field::Empty,
                gen_ai.usage.output_tokens = 5,
            );
            call.in_scope(|| warn!("asked"));
            call.record("gen_ai.usage.input_tokens", n + 1);
            drop(call);
            info_span!("tool", gen_ai.tool.name = "add").in_scope(|| warn!("used"));
        }
    });
}
