//! Ctrl-C and SIGTERM for programs on tokio, so that the last spans are delivered.
//! Called by `main` functions. Installs no signal handler before that.

use std::io;

use tracefuse_core::{Incomplete, Report, Tracer};

/// Completes when the process is asked to end: by Ctrl-C, and on Unix by SIGTERM.
///
/// # Errors
/// If the system does not allow a signal handler.
pub async fn interrupted() -> io::Result<()> {
    #[cfg(unix)]
    {
        use tokio::signal::unix::{SignalKind, signal};
        let mut terminate = signal(SignalKind::terminate())?;
        tokio::select! {
            interrupted = tokio::signal::ctrl_c() => interrupted,
            _ = terminate.recv() => Ok(()),
        }
    }
    #[cfg(not(unix))]
    tokio::signal::ctrl_c().await
}

/// Runs `work` until it ends or the process is asked to end, then shuts the tracer down. The first value is what
/// `work` returned, `None` if it was interrupted and dropped: its open spans end as cancelled or unfinished.
///
/// ```no_run
/// # async fn serve(_: tracefuse::Tracer) {}
/// # #[tokio::main]
/// # async fn main() {
/// let tracer = tracefuse::from_env_or_noop();
/// let (_, delivered) = tracefuse::signal::run_until_interrupted(&tracer, serve(tracer.clone())).await;
/// if let Err(incomplete) = delivered {
///     eprintln!("{incomplete}");
/// }
/// # }
/// ```
pub async fn run_until_interrupted<F: Future>(
    tracer: &Tracer,
    work: F,
) -> (Option<F::Output>, Result<Report, Incomplete>) {
    let done = tokio::select! {
        done = work => Some(done),
        // If the system does not allow a signal handler, only the end of the work remains.
        Ok(()) = interrupted() => None,
    };
    (done, tracer.shutdown_async().await)
}
