//! The requests that the receiver has not answered yet, on disk: a spool, and the counts of requests by result.
//! The server puts requests in on its threads for blocking work; the sender takes them out the same way.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use anyhow::Context as _;
use bytes::Bytes;
use tokio::sync::{Notify, watch};
use tracefuse_core::Clock;
use tracefuse_server::Tee;
use tracefuse_spool::{BatchId, Spool, SpoolConfig, SpoolError, StoredBatch};

use crate::spooled;

/// See the module.
pub(super) struct Queue {
    spool: Mutex<Spool>,
    clock: Clock,
    arrived: Notify,
    /// Requests on disk.
    waiting: watch::Sender<u64>,
    /// The receiver has them.
    pub(super) sent: AtomicU64,
    /// The receiver refused them for good.
    pub(super) refused: AtomicU64,
    /// They could not be written to disk.
    not_kept: AtomicU64,
    /// They were on disk and were deleted at a bound of size, number or age, or could not be read back.
    lost: AtomicU64,
    /// Whether the last request could not be written: only the first of a row is printed.
    is_failing: AtomicBool,
}

impl Queue {
    /// Opens the directory for one destination, and takes over what an earlier run left there for it.
    pub(super) fn open(config: SpoolConfig) -> anyhow::Result<Self> {
        let clock = Clock::system();
        let directory = config.dir.clone();
        let (spool, _) = Spool::open(config, now(&clock))
            .with_context(|| format!("cannot keep requests in {}", directory.display()))?;
        let waiting = watch::Sender::new(spool.stats().frames);
        Ok(Self {
            spool: Mutex::new(spool),
            clock,
            arrived: Notify::new(),
            waiting,
            sent: AtomicU64::new(0),
            refused: AtomicU64::new(0),
            not_kept: AtomicU64::new(0),
            lost: AtomicU64::new(0),
            is_failing: AtomicBool::new(false),
        })
    }

    /// Waits for the disk: not for async code.
    fn with<R>(&self, act: impl FnOnce(&mut Spool, u64) -> R) -> R {
        let mut spool = self.spool.lock().unwrap_or_else(PoisonError::into_inner);
        let answer = act(&mut spool, now(&self.clock));
        let stats = spool.stats();
        self.waiting.send_replace(stats.frames);
        self.lost.store(
            stats.dropped_frames.saturating_add(stats.corrupt_frames),
            Ordering::Relaxed,
        );
        answer
    }

    async fn on_disk<R: Send + 'static>(
        self: &Arc<Self>,
        act: impl FnOnce(&mut Spool, u64) -> Result<R, SpoolError> + Send + 'static,
    ) -> Result<R, String> {
        let queue = self.clone();
        let answer = tokio::task::spawn_blocking(move || queue.with(act)).await;
        answer
            .map_err(|error| error.to_string())?
            .map_err(|error| error.to_string())
    }

    /// The oldest requests that wait.
    pub(super) async fn next(self: &Arc<Self>) -> Result<Option<StoredBatch>, String> {
        self.on_disk(Spool::next).await
    }

    /// They are done: the receiver has answered.
    pub(super) async fn acknowledge(self: &Arc<Self>, id: BatchId) -> Result<(), String> {
        self.on_disk(move |spool, _| spool.acknowledge(id)).await
    }

    /// They wait until the others had their turn.
    pub(super) async fn defer(self: &Arc<Self>, id: BatchId) -> Result<(), String> {
        let defer = move |spool: &mut Spool, _| {
            spool.defer(id);
            Ok(())
        };
        self.on_disk(defer).await
    }

    /// Waits for a request.
    pub(super) async fn arrival(&self) {
        self.arrived.notified().await;
    }

    pub(super) fn waiting(&self) -> u64 {
        *self.waiting.borrow()
    }

    /// Waits until nothing waits.
    pub(super) async fn emptied(&self) {
        // The sender of the channel is in `self`.
        let _ = self
            .waiting
            .subscribe()
            .wait_for(|waiting| *waiting == 0)
            .await;
    }

    /// The counts as a line.
    pub(super) fn line(&self) -> String {
        let counts = self.counts().into_iter();
        let counts: Vec<String> = counts
            .map(|(name, count)| format!("{name} {count}"))
            .collect();
        format!("forwarded requests: {}", counts.join(", "))
    }
}

impl Tee for Queue {
    fn take(&self, body: &Bytes, content_type: &str) {
        let payload = spooled::request(body, content_type);
        match self.with(|spool, now| spool.append(&payload, now)) {
            Ok(()) => self.is_failing.store(false, Ordering::Relaxed),
            Err(error) => {
                self.not_kept.fetch_add(1, Ordering::Relaxed);
                if !self.is_failing.swap(true, Ordering::Relaxed) {
                    warn!(
                        "tracefuse: a request is in the store but is not forwarded: {error} (further ones are only counted)"
                    );
                }
                return;
            }
        }
        // It is on disk already: what cannot be sealed now is sealed with the next request, or at the end.
        if let Err(error) = self.with(|spool, _| spool.seal()) {
            warn!("tracefuse: a request is forwarded later: {error}");
        }
        self.arrived.notify_one();
    }

    fn counts(&self) -> Vec<(&'static str, u64)> {
        let count = |count: &AtomicU64| count.load(Ordering::Relaxed);
        vec![
            ("sent", count(&self.sent)),
            ("waiting", self.waiting()),
            ("refused", count(&self.refused)),
            ("not kept", count(&self.not_kept)),
            ("lost on disk", count(&self.lost)),
        ]
    }
}

fn now(clock: &Clock) -> u64 {
    clock.unix_nanos() / 1_000_000
}

#[cfg(test)]
mod tests {
    use super::*;

    fn counts(queue: &Queue) -> [u64; 5] {
        let counts: Vec<u64> = queue.counts().into_iter().map(|(_, count)| count).collect();
        counts.try_into().unwrap()
    }

    #[test]
    fn what_cannot_be_kept_is_counted() {
        let directory = tempfile::tempdir().unwrap();
        let mut config = SpoolConfig::new(directory.path());
        config.max_bytes = 200;
        let queue = Queue::open(config).unwrap();
        queue.take(&Bytes::from(vec![0; 300]), "application/json");
        queue.take(&Bytes::from(vec![0; 300]), "application/json");
        assert_eq!(counts(&queue), [0, 0, 0, 2, 0]);
        // A request that fits is kept, and is deleted when the next one needs its room.
        queue.take(&Bytes::from(vec![0; 100]), "application/json");
        assert_eq!(counts(&queue), [0, 1, 0, 2, 0]);
        queue.take(&Bytes::from(vec![0; 101]), "application/json");
        assert_eq!(counts(&queue), [0, 1, 0, 2, 1]);
        assert_eq!(
            queue.line(),
            "forwarded requests: sent 0, waiting 1, refused 0, not kept 2, lost on disk 1"
        );
    }

    #[test]
    #[expect(clippy::disallowed_methods, reason = "a runtime of one thread")]
    fn the_disk_is_waited_for_on_other_threads() {
        let directory = tempfile::tempdir().unwrap();
        let queue = Arc::new(Queue::open(SpoolConfig::new(directory.path())).unwrap());
        queue.take(&Bytes::from_static(b"{}"), "application/json");
        let runtime = tokio::runtime::Builder::new_current_thread();
        let runtime = { runtime }.enable_all().build().unwrap();
        runtime.block_on(async {
            // A disk that does not answer.
            let (answer, answered) = std::sync::mpsc::channel::<()>();
            let (begin, begun) = tokio::sync::oneshot::channel();
            let slow = queue.clone();
            let writing = tokio::task::spawn_blocking(move || {
                slow.with(|_, _| {
                    begin.send(()).unwrap();
                    answered.recv().unwrap();
                });
            });
            begun.await.unwrap();
            let next = tokio::spawn({
                let queue = queue.clone();
                async move { queue.next().await }
            });
            // The one thread of the runtime is free, and the counts can be read.
            tokio::task::yield_now().await;
            assert!(!next.is_finished());
            assert_eq!(queue.waiting(), 1);
            answer.send(()).unwrap();
            let batch = next.await.unwrap().unwrap().unwrap();
            writing.await.unwrap();
            queue.acknowledge(batch.id).await.unwrap();
            queue.emptied().await;
        });
    }
}
