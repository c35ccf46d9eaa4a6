//! The memory of records and chunks, and the order in which a chunk is read.

use super::super::chunk::TraceRef;
use super::super::format::LARGE;
use super::*;
use crate::{Clock, ManualClock, Tracer};

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
    // Another trace takes another place.
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
fn spans_that_end_one_after_another_share_the_state_of_their_trace() {
    let [first, second] = ["first", "second"].map(|name| {
        let attributes = TraceAttributes {
            name: name.into(),
            ..TraceAttributes::default()
        };
        SharedTrace::new(TraceId::random(), SpanId::random(), Arc::new(attributes))
    });
    let mut all = Chunk::default();
    let mut end = |trace: &SharedTrace| {
        let mut buffer = Buffer::default();
        buffer.begin(SpanId::random(), ObservationType::Span);
        buffer.begin_name("s");
        let span = FinishedSpan {
            buffer: &buffer,
            trace,
        };
        assert_eq!(span.size(), 48 + 1);
        all.push(&span);
    };
    end(&first);
    end(&first);
    end(&second);
    end(&first);
    first.update(|attributes| attributes.name.push_str(", renamed"));
    end(&first);
    end(&first);
    assert_eq!(all.traces.len(), 4);
    let spans: Vec<_> = Records::new(all.into()).collect();
    let names: Vec<_> = spans
        .iter()
        .map(|span| span.trace().name.as_str())
        .collect();
    let renamed = "first, renamed";
    assert_eq!(
        names,
        ["first", "first", "second", "first", renamed, renamed]
    );
    for (span, trace) in spans
        .iter()
        .zip([&first, &first, &second, &first, &first, &first])
    {
        assert_eq!(
            (span.trace_id(), span.local_root_id()),
            (trace.id, trace.root)
        );
    }
}

#[test]
fn a_text_of_a_certain_length_is_shared_and_a_shorter_one_copied() {
    let text = |bytes: usize| "x".repeat(bytes);
    for (bytes, shared) in [(1, 0), (LARGE - 1, 0), (LARGE, 1)] {
        for record in [
            span(|s| s.set_input(text(bytes))),
            span(|s| s.set_input(text(bytes).as_str())),
            span(|s| s.add_metadata("k", text(bytes).as_str())),
            root(|trace| trace.event("e").input(text(bytes)).record()),
            root(|trace| {
                trace
                    .event("e")
                    .input([text(bytes.saturating_sub(4))])
                    .record()
            }),
        ] {
            assert_eq!(record.place().0.large.len(), shared, "{bytes}");
        }
    }
}

#[test]
fn large_texts_of_several_spans_stay_with_their_spans() {
    let spans = ["a", "b", "c"].map(|letter| {
        root(|trace| {
            trace.root().add_metadata("number", 7u64);
            trace.event("e").record();
            trace.set_input(letter.repeat(LARGE));
            trace.root().add_metadata("large", letter.repeat(LARGE + 1));
        })
    });
    let all = SharedChunk::from(chunk(&[&spans[0], &spans[1], &spans[2]]));
    for (read, span) in Records::new(all).zip(&spans) {
        assert_eq!(read.input(), span.input());
        assert!(read.metadata().eq(span.metadata()));
        assert_eq!((read.events().len(), read.size()), (1, span.size()));
    }
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
    let ids: Vec<_> = Records::new(taken).map(|span| span.trace_id()).collect();
    assert_eq!(ids, [a.trace_id(), b.trace_id()]);
    let again: Vec<_> = Records::new(filled.into())
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
    let all = SharedChunk::from(chunk(&[&spans[0], &spans[1], &spans[2]]));
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
    let record = SpanRecord::first(whole.into());
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
