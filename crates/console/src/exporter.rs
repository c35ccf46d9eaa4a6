//! The exporter, and the one place that writes to the terminal.
//! Called by delivery, batch by batch. Writes pages only, whose text is safe.

use std::collections::HashSet;
use std::fmt;
use std::io::{self, ErrorKind, Write};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use anstream::{AutoStream, ColorChoice};
use terminal_size::{Width, terminal_size_of};
use tracefuse_exporter::record::SpanId;
use tracefuse_exporter::{Batch, ExportError, ExportReport, Exporter, async_trait};

use crate::choices::{Color, Format, Look, Stream, Text};
use crate::config::ConsoleConfig;
use crate::fold::fold;
use crate::open::{OpenTraces, Ready};
use crate::page::Page;
use crate::tree::tree;
use crate::{compact, json, score};

/// How long a span waits for others to be written with it: a user does not notice it, and spans that end at the same time
/// on several threads are written together.
const INTERVAL: Duration = Duration::from_millis(20);

/// Shows traces in the terminal, when they end. See [`ConsoleConfig`].
///
/// The text of a batch is written at once, so traces that run at the same time do not interleave. A pipe that no program reads (into a
/// pager) delays this exporter alone, on its own delivery thread.
pub struct ConsoleExporter {
    config: ConsoleConfig,
    color: bool,
    state: Mutex<State>,
}

struct State {
    open: OpenTraces,
    /// What could not be written yet, of one batch at most: the next batch waits for it.
    unwritten: Page,
    /// Bytes of `unwritten` that were written.
    written: usize,
    /// Spans and scores of a batch whose text could not be written: delivery sends them again.
    seen: HashSet<SpanId>,
    seen_scores: HashSet<String>,
}

impl ConsoleExporter {
    /// An exporter with this configuration. Whether there are colours is decided here, once.
    #[must_use]
    pub fn new(config: ConsoleConfig) -> Self {
        let config = config.bounded();
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
            open: OpenTraces::new(config.max_held_spans, config.max_held_age, config.text),
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
        // Asked for each batch: terminals change their size.
        let width = self.width();
        let mut page = Page::new(self.color);
        let mut taken = Vec::with_capacity(batch.len());
        for span in batch.spans() {
            if state.seen.remove(&span.span_id()) {
                continue;
            }
            taken.push(span.span_id());
            let text = self.config.text;
            match self.config.format {
                Format::Tree => {
                    if self.config.live && !span.is_local_root() {
                        // The tree has the whole texts.
                        let text = if text == Text::None { text } else { Text::Line };
                        compact::lines(&mut page, span, text, width);
                    }
                    state.open.take(span);
                }
                Format::Compact => compact::lines(&mut page, span, text, width),
                Format::Json => page.line(&json::line(span, batch.resource())),
            }
        }
        let mut taken_scores = Vec::new();
        for score in batch.scores() {
            if state.seen_scores.remove(&score.id) {
                continue;
            }
            taken_scores.push(score.id.clone());
            match self.config.format {
                Format::Json => page.line(&score::json(score, batch.resource())),
                Format::Tree if state.open.take_score(score) => {}
                _ => page.line(&score::line(score, width)),
            }
        }
        self.draw(&mut page, state.open.settle(), width);
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
        let look = Look {
            width: width.unwrap_or(100),
            color: self.color,
            text: self.config.text,
        };
        for Ready { header, mut spans } in ready {
            if self.config.fold {
                spans = fold(spans, look.text);
            }
            page.append(&tree(&header, &spans, look));
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
            // A terminal that reports no columns does not know its size.
            Some(usize::from(columns)).filter(|columns| *columns > 0)
        })
    }

    /// Writes the rest of the page, and notes how much was written.
    fn write_out(&self, state: &mut State) -> Result<(), ExportError> {
        if state.unwritten.is_empty() {
            return Ok(());
        }
        // The page has colours only if they are wanted. On old consoles of Windows the stream
        // converts them into system calls.
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
        // The reader is gone for good (`app | head`): a retry would only delay the application's exit.
        ErrorKind::BrokenPipe => ExportError::stop(message),
        // A full disk behind a redirection, or a stream that would block, can recover. What was
        // written is not written again, so a retried batch is not shown twice.
        _ => ExportError::retry(message),
    };
    failed.with_source(error)
}

#[async_trait]
impl Exporter for ConsoleExporter {
    fn name(&self) -> &str {
        "console"
    }

    fn flush_interval(&self) -> Option<Duration> {
        Some(INTERVAL)
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
