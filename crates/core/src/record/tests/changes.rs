//! What is found in a finished record, and what changes of it leave.

use super::super::format::LARGE;
use super::*;

#[test]
fn a_nul_is_found_in_every_text_of_a_span() {
    let bad = "a\0b";
    let long = "x".repeat(LARGE);
    let late = format!("{long}\0");
    for (record, expected) in [
        (span(|s| s.set_input("fine")), false),
        (span(|s| s.set_input(long.as_str())), false),
        (span(|s| s.set_input(bad)), true),
        (span(|s| s.add_metadata(bad, 1)), true),
        (span(|s| s.add_tag(bad)), true),
        (span(|s| s.set_name(bad)), true),
        (span(|s| s.event(bad).record()), true),
        (span(|s| s.set_input(late.as_str())), true),
        (
            span(|s| {
                s.set_input(long.as_str());
                s.set_output(late.as_str());
            }),
            true,
        ),
    ] {
        assert_eq!(record.contains_nul(), expected);
    }
}

#[test]
fn a_nul_is_found_in_every_text_of_a_trace() {
    type Set = fn(&mut TraceAttributes, String);
    let sets: [Set; 10] = [
        |trace, text| trace.name = text,
        |trace, text| trace.user_id = Some(text),
        |trace, text| trace.session_id = Some(text),
        |trace, text| trace.version = Some(text),
        |trace, text| trace.release = Some(text),
        |trace, text| trace.environment = Some(text),
        |trace, text| trace.add_tag(&text),
        |trace, text| trace.set_metadata(&text, Value::Bool(true)),
        |trace, text| trace.set_metadata("k", Value::Str(text)),
        |trace, text| trace.set_metadata("k", Value::Json(text)),
    ];
    for set in sets {
        for (text, expected) in [("a\0b", true), ("ab", false)] {
            let mut trace = TraceAttributes::default();
            set(&mut trace, text.to_owned());
            assert_eq!(trace.contains_nul(), expected, "{trace:?}");
        }
    }
}

#[test]
fn the_trace_of_a_record_can_be_replaced() {
    // A record of this size is copied only because its trace differs from that of its chunk.
    let mut record = root(|trace| trace.set_input("i".repeat(5_000)));
    let attributes = TraceAttributes {
        user_id: Some("later".into()),
        ..TraceAttributes::default()
    };
    let id = record.trace_id();
    record.set_trace(Arc::new(attributes));
    let alone = Records::one(&record).next().unwrap();
    for record in [&record, &alone] {
        assert_eq!(record.trace().user_id.as_deref(), Some("later"));
        assert_eq!(record.trace_id(), id);
        assert!(record.input().is_some());
    }
}

#[test]
fn what_a_record_is_rewritten_to_is_kept_whatever_its_size() {
    let long = "x".repeat(LARGE);
    for (old, new) in [
        (Value::Str("short".into()), Value::Str(long.clone())),
        (Value::Str(long.clone()), Value::Str("short".into())),
        (Value::Str("short".into()), Value::Json(long.clone())),
        (Value::Str(long), Value::Json("[1]".into())),
        (Value::U64(1), Value::Bool(true)),
    ] {
        let mut record = span(|s| {
            s.set_input(&old);
            s.add_metadata("kept", "as it is");
        });
        record.rewrite(|place, _| (place == Place::Input).then(|| new.clone()));
        assert_eq!(record.input(), Some(new.as_ref()));
        let metadata: Vec<_> = record.metadata().collect();
        assert_eq!(metadata, [("kept", ValueRef::Str("as it is"))]);
        // A text of this length is shared by copies.
        let text = new.as_ref().size();
        let is_large = usize::from(text >= LARGE);
        assert_eq!(record.place().0.large.len(), is_large);
    }
}

#[test]
fn a_rewrite_shows_each_place_of_a_text() {
    let mut record = span(|s| {
        s.add_model_parameter("temperature", 0.5);
        s.event("e")
            .input("ei")
            .output("eo")
            .metadata("ek", "ev")
            .record();
        s.add_link(Link::new(TraceId::random(), SpanId::random()).metadata("lk", "lv"));
        let mut exception = Exception::new("E", "message");
        exception.sources = "source".into();
        exception.stacktrace = Some("stack".into());
        s.record_exception(exception);
        s.set_model("not shown");
        s.add_tag("not shown");
    });
    let mut seen = Vec::new();
    record.rewrite(|place, value| {
        seen.push(format!("{} {:?} {value}", place.name(), place.key()));
        None
    });
    assert_eq!(
        seen,
        [
            "model_parameters Some(\"temperature\") 0.5",
            "event.input None ei",
            "event.output None eo",
            "event.metadata Some(\"ek\") ev",
            "link.metadata Some(\"lk\") lv",
            "status_message None E: message",
            "exception.message None message",
            "exception.message None source",
            "exception.stacktrace None stack",
        ]
    );
}

#[test]
fn metadata_of_a_finished_record_can_be_set() {
    let mut record = span(|s| {
        s.add_metadata("a", 1u64);
        s.add_metadata("b", 2u64);
    });
    record.set_metadata("a", &Value::Str("new".into()));
    record.set_metadata("c", &Value::Bool(true));
    let metadata: Vec<_> = record.metadata().collect();
    assert_eq!(
        metadata,
        [
            ("a", ValueRef::Str("new")),
            ("b", ValueRef::U64(2)),
            ("c", ValueRef::Bool(true)),
        ]
    );
    // A span that has as many keys as it may have takes one more.
    let mut record = span(|s| (0..128).for_each(|n| s.add_metadata(&n.to_string(), n)));
    record.set_metadata("further", &Value::Bool(true));
    assert_eq!(record.metadata().count(), 129);
}

#[test]
fn a_score_counts_what_it_holds_and_is_rewritten_where_a_person_wrote() {
    let now = Timestamp::from_unix_nanos(1);
    let trace = ScoreTarget::Trace(TraceId::random());
    let new = |value, target| ScoreRecord::new("four", value, target, now);
    let own = size_of::<ScoreRecord>() + 36 + 4;
    assert_eq!(new(0.5.into(), trace.clone()).size(), own);
    let session = ScoreTarget::Session("12345".into());
    assert_eq!(new("good".into(), session).size(), own + 4 + 5);
    let run = ScoreTarget::DatasetRun("123456".into());
    let mut score = new(ScoreValue::text("a text"), run);
    assert_eq!(score.size(), own + 6 + 6);
    score.comment = Some("x".repeat(10));
    score.config_id = Some("x".repeat(20));
    score.environment = Some("x".repeat(40));
    score.set_metadata("key", Value::Str("value".into()));
    score.set_metadata("n", Value::U64(1));
    let pairs = 2 * size_of::<(String, Value)>() + 8 + 9;
    assert_eq!(score.size(), own + 12 + 70 + pairs);
    assert_eq!(Record::from(score.clone()).size(), score.size());

    let mut seen = Vec::new();
    score.rewrite(|place, value| {
        seen.push(format!("{place:?} {value}"));
        (place != Place::ScoreMetadata("n")).then(|| Value::Str(place.name().into()))
    });
    let comment = format!("ScoreComment {}", "x".repeat(10));
    assert_eq!(
        seen,
        [
            "ScoreValue a text",
            &comment,
            "ScoreMetadata(\"key\") value",
            "ScoreMetadata(\"n\") 1"
        ]
    );
    assert_eq!(score.value, ScoreValue::text("score.value"));
    assert_eq!(score.comment.as_deref(), Some("score.comment"));
    let metadata = [
        ("key".to_owned(), Value::Str("score.metadata".into())),
        ("n".to_owned(), Value::U64(1)),
    ];
    assert_eq!(score.metadata, metadata);
    let before = score.clone();
    score.rewrite(|_, _| None);
    assert_eq!(score, before);
    // Nothing but the words of a text score is shown.
    let mut category = new("good".into(), trace);
    category.rewrite(|_, _| panic!("there is nothing to show"));
}
