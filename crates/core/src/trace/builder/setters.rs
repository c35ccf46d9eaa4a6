//! What is set on a trace before it begins: its attributes, its root's input and links, its id and remote parent.
//! Called by applications. Writes into the draft of the builder; does nothing if there is none.

use serde::Serialize;

use super::{Draft, TraceBuilder};
use crate::record::{Link, MAX_LINKS, ObservationType, SpanId, TraceId, Value};

impl TraceBuilder {
    /// The user it is done for.
    ///
    /// ```
    /// # let recorder = tracefuse_core::testing::Recorder::new();
    /// # let tracer = recorder.tracer();
    /// tracer.trace("chat").user_id("user123").run(|_| {});
    /// ```
    pub fn user_id(self, user: &str) -> Self {
        self.with(|draft| draft.attributes.user_id = Some(user.to_owned()))
    }

    /// The session or conversation it belongs to.
    ///
    /// ```
    /// # let recorder = tracefuse_core::testing::Recorder::new();
    /// # let tracer = recorder.tracer();
    /// tracer.trace("chat").session_id("chat-17").run(|_| {});
    /// ```
    pub fn session_id(self, session: &str) -> Self {
        self.with(|draft| draft.attributes.session_id = Some(session.to_owned()))
    }

    /// Metadata of the trace. A key given before gets the new value; `null` changes nothing.
    ///
    /// ```
    /// # let recorder = tracefuse_core::testing::Recorder::new();
    /// # let tracer = recorder.tracer();
    /// tracer.trace("chat").metadata("channel", "web").run(|_| {});
    /// ```
    pub fn metadata<T: Serialize>(self, key: &str, value: T) -> Self {
        self.with(|draft| {
            if let Some(value) = Value::capture(&value) {
                draft.attributes.set_metadata(key, value);
            }
        })
    }

    /// [`metadata`](Self::metadata) with a value that is only built if it may be recorded.
    ///
    /// ```
    /// # let recorder = tracefuse_core::testing::Recorder::new();
    /// # let tracer = recorder.tracer();
    /// tracer.trace("chat").metadata_with("size", || "a long text".len()).run(|_| {});
    /// ```
    pub fn metadata_with<T: Serialize>(self, key: &str, value: impl FnOnce() -> T) -> Self {
        if self.draft.is_some() {
            self.metadata(key, value())
        } else {
            self
        }
    }

    /// Tags the trace.
    ///
    /// ```
    /// # let recorder = tracefuse_core::testing::Recorder::new();
    /// # let tracer = recorder.tracer();
    /// tracer.trace("chat").tag("beta").run(|_| {});
    /// ```
    pub fn tag(self, tag: &str) -> Self {
        self.with(|draft| draft.attributes.add_tag(tag))
    }

    /// Tags the trace with each of these.
    ///
    /// ```
    /// # let recorder = tracefuse_core::testing::Recorder::new();
    /// # let tracer = recorder.tracer();
    /// tracer.trace("chat").tags(["beta", "web"]).run(|_| {});
    /// ```
    pub fn tags<T: AsRef<str>>(self, tags: impl IntoIterator<Item = T>) -> Self {
        self.with(|draft| {
            tags.into_iter()
                .for_each(|tag| draft.attributes.add_tag(tag.as_ref()))
        })
    }

    /// The version of what is traced, over the tracer's.
    ///
    /// ```
    /// # let recorder = tracefuse_core::testing::Recorder::new();
    /// # let tracer = recorder.tracer();
    /// tracer.trace("chat").version("2026-07").run(|_| {});
    /// ```
    pub fn version(self, version: &str) -> Self {
        self.with(|draft| draft.attributes.version = Some(version.to_owned()))
    }

    /// The release, over the tracer's.
    ///
    /// ```
    /// # let recorder = tracefuse_core::testing::Recorder::new();
    /// # let tracer = recorder.tracer();
    /// tracer.trace("chat").release("1.4.0").run(|_| {});
    /// ```
    pub fn release(self, release: &str) -> Self {
        self.with(|draft| draft.attributes.release = Some(release.to_owned()))
    }

    /// Whether anyone with the link may see it; no by default.
    ///
    /// ```
    /// # let recorder = tracefuse_core::testing::Recorder::new();
    /// # let tracer = recorder.tracer();
    /// tracer.trace("chat").public(true).run(|_| {});
    /// ```
    pub fn public(self, public: bool) -> Self {
        self.with(|draft| draft.attributes.public = public)
    }

    /// The kind of work the root span is; [`ObservationType::Span`] by default.
    ///
    /// ```
    /// # let recorder = tracefuse_core::testing::Recorder::new();
    /// # let tracer = recorder.tracer();
    /// # use tracefuse_core::ObservationType;
    /// tracer.trace("chat").observation_type(ObservationType::Agent).run(|_| {});
    /// ```
    pub fn observation_type(self, kind: ObservationType) -> Self {
        self.with(|draft| draft.kind = kind)
    }

    /// What goes in: the root span's input.
    ///
    /// ```
    /// # let recorder = tracefuse_core::testing::Recorder::new();
    /// # let tracer = recorder.tracer();
    /// tracer.trace("chat").input("How is the weather?").run(|_| {});
    /// ```
    pub fn input<T: Serialize>(self, value: T) -> Self {
        self.with(|draft| {
            if draft.owner.shared.capture_content {
                draft.input = take_owned(value);
            }
        })
    }

    /// [`input`](Self::input) with a value that is only built if it is recorded.
    ///
    /// ```
    /// # let recorder = tracefuse_core::testing::Recorder::new();
    /// # let tracer = recorder.tracer();
    /// tracer.trace("chat").input_with(|| vec!["doc 1", "doc 2"]).run(|_| {});
    /// ```
    pub fn input_with<T: Serialize>(self, value: impl FnOnce() -> T) -> Self {
        let captures = |draft: &Draft| draft.owner.shared.capture_content;
        if self.draft.as_ref().is_some_and(captures) {
            self.input(value())
        } else {
            self
        }
    }

    /// Links its root to a span of another trace, such as the request that started this job, see
    /// [`Span::add_link`](crate::Span::add_link).
    ///
    /// ```
    /// # let recorder = tracefuse_core::testing::Recorder::new();
    /// # let tracer = recorder.tracer();
    /// # let request = tracer.trace("request").start();
    /// tracer.trace("in-the-background").link(&request).run(|_| {});
    /// ```
    pub fn link(self, to: impl Into<Option<Link>>) -> Self {
        if self.draft.is_none() {
            return self;
        }
        let Some(link) = to.into() else { return self };
        self.with_context(|context| {
            if context.links.len() < MAX_LINKS as usize {
                context.links.push(link);
            } else {
                context.dropped_links += 1;
            }
        })
    }

    /// A given id in place of the random one.
    ///
    /// ```
    /// # let recorder = tracefuse_core::testing::Recorder::new();
    /// # let tracer = recorder.tracer();
    /// # use tracefuse_core::TraceId;
    /// let id: TraceId = "0af7651916cd43dd8448eb211c80319c".parse().unwrap();
    /// tracer.trace("chat").trace_id(id).run(|trace| assert_eq!(trace.id(), Some(id)));
    /// ```
    pub fn trace_id(self, id: TraceId) -> Self {
        self.with(|draft| draft.id = id)
    }

    /// Continues a trace that another service began, below its span `parent`.
    ///
    /// ```
    /// # let recorder = tracefuse_core::testing::Recorder::new();
    /// # let tracer = recorder.tracer();
    /// # use tracefuse_core::{SpanId, TraceId};
    /// let trace: TraceId = "0af7651916cd43dd8448eb211c80319c".parse().unwrap();
    /// let parent: SpanId = "b7ad6b7169203331".parse().unwrap();
    /// tracer.trace("chat").remote_parent(trace, parent).run(|_| {});
    /// ```
    pub fn remote_parent(self, trace: TraceId, parent: SpanId) -> Self {
        let flags = match &self.draft {
            Some(draft) => u8::from(draft.sampled != Some(false)),
            None => 1,
        };
        self.with(|draft| draft.id = trace)
            .with_context(|context| context.parent = Some((trace, parent, flags)))
    }

    /// Whether the service with the [`remote_parent`](Self::remote_parent) records the trace, as its `traceparent` says:
    /// a rate follows it, a [`Sampler`](crate::Sampler) receives it.
    ///
    /// ```
    /// # let recorder = tracefuse_core::testing::Recorder::new();
    /// # let tracer = recorder.tracer();
    /// # use tracefuse_core::{SpanId, TraceId};
    /// # let (trace, parent) = (TraceId::random(), SpanId::random());
    /// tracer.trace("chat").remote_parent(trace, parent).remote_sampled(true).run(|_| {});
    /// ```
    pub fn remote_sampled(mut self, sampled: bool) -> Self {
        if let Some(context) = &mut self.context
            && let Some((_, _, flags)) = &mut context.parent
        {
            *flags = *flags & !1 | u8::from(sampled);
        }
        self.with(|draft| draft.sampled = Some(sampled))
    }
}

/// A string is moved, anything else captured.
fn take_owned<T: Serialize>(value: T) -> Option<Value> {
    match castaway::cast!(value, String) {
        Ok(text) => Some(Value::Str(text)),
        Err(value) => Value::capture(&value),
    }
}
