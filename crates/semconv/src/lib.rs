//! What attributes mean for an observation: OpenTelemetry's `gen_ai.*`, Langfuse's `langfuse.*`, and the names of
//! OpenInference, Traceloop, pydantic-ai and Vercel's AI SDK.
//!
//! The bridges from `tracing` and from the OpenTelemetry SDK read spans by these rules. Applications name
//! `tracefuse`; this crate is for bridges.
//!
//! ```
//! use tracefuse_semconv::{Observation, Value};
//!
//! # let tracer = tracefuse_core::Tracer::noop();
//! let trace = tracer.trace("chat").start();
//! let observation = Observation::new(trace.root().clone(), true, "chat");
//! observation.record("gen_ai.request.model", Value::Str("gpt-4o".into())); // now it is a generation
//! observation.finish(false);
//! ```

#![forbid(unsafe_code)]
#![cfg_attr(docsrs, feature(doc_cfg))]
#![cfg_attr(
    not(test),
    deny(
        clippy::unwrap_used,
        clippy::expect_used,
        clippy::indexing_slicing,
        clippy::panic
    )
)]

mod facts;
mod flat;
mod frameworks;
mod gen_ai;
mod langfuse;
mod langfuse_observation;
mod llm;
mod messages;
mod names;
mod observation;
mod openinference;
mod read;
mod settle;
mod time;
mod traceloop;
mod usage;
mod value;
mod vercel;
mod vercel_report;

pub use messages::MessageEvents;
pub use names::{
    APP_ROOT, ENVIRONMENT, FIRST_TOKEN_EVENT, RELEASE, TRACE_NAME, VERSION, agent_span,
    is_langfuse_attribute, is_llm_attribute, is_llm_library, is_own, is_transport,
};
pub use observation::Observation;
pub use value::Value;
