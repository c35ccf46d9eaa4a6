//! Spans, their events, links and status as messages of OTLP.
//! Called by the mappings of exporters; writes through `wire`.

use tracefuse_exporter::record::{SpanId, SpanRecord, StatusCode, Timestamp, TraceId};

use super::attributes::{Attributes, Nul, text};
use super::wire::Buffer;
use super::{SHORT, TINY};

/// OpenTelemetry's instrumentation scope: the library that recorded the spans.
#[derive(Clone, Copy, Debug)]
#[expect(
    clippy::exhaustive_structs,
    reason = "the two fields of the message that we send"
)]
pub struct Scope<'a> {
    /// Name.
    pub name: &'a str,
    /// Version.
    pub version: &'a str,
}

impl Scope<'_> {
    pub(super) fn write(&self, out: &mut Buffer) {
        let scope = out.open(1, TINY);
        text(out, 1, self.name, Nul::Search);
        text(out, 2, self.version, Nul::Search);
        out.close(scope);
    }
}

/// What every span has.
#[derive(Clone, Copy, Debug)]
#[expect(
    clippy::exhaustive_structs,
    reason = "built by mappings, all fields are required by the protocol"
)]
pub struct SpanHead<'a> {
    /// The trace it belongs to.
    pub trace_id: TraceId,
    /// Its own id.
    pub span_id: SpanId,
    /// Its parent's id.
    pub parent: Option<SpanId>,
    /// Whether that parent is in another service.
    pub parent_is_remote: bool,
    /// Its name.
    pub name: &'a str,
    /// When it began.
    pub start: Timestamp,
    /// When it ended.
    pub end: Timestamp,
}

impl<'a> SpanHead<'a> {
    /// The head of a finished span.
    #[must_use]
    pub fn of(record: &'a SpanRecord) -> Self {
        Self {
            trace_id: record.trace_id(),
            span_id: record.span_id(),
            parent: record.parent_span_id(),
            parent_is_remote: record.parent_span_id().is_some() && record.is_local_root(),
            name: record.name(),
            start: record.start_time(),
            end: record.end_time(),
        }
    }
}

/// Writes the spans of a request.
#[derive(Debug)]
pub struct Spans<'a> {
    out: &'a mut Buffer,
    nul: Nul,
}

/// OpenTelemetry's span kind INTERNAL: what happens inside the application.
const INTERNAL: u64 = 1;
/// Flags of a span: sampled (W3C); whether it is known that the parent is remote, and whether it is (OTLP).
const SAMPLED: u32 = 0x1;
const REMOTE_KNOWN: u32 = 0x100;
const REMOTE: u32 = 0x200;

impl<'a> Spans<'a> {
    pub(super) fn new(out: &'a mut Buffer) -> Self {
        Self {
            out,
            nul: Nul::Search,
        }
    }

    /// Sets whether texts of the spans that follow may have a NUL, keys and names included. By default they may, and each
    /// text is searched. One search of a whole record costs much less.
    pub fn may_contain_nul(&mut self, may: bool) {
        self.nul = if may { Nul::Search } else { Nul::None };
    }

    /// Writes a span; `body` adds attributes, events, links and status.
    pub fn span(&mut self, head: &SpanHead<'_>, body: impl FnOnce(&mut SpanBody<'_>)) {
        let span = self.out.open(2, SHORT);
        self.out.bytes(1, &head.trace_id.to_bytes());
        self.out.bytes(2, &head.span_id.to_bytes());
        if let Some(parent) = head.parent {
            self.out.bytes(4, &parent.to_bytes());
        }
        text(self.out, 5, head.name, self.nul);
        self.out.uint(6, INTERNAL);
        self.out.fixed64(7, head.start.as_unix_nanos());
        self.out.fixed64(8, head.end.as_unix_nanos());
        body(&mut SpanBody {
            out: self.out,
            nul: self.nul,
        });
        let remote = if head.parent_is_remote { REMOTE } else { 0 };
        self.out.fixed32(16, SAMPLED | REMOTE_KNOWN | remote);
        self.out.close(span);
    }
}

/// Numbers of a status (`Status.StatusCode`); one that is not set is not written.
const OK: u64 = 1;
const ERROR: u64 = 2;

/// Writes the rest of a span.
#[derive(Debug)]
pub struct SpanBody<'a> {
    out: &'a mut Buffer,
    nul: Nul,
}

impl SpanBody<'_> {
    /// The span's attributes.
    pub fn attributes(&mut self) -> Attributes<'_> {
        Attributes {
            out: self.out,
            field: 9,
            nul: self.nul,
        }
    }

    /// Copies attributes written by [`span_attributes`](super::span_attributes).
    pub fn copy_attributes(&mut self, encoded: &[u8]) {
        self.out.raw(encoded);
    }

    /// Writes a span event.
    pub fn event(
        &mut self,
        name: &str,
        time: Timestamp,
        attributes: impl FnOnce(&mut Attributes<'_>),
    ) {
        let event = self.out.open(11, SHORT);
        self.out.fixed64(1, time.as_unix_nanos());
        text(self.out, 2, name, self.nul);
        attributes(&mut Attributes {
            out: self.out,
            field: 3,
            nul: self.nul,
        });
        self.out.close(event);
    }

    /// Writes a link to another span.
    pub fn link(
        &mut self,
        trace_id: TraceId,
        span_id: SpanId,
        flags: u32,
        attributes: impl FnOnce(&mut Attributes<'_>),
    ) {
        let link = self.out.open(13, SHORT);
        self.out.bytes(1, &trace_id.to_bytes());
        self.out.bytes(2, &span_id.to_bytes());
        attributes(&mut Attributes {
            out: self.out,
            field: 4,
            nul: self.nul,
        });
        if flags != 0 {
            self.out.fixed32(6, flags);
        }
        self.out.close(link);
    }

    /// Writes the status. OTLP has a message only for an error.
    pub fn status(&mut self, code: StatusCode, message: Option<&str>) {
        let (code, message) = match code {
            StatusCode::Error => (ERROR, message.unwrap_or_default()),
            StatusCode::Ok => (OK, ""),
            _ => return,
        };
        let status = self.out.open(15, TINY);
        text(self.out, 2, message, self.nul);
        self.out.uint(3, code);
        self.out.close(status);
    }
}
