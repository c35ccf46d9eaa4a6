//! Calls by async-openai, as a Langfuse server has them afterwards.
#![expect(clippy::print_stdout, reason = "shows the tree")]
#![expect(clippy::disallowed_methods, reason = "what `tokio::test` makes")]

use async_openai::Client;
use async_openai::config::OpenAIConfig;
use mock_langfuse::{MockLangfuse, Observation};
use serde_json::{Value, json};
use tracefuse::{LangfuseConfig, Trace};
use tracefuse_rig_tests::{OpenAi, ask, ask_streamed, ask_with_tools, client, request, with_add};

const QUESTION: &str = "What is 2 + 5?";

/// Runs `work` in a trace, and gives what the server has: the root and the rest in the order of their start.
async fn recorded(
    work: impl AsyncFnOnce(&Client<OpenAIConfig>, &Trace, &OpenAi),
) -> (Observation, Vec<Observation>) {
    let server = MockLangfuse::start();
    let config = LangfuseConfig::new(server.public_key(), server.secret_key());
    let tracer = tracefuse::langfuse(config.base_url(server.url())).unwrap();
    let model = OpenAi::start().await.unwrap();
    let client = client(&model.url());
    let request = tracer.trace("support").user_id("u");
    request
        .run_async(async |trace| work(&client, &trace, &model).await)
        .await;
    tracer.shutdown_async().await.unwrap();
    println!("{}", server.trees());
    assert_eq!(server.trace_ids().len(), 1, "{}", server.trees());
    let mut rows = server.observations();
    rows.sort_by_key(|row| (row.parent_id.is_some(), row.start_ns));
    let root = rows.remove(0);
    assert_eq!(root.name, "support");
    for row in &rows {
        assert_eq!(row.parent_id.as_deref(), Some(&*root.id));
        assert_eq!(row.user_id.as_deref(), Some("u"));
        assert!(root.start_ns <= row.start_ns && row.end_ns <= root.end_ns);
    }
    (root, rows)
}

fn json(text: Option<&str>) -> Value {
    serde_json::from_str(text.unwrap()).unwrap()
}

/// One of the calls that are answered.
fn check_answered(row: &Observation) {
    assert_eq!(
        (&*row.kind, &*row.name, &*row.level),
        ("GENERATION", "answer", "DEFAULT")
    );
    // The one that answered, not the one that was asked.
    assert_eq!(row.model.as_deref(), Some("gpt-4o-2024-08-06"));
    assert_eq!(row.model_parameters["max_completion_tokens"], 100);
    let usage: Vec<_> = row.usage.iter().map(|(name, n)| (&**name, *n)).collect();
    let expected = [
        ("input", 20),
        ("input_cached_tokens", 100),
        ("output", 30),
        ("total", 150),
    ];
    assert_eq!(usage, expected);
    let question = json!({ "role": "user", "content": QUESTION });
    assert_eq!(json(row.input.as_deref())[0], question);
}

fn check_output(row: &Observation) {
    let answer = json!({ "role": "assistant", "content": "2 + 5 is 7." });
    assert_eq!(json(row.output.as_deref()), answer);
    assert_eq!(row.metadata["finish_reason"], "stop");
}

#[tokio::test]
async fn a_call_has_model_tokens_input_and_output() {
    let (_, rows) = recorded(async |client, trace, _| {
        let response = ask(client, trace, request("gpt-4o", QUESTION))
            .await
            .unwrap();
        let content = response.choices[0].message.content.as_deref();
        assert_eq!(content, Some("2 + 5 is 7."));
    })
    .await;
    let [call] = rows.as_slice() else {
        panic!("{rows:?}")
    };
    check_answered(call);
    check_output(call);
    assert_eq!(call.completion_start_time, None);
}

#[tokio::test]
async fn a_streamed_call_has_the_same_and_its_first_token() {
    let (_, rows) = recorded(async |client, trace, _| {
        let answer = ask_streamed(client, trace, request("gpt-4o", QUESTION)).await;
        assert_eq!(answer.unwrap(), "2 + 5 is 7.");
    })
    .await;
    let [call] = rows.as_slice() else {
        panic!("{rows:?}")
    };
    check_answered(call);
    check_output(call);
    assert!(call.completion_start_time.is_some());
}

#[tokio::test]
async fn a_tool_is_between_the_call_that_asks_and_the_one_that_answers() {
    let (_, rows) = recorded(async |client, trace, _| {
        let request = with_add(request("gpt-4o", QUESTION));
        let answer = ask_with_tools(client, trace, request).await.unwrap();
        assert_eq!(answer, "2 + 5 is 7.");
    })
    .await;
    let [asks, tool, answers] = rows.as_slice() else {
        panic!("{rows:?}")
    };
    let called = json!([{
        "id": "call_1", "type": "function",
        "function": { "name": "add", "arguments": r#"{"x":2,"y":5}"# },
    }]);
    check_answered(asks);
    assert_eq!(json(asks.output.as_deref())["tool_calls"], called);
    assert_eq!(asks.metadata["finish_reason"], "tool_calls");

    assert_eq!((&*tool.kind, &*tool.name), ("TOOL", "add"));
    assert_eq!(tool.metadata["tool_call_id"], "call_1");
    assert_eq!(json(tool.input.as_deref()), json!({ "x": 2, "y": 5 }));
    assert_eq!(tool.output.as_deref(), Some("7"));

    check_answered(answers);
    check_output(answers);
    let history = json(answers.input.as_deref());
    assert_eq!(history[1]["tool_calls"], called);
    assert_eq!(
        history[2],
        json!({ "role": "tool", "content": "7", "tool_call_id": "call_1" })
    );
}

/// What all calls that fail have, and what the span says of them.
fn check_failed<'a>(rows: &'a [Observation], model: &str) -> &'a str {
    let [call] = rows else { panic!("{rows:?}") };
    assert_eq!((&*call.kind, &*call.level), ("GENERATION", "ERROR"));
    assert_eq!(call.model.as_deref(), Some(model));
    assert!(call.input.as_deref().unwrap().contains(QUESTION));
    assert_eq!((&call.output, &call.completion_start_time), (&None, &None));
    assert!(call.usage.is_empty());
    call.status_message.as_deref().unwrap()
}

#[tokio::test]
async fn a_call_that_is_refused_says_why() {
    let (root, rows) = recorded(async |client, trace, _| {
        let request = request(OpenAi::WITHOUT_QUOTA, QUESTION);
        ask(client, trace, request).await.unwrap_err();
    })
    .await;
    let why = check_failed(&rows, OpenAi::WITHOUT_QUOTA);
    assert!(why.contains("429 Too Many Requests"), "{why}");
    assert!(why.contains("You exceeded your current quota"), "{why}");
    // The trace as a whole did not fail.
    assert_eq!(root.level, "DEFAULT");
}

#[tokio::test]
async fn a_call_that_is_tried_again_in_vain_is_one_error() {
    let (_, rows) = recorded(async |client, trace, model| {
        let request = request(OpenAi::BROKEN, QUESTION);
        ask(client, trace, request).await.unwrap_err();
        assert_eq!(model.requests(), 4);
    })
    .await;
    let why = check_failed(&rows, OpenAi::BROKEN);
    assert!(why.contains("500 Internal Server Error"), "{why}");
    assert!(why.contains("The server had an error"), "{why}");
}

#[tokio::test]
async fn a_stream_that_never_begins_is_an_error() {
    let (_, rows) = recorded(async |client, trace, _| {
        let request = request(OpenAi::WITHOUT_QUOTA, QUESTION);
        ask_streamed(client, trace, request).await.unwrap_err();
    })
    .await;
    let why = check_failed(&rows, OpenAi::WITHOUT_QUOTA);
    assert!(why.contains("You exceeded your current quota"), "{why}");
}
