//! Attributes, input, output and errors of both sides.

use rmcp::ServiceError;
use serde_json::{Value, json};
use tracefuse_core::record::{SpanRecord, StatusCode};
use tracefuse_core::testing::Recorder;
use tracefuse_core::{Level, ObservationType, Tracer};

use crate::support::{Pair, both, call, metadata, pair, pair_with, within};

/// The spans of a call of this tool: the client's and the server's.
async fn called(pair: &Pair, tool: &'static str, arguments: Value) -> [SpanRecord; 2] {
    let run = pair.tracer.trace("agent").run_async(async |_| {
        let _ = pair.client.call_tool(call(tool, arguments)).await;
    });
    within(run).await;
    let name = format!("tools/call {tool}");
    let both_ended = |kept: &Recorder| {
        let names = kept.names();
        names.iter().filter(|known| **known == name).count() == 2
    };
    within(pair.recorder.until(both_ended)).await;
    let (client, server) = both(&pair.recorder, &name);
    [client, server]
}

#[tokio::test]
async fn both_sides_have_the_attributes_of_the_conventions() {
    let pair = pair().await;
    let [client, server] = called(&pair, "add", json!({ "a": 1, "b": 2 })).await;
    let version = metadata(&client, "mcp.protocol.version").unwrap();
    assert!(version.starts_with("20"), "{version}");
    for span in [&client, &server] {
        assert_eq!(span.observation_type(), ObservationType::Tool);
        assert_eq!(
            metadata(span, "mcp.method.name").as_deref(),
            Some("tools/call")
        );
        assert_eq!(metadata(span, "gen_ai.tool.name").as_deref(), Some("add"));
        assert_eq!(
            metadata(span, "mcp.protocol.version").as_ref(),
            Some(&version)
        );
        assert_eq!(span.input().unwrap().to_string(), r#"{"a":1,"b":2}"#);
        assert_eq!(span.output().unwrap().to_string(), "3");
        assert_eq!((span.level(), span.status()), (None, StatusCode::Unset));
    }
    let id = metadata(&server, "jsonrpc.request.id").unwrap();
    assert!(id.parse::<u64>().is_ok(), "{id}");
    assert_eq!(metadata(&server, "mcp.session.id"), None);
}

#[tokio::test]
async fn results_are_recorded_as_a_reader_wants_them() {
    for (tool, output) in [
        ("structured", r#"{"celsius":12}"#),
        (
            "blocks",
            r#"[{"type":"text","text":"a"},{"type":"text","text":"b"}]"#,
        ),
        ("fail", "no such city"),
    ] {
        for span in called(&pair().await, tool, Value::Null).await {
            assert_eq!(span.output().unwrap().to_string(), output);
        }
    }
}

#[tokio::test]
async fn a_tool_error_is_an_error_of_both_spans() {
    for span in called(&pair().await, "fail", Value::Null).await {
        assert_eq!(
            (span.level(), span.status()),
            (Some(Level::Error), StatusCode::Error)
        );
        let error = span.exceptions().next().unwrap();
        assert_eq!(
            (error.kind(), error.message()),
            ("tool_error", "no such city")
        );
    }
}

#[tokio::test]
async fn an_error_of_json_rpc_has_its_code_as_type() {
    for span in called(&pair().await, "refuse", Value::Null).await {
        let error = span.exceptions().next().unwrap();
        assert_eq!(
            (error.kind(), error.message()),
            ("-32602", "no city was given")
        );
        assert_eq!(
            metadata(&span, "rpc.response.status_code").as_deref(),
            Some("-32602")
        );
        assert_eq!(span.status(), StatusCode::Error);
    }
}

#[tokio::test]
async fn a_server_that_goes_away_is_an_error_of_the_client() {
    let Pair {
        recorder,
        tracer,
        client,
        ..
    } = pair().await;
    // The server is dropped with the rest of the pair.
    let run = tracer.trace("agent").run_async(async |_| {
        let result = client.call_tool(call("wait", Value::Null)).await;
        assert!(matches!(
            result,
            Err(ServiceError::TransportClosed | ServiceError::TransportSend(_))
        ));
    });
    within(run).await;
    let span = recorder.named("tools/call wait");
    assert_eq!(span.level(), Some(Level::Error));
    assert!(
        span.exceptions()
            .next()
            .unwrap()
            .kind()
            .contains("ServiceError")
    );
}

#[tokio::test]
async fn without_content_no_argument_and_no_result_is_recorded() {
    let recorder = Recorder::new();
    let tracer = Tracer::builder(recorder.clone())
        .capture_content(false)
        .build();
    for tool in ["add", "fail"] {
        recorder.clear();
        let pair = pair_with(recorder.clone(), &tracer, &tracer).await;
        for span in called(&pair, tool, json!({ "a": 987_654, "b": 1 })).await {
            assert!(span.input().is_none() && span.output().is_none());
            let shown = format!(
                "{:?}",
                span.metadata()
                    .map(|(_, value)| value.to_string())
                    .collect::<Vec<_>>()
            );
            assert!(
                !shown.contains("98765") && !shown.contains("city"),
                "{shown}"
            );
            let messages: Vec<_> = span
                .exceptions()
                .map(|error| error.message().to_owned())
                .collect();
            assert!(
                messages
                    .iter()
                    .all(|message| message == "the tool returned an error")
            );
            assert_eq!(messages.len(), usize::from(tool == "fail"));
        }
    }
}

#[tokio::test]
async fn a_handler_that_panics_is_recorded() {
    let pair = pair().await;
    let call = pair.tracer.trace("agent").run_async(async |_| {
        let wait = pair.client.call_tool(call("panic", Value::Null));
        tokio::select! {
            _ = wait => {}
            _ = pair.recorder.ended("tools/call panic") => {}
        }
    });
    within(call).await;
    let spans = pair.recorder.spans();
    let server = spans
        .iter()
        .find(|span| span.exceptions().count() > 0)
        .unwrap();
    assert!(
        server
            .exceptions()
            .next()
            .unwrap()
            .message()
            .contains("the tool is broken")
    );
}
