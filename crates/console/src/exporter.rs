//! The exporter, and the one place that writes to the terminal.
//! Fed by delivery, batch by batch; drained by people. Writes pages only, whose text is safe.

use std::collections::HashSet;
use std::fmt;
use std::io::{self, ErrorKind, Write};
use std::sync::{Mutex, PoisonError};

use anstream::{AutoStream, ColorChoice};
use terminal_size::{Width, terminal_size_of};
use tracefuse_exporter::record::SpanId;
use tracefuse_exporter::{Batch, ExportError, ExportReport, Exporter, async_trait};

use crate::config::{Color, ConsoleConfig, Format, Stream};
use crate::open::{OpenTraces, Ready};
use crate::paint::Page;
use crate::{compact, json, score, tree};

/// Shows traces in the terminal. See [`ConsoleConfig`].
///
/// A tree, and in the other formats the lines of a batch, are one write: traces that run at the same
/// time do not interleave. A reader that does not read (a pipe into a pager) holds up this exporter
/// alone, on the thread that delivery gives it.
pub struct ConsoleExporter {
    config: ConsoleConfig,
    color: bool,
    state: Mutex<State>,
}

struct State {
    open: OpenTraces,
    /// What could not be written yet, of one batch at most: nothing is taken before it is out.
    unwritten: Page,
    /// Bytes of `unwritten` that are out.
    written: usize,
    /// Spans and scores of a batch whose text could not be written: delivery brings them again.
    seen: HashSet<SpanId>,
    seen_scores: HashSet<String>,
}

impl ConsoleExporter {
    /// An exporter of this configuration. Whether there are colours is decided here, once.
    #[must_use]
    pub fn new(config: ConsoleConfig) -> Self {
        let color = match config.color {
            Color::Always => true,
            Color::Never => false,
            Color::Auto => match &config.stream {
                Stream::Stdout => AutoStream::choice(&io::stdout()) != ColorChoice::Never,
                Stream::Stderr => AutoStream::choice(&io::stderr()) != ColorChoice::Never,
                Stream::Writer(_) => false,
            },
        };
        let state = State {
            open: OpenTraces::new(config.max_held_spans, config.max_held_age),
            unwritten: Page::default(),
            written: 0,
            seen: HashSet::new(),
            seen_scores: HashSet::new(),
        };
        Self {
            config,
            color,
            state: Mutex::new(state),
        }
    }

    fn take(&self, state: &mut State, batch: &Batch) -> Result<(), ExportError> {
        self.write_out(state)?;
        // Asked each time: terminals change their size.
        let width = self.width();
        let mut page = Page::new(self.color);
        let mut taken = Vec::with_capacity(batch.len());
        for span in batch.spans() {
            if state.seen.remove(&span.span_id()) {
                continue;
            }
            taken.push(span.span_id());
            match self.config.format {
                Format::Tree => {
                    let ready = state.open.take(span, self.config.io);
                    self.draw(&mut page, ready, width);
                }
                Format::Compact => page.line(&compact::line(span, self.config.io, width)),
                Format::Json => page.line(&json::line(span, batch.resource())),
            }
        }
        self.draw(&mut page, state.open.settle(), width);
        let mut taken_scores = Vec::new();
        for score in batch.scores() {
            if state.seen_scores.remove(&score.id) {
                continue;
            }
            taken_scores.push(score.id.clone());
            page.line(&match self.config.format {
                Format::Json => score::json(score, batch.resource()),
                _ => score::line(score, width),
            });
        }
        state.unwritten = page;
        self.write_out(state).inspect_err(|_| {
            state.seen.extend(taken);
            state.seen_scores.extend(taken_scores);
        })
    }

    fn drain(&self, state: &mut State) -> Result<(), ExportError> {
        self.write_out(state)?;
        let mut page = Page::new(self.color);
        self.draw(&mut page, state.open.drain(), self.width());
        state.unwritten = page;
        self.write_out(state)
    }

    fn draw(&self, page: &mut Page, ready: impl IntoIterator<Item = Ready>, width: Option<usize>) {
        for Ready { header, spans } in ready {
            let width = width.unwrap_or(100);
            page.append(&tree::tree(&header, &spans, width, self.color));
            page.gap();
        }
    }

    fn width(&self) -> Option<usize> {
        let size = match &self.config.stream {
            Stream::Stdout => terminal_size_of(io::stdout()),
            Stream::Stderr => terminal_size_of(io::stderr()),
            Stream::Writer(_) => None,
        };
        self.config.width.or_else(|| {
            let (Width(columns), _) = size?;
            // A terminal that says it has no columns does not know.
            Some(usize::from(columns)).filter(|columns| *columns > 0)
        })
    }

    /// Writes what is left of the page; remembers how far it came.
    fn write_out(&self, state: &mut State) -> Result<(), ExportError> {
        if state.unwritten.is_empty() {
            return Ok(());
        }
        // The page has colours only where they were wanted. On Windows' old consoles the stream
        // turns them into calls.
        let choice = if self.color {
            ColorChoice::Always
        } else {
            ColorChoice::Never
        };
        let (page, written) = (&state.unwritten, &mut state.written);
        let result = match &self.config.stream {
            Stream::Stdout => write_rest(
                &mut AutoStream::new(io::stdout().lock(), choice),
                page,
                written,
            ),
            Stream::Stderr => write_rest(
                &mut AutoStream::new(io::stderr().lock(), choice),
                page,
                written,
            ),
            Stream::Writer(writer) => {
                let mut writer = writer.lock().unwrap_or_else(PoisonError::into_inner);
                write_rest(&mut *writer, page, written)
            }
        };
        result.map_err(failed)?;
        state.unwritten = Page::default();
        state.written = 0;
        Ok(())
    }

    fn with<R>(&self, f: impl FnOnce(&mut State) -> R) -> R {
        f(&mut self.state.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

fn write_rest(
    stream: &mut (impl Write + ?Sized),
    page: &Page,
    written: &mut usize,
) -> io::Result<()> {
    while let Some(rest) = page
        .as_bytes()
        .get(*written..)
        .filter(|rest| !rest.is_empty())
    {
        match stream.write(rest) {
            Ok(0) => return Err(ErrorKind::WriteZero.into()),
            Ok(count) => *written += count,
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    stream.flush()
}

fn failed(error: io::Error) -> ExportError {
    let message = format!("the console could not be written to: {error}");
    let failed = match error.kind() {
        // The reader is gone and does not come back (`app | head`): trying the same bytes again, as
        // `retry` would, only keeps the application's exit waiting.
        ErrorKind::BrokenPipe => ExportError::stop(message),
        // A full disk behind a redirection or a stream that would block can recover. What came
        // through is not written twice, so the batch cannot show up twice either.
        _ => ExportError::retry(message),
    };
    failed.with_source(error)
}

#[async_trait]
impl Exporter for ConsoleExporter {
    fn name(&self) -> &str {
        "console"
    }

    async fn export(&self, batch: &Batch) -> Result<ExportReport, ExportError> {
        self.with(|state| self.take(state, batch))?;
        Ok(ExportReport::accepted(batch.len()))
    }

    async fn flush(&self) -> Result<(), ExportError> {
        self.with(|state| self.drain(state))
    }

    async fn shutdown(&self) -> Result<(), ExportError> {
        self.with(|state| self.drain(state))
    }
}

impl fmt::Debug for ConsoleExporter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ConsoleExporter")
            .field("config", &self.config)
            .finish_non_exhaustive()
    }
}
