//! Traces that stay open too long, or too many of them: found when another trace begins, reported once.
//! Called by `trace`; reports to the `Processor`, since nothing here writes logs.

use std::collections::HashSet;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use crate::record::Timestamp;
use crate::report::Leak;
use crate::span::shared::{TracerShared, lock};

/// The limits above which something counts as a leak.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct LeakLimits {
    pub(crate) age: Duration,
    pub(crate) open: u64,
}

impl Default for LeakLimits {
    fn default() -> Self {
        Self {
            age: Duration::from_secs(10 * 60),
            open: 10_000,
        }
    }
}

/// The most names that are reported.
const NAMES: usize = 100;

#[derive(Default)]
pub(crate) struct LeakWatch {
    limits: LeakLimits,
    /// When the next check is due, by the monotonic clock.
    due: AtomicU64,
    many: AtomicBool,
    reported: Mutex<HashSet<String>>,
}

impl LeakWatch {
    pub(crate) fn new(limits: LeakLimits) -> Self {
        Self {
            limits,
            ..Self::default()
        }
    }

    /// Checks a few times within the age limit and not more often, because it locks every span.
    pub(crate) fn look(&self, core: &TracerShared, now: Timestamp) {
        let time = core.clock.monotonic_nanos();
        let due = self.due.load(Ordering::Relaxed);
        if time < due {
            return;
        }
        let pause = (self.limits.age / 8).clamp(Duration::from_millis(1), Duration::from_secs(30));
        let next = time.saturating_add(u64::try_from(pause.as_nanos()).unwrap_or(u64::MAX));
        let ours = self
            .due
            .compare_exchange(due, next, Ordering::Relaxed, Ordering::Relaxed);
        // Another thread may already run this check.
        if ours.is_err() {
            return;
        }
        self.look_for_many(core);
        self.look_for_long(core, now);
    }

    fn look_for_many(&self, core: &TracerShared) {
        let open = core.open();
        if open > self.limits.open {
            if !self.many.swap(true, Ordering::Relaxed) {
                core.processor.on_leak(&Leak::Many { open });
            }
        } else if open < self.limits.open / 2 {
            self.many.store(false, Ordering::Relaxed);
        }
    }

    fn look_for_long(&self, core: &TracerShared, now: Timestamp) {
        for (name, start) in core.open_roots() {
            let age = now.since(start);
            let is_news = age > self.limits.age && {
                let mut reported = lock(&self.reported);
                reported.len() < NAMES && reported.insert(name.clone())
            };
            if is_news {
                core.processor.on_leak(&Leak::Long { name, age });
            }
        }
    }
}
