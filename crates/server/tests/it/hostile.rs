//! Requests as no well-behaved client sends them: filters without bounds, deep documents, names of a megabyte.

use serde_json::{Value, json};

use crate::samples::{request, span, span_id, trace};
use crate::support::Live;

/// Encodes a value of a query.
fn encoded(text: &str) -> String {
    text.bytes().map(|byte| format!("%{byte:02X}")).collect()
}

fn filter(column: &str, operator: &str, value: &Value) -> String {
    let condition = json!([{ "column": column, "operator": operator, "value": value }]);
    format!("filter={}", encoded(&condition.to_string()))
}

#[test]
fn a_filter_without_bounds_is_refused_by_its_name() {
    let live = Live::start();
    live.put(&request(&[span(&trace(1), 1, None, &[])]));
    let of = |path: &str, query: &str| format!("/api/public/{path}?{query}");
    let tags = filter("tags", "any of", &json!(vec![1; 3000]));
    let many = format!("environment={}", "a,".repeat(3000));
    let all = [
        of("v2/observations", &tags),
        of("observations", &tags),
        of("traces", &tags),
        of("v2/observations", &many),
        of("observations", &many),
        of("traces", &many),
        of("sessions", &many),
        of("v3/scores", &many),
        of("v2/scores", &many),
        of("traces", &"tags=a&".repeat(3000)),
        of("v2/scores", &"traceTags=a&".repeat(3000)),
        of("v2/observations", &filter("name", "=", &json!([]))),
        of("v2/observations", &filter("latency", ">", &json!([]))),
        of("v2/observations", &filter("level", "<>", &json!([]))),
        of("traces", &filter("level", ">=", &json!([]))),
        of("v2/observations", &filter("latency", ">", &json!("NaN"))),
        of("v2/scores", "filter=[]"),
        of("traces", "orderBy=name.asc"),
        of("traces", "page=0"),
        of("traces", "limit=0"),
        of("v2/scores", "limit=0"),
        of("v2/scores", "operator=~&value=1"),
        of("sessions", "fromTimestamp=soon"),
        "/?order=slowest&cursor=18446744073709551615".to_owned(),
    ];
    for path in all {
        let answer = live.call().send("GET", &path, b"");
        let start: String = path.chars().take(80).collect();
        assert_eq!(answer.status, 400, "{start}: {}", answer.body);
    }
    // A long text is no pattern, so it has no limit.
    let long = filter("name", "contains", &json!("a".repeat(15_000)));
    let found = live.get(&format!("/api/public/v2/observations?{long}"));
    assert_eq!(found["data"], json!([]));
    // A page leaves out what it cannot use, and says so a few times.
    let page = live
        .call()
        .send("GET", &format!("/?{}", "tag=a&".repeat(3000)), b"");
    assert_eq!(page.status, 200);
    assert_eq!(page.body.matches("is not used").count(), 5);
}

#[test]
fn texts_are_filtered_as_langfuse_compares_them() {
    let live = Live::start();
    live.put(&request(&[
        span(&trace(1), 1, None, &[]),
        span(&trace(2), 22, None, &[]),
    ]));
    for (operator, value, count) in [
        ("contains", "span", 2),
        ("contains", "SPAN", 0),
        ("contains", "%", 0),
        ("contains", "", 2),
        ("does not contain", "2", 1),
        ("starts with", "span 2", 1),
        ("starts with", "pan", 0),
        ("ends with", "1", 1),
        ("ends with", "span 22", 1),
        ("ends with", "a span 22", 0),
        ("ends with", "", 2),
    ] {
        for path in ["v2/observations", "observations", "traces"] {
            let path = format!(
                "/api/public/{path}?{}",
                filter("name", operator, &json!(value))
            );
            let found = live.get(&path)["data"].as_array().unwrap().len();
            assert_eq!(found, count, "{path}: {operator} {value:?}");
        }
    }
}

#[test]
fn older_lists_are_filtered_by_each_parameter() {
    let live = Live::start();
    for n in 1..=3u64 {
        let place = if n == 3 { "staging" } else { "production" };
        let attributes = [
            ("session.id", json!(format!("s{n}"))),
            ("user.id", json!(format!("u{n}"))),
            ("langfuse.environment", json!(place)),
            ("langfuse.trace.tags", json!(["a", format!("t{n}")])),
            (
                "langfuse.observation.cost_details",
                json!(format!("{{\"total\":{n}}}")),
            ),
        ];
        live.put(&request(&[span(&trace(n), n, None, &attributes)]));
        let score = json!({"id": format!("c{n}"), "traceId": trace(n), "observationId": span_id(n), "name": "q", "value": n,
            "environment": place, "configId": if n == 1 { json!("one") } else { Value::Null }});
        let sent =
            live.call()
                .json()
                .send("POST", "/api/public/scores", score.to_string().as_bytes());
        assert_eq!(sent.status, 200, "{}", sent.body);
    }
    let ids = |path: &str| -> Vec<String> {
        let answer = live.get(&format!("/api/public/{path}"));
        let rows = answer["data"].as_array().unwrap();
        assert_eq!(answer["meta"]["totalItems"], rows.len(), "{path}");
        rows.iter()
            .map(|row| row["id"].as_str().unwrap().to_owned())
            .collect()
    };
    let traces = |numbers: &[u64]| numbers.iter().copied().map(trace).collect::<Vec<_>>();
    for (query, expected) in [
        ("", &[3, 2, 1][..]),
        ("orderBy=timestamp.asc", &[1, 2, 3]),
        ("orderBy=totalCost.desc", &[3, 2, 1]),
        ("environment=staging", &[3]),
        ("environment=staging&environment=production", &[3, 2, 1]),
        ("environment=none", &[]),
        (&filter("userId", "any of", &json!(["u1", "u3"])), &[3, 1]),
        (&filter("totalCost", ">", &json!(1.5)), &[3, 2]),
        (&filter("tags", "all of", &json!(["a", "t2"])), &[2]),
        (
            &filter("timestamp", "<", &json!("2000-01-01T00:00:00Z")),
            &[],
        ),
    ] {
        assert_eq!(ids(&format!("traces?{query}")), traces(expected), "{query}");
    }
    // Names that are not known are passed over; if none is known, everything is shown.
    let row = &live.get("/api/public/traces?limit=1&fields=none")["data"][0];
    assert_eq!(row["observations"], json!([span_id(3)]));
    let at = |n: u64| format!("2026-11-18T11:06:4{n}.000Z");
    let (from, to) = (at(2), at(3));
    for (query, expected) in [
        ("", &["s3", "s2", "s1"][..]),
        (&format!("fromTimestamp={from}"), &["s3", "s2"]),
        (&format!("toTimestamp={to}"), &["s2", "s1"]),
        ("environment=staging", &["s3"]),
    ] {
        assert_eq!(ids(&format!("sessions?{query}")), expected, "{query}");
    }
    assert_eq!(
        live.get("/api/public/sessions/s3")["environment"],
        "staging"
    );
    for (query, expected) in [
        ("", &["c3", "c2", "c1"][..]),
        ("environment=staging", &["c3"]),
        ("configId=one", &["c1"]),
        ("scoreIds=c1,c2", &["c2", "c1"]),
        ("traceTags=t2", &["c2"]),
        ("traceTags=a&traceTags=t1", &["c1"]),
        ("operator=%3E%3D&value=2", &["c3", "c2"]),
        ("value=2", &["c3", "c2", "c1"]),
        ("queueId=q", &[]),
        ("datasetRunId=r", &[]),
        ("userId=u2", &["c2"]),
    ] {
        for path in ["scores", "v2/scores"] {
            assert_eq!(ids(&format!("{path}?{query}")), expected, "{path} {query}");
        }
    }
    let shown = |fields: &str| {
        live.get(&format!("/api/public/v2/scores?scoreIds=c2{fields}"))["data"][0].clone()
    };
    let of_trace = json!({"userId": "u2", "tags": ["a", "t2"], "environment": "production", "sessionId": "s2"});
    assert_eq!(shown("")["trace"], of_trace);
    assert_eq!(shown("&fields=score,trace")["trace"], of_trace);
    assert!(shown("&fields=score").get("trace").is_none());
    // Several at once are deleted.
    let delete = |body: Value| {
        let body = body.to_string();
        live.call()
            .json()
            .send("DELETE", "/api/public/traces", body.as_bytes())
            .status
    };
    for wrong in [
        json!({}),
        json!({"traceIds": []}),
        json!({"traceIds": [1]}),
        json!(null),
    ] {
        assert_eq!(delete(wrong), 400);
    }
    assert_eq!(
        delete(json!({"traceIds": [trace(1), trace(3), "none"]})),
        200
    );
    assert_eq!(ids("traces"), traces(&[2]));
}

#[test]
fn a_deep_value_refuses_no_other() {
    let live = Live::start();
    let deep = "[".repeat(2000) + &"]".repeat(2000);
    let event = |id: &str, input: &str| {
        format!(
            r#"{{"id": "e{id}", "type": "trace-create", "timestamp": "2026-11-27T12:00:00Z", "body": {{"id": "{id}", "input": {input}}}}}"#
        )
    };
    let body = format!(
        r#"{{"batch": [{}, {}]}}"#,
        event("a", &deep),
        event("b", "5")
    );
    let answer = live
        .call()
        .json()
        .send("POST", "/api/public/ingestion", body.as_bytes());
    assert_eq!(answer.status, 207);
    assert_eq!(answer.json()["errors"], json!([]), "{}", answer.body);
    assert_eq!(live.get("/api/public/traces/b")["input"], 5);
    assert!(live.get("/api/public/traces/a")["input"].is_array());
    let score = format!(r#"{{"name": "n", "traceId": "a", "value": 1, "metadata": {deep}}}"#);
    let answer = live
        .call()
        .json()
        .send("POST", "/api/public/scores", score.as_bytes());
    assert_eq!(answer.status, 200, "{}", answer.body);
    for path in [
        "/traces/a",
        "/",
        "/traces/a/export.json",
        "/traces/a/export.md",
    ] {
        assert_eq!(live.call().send("GET", path, b"").status, 200, "{path}");
    }
}

#[test]
fn a_name_of_a_megabyte_leaves_pages_small() {
    let live = Live::start();
    let long = format!("name {}", "x".repeat(1_000_000));
    let texts = [
        "langfuse.trace.name",
        "user.id",
        "session.id",
        "langfuse.observation.model.name",
        "langfuse.environment",
        "langfuse.release",
    ];
    let mut attributes: Vec<(&str, Value)> =
        texts.iter().map(|name| (*name, json!(long))).collect();
    attributes.push(("langfuse.trace.tags", json!([long])));
    attributes.push(("langfuse.observation.type", json!("generation")));
    live.put(&request(&[span(&trace(1), 1, None, &attributes)]));
    for path in ["/", "/sessions", "/users", "/overview?range=90d"] {
        let page = live.call().send("GET", path, b"");
        assert_eq!(page.status, 200, "{path}");
        assert!(page.body.len() < 60_000, "{path}: {}", page.body.len());
        assert!(!page.body.contains("href=\"/?user=name"), "{path}");
    }
    let page = live
        .call()
        .send("GET", &format!("/traces/{}", trace(1)), b"");
    assert!(page.body.contains("<h1 dir=\"auto\">name xxx"));
    // What is stored is whole.
    let row = live.get(&format!("/api/public/traces/{}", trace(1)));
    assert_eq!(row["userId"], long);
}

#[test]
fn a_log_line_is_in_neither_list_of_the_answer() {
    let live = Live::start();
    let body = json!({"batch": [
        {"id": "1", "type": "sdk-log", "timestamp": "2026-11-27T12:00:00Z", "body": {"log": {}}},
        {"id": "2", "type": "trace-create", "timestamp": "2026-11-27T12:00:00Z", "body": {"id": "t"}},
    ]});
    let answer =
        live.call()
            .json()
            .send("POST", "/api/public/ingestion", body.to_string().as_bytes());
    let expected = json!({"successes": [{"id": "2", "status": 201}], "errors": []});
    assert_eq!((answer.status, answer.json()), (207, expected));
}

#[test]
fn metrics_and_logs_are_answered_in_their_encoding() {
    let live = Live::start();
    for path in ["/v1/metrics", "/v1/logs", "/api/public/otel/v1/metrics"] {
        let of = |kind: &str| {
            let answer = live
                .call()
                .with("content-type", kind)
                .send("POST", path, b"x");
            let kind = answer.header("content-type").unwrap_or_default().to_owned();
            (answer.status, kind, answer.body)
        };
        let protobuf = (200, "application/x-protobuf".to_owned(), String::new());
        assert_eq!(of("application/x-protobuf"), protobuf, "{path}");
        let (status, kind, body) = of("application/json");
        assert_eq!((status, body.as_str()), (200, "{}"), "{path}");
        assert!(kind.starts_with("application/json"), "{path}: {kind}");
    }
}
