//! Scores go together where the server takes lists, and one by one where it does not.

use std::sync::Arc;

use mock_langfuse::{Action, MockLangfuse, Scenario};
use serde_json::{Value, json};
use tracefuse_core::record::{Record, Resource, ScoreRecord, ScoreTarget, Timestamp};
use tracefuse_exporter::{Advice, Batch, Exporter};
use tracefuse_langfuse::LangfuseExporter;

use crate::support::config;

fn score(name: &str, value: f64) -> Record {
    let target = ScoreTarget::Session("s".into());
    ScoreRecord::new(name, value.into(), target, Timestamp::default()).into()
}

fn batch(scores: impl IntoIterator<Item = Record>) -> Batch {
    Batch::new(Arc::new(Resource::default()), scores.into_iter().collect())
}

/// What the server was sent, request by request: the names of the scores, in a list or alone.
fn sent(server: &MockLangfuse) -> Vec<Value> {
    let requests = server.requests();
    let bodies = requests.iter().map(|request| {
        let body: Value = serde_json::from_slice(&request.body).unwrap();
        match body {
            Value::Array(list) => list.iter().map(|score| score["name"].clone()).collect(),
            score => score["name"].clone(),
        }
    });
    bodies.collect()
}

fn server(scenario: Scenario) -> (MockLangfuse, LangfuseExporter) {
    let server = MockLangfuse::builder().scenario(scenario).start().unwrap();
    let exporter = LangfuseExporter::new(config(&server)).unwrap();
    (server, exporter)
}

#[tokio::test]
async fn the_environment_of_a_score_follows_the_rule_of_the_tracers() {
    let environment = |name: &str| (!name.is_empty()).then(|| name.to_owned());
    for (tracers, own, stored) in [
        ("staging", "", "staging"),
        ("Staging", "", "staging"),
        ("staging", "Production", "production"),
        ("staging", "langfuse-eu", "eu"),
        // The server would store it as `default`: the tracer's own is better.
        ("staging", "Prod.EU", "staging"),
        ("Prod.EU", "Prod.US", "default"),
        ("staging", "default", "default"),
        ("", "", "default"),
    ] {
        let server = MockLangfuse::start();
        let exporter = LangfuseExporter::new(config(&server)).unwrap();
        let target = ScoreTarget::Session("s".into());
        let mut score = ScoreRecord::new("a", 1.into(), target, Timestamp::default());
        score.environment = environment(own);
        let mut resource = Resource::default();
        resource.environment = environment(tracers);
        let batch = Batch::new(Arc::new(resource), vec![score.into()]);
        assert_eq!(exporter.export(&batch).await.unwrap().accepted, 1);
        let scores = server.scores();
        assert_eq!(scores[0]["environment"], stored, "{tracers} {own}");
    }
}

#[tokio::test]
async fn a_server_that_takes_lists_gets_lists() {
    let accepted = Action::status(202).body(r#"{"message":"Accepted"}"#);
    let (server, exporter) = server(Scenario::new().forever(accepted));
    let scores = batch([score("a", 1.0), score("b", f64::NAN), score("c", 3.0)]);
    let report = exporter.export(&scores).await.unwrap();
    assert_eq!((report.accepted, report.rejected.len()), (2, 1));
    assert_eq!(sent(&server), [json!(["a", "c"])]);
    exporter.export(&batch([score("d", 1.0)])).await.unwrap();
    let many = (0..250).map(|n| score(&format!("{n}"), 1.0));
    assert_eq!(exporter.export(&batch(many)).await.unwrap().accepted, 250);
    let lengths: Vec<usize> = sent(&server)
        .iter()
        .map(|body| body.as_array().map_or(0, Vec::len))
        .collect();
    assert_eq!(lengths, [2, 0, 100, 100, 50]);
}

#[tokio::test]
async fn a_server_without_lists_is_asked_for_one_once() {
    let (server, exporter) = server(Scenario::new());
    for _ in 0..2 {
        let report = exporter
            .export(&batch([score("a", 1.0), score("", 2.0), score("c", 3.0)]))
            .await
            .unwrap();
        assert_eq!((report.accepted, report.rejected.len()), (2, 1));
    }
    let one_by_one = [json!("a"), json!(""), json!("c")];
    let expected: Vec<Value> = [json!(["a", "", "c"])]
        .into_iter()
        .chain(one_by_one.clone())
        .chain(one_by_one)
        .collect();
    assert_eq!(sent(&server), expected);
}

#[tokio::test]
async fn a_list_that_is_too_large_is_no_sign_of_a_server_without_lists() {
    let too_large = Action::status(413).header("content-type", "application/json");
    let (server, exporter) = server(Scenario::new().once(too_large));
    let scores = || batch([score("a", 1.0), score("b", 2.0)]);
    assert_eq!(exporter.export(&scores()).await.unwrap().accepted, 2);
    let _ = exporter.export(&scores()).await.unwrap();
    let lists = sent(&server);
    let lists = lists.iter().filter(|body| body.is_array());
    assert_eq!(lists.count(), 2);
}

#[tokio::test]
async fn a_list_of_bad_scores_is_no_sign_of_a_server_without_lists() {
    let (server, exporter) = server(Scenario::new());
    for _ in 0..2 {
        let bad = batch([score("", 1.0), score("", 2.0)]);
        let report = exporter.export(&bad).await.unwrap();
        assert_eq!((report.accepted, report.rejected.len()), (0, 2));
    }
    let [one, two] = [json!(["", ""]), json!("")];
    let once = [one, two.clone(), two];
    assert_eq!(sent(&server), [once.clone(), once].concat());
}

#[tokio::test]
async fn of_a_list_that_was_taken_in_part_each_score_is_judged() {
    let partly = r#"{"accepted":1,"rejected":1,"errors":[{"message":"name: Required"}]}"#;
    let (server, exporter) = server(Scenario::new().once(Action::status(207).body(partly)));
    let report = exporter
        .export(&batch([score("a", 1.0), score("", 2.0)]))
        .await
        .unwrap();
    assert_eq!((report.accepted, report.rejected.len()), (1, 1));
    assert_eq!(sent(&server), [json!(["a", ""]), json!("a"), json!("")]);
}

#[tokio::test]
async fn a_list_that_fails_for_another_reason_is_sent_again_as_a_list() {
    let (server, exporter) = server(Scenario::new().once(Action::status(503)));
    let scores = batch([score("a", 1.0), score("b", 2.0)]);
    let error = exporter.export(&scores).await.unwrap_err();
    assert_eq!(error.advice(), Advice::Retry);
    assert_eq!(sent(&server), [json!(["a", "b"])]);
}

#[tokio::test]
async fn a_page_instead_of_an_answer_is_a_wrong_address() {
    for status in [400, 404] {
        let page = Action::status(status)
            .header("content-type", "text/html")
            .body("<html>no such page</html>");
        let (_server, exporter) = server(Scenario::new().once(page));
        let error = exporter
            .export(&batch([score("a", 1.0)]))
            .await
            .unwrap_err();
        assert_eq!(error.advice(), Advice::Stop, "{error}");
    }
}

#[tokio::test]
async fn a_score_is_refused_alone_and_keys_are_not() {
    for (status, alone) in [
        (400, true),
        (404, true),
        (413, true),
        (401, false),
        (403, false),
    ] {
        let refusal = Action::status(status)
            .header("content-type", "application/json")
            .body(r#"{"message":"no such config"}"#);
        let (_server, exporter) = server(Scenario::new().once(refusal));
        let answer = exporter.export(&batch([score("a", 1.0)])).await;
        match answer {
            Ok(report) => assert_eq!((report.rejected.len(), alone), (1, true), "{status}"),
            Err(error) => assert_eq!((error.advice(), alone), (Advice::Stop, false), "{status}"),
        }
    }
}

#[tokio::test]
async fn a_server_of_4_59_stores_what_it_takes_of_a_list_once() {
    let (server, exporter) = server(Scenario::new().server_version("4.59.0"));
    let scores = batch([score("a", 1.0), score("", 2.0), score("c", 3.0)]);
    let report = exporter.export(&scores).await.unwrap();
    assert_eq!((report.accepted, report.rejected.len()), (2, 1));
    let mut names: Vec<Value> = server
        .scores()
        .iter()
        .map(|score| score["name"].clone())
        .collect();
    names.sort_by_key(Value::to_string);
    assert_eq!(names, ["a", "c"]);
    let good = batch([score("d", 1.0), score("e", 2.0)]);
    assert_eq!(exporter.export(&good).await.unwrap().accepted, 2);
    assert_eq!(sent(&server).last(), Some(&json!(["d", "e"])));
}
