//! Any answer of a provider, whole or in chunks: it is read or ignored, without a panic, and the output is valid JSON.
//! Input: JSON documents, one a line. Run by the fuzzer and by the replay of its seeds.

use futures::{StreamExt as _, stream};
use tracefuse_core::ObserveStream as _;
use tracefuse_core::record::{SpanRecord, ValueRef};
use tracefuse_core::testing::Recorder;

pub(crate) fn run(data: &[u8]) {
    let text = String::from_utf8_lossy(data);
    let recorder = Recorder::new();
    let tracer = recorder.tracer();
    let trace = tracer.trace("fuzz").start();
    for body in [&*text, text.lines().next().unwrap_or_default()] {
        for record in [
            tracefuse_core::Span::record_openai::<str>,
            tracefuse_core::Span::record_anthropic::<str>,
            tracefuse_core::Span::record_gemini::<str>,
            tracefuse_core::Span::record_bedrock::<str>,
            tracefuse_core::Span::record_cohere::<str>,
            tracefuse_core::Span::record_ollama::<str>,
        ] {
            let span = trace.generation("whole").start();
            record(&span, body);
            span.end();
        }
    }
    let chunks = || stream::iter(text.lines().map(str::to_owned).collect::<Vec<_>>());
    let start = |name: &str| trace.generation(name).start();
    let read = async {
        let lines = text.lines().count();
        assert_eq!(chunks().observed(start("o")).openai().count().await, lines);
        assert_eq!(
            chunks().observed(start("a")).anthropic().count().await,
            lines
        );
        assert_eq!(chunks().observed(start("g")).gemini().count().await, lines);
        assert_eq!(chunks().observed(start("b")).bedrock().count().await, lines);
        assert_eq!(chunks().observed(start("c")).cohere().count().await, lines);
        assert_eq!(chunks().observed(start("l")).ollama().count().await, lines);
    };
    futures::executor::block_on(read);
    trace.finish();
    let spans = recorder.spans();
    assert_eq!(spans.len(), 19, "each ended once");
    for span in &spans {
        let values = [span.input(), span.output()].into_iter().flatten();
        for value in values.chain(span.metadata().map(|(_, value)| value)) {
            if let ValueRef::Json(json) = value {
                let parsed = serde_json::from_str::<serde::de::IgnoredAny>(json);
                assert!(parsed.is_ok(), "{json:?}");
            }
        }
        let mut bytes = Vec::new();
        span.encode(&mut bytes);
        assert!(SpanRecord::decode(&mut bytes.as_slice()).is_ok());
    }
}
