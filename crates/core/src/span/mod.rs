//! Spans while they are open: the handle, its builder, the current span of a thread, and the slots they live in.
//! Called by applications and by `trace`; hands finished spans to `Processor`.

pub(crate) mod builder;
pub(crate) mod current;
pub(crate) mod delivering;
pub(crate) mod event;
pub(crate) mod failures;
pub(crate) mod feature;
pub(crate) mod future;
pub(crate) mod handle;
pub(crate) mod inherited;
pub(crate) mod open;
pub(crate) mod outside;
pub(crate) mod run;
pub(crate) mod score;
pub(crate) mod shared;
pub(crate) mod unrecorded;
