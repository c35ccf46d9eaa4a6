//! Datasets of Langfuse, page by page.

use std::time::Duration;

use mock_langfuse::{Action, MockLangfuse, Scenario};
use serde_json::{Value, json};
use tracefuse_experiments::ApiProblem;

use crate::support::datasets;

#[tokio::test]
async fn a_dataset_is_read_page_by_page() {
    let server = MockLangfuse::start();
    let items: Vec<Value> = (0..7)
        .map(|n| json!({ "input": { "n": n }, "expectedOutput": n * 2, "metadata": { "odd": n % 2 } }))
        .collect();
    server.put_dataset("team/numbers ü", &items);
    let client = datasets(&server);
    let ask = || client.dataset("team/numbers ü");
    let dataset = ask().page_size(3).get().await.unwrap();
    let inputs: Vec<i64> = dataset
        .items
        .iter()
        .map(|item| item.input["n"].as_i64().unwrap())
        .collect();
    assert_eq!(inputs, [0, 1, 2, 3, 4, 5, 6]);
    assert_eq!(
        (dataset.name.as_str(), dataset.id.as_deref()),
        ("team/numbers ü", Some("mock-dataset-1"))
    );
    assert_eq!(dataset.items[3].expected_as::<u64>().unwrap(), 6);
    assert_eq!(dataset.project.unwrap().id, "mock-project");
    let pages = server
        .requests()
        .iter()
        .filter(|request| request.path.ends_with("/dataset-items"))
        .count();
    assert_eq!(pages, 3);
    assert_eq!(
        ask().page_size(3).limit(4).get().await.unwrap().items.len(),
        4
    );
}

#[tokio::test]
async fn a_timeout_without_meaning_is_refused() {
    let server = MockLangfuse::start();
    server.put_dataset("numbers", &[json!({ "input": 1 })]);
    let client = datasets(&server);
    for timeout in [Duration::ZERO, Duration::MAX] {
        let ask = client.dataset("numbers").timeout(timeout);
        let error = ask.get().await.unwrap_err();
        assert_eq!(error.problem(), ApiProblem::Config);
        let said = error.to_string();
        assert!(said.contains("from 0.001 s to 3600 s"), "{said}");
    }
    assert!(server.requests().is_empty());
}

#[tokio::test]
async fn a_page_may_be_large() {
    let server = MockLangfuse::start();
    let items: Vec<Value> = (0..4)
        .map(|_| json!({ "input": "x".repeat(1 << 20) }))
        .collect();
    server.put_dataset("large", &items);
    let dataset = datasets(&server).dataset("large").get().await.unwrap();
    assert_eq!(dataset.items.len(), 4);
}

#[tokio::test]
async fn a_dataset_that_does_not_exist_is_no_outage() {
    let server = MockLangfuse::start();
    let client = datasets(&server);
    let error = client.dataset("numbers").get().await.unwrap_err();
    assert_eq!(
        (error.problem(), error.status()),
        (ApiProblem::NotFound, Some(404))
    );
    server.set_scenario(Scenario::new().forever(Action::status(503)));
    server.pause();
    server.resume();
    let error = client.dataset("numbers").get().await.unwrap_err();
    assert_eq!(error.problem(), ApiProblem::Unavailable, "{error}");
}

#[tokio::test]
async fn a_dataset_without_items_is_empty() {
    let server = MockLangfuse::start();
    server.put_dataset("empty", &[]);
    assert!(
        datasets(&server)
            .dataset("empty")
            .get()
            .await
            .unwrap()
            .items
            .is_empty()
    );
}
