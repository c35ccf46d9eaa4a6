//! Parents and contexts: which span is below which, and what is sent.

use rmcp::model::{GetPromptRequestParams, PaginatedRequestParams, ReadResourceRequestParams};
use rmcp::{ClientHandler, ServiceExt as _};
use serde_json::{Value, json};
use tracefuse_core::testing::Recorder;
use tracefuse_core::{SampleRate, Tracer};
use tracefuse_rmcp::{TracedPeer, traced, traced_client};

use crate::support::{Tools, both, call, metadata, pair, pair_with, spans, text, within};

#[tokio::test]
async fn a_call_is_one_tree_across_client_and_server() {
    let pair = pair().await;
    let run = pair.tracer.trace("agent").run_async(async |_| {
        let result = pair
            .client
            .call_tool(call("add", json!({ "a": 1, "b": 2 })));
        assert_eq!(text(&result.await.unwrap()), "3");
    });
    within(run).await;
    assert_eq!(
        pair.recorder.tree(),
        "agent\n  tools/call add\n    tools/call add\n      in the tool\n"
    );
}

#[tokio::test]
async fn concurrent_calls_keep_their_own_parents() {
    let pair = pair().await;
    let (one, two) = (&pair, &pair);
    let agent = async |name: &'static str, pair: &crate::support::Pair, a: i64| {
        let peer = pair.client.peer();
        pair.tracer
            .trace(name)
            .run_async(async |_| {
                for b in 0..10 {
                    let sum = peer.call_tool(call("add", json!({ "a": a, "b": b })));
                    assert_eq!(text(&sum.await.unwrap()), (a + b).to_string());
                }
            })
            .await;
    };
    within(async { tokio::join!(agent("one", one, 100), agent("two", two, 200)) }).await;
    let spans = pair.recorder.spans();
    for (name, first) in [("one", "10"), ("two", "20")] {
        let root = pair.recorder.named(name).trace_id();
        let of_trace = spans.iter().filter(|span| span.trace_id() == root);
        let inputs: Vec<_> = of_trace
            .filter_map(|span| Some(span.input()?.to_string()))
            .collect();
        assert_eq!(inputs.len(), 20, "ten calls, seen by both sides");
        assert!(
            inputs.iter().all(|input| input.contains(first)),
            "{inputs:?}"
        );
    }
}

#[tokio::test]
async fn spawned_work_of_a_handler_keeps_its_parent() {
    let pair = pair().await;
    let run = pair.tracer.trace("agent").run_async(async |_| {
        pair.client
            .call_tool(call("spawn", Value::Null))
            .await
            .unwrap();
    });
    within(run).await;
    assert!(
        pair.recorder
            .tree()
            .ends_with("    tools/call spawn\n      spawned\n")
    );
}

#[tokio::test]
async fn prompts_resources_and_lists_are_recorded_in_a_trace() {
    let pair = pair().await;
    let run = pair.tracer.trace("agent").run_async(async |_| {
        let client = &pair.client;
        let name = json!({ "name": "Ada" }).as_object().unwrap().clone();
        client
            .get_prompt(GetPromptRequestParams::new("greet").with_arguments(name))
            .await
            .unwrap();
        client
            .read_resource(ReadResourceRequestParams::new("weather://lyon"))
            .await
            .unwrap();
        client.list_tools(None).await.unwrap();
        client
            .list_resources(Some(PaginatedRequestParams::default()))
            .await
            .unwrap();
    });
    within(run).await;
    for name in [
        "prompts/get greet",
        "resources/read",
        "tools/list",
        "resources/list",
    ] {
        let (client, server) = both(&pair.recorder, name);
        let method = name.split(' ').next().unwrap();
        for span in [&client, &server] {
            assert_eq!(metadata(span, "mcp.method.name").as_deref(), Some(method));
        }
    }
    let (client, server) = both(&pair.recorder, "prompts/get greet");
    for span in [client, server] {
        assert_eq!(
            metadata(&span, "gen_ai.prompt.name").as_deref(),
            Some("greet")
        );
        assert_eq!(span.input().unwrap().to_string(), r#"{"name":"Ada"}"#);
        assert!(span.output().unwrap().to_string().contains("Greet"));
    }
    let (client, server) = both(&pair.recorder, "resources/read");
    for span in [client, server] {
        assert_eq!(
            metadata(&span, "mcp.resource.uri").as_deref(),
            Some("weather://lyon")
        );
        assert!(span.output().unwrap().to_string().contains("It rains."));
    }
}

#[tokio::test]
async fn outside_of_a_trace_only_work_of_the_server_is_recorded() {
    let pair = pair().await;
    pair.client.list_tools(None).await.unwrap();
    assert_eq!(
        pair.recorder.spans().len(),
        0,
        "neither this nor the handshake"
    );
    assert_eq!(pair.tracer.stats().outside_trace, 0);
    let result = pair
        .client
        .call_tool(call("meta", Value::Null))
        .await
        .unwrap();
    assert!(!text(&result).contains("traceparent"), "{}", text(&result));
    spans(&pair.recorder, 1).await;
    let span = pair.recorder.only();
    assert_eq!(
        (span.name(), span.parent_span_id()),
        ("tools/call meta", None)
    );
}

#[tokio::test]
async fn the_context_is_sent_in_meta_beside_what_is_there() {
    let pair = pair().await;
    let headers = std::collections::HashMap::from([
        (
            "traceparent".to_owned(),
            "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01".to_owned(),
        ),
        ("tracestate".to_owned(), "vendor=1".to_owned()),
        ("baggage".to_owned(), "theirs=2".to_owned()),
    ]);
    let sent = |peer: TracedPeer| {
        let trace = pair
            .tracer
            .trace("agent")
            .user_id("ada")
            .continue_from(&headers);
        trace.run_async(async move |_| {
            let mut params = call("meta", Value::Null);
            let mut meta = rmcp::model::RequestMetaObject::new();
            meta.0.0.insert("acme/tenant".to_owned(), "7".into());
            params.meta = Some(meta);
            let result = peer.call_tool(params).await.unwrap();
            serde_json::from_str::<Value>(text(&result)).unwrap()
        })
    };
    let meta = within(sent(pair.client.peer())).await;
    let text = |key: &str| meta[key].as_str().unwrap_or_default().to_owned();
    assert!(text("traceparent").starts_with("00-0af7651916cd43dd8448eb211c80319c-"));
    assert_eq!(
        (text("tracestate"), text("acme/tenant")),
        ("vendor=1".into(), "7".into())
    );
    assert!(
        text("baggage").starts_with("theirs=2,langfuse_trace_id="),
        "{meta}"
    );
    assert!(text("baggage").contains("langfuse_user_id=ada"), "{meta}");
    spans(&pair.recorder, 3).await;
    for span in pair.recorder.spans() {
        assert_eq!(span.trace().user_id.as_deref(), Some("ada"));
    }
    let meta = within(sent(pair.client.peer().traceparent_only())).await;
    assert!(
        meta.get("baggage").is_none() && meta.get("traceparent").is_some(),
        "{meta}"
    );
}

#[tokio::test]
async fn a_decision_not_to_record_crosses() {
    let recorder = Recorder::new();
    let rate = SampleRate::new(0.0).unwrap();
    let never = Tracer::builder(recorder.clone()).sample_rate(rate).build();
    let always = recorder.tracer();
    let pair = pair_with(recorder, &never, &always).await;
    let run = pair.tracer.trace("agent").run_async(async |_| {
        let result = pair
            .client
            .call_tool(call("meta", Value::Null))
            .await
            .unwrap();
        text(&result).to_owned()
    });
    let meta: Value = serde_json::from_str(&within(run).await).unwrap();
    assert!(
        meta["traceparent"].as_str().unwrap().ends_with("-00"),
        "{meta}"
    );
    assert_eq!(always.stats().unsampled_traces, 1);
    assert_eq!(pair.recorder.spans().len(), 0);
}

#[tokio::test]
async fn a_call_that_is_given_up_is_cancelled_on_the_client() {
    let pair = pair().await;
    let run = pair.tracer.trace("agent").run_async(async |_| {
        tokio::select! {
            _ = pair.client.call_tool(call("wait", Value::Null)) => unreachable!("it never answers"),
            () = async { pair.client.call_tool(call("add", json!({"a": 1, "b": 1}))).await.unwrap(); } => {}
        }
    });
    within(run).await;
    let span = pair.recorder.named("tools/call wait");
    let message = span.status_message().unwrap_or_default();
    assert!(message.starts_with("cancelled"), "{message}");
}

#[tokio::test]
async fn a_disabled_tracer_changes_nothing() {
    let noop = Tracer::noop();
    let pair = pair_with(Recorder::new(), &noop, &noop).await;
    let run = pair.tracer.trace("agent").run_async(async |_| {
        let result = pair
            .client
            .call_tool(call("add", json!({ "a": 1, "b": 2 })));
        assert_eq!(text(&result.await.unwrap()), "3");
    });
    within(run).await;
    assert_eq!(pair.recorder.spans().len(), 0);
    pair.client.cancel().await.unwrap();
}

/// A client that answers a server's question.
#[derive(Clone, Debug)]
struct Answers;

impl ClientHandler for Answers {
    async fn on_custom_request(
        &self,
        request: rmcp::model::CustomRequest,
        _: rmcp::service::RequestContext<rmcp::RoleClient>,
    ) -> Result<rmcp::model::CustomResult, rmcp::ErrorData> {
        Ok(rmcp::model::CustomResult::new(
            json!({ "asked": request.method }),
        ))
    }
}

#[tokio::test]
async fn what_a_server_asks_of_a_client_is_recorded_too() {
    let recorder = Recorder::new();
    let tracer = recorder.tracer();
    let (to_server, to_client) = tokio::io::duplex(64 * 1024);
    let server = traced(Tools, &tracer).serve(to_client);
    let client = traced(Answers, &tracer).serve(to_server);
    let (server, client) = tokio::join!(server, client);
    let (server, client) = (server.unwrap(), traced_client(client.unwrap()));
    let ask = tracer.trace("server").run_async(async |trace| {
        let mut request = rmcp::model::CustomRequest::new("acme/ask", Some(json!({ "q": 1 })));
        let mut headers = std::collections::HashMap::new();
        trace.inject(&mut headers);
        let mut meta = rmcp::model::RequestMetaObject::new();
        meta.set_traceparent(&*headers["traceparent"]);
        request.extensions.insert(meta);
        let request = rmcp::model::ServerRequest::CustomRequest(request);
        server.send_request(request).await.unwrap();
    });
    within(ask).await;
    spans(&recorder, 2).await;
    assert_eq!(recorder.tree(), "server\n  acme/ask\n");
    let asked = recorder.named("acme/ask");
    assert_eq!(asked.input().unwrap().to_string(), r#"{"q":1}"#);
    assert_eq!(
        asked.output().unwrap().to_string(),
        r#"{"asked":"acme/ask"}"#
    );
    drop(client);
}
