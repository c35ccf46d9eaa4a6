//! What the tests and the example of rig share: an OpenAI-compatible server, and an agent with a tool.
//! A crate of its own, so that who uses tracefuse never compiles rig.

mod agent;
mod server;

pub use agent::{Add, MathError, Numbers, agent};
pub use server::OpenAi;
