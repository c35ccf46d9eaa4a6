//! A hundred thousand spans with fields and events, over real sockets: each arrives once, whole, in its place.

use std::collections::HashMap;
use std::thread;
use std::time::Duration;

use mock_langfuse::{MockLangfuse, Observation};
use serde_json::json;
use tracefuse::config::Overload;
use tracing::field::Empty;
use tracing::{Dispatch, dispatcher, info_span, warn};
use tracing_subscriber::layer::SubscriberExt as _;
use tracing_subscriber::registry;

use crate::support::config;

const THREADS: usize = 4;
const TREES: usize = 5_000;
/// Of a tree: an agent, two calls, two tools.
const SPANS: usize = 5;

#[test]
fn a_hundred_thousand_spans_with_fields_and_events_arrive_once_each() {
    let server = MockLangfuse::start();
    let tracer = tracefuse::builder()
        // Unoptimized, gzip takes as long as all else together.
        .langfuse(config(&server).gzip(false))
        .configure(|config| config.delivery.overload = Overload::Block(Duration::from_secs(300)))
        .build()
        .unwrap();
    let layers = registry().with(tracefuse::tracing::layer(&tracer));
    let dispatch = Dispatch::new(layers);
    thread::scope(|scope| {
        for thread in 0..THREADS {
            let trees = thread * TREES..(thread + 1) * TREES;
            let dispatch = &dispatch;
            scope.spawn(move || dispatcher::with_default(dispatch, || trees.for_each(tree)));
        }
    });
    let report = tracer.shutdown_within(Duration::from_secs(300)).unwrap();
    assert!(report.is_lossless());

    let deliveries = server.deliveries();
    assert_eq!(deliveries.len(), THREADS * TREES * SPANS * 2);
    let once = |times: u32| times == 1;
    assert!(
        deliveries
            .values()
            .all(|d| once(d.received) && once(d.acknowledged))
    );
    check(&server.observations());
}

/// Five spans with an event each. `part` tells them apart, `n` the trees.
fn tree(n: usize) {
    let agent = info_span!(
        "run",
        gen_ai.agent.name = "a",
        gen_ai.conversation.id = n,
        n,
        part = 0
    );
    agent.in_scope(|| {
        warn!(n, part = 0, "began");
        for part in [1, 3] {
            let call = info_span!(
                "ask",
                gen_ai.request.model = "m",
                gen_ai.usage.input_tokens = Empty,
                gen_ai.usage.output_tokens = 5,
                gen_ai.completion = Empty,
                n,
                part,
            );
            call.in_scope(|| warn!(n, part, "asked"));
            call.record("gen_ai.usage.input_tokens", n + part);
            call.record("gen_ai.completion", format!("answer {n}.{part}"));
            drop(call);
            let part = part + 1;
            info_span!("use", gen_ai.tool.name = "add", n, part)
                .in_scope(|| warn!(n, part, "used"));
        }
    });
}

/// Which span or event it is: tree and part.
fn key(row: &Observation) -> (usize, usize) {
    let number = |name: &str| {
        let value = &row.metadata[name];
        let number = value.as_u64().or_else(|| value.as_str()?.parse().ok());
        usize::try_from(number.unwrap_or_else(|| panic!("{name}: {row:?}"))).unwrap()
    };
    (number("n"), number("part"))
}

fn check(rows: &[Observation]) {
    let (events, spans): (Vec<_>, Vec<_>) = rows.iter().partition(|row| row.kind == "EVENT");
    let spans: HashMap<_, _> = spans.into_iter().map(|row| (key(row), row)).collect();
    let events: HashMap<_, _> = events.into_iter().map(|row| (key(row), row)).collect();
    // As many rows as keys: none is there twice, none took another's place.
    assert_eq!(rows.len(), THREADS * TREES * SPANS * 2);
    for n in 0..THREADS * TREES {
        let agent = spans[&(n, 0)];
        assert_eq!(agent.parent_id, None);
        for part in 0..SPANS {
            let (span, event) = (spans[&(n, part)], events[&(n, part)]);
            check_span(span, n, part);
            assert_eq!(span.trace_id, agent.trace_id);
            // What the agent says of the trace, all below it has.
            for row in [span, event] {
                assert_eq!(row.session_id.as_deref(), Some(&*n.to_string()));
            }
            if part > 0 {
                assert_eq!(span.parent_id.as_ref(), Some(&agent.id));
            }
            let said = ["began", "asked", "used", "asked", "used"][part];
            assert_eq!((&*event.name, &*event.level), (said, "WARNING"));
            assert_eq!(event.parent_id.as_ref(), Some(&span.id));
            assert_eq!(event.trace_id, span.trace_id);
        }
    }
    assert_eq!((spans.len(), events.len()), (100_000, 100_000));
}

fn check_span(span: &Observation, n: usize, part: usize) {
    match part {
        0 => {
            assert_eq!(span.kind, "AGENT");
            assert_eq!(span.metadata["gen_ai.agent.name"], json!("a"));
        }
        1 | 3 => {
            assert_eq!(span.kind, "GENERATION");
            assert_eq!(span.model.as_deref(), Some("m"));
            assert_eq!(span.usage["input"], (n + part) as u64);
            assert_eq!(span.usage["output"], 5);
            assert_eq!(span.output, Some(format!("answer {n}.{part}")));
        }
        _ => assert_eq!(span.kind, "TOOL"),
    }
}
