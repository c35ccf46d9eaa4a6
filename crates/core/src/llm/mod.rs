//! What model providers answer: whole responses (`provider`) and streams of chunks (`stream`).
//! Called by span handles; must not know who delivers spans.

pub(crate) mod provider;
pub mod stream;
