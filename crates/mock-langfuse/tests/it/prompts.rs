//! Prompts, datasets and their items, as 4.16.0's source answers them. Not compared with a running server.

use mock_langfuse::MockLangfuse;
use serde_json::{Value, json};

use crate::support::Call;

fn get(server: &MockLangfuse, path: &str) -> (u16, Value) {
    let (status, body) = Call::to(server).send("GET", path, b"").unwrap();
    (status, serde_json::from_str(&body).unwrap_or(Value::Null))
}

#[test]
fn a_prompt_is_found_by_label_or_version() {
    let server = MockLangfuse::start();
    server.put_prompt("team/weather", &["production"], &json!("one"));
    server.put_prompt("team/weather", &["production", "eu"], &json!("two"));
    server.put_prompt(
        "team/weather",
        &[],
        &json!([{ "role": "user", "content": "three" }]),
    );
    let path = "/api/public/v2/prompts/team%2Fweather";
    for (query, version, kind) in [
        ("", 2, "text"),
        ("?label=production", 2, "text"),
        ("?label=eu&resolve=true", 2, "text"),
        ("?label=latest", 3, "chat"),
        ("?version=1", 1, "text"),
    ] {
        let (status, body) = get(&server, &format!("{path}{query}"));
        let found = (status, body["version"].as_u64(), body["type"].as_str());
        assert_eq!(found, (200, Some(version), Some(kind)), "{query}");
    }
    for (query, status, name, message) in [
        (
            "?label=x",
            404,
            "LangfuseNotFoundError",
            "Prompt not found: 'team/weather' with label 'x'",
        ),
        (
            "?version=9",
            404,
            "LangfuseNotFoundError",
            "Prompt not found: 'team/weather' with version 9",
        ),
        (
            "?version=1&label=eu",
            400,
            "InvalidRequestError",
            "Cannot specify both version and label",
        ),
    ] {
        let (answered, body) = get(&server, &format!("{path}{query}"));
        let said = (answered, body["error"].as_str(), body["message"].as_str());
        assert_eq!(said, (status, Some(name), Some(message)), "{query}");
    }
    assert_eq!(get(&server, &format!("{path}?version=x")).0, 400);
    let none = Call::to(&server)
        .with("authorization", "")
        .send("GET", path, b"")
        .unwrap();
    assert!(
        none.0 == 401 && none.1.contains("UnauthorizedError"),
        "{none:?}"
    );
    server.remove_prompt("team/weather");
    assert_eq!(get(&server, path).0, 404);
}

#[test]
fn a_dataset_is_read_in_pages_of_active_items() {
    let server = MockLangfuse::start();
    let items: Vec<Value> = (0..5)
        .map(|n| json!({ "input": n, "expectedOutput": n + 1 }))
        .collect();
    let id = server.put_dataset("sums", &items);
    server.put_dataset(
        "sums",
        &[json!({ "id": "old", "input": 9, "status": "ARCHIVED" })],
    );
    assert_eq!(
        get(&server, "/api/public/v2/datasets/sums").1["id"],
        id.as_str()
    );
    assert_eq!(get(&server, "/api/public/v2/datasets/other").0, 404);
    let (status, page) = get(
        &server,
        "/api/public/dataset-items?datasetName=sums&limit=2&page=3",
    );
    assert_eq!((status, page["data"].as_array().unwrap().len()), (200, 1));
    assert_eq!(page["data"][0]["input"], 4);
    assert_eq!(
        page["meta"],
        json!({ "page": 3, "limit": 2, "totalItems": 5, "totalPages": 3 })
    );
    for (query, status) in [
        ("limit=101", 400),
        ("page=0", 400),
        ("datasetName=x", 404),
        ("page=9", 200),
    ] {
        assert_eq!(
            get(&server, &format!("/api/public/dataset-items?{query}")).0,
            status,
            "{query}"
        );
    }
}

#[test]
fn a_run_item_is_answered_with_the_id_of_its_experiment() {
    let server = MockLangfuse::start();
    server.put_dataset("sums", &[json!({ "id": "item-1", "input": 1 })]);
    let post = |body: &Value| {
        let call = Call::to(&server).with("content-type", "application/json");
        let path = "/api/public/dataset-run-items";
        let (status, text) = call
            .send("POST", path, body.to_string().as_bytes())
            .unwrap();
        (status, serde_json::from_str::<Value>(&text).unwrap())
    };
    let item = json!({ "runName": "run 1", "datasetItemId": "item-1", "traceId": "t", "observationId": "o" });
    let (status, answer) = post(&item);
    // Python: sha256(json.dumps(["langfuse-experiment-v1", "mock-project", "mock-dataset-1", "run 1"], separators=(",", ":")))
    assert_eq!(
        (status, answer["datasetRunId"].as_str()),
        (200, Some("2e3d4c2faf0c5306"))
    );
    assert_eq!(
        (answer["traceId"].as_str(), answer["observationId"].as_str()),
        (Some("t"), Some("o"))
    );
    for (body, status) in [
        (
            json!({ "runName": "run 1", "datasetItemId": "item-9", "traceId": "t" }),
            404,
        ),
        (
            json!({ "runName": "run 1", "datasetItemId": "item-1" }),
            400,
        ),
        (json!({ "datasetItemId": "item-1", "traceId": "t" }), 400),
    ] {
        assert_eq!(post(&body).0, status, "{body}");
    }
}
