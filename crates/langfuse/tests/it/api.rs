//! What the client of the public API says of a server that it cannot reach.

use std::time::Duration;

use mock_langfuse::{MockLangfuse, Tls};
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
    drop(server);
    let retries = Retries::within(LONG).max_retries(0);
    let asked: Result<Value, _> = api.get(&["projects"], &[], retries).await;
    let error = asked.unwrap_err();
    assert_eq!(error.problem(), ApiProblem::Unavailable);
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
