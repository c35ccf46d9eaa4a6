//! The parameter `filter` of the read API: values in bodies, sums, times, and what wins over what.

use serde_json::{Value, json};

use crate::read_api::{filled, names};
use crate::samples::{request, span, span_id, trace};
use crate::support::Live;

/// The ids that a filter finds, page by page.
fn found(live: &Live, more: &str, filter: &Value) -> Vec<String> {
    let filter: String = filter
        .to_string()
        .bytes()
        .map(|byte| format!("%{byte:02X}"))
        .collect();
    let mut ids = Vec::new();
    let mut cursor = String::new();
    loop {
        let path = format!("/api/public/v2/observations?filter={filter}{more}{cursor}");
        let page = live.get(&path);
        ids.extend(names(&page));
        match page["meta"]["cursor"].as_str() {
            Some(next) => cursor = format!("&cursor={next}"),
            None => return ids,
        }
    }
}

#[test]
fn observations_are_filtered_by_their_bodies() {
    let live = filled();
    live.put(&request(&[
        span(
            &trace(4),
            40,
            None,
            &[
                ("langfuse.observation.metadata.plan", json!("\"pro\"")),
                ("langfuse.observation.metadata.tries", json!(3)),
                (
                    "langfuse.observation.metadata.config",
                    json!("{\"timeout\": 30}"),
                ),
                ("langfuse.observation.output", json!("The Answer")),
            ],
        ),
        span(
            &trace(5),
            50,
            None,
            &[("langfuse.observation.metadata.plan", json!("free"))],
        ),
    ]));
    let of = |column: &str, key: &str, operator: &str, value: Value| json!([{ "type": "stringObject", "column": column, "key": key, "operator": operator, "value": value }]);
    for (filter, expected) in [
        (of("metadata", "plan", "=", json!("pro")), &[40][..]),
        (of("metadata", "plan", "=", json!("\"pro\"")), &[40]),
        (of("metadata", "plan", "contains", json!("r")), &[50, 40]),
        (
            of("metadata", "plan", "any of", json!(["free", "x"])),
            &[50],
        ),
        (of("metadata", "tries", ">=", json!(3)), &[40]),
        (of("metadata", "config.timeout", "=", json!("30")), &[40]),
        (
            of("metadata", "k", "starts with", json!("xxx")),
            &[30, 20, 10],
        ),
        (of("output", "", "matches", json!("answer")), &[40]),
        (of("input", "", "=", json!("{\"q\":1}")), &[30, 20, 10]),
        (of("metadata", "plan", "=", json!("none")), &[]),
    ] {
        let expected: Vec<String> = expected.iter().copied().map(span_id).collect();
        for limit in [1, 2, 50] {
            assert_eq!(
                found(&live, &format!("&limit={limit}"), &filter),
                expected,
                "{filter} {limit}"
            );
        }
    }
    // With another condition, and beside a parameter.
    let mut both = of("metadata", "plan", "contains", json!("r"));
    let name = json!({ "column": "name", "operator": "=", "value": "span 50" });
    both.as_array_mut().unwrap().push(name);
    assert_eq!(found(&live, "", &both), [span_id(50)]);
    let plan = of("metadata", "plan", "contains", json!("r"));
    assert_eq!(found(&live, "&name=span+40", &plan), [span_id(40)]);
    for path in ["observations", "traces"] {
        let path = format!(
            "/api/public/{path}?filter=%5B%7B%22column%22%3A%22metadata%22%2C%22key%22%3A%22a%22%2C%22operator%22%3A%22%3D%22%2C%22value%22%3A%22b%22%7D%5D"
        );
        let answer = live.call().send("GET", &path, b"");
        assert_eq!(answer.status, 400, "{path}");
        assert!(answer.body.contains("metadata"), "{}", answer.body);
    }
}

#[test]
fn numbers_and_times_are_filtered_as_they_are_shown() {
    let live = filled();
    // Half a millisecond after the second.
    let mut late = span(&trace(6), 60, None, &[]);
    late["startTimeUnixNano"] = json!("1795000060000500000");
    late["endTimeUnixNano"] = json!("1795000062500900000");
    live.put(&request(&[late]));
    let shown = &live.get("/api/public/v2/observations?limit=1")["data"][0];
    assert_eq!(
        (&shown["startTime"], &shown["latency"]),
        (&json!("2026-11-18T11:07:40.000Z"), &json!(2.5))
    );
    let of = |column: &str, operator: &str, value: Value| json!([{ "column": column, "operator": operator, "value": value }]);
    let generations = &[31, 21, 11][..];
    for (filter, expected) in [
        (of("startTime", "=", shown["startTime"].clone()), &[60][..]),
        (of("startTime", ">=", shown["startTime"].clone()), &[60]),
        (of("startTime", ">", shown["startTime"].clone()), &[]),
        (of("latency", "=", json!(2.5)), &[60]),
        (of("latency", ">", json!(2.5)), &[]),
        // 5 and 3 cached units.
        (of("inputTokens", "=", json!(8)), generations),
        (of("outputTokens", ">=", json!(2)), generations),
        (of("tokens", "=", json!(10)), generations),
        // 2 in half a second.
        (of("tokensPerSecond", "=", json!(4)), generations),
        (of("tokensPerSecond", ">", json!(4)), &[]),
        (of("inputCost", "=", json!(0.1)), generations),
        // Those without usage have no total.
        (of("totalTokens", "<", json!(11)), generations),
        (
            of("hasParentObservation", "=", json!(false)),
            &[60, 30, 20, 10],
        ),
        (
            of("isRootObservation", "<>", json!(false)),
            &[60, 30, 20, 10],
        ),
        (of("endTime", "<", json!("0001-01-01T00:00:00Z")), &[]),
    ] {
        let expected: Vec<String> = expected.iter().copied().map(span_id).collect();
        assert_eq!(found(&live, "", &filter), expected, "{filter}");
    }
    let far = "fromStartTime=0001-01-01T00:00:00Z&toStartTime=9999-12-31T23:59:59Z";
    let all = live.get(&format!("/api/public/v2/observations?{far}"));
    assert_eq!(names(&all).len(), 13);
    for path in ["traces", "sessions", "v2/scores"] {
        let far = "fromTimestamp=0001-01-01T00:00:00Z&toTimestamp=9999-12-31T23:59:59Z";
        live.get(&format!("/api/public/{path}?{far}"));
    }
    let far = "from=0001-01-01T00:00:00Z&to=9999-12-31T23:59:59Z";
    let page = live.call().send("GET", &format!("/?{far}"), b"");
    assert_eq!(page.status, 200);
    assert!(!page.body.contains("is not used"), "both ends are read");
}

#[test]
fn a_search_without_a_word_says_so() {
    let live = filled();
    for query in ["q=%21%21", "q=%2A", "q=%22%22&order=slowest"] {
        let page = live.call().send("GET", &format!("/?{query}"), b"");
        assert!(page.body.contains("neither letters nor digits"), "{query}");
    }
    let page = live.call().send("GET", "/?q=+", b"");
    assert!(page.body.contains("/traces/"), "blanks are no search");
}

#[test]
fn a_filter_wins_over_the_parameter_of_the_same_name() {
    let live = filled();
    let users = json!([{ "column": "userId", "operator": "any of", "value": ["u1", "u2"] }]);
    assert_eq!(found(&live, "&userId=u3", &users).len(), 8);
    assert_eq!(found(&live, "&userId=u3&type=TOOL", &users).len(), 2);
    let after =
        json!([{ "column": "startTime", "operator": ">", "value": "2026-01-01T00:00:00Z" }]);
    assert_eq!(
        found(&live, "&toStartTime=2026-01-01T00:00:00Z", &after).len(),
        12
    );
    let of_traces = "filter=%5B%7B%22column%22%3A%22userId%22%2C%22operator%22%3A%22%3D%22%2C%22value%22%3A%22u1%22%7D%5D";
    let page = live.get(&format!("/api/public/traces?userId=u3&{of_traces}"));
    assert_eq!(names(&page), [trace(1)]);
}
