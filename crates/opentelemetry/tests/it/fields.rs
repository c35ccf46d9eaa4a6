//! What status, events, links and attributes become.

use opentelemetry::trace::{SpanContext, Status, TraceContextExt as _};
use opentelemetry::{Context, KeyValue};
use tracefuse_core::record::{SpanRecord, StatusCode, ValueRef};
use tracefuse_core::{Level, ObservationType, Tracer};
use tracefuse_opentelemetry::TracefuseExporter;

use crate::support::{Recorder, llm, metadata, recorded, start, through};

/// One span, and what `f` does to it.
fn of(f: impl FnOnce(&Context)) -> SpanRecord {
    recorded(
        |it| it,
        |otel| {
            let call = start(otel, &Context::new(), "chat", [llm()]);
            f(&call);
            call.span().end();
        },
    )
    .only()
}

fn exception(call: &Context) {
    let boom = std::io::Error::other("boom");
    call.span().record_error(&boom);
}

/// Level, status and its message.
fn end(span: &SpanRecord) -> (Option<Level>, StatusCode, Option<&str>) {
    (span.level(), span.status(), span.status_message())
}

#[test]
fn a_failure_is_shown_once_in_every_form() {
    use tracefuse_core::record::StatusCode as Code;
    let failed = |message| (Some(Level::Error), Code::Error, message);
    let status = |call: &Context, text: &'static str| call.span().set_status(Status::error(text));

    assert_eq!(
        end(&of(|call| status(call, "no answer"))),
        failed(Some("no answer"))
    );
    assert_eq!(end(&of(|call| status(call, ""))), failed(None));
    assert_eq!(end(&of(exception)), failed(Some("error: boom")));
    let both = of(|call| {
        exception(call);
        status(call, "");
        call.span().set_attribute(KeyValue::new("error.type", "io"));
    });
    assert_eq!(end(&both), failed(Some("error: boom")));
    assert_eq!(metadata(&both, "error.type").as_deref(), Some("io"));
    let described = of(|call| {
        exception(call);
        status(call, "no answer");
    });
    assert_eq!(end(&described), failed(Some("no answer")));
    assert_eq!(described.exceptions().next().unwrap().message(), "boom");
}

#[test]
fn an_error_that_was_is_handled_is_an_event_with_a_warning() {
    let span = of(|call| {
        exception(call);
        call.span().set_status(Status::Ok);
    });
    assert_eq!(end(&span), (None, StatusCode::Ok, None));
    assert_eq!(span.exceptions().len(), 0);
    let event = span.events().next().unwrap();
    assert_eq!((event.name(), event.level()), ("exception", Level::Warning));
    assert!(event.metadata().any(|(key, _)| key == "exception.message"));
}

#[test]
fn words_of_langfuse_win_over_those_of_opentelemetry() {
    let span = of(|call| {
        call.span().set_status(Status::error("no answer"));
        call.span().set_attributes([
            KeyValue::new("langfuse.observation.level", "WARNING"),
            KeyValue::new("langfuse.observation.status_message", "slow"),
            KeyValue::new("langfuse.observation.type", "embedding"),
            KeyValue::new("langfuse.trace.tags", "a, b"),
        ]);
    });
    assert_eq!(
        end(&span),
        (Some(Level::Warning), StatusCode::Error, Some("slow"))
    );
    assert_eq!(span.observation_type(), ObservationType::Embedding);
    assert_eq!(span.trace().tags, ["a", "b"]);
}

#[test]
fn messages_that_came_as_events_are_input_and_output() {
    let talk = |call: &Context| {
        let says = |text: &'static str| vec![KeyValue::new("content", text)];
        call.span()
            .add_event("gen_ai.system.message", says("be brief"));
        call.span().add_event("gen_ai.user.message", says("hi"));
        call.span().add_event("gen_ai.choice", says("hello"));
    };
    let span = of(talk);
    assert_eq!(
        span.input().unwrap().to_string(),
        r#"[{"content":"be brief","role":"system"},{"content":"hi","role":"user"}]"#
    );
    assert_eq!(
        span.output().unwrap().to_string(),
        r#"[{"content":"hello","role":"assistant"}]"#
    );
    assert_eq!(span.events().len(), 0);
    let details = of(|call| {
        talk(call);
        let messages = vec![KeyValue::new("gen_ai.input.messages", "[]")];
        call.span()
            .add_event("gen_ai.client.inference.operation.details", messages);
    });
    assert_eq!(details.input().unwrap().to_string(), "[]");
}

#[test]
fn without_content_there_is_none_of_it_anywhere() {
    let kept = Recorder::default();
    let tracer = Tracer::builder(kept.clone()).capture_content(false).build();
    through(
        &tracer,
        |it| it,
        |otel| {
            let attributes = [
                KeyValue::new("gen_ai.request.model", "m"),
                KeyValue::new("gen_ai.prompt", "secret"),
                KeyValue::new("gen_ai.output.messages", "secret"),
                KeyValue::new("gen_ai.system_instructions", "secret"),
                KeyValue::new("langfuse.observation.input", "secret"),
            ];
            let call = start(otel, &Context::new(), "chat", attributes);
            let secret = vec![KeyValue::new("content", "secret")];
            call.span().add_event("gen_ai.user.message", secret);
            call.span().end();
        },
    );
    let span = kept.only();
    assert_eq!((span.input(), span.output()), (None, None));
    assert!(
        span.metadata()
            .all(|(_, value)| !value.to_string().contains("secret"))
    );
    assert_eq!(span.events().len(), 0);
    assert_eq!(span.model(), Some("m"));
}

#[test]
fn log_lines_of_little_weight_are_left_out_unless_wanted() {
    let lines = |otel: &opentelemetry_sdk::trace::SdkTracer| {
        let call = start(otel, &Context::new(), "chat", [llm()]);
        for level in ["ERROR", "WARN", "INFO", "DEBUG"] {
            call.span()
                .add_event(level, vec![KeyValue::new("level", level)]);
        }
        call.span().add_event("plain", vec![]);
        call.span().end();
    };
    let levels = |kept: Recorder| -> Vec<Level> {
        kept.only().events().map(|event| event.level()).collect()
    };
    assert_eq!(
        levels(recorded(|it| it, lines)),
        [Level::Error, Level::Warning, Level::Default]
    );
    assert_eq!(
        levels(recorded(TracefuseExporter::with_log_lines, lines)),
        [
            Level::Error,
            Level::Warning,
            Level::Default,
            Level::Debug,
            Level::Default
        ]
    );
}

#[test]
fn links_are_links_with_their_attributes() {
    let span = of(|call| {
        let context = call.span().span_context().clone();
        call.span()
            .add_link(context, vec![KeyValue::new("why", "retry")]);
        call.span().add_link(SpanContext::NONE, Vec::new());
    });
    let links: Vec<_> = span.links().collect();
    let [link] = &links[..] else {
        panic!("expected one link, found {links:?}");
    };
    assert_eq!(
        (link.trace_id(), link.span_id(), link.flags()),
        (span.trace_id(), span.span_id(), 0x101)
    );
    let attributes: Vec<_> = link.metadata().collect();
    assert_eq!(attributes, [("why", ValueRef::Str("retry"))]);
    assert_eq!(metadata(&span, "otel.scope.name").as_deref(), Some("app"));
}

#[test]
fn tokens_are_counted_once_also_across_a_span_that_is_left_out() {
    let tokens = |count: i64| KeyValue::new("gen_ai.usage.input_tokens", count);
    let kept = recorded(
        |it| it,
        |otel| {
            let agent = start(otel, &Context::new(), "agent", [llm(), tokens(30)]);
            let between = start(otel, &agent, "between", []);
            for _ in 0..2 {
                start(otel, &between, "chat", [llm(), tokens(15)])
                    .span()
                    .end();
            }
            between.span().end();
            agent.span().end();
        },
    );
    let used = |name: &str| {
        kept.named(name)
            .usage()
            .map(|(_, units)| units)
            .sum::<u64>()
    };
    assert_eq!((used("agent"), used("chat")), (0, 15));
    assert_eq!(
        metadata(&kept.named("agent"), "gen_ai.usage.input_tokens").as_deref(),
        Some("30")
    );
}
