//! The one function in which a worker waits: for a call, for news from its queue, or until a time.
//! Called by `worker::run` and by `delivery`.

use std::future::poll_fn;
use std::pin::pin;
use std::task::Poll;

use tokio::time::Instant;

use crate::queue::ExporterQueue;

/// What ended a wait.
pub(crate) enum Woken<T> {
    /// The event came, and this is what it gave.
    Event(T),
    /// The queue has news: records, a flush, a shutdown. The wait for the event has ended.
    News,
    Time,
}

/// Waits for `event`, for news from the queue, or until `until`, whichever comes first.
pub(crate) async fn wait<T>(
    queue: &ExporterQueue,
    event: impl Future<Output = T>,
    until: Option<Instant>,
) -> Woken<T> {
    let mut event = pin!(event);
    let mut news = pin!(queue.wake.notified());
    let mut time = pin!(async {
        match until {
            Some(until) => tokio::time::sleep_until(until).await,
            None => std::future::pending().await,
        }
    });
    poll_fn(|cx| {
        if let Poll::Ready(answer) = event.as_mut().poll(cx) {
            return Poll::Ready(Woken::Event(answer));
        }
        if news.as_mut().poll(cx).is_ready() {
            return Poll::Ready(Woken::News);
        }
        time.as_mut().poll(cx).map(|()| Woken::Time)
    })
    .await
}
