//! What `Debug` and `Display` show: names, numbers and ids, and never a prompt.

use std::sync::Arc;

use tracefuse_core::record::{
    Chunk, DecodeError, FinishedSpan, Record, ScoreRecord, SpanAttribute, SpanRecord, StatusCode,
};
use tracefuse_core::{
    Clock, DropReason, Level, Link, ManualClock, ObservationType, Processor, RejectReason,
    SampleRate, ScoreTarget, ScoreValue, SpanId, Timestamp, TraceId, Tracer, with_attributes,
};

use crate::support::{Recorder, tracer};

const SECRET: &str = "my secret prompt";

#[test]
fn handles_and_builders_show_names_and_ids_only() {
    let (tracer, _, _) = tracer();
    let trace = tracer.trace("request").input(SECRET).start();
    let span = trace.span("step").input(SECRET).start();
    let (id, root, trace_id) = (
        span.id().unwrap(),
        trace.root().id().unwrap(),
        trace.id().unwrap(),
    );
    let entered = span.enter();
    let scope = with_attributes().user_id("u").enter();
    let carried = tracefuse_core::InSpan::in_span(async {}, span.clone());
    for (shown, has) in [
        (
            format!("{:?}", tracer.trace("t").input(SECRET)),
            "TraceBuilder",
        ),
        (
            format!("{:?}", trace.span("s").input(SECRET)),
            r#"SpanBuilder { name: Some("s"), .. }"#,
        ),
        (
            format!("{:?}", tracefuse_core::Span::noop().span("s")),
            "SpanBuilder { name: None, .. }",
        ),
        (format!("{trace:?}"), &trace_id.to_string()),
        (format!("{trace:?}"), &root.to_string()),
        (format!("{span:?}"), &id.to_string()),
        (format!("{carried:?}"), &id.to_string()),
        (
            format!("{:?}", span.event("e").input(SECRET)),
            "EventBuilder",
        ),
        (
            format!("{:?}", span.score("s", 1).comment(SECRET)),
            "ScoreBuilder",
        ),
        (format!("{entered:?}"), "Entered"),
        (format!("{scope:?}"), "EnteredScope"),
        (
            format!("{:?}", Tracer::builder(Recorder::new())),
            "TracerBuilder",
        ),
    ] {
        assert!(shown.contains(has), "{shown} has no {has}");
        assert!(!shown.contains(SECRET), "{shown}");
    }
}

#[test]
fn a_clock_shows_whether_it_is_the_systems() {
    let manual = ManualClock::at(Timestamp::from_unix_nanos(1));
    assert_eq!(format!("{:?}", Clock::system()), "Clock(system)");
    assert_eq!(format!("{:?}", Clock::new(manual)), "Clock(injected)");
}

#[test]
fn records_show_names_ids_and_sizes_only() {
    let (tracer, recorder, _) = tracer();
    let other = Link::new(TraceId::random(), SpanId::random()).metadata("k", SECRET);
    tracer
        .trace("request")
        .input(SECRET)
        .link(other)
        .run(|trace| {
            trace.event("happened").input(SECRET).record();
            trace.record_error(&std::io::Error::other(SECRET));
        });
    let span = recorder.only();
    let mut chunk = Chunk::default();
    chunk.push_record(&span);
    let mut shown = vec![
        (format!("{span:?}"), "name: \"request\"".to_owned()),
        (format!("{span:?}"), span.span_id().to_string()),
        (format!("{span:?}"), format!("size: {}", span.size())),
        (
            format!("{:?}", Record::from(span.clone())),
            "request".to_owned(),
        ),
        (
            format!("{chunk:?}"),
            format!("Chunk {{ spans: 1, bytes: {}, .. }}", chunk.size()),
        ),
    ];
    for attribute in span.attributes() {
        let name = match attribute {
            SpanAttribute::Event(event) => event.name().to_owned(),
            SpanAttribute::Exception(exception) => exception.kind().to_owned(),
            SpanAttribute::Link(link) => link.trace_id().to_string(),
            _ => continue,
        };
        shown.push((format!("{attribute:?}"), name));
    }
    assert_eq!(shown.len(), 8);
    for (shown, has) in shown {
        assert!(shown.contains(&has), "{shown} has no {has}");
        assert!(!shown.contains(SECRET), "{shown}");
    }
}

#[test]
fn a_score_shows_its_name_target_and_type_only() {
    let now = Timestamp::from_unix_nanos(1);
    let target = ScoreTarget::Session("s-1".into());
    let mut score = ScoreRecord::new("tone", ScoreValue::text(SECRET), target, now);
    score.comment = Some(SECRET.into());
    let shown = format!("{score:?}");
    for has in ["\"tone\"", "TEXT", "s-1", score.id.as_str()] {
        assert!(shown.contains(has), "{shown} has no {has}");
    }
    assert!(!shown.contains(SECRET), "{shown}");
}

#[test]
fn a_span_that_has_just_ended_shows_its_ids_only() {
    #[derive(Clone, Default)]
    struct Shows(Arc<std::sync::Mutex<String>>);
    impl Processor for Shows {
        fn on_end(&self, _: SpanRecord) {}
        fn on_finish(&self, span: &FinishedSpan<'_>) {
            *self.0.lock().unwrap() = format!("{span:?}");
            let record = span.to_record();
            assert_eq!(
                (span.name(), span.observation_type(), span.size()),
                (record.name(), record.observation_type(), record.size())
            );
            let ended = (span.status(), span.level(), span.end_time());
            assert_eq!(
                ended,
                (StatusCode::Error, Some(Level::Error), record.end_time())
            );
            assert_eq!(span.start_time(), record.start_time());
            assert!(span.start_time().as_unix_nanos() > 0 && span.end_time() >= span.start_time());
            assert_eq!(span.attributes().count(), record.attributes().count());
        }
    }
    let shows = Shows::default();
    let tracer = Tracer::builder(shows.clone()).build();
    let ids = tracer.trace("request").input(SECRET).run(|trace| {
        trace.record_error("broken");
        (trace.id().unwrap(), trace.root().id().unwrap())
    });
    assert_eq!(
        tracer.stats().processor_panics,
        0,
        "what it compares is equal"
    );
    let shown = shows.0.lock().unwrap().clone();
    for has in [ids.0.to_string(), ids.1.to_string()] {
        assert!(shown.contains(&has), "{shown} has no {has}");
    }
    assert!(!shown.contains(SECRET), "{shown}");
}

#[test]
fn names_of_types_levels_and_reasons_are_those_of_langfuse() {
    assert_eq!(
        ObservationType::ALL.map(|kind| kind.to_string()),
        ObservationType::ALL.map(ObservationType::as_str)
    );
    let levels = [Level::Debug, Level::Default, Level::Warning, Level::Error];
    assert_eq!(
        levels.map(|level| level.to_string()),
        ["DEBUG", "DEFAULT", "WARNING", "ERROR"]
    );
    assert_eq!(format!("{:>9}", DropReason::MaxAge), "  max_age");
    for reason in DropReason::ALL {
        assert_eq!(reason.to_string(), reason.as_str());
        assert!(!reason.as_str().is_empty());
    }
    let rejects = [
        RejectReason::Invalid,
        RejectReason::Unauthorized,
        RejectReason::TooLarge,
    ];
    assert_eq!(
        rejects.map(|reason| reason.to_string()),
        ["invalid", "unauthorized", "too_large"]
    );
    let values: [ScoreValue; 4] = [
        0.5.into(),
        true.into(),
        "good".into(),
        ScoreValue::text("x y"),
    ];
    assert_eq!(
        values.map(|value| value.to_string()),
        ["0.5", "true", "good", "x y"]
    );
}

#[test]
fn errors_say_what_was_expected_however_they_are_printed() {
    let trace = "x".parse::<TraceId>().unwrap_err();
    let span = "x".parse::<SpanId>().unwrap_err();
    let rate = SampleRate::new(2.0).unwrap_err();
    let expected = |digits| {
        format!("not an id: expected {digits} lower-case hex digits that are not all zero")
    };
    assert_eq!(
        [trace.to_string(), format!("{trace:?}")],
        [expected(32), expected(32)]
    );
    assert_eq!(
        [span.to_string(), format!("{span:?}")],
        [expected(16), expected(16)]
    );
    let number = "expected a number from 0 to 1";
    assert_eq!([rate.to_string(), format!("{rate:?}")], [number, number]);
    let version = DecodeError::Version(9).to_string();
    assert!(version.contains("format 9"), "{version}");
    assert_eq!(DecodeError::Damaged.to_string(), "a damaged record");
    assert_eq!(SampleRate::new(0.1).unwrap().rate(), 0.1);
}
