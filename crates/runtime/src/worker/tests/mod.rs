//! The worker's loop on paused time, without a thread: outages, and properties over many schedules.

mod outage;
#[cfg(feature = "conformance")]
mod properties;
