//! The check whether keys and address are right, from any thread and executor.

use std::time::Duration;

use mock_langfuse::{Action, MockLangfuse, Scenario, Tls};
use tracefuse::{
    LangfuseConfig,
    langfuse::{AuthProblem, auth_check, auth_check_async, trace_id_from_seed},
};

use crate::support::{config, failing};

#[test]
fn the_project_of_the_keys_is_named_and_a_trace_has_an_address() {
    let server = MockLangfuse::start();
    let project = auth_check(&config(&server)).unwrap();
    assert_eq!(
        (project.id.as_str(), project.name.as_str()),
        ("mock-project", "mock")
    );
    let url = project.trace_url(trace_id_from_seed("order-42"));
    assert!(
        url.starts_with(&format!("{}/project/mock-project/traces/", server.url())),
        "{url}"
    );
    assert_eq!(url.len() - url.rfind('/').unwrap() - 1, 32);
    // Without a reactor, and inside of one.
    assert_eq!(
        smol::block_on(auth_check_async(&config(&server))).unwrap(),
        project
    );
}

#[tokio::test]
async fn it_works_inside_a_current_thread_runtime_blocking_or_not() {
    let server = MockLangfuse::start();
    assert!(auth_check(&config(&server)).is_ok());
    assert!(auth_check_async(&config(&server)).await.is_ok());
}

#[test]
fn each_problem_has_a_name_and_a_remedy() {
    let wrong_key = |server: &MockLangfuse| {
        LangfuseConfig::new("pk-lf-x", "sk-lf-CANARY").base_url(server.url())
    };
    let good = MockLangfuse::start();
    let failing = |action: Action| failing(Scenario::new().forever(action));
    let html = failing(Action::status(200).body("html"));
    let missing = failing(Action::status(404));
    let moved = failing(Action::status(302).header("location", "https://elsewhere.example/"));
    let sick = failing(Action::status(503));
    let distrusted = MockLangfuse::builder()
        .tls(Tls::SelfSigned)
        .start()
        .unwrap();
    let silent = failing(Action::accept_then(mock_langfuse::How::Silent));
    for (config, problem, words) in [
        (wrong_key(&good), AuthProblem::Key, "check the keys"),
        (config(&html), AuthProblem::Host, "LANGFUSE_BASE_URL"),
        (config(&missing), AuthProblem::Host, "LANGFUSE_BASE_URL"),
        (config(&moved), AuthProblem::Host, "redirects"),
        (config(&sick), AuthProblem::Server, "try again later"),
        (config(&distrusted), AuthProblem::Tls, "TRACEFUSE_CA_FILE"),
        (
            config(&good).base_url("http://127.0.0.1:9"),
            AuthProblem::Unreachable,
            "nothing listens at",
        ),
        (
            config(&silent).timeout(Duration::from_millis(200)),
            AuthProblem::Unreachable,
            "took more than",
        ),
        (
            config(&good).base_url("no address"),
            AuthProblem::Config,
            "the base URL cannot be used: ",
        ),
        (LangfuseConfig::new("", ""), AuthProblem::Config, ""),
    ] {
        let error = auth_check(&config).unwrap_err();
        assert_eq!(error.problem(), problem, "{error}");
        assert!(error.to_string().contains(words), "{error}");
        assert!(!format!("{error} {error:?}").contains("CANARY"));
    }
}
