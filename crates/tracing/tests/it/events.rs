//! Events: where they go, what they say, and what an error does to its span.

use tracefuse_core::record::StatusCode;
use tracefuse_core::{Level, ObservationType, Span};
use tracing::level_filters::LevelFilter;
use tracing::{debug, error, info, info_span, warn};

use crate::support::recorded;

#[test]
fn a_warning_is_an_event_of_the_innermost_observation() {
    let kept = recorded(
        |layer| layer,
        |tracer| {
            warn!("of no span");
            tracer.trace("ours").run(|_| {
                warn!(attempt = 2, "slow {}", "answer");
                info_span!("call", gen_ai.prompt = "p").in_scope(|| {
                    info_span!("left out").in_scope(|| warn!(name: "retry", "again"));
                    info!("too quiet");
                });
            });
        },
    );
    let ours = kept.named("ours");
    let event = ours.events().next().unwrap();
    assert_eq!(
        (event.name(), event.level()),
        ("slow answer", Level::Warning)
    );
    let metadata: Vec<_> = event
        .metadata()
        .map(|(key, value)| (key, value.to_string()))
        .collect();
    assert_eq!(
        metadata,
        [
            ("attempt", "2".to_owned()),
            ("target", module_path!().to_owned())
        ]
    );
    let call = kept.named("call");
    assert_eq!(call.events().len(), 1);
    let event = call.events().next().unwrap();
    assert_eq!(event.name(), "retry");
    assert_eq!(event.metadata().next().unwrap().1.to_string(), "again");
    assert_eq!(call.level(), None);
}

#[test]
fn an_error_marks_its_span() {
    let kept = recorded(
        |layer| layer,
        |_| {
            info_span!("call", gen_ai.prompt = "p").in_scope(|| {
                let cause = std::io::Error::other("disk on fire");
                error!(error = &cause as &dyn std::error::Error, "no answer");
            });
        },
    );
    let call = kept.only();
    assert_eq!(call.level(), Some(Level::Error));
    assert_eq!(call.status(), StatusCode::Error);
    assert_eq!(call.status_message(), Some("no answer: disk on fire"));
    assert_eq!(call.events().next().unwrap().level(), Level::Error);
}

#[test]
fn a_status_of_ok_takes_back_what_an_error_gave() {
    let kept = recorded(
        |layer| layer,
        |_| {
            let call = info_span!(
                "call",
                gen_ai.prompt = "p",
                otel.status_code = tracing::field::Empty
            );
            call.in_scope(|| error!("no answer at the first try"));
            call.record("otel.status_code", "OK");
        },
    );
    let call = kept.only();
    assert_eq!(
        (call.level(), call.status(), call.status_message()),
        (None, StatusCode::Ok, None)
    );
    assert_eq!(call.events().next().unwrap().level(), Level::Error);
}

#[test]
fn an_instrumented_function_that_fails_is_marked() {
    #[tracing::instrument(err, fields(gen_ai.operation.name = "execute_tool"))]
    fn tool() -> Result<(), String> {
        Err("out of range".to_owned())
    }
    let kept = recorded(|layer| layer, |_| assert!(tool().is_err()));
    assert_eq!(kept.only().status_message(), Some("out of range"));
}

#[test]
fn the_level_of_events_can_be_chosen() {
    let events = |level| {
        let kept = recorded(
            |layer| layer.events(level),
            |tracer| {
                tracer.trace("t").run(|_| {
                    tracing::debug!("debug");
                    info!("info");
                    error!("error");
                });
            },
        );
        let span = kept.only();
        (span.events().len(), span.level())
    };
    assert_eq!(events(LevelFilter::DEBUG), (3, Some(Level::Error)));
    assert_eq!(events(LevelFilter::INFO), (2, Some(Level::Error)));
    assert_eq!(events(LevelFilter::OFF), (0, None));
}

#[test]
fn a_long_message_is_the_name_in_short_and_metadata_in_full() {
    let long = "ä".repeat(300);
    let kept = recorded(
        |layer| layer,
        |tracer| {
            tracer.trace("t").run(|_| {
                warn!("{long}");
                info_span!("left out").in_scope(|| warn!(parent: None, "of no span"));
            });
            assert!(!Span::current().is_recording());
        },
    );
    let span = kept.only();
    assert_eq!(span.events().len(), 1);
    let event = span.events().next().unwrap();
    assert_eq!(event.name(), "ä".repeat(100));
    assert_eq!(event.metadata().next().unwrap().1.to_string(), long);
}

/// What swiftide does: the span has its type, and an event at its end has all else.
#[test]
fn an_event_with_fields_of_langfuse_describes_its_span() {
    let usage = r#"{"prompt_tokens":120,"completion_tokens":30,"total_tokens":150,
        "details":{"prompt_tokens_details":{"cached_tokens":100}}}"#;
    let kept = recorded(
        |layer| layer,
        |tracer| {
            tracer.trace("ours").input("a question").run(|_| {
                info_span!("complete", langfuse.type = "GENERATION").in_scope(|| {
                    debug!(
                        langfuse.model = "gpt-4o",
                        langfuse.input = "hi",
                        langfuse.output = "hello",
                        langfuse.usage = usage,
                        attempt = 2,
                    );
                });
                // Not recorded, so that nothing is described; the trace is not meant.
                info_span!("left out").in_scope(|| debug!(langfuse.input = "no one's"));
            });
        },
    );
    let call = kept.named("complete");
    assert_eq!(call.observation_type(), ObservationType::Generation);
    assert_eq!(call.model(), Some("gpt-4o"));
    assert_eq!(call.input().unwrap().to_string(), "hi");
    assert_eq!(call.output().unwrap().to_string(), "hello");
    let buckets = call.usage().collect::<std::collections::BTreeMap<_, _>>();
    assert_eq!(buckets["input_cached_tokens"], 100);
    assert_eq!((buckets["input"], buckets["output"]), (20, 30));
    let metadata: Vec<_> = call.metadata().map(|(key, _)| key).collect();
    assert_eq!(metadata, ["attempt"]);
    assert_eq!(call.events().len(), 0);
    let ours = kept.named("ours");
    assert_eq!(ours.input().unwrap().to_string(), "a question");
    assert_eq!(ours.events().len(), 0);
}

#[test]
fn a_warning_with_fields_of_langfuse_is_an_event_as_well() {
    let kept = recorded(
        |layer| layer,
        |_| {
            info_span!("call", gen_ai.prompt = "p").in_scope(|| {
                warn!(langfuse.observation.output = "half", "the stream was cut");
                debug!(parent: None, langfuse.input = "of no span");
            });
        },
    );
    let call = kept.only();
    assert_eq!(call.output().unwrap().to_string(), "half");
    assert_eq!(call.input().unwrap().to_string(), "p");
    let names: Vec<_> = call.events().map(|event| event.name().to_owned()).collect();
    assert_eq!(names, ["the stream was cut"]);
}
