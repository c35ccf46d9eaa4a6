//! Metrics of the GenAI conventions from finished spans, as OTLP and as Prometheus text.
#![forbid(unsafe_code)]
