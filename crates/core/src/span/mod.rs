//! Open spans: the handle, its builder, the current span of a thread, and the slots of open spans.
//! Called by applications and by `trace`; passes finished spans to the processor. Must not know delivery.

pub(crate) mod builder;
pub(crate) mod current;
pub(crate) mod delivering;
pub(crate) mod event;
pub(crate) mod failures;
pub(crate) mod feature;
pub(crate) mod future;
pub(crate) mod handle;
pub(crate) mod inherited;
pub(crate) mod observations;
pub(crate) mod open;
pub(crate) mod outside;
pub(crate) mod run;
pub(crate) mod score;
mod setters;
pub(crate) mod shared;
pub(crate) mod unrecorded;
