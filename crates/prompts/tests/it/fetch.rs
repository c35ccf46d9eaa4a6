//! What is asked of the server, and what its answers are taken for.

use std::pin::pin;
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use mock_langfuse::{Action, How, MockLangfuse, Scenario};
use serde_json::json;
use tracefuse_prompts::{PromptClient, PromptProblem};

use crate::support::{asked, client, config};

#[tokio::test]
async fn a_prompt_is_had_by_label_or_version() {
    let server = MockLangfuse::start();
    server.put_prompt("team/wetter ü", &["production"], &json!("one {{city}}"));
    server.put_prompt("team/wetter ü", &["staging"], &json!("two {{city}}"));
    let (client, _) = client(&server);
    let ask = || client.text("team/wetter ü");
    for (request, template, version) in [
        (ask(), "one {{city}}", 1),
        (ask().label("production"), "one {{city}}", 1),
        (ask().label("staging"), "two {{city}}", 2),
        (ask().label("latest"), "two {{city}}", 2),
        (ask().version(1), "one {{city}}", 1),
    ] {
        let prompt = request.get().await.unwrap();
        assert_eq!(
            (prompt.template(), prompt.version()),
            (template, Some(version))
        );
        assert_eq!(
            (prompt.name(), prompt.variables()),
            ("team/wetter ü", vec!["city"])
        );
        assert!(prompt.fallback_reason().is_none());
    }
    // The first two are the same key.
    assert_eq!(asked(&server), 4);
}

#[tokio::test]
async fn a_chat_prompt_is_filled_with_values_and_messages() {
    let server = MockLangfuse::start();
    let prompt = json!([
        { "type": "chatmessage", "role": "system", "content": "Answer in {{language}}." },
        { "type": "placeholder", "name": "history" },
        { "role": "user", "content": "{{question}}" },
    ]);
    server.put_prompt("support", &["production"], &prompt);
    let (client, _) = client(&server);
    let prompt = client.chat("support").get().await.unwrap();
    assert_eq!(prompt.variables(), ["language", "question"]);
    assert_eq!(prompt.placeholders(), ["history"]);

    let history = json!([{ "role": "user", "content": "{{question}}?", "name": "joe" }]);
    let values = json!({ "language": "French", "question": "Why?", "history": history });
    let messages = prompt.compile(&values).unwrap();
    let expected = json!([
        { "role": "system", "content": "Answer in French." },
        { "role": "user", "content": "{{question}}?", "name": "joe" },
        { "role": "user", "content": "Why?" },
    ]);
    assert_eq!(messages.as_json(), &expected);
    let roles: Vec<serde_json::Map<String, serde_json::Value>> = messages.to().unwrap();
    assert_eq!(roles.len(), 3);

    let error = prompt.compile([("language", "French")]).unwrap_err();
    assert_eq!(
        (&error.missing, &error.placeholders),
        (&vec!["question".into()], &vec!["history".into()])
    );
    assert_eq!(
        error.to_string(),
        "prompt \"support\" (version 1): no value for the variable \"question\" and the placeholder \"history\"; given: the value \"language\""
    );
    let wrong = json!({ "language": "", "question": "", "history": "hello" });
    let error = prompt.compile(&wrong).unwrap_err().to_string();
    assert!(
        error.contains("\"history\" is not a list of messages"),
        "{error}"
    );
}

#[tokio::test]
async fn a_missing_variable_is_named() {
    let server = MockLangfuse::start();
    server.put_prompt("weather", &["production"], &json!("{{city}} on {{day}}"));
    let (client, _) = client(&server);
    let prompt = client.text("weather").get().await.unwrap();
    assert_eq!(
        prompt
            .compile([("city", "Lyon"), ("day", "Monday")])
            .unwrap()
            .as_str(),
        "Lyon on Monday"
    );
    for (given, words) in [
        (
            json!({ "city": "Lyon" }),
            "no value for the variable \"day\"; given: the value \"city\"",
        ),
        (
            json!({}),
            "no value for the variables \"city\", \"day\"; no value is given",
        ),
        (json!("Lyon"), "expected as pairs"),
    ] {
        let error = prompt.compile(&given).unwrap_err().to_string();
        assert!(
            error.starts_with("prompt \"weather\" (version 1): ") && error.contains(words),
            "{error}"
        );
    }
}

#[tokio::test]
async fn a_prompt_that_does_not_exist_is_no_outage() {
    let server = MockLangfuse::start();
    let (client, _) = client(&server);
    let error = client.text("weather").get().await.unwrap_err();
    assert!(error.is_not_found() && !error.is_outage());
    let text = error.to_string();
    assert!(
        text.contains("the prompt \"weather\" with label \"production\"") && text.contains("404"),
        "{text}"
    );
    // It is asked for again, since it may have been made meanwhile.
    server.put_prompt("weather", &["production"], &json!("rain"));
    assert_eq!(
        client.text("weather").get().await.unwrap().template(),
        "rain"
    );
    let error = client.text("weather").version(7).get().await.unwrap_err();
    assert!(
        error.is_not_found() && error.to_string().contains("in version 7"),
        "{error}"
    );
}

#[tokio::test]
async fn another_404_is_a_wrong_address() {
    let server = MockLangfuse::start();
    server.put_prompt("weather", &["production"], &json!("rain"));
    let address = format!("{}/sub", server.url());
    let client = PromptClient::new(config(&server).base_url(address)).unwrap();
    let error = client.text("weather").get().await.unwrap_err();
    assert_eq!(error.problem(), PromptProblem::Refused);
    assert!(error.to_string().contains("LANGFUSE_BASE_URL"), "{error}");
}

#[tokio::test]
async fn wrong_keys_are_refused_at_once_and_not_shown() {
    let server = MockLangfuse::start();
    let keys = tracefuse_prompts::LangfuseConfig::new("pk-lf-other", "sk-lf-CANARY");
    let client = PromptClient::new(keys.base_url(server.url())).unwrap();
    let error = client.text("weather").get().await.unwrap_err();
    assert_eq!(
        (error.problem(), asked(&server)),
        (PromptProblem::Refused, 1)
    );
    assert!(error.to_string().contains("LANGFUSE_SECRET_KEY"), "{error}");
    assert!(!format!("{error} {error:?} {client:?}").contains("CANARY"));
}

#[tokio::test]
async fn what_fails_for_a_moment_is_tried_again() {
    let server = MockLangfuse::start();
    server.put_prompt("weather", &["production"], &json!("rain"));
    let steps = Scenario::new()
        .once(Action::status(503))
        .once(Action::accept_then(How::Rst));
    server.set_scenario(steps);
    let (client, _) = client(&server);
    assert_eq!(
        client.text("weather").get().await.unwrap().template(),
        "rain"
    );
    assert_eq!(client.stats().fetched, 1);
}

#[tokio::test]
async fn an_outage_ends_after_the_retries() {
    let server = MockLangfuse::start();
    server.set_scenario(Scenario::new().forever(Action::status(500)));
    let (client, _) = client(&server);
    let error = client.text("weather").get().await.unwrap_err();
    assert!(error.is_outage() && !error.is_not_found(), "{error}");
    assert_eq!((asked(&server), client.stats().failed), (3, 1));
}

#[tokio::test]
async fn a_wait_beyond_the_deadline_is_not_begun() {
    let server = MockLangfuse::start();
    let busy = Action::status(429).header("retry-after", "3600");
    server.set_scenario(Scenario::new().forever(busy));
    let (client, _) = client(&server);
    let error = client.text("weather").get().await.unwrap_err();
    assert!(error.is_outage() && asked(&server) == 1, "{error}");
}

#[tokio::test]
async fn a_server_that_says_nothing_costs_the_timeout() {
    let server = MockLangfuse::start();
    server.set_scenario(Scenario::new().forever(Action::accept_then(How::Silent)));
    let timeout = Duration::from_millis(50);
    let client = PromptClient::builder(config(&server))
        .timeout(timeout)
        .build()
        .unwrap();
    let error = client.text("weather").get().await.unwrap_err();
    assert!(
        error.is_outage() && error.to_string().contains("took more than"),
        "{error}"
    );
}

#[tokio::test]
async fn a_prompt_of_the_other_type_is_an_error() {
    let server = MockLangfuse::start();
    server.put_prompt("weather", &["production"], &json!("rain"));
    let (client, _) = client(&server);
    let error = client.chat("weather").get().await.unwrap_err();
    assert_eq!(error.problem(), PromptProblem::WrongType);
    assert!(error.to_string().contains("is a text prompt"), "{error}");
    let chat = client
        .chat("weather")
        .fallback([("user", "hello")])
        .get()
        .await
        .unwrap();
    assert!(chat.fallback_reason().is_some());
}

#[tokio::test]
async fn a_request_that_makes_no_sense_is_not_sent() {
    let server = MockLangfuse::start();
    let (client, _) = client(&server);
    for request in [
        client.text(""),
        client.text("weather").label("x").version(1),
    ] {
        let error = request.fallback("rain").get().await.unwrap_err();
        assert_eq!(error.problem(), PromptProblem::Request);
    }
    // Servers do not take it for a name.
    assert!(client.text("..").get().await.is_err());
    assert_eq!(asked(&server), 0);
}

#[tokio::test]
async fn an_answer_that_is_no_prompt_is_refused() {
    for body in [
        "[]",
        "{\"name\": \"x\"}",
        "{\"name\":\"x\",\"version\":1,\"prompt\":7}",
    ] {
        let server = MockLangfuse::start();
        let answer = Action::status(200)
            .header("content-type", "application/json")
            .body(body);
        server.set_scenario(Scenario::new().forever(answer));
        let (client, _) = client(&server);
        let error = client.text("weather").get().await.unwrap_err();
        assert_eq!(error.problem(), PromptProblem::Refused, "{body}");
        assert!(
            error.to_string().contains("something else than expected"),
            "{error}"
        );
    }
}

#[test]
fn outside_of_a_runtime_it_is_an_error_and_no_panic() {
    let server = MockLangfuse::start();
    let (client, _) = client(&server);
    let request = pin!(client.text("weather").get());
    let mut context = Context::from_waker(Waker::noop());
    match request.poll(&mut context) {
        Poll::Ready(Err(error)) => assert_eq!(error.problem(), PromptProblem::Runtime),
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_runtime_without_network_is_an_error_and_no_panic() {
    let server = MockLangfuse::start();
    let (client, _) = client(&server);
    let runtime = tokio::runtime::Builder::new_current_thread()
        .build()
        .unwrap();
    let error = runtime.block_on(client.text("weather").get()).unwrap_err();
    assert_eq!(error.problem(), PromptProblem::Runtime, "{error}");
}

#[test]
fn a_runtime_that_has_ended_is_an_error_and_no_deadlock() {
    let server = MockLangfuse::start();
    server.put_prompt("weather", &["production"], &json!("rain"));
    let (client, clock) = client(&server);
    let runtime = || {
        let mut builder = tokio::runtime::Builder::new_current_thread();
        builder.enable_all().build().unwrap()
    };
    let ended = runtime();
    let handle = ended.handle().clone();
    drop(ended);
    let entered = handle.enter();
    let mut context = Context::from_waker(Waker::noop());
    match pin!(client.text("weather").get()).poll(&mut context) {
        Poll::Ready(Err(error)) => assert_eq!(error.problem(), PromptProblem::Runtime),
        other => panic!("{other:?}"),
    }
    drop(entered);
    assert!(runtime().block_on(client.text("weather").get()).is_ok());
    // An old prompt is still there.
    clock.advance(Duration::from_secs(61));
    let _entered = handle.enter();
    let again = pin!(client.text("weather").get()).poll(&mut context);
    assert!(matches!(again, Poll::Ready(Ok(_))), "{again:?}");
}
