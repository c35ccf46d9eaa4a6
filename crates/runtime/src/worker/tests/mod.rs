//! The worker's loop on paused time, without a thread: outages, and properties over many schedules.

mod attempts;
mod batch_size;
mod buffers;
mod chunks;
mod closing;
#[cfg(feature = "spool")]
mod disk;
mod guard;
mod outage;
#[cfg(feature = "conformance")]
mod properties;
mod queue;
mod queue_ends;
#[cfg(feature = "spool")]
mod recovery;
