//! What the disk lost or refused: counted by its reason, and logged.
//! Called by `Disk` after everything that it asks of the spool.

use std::collections::BTreeSet;
use std::time::Duration;

use tokio::time::Instant;
use tracefuse_core::DropReason;

use super::Disk;
use crate::ledger::Notice;
use crate::log;
use crate::spool::SpoolError;

/// How long nothing is written to the disk after it refused a write.
const REST: Duration = Duration::from_secs(30);

impl Disk {
    /// Counts what the spool dropped or could not read since the last call.
    pub(super) fn reconcile(&mut self) {
        let stats = self.spool.stats();
        self.done.retain(|id, _| self.spool.holds(*id));
        self.rounds.retain(|id, _| self.spool.holds(*id));
        let done: usize = self.done.values().map(BTreeSet::len).sum();
        let held = usize::try_from(stats.frames)
            .unwrap_or(usize::MAX)
            .saturating_sub(done);
        let since =
            |now: u64, then: u64| usize::try_from(now.saturating_sub(then)).unwrap_or(usize::MAX);
        let corrupt = since(stats.corrupt_frames, self.losses.corrupt_frames);
        let expired = since(stats.expired_frames, self.losses.expired_frames);
        self.losses = stats;
        let lost = self.queue.with(|state| {
            let lost = state.spooled.saturating_sub(held);
            let [corrupt, expired, full] = reasons(lost, corrupt, expired);
            for (reason, records) in [
                (DropReason::SpoolCorrupt, corrupt),
                (DropReason::MaxAge, expired),
                (DropReason::SpoolFull, full),
            ] {
                if records > 0 {
                    state.ledger.dropped(reason, records);
                }
            }
            state.spooled -= lost;
            let notice = (lost > 0)
                .then(|| state.notices.admit(Notice::SpoolLost))
                .flatten();
            notice.map(|suppressed| (lost, corrupt, suppressed))
        });
        if let Some((lost, corrupt, suppressed)) = lost {
            log::spool_lost(&self.queue.name, lost, corrupt, suppressed);
        }
    }

    /// Records stay in memory; the disk is tried again later.
    pub(super) fn fails(&mut self, error: &SpoolError) {
        self.out_until = Some(Instant::now() + REST);
        if let Some(suppressed) = self
            .queue
            .with(|state| state.notices.admit(Notice::SpoolFailed))
        {
            log::spool_failed(&self.queue.name, error, suppressed);
        }
    }
}

/// How many of the lost records were unreadable, too old, or removed to make room. The spool counts records that were
/// delivered already among the first two.
fn reasons(lost: usize, corrupt: usize, expired: usize) -> [usize; 3] {
    let corrupt = corrupt.min(lost);
    let rest = lost - corrupt;
    let expired = expired.min(rest);
    [corrupt, expired, rest - expired]
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::reasons;

    #[test]
    fn each_lost_record_has_one_reason() {
        for (of, expected) in [
            ((0, 0, 0), [0, 0, 0]),
            ((7, 2, 3), [2, 3, 2]),
            ((5, 2, 3), [2, 3, 0]),
            ((5, 2, 4), [2, 3, 0]),
            ((5, 9, 4), [5, 0, 0]),
            ((5, 0, 9), [0, 5, 0]),
            ((0, 1, 1), [0, 0, 0]),
        ] {
            let (lost, corrupt, expired) = of;
            assert_eq!(reasons(lost, corrupt, expired), expected, "{of:?}");
        }
    }

    proptest! {
        #[test]
        fn reasons_add_up(lost in 0usize..50, corrupt in 0usize..50, expired in 0usize..50) {
            let [unreadable, old, removed] = reasons(lost, corrupt, expired);
            prop_assert_eq!(unreadable + old + removed, lost);
            prop_assert!(unreadable <= corrupt && old <= expired);
            prop_assert!(removed == 0 || (unreadable == corrupt && old == expired));
        }
    }
}
