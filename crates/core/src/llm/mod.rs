//! What model providers answer: whole responses (`provider`), streams of chunks (`stream`), and what either says of
//! its use (`usage`). Called by span handles; must not know who delivers spans.

pub(crate) mod provider;
pub mod stream;
pub(crate) mod usage;
