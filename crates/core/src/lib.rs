//! Records what an LLM application did: traces of nested observations, without a runtime or a network.
pub mod record;
pub use record::*;
