//! What the tests and examples of rig, async-openai and genai share: an OpenAI-compatible server, an agent of rig
//! with a tool, calls by async-openai, and clients with the layer for HTTP clients. A separate crate, so that users of
//! tracefuse compile none of them.

mod agent;
mod calls;
mod layer;
mod recorded;
mod server;

pub use agent::{Add, MathError, Numbers, agent};
pub use calls::{ask, ask_streamed, ask_with_tools, client, request, with_add};
pub use layer::{RigHttp, agent_over, genai_client, recorded_client, recorded_openai};
pub use recorded::recorded;
pub use server::OpenAi;

/// The guide, so that its code is compiled by the tests.
#[cfg(doctest)]
#[doc = include_str!("../../../docs/guide/async-openai.md")]
struct Guide;
