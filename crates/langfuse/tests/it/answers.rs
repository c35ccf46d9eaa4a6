//! What each answer of a server means for the batch, and what it says to the person who reads the log.

use std::sync::Arc;
use std::time::Duration;

use mock_langfuse::{Action, How, MockLangfuse, Scenario};
use tracefuse_core::record::Resource;
use tracefuse_exporter::{Advice, Batch, ExportError, Exporter};
use tracefuse_langfuse::LangfuseExporter;

use crate::support::{config, records};

async fn refused(action: Action) -> ExportError {
    let server = MockLangfuse::builder()
        .scenario(Scenario::new().once(action))
        .start()
        .unwrap();
    let exporter =
        LangfuseExporter::new(config(&server).timeout(Duration::from_millis(500))).unwrap();
    let batch = records(|recording| recording.tracer.trace("x").run(|_| {}));
    let batch = Batch::new(Arc::new(Resource::default()), batch);
    exporter.export(&batch).await.unwrap_err()
}

async fn check(action: Action, advice: Advice, maybe_delivered: bool, words: &str) {
    let error = refused(action).await;
    let text = error.to_string();
    assert_eq!(
        (error.advice(), error.maybe_delivered()),
        (advice, maybe_delivered),
        "{text}"
    );
    assert!(text.contains(words), "expected {words:?} in {text:?}");
}

#[tokio::test]
async fn a_bad_batch_is_distinguished_from_a_bad_connection() {
    check(
        Action::status(400).body(r#"{"error":"1 bad span"}"#),
        Advice::Reject,
        false,
        "1 bad span",
    )
    .await;
    check(Action::status(422), Advice::Reject, false, "422").await;
    check(Action::status(413), Advice::Split, false, "413").await;
    for status in [408, 500, 502, 503, 504] {
        check(
            Action::status(status),
            Advice::Retry,
            true,
            &status.to_string(),
        )
        .await;
    }
    check(
        Action::good().cut(1, How::Rst),
        Advice::Retry,
        true,
        "ended the connection",
    )
    .await;
    // Whether our bytes were on their way when it closed is a matter of moments.
    let error = refused(Action::accept_then(How::Fin)).await;
    assert_eq!(error.advice(), Advice::Retry, "{error}");
    check(
        Action::good().delay_ms(60_000),
        Advice::Retry,
        true,
        "gave up waiting for the answer",
    )
    .await;
}

#[tokio::test]
async fn what_a_person_must_mend_comes_with_its_remedy() {
    check(
        Action::status(401).body("Invalid credentials"),
        Advice::Stop,
        false,
        "LANGFUSE_SECRET_KEY",
    )
    .await;
    check(
        Action::status(403),
        Advice::Stop,
        false,
        "ingestion is suspended",
    )
    .await;
    check(Action::status(404), Advice::Stop, false, "3.22").await;
    check(
        Action::status(407),
        Advice::Stop,
        false,
        "a proxy on the way requires credentials",
    )
    .await;
    let elsewhere =
        Action::status(308).header("location", "https://eu.example.com/login?token=canary");
    let error = refused(elsewhere).await.to_string();
    assert!(
        error.contains("points to https://eu.example.com:") && error.contains("base URL"),
        "{error}"
    );
    assert!(!error.contains("canary"), "{error}");
}

#[tokio::test]
async fn another_kind_of_server_is_a_wrong_address() {
    let xml = r#"<?xml version="1.0"?><Error><Code>InvalidRequest</Code></Error>"#;
    for answer in [
        Action::status(400)
            .header("content-type", "application/xml")
            .body(xml),
        Action::status(400)
            .header("content-type", "text/html; charset=utf-8")
            .body("<h1>Bad Request</h1>"),
        Action::status(400)
            .header("content-type", "text/plain")
            .body(&format!("\n {xml}")),
        Action::status(422)
            .header("content-type", "application/problem+xml")
            .body(""),
    ] {
        check(
            answer,
            Advice::Stop,
            false,
            "is LANGFUSE_BASE_URL a Langfuse server",
        )
        .await;
    }
    let json = Action::status(400)
        .header("content-type", "application/json")
        .body(r#"{"error":"<bad>"}"#);
    check(json, Advice::Reject, false, "bad").await;
}

#[tokio::test]
async fn a_pause_is_as_long_as_the_server_says() {
    let error = refused(Action::status(429).header("retry-after", "7")).await;
    assert_eq!(error.advice(), Advice::Pause(Some(Duration::from_secs(7))));
    let error = refused(Action::status(503).header("retry-after", "9")).await;
    assert_eq!(
        (error.advice(), error.retry_after()),
        (Advice::Retry, Some(Duration::from_secs(9)))
    );
}

#[tokio::test]
async fn a_web_page_is_not_an_answer_of_langfuse() {
    let page = Action::status(200)
        .header("content-type", "text/html; charset=utf-8")
        .body("<html>log in</html>");
    check(page, Advice::Retry, false, "an HTML page").await;
}

#[tokio::test]
async fn the_body_of_a_success_is_not_looked_at() {
    for body in [
        "",
        "{",
        "{\"partialSuccess\":{\"rejectedSpans\":\"1\"}}",
        "\u{0}\u{1}",
    ] {
        let answer = Action::status(200).body(body);
        let server = MockLangfuse::builder()
            .scenario(Scenario::new().once(answer))
            .start()
            .unwrap();
        let exporter = LangfuseExporter::new(config(&server).gzip(false)).unwrap();
        let batch = records(|recording| recording.tracer.trace("x").run(|_| {}));
        let batch = Batch::new(Arc::new(Resource::default()), batch);
        assert_eq!(
            exporter.export(&batch).await.unwrap().accepted,
            1,
            "{body:?}"
        );
        let request = &server.requests()[0];
        assert!(!request.headers.contains_key("content-encoding"));
        assert_eq!(request.body, request.inflated);
    }
}

#[tokio::test]
async fn no_server_is_a_retry_of_something_that_did_not_arrive() {
    let server = MockLangfuse::start();
    let exporter = LangfuseExporter::new(config(&server)).unwrap();
    drop(server);
    let batch = records(|recording| recording.tracer.trace("x").run(|_| {}));
    let error = exporter
        .export(&Batch::new(Arc::new(Resource::default()), batch))
        .await
        .unwrap_err();
    assert_eq!(
        (error.advice(), error.maybe_delivered()),
        (Advice::Retry, false),
        "{error}"
    );
}
