//! What an application asks of a Langfuse server in addition to delivery: whether its keys work, the address of a trace.
//! Blocking and async, on any executor or none.

pub use tracefuse_langfuse::{
    AuthError, AuthProblem, HttpConfig, LangfuseConfig, LangfuseProject, MediaMode, ProxyConfig,
    Secret, SettingError, trace_id_from_seed,
};

use crate::config::{Config, ConfigError, Mode, Process, load};

#[cfg(feature = "experiments")]
#[cfg_attr(docsrs, doc(cfg(feature = "experiments")))]
pub mod experiments;
#[cfg(feature = "prompts")]
#[cfg_attr(docsrs, doc(cfg(feature = "prompts")))]
pub mod prompts;

/// Asks the server which project the keys in the environment belong to: the first step if no traces appear. It reads the
/// same variables, `.env` and `tracefuse.toml` as [`from_env`](crate::from_env), whatever `TRACING_MODE` says. Blocks for
/// at most the configured timeout, works on any thread.
///
/// ```no_run
/// match tracefuse::langfuse::auth_check_from_env() {
///     Ok(project) => println!("traces go to {}", project.name),
///     Err(error) => println!("no traces: {error}"),
/// }
/// ```
///
/// # Errors
/// [`AuthError`] says what is wrong, the settings, the keys, the address, the network or TLS, and what to do.
pub fn auth_check_from_env() -> Result<LangfuseProject, AuthError> {
    auth_check(&from_env()?)
}

/// [`auth_check_from_env`] without blocking the thread, on any executor.
///
/// # Errors
/// As [`auth_check_from_env`].
pub async fn auth_check_from_env_async() -> Result<LangfuseProject, AuthError> {
    auth_check_async(&from_env()?).await
}

fn from_env() -> Result<LangfuseConfig, AuthError> {
    let wrong = |error: ConfigError| AuthError::new(AuthProblem::Config, error.to_string());
    config_from_env().map_err(wrong)
}

/// The settings of mode `langfuse` in the environment, `.env` and `tracefuse.toml`, whatever `TRACING_MODE` says, for a
/// client of Langfuse that is built in code.
///
/// # Errors
/// [`ConfigError`] names the variable that has to be changed.
pub fn config_from_env() -> Result<LangfuseConfig, ConfigError> {
    let config: Config = load(&Process, Some(Mode::Langfuse))?;
    let checked = config.langfuse.check();
    checked.map_err(|error| crate::modes::langfuse::named(&config, &error))?;
    Ok(config.langfuse)
}

/// Asks the server which project the keys belong to. For keys from the environment see [`auth_check_from_env`]. Blocks
/// for at most the configured timeout, works on any thread.
///
/// ```no_run
/// use tracefuse::{LangfuseConfig, langfuse::auth_check};
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
        format!("no thread can be started for the request: {error}"),
    )
}

fn interrupted() -> AuthError {
    AuthError::new(
        AuthProblem::Unreachable,
        "the check was interrupted".to_owned(),
    )
}
