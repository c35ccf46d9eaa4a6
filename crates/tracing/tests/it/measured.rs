//! Spans of `tracing` in traces that are not sampled, where the processor measures.

use std::sync::{Arc, Mutex};

use tracefuse_core::record::{FinishedSpan, SpanAttribute, SpanRecord};
use tracefuse_core::{Processor, SampleRate, Tracer};

use crate::support::under;

#[derive(Clone, Default)]
struct Seen(Arc<Mutex<Vec<String>>>);

impl Processor for Seen {
    fn on_end(&self, _: SpanRecord) {}

    fn measures(&self) -> bool {
        true
    }

    fn on_unsampled(&self, span: &FinishedSpan<'_>) {
        let model = span.attributes().find_map(|attribute| match attribute {
            SpanAttribute::Model(model) => Some(model.to_owned()),
            _ => None,
        });
        let line = format!("{} {model:?} {:?}", span.observation_type(), span.status());
        self.0.lock().unwrap().push(line);
    }
}

#[test]
fn an_unsampled_span_is_measured_with_its_fields() {
    let seen = Seen::default();
    let tracer = Tracer::builder(seen.clone())
        .sample_rate(SampleRate::new(0.0).unwrap())
        .build();
    under(
        &tracer,
        |builder| builder,
        || {
            let call = tracing::info_span!(
                "chat",
                gen_ai.operation.name = "chat",
                gen_ai.request.model = tracing::field::Empty
            );
            call.in_scope(|| {
                call.record("gen_ai.request.model", "gpt-4o");
                tracing::info_span!("tool", gen_ai.operation.name = "execute_tool")
                    .in_scope(|| tracing::error!("it failed"));
            });
        },
    );
    assert_eq!(
        *seen.0.lock().unwrap(),
        ["tool None Error", "generation Some(\"gpt-4o\") Unset"]
    );
}
