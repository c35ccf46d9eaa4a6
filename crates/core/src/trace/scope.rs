//! Attributes of a scope: set on the current trace, and on every trace that begins in the scope.
//! Used by applications, outside of the code where traces begin.

use std::fmt;
use std::marker::PhantomData;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use serde::Serialize;

use crate::record::{TraceAttributes, Value};
use crate::span::feature::RECORDS;
use crate::span::handle::Span;
use crate::span::inherited::{self, Inherited};

/// Gives a trace that begins now the attributes of the scopes it is in.
pub(crate) fn inherit(attributes: &mut TraceAttributes) {
    if let Some(scope) = inherited::innermost() {
        fill(attributes, &scope.attributes);
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
    attributes.merge_metadata(&from.metadata, false);
    attributes.public |= from.public;
}

/// Describes what all traces of a scope have in common: the current trace, and the traces that begin inside.
///
/// ```
/// use tracefuse_core::{Tracer, with_attributes};
/// # let tracer = Tracer::noop();
/// # futures::executor::block_on(async {
/// with_attributes().user_id("user123").tag("beta").run(|| {
///     tracer.trace("first").run(|_| {});
/// });
/// with_attributes().session_id("session456").scope(async {
///     tracer.trace("second").run_async(async |_| {}).await;
/// }).await;
/// # });
/// ```
pub fn with_attributes() -> WithAttributes {
    WithAttributes {
        set: Inherited::default(),
    }
}

/// Attributes for a scope; made by [`with_attributes`]. In nested scopes the inner one wins, and tags are united.
///
/// ```
/// # let recorder = tracefuse_core::testing::Recorder::new();
/// # let tracer = recorder.tracer();
/// use tracefuse_core::with_attributes;
///
/// let entered = with_attributes().user_id("user123").tag("beta").enter();
/// tracer.trace("request").run(|_| {}); // has the user and the tag
/// drop(entered);
/// ```
#[derive(Clone, Debug)]
#[must_use = "nothing is set until `run`, `scope` or `enter`"]
pub struct WithAttributes {
    set: Inherited,
}

impl WithAttributes {
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

    /// A new name for the current trace; traces that begin inside keep the names they are begun with.
    #[cfg_attr(not(feature = "record"), inline)]
    pub fn trace_name(self, name: &str) -> Self {
        self.with(|attributes| name.clone_into(&mut attributes.name))
    }

    /// The version of what is traced.
    #[cfg_attr(not(feature = "record"), inline)]
    pub fn version(self, version: &str) -> Self {
        self.with(|attributes| attributes.version = Some(version.to_owned()))
    }

    /// A tag; see [`Trace::add_tag`](crate::Trace::add_tag).
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

    /// The managed prompt of Langfuse that generations in the scope are made from: each generation that starts inside
    /// and names no prompt is linked to it. Observations of other types are not, because Langfuse links generations
    /// only.
    #[cfg_attr(not(feature = "record"), inline)]
    pub fn prompt(mut self, name: &str, version: u32) -> Self {
        if RECORDS {
            self.set.prompt = Some((name.to_owned(), version));
        }
        self
    }

    #[inline]
    fn with(mut self, f: impl FnOnce(&mut TraceAttributes)) -> Self {
        if RECORDS {
            f(&mut self.set.attributes);
        }
        self
    }

    /// Runs a closure in the scope.
    pub fn run<R>(self, f: impl FnOnce() -> R) -> R {
        let _entered = self.enter();
        f()
    }

    /// Enters the scope on this thread, until the guard is dropped.
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

    /// The attributes of this scope over those of the scopes around it.
    fn merged(&self) -> Arc<Inherited> {
        let mut merged = self.set.clone();
        if let Some(outer) = inherited::innermost() {
            fill(&mut merged.attributes, &outer.attributes);
            if merged.prompt.is_none() {
                merged.prompt.clone_from(&outer.prompt);
            }
        }
        Arc::new(merged)
    }

    fn set_on_current(&self) {
        if let Some(open) = &Span::current().open {
            open.trace.shared.update(|attributes| {
                let set = &self.set.attributes;
                let mut merged = set.clone();
                // The tags and the keys that the trace has come first.
                merged.tags.clear();
                merged.metadata.clear();
                fill(&mut merged, attributes);
                set.tags.iter().for_each(|tag| merged.add_tag(tag));
                merged.merge_metadata(&set.metadata, true);
                *attributes = merged;
            });
        }
    }
}

fn push(scope: &Arc<Inherited>) -> EnteredScope {
    if !RECORDS {
        return EnteredScope::nothing();
    }
    EnteredScope {
        depth: inherited::push(scope),
        thread: PhantomData,
    }
}

/// Keeps a scope entered on this thread; made by [`WithAttributes::enter`].
#[must_use = "the scope lasts until the guard is dropped"]
pub struct EnteredScope {
    depth: Option<usize>,
    /// Not `Send`: the scope belongs to the thread.
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
            inherited::truncate(depth);
        }
    }
}

impl fmt::Debug for EnteredScope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("EnteredScope").finish_non_exhaustive()
    }
}

pin_project_lite::pin_project! {
    /// A future in a scope; made by [`WithAttributes::scope`].
    #[derive(Debug)]
    #[must_use = "futures do nothing unless polled"]
    pub struct Scoped<F> {
        #[pin]
        inner: F,
        merged: Arc<Inherited>,
        // Set on the trace that is current when it begins, once.
        first: Option<WithAttributes>,
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
