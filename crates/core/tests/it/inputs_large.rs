//! Streams without an end: what is kept of them has a bound, and what is not kept is counted.

use futures::StreamExt as _;
use futures::executor::block_on;
use futures::stream;
use serde_json::{Value, json};
use tracefuse_core::ObserveStream as _;
use tracefuse_core::record::SpanRecord;

use crate::inputs::{said, streamed};
use crate::stream_providers::{finish_reason, usage};
use crate::support::tracer;

const MIB: usize = 1024 * 1024;

/// Original and kept bytes by the mark of a stream that was cut.
fn cut(span: &SpanRecord) -> Option<(usize, usize)> {
    let mark = span
        .metadata()
        .find(|(key, _)| *key == "_truncated.stream")?;
    let facts: Value = serde_json::from_str(&mark.1.to_string()).unwrap();
    let bytes = |key: &str| usize::try_from(facts[key].as_u64().unwrap()).unwrap();
    Some((bytes("original_bytes"), bytes("kept_bytes")))
}

#[test]
fn of_text_without_an_end_64_mib_are_kept() {
    let (tracer, kept, _) = tracer();
    let trace = tracer.trace("root").start();
    let piece = "x".repeat(MIB);
    for (name, pieces, expected) in [("fits", 64, None), ("cut", 70, Some((70 * MIB, 64 * MIB)))] {
        let span = trace.generation(name).start();
        let text = stream::iter(std::iter::repeat_n(piece.as_str(), pieces));
        assert_eq!(block_on(text.observed(span).text().count()), pieces);
        let span = kept.named(name);
        assert_eq!(cut(&span), expected);
        assert_eq!(said(&span).as_str().unwrap().len(), 64 * MIB);
    }
    // An output of the user's own is not cut, so nothing is noted.
    let span = trace.generation("own").start();
    span.set_output("mine");
    let text = stream::iter(std::iter::repeat_n(piece.as_str(), 70));
    assert_eq!(block_on(text.observed(span).text().count()), 70);
    assert_eq!(cut(&kept.named("own")), None);
}

#[test]
fn of_an_answer_without_an_end_the_usage_is_read() {
    let piece = "x".repeat(4 * MIB);
    let mut chunks = vec![
        json!({ "model": "m", "choices": [{ "index": 0, "delta": { "role": "assistant", "content": piece } }] });
        24
    ];
    chunks.push(
        json!({ "model": "m", "choices": [{ "index": 0, "delta": {}, "finish_reason": "length" }],
        "usage": { "prompt_tokens": 5, "completion_tokens": 9, "total_tokens": 14 } }),
    );
    let span = streamed(&chunks, |s| s.openai());
    let (original, kept) = cut(&span).unwrap();
    // It is looked how much is kept after 8 MiB of chunks, so that a little more is kept.
    assert!((64 * MIB..=80 * MIB).contains(&kept), "{kept}");
    assert!((96 * MIB..97 * MIB).contains(&original), "{original}");
    assert_eq!(usage(&span), [("input", 5), ("output", 9)]);
    assert_eq!(finish_reason(&span).as_deref(), Some("length"));
    assert_eq!((span.model(), span.level()), (Some("m"), None));
}
