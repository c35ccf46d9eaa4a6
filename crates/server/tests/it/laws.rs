//! Laws: whatever the order, the cut into requests and the repetitions, the same is stored; and no body is a panic.

use proptest::prelude::*;
use serde_json::{Value, json};
use tracefuse_server::take::{batch, otlp_json, otlp_protobuf};
use tracefuse_server::{Store, StoreOptions, TraceQuery, TraceRow};

use crate::samples::{JS, request, span, trace};

fn spans() -> Vec<Value> {
    let mut all = Vec::new();
    for t in 1..=3u64 {
        for n in 0..6u64 {
            let level = if n == t { "ERROR" } else { "DEFAULT" };
            all.push(span(
                &trace(t),
                t * 10 + n,
                (n > 0).then_some(t * 10),
                &[
                    ("langfuse.observation.level", json!(level)),
                    ("langfuse.trace.name", json!(format!("name {t}"))),
                    ("session.id", json!("s")),
                    ("langfuse.observation.model.name", json!("m")),
                    (
                        "langfuse.observation.usage_details",
                        json!(format!("{{\"input\": {n}, \"output\": {t}}}")),
                    ),
                    (
                        "langfuse.observation.cost_details",
                        json!(format!("{{\"total\": {n}}}")),
                    ),
                ],
            ));
        }
    }
    all
}

/// Everything that lists and totals show.
fn shown(store: &Store) -> (Vec<TraceRow>, String) {
    let mut rows = store.traces(&TraceQuery::default()).unwrap().rows;
    rows.iter_mut().for_each(|row| row.updated_ns = 0);
    let from = rows.iter().map(|row| row.start_ns).min().unwrap();
    let overview = store.overview(from, from + 1).unwrap();
    let sessions = store.sessions(0, None).unwrap();
    (rows, format!("{overview:?} {sessions:?}"))
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn order_cuts_and_repetitions_do_not_matter(
        order in Just((0..18).collect::<Vec<usize>>()).prop_shuffle(),
        cut in 1..7usize,
        again in proptest::collection::vec(0..18usize, 0..8),
    ) {
        let spans = spans();
        let wanted = {
            let store = Store::in_memory(StoreOptions::default()).unwrap();
            store.ingest_blocking(otlp_json(&request(&spans)).unwrap().changes).unwrap();
            shown(&store)
        };
        let store = Store::in_memory(StoreOptions::default()).unwrap();
        let order: Vec<usize> = order.into_iter().chain(again).collect();
        for part in order.chunks(cut) {
            let part: Vec<Value> = part.iter().map(|at| spans[*at].clone()).collect();
            store.ingest_blocking(otlp_json(&request(&part)).unwrap().changes).unwrap();
        }
        prop_assert_eq!(shown(&store), wanted);
    }

    #[test]
    fn no_bytes_are_a_panic(bytes in proptest::collection::vec(any::<u8>(), 0..400)) {
        prop_assert!(otlp_json(&bytes).is_err() || bytes.is_empty() || bytes[0] != 0);
        let _ = otlp_protobuf(&bytes);
        prop_assert!(batch(&bytes).is_err());
    }

    #[test]
    fn a_body_with_changed_bytes_is_stored_or_refused(
        changes in proptest::collection::vec((0..6000usize, any::<u8>()), 1..6),
    ) {
        let mut body = JS.to_vec();
        for (at, byte) in changes {
            let at = at % body.len();
            body[at] = byte;
        }
        if let Ok(taken) = otlp_json(&body) {
            let store = Store::in_memory(StoreOptions::default()).unwrap();
            let count = taken.changes.len();
            let receipt = store.ingest_blocking(taken.changes).unwrap();
            prop_assert_eq!(receipt.stored + receipt.repeated, count);
        }
    }
}
