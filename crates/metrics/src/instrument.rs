//! The instruments: name, unit, description, kind and bucket boundaries, as the specifications have them.
//! Named by `collect` and `accounting`; a table without logic. The dashboard in `docs/` is tested against it.

/// What an instrument's numbers mean.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// Only grows.
    Counter,
    /// Goes up and down, and may be added up.
    UpDownCounter,
    /// A state, such as 0 or 1.
    Gauge,
    /// A distribution.
    Histogram,
}

/// One instrument.
#[derive(Debug)]
pub(crate) struct Instrument {
    pub(crate) name: &'static str,
    pub(crate) unit: &'static str,
    pub(crate) description: &'static str,
    pub(crate) kind: Kind,
    /// Upper bounds of the buckets of a histogram, ascending; values above the last one have a further bucket.
    pub(crate) bounds: &'static [f64],
}

/// Buckets of the longest list of bounds.
pub(crate) const BUCKETS: usize = 15;

/// Of all durations of calls and tools.
pub(crate) const SECONDS: &[f64] = &[
    0.01, 0.02, 0.04, 0.08, 0.16, 0.32, 0.64, 1.28, 2.56, 5.12, 10.24, 20.48, 40.96, 81.92,
];
/// Of agents, which take longer.
pub(crate) const AGENT_SECONDS: &[f64] = &[
    0.1, 0.2, 0.4, 0.8, 1.6, 3.2, 6.4, 12.8, 25.6, 51.2, 102.4, 204.8, 409.6,
];
/// Of token counts: powers of four.
pub(crate) const TOKENS: &[f64] = &[
    1.0,
    4.0,
    16.0,
    64.0,
    256.0,
    1024.0,
    4096.0,
    16384.0,
    65536.0,
    262_144.0,
    1_048_576.0,
    4_194_304.0,
    16_777_216.0,
    67_108_864.0,
];

const _: () = assert!(SECONDS.len() < BUCKETS && TOKENS.len() < BUCKETS);
const _: () = assert!(AGENT_SECONDS.len() < BUCKETS);

macro_rules! instruments {
    ($($id:ident = $kind:ident $name:literal $unit:literal $bounds:expr, $description:literal;)*) => {
        $(pub(crate) const $id: &Instrument = &Instrument {
            name: $name,
            unit: $unit,
            description: $description,
            kind: Kind::$kind,
            bounds: $bounds,
        };)*
        /// All of them, for tests.
        #[cfg(test)]
        pub(crate) const ALL: &[&Instrument] = &[$($id),*];
    };
}

// Semantic conventions for generative AI, version 0.1.0: client inference, token metrics, agents and tools.
// Semantic conventions for OpenTelemetry SDK metrics (`otel.sdk.*`). `tracefuse.*` is what they have no name for.
instruments! {
    INFERENCE_DURATION = Histogram "gen_ai.client.inference.duration" "s" SECONDS,
        "Duration of model calls.";
    FIRST_CHUNK = Histogram "gen_ai.client.inference.time_to_first_chunk" "s" SECONDS,
        "Time to the first chunk of a streamed answer.";
    OUTPUT_CHUNK = Histogram "gen_ai.client.inference.time_per_output_chunk" "s" SECONDS,
        "Time between chunks of a streamed answer, after the first one.";
    INPUT_TOKENS = Counter "gen_ai.client.inference.usage.input_tokens" "{token}" &[],
        "Input tokens, cached ones included.";
    OUTPUT_TOKENS = Counter "gen_ai.client.inference.usage.output_tokens" "{token}" &[],
        "Output tokens, reasoning included.";
    CACHE_READ_TOKENS = Counter "gen_ai.client.inference.usage.cache_read.input_tokens" "{token}" &[],
        "Input tokens that were read from the provider's cache.";
    CACHE_WRITE_TOKENS = Counter "gen_ai.client.inference.usage.cache_write.input_tokens" "{token}" &[],
        "Input tokens that were written to the provider's cache.";
    REASONING_TOKENS = Counter "gen_ai.client.inference.usage.reasoning.output_tokens" "{token}" &[],
        "Output tokens that were used for reasoning.";
    CALL_INPUT_TOKENS = Histogram "gen_ai.client.inference.operation.input_tokens" "{token}" TOKENS,
        "Input tokens of each model call.";
    CALL_OUTPUT_TOKENS = Histogram "gen_ai.client.inference.operation.output_tokens" "{token}" TOKENS,
        "Output tokens of each model call.";
    OPERATION_DURATION = Histogram "gen_ai.client.operation.duration" "s" SECONDS,
        "Duration of embeddings and retrievals; with the older names of model calls too.";
    TOKEN_USAGE = Histogram "gen_ai.client.token.usage" "{token}" TOKENS,
        "Input and output tokens of each call, by the older name.";
    AGENT_DURATION = Histogram "gen_ai.invoke_agent.duration" "s" AGENT_SECONDS,
        "Duration of agents.";
    TOOL_DURATION = Histogram "gen_ai.execute_tool.duration" "s" SECONDS,
        "Duration of tools.";

    SPANS_STARTED = Counter "otel.sdk.span.started" "{span}" &[],
        "Spans that were started, recorded or not.";
    SPANS_LIVE = UpDownCounter "otel.sdk.span.live" "{span}" &[],
        "Spans that are open.";
    QUEUE_SIZE = UpDownCounter "otel.sdk.processor.span.queue.size" "{span}" &[],
        "Spans that wait in the queue of an exporter.";
    QUEUE_CAPACITY = UpDownCounter "otel.sdk.processor.span.queue.capacity" "{span}" &[],
        "Spans that the queue of an exporter can hold.";
    PROCESSED = Counter "otel.sdk.processor.span.processed" "{span}" &[],
        "Spans that left the queue: answered by the receiver, or dropped for the reason in error.type.";
    INFLIGHT = UpDownCounter "otel.sdk.exporter.span.inflight" "{span}" &[],
        "Spans that are in an attempt.";
    EXPORTED = Counter "otel.sdk.exporter.span.exported" "{span}" &[],
        "Spans whose export has ended: taken by the receiver, or failed for the reason in error.type.";
    DATA_POINTS = Counter "otel.sdk.exporter.metric_data_point.exported" "{data_point}" &[],
        "Data points of metrics whose export has ended: taken by the receiver, or failed for the reason in error.type.";

    SPANS_RECORDED = Counter "tracefuse.spans.recorded" "{span}" &[],
        "Spans of sampled traces that ended.";
    SPANS_MEASURED = Counter "tracefuse.spans.unsampled" "{span}" &[],
        "Spans of unsampled traces that ended: they are measured and not delivered.";
    SPANS_HELD = UpDownCounter "tracefuse.spans.held" "{span}" &[],
        "Spans that wait for the end of their trace (tail sampling).";
    SPANS_SAMPLED_OUT = Counter "tracefuse.spans.sampled_out" "{span}" &[],
        "Spans of traces that tail sampling did not keep.";
    SPANS_OUTSIDE = Counter "tracefuse.spans.outside_trace" "{span}" &[],
        "Spans that were started where no trace is current.";
    LATE_WRITES = Counter "tracefuse.late_writes" "{write}" &[],
        "Values that were set on spans that had ended, and so ignored.";
    TRACES_UNSAMPLED = Counter "tracefuse.traces.unsampled" "{trace}" &[],
        "Traces that the sampler left out.";
    EXPORTER_RECORDED = Counter "tracefuse.exporter.span.recorded" "{span}" &[],
        "Spans that were given to an exporter.";
    QUEUE_BYTES = UpDownCounter "tracefuse.exporter.queue.bytes" "By" &[],
        "Bytes of the spans that an exporter has in memory.";
    SPOOLED = UpDownCounter "tracefuse.exporter.span.spooled" "{span}" &[],
        "Spans that wait on disk.";
    ATTEMPTS_FAILED = Counter "tracefuse.exporter.attempts.failed" "{attempt}" &[],
        "Attempts to export that failed.";
    HEALTHY = Gauge "tracefuse.exporter.healthy" "1" &[],
        "1 if the last attempt succeeded, else 0.";
    BREAKER_OPEN = Gauge "tracefuse.exporter.breaker.open" "1" &[],
        "1 while the circuit breaker is open or the receiver refuses us, else 0.";
    SERIES = UpDownCounter "tracefuse.metrics.series" "{series}" &[],
        "Sets of attributes in memory.";
    OVERFLOWED = Counter "tracefuse.metrics.overflowed" "{span}" &[],
        "Spans that were counted in a series with otel.metric.overflow.";
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn every_name_is_there_once_and_bounds_ascend() {
        let names: BTreeSet<&str> = ALL.iter().map(|instrument| instrument.name).collect();
        assert_eq!(names.len(), ALL.len());
        for instrument in ALL {
            let histogram = instrument.kind == Kind::Histogram;
            assert_eq!(
                histogram,
                !instrument.bounds.is_empty(),
                "{}",
                instrument.name
            );
            assert!(instrument.bounds.is_sorted_by(|a, b| a < b));
        }
    }
}
