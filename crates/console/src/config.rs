//! Settings of a console exporter. Filled by the application or the facade; read by `exporter`.

use std::io::Write;
use std::ops::RangeInclusive;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use crate::choices::{Color, Format, Stream, Text};

/// The ranges of the numeric settings.
pub mod limits {
    use std::ops::RangeInclusive;
    use std::time::Duration;

    /// Of [`width`](super::ConsoleConfig::width).
    pub const WIDTH: RangeInclusive<usize> = 1..=10_000;
    /// Of [`max_held_spans`](super::ConsoleConfig::max_held_spans). With 0 no span waits for its root.
    pub const MAX_HELD_SPANS: RangeInclusive<usize> = 0..=10_000_000;
    /// Of [`max_held_age`](super::ConsoleConfig::max_held_age): up to a day.
    pub const MAX_HELD_AGE: RangeInclusive<Duration> =
        Duration::ZERO..=Duration::from_secs(24 * 60 * 60);
}

/// A console exporter's configuration. A number outside of its range in [`limits`] is replaced by the nearest one in it.
///
/// ```
/// use tracefuse_console::{Color, ConsoleConfig, ConsoleExporter, Format, Text};
///
/// let config = ConsoleConfig::new().format(Format::Compact).text(Text::Full).color(Color::Never);
/// let exporter = ConsoleExporter::new(config);
/// ```
#[derive(Clone, Debug)]
#[non_exhaustive]
#[must_use]
pub struct ConsoleConfig {
    /// How traces are shown; a tree by default.
    pub format: Format,
    /// Columns; by default the terminal's, and without a terminal 100 for a tree and no limit for compact lines.
    /// A tree is laid out for at least 40 columns; on fewer its lines are truncated.
    pub width: Option<usize>,
    /// Whether colours are used; by default on a terminal that supports them and if `NO_COLOR` is not set.
    pub color: Color,
    /// Where traces are written; standard output by default.
    pub stream: Stream,
    /// How much of inputs, outputs, metadata and errors is shown; a line each by default.
    pub text: Text,
    /// Whether a tree shows equal siblings as one row with their number; `true` by default. Five or more
    /// spans below one parent are equal if they have the same type, name, model, prompt and tags, and so have the spans
    /// below them. The first is shown, the others are counted. A span with an error, a warning, a status message
    /// or a score is always shown. With [`Text::Full`] the texts of equal spans are equal, too; otherwise they may differ.
    pub fold: bool,
    /// Whether in the tree format a line is also printed for each span below the root when it ends, before the
    /// tree; `false` by default. An exporter sees only spans that have ended, so no line is printed when one starts.
    pub live: bool,
    /// Spans held at most while the roots of their traces are open; 10,000 by default. Beyond it the
    /// oldest trace is printed as it is.
    pub max_held_spans: usize,
    /// How long a trace's first span is held at most, by the times in the spans; 5 minutes by
    /// default. After it the trace is printed as it is.
    pub max_held_age: Duration,
}

impl Default for ConsoleConfig {
    fn default() -> Self {
        Self {
            format: Format::default(),
            width: None,
            color: Color::default(),
            stream: Stream::default(),
            text: Text::default(),
            fold: true,
            live: false,
            max_held_spans: 10_000,
            max_held_age: Duration::from_secs(300),
        }
    }
}

impl ConsoleConfig {
    /// The defaults.
    pub fn new() -> Self {
        Self::default()
    }

    /// Sets how traces are shown.
    pub fn format(mut self, format: Format) -> Self {
        self.format = format;
        self
    }

    /// Sets the number of columns.
    pub fn width(mut self, columns: usize) -> Self {
        self.width = Some(columns);
        self
    }

    /// Sets whether colours are used.
    pub fn color(mut self, color: Color) -> Self {
        self.color = color;
        self
    }

    /// Sets where traces are written.
    pub fn stream(mut self, stream: Stream) -> Self {
        self.stream = stream;
        self
    }

    /// Writes to this writer.
    pub fn writer(self, writer: impl Write + Send + 'static) -> Self {
        self.stream(Stream::Writer(Arc::new(Mutex::new(writer))))
    }

    /// Sets how much of inputs, outputs, metadata and errors is shown.
    pub fn text(mut self, text: Text) -> Self {
        self.text = text;
        self
    }

    /// Sets whether equal siblings are shown as one row.
    pub fn fold(mut self, fold: bool) -> Self {
        self.fold = fold;
        self
    }

    /// Sets whether a line is printed for each span that ends before its root.
    pub fn live(mut self, live: bool) -> Self {
        self.live = live;
        self
    }

    /// Sets how many spans are held at most.
    pub fn max_held_spans(mut self, spans: usize) -> Self {
        self.max_held_spans = spans;
        self
    }

    /// Sets how long a trace is held at most.
    pub fn max_held_age(mut self, age: Duration) -> Self {
        self.max_held_age = age;
        self
    }

    /// The same with each number in its range.
    pub(crate) fn bounded(mut self) -> Self {
        fn nearest<T: Ord + Copy>(value: T, range: &RangeInclusive<T>) -> T {
            value.clamp(*range.start(), *range.end())
        }
        self.width = self.width.map(|width| nearest(width, &limits::WIDTH));
        self.max_held_spans = nearest(self.max_held_spans, &limits::MAX_HELD_SPANS);
        self.max_held_age = nearest(self.max_held_age, &limits::MAX_HELD_AGE);
        self
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_become_the_nearest_in_their_range() {
        let most = ConsoleConfig::new()
            .width(usize::MAX)
            .max_held_spans(usize::MAX)
            .max_held_age(Duration::MAX)
            .bounded();
        assert_eq!(most.width, Some(10_000));
        assert_eq!(most.max_held_spans, 10_000_000);
        assert_eq!(most.max_held_age, Duration::from_secs(86_400));
        let least = ConsoleConfig::new()
            .width(0)
            .max_held_spans(0)
            .max_held_age(Duration::ZERO)
            .bounded();
        assert_eq!((least.width, least.max_held_spans), (Some(1), 0));
        assert_eq!(least.max_held_age, Duration::ZERO);
        let defaults = ConsoleConfig::new().bounded();
        assert_eq!((defaults.width, defaults.max_held_spans), (None, 10_000));
    }
}
