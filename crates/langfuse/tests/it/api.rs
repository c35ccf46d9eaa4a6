//! What the client of the public API says of a server that it cannot reach.

use std::time::Duration;

use mock_langfuse::{Action, MockLangfuse, Scenario, Tls};
use serde_json::Value;
use tracefuse_langfuse::{ApiProblem, LangfuseApi, Retries};

use crate::support::config;

const LONG: Duration = Duration::from_secs(30);

async fn asked(server: &MockLangfuse) -> Result<Value, tracefuse_langfuse::ApiError> {
    let api = LangfuseApi::new(&config(server)).unwrap();
    api.get(&["projects"], &[], Retries::within(LONG)).await
}

#[tokio::test]
async fn a_certificate_that_is_not_trusted_is_named_with_its_remedy() {
    for tls in [Tls::SelfSigned, Tls::Expired, Tls::PlainHttp] {
        let server = MockLangfuse::builder().tls(tls).start().unwrap();
        let error = asked(&server).await.unwrap_err();
        assert_eq!(error.problem(), ApiProblem::Tls, "{error}");
        let text = error.to_string();
        assert!(
            text.ends_with("; for a private certificate authority set TRACEFUSE_CA_FILE"),
            "{text}"
        );
    }
}

#[tokio::test]
async fn a_server_that_is_not_there_is_unavailable() {
    let server = MockLangfuse::start();
    let api = LangfuseApi::new(&config(&server)).unwrap();
    let address = server.url().replace("http://", "");
    assert!(format!("{api:?}").contains(&address), "{api:?}");
    drop(server);
    let retries = Retries::within(LONG).max_retries(0);
    let asked: Result<Value, _> = api.get(&["projects"], &[], retries).await;
    let error = asked.unwrap_err();
    assert_eq!(error.problem(), ApiProblem::Unavailable);
    assert_eq!(error.status(), None);
    assert_eq!(format!("{error:?}"), error.to_string());
    assert!(!error.to_string().contains("TRACEFUSE_CA_FILE"), "{error}");
}

#[tokio::test]
async fn an_answer_that_is_no_http_is_a_wrong_address() {
    // It speaks TLS, and is asked in clear text.
    let server = MockLangfuse::builder()
        .tls(Tls::SelfSigned)
        .start()
        .unwrap();
    let config = config(&server).base_url(server.url().replace("https://", "http://"));
    let api = LangfuseApi::new(&config).unwrap();
    let asked: Result<Value, _> = api.get(&["projects"], &[], Retries::within(LONG)).await;
    let error = asked.unwrap_err();
    assert_eq!(error.problem(), ApiProblem::Host, "{error}");
}

#[tokio::test]
async fn each_answer_has_its_problem_and_is_repeated_if_that_may_help() {
    let server = "; is LANGFUSE_BASE_URL the address of a Langfuse server?";
    let keys = "and that LANGFUSE_BASE_URL is the region of the project";
    let missing = r#"{"message":"no such prompt","error":"LangfuseNotFoundError"}"#;
    for (action, problem, remedy, attempts) in [
        (Action::status(401), ApiProblem::Key, keys, 1),
        (Action::status(403), ApiProblem::Key, keys, 1),
        (Action::status(404), ApiProblem::Host, server, 1),
        (
            Action::status(404).body(missing),
            ApiProblem::NotFound,
            "",
            1,
        ),
        (
            Action::status(302).header("location", "https://other.example/"),
            ApiProblem::Host,
            server,
            1,
        ),
        (
            Action::status(200)
                .header("content-type", "text/html")
                .body("<html>"),
            ApiProblem::Host,
            server,
            2,
        ),
        (Action::status(400), ApiProblem::Refused, "", 1),
        (Action::status(429), ApiProblem::Unavailable, "", 2),
        (Action::status(503), ApiProblem::Unavailable, "", 2),
    ] {
        let scenario = Scenario::new().forever(action);
        let server = MockLangfuse::builder().scenario(scenario).start().unwrap();
        let api = LangfuseApi::new(&config(&server)).unwrap();
        let retries = Retries::within(LONG).max_retries(1);
        let asked: Result<Value, _> = api.get(&["projects"], &[], retries).await;
        let error = asked.unwrap_err();
        let text = error.to_string();
        assert_eq!(error.problem(), problem, "{text}");
        assert!(text.ends_with(remedy), "{text}");
        assert_eq!(text.contains("LANGFUSE_"), !remedy.is_empty(), "{text}");
        assert_eq!(server.requests().len(), attempts, "{text}");
        assert!(error.status().is_some(), "{text}");
    }
}

#[tokio::test]
async fn an_answer_that_cannot_be_read_is_too_large_or_another() {
    for (body, most, problem) in [
        ("[1,2,3]", 7, None),
        ("[1,2,3]", 6, Some(ApiProblem::TooLarge)),
        ("[1,2,", 7, Some(ApiProblem::Answer)),
    ] {
        let scenario = Scenario::new().forever(Action::status(200).body(body));
        let server = MockLangfuse::builder().scenario(scenario).start().unwrap();
        let api = LangfuseApi::new(&config(&server)).unwrap();
        let retries = Retries::within(LONG).max_answer_bytes(most);
        let asked: Result<Value, _> = api.get(&["projects"], &[], retries).await;
        assert_eq!(asked.err().map(|error| error.problem()), problem, "{body}");
        assert_eq!(server.requests().len(), 1, "{body}");
    }
}

#[tokio::test]
async fn an_error_has_the_status_of_the_servers_answer() {
    for status in [400, 401, 404, 503] {
        let scenario = Scenario::new().forever(Action::status(status));
        let server = MockLangfuse::builder().scenario(scenario).start().unwrap();
        let api = LangfuseApi::new(&config(&server)).unwrap();
        let retries = Retries::within(LONG).max_retries(0);
        let asked: Result<Value, _> = api.get(&["projects"], &[], retries).await;
        assert_eq!(asked.unwrap_err().status(), Some(status));
    }
}
