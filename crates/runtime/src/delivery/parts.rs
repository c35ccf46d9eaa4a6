//! One batch in parts: each part is attempted, and the answer says whether it is settled, halved, parked or kept.
//! Called by `Delivery` with batches of the queue, and by `spill` with batches of the disk.

use std::sync::Arc;
use std::time::Duration;

use tokio::time::Instant;
use tracefuse_core::{DropReason, RejectReason};
use tracefuse_exporter::record::Resource;

use super::action::Action;
use super::{Delivery, Store};
use crate::queue::envelope::Queued;

/// Requests a minute that the search for bad records may cost; a server that refuses everything must not cost more.
const BISECTIONS: u32 = 32;

/// The records of a batch that have no outcome yet.
#[derive(Default)]
pub(super) struct Remaining {
    /// They are sent later: the breaker is open, the receiver asked for a pause, or time is up.
    pub(super) deferred: Vec<Queued>,
    /// Their retries are used up.
    pub(super) exhausted: Vec<(Vec<Queued>, DropReason)>,
}

impl Delivery {
    /// Sends a batch, in parts if necessary, and returns the records that have no outcome yet.
    pub(super) async fn deliver(
        &mut self,
        items: Vec<Queued>,
        place: Store,
        resource: Option<Arc<Resource>>,
    ) -> Remaining {
        let resource = resource.unwrap_or_else(|| self.resource.clone());
        let mut parts = apart(items);
        let mut left = Remaining::default();
        while let Some(part) = parts.pop() {
            if part.is_empty() {
                continue;
            }
            let begun = Instant::now();
            let (attempted, action) = self.attempt(part, place, &resource).await;
            self.adapt_batch_size(matches!(action, Action::Accept(_)), begun.elapsed());
            let keep_rest = match action {
                Action::Accept(report) => {
                    self.accept(&attempted.metas, &report, place);
                    false
                }
                Action::Split(message) => {
                    self.learn_size();
                    let mut part = attempted.into_items();
                    if part.len() == 1 {
                        self.reject(&part, RejectReason::TooLarge, &message, place);
                    } else {
                        let half = part.split_off(part.len() / 2);
                        parts.extend([half, part]);
                    }
                    false
                }
                Action::Reject(message) => {
                    let mut part = attempted.into_items();
                    let usual = self.queue.config.batch_size;
                    if part.len() > usual {
                        // A larger batch becomes batches of the usual size, which costs no more requests than if it had
                        // been sent so. The first one is last.
                        while part.len() > usual {
                            let whole = (part.len() - 1) / usual * usual;
                            parts.push(part.split_off(whole));
                        }
                        parts.push(part);
                    } else if part.len() > 1 && self.may_bisect() {
                        let half = part.split_off(part.len() / 2);
                        parts.extend([half, part]);
                    } else {
                        self.reject(&part, RejectReason::Invalid, &message, place);
                    }
                    false
                }
                Action::Park(reason) => {
                    left.exhausted.push((attempted.into_items(), reason));
                    // While the receiver is down, one attempt at a time is enough.
                    self.breaker.retry_in(Instant::now()).is_some()
                }
                Action::Retry { .. } | Action::Pause(_) | Action::Stop => {
                    left.deferred.append(&mut attempted.into_items());
                    true
                }
            };
            if keep_rest {
                left.deferred.extend(parts.drain(..).flatten());
                // Back in their order: a flush waits for all records up to a number.
                left.deferred.sort_unstable_by_key(|item| item.seq);
            }
        }
        left
    }

    /// A batch was too large: the next ones are half as large.
    fn learn_size(&mut self) {
        self.learned_bytes = (self.learned_bytes / 2).max(16 * 1024);
        self.taken = 0;
    }

    /// Whether the search for a bad record may continue.
    fn may_bisect(&mut self) -> bool {
        let now = Instant::now();
        if now.saturating_duration_since(self.bisections_since) > Duration::from_secs(60) {
            self.bisections = 0;
            self.bisections_since = now;
        }
        self.bisections += 2;
        self.bisections <= BISECTIONS
    }
}

/// The parts a batch is sent in, the first one last: all spans together, then all scores. An answer
/// to one of the two must not count for the other.
fn apart(items: Vec<Queued>) -> Vec<Vec<Queued>> {
    let is_span = |item: &Queued| item.record.as_score().is_none();
    if items.iter().all(is_span) {
        return vec![items];
    }
    let (spans, scores) = items.into_iter().partition(is_span);
    vec![scores, spans]
}
