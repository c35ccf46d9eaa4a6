//! Traces and the tracer that begins them: sampling, trace attributes in a scope, leak warnings, shutdown.
//! Called by applications; built on `span`.

pub(crate) mod builder;
pub(crate) mod guard;
pub(crate) mod handle;
pub(crate) mod leak;
mod run;
pub(crate) mod sampler;
pub(crate) mod scope;
pub(crate) mod settings;
pub(crate) mod tracer;
