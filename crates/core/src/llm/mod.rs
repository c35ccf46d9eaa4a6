//! What model providers answer. `response` has the methods for whole responses, `stream` reads streams of chunks,
//! `provider` the language of each provider, `usage` the counts. Called by applications; must not know who delivers spans.

pub(crate) mod lenient;
pub(crate) mod provider;
mod response;
pub mod stream;
pub(crate) mod usage;
