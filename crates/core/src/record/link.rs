//! A link from a span to another span, which may belong to another trace, and its view in a finished record.
//! Built by applications and bridges, written by `buffer`, read by exporters through `SpanRecord`. Must not know handles.

use serde::Serialize;

use super::format::Role;
use super::id::{SpanId, TraceId};
use super::pairs;
use super::parts::own;
use super::reader::{LinkWords, Reader};
use super::value::{Value, ValueRef};

/// It is known whether the linked span belongs to another process.
const REMOTE_KNOWN: u32 = 0x100;
/// The linked span belongs to another process.
const REMOTE: u32 = 0x200;
/// All flags of a link that OTLP defines.
const FLAGS: u32 = 0xff | REMOTE_KNOWN | REMOTE;

/// A link from a span to another span: the attempt before a retry, the requests of a batch, the request that
/// started a job. The linked span is no parent, and may belong to another trace (OpenTelemetry's span link).
///
/// `&Span`, `&Trace` and `&RemoteContext` become links where one is asked for; one that is not recorded links to
/// nothing. A link that is built here can have metadata.
///
/// ```
/// use tracefuse_core::{Link, SpanId, TraceId};
///
/// # let tracer = tracefuse_core::Tracer::noop();
/// // Read from a message of a queue.
/// let (trace, span): (TraceId, SpanId) = (
///     "0af7651916cd43dd8448eb211c80319c".parse().unwrap(),
///     "b7ad6b7169203331".parse().unwrap(),
/// );
/// let request = Link::new(trace, span).metadata("queue", "summaries");
/// tracer.trace("summarize").link(request).run(|_| {});
/// ```
#[derive(Clone, Debug, PartialEq)]
#[must_use = "a link is recorded by `link` or `add_link`"]
pub struct Link {
    pub(super) trace_id: TraceId,
    pub(super) span_id: SpanId,
    pub(super) flags: u32,
    pub(super) metadata: Vec<(String, Value)>,
    pub(super) dropped_keys: u64,
}

impl Link {
    /// A link to a span, by its ids.
    pub const fn new(trace_id: TraceId, span_id: SpanId) -> Self {
        Self {
            trace_id,
            span_id,
            flags: 0,
            metadata: Vec::new(),
            dropped_keys: 0,
        }
    }

    pub(crate) const fn local(trace_id: TraceId, span_id: SpanId) -> Self {
        let mut link = Self::new(trace_id, span_id);
        link.flags = REMOTE_KNOWN | 1;
        link
    }

    pub(crate) const fn remote(trace_id: TraceId, span_id: SpanId, trace_flags: u8) -> Self {
        let mut link = Self::new(trace_id, span_id);
        link.flags = REMOTE_KNOWN | REMOTE | trace_flags as u32;
        link
    }

    /// Adds metadata, such as the reason of a retry. A key given before gets the new value; `null` changes nothing.
    /// A link has at most 128 keys; further ones are counted in the span's metadata as `_dropped.keys`.
    pub fn metadata<T: Serialize>(mut self, key: &str, value: T) -> Self {
        let Some(value) = Value::capture(&value) else {
            return self;
        };
        if !pairs::set(&mut self.metadata, key, value) {
            self.dropped_keys += 1;
        }
        self
    }

    /// The flags as OTLP has them: in the low 8 bits the W3C trace flags of the linked span, 0x100 if it is known
    /// whether that span is in another process, 0x200 if it is. Other bits are ignored. By default zero: not known.
    pub const fn flags(mut self, flags: u32) -> Self {
        self.flags = flags & FLAGS;
        self
    }

    /// The trace of the linked span.
    #[must_use]
    pub const fn trace_id(&self) -> TraceId {
        self.trace_id
    }

    /// The linked span.
    #[must_use]
    pub const fn span_id(&self) -> SpanId {
        self.span_id
    }
}

/// A link of a finished span.
#[derive(Clone, Copy, Debug)]
pub struct LinkRef<'a> {
    words: LinkWords<'a>,
    trace_id: TraceId,
    span_id: SpanId,
    rest: Rest<'a>,
}

/// The attributes behind it; names only in `Debug`, because a value may be a prompt.
#[derive(Clone, Copy)]
struct Rest<'a> {
    words: &'a [u64],
    text: &'a str,
    large: &'a [std::sync::Arc<String>],
}

impl std::fmt::Debug for Rest<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("..")
    }
}

impl<'a> LinkRef<'a> {
    /// `None` if the words have no valid ids. `rest` are the attributes behind the link.
    pub(super) fn new(words: LinkWords<'a>, rest: &Reader<'a>) -> Option<Self> {
        let (trace_id, span_id) = words.ids()?;
        let rest = Rest {
            words: rest.words,
            text: rest.text,
            large: rest.large,
        };
        Some(Self {
            words,
            trace_id,
            span_id,
            rest,
        })
    }

    /// The trace of the linked span.
    #[must_use]
    pub fn trace_id(&self) -> TraceId {
        self.trace_id
    }

    /// The linked span.
    #[must_use]
    pub fn span_id(&self) -> SpanId {
        self.span_id
    }

    /// Its flags, see [`Link::flags`].
    #[must_use]
    pub fn flags(&self) -> u32 {
        self.words.flags & FLAGS
    }

    /// Its metadata, in the order it was given.
    pub fn metadata(&self) -> impl Iterator<Item = (&'a str, ValueRef<'a>)> + use<'a> {
        let Rest { words, text, large } = self.rest;
        let own = own(Reader { words, text, large });
        own.filter(|own| own.role == Role::LinkMetadata)
            .filter_map(|own| Some((own.key, own.value()?)))
    }
}
