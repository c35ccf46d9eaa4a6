//! Lists: filters, orders, cursors, full text; sessions, users and totals.

use serde_json::json;
use tracefuse_server::{StoreError, TraceQuery};

use crate::samples::{START, request, span, trace};
use crate::store::{ids, memory, put, query};

#[test]
fn filters_orders_and_cursors_choose_traces() {
    let store = memory();
    for n in 0..25u64 {
        let level = if n % 5 == 0 { "ERROR" } else { "DEFAULT" };
        let mut attributes = vec![
            ("langfuse.trace.name", json!(format!("name {}", n % 3))),
            ("user.id", json!(format!("user {}", n % 2))),
            ("langfuse.observation.level", json!(level)),
            ("langfuse.trace.tags", json!([format!("tag {n}"), "all"])),
            (
                "langfuse.observation.model.name",
                json!(format!("model {}", n % 4)),
            ),
            (
                "langfuse.observation.cost_details",
                json!({"total": n}).to_string().into(),
            ),
        ];
        if n == 9 {
            attributes.push(("langfuse.environment", json!("staging")));
        }
        put(
            &store,
            &request(&[span(&trace(n + 1), n, None, &attributes)]),
        );
    }
    let mut seen = Vec::new();
    let mut asked = query("limit=10");
    loop {
        let page = store.traces(&asked).unwrap();
        seen.extend(page.rows.iter().map(|row| row.id.clone()));
        let Some(next) = page.next else { break };
        asked.cursor = Some(next);
    }
    let newest: Vec<String> = (1..=25).rev().map(trace).collect();
    assert_eq!(seen, newest);
    assert_eq!(ids(&store, "order=oldest&limit=2"), [trace(1), trace(2)]);
    assert_eq!(
        ids(&store, "order=costliest&limit=2"),
        [trace(25), trace(24)]
    );
    for (filter, count) in [
        ("name=name%201", 8),
        ("user=user%200", 13),
        ("errors=1", 5),
        ("level=ERROR", 5),
        ("level=WARNING", 5),
        ("tag=tag%203&tag=all", 1),
        ("tag=tag", 0),
        ("model=model%202", 6),
        ("environment=staging", 1),
        ("min_cost=20", 5),
        ("min_latency=400ms", 25),
        ("min_latency=1s", 0),
        ("name=name%201&errors=1", 1),
    ] {
        assert_eq!(ids(&store, filter).len(), count, "{filter}");
    }
    let next = |trace: &str, forward| {
        store
            .next_error(&TraceQuery::default(), trace, forward)
            .unwrap()
            .map(|row| row.id)
    };
    assert_eq!(next(&trace(8), true), Some(trace(11)));
    assert_eq!(next(&trace(8), false), Some(trace(6)));
    assert_eq!(next(&trace(21), true), None);
    let mut wrong = query("");
    wrong.cursor = Some("x".to_owned());
    assert!(matches!(store.traces(&wrong), Err(StoreError::Cursor)));
    assert_eq!(store.values("name").unwrap().len(), 3);
    assert_eq!(store.values("tag").unwrap().len(), 26);
    assert_eq!(store.values("nonsense; DROP TABLE trace").unwrap().len(), 0);
}

#[test]
fn words_are_found_before_and_after_they_are_indexed() {
    let store = memory();
    for (n, text) in [
        (1, "the quick brown fox"),
        (2, "a lazy dog"),
        (3, "brown dog sleeps"),
        (4, "我想查询北京的天气，用GPT模型。今日は良い天気"),
    ] {
        put(
            &store,
            &request(&[span(
                &trace(n),
                n,
                None,
                &[("langfuse.observation.input", json!(text))],
            )]),
        );
    }
    for round in 0..2 {
        for (search, found) in [
            ("q=brown", vec![trace(3), trace(1)]),
            ("q=brown+dog", vec![trace(3)]),
            ("q=%22quick+brown%22", vec![trace(1)]),
            ("q=%22brown+quick%22", vec![]),
            ("q=sle*", vec![trace(3)]),
            ("q=dog&order=oldest", vec![trace(2), trace(3)]),
            ("q=dog&limit=1", vec![trace(3)]),
            ("q=dog&user=other", vec![]),
            ("q=天气", vec![trace(4)]),
            ("q=北京+gpt模型", vec![trace(4)]),
            ("q=良い", vec![trace(4)]),
            ("q=天模", vec![]),
            ("q=%22%27)+OR+1=1--", vec![]),
            // Something that has no word is no search for everything.
            ("q=->", vec![]),
            ("q=%22%22", vec![]),
            ("q=*&order=slowest", vec![]),
        ] {
            assert_eq!(ids(&store, search), found, "{search} in round {round}");
        }
        store.index_blocking().unwrap();
        assert!(store.is_indexed().unwrap());
    }
    // A text that was replaced is found by its new words alone.
    put(
        &store,
        &request(&[span(
            &trace(1),
            1,
            None,
            &[("langfuse.observation.input", json!("a red bird"))],
        )]),
    );
    for _ in 0..2 {
        assert_eq!(ids(&store, "q=quick"), Vec::<String>::new());
        assert_eq!(ids(&store, "q=bird"), [trace(1)]);
        store.index_blocking().unwrap();
    }
    let page = store.traces(&query("q=dog&limit=1")).unwrap();
    let mut next = query("q=dog&limit=1");
    next.cursor = page.next;
    assert_eq!(store.traces(&next).unwrap().rows[0].id, trace(2));
}

#[test]
fn sessions_users_and_totals_follow_their_traces() {
    let store = memory();
    for n in 0..4u64 {
        let attributes = [
            ("session.id", json!(format!("s{}", n % 2))),
            ("user.id", json!("u")),
            ("langfuse.observation.model.name", json!("m")),
            (
                "langfuse.observation.usage_details",
                json!("{\"input\": 10, \"output\": 5}"),
            ),
            (
                "langfuse.observation.cost_details",
                json!("{\"total\": 0.5}"),
            ),
        ];
        put(
            &store,
            &request(&[span(&trace(n + 1), n * 3600, None, &attributes)]),
        );
    }
    let sessions = store.sessions(0, None).unwrap().rows;
    assert_eq!(
        sessions
            .iter()
            .map(|row| (row.id.as_str(), row.traces))
            .collect::<Vec<_>>(),
        [("s1", 2), ("s0", 2)]
    );
    let view = store.session("s0").unwrap().unwrap();
    assert_eq!(
        view.traces
            .iter()
            .map(|row| row.id.clone())
            .collect::<Vec<_>>(),
        [trace(1), trace(3)]
    );
    let users = store.users(0, None).unwrap().rows;
    assert_eq!(
        (users[0].traces, users[0].total_tokens, users[0].cost),
        (4, 60, 2.0)
    );
    let (from, to) = (START as i64, START as i64 + 5 * 3_600_000_000_000);
    let overview = store.overview(from, to).unwrap();
    assert_eq!(
        (
            overview.total.traces,
            overview.total.total_tokens,
            overview.total.cost
        ),
        (4, 60, 2.0)
    );
    assert_eq!(overview.models.iter().map(|row| row.calls).sum::<u64>(), 4);
    let p50 = overview.total.p50_ns.unwrap() as f64;
    assert!((p50 / 5e8 - 1.0).abs() < 0.1, "{p50}");
    let histogram = store.histogram(&TraceQuery::default(), 10).unwrap();
    assert_eq!(histogram.bins.iter().map(|bin| bin.traces).sum::<u64>(), 4);
    // A trace that goes takes its part with it.
    assert!(futures::executor::block_on(store.delete_trace(&trace(1))).unwrap());
    assert!(!futures::executor::block_on(store.delete_trace(&trace(1))).unwrap());
    assert_eq!(store.overview(from, to).unwrap().total.traces, 3);
    assert_eq!(store.session("s0").unwrap().unwrap().session.traces, 1);
    assert!(store.trace(&trace(1)).unwrap().is_none());
}
