//! What an application asks of a Langfuse server beside delivery: whether its keys work, where a trace is shown.
//! Blocking and async, on any executor or none.

pub use tracefuse_langfuse::{
    AuthError, AuthProblem, LangfuseConfig, LangfuseProject, MediaMode, trace_id_from_seed,
};

/// Asks the server which project the keys belong to: the first thing to look at when no traces appear. Blocks for at
/// most the configured timeout, works on any thread.
///
/// ```no_run
/// use tracefuse::{LangfuseConfig, auth_check};
///
/// match auth_check(&LangfuseConfig::new("pk-lf-..", "sk-lf-..")) {
///     Ok(project) => println!("traces go to {}", project.name),
///     Err(error) => println!("no traces: {error}"),
/// }
/// ```
///
/// # Errors
/// [`AuthError`] says what is wrong, the keys, the address, the network or TLS, and what to do.
pub fn auth_check(config: &LangfuseConfig) -> Result<LangfuseProject, AuthError> {
    let config = config.clone();
    let answer =
        tracefuse_runtime::spawn_on_thread(async move { LangfuseProject::find(&config).await });
    answer
        .map_err(|error| no_thread(&error))?
        .recv()
        .unwrap_or_else(|_| Err(interrupted()))
}

/// [`auth_check`] without blocking the thread, on any executor.
///
/// # Errors
/// As [`auth_check`].
pub async fn auth_check_async(config: &LangfuseConfig) -> Result<LangfuseProject, AuthError> {
    let config = config.clone();
    let answer =
        tracefuse_runtime::spawn_on_thread(async move { LangfuseProject::find(&config).await });
    answer
        .map_err(|error| no_thread(&error))?
        .await
        .unwrap_or_else(|| Err(interrupted()))
}

fn no_thread(error: &std::io::Error) -> AuthError {
    AuthError::new(
        AuthProblem::Config,
        format!("no thread can be started to ask with: {error}"),
    )
}

fn interrupted() -> AuthError {
    AuthError::new(
        AuthProblem::Unreachable,
        "the check was interrupted".to_owned(),
    )
}
