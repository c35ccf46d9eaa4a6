//! Attributes from far away: of the current trace without a handle of it, and of every trace in a scope.
//! Used by applications deep below where a trace was begun, or above where it will be.

use std::cell::RefCell;
use std::fmt;
use std::marker::PhantomData;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use serde::Serialize;

use crate::record::{TraceAttributes, TraceId, Value};
use crate::span::feature::RECORDS;
use crate::span::handle::Span;

thread_local! {
    /// What scopes have set, the inner ones over the outer ones.
    static SCOPES: RefCell<Vec<Arc<TraceAttributes>>> = const { RefCell::new(Vec::new()) };
}

fn innermost() -> Option<Arc<TraceAttributes>> {
    SCOPES
        .try_with(|scopes| scopes.try_borrow().ok()?.last().cloned())
        .ok()
        .flatten()
}

/// What a trace that begins now has from the scopes it is in.
pub(crate) fn inherit(attributes: &mut TraceAttributes) {
    if let Some(scope) = innermost() {
        fill(attributes, &scope);
    }
}

/// Takes from `from` what is missing; tags are united.
pub(crate) fn fill(attributes: &mut TraceAttributes, from: &TraceAttributes) {
    for (own, theirs) in [
        (&mut attributes.user_id, &from.user_id),
        (&mut attributes.session_id, &from.session_id),
        (&mut attributes.version, &from.version),
        (&mut attributes.release, &from.release),
        (&mut attributes.environment, &from.environment),
    ] {
        if own.is_none() {
            own.clone_from(theirs);
        }
    }
    if attributes.name.is_empty() {
        attributes.name.clone_from(&from.name);
    }
    for tag in &from.tags {
        attributes.add_tag(tag);
    }
    for (key, value) in &from.metadata {
        if !attributes.metadata.iter().any(|(known, _)| known == key) {
            attributes.metadata.push((key.clone(), value.clone()));
        }
    }
    attributes.public |= from.public;
}

/// The span that is current, and its trace, for code that was handed neither.
///
/// ```
/// use tracefuse_core::{Tracer, current};
/// # let tracer = Tracer::noop();
/// fn deep_below() {
///     current().add_metadata("cache", "miss");
///     current().set_user_id("user123");
/// }
/// tracer.trace("request").run(|_| deep_below());
/// ```
#[must_use]
pub fn current() -> Current {
    Current {
        span: Span::current(),
    }
}

/// What is current; made by [`current()`]. Does nothing where nothing is.
#[derive(Clone, Debug)]
pub struct Current {
    span: Span,
}

impl Current {
    /// The span.
    #[must_use]
    pub fn span(&self) -> &Span {
        &self.span
    }

    /// The trace's id, if there is one that is recorded.
    #[must_use]
    pub fn trace_id(&self) -> Option<TraceId> {
        self.span.trace_id()
    }

    /// The span's input.
    pub fn set_input<T: Serialize>(&self, value: T) {
        self.span.set_input(value);
    }

    /// The span's output.
    pub fn set_output<T: Serialize>(&self, value: T) {
        self.span.set_output(value);
    }

    /// Metadata of the span.
    pub fn add_metadata<T: Serialize>(&self, key: &str, value: T) {
        self.span.add_metadata(key, value);
    }

    /// Metadata of the trace.
    pub fn add_trace_metadata<T: Serialize>(&self, key: &str, value: T) {
        if self.span.open.is_some()
            && let Some(value) = Value::capture(&value)
        {
            self.update(|attributes| attributes.set_metadata(key, value));
        }
    }

    /// The user the trace is done for.
    pub fn set_user_id(&self, user: &str) {
        self.update(|attributes| attributes.user_id = Some(user.to_owned()));
    }

    /// The session the trace belongs to.
    pub fn set_session_id(&self, session: &str) {
        self.update(|attributes| attributes.session_id = Some(session.to_owned()));
    }

    /// The trace's name.
    pub fn set_trace_name(&self, name: &str) {
        self.update(|attributes| name.clone_into(&mut attributes.name));
    }

    /// Tags the trace.
    pub fn add_tag(&self, tag: &str) {
        self.update(|attributes| attributes.add_tag(tag));
    }

    fn update(&self, f: impl FnOnce(&mut TraceAttributes)) {
        if let Some(open) = &self.span.open {
            open.trace.update(f);
        }
    }
}

/// Describes what every trace in a scope has in common: the one that is current now, and those that begin inside.
///
/// ```
/// use tracefuse_core::{Tracer, propagate};
/// # let tracer = Tracer::noop();
/// # futures::executor::block_on(async {
/// propagate().user_id("user123").tag("beta").run(|| {
///     tracer.trace("first").run(|_| {});
/// });
/// propagate().session_id("session456").scope(async {
///     tracer.trace("second").run_async(async |_| {}).await;
/// }).await;
/// # });
/// ```
pub fn propagate() -> Propagate {
    Propagate {
        attributes: TraceAttributes::default(),
    }
}

/// Attributes for a scope; made by [`propagate`]. In nested scopes the inner one wins, and tags are united.
#[derive(Clone, Debug)]
#[must_use = "nothing is set until `run`, `scope` or `enter`"]
pub struct Propagate {
    attributes: TraceAttributes,
}

impl Propagate {
    /// The user.
    #[cfg_attr(not(feature = "record"), inline)]
    pub fn user_id(self, user: &str) -> Self {
        self.with(|attributes| attributes.user_id = Some(user.to_owned()))
    }

    /// The session or conversation.
    #[cfg_attr(not(feature = "record"), inline)]
    pub fn session_id(self, session: &str) -> Self {
        self.with(|attributes| attributes.session_id = Some(session.to_owned()))
    }

    /// The name of the trace that is current; those that begin inside have names of their own.
    #[cfg_attr(not(feature = "record"), inline)]
    pub fn trace_name(self, name: &str) -> Self {
        self.with(|attributes| name.clone_into(&mut attributes.name))
    }

    /// The version of what is traced.
    #[cfg_attr(not(feature = "record"), inline)]
    pub fn version(self, version: &str) -> Self {
        self.with(|attributes| attributes.version = Some(version.to_owned()))
    }

    /// A tag.
    #[cfg_attr(not(feature = "record"), inline)]
    pub fn tag(self, tag: &str) -> Self {
        self.with(|attributes| attributes.add_tag(tag))
    }

    /// Metadata of the trace; `null` changes nothing.
    pub fn metadata<T: Serialize>(self, key: &str, value: T) -> Self {
        self.with(|attributes| {
            if let Some(value) = Value::capture(&value) {
                attributes.set_metadata(key, value);
            }
        })
    }

    #[inline]
    fn with(mut self, f: impl FnOnce(&mut TraceAttributes)) -> Self {
        if RECORDS {
            f(&mut self.attributes);
        }
        self
    }

    /// Runs a closure in the scope.
    pub fn run<R>(self, f: impl FnOnce() -> R) -> R {
        let _entered = self.enter();
        f()
    }

    /// The scope of what follows on this thread, until the guard is dropped.
    #[cfg_attr(not(feature = "record"), inline)]
    pub fn enter(self) -> EnteredScope {
        if !RECORDS {
            return EnteredScope::nothing();
        }
        self.set_on_current();
        push(&self.merged())
    }

    /// Runs a future in the scope, on whatever thread it is polled.
    pub fn scope<F: Future>(self, future: F) -> Scoped<F> {
        Scoped {
            merged: self.merged(),
            first: Some(self),
            inner: future,
        }
    }

    /// Ours over those of the scopes outside.
    fn merged(&self) -> Arc<TraceAttributes> {
        let mut merged = self.attributes.clone();
        if let Some(outer) = innermost() {
            fill(&mut merged, &outer);
        }
        Arc::new(merged)
    }

    fn set_on_current(&self) {
        if let Some(open) = &Span::current().open {
            open.trace.update(|attributes| {
                let mut merged = self.attributes.clone();
                fill(&mut merged, attributes);
                // Tags that were there come first.
                merged.tags.clone_from(&attributes.tags);
                self.attributes
                    .tags
                    .iter()
                    .for_each(|tag| merged.add_tag(tag));
                *attributes = merged;
            });
        }
    }
}

fn push(attributes: &Arc<TraceAttributes>) -> EnteredScope {
    if !RECORDS {
        return EnteredScope::nothing();
    }
    let depth = SCOPES.try_with(|scopes| {
        let mut scopes = scopes.try_borrow_mut().ok()?;
        scopes.push(attributes.clone());
        Some(scopes.len() - 1)
    });
    EnteredScope {
        depth: depth.ok().flatten(),
        thread: PhantomData,
    }
}

/// Keeps a scope on this thread; made by [`Propagate::enter`].
#[must_use = "the scope lasts until the guard is dropped"]
pub struct EnteredScope {
    depth: Option<usize>,
    /// Not `Send`: the scope is this thread's.
    thread: PhantomData<*const ()>,
}

impl EnteredScope {
    fn nothing() -> Self {
        Self {
            depth: None,
            thread: PhantomData,
        }
    }
}

impl Drop for EnteredScope {
    #[cfg_attr(not(feature = "record"), inline)]
    fn drop(&mut self) {
        if RECORDS && let Some(depth) = self.depth {
            let _ = SCOPES.try_with(|scopes| {
                if let Ok(mut scopes) = scopes.try_borrow_mut() {
                    scopes.truncate(depth);
                }
            });
        }
    }
}

impl fmt::Debug for EnteredScope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("EnteredScope").finish_non_exhaustive()
    }
}

pin_project_lite::pin_project! {
    /// A future in a scope; made by [`Propagate::scope`].
    #[derive(Debug)]
    #[must_use = "futures do nothing unless polled"]
    pub struct Scoped<F> {
        #[pin]
        inner: F,
        merged: Arc<TraceAttributes>,
        // Set on the trace that is current when it begins, once.
        first: Option<Propagate>,
    }
}

impl<F: Future> Future for Scoped<F> {
    type Output = F::Output;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<F::Output> {
        let this = self.project();
        if let Some(propagate) = this.first.take() {
            propagate.set_on_current();
        }
        let _entered = push(this.merged);
        this.inner.poll(cx)
    }
}
