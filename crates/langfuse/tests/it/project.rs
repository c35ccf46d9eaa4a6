//! What the check of keys and address says of each answer, and of none.

use mock_langfuse::{Action, MockLangfuse, Scenario, Tls};
use tracefuse_langfuse::{AuthError, AuthProblem, LangfuseProject};

use crate::support::config;

async fn found(action: Action) -> Result<LangfuseProject, AuthError> {
    let scenario = Scenario::new().forever(action);
    let server = MockLangfuse::builder().scenario(scenario).start().unwrap();
    LangfuseProject::find(&config(&server)).await
}

fn check(error: &AuthError, problem: AuthProblem, remedy: &str) {
    let text = error.to_string();
    assert_eq!(error.problem(), problem, "{text}");
    assert!(text.ends_with(remedy), "expected {remedy:?} in {text:?}");
}

#[tokio::test]
async fn each_answer_has_its_problem_and_its_remedy() {
    let moved = |status| Action::status(status).header("location", "https://other.example/");
    let page = Action::status(200)
        .header("content-type", "text/html")
        .body("<html>");
    let redirects = "redirects, and redirects are not followed: set the address that it leads to";
    let other = "; is LANGFUSE_BASE_URL (or LANGFUSE_HOST) the address of a Langfuse server?";
    let later = "; the server failed; try again later";
    for (action, problem, remedy) in [
        (
            Action::status(401),
            AuthProblem::Key,
            "(or LANGFUSE_HOST) is the address of the project's region",
        ),
        (
            Action::status(403),
            AuthProblem::Key,
            "; the keys are not allowed to read their project",
        ),
        (
            page,
            AuthProblem::Host,
            "; check LANGFUSE_BASE_URL (or LANGFUSE_HOST)",
        ),
        (Action::status(404), AuthProblem::Host, other),
        (Action::status(405), AuthProblem::Host, other),
        (moved(301), AuthProblem::Host, redirects),
        (moved(308), AuthProblem::Host, redirects),
        (Action::status(400), AuthProblem::Server, later),
        (Action::status(429), AuthProblem::Server, later),
        (Action::status(503), AuthProblem::Server, later),
    ] {
        check(&found(action).await.unwrap_err(), problem, remedy);
    }
}

#[tokio::test]
async fn only_the_project_of_the_keys_is_an_answer() {
    let answer = |body: &str| Action::status(200).body(body);
    for body in [
        "",
        "[]",
        "{}",
        r#"{"data":[]}"#,
        r#"{"data":[{"name":"n"}]}"#,
    ] {
        let error = found(answer(body)).await.unwrap_err();
        let words =
            "answers, but not like a Langfuse server; check LANGFUSE_BASE_URL (or LANGFUSE_HOST)";
        check(&error, AuthProblem::Host, words);
    }
    let project = found(answer(r#"{"data":[{"id":"p"}]}"#)).await.unwrap();
    assert_eq!((project.id.as_str(), project.name.as_str()), ("p", ""));
    let project = found(answer(r#"{"data":[{"id":"p","name":"n"},{"id":"q"}]}"#));
    let project = project.await.unwrap();
    assert_eq!((project.id.as_str(), project.name.as_str()), ("p", "n"));
}

#[tokio::test]
async fn a_server_that_cannot_be_asked_is_named_with_the_remedy() {
    let server = MockLangfuse::builder().tls(Tls::SelfSigned).start();
    let server = server.unwrap();
    let error = LangfuseProject::find(&config(&server)).await.unwrap_err();
    let remedy = "; for a private certificate authority set TRACEFUSE_CA_FILE";
    check(&error, AuthProblem::Tls, remedy);
    // It speaks TLS, and is asked in clear text.
    let clear = config(&server).base_url(server.url().replace("https://", "http://"));
    let error = LangfuseProject::find(&clear).await.unwrap_err();
    check(
        &error,
        AuthProblem::Host,
        "; check LANGFUSE_BASE_URL (or LANGFUSE_HOST)",
    );
    assert!(
        error.to_string().contains("does not answer in HTTP"),
        "{error}"
    );
    let server = MockLangfuse::start();
    let gone = config(&server);
    drop(server);
    let error = LangfuseProject::find(&gone).await.unwrap_err();
    check(&error, AuthProblem::Unreachable, "and the network");
}
