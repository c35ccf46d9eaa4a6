//! What the tests and examples of rig and async-openai share: an OpenAI-compatible server, an agent of rig
//! with a tool, and calls by async-openai. A separate crate, so that users of tracefuse compile neither.

mod agent;
mod calls;
mod server;

pub use agent::{Add, MathError, Numbers, agent};
pub use calls::{ask, ask_streamed, ask_with_tools, client, request, with_add};
pub use server::OpenAi;

/// The guide, so that its code is compiled by the tests.
#[cfg(doctest)]
#[doc = include_str!("../../../docs/guide/async-openai.md")]
struct Guide;
