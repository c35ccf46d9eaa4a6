//! The builder of a score: created by `Trace`, `Span` and `Tracer`, passed to the processor by `record`.
//! A score has one moment, and the trace or span that it rates may have ended long ago. Must not know exporters.

use std::fmt;
use std::sync::Arc;

use serde::Serialize;

use crate::record::{ScoreRecord, ScoreTarget, ScoreValue, Value};
use crate::span::feature::{Recorded, recorded, unwrap};
use crate::span::shared::TracerShared;

/// Describes a score; nothing is recorded until [`record`](Self::record).
///
/// ```
/// # let tracer = tracefuse_core::Tracer::noop();
/// let id = tracer.trace("chat").run(|trace| {
///     trace.score("quality", 0.9).record();
///     trace.score("tone", "friendly").comment("greets by name").record();
///     trace.id()
/// });
/// // feedback that comes later needs the id alone
/// if let Some(id) = id {
///     tracer.score_trace(id, "thumbs-up", true).record();
/// }
/// ```
#[must_use = "a score is recorded by `record`"]
pub struct ScoreBuilder {
    draft: Option<Recorded<(Arc<TracerShared>, ScoreRecord)>>,
}

impl ScoreBuilder {
    /// One that records nothing.
    pub(crate) const fn off() -> Self {
        Self { draft: None }
    }

    pub(crate) fn new(
        core: Option<&Arc<TracerShared>>,
        name: &str,
        value: impl Into<ScoreValue>,
        target: impl FnOnce() -> ScoreTarget,
    ) -> Self {
        let draft = core.filter(|core| core.admits()).map(|core| {
            let now = core.clock.anchor().now(&core.clock);
            let score = ScoreRecord::new(name, value.into(), target(), now);
            (core.clone(), score)
        });
        let draft = draft.and_then(recorded);
        Self { draft }
    }

    pub(crate) fn with(mut self, f: impl FnOnce(&mut ScoreRecord)) -> Self {
        if let Some(draft) = &mut self.draft {
            f(&mut draft.1);
        }
        self
    }

    /// Sets the id, in place of a random one. A score with an id that was used before replaces the earlier score, so a user
    /// who changes their rating is counted once.
    #[cfg_attr(not(feature = "record"), inline)]
    pub fn id(self, id: &str) -> Self {
        self.with(|score| id.clone_into(&mut score.id))
    }

    /// A comment in free text.
    #[cfg_attr(not(feature = "record"), inline)]
    pub fn comment(self, comment: &str) -> Self {
        self.with(|score| score.comment = Some(comment.to_owned()))
    }

    /// The id of the project's score configuration it belongs to; the server then checks value and name.
    #[cfg_attr(not(feature = "record"), inline)]
    pub fn config_id(self, id: &str) -> Self {
        self.with(|score| score.config_id = Some(id.to_owned()))
    }

    /// Metadata; a key given before gets the new value, `null` changes nothing. A score has at most 128 keys; further ones
    /// are counted in its metadata as `_dropped.keys`.
    pub fn metadata<T: Serialize>(self, key: &str, value: T) -> Self {
        if self.draft.is_none() {
            return self;
        }
        let value = Value::capture(&value);
        self.with(|score| {
            if let Some(value) = value {
                score.set_metadata(key, value);
            }
        })
    }

    /// The environment, over the trace's and the tracer's.
    #[cfg_attr(not(feature = "record"), inline)]
    pub fn environment(self, environment: &str) -> Self {
        self.with(|score| score.environment = Some(environment.to_owned()))
    }

    /// Records it now and returns its id; `None` if the trace or the tracer records nothing.
    #[expect(clippy::must_use_candidate, reason = "the id is rarely wanted")]
    #[cfg_attr(not(feature = "record"), inline)]
    pub fn record(self) -> Option<String> {
        let (core, score) = unwrap(self.draft?);
        let id = score.id.clone();
        core.processor.on_score(score);
        Some(id)
    }
}

impl fmt::Debug for ScoreBuilder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ScoreBuilder")
            .field("score", &self.draft.as_ref().map(|draft| &draft.1))
            .finish()
    }
}
