//! Calls by async-openai, rig and plain reqwest with the layer for HTTP clients, as a Langfuse server has them afterwards.
#![expect(clippy::print_stdout, reason = "shows the tree")]
#![expect(clippy::disallowed_methods, reason = "what `tokio::test` makes")]

use async_openai::types::chat::ChatCompletionStreamOptions;
use futures::StreamExt as _;
use mock_langfuse::{MockLangfuse, Observation};
use serde_json::{Value, json};
use tracefuse::{LangfuseConfig, Tracer};
use tracefuse_rig_tests::{
    OpenAi, RigHttp, agent_over, recorded_client, recorded_openai, request, with_add,
};
use tracing_subscriber::layer::SubscriberExt as _;
use tracing_subscriber::registry;

const QUESTION: &str = "What is 2 + 5?";

/// Runs `work` in a trace and gives what the server has below its root, in the order of their start.
async fn recorded(work: impl AsyncFnOnce(&Tracer, &OpenAi)) -> Vec<Observation> {
    let server = MockLangfuse::start();
    let config = LangfuseConfig::new(server.public_key(), server.secret_key());
    let tracer = tracefuse::langfuse(config.base_url(server.url())).unwrap();
    let model = OpenAi::start().await.unwrap();
    let trace = tracer.trace("support").user_id("u");
    trace.run_async(async |_| work(&tracer, &model).await).await;
    tracer.shutdown_async().await.unwrap();
    println!("{}", server.trees());
    assert_eq!(server.trace_ids().len(), 1, "{}", server.trees());
    let mut rows = server.observations();
    rows.sort_by_key(|row| (row.parent_id.is_some(), row.start_ns));
    let root = rows.remove(0);
    assert_eq!(root.name, "support");
    rows
}

fn json(text: Option<&str>) -> Value {
    serde_json::from_str(text.unwrap()).unwrap()
}

/// A call that was answered.
fn check(row: &Observation) {
    assert_eq!(
        (&*row.kind, &*row.name, &*row.level),
        ("GENERATION", "chat gpt-4o", "DEFAULT")
    );
    assert_eq!(row.model.as_deref(), Some("gpt-4o-2024-08-06"));
    let usage: Vec<_> = row.usage.iter().map(|(name, n)| (&**name, *n)).collect();
    let expected = [
        ("input", 20),
        ("input_cached_tokens", 100),
        ("output", 30),
        ("total", 150),
    ];
    assert_eq!(usage, expected);
    assert!(row.input.as_deref().unwrap().contains(QUESTION));
}

#[tokio::test]
async fn async_openai_is_recorded_whole_and_streamed() {
    let rows = recorded(async |_, model| {
        let client = recorded_openai(&model.url());
        let response = client.chat().create(request("gpt-4o", QUESTION)).await;
        assert_eq!(
            response.unwrap().choices[0].message.content.as_deref(),
            Some("2 + 5 is 7.")
        );
        let mut request = request("gpt-4o", QUESTION);
        request.stream_options = Some(ChatCompletionStreamOptions {
            include_usage: Some(true),
            include_obfuscation: None,
        });
        let mut chunks = client.chat().create_stream(request).await.unwrap();
        let mut text = String::new();
        while let Some(chunk) = chunks.next().await {
            let choices = chunk.unwrap().choices.into_iter();
            text.extend(choices.filter_map(|choice| choice.delta.content));
        }
        assert_eq!(text, "2 + 5 is 7.");
    })
    .await;
    let [whole, streamed] = rows.as_slice() else {
        panic!("{rows:?}")
    };
    for row in [whole, streamed] {
        check(row);
        assert_eq!(row.model_parameters["max_completion_tokens"], 100);
        let answer = json!({ "role": "assistant", "content": "2 + 5 is 7." });
        assert_eq!(json(row.output.as_deref()), answer);
    }
    assert!(whole.completion_start_time.is_none());
    assert!(streamed.completion_start_time.is_some());
}

#[tokio::test]
async fn tools_of_async_openai_are_beside_the_messages() {
    let rows = recorded(async |_, model| {
        let client = recorded_openai(&model.url());
        let request = with_add(request("gpt-4o", QUESTION));
        client.chat().create(request).await.unwrap();
    })
    .await;
    let [row] = rows.as_slice() else {
        panic!("{rows:?}")
    };
    check(row);
    let input = json(row.input.as_deref());
    assert_eq!(input["tools"][0]["function"]["name"], "add");
    assert_eq!(json(row.output.as_deref())["tool_calls"][0]["id"], "call_1");
}

#[tokio::test]
async fn each_retry_of_async_openai_is_an_attempt() {
    let rows = recorded(async |_, model| {
        let client = recorded_openai(&model.url());
        let request = request(OpenAi::BROKEN, QUESTION);
        client.chat().create(request).await.unwrap_err();
        assert_eq!(model.requests(), rows_of_retries());
    })
    .await;
    assert_eq!(rows.len(), rows_of_retries());
    for (at, row) in rows.iter().enumerate() {
        assert_eq!((&*row.kind, &*row.level), ("GENERATION", "ERROR"));
        // async-openai reads the body of the last refusal only.
        let says = match at {
            3 => "500 Internal Server Error: The server had an error",
            _ => "500 Internal Server Error",
        };
        let message = row.status_message.as_deref().unwrap();
        assert!(message.ends_with(says), "{message}");
        let attempt = row.metadata.get("attempt").map(ToString::to_string);
        assert_eq!(attempt.is_some(), at > 0);
    }
}

/// One call and three retries, as async-openai does by default.
fn rows_of_retries() -> usize {
    4
}

#[tokio::test]
async fn a_refusal_by_quota_is_not_tried_again() {
    let rows = recorded(async |_, model| {
        let client = recorded_openai(&model.url());
        let request = request(OpenAi::WITHOUT_QUOTA, QUESTION);
        client.chat().create(request).await.unwrap_err();
    })
    .await;
    let [row] = rows.as_slice() else {
        panic!("{rows:?}")
    };
    assert!(
        row.status_message
            .as_deref()
            .unwrap()
            .contains("You exceeded your current quota")
    );
}

/// Held by the tests that run rig: `tracing` may decide that a span of rig is of no interest while a test without a
/// subscriber enters it for the first time, and the one with a subscriber would miss it.
static RIG: futures::lock::Mutex<()> = futures::lock::Mutex::new(());

#[tokio::test]
async fn the_calls_of_an_agent_of_rig_are_recorded_without_its_spans() {
    let _alone = RIG.lock().await;
    let rows = recorded(async |_, model| {
        let agent = agent_over(&model.url(), RigHttp(recorded_client()));
        let answer = agent.prompt(QUESTION).max_turns(3).await.unwrap();
        assert_eq!(answer.output(), "2 + 5 is 7.");
    })
    .await;
    let calls: Vec<_> = rows.iter().filter(|row| row.kind == "GENERATION").collect();
    assert_eq!(
        calls.len(),
        2,
        "one that asks for the tool, one that answers"
    );
    calls.into_iter().for_each(check);
}

#[tokio::test]
async fn with_the_spans_of_rig_each_call_is_recorded_once() {
    let _alone = RIG.lock().await;
    for streamed in [false, true] {
        let rows = recorded(async |tracer, model| {
            let subscriber = registry().with(tracefuse::tracing::layer(tracer));
            let _guard = tracing::subscriber::set_default(subscriber);
            let agent = agent_over(&model.url(), RigHttp(recorded_client()));
            let prompt = agent.prompt(QUESTION).max_turns(3);
            if streamed {
                let mut stream = prompt.stream();
                while let Some(item) = stream.next().await {
                    item.unwrap();
                }
            } else {
                prompt.await.unwrap();
            }
        })
        .await;
        let kinds = |kind: &str| rows.iter().filter(|row| row.kind == kind).count();
        assert_eq!(
            (kinds("AGENT"), kinds("GENERATION"), kinds("TOOL")),
            (1, 2, 1),
            "streamed: {streamed}"
        );
    }
}
