//! Ids of the current span in log lines: an event format for `tracing_subscriber::fmt` around another one.
//! Made by applications; finds the span as `layer` does. Takes no lock, and writes into the line only.

use std::fmt;

use tracefuse_core::bridge::is_suppressed;
use tracefuse_core::{Span, SpanId, TraceId};
use tracing_core::{Event, Subscriber};
use tracing_subscriber::fmt::format::Writer;
use tracing_subscriber::fmt::{FmtContext, FormatEvent, FormatFields};
use tracing_subscriber::registry::LookupSpan;

use crate::layer::inherited;
use crate::line::{Line, Style, escaped};

/// An event format that adds `trace_id` and `span_id` to log lines that are written inside of a recorded span: one of a
/// [`Tracer`](tracefuse_core::Tracer), or one that [`layer`](crate::layer()) records. It wraps any other event format.
///
/// A line outside of a span, in a trace that is not sampled, or on a thread that delivers stays as it is. The ids have the
/// form of W3C Trace Context and of OpenTelemetry: 32 and 16 lower-case hexadecimal digits.
///
/// ```
/// use tracefuse_tracing::TraceIds;
/// use tracing_subscriber::{fmt, layer::SubscriberExt as _};
///
/// # let tracer = tracefuse_core::Tracer::noop();
/// let subscriber = tracing_subscriber::registry()
///     .with(fmt::layer().map_event_format(TraceIds::text))
///     .with(tracefuse_tracing::layer(&tracer));
/// // 2026-11-27T12:00:00Z  INFO app: answered trace_id=0af7651916cd43dd8448eb211c80319c span_id=b7ad6b7169203331
/// # drop(subscriber);
/// ```
#[derive(Clone, Debug)]
pub struct TraceIds<F> {
    inner: F,
    style: Style,
    /// What comes before the trace id in its address, escaped for the style.
    url: Option<String>,
}

impl<F> TraceIds<F> {
    /// For formats that write text (`Full`, `Compact`, `Pretty`): adds ` trace_id=.. span_id=..` to the end of the line. If
    /// the `fmt` layer writes colours (`with_ansi`), the ids come first in the line, so that the colours stay.
    pub fn text(format: F) -> Self {
        Self {
            inner: format,
            style: Style::Text,
            url: None,
        }
    }

    /// For formats that write one JSON object for each line: adds the members `trace_id` and `span_id` to the object.
    ///
    /// ```
    /// use tracefuse_tracing::TraceIds;
    /// use tracing_subscriber::fmt;
    ///
    /// # type S = tracing_subscriber::Registry;
    /// let layer = fmt::layer::<S>().json().map_event_format(TraceIds::json);
    /// // {"timestamp":"..","level":"INFO","fields":{"message":"answered"},"target":"app","trace_id":"..","span_id":".."}
    /// # drop(layer);
    /// ```
    pub fn json(format: F) -> Self {
        Self {
            style: Style::Json,
            ..Self::text(format)
        }
    }

    /// Also adds `trace_url`, the address of the trace: `prefix` and then the trace id. For Langfuse the prefix is
    /// `https://cloud.langfuse.com/project/<project id>/traces/`.
    ///
    /// ```
    /// use tracefuse_tracing::TraceIds;
    /// use tracing_subscriber::fmt;
    ///
    /// # type S = tracing_subscriber::Registry;
    /// let prefix = "https://cloud.langfuse.com/project/clx1/traces/";
    /// let layer = fmt::layer::<S>().map_event_format(|format| TraceIds::text(format).trace_url(prefix));
    /// # drop(layer);
    /// ```
    #[must_use]
    pub fn trace_url(mut self, prefix: &str) -> Self {
        self.url = Some(match self.style {
            Style::Text => prefix.escape_debug().to_string(),
            Style::Json => escaped(prefix),
        });
        self
    }

    fn write(&self, to: &mut dyn fmt::Write, (trace, span): (TraceId, SpanId)) -> fmt::Result {
        match self.style {
            Style::Text => write!(to, "trace_id={trace} span_id={span}")?,
            Style::Json => write!(to, "\"trace_id\":\"{trace}\",\"span_id\":\"{span}\"")?,
        }
        match (&self.url, self.style) {
            (None, _) => Ok(()),
            (Some(url), Style::Text) => write!(to, " trace_url={url}{trace}"),
            (Some(url), Style::Json) => write!(to, ",\"trace_url\":\"{url}{trace}\""),
        }
    }
}

impl<S, N, F> FormatEvent<S, N> for TraceIds<F>
where
    S: Subscriber + for<'a> LookupSpan<'a>,
    N: for<'a> FormatFields<'a> + 'static,
    F: FormatEvent<S, N>,
{
    fn format_event(
        &self,
        ctx: &FmtContext<'_, S, N>,
        mut writer: Writer<'_>,
        event: &Event<'_>,
    ) -> fmt::Result {
        let Some(ids) = ids(ctx, event) else {
            return self.inner.format_event(ctx, writer, event);
        };
        if self.style == Style::Text && writer.has_ansi_escapes() {
            // Only the original writer says that colours may be written, and the line ends in there.
            self.write(&mut writer, ids)?;
            writer.write_char(' ')?;
            return self.inner.format_event(ctx, writer, event);
        }
        let mut line = Line {
            to: &mut writer,
            style: self.style,
            brace: false,
            opens: false,
            newlines: 0,
            is_empty: true,
        };
        self.inner
            .format_event(ctx, Writer::new(&mut line), event)?;
        let Line {
            brace,
            opens,
            newlines,
            is_empty,
            ..
        } = line;
        if !is_empty {
            if brace {
                // An object without members.
                if !opens {
                    writer.write_char(',')?;
                }
                self.write(&mut writer, ids)?;
                writer.write_char('}')?;
            } else if self.style == Style::Text {
                writer.write_char(' ')?;
                self.write(&mut writer, ids)?;
            }
        }
        (0..newlines).try_for_each(|_| writer.write_char('\n'))
    }
}

/// The ids of the span that an event belongs to: the current one, or its explicit parent.
fn ids<S, N>(ctx: &FmtContext<'_, S, N>, event: &Event<'_>) -> Option<(TraceId, SpanId)>
where
    S: Subscriber + for<'a> LookupSpan<'a>,
    N: for<'a> FormatFields<'a> + 'static,
{
    if is_suppressed() || event.is_root() && ctx.current_span().id().is_some() {
        return None;
    }
    let span = match event.parent() {
        None => Span::current(),
        Some(id) => inherited(&ctx.span(id)?)?,
    };
    Some((span.trace_id()?, span.id()?))
}
