//! tokio tasks that start with the current span of the code that spawns them.
//! Called by applications in place of `tokio::spawn`; knows no span's content.

use tokio::task::JoinHandle;
use tracefuse_core::{InSpan, Span};

/// [`tokio::spawn`], with the current span as the parent of what the task records.
///
/// For a new span that ends with the task, spawn `future.in_span(span)`, see [`InSpan::in_span`].
///
/// ```
/// # async fn fetch(_: u32) {}
/// # tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(async {
/// # let tracer = tracefuse::Tracer::noop();
/// tracer.trace("request").run_async(async |_| {
///     let tasks: Vec<_> = (0..3).map(|n| tracefuse::task::spawn(fetch(n))).collect();
///     for task in tasks {
///         task.await?;
///     }
///     Ok::<_, tokio::task::JoinError>(())
/// }).await
/// # }).unwrap();
/// ```
///
/// # Panics
/// Outside of a tokio runtime, as [`tokio::spawn`] does.
#[track_caller]
pub fn spawn<F>(future: F) -> JoinHandle<F::Output>
where
    F: Future + Send + 'static,
    F::Output: Send + 'static,
{
    tokio::spawn(future.in_current_span())
}

/// [`tokio::task::spawn_blocking`], with the current span as the parent of what the closure records.
///
/// For a new span that ends with the closure, pass `span.wrap(closure)` to tokio, see [`Span::wrap`].
///
/// # Panics
/// Outside of a tokio runtime, as [`tokio::task::spawn_blocking`] does.
#[track_caller]
pub fn spawn_blocking<F, R>(f: F) -> JoinHandle<R>
where
    F: FnOnce() -> R + Send + 'static,
    R: Send + 'static,
{
    let span = Span::current();
    tokio::task::spawn_blocking(move || {
        let _entered = span.enter();
        f()
    })
}
