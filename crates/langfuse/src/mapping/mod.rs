//! Writes records with the attributes that Langfuse reads (`docs/langfuse.md` 2.4 to 2.7, 5 and 6).
//! Called by `exporter` for each batch: `span` writes what an observation has, `trace` what it has of its trace, `children` its
//! events and errors. Writes through the encoder of `tracefuse_otlp`; knows no HTTP.

mod children;
mod span;
mod trace;

use std::sync::Arc;

use tracefuse_exporter::record::{ExceptionRef, Resource, SpanRecord, TraceAttributes};
use tracefuse_otlp::encode::{self, Scope, SpanHead, Spans};

use crate::attributes as name;
use crate::fields::Fields;
use crate::text;

/// What is reserved for a span beside its own bytes: names of attributes and what it has of its trace.
const SPAN_BYTES: usize = 320;

/// About how many bytes spans have encoded.
fn expected<'s>(records: impl Iterator<Item = &'s SpanRecord>) -> usize {
    records.map(|record| record.size() + SPAN_BYTES).sum()
}

/// Encodes a batch as one request. The same batch gives the same bytes.
pub(crate) fn encode<'s>(
    resource: &Resource,
    records: impl Iterator<Item = &'s SpanRecord> + Clone,
) -> Vec<u8> {
    let scope = Scope {
        name: name::SCOPE,
        version: env!("CARGO_PKG_VERSION"),
    };
    encode::request(
        &scope,
        expected(records.clone()),
        |attributes| trace::write_resource(resource, attributes),
        |spans| {
            let mut mapping = Mapping {
                resource,
                shared: None,
                scratch: String::new(),
            };
            let mut fields = Fields::default();
            for record in records {
                fields.read(record);
                spans.may_contain_nul(record.contains_nul());
                mapping.observation(record, &fields, spans);
            }
        },
    )
}

struct Mapping<'a> {
    resource: &'a Resource,
    /// Attributes of the last trace and their encoded bytes: consecutive spans share them.
    shared: Option<(Arc<TraceAttributes>, Vec<u8>)>,
    scratch: String,
}

impl Mapping<'_> {
    /// Writes a record, and its events and errors as child observations, because Langfuse drops span events.
    fn observation(&mut self, record: &SpanRecord, fields: &Fields<'_>, spans: &mut Spans<'_>) {
        let trace = record.trace();
        let shared = self.trace_attributes(trace);
        // The server reads the trace's metadata from the root's row, so the root keeps the trace's value.
        let own = if record.is_local_root() {
            None
        } else {
            let links = (!fields.links.is_empty()).then_some(name::LINKS);
            let keys = || fields.metadata.iter().map(|(key, _)| *key).chain(links);
            self.without_clashes(trace, keys)
        };
        spans.span(&SpanHead::of(record), |body| {
            body.copy_attributes(own.as_ref().unwrap_or(&shared));
            span::write(record, fields, body, &mut self.scratch);
        });
        for event in fields.events.iter().copied() {
            let own = self.without_clashes(trace, || event.metadata().map(|(key, _)| key));
            let shared = own.as_ref().unwrap_or(&shared);
            children::event(record, event, shared, spans, &mut self.scratch);
        }
        // A single error is written on the span itself. One that was recorded before, here or below, is not repeated.
        let own = |error: &&ExceptionRef<'_>| !error.is_propagated();
        if fields.exceptions.iter().skip(1).any(|error| own(&error)) {
            for exception in fields.exceptions.iter().filter(own) {
                children::exception(record, *exception, &shared, spans);
            }
        }
        self.shared = Some((trace.clone(), shared));
    }

    /// The encoded attributes of a trace. They are taken out of `shared` while they are used, and put back afterwards.
    fn trace_attributes(&mut self, trace: &Arc<TraceAttributes>) -> Vec<u8> {
        match self.shared.take() {
            Some((known, bytes)) if Arc::ptr_eq(&known, trace) => bytes,
            _ => {
                text::warn_if_long(trace);
                encode::span_attributes(|attributes| {
                    trace::write(trace, self.resource, attributes, |_| true)
                })
            }
        }
    }

    /// On one row, metadata of the trace replaces metadata of the observation with the same key (`docs/langfuse.md`
    /// 2.4). To keep the observation's value, the trace's value is left out of that row; the other rows have it.
    fn without_clashes<'k, K: Iterator<Item = &'k str>>(
        &self,
        trace: &TraceAttributes,
        keys: impl Fn() -> K,
    ) -> Option<Vec<u8>> {
        let clashes = |known: &str| keys().any(|key| key == known);
        let clash = trace.metadata.iter().any(|(key, _)| clashes(key));
        clash.then(|| {
            encode::span_attributes(|attributes| {
                trace::write(trace, self.resource, attributes, |key| !clashes(key));
            })
        })
    }
}

#[cfg(test)]
mod tests {
    use tracefuse_core::testing::Recorder;
    use tracefuse_exporter::record::Record;

    use super::*;

    #[test]
    fn the_expected_size_of_spans_is_near_their_size() {
        for (spans, input) in [(1, 0), (20, 0), (20, 2_000)] {
            let recorder = Recorder::new();
            let tracer = recorder.tracer();
            for _ in 0..spans {
                let trace = tracer.trace("root").user_id("u").input("x".repeat(input));
                trace.run(|_| {});
            }
            let records = recorder.take();
            let records = || records.iter().filter_map(Record::as_span);
            let expected = expected(records());
            let size = encode(&Resource::default(), records()).len();
            assert!(
                expected >= size / 2 && expected <= size * 3,
                "{expected} {size}"
            );
        }
    }
}
