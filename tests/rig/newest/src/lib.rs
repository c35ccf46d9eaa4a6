//! The newest rig and swiftide, which need a newer compiler than the rest of the repository: the agent and the server of
//! `tests/rig`, and an agent of swiftide. Used by the tests of this package.

#[path = "../../src/agent.rs"]
mod agent;
#[path = "../../src/recorded.rs"]
mod recorded;
#[path = "../../src/server.rs"]
mod server;
mod swiftide;

pub use crate::swiftide::swiftide_agent;
pub use agent::{Add, MathError, Numbers, agent};
pub use recorded::recorded;
pub use server::OpenAi;
