//! The memory of finished spans: what keeps a chunk, and how much is added to one.

use tracefuse_core::record::{Chunk, Records, SharedChunk, SpanRecord};

use crate::support::tracer;

/// A span with an input of so many bytes.
fn span(input: usize) -> SpanRecord {
    let (tracer, recorder, _) = tracer();
    tracer.trace("t").input("x".repeat(input)).run(|_| {});
    recorder.only()
}

/// Whether a span that shared its chunk with another one still refers to it once it is alone.
fn keeps_its_chunk(input: usize) -> bool {
    let mut chunk = Chunk::default();
    chunk.push_record(&span(input));
    chunk.push_record(&span(1));
    let chunk = SharedChunk::from(chunk);
    let mut alone = Records::new(chunk.clone())
        .next()
        .map(|span| Records::one(&span))
        .unwrap();
    let keeps = chunk.is_shared();
    let read = alone.next().unwrap();
    assert_eq!(read.input(), span(input).input());
    assert_eq!(alone.len(), 0);
    keeps
}

#[test]
fn a_small_span_leaves_its_chunk_and_a_large_one_shares_it() {
    assert!(!keeps_its_chunk(10));
    assert!(!keeps_its_chunk(3_500));
    assert!(keeps_its_chunk(5_000));
}

#[test]
fn a_chunk_takes_spans_up_to_its_bytes_and_while_no_other_has_it() {
    let (first, second) = (span(10), span(20));
    let mut records = Records::one(&first);
    let bound = records.size() + second.size();
    assert_eq!(records.append(&second, bound - 1), None);
    let reader = records.clone();
    assert_eq!(records.append(&second, bound), None, "it is shared");
    drop(reader);
    let before = records.size();
    let grown = records.append(&second, bound).unwrap();
    assert_eq!((records.len(), records.size()), (2, before + grown));
    let inputs: Vec<_> = records
        .map(|span| span.input().unwrap().to_string())
        .collect();
    assert_eq!(inputs, ["x".repeat(10), "x".repeat(20)]);
}
