//! What the writer is given.
//! Made by `take` from request bodies; applied by the writer.

/// A change to the store: a finished span, a part of a trace or an observation, a score, media. Made by
/// [`take`](crate::take).
#[derive(Clone, Debug)]
pub struct Change(pub(crate) Kind);

#[derive(Clone, Debug)]
pub(crate) enum Kind {}
