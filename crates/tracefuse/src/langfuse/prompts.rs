//! Prompts of Langfuse: fetched, cached, filled with variables and linked to generations (feature `prompts`).
//! See the [guide](https://github.com/tracefuse/tracefuse/blob/main/docs/guide/prompts.md).

pub use tracefuse_prompts::{
    ChatMessage, ChatPrompt, CompileError, CompiledChat, CompiledText, PromptClient,
    PromptClientBuilder, PromptError, PromptProblem, PromptRequest, PromptStats, TextPrompt,
};

use super::config_from_env;
use crate::config::ConfigError;

/// A client with the server and the keys of the environment, see [`config_from_env`]. Opens no connection.
///
/// ```no_run
/// # async fn run() -> anyhow::Result<()> {
/// let prompts = tracefuse::langfuse::prompts::from_env()?;
/// let prompt = prompts.text("weather").get().await?;
/// println!("{}", prompt.compile([("city", "Lyon")])?);
/// # Ok(()) }
/// ```
///
/// # Errors
/// [`ConfigError`] names the setting that cannot be used.
pub fn from_env() -> Result<PromptClient, ConfigError> {
    let client = PromptClient::new(config_from_env()?);
    client.map_err(|error| ConfigError::new(error.to_string()))
}
