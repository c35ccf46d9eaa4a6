//! What is stored is read back: from spans in any order, twice, and from the batch API.

use std::time::Duration;

use serde_json::json;
use tracefuse_core::{Clock, Level, ManualClock, ObservationType, Timestamp};
use tracefuse_server::take::{batch, otlp_json, otlp_protobuf};
use tracefuse_server::{
    Order, Prices, ScoreQuery, Store, StoreError, StoreOptions, TraceQuery, TraceRow,
};

use crate::samples::{BATCH_JS, BATCH_PYTHON, JS, PYTHON, START, inflated, request, span, trace};

pub(crate) fn memory() -> Store {
    Store::in_memory(StoreOptions::default()).unwrap()
}

pub(crate) fn put(store: &Store, body: &[u8]) {
    let taken = otlp_json(body).unwrap();
    assert_eq!(taken.refused, 0, "{:?}", taken.reason);
    store.ingest_blocking(taken.changes).unwrap();
}

fn all(store: &Store) -> Vec<TraceRow> {
    store.traces(&TraceQuery::default()).unwrap().rows
}

pub(crate) fn query(text: &str) -> TraceQuery {
    TraceQuery::parse(text, START as i64).unwrap()
}

pub(crate) fn ids(store: &Store, text: &str) -> Vec<String> {
    let page = store.traces(&query(text)).unwrap();
    page.rows.into_iter().map(|row| row.id).collect()
}

#[test]
fn a_trace_of_the_js_sdk_is_stored_whole() {
    let store = memory();
    put(&store, JS);
    let rows = all(&store);
    assert_eq!(rows.len(), 1);
    let row = &rows[0];
    assert_eq!(row.name, "chat-trace");
    assert_eq!(row.user_id.as_deref(), Some("user-42"));
    assert_eq!(row.session_id.as_deref(), Some("sess-7"));
    assert_eq!(row.environment, "staging");
    assert_eq!(row.tags, ["beta"]);
    let view = store.trace(&row.id).unwrap().unwrap();
    assert_eq!(view.observations.len() as u64, row.spans);
    let event = view
        .observations
        .iter()
        .find(|row| row.name == "cache-miss")
        .unwrap();
    assert_eq!(
        (event.kind, event.level),
        (ObservationType::Event, Level::Debug)
    );
    let bodies = store.bodies(&row.id, &event.id).unwrap().unwrap();
    assert_eq!(bodies.metadata.get("shard"), Some(&json!(3)));
    assert_eq!(bodies.metadata.get("tenant"), Some(&json!("acme")));
    assert_eq!(
        bodies.resource.get("otel.scope.name"),
        Some(&json!("langfuse-sdk"))
    );
}

#[test]
fn a_trace_of_the_python_sdk_is_stored_whole() {
    let store = memory();
    let taken = otlp_protobuf(&inflated(PYTHON)).unwrap();
    assert_eq!(taken.refused, 0);
    store.ingest_blocking(taken.changes).unwrap();
    let rows = all(&store);
    let row = &rows[0];
    assert!(row.spans > 2 && row.errors > 0, "{row:?}");
    let view = store.trace(&row.id).unwrap().unwrap();
    let generation = view
        .observations
        .iter()
        .find(|row| row.kind == ObservationType::Generation)
        .unwrap();
    assert!(
        generation.model.is_some() && generation.usage["total"] > 0,
        "{generation:?}"
    );
    assert!(row.total_tokens > 0);
}

#[test]
fn spans_in_any_order_make_the_same_trace() {
    let id = trace(7);
    let spans = [
        span(
            &id,
            1,
            None,
            &[
                ("langfuse.trace.name", json!("chat")),
                ("langfuse.observation.input", json!("hi")),
            ],
        ),
        span(
            &id,
            2,
            Some(1),
            &[
                ("gen_ai.request.model", json!("m")),
                ("gen_ai.usage.input_tokens", json!(3)),
            ],
        ),
        span(
            &id,
            3,
            Some(2),
            &[
                ("langfuse.observation.level", json!("ERROR")),
                ("user.id", json!("u")),
            ],
        ),
    ];
    let mut seen: Option<TraceRow> = None;
    for order in [[0, 1, 2], [2, 1, 0], [1, 2, 0]] {
        let store = memory();
        for at in order {
            put(&store, &request(&[spans[at].clone()]));
        }
        let mut row = all(&store).remove(0);
        row.updated_ns = 0;
        assert_eq!((row.spans, row.errors, row.name.as_str()), (3, 1, "chat"));
        assert_eq!(row.input_preview.as_deref(), Some("hi"));
        assert_eq!(row.latency_ns(), Some(2_500_000_000));
        if let Some(seen) = &seen {
            assert_eq!(*seen, row);
        }
        seen = Some(row);
    }
}

#[test]
fn the_same_span_twice_is_counted_once() {
    let store = memory();
    let id = trace(1);
    let body = request(&[
        span(&id, 1, None, &[]),
        span(&id, 2, Some(1), &[("gen_ai.usage.input_tokens", json!(5))]),
    ]);
    let first = store
        .ingest_blocking(otlp_json(&body).unwrap().changes)
        .unwrap();
    let again = store
        .ingest_blocking(otlp_json(&body).unwrap().changes)
        .unwrap();
    assert_eq!(
        (first.stored, first.repeated, again.stored, again.repeated),
        (2, 0, 0, 2)
    );
    let row = &all(&store)[0];
    assert_eq!((row.spans, row.total_tokens), (2, 5));
    // Another value in the same place replaces the first one.
    put(
        &store,
        &request(&[span(
            &id,
            2,
            Some(1),
            &[("gen_ai.usage.input_tokens", json!(8))],
        )]),
    );
    let row = &all(&store)[0];
    assert_eq!((row.spans, row.total_tokens), (2, 8));
}

#[test]
fn events_of_the_batch_api_are_merged() {
    for body in [BATCH_JS, BATCH_PYTHON] {
        let store = memory();
        let taken = batch(body).unwrap();
        assert_eq!(taken.refused, 0, "{:?}", taken.reason);
        store.ingest_blocking(taken.changes).unwrap();
        let rows = all(&store);
        assert_eq!(rows.len(), 1);
        let row = &rows[0];
        assert_eq!(row.open, 0, "{row:?}");
        assert_eq!(row.user_id.as_deref(), Some("user-42"));
        let view = store.trace(&row.id).unwrap().unwrap();
        let generation = view
            .observations
            .iter()
            .find(|row| row.kind == ObservationType::Generation)
            .unwrap();
        let bodies = store.bodies(&row.id, &generation.id).unwrap().unwrap();
        assert!(
            bodies.input.is_some() && bodies.output.is_some(),
            "{bodies:?}"
        );
        assert!(generation.notes[0].contains("batch API"), "{generation:?}");
        assert_eq!(view.scores.len() as u64, row.scores);
        assert!(row.scores > 0);
    }
}

#[test]
fn a_span_without_its_end_is_open_until_the_update() {
    let store = memory();
    let event = |kind: &str, body: serde_json::Value| json!({"id": "e", "type": kind, "timestamp": "2026-11-27T12:00:00Z", "body": body});
    let create = event(
        "span-create",
        json!({"id": "s", "traceId": "t", "name": "work", "startTime": "2026-11-27T12:00:00Z"}),
    );
    let update = event(
        "span-update",
        json!({"id": "s", "traceId": "t", "endTime": "2026-11-27T12:00:02Z"}),
    );
    for (events, open, latency) in [(create, 1, None), (update, 0, Some(2_000_000_000))] {
        let body = json!({ "batch": [events] }).to_string();
        store
            .ingest_blocking(batch(body.as_bytes()).unwrap().changes)
            .unwrap();
        let row = &all(&store)[0];
        assert_eq!((row.spans, row.open, row.latency_ns()), (1, open, latency));
    }
}

#[test]
fn a_cost_is_computed_only_where_none_came() {
    let table = r#"{"source": "test", "date": "2026-11-01", "models": {"m": {"input": 0.5, "output": 2.0}}}"#;
    let mut options = StoreOptions::default();
    options.prices = Prices::from_json(table).unwrap();
    let store = Store::in_memory(options).unwrap();
    let usage = (
        "langfuse.observation.usage_details",
        json!("{\"input\": 2, \"output\": 1}"),
    );
    let model = ("langfuse.observation.model.name", json!("m"));
    let given = ("langfuse.observation.cost_details", json!("{\"total\": 7}"));
    put(
        &store,
        &request(&[span(&trace(1), 1, None, &[usage.clone(), model.clone()])]),
    );
    put(
        &store,
        &request(&[span(&trace(2), 2, None, &[usage, model, given])]),
    );
    let rows = all(&store);
    assert_eq!((rows[1].cost, rows[1].cost_is_computed), (Some(3.0), true));
    assert_eq!((rows[0].cost, rows[0].cost_is_computed), (Some(7.0), false));
}

#[test]
fn a_clock_that_is_set_back_loses_nothing() {
    let manual = ManualClock::at(Timestamp::from_unix_nanos(START));
    let mut options = StoreOptions::default();
    options.clock = Clock::new(manual.clone());
    let store = Store::in_memory(options).unwrap();
    let id = trace(1);
    put(&store, &request(&[span(&id, 1, None, &[])]));
    let before = all(&store)[0].updated_ns;
    manual.step_to(Timestamp::from_unix_nanos(START - 3_600_000_000_000));
    put(
        &store,
        &request(&[span(&id, 2, Some(1), &[]), span(&trace(2), 3, None, &[])]),
    );
    let row = store.trace_row(&id).unwrap().unwrap();
    assert_eq!((row.spans, row.updated_ns), (2, before));
    assert_eq!(ids(&store, ""), [trace(2), id]);
}

#[test]
fn only_one_process_writes_and_others_read() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("deep/traces.db");
    let store = Store::open(&path, StoreOptions::default()).unwrap();
    put(&store, &request(&[span(&trace(1), 1, None, &[])]));
    let second = Store::open(&path, StoreOptions::default());
    assert!(matches!(second, Err(StoreError::InUse(_))), "{second:?}");
    let reader = Store::open_read_only(&path).unwrap();
    assert_eq!(all(&reader).len(), 1);
    let refused = reader.ingest_blocking(
        otlp_json(&request(&[span(&trace(2), 2, None, &[])]))
            .unwrap()
            .changes,
    );
    assert!(matches!(refused, Err(StoreError::Closed)), "{refused:?}");
    store.close();
    assert!(
        store
            .ingest_blocking(
                otlp_json(&request(&[span(&trace(2), 2, None, &[])]))
                    .unwrap()
                    .changes
            )
            .is_err()
    );
    let again = Store::open(&path, StoreOptions::default()).unwrap();
    assert_eq!(all(&again).len(), 1);
}

#[cfg(unix)]
#[test]
fn the_file_is_readable_by_its_owner_alone() {
    use std::os::unix::fs::PermissionsExt as _;
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("traces.db");
    let store = Store::open(&path, StoreOptions::default()).unwrap();
    put(&store, &request(&[span(&trace(1), 1, None, &[])]));
    for entry in std::fs::read_dir(folder.path()).unwrap() {
        let entry = entry.unwrap();
        let mode = entry.metadata().unwrap().permissions().mode() & 0o777;
        assert_eq!(mode, 0o600, "{:?}", entry.file_name());
    }
}

#[test]
fn a_foreign_or_newer_file_is_left_alone() {
    let folder = tempfile::tempdir().unwrap();
    let text = folder.path().join("notes.txt");
    std::fs::write(
        &text,
        "not a database, but long enough to be looked at as one".repeat(20),
    )
    .unwrap();
    let opened = Store::open(&text, StoreOptions::default());
    assert!(
        matches!(opened, Err(StoreError::NotAStore(_))),
        "{opened:?}"
    );
    assert!(
        std::fs::read_to_string(&text)
            .unwrap()
            .starts_with("not a database")
    );
    let path = folder.path().join("newer.db");
    drop(Store::open(&path, StoreOptions::default()).unwrap());
    let db = rusqlite::Connection::open(&path).unwrap();
    db.pragma_update(None, "user_version", 999).unwrap();
    drop(db);
    let opened = Store::open(&path, StoreOptions::default());
    assert!(matches!(opened, Err(StoreError::Newer(_))), "{opened:?}");
}

#[test]
fn a_file_of_an_older_version_is_brought_up_to_date() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("traces.db");
    let store = Store::open(&path, StoreOptions::default()).unwrap();
    put(&store, &request(&[span(&trace(1), 1, None, &[])]));
    store.close();
    // As version 1 was.
    let db = rusqlite::Connection::open(&path).unwrap();
    db.execute_batch("DROP TABLE gone; PRAGMA user_version = 1")
        .unwrap();
    drop(db);
    let opened = Store::open_read_only(&path);
    let Err(StoreError::Older(shown)) = &opened else {
        panic!("{opened:?}");
    };
    assert!(shown.ends_with("traces.db"), "{shown}");
    let store = Store::open(&path, StoreOptions::default()).unwrap();
    assert_eq!(ids(&store, ""), [trace(1)]);
    assert!(futures::executor::block_on(store.delete_trace(&trace(1))).unwrap());
    assert!(ids(&store, "").is_empty());
    let reader = Store::open_read_only(&path).unwrap();
    assert!(all(&reader).is_empty());
}

#[test]
fn a_span_without_times_starts_when_it_arrives() {
    let manual = ManualClock::at(Timestamp::from_unix_nanos(START));
    let mut options = StoreOptions::default();
    options.clock = Clock::new(manual.clone());
    let store = Store::in_memory(options).unwrap();
    let mut one = span(&trace(1), 1, None, &[]);
    let mut ended = span(&trace(2), 2, None, &[]);
    for (span, times) in [
        (
            &mut one,
            ["startTimeUnixNano", "endTimeUnixNano"].as_slice(),
        ),
        (&mut ended, &["startTimeUnixNano"]),
    ] {
        for time in times {
            span.as_object_mut().unwrap().remove(*time);
        }
    }
    let body = request(&[one, ended]);
    put(&store, &body);
    manual.advance(Duration::from_secs(5));
    let again = store
        .ingest_blocking(otlp_json(&body).unwrap().changes)
        .unwrap();
    assert_eq!((again.stored, again.repeated), (0, 2));
    let row = |n: u64| store.trace_row(&trace(n)).unwrap().unwrap();
    assert_eq!((row(1).start_ns, row(1).open), (START as i64, 1));
    let end = START as i64 + 2_500_000_000;
    assert_eq!((row(2).start_ns, row(2).end_ns), (end, Some(end)));
}

#[test]
fn a_score_may_come_before_its_trace() {
    let store = memory();
    let id = trace(5);
    let body = json!({"batch": [{"id": "e", "type": "score-create", "timestamp": "2026-11-27T12:00:00Z", "body":
        {"id": "s", "traceId": id, "name": "good", "value": 1}}]});
    store
        .ingest_blocking(batch(body.to_string().as_bytes()).unwrap().changes)
        .unwrap();
    assert_eq!(all(&store).len(), 0);
    put(&store, &request(&[span(&id, 1, None, &[])]));
    assert_eq!(all(&store)[0].scores, 1);
    let scores = store.scores(&ScoreQuery::default()).unwrap().rows;
    assert_eq!(
        (scores[0].name.as_str(), &scores[0].value),
        ("good", &json!(1))
    );
    assert_eq!(Order::NAMES.len(), 5);
}
