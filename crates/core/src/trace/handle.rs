//! The handle of a trace: its root span and what all its spans share.
//! Begun by `tracer`; children start from it through `start`.

use std::fmt;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use serde::Serialize;

use crate::record::{
    AsException, Exception, Level, ObservationType, Role, ScoreTarget, ScoreValue, SpanId, Status,
    TraceAttributes, TraceId, Value,
};
use crate::span::builder::{SpanBuilder, buffer, observations};
use crate::span::event::EventBuilder;
use crate::span::feature::{Recorded, recorded};
use crate::span::handle::Span;
use crate::span::open::{OpenSpan, TraceState};
use crate::span::run::{record_err, run, run_async};
use crate::span::score::ScoreBuilder;
use crate::trace::guard::TracerGuard;
use crate::trace::sampler::SamplingInput;
use crate::trace::scope;

/// A handle of a trace.
///
/// The trace ends, with its root span, at the end of the closure it was begun with, by
/// [`finish`](Self::finish), or when its last handle is dropped. Spans below it may live longer and
/// are still recorded, with the right parent.
///
/// What is set on a trace reaches every span that ends afterwards, and always the root, which ends
/// last: set user, session and tags early.
#[derive(Clone)]
pub struct Trace {
    root: Span,
    /// Keeps the tracer open.
    _owner: Option<Recorded<Arc<TracerGuard>>>,
}

impl Trace {
    /// The trace's id; `None` if it is not recorded.
    #[must_use]
    pub fn id(&self) -> Option<TraceId> {
        self.root.trace_id()
    }

    /// The root span: input, output, model and errors of the trace as a whole are the root's.
    #[must_use]
    pub fn root(&self) -> &Span {
        &self.root
    }

    /// Whether anything set on it is recorded.
    #[must_use]
    pub fn is_recording(&self) -> bool {
        self.root.is_recording()
    }

    observations!();

    /// The user it is done for.
    pub fn set_user_id(&self, user: &str) {
        self.update(|attributes| attributes.user_id = Some(user.to_owned()));
    }

    /// The session or conversation it belongs to.
    pub fn set_session_id(&self, session: &str) {
        self.update(|attributes| attributes.session_id = Some(session.to_owned()));
    }

    /// A new name for the trace; the root span keeps its own.
    pub fn set_name(&self, name: &str) {
        self.update(|attributes| name.clone_into(&mut attributes.name));
    }

    /// The version of what is traced.
    pub fn set_version(&self, version: &str) {
        self.update(|attributes| attributes.version = Some(version.to_owned()));
    }

    /// Whether anyone with the link may see it; no by default.
    pub fn set_public(&self, public: bool) {
        self.update(|attributes| attributes.public = public);
    }

    /// Adds metadata to the trace. A key given before gets the new value; `null` changes nothing.
    pub fn add_metadata<T: Serialize>(&self, key: &str, value: T) {
        if self.root.open.is_some()
            && let Some(value) = Value::capture(&value)
        {
            self.update(|attributes| attributes.set_metadata(key, value));
        }
    }

    /// [`add_metadata`](Self::add_metadata) with a value that is only built if it is recorded.
    pub fn add_metadata_with<T: Serialize>(&self, key: &str, value: impl FnOnce() -> T) {
        if self.root.open.is_some() {
            self.add_metadata(key, value());
        }
    }

    /// Tags the trace.
    pub fn add_tag(&self, tag: &str) {
        self.update(|attributes| attributes.add_tag(tag));
    }

    /// What went into the trace: the root span's input.
    pub fn set_input<T: Serialize>(&self, value: T) {
        self.root.set_input(value);
    }

    /// [`set_input`](Self::set_input) with a value that is only built if it is recorded.
    pub fn set_input_with<T: Serialize>(&self, value: impl FnOnce() -> T) {
        self.root.set_input_with(value);
    }

    /// What came out of the trace: the root span's output.
    pub fn set_output<T: Serialize>(&self, value: T) {
        self.root.set_output(value);
    }

    /// [`set_output`](Self::set_output) with a value that is only built if it is recorded.
    pub fn set_output_with<T: Serialize>(&self, value: impl FnOnce() -> T) {
        self.root.set_output_with(value);
    }

    /// How much attention it deserves: the root span's level.
    pub fn set_level(&self, level: Level) {
        self.root.set_level(level);
    }

    /// How it ended: the root span's status.
    #[cfg_attr(not(feature = "record"), inline)]
    pub fn set_status(&self, status: Status) {
        self.root.set_status(status);
    }

    /// Records an error on the root span.
    pub fn record_error<E: AsException<Via> + ?Sized, Via>(&self, error: &E) {
        self.root.record_error(error);
    }

    /// Records an error that has no Rust type on the root span.
    #[cfg_attr(not(feature = "record"), inline)]
    pub fn record_exception(&self, exception: Exception) {
        self.root.record_exception(exception);
    }

    /// Records on the root span that something happened now.
    #[cfg_attr(not(feature = "record"), inline)]
    pub fn record_event(&self, name: &str) {
        self.root.record_event(name);
    }

    /// Describes something that happened now, on the root span.
    #[cfg_attr(not(feature = "record"), inline)]
    pub fn event<'a>(&'a self, name: &'a str) -> EventBuilder<'a> {
        self.root.event(name)
    }

    /// Scores the trace as a whole; recorded by [`ScoreBuilder::record`] or when the builder is dropped.
    /// A trace that is not recorded takes no scores.
    pub fn score(&self, name: &str, value: impl Into<ScoreValue>) -> ScoreBuilder {
        self.root
            .score_as(name, value, |trace, _| ScoreTarget::Trace(trace))
    }

    /// Ends the trace's root span now. Later calls change nothing.
    pub fn finish(&self) {
        self.root.end();
    }

    fn update(&self, f: impl FnOnce(&mut TraceAttributes)) {
        if let Some(open) = &self.root.open {
            open.trace.update(f);
        }
    }
}

impl AsRef<Span> for Trace {
    #[inline]
    fn as_ref(&self) -> &Span {
        &self.root
    }
}

/// Describes a trace that has not begun.
#[must_use = "nothing is recorded until `run`, `run_async` or `start`"]
pub struct TraceBuilder {
    draft: Option<Draft>,
}

struct Draft {
    owner: Recorded<Arc<TracerGuard>>,
    id: TraceId,
    parent: Option<SpanId>,
    sampled: Option<bool>,
    attributes: TraceAttributes,
    /// Of the caller's in another service, and whether the trace has its root there.
    remote: Option<(TraceAttributes, bool)>,
    kind: ObservationType,
    input: Option<Value>,
}

impl TraceBuilder {
    #[cfg_attr(not(feature = "record"), inline)]
    pub(crate) fn new(owner: Option<&Recorded<Arc<TracerGuard>>>, name: &str) -> Self {
        let draft = owner
            .filter(|owner| owner.shared.admits())
            .map(|owner| Draft {
                owner: owner.clone(),
                id: TraceId::random(),
                parent: None,
                sampled: None,
                attributes: {
                    let mut attributes = TraceAttributes::default();
                    name.clone_into(&mut attributes.name);
                    attributes
                },
                remote: None,
                kind: ObservationType::Span,
                input: None,
            });
        Self { draft }
    }

    /// The user it is done for.
    pub fn user_id(self, user: &str) -> Self {
        self.with(|draft| draft.attributes.user_id = Some(user.to_owned()))
    }

    /// The session or conversation it belongs to.
    pub fn session_id(self, session: &str) -> Self {
        self.with(|draft| draft.attributes.session_id = Some(session.to_owned()))
    }

    /// Metadata of the trace. A key given before gets the new value; `null` changes nothing.
    pub fn metadata<T: Serialize>(self, key: &str, value: T) -> Self {
        self.with(|draft| {
            if let Some(value) = Value::capture(&value) {
                draft.attributes.set_metadata(key, value);
            }
        })
    }

    /// [`metadata`](Self::metadata) with a value that is only built if it may be recorded.
    pub fn metadata_with<T: Serialize>(self, key: &str, value: impl FnOnce() -> T) -> Self {
        if self.draft.is_some() {
            self.metadata(key, value())
        } else {
            self
        }
    }

    /// Tags the trace.
    pub fn tag(self, tag: &str) -> Self {
        self.with(|draft| draft.attributes.add_tag(tag))
    }

    /// Tags the trace with each of these.
    pub fn tags<T: AsRef<str>>(self, tags: impl IntoIterator<Item = T>) -> Self {
        self.with(|draft| {
            tags.into_iter()
                .for_each(|tag| draft.attributes.add_tag(tag.as_ref()))
        })
    }

    /// The version of what is traced, over the tracer's.
    pub fn version(self, version: &str) -> Self {
        self.with(|draft| draft.attributes.version = Some(version.to_owned()))
    }

    /// The release, over the tracer's.
    pub fn release(self, release: &str) -> Self {
        self.with(|draft| draft.attributes.release = Some(release.to_owned()))
    }

    /// Whether anyone with the link may see it; no by default.
    pub fn public(self, public: bool) -> Self {
        self.with(|draft| draft.attributes.public = public)
    }

    /// The kind of work the root span is; [`ObservationType::Span`] by default.
    pub fn observation_type(self, kind: ObservationType) -> Self {
        self.with(|draft| draft.kind = kind)
    }

    /// What goes in: the root span's input.
    pub fn input<T: Serialize>(self, value: T) -> Self {
        self.with(|draft| {
            if draft.owner.shared.capture_content {
                draft.input = take_owned(value);
            }
        })
    }

    /// An id made elsewhere, over the random one.
    pub fn trace_id(self, id: TraceId) -> Self {
        self.with(|draft| draft.id = id)
    }

    /// Goes on with a trace begun in another service, below its span `parent`.
    pub fn remote_parent(self, trace: TraceId, parent: SpanId) -> Self {
        self.with(|draft| {
            draft.id = trace;
            draft.parent = Some(parent);
        })
    }

    /// Whether the service with the [`remote_parent`](Self::remote_parent) records the trace, as its
    /// `traceparent` says: a rate honours it, a [`Sampler`](crate::Sampler) is told.
    pub fn remote_sampled(self, sampled: bool) -> Self {
        self.with(|draft| draft.sampled = Some(sampled))
    }

    /// What the caller says of the trace; whether its root is there.
    pub(crate) fn remote_attributes(self, attributes: TraceAttributes, claimed: bool) -> Self {
        self.with(|draft| draft.remote = Some((attributes, claimed)))
    }

    /// Begins it and gives the handle. It ends by [`Trace::finish`] or with its last handle.
    #[must_use = "dropping the last handle ends the trace"]
    #[cfg_attr(not(feature = "record"), inline)]
    pub fn start(self) -> Trace {
        let Some(mut draft) = self.draft else {
            return Trace {
                root: Span::noop(),
                _owner: None,
            };
        };
        let core = &draft.owner.shared;
        scope::inherit(&mut draft.attributes);
        let name = draft.attributes.name.clone();
        let mut claimed = false;
        if let Some((remote, elsewhere)) = draft.remote.take() {
            // The trace is named where its root is.
            if elsewhere || !remote.name.is_empty() {
                draft.attributes.name.clear();
            }
            scope::fill(&mut draft.attributes, &remote);
            claimed = elsewhere;
        }
        if !draft.is_sampled() {
            core.note_unsampled();
            return Trace {
                root: Span::unsampled(),
                _owner: Some(draft.owner),
            };
        }
        let id = SpanId::random();
        let shared = Arc::new(TraceState::new(
            core.clone(),
            draft.id,
            id,
            core.clock.anchor(),
            draft.attributes,
        ));
        draft.owner.leaks.look(core, shared.now());
        let mut buffer = buffer(id, &name, draft.kind);
        buffer.parent = draft.parent;
        buffer.claimed = claimed;
        buffer.remote_parent = draft.parent.is_some();
        if let Some(input) = draft.input {
            buffer.put_owned(Role::Input, "", input);
        }
        Trace {
            root: Span {
                open: recorded(OpenSpan::open(shared, buffer)),
                unsampled: false,
            },
            _owner: Some(draft.owner),
        }
    }

    /// Runs a closure in it and ends it. A panic ends it with [`Level::Error`] and goes on.
    pub fn run<R>(self, f: impl FnOnce(Trace) -> R) -> R {
        let trace = self.start();
        run(&trace.root, || f(trace.clone()), |_| {})
    }

    /// [`run`](Self::run) for closures that can fail: an `Err` is recorded and returned as it is.
    ///
    /// # Errors
    /// What the closure returns.
    pub fn try_run<T, E: AsException<Via>, Via>(
        self,
        f: impl FnOnce(Trace) -> Result<T, E>,
    ) -> Result<T, E> {
        let trace = self.start();
        run(
            &trace.root,
            || f(trace.clone()),
            |result| record_err(&trace.root, result),
        )
    }

    /// Runs an async closure in it and ends it; begins when first polled. A panic ends it with
    /// [`Level::Error`] and goes on; if the future is dropped, the root is marked as cancelled.
    pub async fn run_async<R>(self, f: impl AsyncFnOnce(Trace) -> R) -> R {
        let trace = self.start();
        run_async(&trace.root, f(trace.clone()), |_| {}).await
    }

    /// [`run_async`](Self::run_async) for closures that can fail: an `Err` is recorded and returned as it is.
    ///
    /// # Errors
    /// What the closure returns.
    pub async fn try_run_async<T, E: AsException<Via>, Via>(
        self,
        f: impl AsyncFnOnce(Trace) -> Result<T, E>,
    ) -> Result<T, E> {
        let trace = self.start();
        run_async(&trace.root, f(trace.clone()), |result| {
            record_err(&trace.root, result)
        })
        .await
    }

    fn with(mut self, f: impl FnOnce(&mut Draft)) -> Self {
        if let Some(draft) = &mut self.draft {
            f(draft);
        }
        self
    }
}

impl Draft {
    fn is_sampled(&self) -> bool {
        let sampler = &self.owner.shared.sampler;
        let trace = SamplingInput {
            trace_id: self.id,
            attributes: &self.attributes,
            observation_type: self.kind,
            remote_parent: self.parent,
            remote_sampled: self.sampled,
        };
        // A sampler of the user's must not fail the work that is traced.
        catch_unwind(AssertUnwindSafe(|| sampler.should_sample(&trace))).unwrap_or(true)
    }
}

/// A string is moved, anything else captured.
fn take_owned<T: Serialize>(value: T) -> Option<Value> {
    match castaway::cast!(value, String) {
        Ok(text) => Some(Value::Str(text)),
        Err(value) => Value::capture(&value),
    }
}

impl fmt::Debug for Trace {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Trace")
            .field("root", &self.root)
            .finish_non_exhaustive()
    }
}

impl fmt::Debug for TraceBuilder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = self
            .draft
            .as_ref()
            .map(|draft| draft.attributes.name.as_str());
        f.debug_struct("TraceBuilder")
            .field("name", &name)
            .finish_non_exhaustive()
    }
}
