//! Foreign `traceparent` and `baggage`: refused or read, and what is passed on is read the same again.
//! Input: the two headers, a line each. Run by the fuzzer and by the replay of its seeds.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use tracefuse_core::propagation::RemoteContext;
use tracefuse_core::record::SpanRecord;
use tracefuse_core::{Processor, Tracer};

struct Nowhere;

impl Processor for Nowhere {
    fn on_end(&self, _: SpanRecord) {}
}

static TRACER: LazyLock<Tracer> = LazyLock::new(|| Tracer::builder(Nowhere).build());

pub(crate) fn run(data: &[u8]) {
    let text = String::from_utf8_lossy(data);
    let (traceparent, baggage) = text.split_once('\n').unwrap_or((&text, ""));
    let headers = BTreeMap::from([
        ("traceparent".to_owned(), traceparent.to_owned()),
        ("baggage".to_owned(), baggage.to_owned()),
    ]);
    let Some(remote) = RemoteContext::extract(&headers) else {
        return;
    };
    let trace = TRACER.trace("fuzz").continue_remote(&remote).start();
    if !trace.is_recording() {
        assert!(!remote.is_sampled());
        return;
    }
    let mut passed_on = BTreeMap::new();
    trace.inject(&mut passed_on);
    for value in passed_on.values() {
        let visible = |byte: u8| (b' '..=b'~').contains(&byte);
        assert!(value.bytes().all(visible), "a header: {value:?}");
    }
    let again = RemoteContext::extract(&passed_on).expect("what we write is valid");
    assert_eq!(again.trace_id(), remote.trace_id());
    assert_ne!(again.parent_span_id(), remote.parent_span_id());
    assert!(again.is_sampled());
    // What is too long together is left out, so only what is short must arrive.
    if baggage.len() < 500 {
        assert_eq!(again.user_id(), remote.user_id());
        assert_eq!(again.session_id(), remote.session_id());
        assert_eq!(again.attributes().version, remote.attributes().version);
    }
}
