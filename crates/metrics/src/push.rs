//! Exports metrics by OTLP over HTTP: at an interval, at a flush, and at the shutdown.
//! Started by the builder, on a thread of `tracefuse-runtime`. A failed export is counted and logged, and not repeated: the
//! next one has the same numbers and newer ones.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Weak, mpsc as blocking};
use std::time::Duration;

use tokio::sync::{mpsc, oneshot};
use tokio::time::{Instant, sleep, timeout, timeout_at};
use tracefuse_core::Clock;
use tracefuse_core::bridge::{is_suppressed, suppress_thread};
use tracefuse_http::{AnswerClass, HttpErrorKind};
use tracefuse_otlp::{OtlpSender, SettingError, partial_success};
use tracefuse_runtime::{metrics_failed, metrics_recovered, spawn_on_thread};

use crate::collect::Snapshot;
use crate::encode::{Window, request};
use crate::error::MetricsError;
use crate::exports::Exports;
use crate::otlp::OtlpMetricsConfig;
use crate::registry::Registry;

/// Asks the worker for an export now.
struct Command {
    within: Duration,
    close: bool,
    done: Box<dyn FnOnce() + Send>,
}

/// What `Metrics` has of the export.
pub(crate) struct Push {
    commands: mpsc::UnboundedSender<Command>,
    pub(crate) exports: Arc<Exports>,
}

impl Push {
    pub(crate) fn new(config: &OtlpMetricsConfig) -> Result<(Self, Worker), MetricsError> {
        if !(Duration::from_millis(100)..=Duration::from_secs(3600)).contains(&config.interval) {
            let message = format!(
                "`interval` is {:?}: expected 100 ms to 1 h",
                config.interval
            );
            return Err(MetricsError::new(message));
        }
        let sender = OtlpSender::new(config.transport.clone());
        let wrong =
            |error: SettingError| MetricsError::new(format!("`{}`: {error}", error.setting()));
        let (commands, asked) = mpsc::unbounded_channel();
        let exports = Arc::<Exports>::default();
        let worker = Worker {
            sender: sender.map_err(wrong)?,
            interval: config.interval,
            timeout: config.transport.http.timeout,
            delta: config.delta,
            started: Clock::system().unix_nanos(),
            exports: exports.clone(),
            asked,
            last: None,
            failing: AtomicBool::new(false),
        };
        Ok((Self { commands, exports }, worker))
    }

    /// Waits for an export, for at most `within`. A thread that delivers does not wait: it could be the worker's own.
    pub(crate) fn flush(&self, within: Duration, close: bool) {
        let (done, answered) = blocking::sync_channel(1);
        let done = Box::new(move || {
            let _ = done.try_send(());
        });
        if self.ask(within, close, done) {
            // The worker stops at the limit. The additional time is for a busy machine, where its thread may run late.
            let _ = answered.recv_timeout(within.saturating_add(Duration::from_millis(500)));
        }
    }

    /// [`flush`](Self::flush) without blocking the thread, on any executor.
    pub(crate) async fn flush_async(&self, within: Duration, close: bool) {
        let (done, answered) = oneshot::channel();
        let done = Box::new(move || {
            let _ = done.send(());
        });
        if self.ask(within, close, done) {
            let _ = answered.await;
        }
    }

    fn ask(&self, within: Duration, close: bool, done: Box<dyn FnOnce() + Send>) -> bool {
        let command = Command {
            within,
            close,
            done,
        };
        // Fails once the export is closed.
        self.commands.send(command).is_ok() && !is_suppressed()
    }
}

/// The longest a flush may mean, so that no sum with the clock overflows.
const LONGEST: Duration = Duration::from_secs(365 * 24 * 60 * 60);

/// What the thread of the export has.
pub(crate) struct Worker {
    sender: OtlpSender,
    interval: Duration,
    timeout: Duration,
    delta: bool,
    started: u64,
    exports: Arc<Exports>,
    asked: mpsc::UnboundedReceiver<Command>,
    /// The last numbers that the receiver accepted, and when they were read, for deltas.
    last: Option<(Snapshot, u64)>,
    failing: AtomicBool,
}

/// Why an export failed, for `error.type` and for the log.
struct Failure {
    reason: String,
    message: String,
}

impl Worker {
    /// Starts the thread. It ends when the export is closed, or with the last handle of the metrics.
    pub(crate) fn start(self, registry: Weak<Registry>) -> Result<(), MetricsError> {
        let running = spawn_on_thread(async move {
            suppress_thread();
            self.run(registry).await;
        });
        let failed = |error| {
            MetricsError::new(format!(
                "the thread that exports cannot be started: {error}"
            ))
        };
        running.map(drop).map_err(failed)
    }

    async fn run(mut self, registry: Weak<Registry>) {
        let mut next = Instant::now() + self.interval;
        let mut command = None;
        loop {
            if command.is_none() {
                match timeout_at(next, self.asked.recv()).await {
                    Ok(None) => return,
                    Ok(some) => command = some,
                    Err(_) => {}
                }
            }
            let Some(numbers) = registry.upgrade() else {
                return;
            };
            match command.take() {
                Some(Command {
                    within,
                    close,
                    done,
                }) => {
                    self.export(&numbers, within, close).await;
                    drop(numbers);
                    done();
                    if close {
                        return;
                    }
                }
                None => {
                    next = Instant::now() + self.interval;
                    // A flush does not wait for an export that began before it: its own has all the numbers.
                    let (limit, mut asked) = (self.timeout, closed());
                    std::mem::swap(&mut asked, &mut self.asked);
                    tokio::select! {
                        () = self.export(&numbers, limit, false) => {}
                        some = asked.recv() => match some {
                            None => return,
                            some => command = some,
                        }
                    }
                    self.asked = asked;
                }
            }
        }
    }

    /// Exports once, and at the end of the process again while there is time.
    async fn export(&mut self, registry: &Registry, within: Duration, close: bool) {
        const TRIES: u32 = 3;
        let deadline = Instant::now() + within.min(LONGEST);
        let snapshot = registry.snapshot();
        let resource = registry.resource();
        let end = Clock::system().unix_nanos();
        let start = match &self.last {
            Some((_, last)) if self.delta => *last,
            _ => self.started,
        };
        let window = Window {
            start,
            end,
            delta: self.delta,
        };
        let (body, points) = match &self.last {
            Some((last, _)) if self.delta => request(&snapshot.since(last), &resource, window),
            _ => request(&snapshot, &resource, window),
        };
        let tries = if close { TRIES } else { 1 };
        let mut outcome = Err(too_late());
        for attempt in 0..tries {
            if attempt > 0 {
                sleep(Duration::from_millis(100 << attempt)).await;
            }
            let left = deadline.saturating_duration_since(Instant::now());
            if left.is_zero() {
                break;
            }
            let sent = timeout(left, self.send(body.clone())).await;
            outcome = sent.unwrap_or_else(|_| Err(too_late()));
            if outcome.is_ok() {
                break;
            }
        }
        match outcome {
            Ok(rejected) => {
                let rejected = rejected.min(points);
                self.exports.succeed(points - rejected);
                self.exports.fail("rejected", rejected);
                if self.delta {
                    self.last = Some((snapshot, end));
                }
                if self.failing.swap(false, Ordering::Relaxed) {
                    metrics_recovered(&self.sender.endpoint().to_string());
                }
            }
            Err(failure) => {
                self.exports.fail(&failure.reason, points);
                if !self.failing.swap(true, Ordering::Relaxed) {
                    let endpoint = self.sender.endpoint().to_string();
                    metrics_failed(&endpoint, &failure.message);
                }
            }
        }
    }

    /// How many data points the receiver rejected.
    async fn send(&self, body: Vec<u8>) -> Result<u64, Failure> {
        let answer = self.sender.send(body).await.map_err(|error| Failure {
            reason: match error.kind() {
                HttpErrorKind::Timeout => "timeout".to_owned(),
                kind => format!("{kind:?}"),
            },
            message: error.to_string(),
        })?;
        if answer.class() == AnswerClass::Success {
            return Ok(partial_success(answer.body()).rejected);
        }
        let refused = self.sender.compression_refused(&answer);
        Err(Failure {
            reason: answer.status().to_string(),
            message: refused.map_or_else(
                || answer.describe(&self.sender.secrets()),
                |refused| refused.to_string(),
            ),
        })
    }
}

fn too_late() -> Failure {
    Failure {
        reason: "timeout".to_owned(),
        message: "there was no time left for the export".to_owned(),
    }
}

/// A channel without a sender.
fn closed() -> mpsc::UnboundedReceiver<Command> {
    mpsc::unbounded_channel().1
}
