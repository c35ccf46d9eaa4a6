//! No call is recorded twice: inside of a generation it belongs to that.

use tracefuse_core::{InSpan as _, ObservationType, Trace};
use tracefuse_http_client::ModelCalls;

use crate::support::*;

async fn call_in(
    calls: ModelCalls,
    work: impl AsyncFnOnce(&Trace, reqwest_middleware::RequestBuilder),
) -> Vec<String> {
    let server = Server::start([Answer::json(&answer())]).await;
    let client = server.client(calls);
    let request = client.post(server.chat_url()).body(question().to_string());
    let spans = recorded(async |trace| work(trace, request).await).await;
    assert_eq!(server.received().len(), 1);
    spans.iter().map(|span| span.name().to_owned()).collect()
}

async fn send(request: reqwest_middleware::RequestBuilder) {
    request.send().await.unwrap().bytes().await.unwrap();
}

#[tokio::test]
async fn inside_of_a_generation_nothing_is_recorded_once_more() {
    for kind in [ObservationType::Generation, ObservationType::Embedding] {
        let names = call_in(ModelCalls::new(), async |trace, request| {
            let framework = trace.observation("by a framework", kind);
            framework.run_async(async |_| send(request).await).await;
        })
        .await;
        assert_eq!(names, ["by a framework"]);
    }
}

#[tokio::test]
async fn inside_of_other_observations_a_call_is_recorded() {
    let others = ObservationType::ALL.into_iter().filter(|kind| {
        !matches!(
            kind,
            ObservationType::Generation | ObservationType::Embedding
        )
    });
    for kind in others {
        let names = call_in(ModelCalls::new(), async |trace, request| {
            let outer = trace.observation("outer", kind);
            outer.run_async(async |_| send(request).await).await;
        })
        .await;
        assert_eq!(names, ["chat gpt-4o", "outer"], "{kind:?}");
    }
}

#[tokio::test]
async fn a_generation_that_has_ended_does_not_take_a_call() {
    let names = call_in(ModelCalls::new(), async |trace, request| {
        let ended = trace.generation("ended").start();
        ended.end();
        send(request).in_span(ended).await;
    })
    .await;
    assert_eq!(names, ["ended", "chat gpt-4o"]);
}

#[tokio::test]
async fn by_choice_a_call_inside_of_a_generation_is_recorded() {
    let calls = ModelCalls::new().inside_generations(true);
    let names = call_in(calls, async |trace, request| {
        let outer = trace.generation("outer");
        outer.run_async(async |_| send(request).await).await;
    })
    .await;
    assert_eq!(names, ["chat gpt-4o", "outer"]);
}

#[tokio::test]
async fn two_layers_record_a_call_once() {
    let server = Server::start([Answer::json(&answer())]).await;
    let client = reqwest_middleware::ClientBuilder::new(server.plain());
    let client = client
        .with(ModelCalls::new())
        .with(ModelCalls::new())
        .build();
    let spans = recorded(async |_| {
        send(client.post(server.chat_url()).body(question().to_string())).await;
    })
    .await;
    assert_eq!(usage(&only(spans)).len(), 3);
}

#[tokio::test]
async fn calls_at_the_same_time_are_siblings() {
    let server = Server::start([Answer::json(&answer())]).await;
    let client = server.client(ModelCalls::new());
    let spans = recorded(async |trace| {
        let call = || send(client.post(server.chat_url()).body(question().to_string()));
        futures::join!(call(), call(), call());
        let spawned = send(client.post(server.chat_url()).body(question().to_string()));
        tokio::spawn(spawned.in_current_span()).await.unwrap();
        assert!(trace.root().is_recording());
    })
    .await;
    assert_eq!(spans.len(), 4);
    assert!(
        spans
            .iter()
            .all(|span| span.parent_span_id() == spans[0].parent_span_id())
    );
}

#[tokio::test]
async fn a_call_outside_of_a_trace_is_counted() {
    let (tracer, recorder) = tracer();
    let server = Server::start([Answer::json(&answer())]).await;
    let client = server.client(ModelCalls::new());
    send(client.post(server.chat_url()).body(question().to_string())).await;
    assert!(recorder.spans().is_empty());
    // Other tests of this process have none outside of a trace.
    assert_eq!(tracer.stats().outside_trace, 1);
}

#[tokio::test]
async fn an_unsampled_trace_records_no_call() {
    let recorder = tracefuse_core::testing::Recorder::new();
    let none = tracefuse_core::SampleRate::new(0.0).unwrap();
    let tracer = tracefuse_core::Tracer::builder(recorder.clone())
        .sample_rate(none)
        .build();
    let server = Server::start([Answer::json(&answer())]).await;
    let client = server.client(ModelCalls::new());
    let call = client.post(server.chat_url()).body(question().to_string());
    tracer
        .trace("request")
        .run_async(async |_| send(call).await)
        .await;
    assert!(recorder.spans().is_empty());
    assert_eq!(server.received().len(), 1);
}
