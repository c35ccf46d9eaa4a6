//! What Langfuse's clients read back.

use serde_json::{Value, json};

use crate::samples::{START, request, span, span_id, trace};
use crate::support::Live;

/// Three traces of four observations each; the second of each is a generation, the last an error.
pub(crate) fn filled() -> Live {
    let live = Live::start();
    for n in 1..=3u64 {
        let id = trace(n);
        let first = n * 10;
        let shared = [
            ("user.id", json!(format!("u{n}"))),
            ("session.id", json!("s")),
            ("langfuse.trace.name", json!("chat")),
            ("langfuse.trace.tags", json!(["a", format!("t{n}")])),
            ("langfuse.version", json!("v1")),
        ];
        let with = |more: &[(&'static str, Value)]| [&shared[..], more].concat();
        live.put(&request(&[
            span(
                &id,
                first,
                None,
                &with(&[
                    ("langfuse.observation.input", json!("{\"q\":1}")),
                    ("langfuse.trace.metadata.k", json!("x".repeat(300))),
                ]),
            ),
            span(
                &id,
                first + 1,
                Some(first),
                &with(&[
                    ("langfuse.observation.type", json!("generation")),
                    ("langfuse.observation.model.name", json!("m")),
                    (
                        "langfuse.observation.usage_details",
                        json!("{\"input\":5,\"output\":2,\"input_cached_tokens\":3}"),
                    ),
                    (
                        "langfuse.observation.cost_details",
                        json!("{\"input\":0.1,\"output\":0.2}"),
                    ),
                    (
                        "langfuse.observation.model.parameters",
                        json!("{\"temperature\":0.5}"),
                    ),
                    ("langfuse.observation.prompt.name", json!("p")),
                    ("langfuse.observation.prompt.version", json!(2)),
                ]),
            ),
            span(
                &id,
                first + 2,
                Some(first),
                &with(&[("langfuse.observation.type", json!("tool"))]),
            ),
            span(
                &id,
                first + 3,
                Some(first),
                &with(&[
                    ("langfuse.observation.level", json!("ERROR")),
                    ("langfuse.environment", json!("staging")),
                ]),
            ),
        ]));
    }
    live
}

pub(crate) fn names(answer: &Value) -> Vec<String> {
    let data = answer["data"].as_array().unwrap();
    data.iter()
        .map(|row| row["id"].as_str().unwrap().to_owned())
        .collect()
}

#[test]
fn observations_are_listed_by_group_of_fields() {
    let live = filled();
    let core = live.get("/api/public/v2/observations?limit=1&fields=core");
    let row = &core["data"][0];
    assert_eq!(
        (&row["id"], &row["type"], &row["latency"]),
        (&json!(span_id(33)), &json!("SPAN"), &json!(0.5))
    );
    assert!(row.get("name").is_none() && row.get("input").is_none());
    let all = "core,basic,time,io,metadata,model,usage,prompt,metrics,trace_context";
    let one = live.get(&format!(
        "/api/public/v2/observations?traceId={}&type=GENERATION&fields={all}",
        trace(1)
    ));
    let row = &one["data"][0];
    for (path, wanted) in [
        ("/model", json!("m")),
        ("/modelParameters", json!({"temperature": 0.5})),
        (
            "/usageDetails",
            json!({"input": 5, "output": 2, "input_cached_tokens": 3, "total": 10}),
        ),
        ("/inputUsage", json!(8)),
        ("/outputUsage", json!(2)),
        ("/totalCost", json!(0.3)),
        ("/promptName", json!("p")),
        ("/promptVersion", json!(2)),
        ("/traceName", json!("chat")),
        ("/tags", json!(["a", "t1"])),
        ("/userId", json!("u1")),
        ("/isRootObservation", json!(false)),
        ("/parentObservationId", json!(span_id(10))),
        ("/input", Value::Null),
        ("/release", json!("")),
        ("/metadata/resourceAttributes.service.name", json!("shop")),
    ] {
        assert_eq!(row.pointer(path), Some(&wanted), "{path}");
    }
    let root = |fields: &str| {
        let answer = live.get(&format!(
            "/api/public/v2/observations?traceId={}&isRootObservation=true&{fields}",
            trace(1)
        ));
        answer["data"][0]["metadata"]["k"].as_str().unwrap().len()
    };
    assert_eq!(root("fields=metadata"), 200);
    assert_eq!(root("fields=metadata&expandMetadata=k"), 300);
    assert_eq!(root("fields=metadata,io"), 300);
}

#[test]
fn observations_are_filtered_and_paged() {
    let live = filled();
    for (query, count) in [
        ("", 12),
        ("traceId=00000000000000000000000000000001", 4),
        ("type=TOOL", 3),
        ("level=ERROR", 3),
        ("userId=u2", 4),
        ("sessionId=s", 12),
        ("version=v1", 12),
        ("version=v2", 0),
        ("name=span+10", 1),
        ("environment=staging", 3),
        ("environment=staging&environment=default", 12),
        ("parentObservationId=", 3),
        ("isRootObservation=false", 9),
        ("limit=0", 0),
        ("fromStartTime=2026-11-18T11:08:00Z", 0),
        (
            r#"filter=[{"column":"tags","operator":"any+of","value":["t1","t2"]}]"#,
            8,
        ),
        (
            r#"filter=[{"column":"tags","operator":"none+of","value":["t1"]}]"#,
            8,
        ),
        (
            r#"filter=[{"column":"totalTokens","operator":">","value":9}]"#,
            3,
        ),
        (
            r#"filter=[{"column":"name","operator":"starts+with","value":"span+1"}]"#,
            4,
        ),
        (
            r#"filter=[{"column":"level","operator":"any+of","value":["ERROR"]},{"column":"userId","operator":"=","value":"u1"}]"#,
            1,
        ),
        (
            r#"filter=[{"column":"latency","operator":">=","value":0.5}]"#,
            12,
        ),
        (r#"filter=[{"column":"model","operator":"is+null"}]"#, 9),
    ] {
        let query = query
            .replace('"', "%22")
            .replace('>', "%3E")
            .replace(['[', '{'], "%5B")
            .replace("%5B%22column", "%7B%22column")
            .replace(",%5B", ",%7B");
        let query = query
            .replace('}', "%7D")
            .replace(']', "%5D")
            .replace("filter=%7B", "filter=%5B%7B");
        let answer = live.get(&format!("/api/public/v2/observations?{query}"));
        assert_eq!(answer["data"].as_array().unwrap().len(), count, "{query}");
    }
    let mut seen = Vec::new();
    let mut path = "/api/public/v2/observations?limit=5".to_owned();
    loop {
        let page = live.get(&path);
        seen.extend(names(&page));
        let Some(cursor) = page["meta"]["cursor"].as_str() else {
            break;
        };
        path = format!("/api/public/v2/observations?limit=5&cursor={cursor}");
    }
    let newest: Vec<String> = [33, 32, 31, 30, 23, 22, 21, 20, 13, 12, 11, 10]
        .map(span_id)
        .to_vec();
    assert_eq!(seen, newest);
}

#[test]
fn a_score_is_deleted_by_its_id() {
    let live = filled();
    let put = |id: &str, target: (&str, String)| {
        let mut body = json!({ "id": id, "name": "n", "value": 1 });
        body[target.0] = target.1.into();
        let answer =
            live.call()
                .json()
                .send("POST", "/api/public/scores", body.to_string().as_bytes());
        assert_eq!(answer.status, 200, "{}", answer.body);
    };
    put("a", ("traceId", trace(1)));
    put("b", ("traceId", trace(1)));
    put("c", ("sessionId", "s".to_owned()));
    let scores = || live.store.trace_row(&trace(1)).unwrap().unwrap().scores;
    assert_eq!(scores(), 2);
    let delete = |id: &str| {
        let path = format!("/api/public/scores/{id}");
        live.call().send("DELETE", &path, b"").status
    };
    assert_eq!([delete("a"), delete("c")], [202, 202]);
    assert_eq!([delete("a"), delete("none")], [404, 404]);
    assert_eq!(scores(), 1);
    let left = live.get("/api/public/v3/scores");
    assert_eq!(names(&left), ["b"]);
    assert_eq!(
        live.call().send("GET", "/api/public/scores/a", b"").status,
        404
    );
    put("a", ("traceId", trace(1)));
    assert_eq!(scores(), 2);
}

#[test]
fn parameters_that_langfuse_refuses_are_refused() {
    let live = filled();
    for query in [
        "cursor=abc",
        "type=generation",
        "type=NOPE",
        "level=error",
        "parseIoAsJson=true",
        "isRootObservation=yes",
        "fromStartTime=x",
        "filter=x",
        "limit=1001",
        "limit=x",
        "filter=%5B%7B%22column%22%3A%22nope%22%7D%5D",
    ] {
        let answer = live
            .call()
            .send("GET", &format!("/api/public/v2/observations?{query}"), b"");
        assert_eq!(answer.status, 400, "{query}");
        assert!(answer.json()["message"].is_string());
    }
    for query in [
        "limit=1001",
        "dataType=FOO",
        "cursor=abc",
        "observationId=o",
    ] {
        assert_eq!(
            live.call()
                .send("GET", &format!("/api/public/v3/scores?{query}"), b"")
                .status,
            400,
            "{query}"
        );
    }
}

#[test]
fn traces_are_read_by_group_of_fields() {
    let live = filled();
    let body = json!({"id": "1", "traceId": trace(1), "name": "n", "value": 0.5}).to_string();
    live.call()
        .json()
        .send("POST", "/api/public/scores", body.as_bytes());
    let all = ["io", "scores", "observations", "metrics"];
    for path in [
        "/api/public/traces?fromTimestamp=2020-01-01T00:00:00Z&userId=u1".to_owned(),
        format!("/api/public/traces/{}?", trace(1)),
    ] {
        let row = |fields: &str| {
            let answer = live.get(&format!("{path}{fields}"));
            answer.pointer("/data/0").cloned().unwrap_or(answer)
        };
        let whole = row("");
        assert_eq!(row(&format!("&fields=core,{}", all.join(","))), whole);
        for group in all {
            let shown = row(&format!("&fields={group}"));
            let has = |name: &str| group == name;
            assert_eq!(shown["name"], "chat", "{group}");
            let input = if has("io") {
                json!({"q": 1})
            } else {
                Value::Null
            };
            assert_eq!(shown["input"], input, "{group}");
            assert_eq!(shown["metadata"].get("k").is_some(), has("io"), "{group}");
            let count = |list: &str| shown[list].as_array().unwrap().len();
            let counts = (count("observations"), count("scores"));
            let wanted = (
                4 * usize::from(has("observations")),
                usize::from(has("scores")),
            );
            assert_eq!(counts, wanted, "{group}");
            // As Langfuse answers.
            let (latency, cost) = if has("metrics") {
                (whole["latency"].clone(), whole["totalCost"].clone())
            } else {
                (json!(-1), json!(-1))
            };
            assert_eq!((&shown["latency"], &shown["totalCost"]), (&latency, &cost));
        }
    }
}

#[test]
fn scores_read_back_by_both_versions() {
    let live = filled();
    let bodies = [
        json!({"id": "1", "traceId": trace(1), "name": "n", "value": 0.5, "comment": "c", "metadata": {"a": 1}}),
        json!({"id": "2", "traceId": trace(1), "observationId": span_id(11), "name": "b", "value": 1, "dataType": "BOOLEAN"}),
        json!({"id": "3", "sessionId": "s", "name": "c", "value": "good"}),
    ];
    for body in &bodies {
        let answer =
            live.call()
                .json()
                .send("POST", "/api/public/scores", body.to_string().as_bytes());
        assert_eq!(answer.status, 200);
    }
    let new = live.get("/api/public/v3/scores?fields=subject,details");
    let find = |id: &str| {
        new["data"]
            .as_array()
            .unwrap()
            .iter()
            .find(|row| row["id"] == id)
            .unwrap()
            .clone()
    };
    assert_eq!(find("1")["value"], json!(0.5));
    assert_eq!(
        (
            find("2")["value"].clone(),
            find("2")["subject"]["kind"].clone()
        ),
        (json!(true), json!("observation"))
    );
    assert_eq!(
        (
            find("3")["dataType"].clone(),
            find("3")["subject"]["id"].clone()
        ),
        (json!("CATEGORICAL"), json!("s"))
    );
    let old = live.get("/api/public/v2/scores?name=c");
    assert_eq!(
        (&old["data"][0]["stringValue"], &old["meta"]["totalItems"]),
        (&json!("good"), &json!(1))
    );
    assert_eq!(live.get("/api/public/scores/2")["stringValue"], "True");
    assert_eq!(
        live.get("/api/public/v3/scores?userId=u1")["data"]
            .as_array()
            .unwrap()
            .len(),
        2
    );
    let first = live.get("/api/public/v3/scores?limit=2");
    let next = live.get(&format!(
        "/api/public/v3/scores?limit=2&cursor={}",
        first["meta"]["cursor"].as_str().unwrap()
    ));
    assert_eq!(next["data"].as_array().unwrap().len(), 1);
    assert_eq!(
        live.call()
            .send("GET", "/api/public/scores/none", b"")
            .status,
        404
    );
}

#[test]
fn older_endpoints_answer_by_page() {
    let live = filled();
    let traces = live.get("/api/public/traces?limit=2&page=2");
    assert_eq!(
        (&traces["meta"]["totalItems"], &traces["meta"]["totalPages"]),
        (&json!(3), &json!(2))
    );
    assert_eq!(names(&traces), [trace(1)]);
    let row = &traces["data"][0];
    assert_eq!(
        (&row["input"], &row["name"], &row["latency"]),
        (&json!({"q": 1}), &json!("chat"), &json!(3.5))
    );
    assert_eq!(row["observations"].as_array().unwrap().len(), 4);
    assert_eq!(
        names(&live.get("/api/public/traces?tags=a&userId=u2&fromTimestamp=2020-01-01T00:00:00Z")),
        [trace(2)]
    );
    let one = live.get(&format!("/api/public/traces/{}", trace(3)));
    let ids: Vec<&Value> = one["observations"]
        .as_array()
        .unwrap()
        .iter()
        .map(|row| &row["id"])
        .collect();
    assert_eq!(
        ids,
        [
            &json!(span_id(30)),
            &json!(span_id(31)),
            &json!(span_id(32)),
            &json!(span_id(33))
        ]
    );
    assert_eq!(one["observations"][1]["usage"]["total"], 10);
    let observations = live.get("/api/public/observations?type=TOOL&limit=1&page=3");
    assert_eq!(
        (names(&observations), &observations["meta"]["totalItems"]),
        (vec![span_id(12)], &json!(3))
    );
    assert_eq!(
        live.get(&format!("/api/public/observations/{}", span_id(11)))["model"],
        "m"
    );
    let sessions = live.get("/api/public/sessions");
    assert_eq!(names(&sessions), ["s"]);
    assert_eq!(
        live.get("/api/public/sessions/s")["traces"]
            .as_array()
            .unwrap()
            .len(),
        3
    );
    for path in ["traces", "observations", "sessions", "scores"] {
        assert_eq!(
            live.call()
                .send("GET", &format!("/api/public/{path}/none"), b"")
                .status,
            404,
            "{path}"
        );
    }
    let path = format!("/api/public/traces/{}", trace(3));
    assert_eq!(live.call().send("DELETE", &path, b"").status, 200);
    assert_eq!(live.call().send("DELETE", &path, b"").status, 404);
    assert_eq!(
        live.get("/api/public/v2/observations")["data"]
            .as_array()
            .unwrap()
            .len(),
        8
    );
    assert_eq!(START % 1_000_000_000, 0);
}
