//! Finished records: their size in memory, the order of their chunk, and changes of a record.

use std::collections::HashSet;
use std::sync::Arc;

use super::chunk::TraceRef;
use super::format::{Attributes, LARGE};
use super::*;
use crate::testing::Recorder;
use crate::{Clock, ManualClock, Span, Trace, Tracer};

/// The record of a trace's root.
fn root(begin: impl FnOnce(&Trace)) -> SpanRecord {
    let recorder = Recorder::new();
    recorder.tracer().trace("t").run(|trace| begin(&trace));
    recorder.only()
}

/// The record of a span below a root.
fn span(work: impl FnOnce(&Span)) -> SpanRecord {
    let recorder = Recorder::new();
    let trace = recorder.tracer().trace("t").start();
    trace.span("s").run(|span| work(&span));
    recorder.spans().remove(0)
}

/// Bytes of the trace attributes of a record, with the place that they take in a chunk.
fn of_trace(record: &SpanRecord) -> usize {
    size_of::<TraceRef>() + record.trace().size()
}

fn chunk(records: &[&SpanRecord]) -> Chunk {
    let mut chunk = Chunk::default();
    for record in records {
        chunk.push_record(record);
    }
    chunk
}

#[test]
fn a_record_has_eight_bytes_for_a_word_and_its_text() {
    let long = "x".repeat(LARGE);
    let (head, word) = (48, 8);
    for (record, bytes) in [
        (span(|_| {}), 0),
        (span(|s| s.add_metadata("key", 7u64)), 2 * word + 3),
        (span(|s| s.add_metadata("key", true)), word + 3),
        (span(|s| s.add_metadata("key", "text")), word + 7),
        (span(|s| s.set_input(long.as_str())), word + LARGE),
        (
            span(|s| {
                s.set_input(long.as_str());
                s.set_output(long.clone());
                s.add_metadata("k", "v");
            }),
            3 * word + 2 * LARGE + 2,
        ),
    ] {
        let own = head + "s".len() + bytes;
        assert_eq!(record.size(), own);
        assert_eq!(record.size_with_trace(), own + of_trace(&record));
        assert_eq!(Record::from(record.clone()).size(), own);
        assert_eq!(chunk(&[&record]).size(), own + of_trace(&record));
        let mut bytes = Vec::new();
        record.encode(&mut bytes);
        let read = SpanRecord::decode(&mut bytes.as_slice()).unwrap();
        assert_eq!(
            (read.size(), read.place().0.size()),
            (own, own + of_trace(&record))
        );
    }
}

#[test]
fn trace_attributes_count_their_texts_tags_and_metadata() {
    let plain = TraceAttributes::default();
    let empty = size_of::<TraceAttributes>();
    assert_eq!(plain.size(), empty);
    let mut full = plain;
    full.name = "n".repeat(3);
    let texts = [
        &mut full.user_id,
        &mut full.session_id,
        &mut full.version,
        &mut full.release,
        &mut full.environment,
    ];
    for (bytes, text) in [10, 20, 40, 80, 160].into_iter().zip(texts) {
        *text = Some("x".repeat(bytes));
    }
    assert_eq!(full.size(), empty + 3 + 310);
    full.add_tag("four");
    full.set_metadata("key", Value::Str("a text".into()));
    full.set_metadata("n", Value::U64(1));
    let pairs = 2 * size_of::<(String, Value)>() + 3 + 6 + 1 + 8;
    assert_eq!(full.size(), empty + 313 + size_of::<String>() + 4 + pairs);
}

#[test]
fn a_chunk_counts_trace_attributes_once_and_if_no_other_has_them() {
    let recorder = Recorder::new();
    let trace = recorder.tracer().trace("t").user_id("user").start();
    trace.span("a").run(|_| {});
    let alone = recorder.named("a");
    // The trace has them, and the chunk of the recorder.
    let shared = chunk(&[&alone]);
    assert_eq!(shared.size(), alone.size() + of_trace(&alone));
    trace.span("b").run(|_| {});
    let (a, b) = (recorder.named("a"), recorder.named("b"));
    let place = size_of::<TraceRef>();
    assert_eq!(chunk(&[&a, &b]).size(), a.size() + b.size() + place);
    // Another trace takes a place of its own.
    let other = root(|_| {});
    let both = chunk(&[&other, &a]);
    assert_eq!(
        both.size(),
        other.size() + of_trace(&other) + a.size() + place
    );
    assert_eq!(chunk(&[]).size(), 0);
}

#[test]
fn a_chunk_keeps_spans_of_different_traces_apart() {
    let mut all = Chunk::default();
    let attributes = Arc::new(TraceAttributes::default());
    let (id, other, local, remote) = (
        TraceId::random(),
        TraceId::random(),
        SpanId::random(),
        SpanId::random(),
    );
    let mut place = |id, root, attributes: &Arc<TraceAttributes>| all.trace(id, root, attributes);
    assert_eq!(place(id, local, &attributes), 0);
    assert_eq!(place(id, local, &attributes), 0);
    assert_eq!(place(other, local, &attributes), 1);
    assert_eq!(place(other, remote, &attributes), 2);
    assert_eq!(place(other, remote, &Arc::default()), 3);
}

#[test]
fn a_chunk_that_is_taken_is_empty_and_can_be_filled_again() {
    let (a, b) = (root(|t| t.set_input("i")), root(|_| {}));
    let mut filled = chunk(&[&a, &b]);
    let size = filled.size();
    assert!(!filled.is_empty());
    let taken = filled.take();
    assert_eq!((taken.len(), taken.size()), (2, size));
    assert!(filled.is_empty());
    assert_eq!((filled.len(), filled.size()), (0, 0));
    filled.push_record(&b);
    let ids: Vec<_> = Records::new(Arc::new(taken))
        .map(|span| span.trace_id())
        .collect();
    assert_eq!(ids, [a.trace_id(), b.trace_id()]);
    let again: Vec<_> = Records::new(Arc::new(filled))
        .map(|span| span.span_id())
        .collect();
    assert_eq!(again, [b.span_id()]);
}

#[test]
fn a_chunk_gives_back_the_capacity_that_it_does_not_use() {
    let record = root(|trace| {
        for n in 0..5 {
            trace.set_input("x".repeat(LARGE));
            trace.root().add_metadata(&n.to_string(), "x".repeat(LARGE));
        }
    });
    let mut all = chunk(&[&record, &root(|_| {}), &record]);
    all.shrink();
    assert_eq!(all.words.capacity(), all.words.len());
    assert_eq!(all.text.capacity(), all.text.len());
    assert_eq!(all.large.capacity(), all.large.len());
    assert_eq!(all.traces.capacity(), all.traces.len());
}

#[test]
fn records_are_read_in_order_and_know_what_is_left() {
    let recorder = Recorder::new();
    let clock = ManualClock::at(Timestamp::from_unix_nanos(1_000));
    let tracer = Tracer::builder(recorder.clone())
        .clock(Clock::new(clock.clone()))
        .build();
    let trace = tracer.trace("root").start();
    trace
        .span("a")
        .run(|_| clock.advance(std::time::Duration::from_nanos(5)));
    trace.span("b").input("text").run(|_| {});
    drop(trace);
    let spans = recorder.spans();
    let all = Arc::new(chunk(&[&spans[0], &spans[1], &spans[2]]));
    let mut records = Records::new(all.clone());
    // At the same end children come before parents, and what began later before what began earlier.
    let mut orders = Vec::new();
    let mut sizes = vec![records.size()];
    for span in &spans {
        let next = records.peek().unwrap();
        assert_eq!(next.span_id(), span.span_id());
        orders.push(records.order().unwrap());
        assert_eq!(records.size_hint(), (records.len(), Some(records.len())));
        let (taken, size) = records.next_sized().unwrap();
        assert_eq!((taken.name(), size), (span.name(), span.size()));
        sizes.push(records.size());
    }
    let end = 1_005;
    let reverse = std::cmp::Reverse;
    assert_eq!(
        orders,
        [
            (end, false, reverse(1_000)),
            (end, false, reverse(1_005)),
            (end, true, reverse(1_000)),
        ]
    );
    let [a, b, root] = [&spans[0], &spans[1], &spans[2]].map(SpanRecord::size);
    assert_eq!(sizes, [all.size(), b + root, root, 0]);
    assert!(records.peek().is_none() && records.order().is_none());
    assert!(records.next().is_none() && records.skip_one().is_none());
    let mut first = Records::new(all.clone()).limited(1);
    assert_eq!((first.len(), first.size()), (1, a));
    assert!(first.next().is_some() && first.peek().is_none() && first.order().is_none());
    assert_eq!(first.len(), 0);
    assert_eq!(Records::new(all).limited(9).len(), 3);
}

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
    let mut record = root(|trace| trace.set_input("i"));
    let mut attributes = TraceAttributes::default();
    attributes.user_id = Some("later".into());
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
        (Value::Str(long.clone()), Value::Json("[1]".into())),
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

#[test]
fn names_are_those_that_are_sent() {
    assert_eq!(
        ObservationType::ALL.map(ObservationType::as_str),
        [
            "span",
            "generation",
            "event",
            "embedding",
            "agent",
            "tool",
            "chain",
            "retriever",
            "evaluator",
            "guardrail"
        ]
    );
    assert_eq!(Level::Warning.as_str(), "WARNING");
    let values: [ScoreValue; 4] = [1.into(), true.into(), "good".into(), ScoreValue::text("x")];
    assert_eq!(
        values.map(|value| value.data_type()),
        ["NUMERIC", "BOOLEAN", "CATEGORICAL", "TEXT"]
    );
}

#[test]
fn each_role_has_its_place_in_the_format() {
    // Numbers are part of the format on disk.
    let single = [
        Role::Input,
        Role::Output,
        Role::Model,
        Role::StatusMessage,
        Role::Prompt,
        Role::CompletionStart,
        Role::Name,
    ];
    let keyed = [
        Role::Metadata,
        Role::ModelParameter,
        Role::Tag,
        Role::Usage,
        Role::Cost,
        Role::Call,
    ];
    let alone = [Role::Event, Role::Exception, Role::Link];
    let mut bits = HashSet::new();
    for (at, role) in Role::ALL.into_iter().enumerate() {
        assert_eq!(role as usize, at);
        assert_eq!(role.is_single(), single.contains(&role), "{role:?}");
        assert_eq!(role.is_keyed(), keyed.contains(&role), "{role:?}");
        let is_part = !single.contains(&role) && !keyed.contains(&role) && !alone.contains(&role);
        assert_eq!(role.is_part(), is_part, "{role:?}");
        assert_eq!(role.is_limited(), keyed[..3].contains(&role), "{role:?}");
        // Those from the sixteenth on share a bit.
        assert_eq!(role.bit().count_ones(), 1);
        assert_eq!(bits.insert(role.bit()), at <= 15, "{role:?}");
    }
}

#[test]
fn attributes_of_every_role_come_typed() {
    let text = |role, key, text| (role, key, ValueRef::Str(text));
    let number = |role, key, n| (role, key, ValueRef::U64(n));
    for ((role, key, value), shown) in [
        (text(Role::Output, "", "out"), "Output(Str(\"out\"))"),
        (text(Role::Model, "", "m"), "Model(\"m\")"),
        (text(Role::StatusMessage, "", "s"), "StatusMessage(\"s\")"),
        (
            text(Role::ModelParameter, "p", "v"),
            "ModelParameter(\"p\", Str(\"v\"))",
        ),
        (
            number(Role::Prompt, "qa", 3),
            "Prompt(PromptRef { name: \"qa\", version: 3 })",
        ),
        (
            number(Role::CompletionStart, "", 9),
            "CompletionStart(Timestamp(9))",
        ),
        (
            (Role::Cost, "total", ValueRef::F64(0.5)),
            "Cost(\"total\", 0.5)",
        ),
        (
            text(Role::Call, "request_model", "m"),
            "RequestModel(\"m\")",
        ),
        (
            text(Role::Call, "response_model", "m"),
            "ResponseModel(\"m\")",
        ),
        (number(Role::Call, "output_chunks", 4), "OutputChunks(4)"),
        (number(Role::Call, "region", 4), "Call(\"region\", U64(4))"),
        // Numbers that no writer of this version writes.
        (number(Role::Prompt, "qa", 1 << 32), ""),
        (text(Role::Usage, "input", "7"), ""),
        (text(Role::Cost, "total", "7"), ""),
        (number(Role::Model, "", 7), ""),
    ] {
        let mut written = Attributes::default();
        written.push(role, key, value);
        let attributes = attribute::SpanAttributes(written.read(0));
        let all: Vec<String> = attributes.map(|a| format!("{a:?}")).collect();
        assert_eq!(all.concat(), shown, "{role:?}");
    }
}

#[test]
fn a_record_alone_has_no_more_memory_than_it_uses() {
    for record in [span(|_| {}), span(|s| s.add_metadata("key", 7u64))] {
        let words = &record.place().0.words;
        assert_eq!(words.capacity(), words.len());
    }
}

#[test]
fn parts_that_are_no_record_are_refused() {
    let id = SpanId::random();
    let mut written = Attributes::default();
    written.push(Role::Metadata, "key", ValueRef::Str("value"));
    let read = |words: &[u64], text: &str, name: u16| {
        let mut head = head::Head::new(id, ObservationType::Tool);
        head.set_name_len(name);
        let head = head::Head(head.placed(words.len(), text.len(), 0));
        let trace = Arc::new(TraceAttributes::default());
        Chunk::from_parts(TraceId::random(), head, words, text, Vec::new(), trace)
    };
    let whole = read(&written.words, "tkeyvalue", 1).unwrap();
    let record = SpanRecord::first(Arc::new(whole));
    assert_eq!(
        (record.name(), record.span_id(), record.local_root_id()),
        ("t", id, id)
    );
    assert_eq!(
        record.metadata().collect::<Vec<_>>(),
        [("key", ValueRef::Str("value"))]
    );
    assert!(read(&[], "t", 1).is_some());
    for (words, text, name) in [
        (&written.words[..], "tkeyvalue and more", 1),
        (&written.words, "tkeyvalu", 1),
        (&[], "text", 1),
        (&[], "t", 2),
        (&[written.words[0], u64::MAX], "tkeyvalue", 1),
        (&[u64::MAX], "t", 1),
    ] {
        assert!(read(words, text, name).is_none(), "{text}");
    }
}
