//! A recorder, and a tracer on a clock that does not move.

use tracefuse_core::record::Timestamp;
pub(crate) use tracefuse_core::testing::Recorder;
use tracefuse_core::{Clock, ManualClock, Tracer};

pub(crate) const EPOCH: u64 = 1_800_000_000_000_000_000;

pub(crate) fn tracer() -> (Tracer, Recorder, ManualClock) {
    let recorder = Recorder::default();
    let clock = ManualClock::at(Timestamp::from_unix_nanos(EPOCH));
    (
        Tracer::builder(recorder.clone())
            .clock(Clock::new(clock.clone()))
            .build(),
        recorder,
        clock,
    )
}
