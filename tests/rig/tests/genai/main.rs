//! Calls by genai, recorded by its own spans: it takes no client with middleware.
#![expect(clippy::print_stdout, reason = "shows the tree")]
#![expect(clippy::disallowed_methods, reason = "what `tokio::test` makes")]

use futures::StreamExt as _;
use genai::chat::{ChatMessage, ChatOptions, ChatRequest};
use mock_langfuse::{MockLangfuse, Observation};
use tracefuse::{LangfuseConfig, Tracer};
use tracefuse_rig_tests::{OpenAi, genai_client};
use tracing_subscriber::layer::SubscriberExt as _;
use tracing_subscriber::registry;

fn tracer(server: &MockLangfuse) -> Tracer {
    let config = LangfuseConfig::new(server.public_key(), server.secret_key());
    tracefuse::langfuse(config.base_url(server.url())).unwrap()
}

/// Runs `work` with the layer for `tracing`, below a trace of ours.
async fn recorded(work: impl AsyncFnOnce(&genai::Client)) -> Observation {
    let server = MockLangfuse::start();
    let tracer = tracer(&server);
    let model = OpenAi::start().await.unwrap();
    let client = genai_client(&model.url()).unwrap();
    let subscriber = registry().with(tracefuse::tracing::layer(&tracer));
    // The runtime of each test is on its thread alone.
    let guard = tracing::subscriber::set_default(subscriber);
    let trace = tracer.trace("support");
    trace.run_async(async |_| work(&client).await).await;
    drop(guard);
    tracer.shutdown_async().await.unwrap();
    println!("{}", server.trees());
    let mut rows = server.observations();
    // genai warns of chunks without content, and a warning below a span is an event.
    rows.retain(|row| row.parent_id.is_some() && row.kind != "EVENT");
    let [call] = <[Observation; 1]>::try_from(rows).unwrap();
    assert_eq!((&*call.kind, &*call.name), ("GENERATION", "chat gpt-4o"));
    call
}

fn question() -> ChatRequest {
    ChatRequest::new(vec![ChatMessage::user("What is 2 + 5?")])
}

#[tokio::test]
async fn a_call_of_genai_is_a_generation_with_usage() {
    let call = recorded(async |client| {
        let answer = client.exec_chat("gpt-4o", question(), None).await.unwrap();
        assert_eq!(answer.first_text(), Some("2 + 5 is 7."));
    })
    .await;
    assert_eq!(call.usage.get("output"), Some(&30));
    assert_eq!(call.level, "DEFAULT");
}

#[tokio::test]
async fn a_stream_of_genai_is_a_generation_with_first_token() {
    let call = recorded(async |client| {
        let options = ChatOptions::default().with_capture_usage(true);
        let answer = client.exec_chat_stream("gpt-4o", question(), Some(&options));
        let mut events = answer.await.unwrap().stream;
        while let Some(event) = events.next().await {
            event.unwrap();
        }
    })
    .await;
    assert_eq!(call.usage.get("output"), Some(&30));
    assert!(call.completion_start_time.is_some());
}

#[tokio::test]
async fn a_refusal_of_genai_is_an_error() {
    let call = {
        let server = MockLangfuse::start();
        let tracer = tracer(&server);
        let model = OpenAi::start().await.unwrap();
        let client = genai_client(&model.url()).unwrap();
        let subscriber = registry().with(tracefuse::tracing::layer(&tracer));
        let guard = tracing::subscriber::set_default(subscriber);
        let refused = client
            .exec_chat(OpenAi::WITHOUT_QUOTA, question(), None)
            .await;
        refused.unwrap_err();
        drop(guard);
        tracer.shutdown_async().await.unwrap();
        println!("{}", server.trees());
        server.observations().remove(0)
    };
    assert_eq!((&*call.kind, &*call.level), ("GENERATION", "ERROR"));
}
