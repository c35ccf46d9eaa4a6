//! Uploads media in a task with a bounded queue, so that no span waits for an image. One upload is in `transfer`.
//! `exporter` adds media after their spans were accepted; a flush waits for the uploads.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::watch;
use tracefuse_exporter::Clock;
use tracefuse_exporter::contain::log_line;
use tracefuse_http::{Endpoint, Headers, HttpClient, Secret};

use super::{Media, Room};

/// How many media, and how many bytes of them, wait at most.
const MAX_WAITING: usize = 256;
const MAX_WAITING_BYTES: usize = 64 * 1024 * 1024;
/// Attempts for each, and the wait before the second, doubled before each further one.
const ATTEMPTS: u32 = 3;
const WAIT: Duration = Duration::from_millis(500);

/// The server, and how to reach it.
pub(crate) struct Target {
    pub(crate) client: HttpClient,
    pub(crate) base: Endpoint,
    pub(crate) headers: Headers,
    pub(crate) secrets: [Secret; 2],
}

/// What waits for its upload. Clones share it.
#[derive(Clone)]
pub(crate) struct Uploads {
    shared: Arc<Shared>,
}

pub(super) struct Shared {
    pub(super) target: Target,
    pub(super) clock: Clock,
    queue: Mutex<Queue>,
    /// How many wait or are being uploaded.
    open: watch::Sender<usize>,
    failed: AtomicU64,
    /// Hosts that uploads went to, so that each is named in the log once.
    pub(super) hosts: Mutex<Vec<String>>,
}

#[derive(Default)]
struct Queue {
    waiting: VecDeque<Media>,
    bytes: usize,
    running: bool,
}

impl Uploads {
    pub(crate) fn new(target: Target) -> Self {
        Self {
            shared: Arc::new(Shared {
                target,
                clock: Clock::system(),
                queue: Mutex::default(),
                open: watch::Sender::new(0),
                failed: AtomicU64::new(0),
                hosts: Mutex::default(),
            }),
        }
    }

    /// Adds media to the queue and starts the task if it does not run. Must be called inside of an async runtime.
    pub(crate) fn push(&self, media: Vec<Media>) {
        for one in media {
            self.shared.push(one);
        }
        let mut queue = self.shared.lock();
        if !queue.running && !queue.waiting.is_empty() {
            queue.running = true;
            tokio::spawn(run(self.shared.clone()));
        }
    }

    /// What may be added to what waits.
    pub(crate) fn room(&self) -> Room {
        let queue = self.shared.lock();
        Room {
            media: MAX_WAITING.saturating_sub(queue.waiting.len()),
            bytes: MAX_WAITING_BYTES.saturating_sub(queue.bytes),
        }
    }

    /// Waits until nothing is left to upload.
    pub(crate) async fn finish(&self) {
        let mut open = self.shared.open.subscribe();
        // The sender is not dropped before `self`.
        let _ = open.wait_for(|open| *open == 0).await;
    }
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, Queue> {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn push(&self, media: Media) {
        let mut queue = self.lock();
        let bytes = queue.bytes + media.bytes.len();
        if queue.waiting.len() >= MAX_WAITING || bytes > MAX_WAITING_BYTES {
            drop(queue);
            self.tell("too many uploads are waiting", 1);
            return;
        }
        queue.bytes = bytes;
        queue.waiting.push_back(media);
        self.open.send_modify(|open| *open += 1);
    }

    /// Logs a failure: the first one, and then at every power of two, so that an outage does not fill the log.
    fn tell(&self, words: &str, more: u64) {
        let failed = self.failed.fetch_add(more, Ordering::Relaxed) + more;
        if failed.is_power_of_two() {
            log_line(|| {
                tracing::warn!(
                    target: "tracefuse",
                    failed,
                    "media was not uploaded; its span was delivered: {words}"
                );
            });
        }
    }
}

/// Uploads one after another until none is left.
async fn run(shared: Arc<Shared>) {
    loop {
        let next = {
            let mut queue = shared.lock();
            let next = queue.waiting.pop_front();
            queue.running = next.is_some();
            next
        };
        let Some(media) = next else { return };
        let mut wait = WAIT;
        for attempt in 1..=ATTEMPTS {
            match shared.upload(&media).await {
                Ok(()) => break,
                Err(failure) if failure.again && attempt < ATTEMPTS => {
                    tokio::time::sleep(wait).await;
                    wait *= 2;
                }
                Err(failure) => {
                    shared.tell(&failure.words, 1);
                    break;
                }
            }
        }
        shared.lock().bytes -= media.bytes.len();
        shared.open.send_modify(|open| *open -= 1);
    }
}

#[cfg(test)]
#[expect(clippy::disallowed_methods, reason = "what `tokio::test` makes")]
mod tests {
    use bytes::Bytes;
    use mock_langfuse::MockLangfuse;
    use tracefuse_http::HttpConfig;

    use super::*;

    #[tokio::test]
    async fn an_upload_that_ended_gives_its_room_back() {
        let server = MockLangfuse::start();
        // Without keys: the server refuses it.
        let uploads = Uploads::new(Target {
            client: HttpClient::new(&HttpConfig::default()).unwrap(),
            base: Endpoint::parse(&server.url()).unwrap(),
            headers: Headers::new(),
            secrets: [Secret::new("s"), Secret::new("b")],
        });
        let room = || {
            let room = uploads.room();
            (room.media, room.bytes)
        };
        let medium = |bytes: &'static [u8]| Media {
            id: "m".into(),
            mime: "image/png",
            bytes: Bytes::from_static(bytes),
            hash: "h".into(),
            trace: "t".into(),
            observation: "o".into(),
            field: "input",
        };
        assert_eq!(room(), (MAX_WAITING, MAX_WAITING_BYTES));
        uploads.push(vec![medium(b"12345"), medium(b"67")]);
        assert_eq!(room(), (MAX_WAITING - 2, MAX_WAITING_BYTES - 7));
        uploads.finish().await;
        assert_eq!(room(), (MAX_WAITING, MAX_WAITING_BYTES));
    }
}
