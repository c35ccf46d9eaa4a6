//! Events: where they go, what they say, and what an error does to its span.

use tracefuse_core::record::StatusCode;
use tracefuse_core::{Level, Span};
use tracing::level_filters::LevelFilter;
use tracing::{error, info, info_span, warn};

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
