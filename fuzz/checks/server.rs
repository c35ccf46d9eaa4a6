//! Any body for the local server: read or refused, and what is read is stored and read back.
//! Input: a byte that says how, then the body. Run by the fuzzer and by the replay of its seeds.

use tracefuse_server::take::{Taken, batch, otlp_json, otlp_protobuf};
use tracefuse_server::{Store, StoreOptions, TraceQuery};

pub(crate) fn run(data: &[u8]) {
    let (how, rest) = data.split_first().unwrap_or((&0, &[]));
    let taken: Taken = match how % 4 {
        0 => otlp_json(rest).unwrap_or_default(),
        1 => otlp_protobuf(rest).unwrap_or_default(),
        2 => batch(rest).unwrap_or_default(),
        _ => {
            query(&String::from_utf8_lossy(rest));
            return;
        }
    };
    if taken.changes.is_empty() {
        return;
    }
    let store = Store::in_memory(StoreOptions::default()).expect("a store");
    let count = taken.changes.len();
    let receipt = store.ingest_blocking(taken.changes).expect("stored");
    assert_eq!(receipt.stored + receipt.repeated, count);
    for row in store.traces(&TraceQuery::default()).expect("a list").rows {
        let view = store
            .trace(&row.id)
            .expect("a read")
            .expect("the trace is there");
        assert_eq!(view.observations.len() as u64, row.spans);
        for observation in &view.observations {
            assert!(
                store
                    .bodies(&row.id, &observation.id)
                    .expect("a read")
                    .is_some()
            );
        }
    }
}

/// A query that can be read reads back as it was written, and lists without an error.
fn query(text: &str) {
    const NOW: i64 = 1_800_000_000_000_000_000;
    let Ok(mut query) = TraceQuery::parse(text, NOW) else {
        return;
    };
    assert_eq!(
        TraceQuery::parse(&query.to_query(), NOW).as_ref(),
        Ok(&query)
    );
    query.cursor = None;
    let store = Store::in_memory(StoreOptions::default()).expect("a store");
    store.traces(&query).expect("a list");
    store.histogram(&query, 20).expect("a histogram");
}
