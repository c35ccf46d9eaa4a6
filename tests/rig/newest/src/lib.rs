//! The newest rig and swiftide, which need a newer compiler than the rest of the repository: the agent and the server of
//! `tests/rig`, and an agent of swiftide. Used by the tests of this package.

#[path = "../../src/agent.rs"]
mod agent;
#[expect(unreachable_pub, reason = "`tests/rig` exports it")]
#[path = "../../src/recorded.rs"]
mod recorded;
#[path = "../../src/server.rs"]
mod server;
mod swiftide;

pub use crate::swiftide::swiftide_agent;
pub use agent::{Add, MathError, Numbers, agent};
pub use server::OpenAi;

use mock_langfuse::Observation;
use tracefuse::Tracer;

/// Runs `work` with the layer, prints the tree that the server has, and gives its observations.
///
/// # Panics
/// If a part cannot be started, or the server has no trace or more than one.
pub async fn recorded(work: impl AsyncFnOnce(&Tracer, &OpenAi)) -> Vec<Observation> {
    // swiftide turns on a feature of reqwest that leaves the choice of cryptography to the program.
    let _ = rustls::crypto::ring::default_provider().install_default();
    recorded::recorded(work).await
}
