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
/// The waits between the attempts for one.
const WAITS: [Duration; 2] = [Duration::from_millis(500), Duration::from_secs(1)];

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
    pub(super) shared: Arc<Shared>,
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
            self.tell("too many uploads are waiting");
            return;
        }
        queue.bytes = bytes;
        queue.waiting.push_back(media);
        self.open.send_modify(|open| *open += 1);
    }

    /// Logs a failure: the first one, and then at every power of two, so that an outage does not fill the log.
    fn tell(&self, words: &str) {
        let failed = self.failed.fetch_add(1, Ordering::Relaxed) + 1;
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
        let mut waits = WAITS.into_iter();
        while let Err(failure) = shared.upload(&media).await {
            let Some(wait) = waits.next().filter(|_| failure.again) else {
                shared.tell(&failure.words);
                break;
            };
            tokio::time::sleep(wait).await;
        }
        shared.lock().bytes -= media.bytes.len();
        shared.open.send_modify(|open| *open -= 1);
    }
}

#[cfg(test)]
#[expect(clippy::disallowed_methods, reason = "what `tokio::test` makes")]
mod tests {
    use bytes::Bytes;
    use mock_langfuse::{Action, MockLangfuse, Scenario};
    use tracefuse_http::HttpConfig;

    use super::*;
    use crate::testing::Lines;

    /// Uploads without keys: a server refuses them.
    fn uploads(address: &str) -> Uploads {
        Uploads::new(Target {
            client: HttpClient::new(&HttpConfig::default()).unwrap(),
            base: Endpoint::parse(address).unwrap(),
            headers: Headers::new(),
            secrets: [Secret::new("s"), Secret::new("b")],
        })
    }

    fn medium(bytes: impl Into<Bytes>) -> Media {
        Media {
            id: "m".into(),
            mime: "image/png",
            bytes: bytes.into(),
            hash: "h".into(),
            trace: "t".into(),
            observation: "o".into(),
            field: "input",
        }
    }

    fn room(uploads: &Uploads) -> (usize, usize) {
        let room = uploads.room();
        (room.media, room.bytes)
    }

    #[tokio::test]
    async fn an_upload_that_ended_gives_its_room_back_and_is_logged() {
        let server = MockLangfuse::start();
        let (lines, _guard) = Lines::collect();
        let uploads = uploads(&server.url());
        assert_eq!(room(&uploads), (MAX_WAITING, MAX_WAITING_BYTES));
        uploads.push(vec![medium(&b"12345"[..]), medium(&b"67"[..])]);
        assert_eq!(room(&uploads), (MAX_WAITING - 2, MAX_WAITING_BYTES - 7));
        uploads.finish().await;
        assert_eq!(room(&uploads), (MAX_WAITING, MAX_WAITING_BYTES));
        assert_eq!(lines.of("failed"), ["1", "2"]);
        // The task has ended; the next media start another one.
        uploads.push(vec![medium(&b"8"[..])]);
        uploads.finish().await;
        assert_eq!(uploads.shared.failed.load(Ordering::Relaxed), 3);
        assert_eq!(room(&uploads), (MAX_WAITING, MAX_WAITING_BYTES));
    }

    #[tokio::test]
    async fn an_upload_is_attempted_three_times_where_that_may_help() {
        for (status, attempts) in [(503, 3), (400, 1)] {
            let scenario = Scenario::new().forever(Action::status(status));
            let server = MockLangfuse::builder().scenario(scenario).start().unwrap();
            let uploads = uploads(&server.url());
            uploads.push(vec![medium(&b"1"[..])]);
            uploads.finish().await;
            assert_eq!(server.requests().len(), attempts, "{status}");
            assert_eq!(uploads.shared.failed.load(Ordering::Relaxed), 1);
        }
    }

    #[tokio::test]
    async fn one_task_uploads_and_none_without_media() {
        let uploads = uploads("http://127.0.0.1:9");
        for (media, tasks) in [(0, 0), (1, 1), (1, 1)] {
            uploads.push((0..media).map(|_| medium(&b"1"[..])).collect());
            let runtime = tokio::runtime::Handle::current();
            assert_eq!(runtime.metrics().num_alive_tasks(), tasks);
        }
    }

    #[test]
    fn failures_are_logged_at_every_power_of_two() {
        let (lines, _guard) = Lines::collect();
        let uploads = uploads("http://127.0.0.1:9");
        (0..9).for_each(|_| uploads.shared.tell("no"));
        assert_eq!(lines.of("failed"), ["1", "2", "4", "8"]);
    }

    #[test]
    fn what_waits_has_its_bounds() {
        let by_count = uploads("http://127.0.0.1:9");
        for _ in 0..257 {
            by_count.shared.push(medium(&b"1"[..]));
        }
        assert_eq!(room(&by_count), (0, 67_108_864 - 256));
        let by_bytes = uploads("http://127.0.0.1:9");
        by_bytes.shared.push(medium(vec![0; 67_108_864]));
        by_bytes.shared.push(medium(&b"1"[..]));
        assert_eq!(room(&by_bytes), (255, 0));
        for uploads in [by_count, by_bytes] {
            assert_eq!(uploads.shared.failed.load(Ordering::Relaxed), 1);
        }
    }
}
