//! Sends one part of a batch: permission, the call, the answer, and the retries with their waits.
//! Called by `delivery` for each part.

use std::future::pending;
use std::sync::Arc;
use std::time::Duration;

use tokio::time::Instant;
use tracefuse_exporter::Batch;
use tracefuse_exporter::record::{Record, Resource};

use super::{Delivery, Store};
use crate::delivery::action::{Action, Answer};
use crate::delivery::attempt::{Call, Failure};
use crate::delivery::breaker::Permit;
use crate::delivery::retry::pause;
use crate::delivery::wait::{Woken, wait};
use crate::queue::envelope::{Envelope, Queued};
use crate::queue::phase::Phase;

/// The records of a part that was sent.
pub(super) struct Attempted {
    pub(super) metas: Vec<Envelope>,
    records: Vec<Record>,
}

impl Attempted {
    /// The records, to be sent again or dropped.
    pub(super) fn into_items(self) -> Vec<Queued> {
        let both = self.metas.into_iter().zip(self.records);
        both.map(|(meta, record)| Queued::join(meta, record))
            .collect()
    }
}

impl Delivery {
    /// Sends one part until its result is known.
    pub(super) async fn attempt(
        &mut self,
        part: Vec<Queued>,
        place: Store,
        resource: &Arc<Resource>,
    ) -> (Attempted, Action) {
        let spans = part.len();
        let (mut metas, mut records) = (Vec::with_capacity(spans), Vec::with_capacity(spans));
        for item in part {
            let (meta, record) = item.split();
            metas.push(meta);
            records.push(record);
        }
        let batch = Arc::new(Batch::new(resource.clone(), records));
        let deadline = Instant::now() + self.queue.config.batch_timeout;
        // After a failure a larger batch is put back, and its records are sent in batches of the usual size. On disk a batch
        // stays as it is.
        let larger = place == Store::Memory && spans > self.queue.config.batch_size;
        let mut retries = 0;
        let action = loop {
            let Some((permit, within)) = self.permit() else {
                break Action::Pause(None);
            };
            let call = Call::export(&self.exporter, &batch, within);
            let answer = Answer::of(self.answer(call).await);
            let now = Instant::now();
            let change = self
                .breaker
                .record(permit, answer.outcome, now, fastrand::f64());
            self.tell(change, spans, &answer);
            for meta in &mut metas {
                if answer.error.is_some() {
                    meta.tried.get_or_insert(now);
                }
                meta.maybe_delivered |= answer.maybe_delivered;
            }
            match answer.action {
                Action::Retry { after, reason } => {
                    let without_retry = || match larger {
                        true => Action::Pause(None),
                        false => Action::Park(reason),
                    };
                    if self.queue.phase() != Phase::Running {
                        if let Some(after) = after {
                            self.paused_until = Some(now + pause(after, fastrand::f64()));
                        }
                        break without_retry();
                    }
                    let delay = self.backoff.delay(retries, after, fastrand::f64());
                    match delay.filter(|delay| now + *delay < deadline) {
                        None => break without_retry(),
                        Some(delay) => {
                            let blocked = self.breaker.retry_in(now).is_some();
                            if blocked || !self.sleep(delay).await || larger {
                                break Action::Pause(None);
                            }
                        }
                    }
                    retries = retries.saturating_add(1);
                }
                Action::Pause(after) => {
                    let asked = after.unwrap_or(Duration::from_secs(1));
                    self.paused_until = Some(now + pause(asked, fastrand::f64()));
                    break Action::Pause(after);
                }
                action => break action,
            }
        };
        // The call has ended, so ours is the only handle.
        let records = match Arc::try_unwrap(batch) {
            Ok(batch) => batch.into_records(),
            Err(shared) => shared.records().to_vec(),
        };
        (Attempted { metas, records }, action)
    }

    /// Waits for a call of the exporter, and moves records to disk during the wait. A shutdown's deadline cuts it off.
    pub(super) async fn answer<T: Send + 'static>(
        &mut self,
        mut call: Call<T>,
    ) -> Result<T, Failure> {
        let queue = self.queue.clone();
        loop {
            let until = match queue.phase() {
                Phase::Running => None,
                Phase::Closing(deadline) => Some(self.before(deadline)),
                Phase::Stopped => Some(Instant::now()),
            };
            match wait(&queue, call.answer(), until).await {
                Woken::Event(answer) => return answer,
                Woken::News => self.tend(),
                Woken::Time => return Err(call.cut_off()),
            }
        }
    }

    /// Permission for an attempt and the time it may take. During a shutdown also if the breaker is open.
    fn permit(&mut self) -> Option<(Permit, Duration)> {
        let now = Instant::now();
        let limit = self.queue.config.attempt_timeout;
        match self.queue.phase() {
            Phase::Stopped => None,
            Phase::Closing(_) => {
                let left = self.closing_until()?.saturating_duration_since(now);
                // The deadline may move, and cuts the call off when it comes.
                (!left.is_zero()).then(|| (self.breaker.insist(now), limit))
            }
            Phase::Running => self.breaker.acquire(now).ok().map(|permit| (permit, limit)),
        }
    }

    /// Waits before a retry; `false` if a shutdown begins meanwhile.
    async fn sleep(&mut self, delay: Duration) -> bool {
        let queue = self.queue.clone();
        let until = Instant::now() + delay;
        while queue.phase() == Phase::Running {
            match wait(&queue, pending::<()>(), Some(until)).await {
                Woken::Time => return true,
                Woken::Event(()) | Woken::News => self.tend(),
            }
        }
        false
    }
}
