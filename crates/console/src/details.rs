//! What is shown of a span besides its name and bar: model, usage, parameters, errors, metadata, input, output.
//! Called by `tree`, `header` and `compact`; knows nothing of axes and columns.

use crate::choices::Text;
use crate::model::{Severity, TreeHeader};
use crate::page::{Page, wrapped};
use crate::paint::{DIM, ERROR, GOOD, Line, PLAIN, WARNING, style_of};
use crate::sanitize::Sanitized;
use crate::tree_span::TreeSpan;
use crate::units::{count, dollars, duration, tokens};

/// Texts are wrapped to at least this many columns, also deep in a tree.
const LEAST: usize = 16;

/// `gpt-4o · 1,024 → 200 tokens (512 cached) · $0.0041 · first token 240 ms`.
pub(crate) fn summary(span: &TreeSpan) -> Vec<Line> {
    let mut pieces = Vec::new();
    if let Some(folded) = span.folded {
        let more = count(folded.count);
        pieces.push((DIM, Sanitized::of(format_args!("{more} more like it"))));
        if folded.total_ns > 0 {
            let mean = duration(folded.total_ns / folded.count.max(1));
            let range = [folded.shortest_ns, folded.longest_ns].map(duration);
            let [shortest, longest] = range;
            let total = duration(folded.total_ns);
            let text = format!("mean {mean} ({shortest} to {longest})");
            pieces.push((PLAIN, Sanitized::new(&text)));
            pieces.push((PLAIN, Sanitized::of(format_args!("total {total}"))));
        }
    }
    if let Some(model) = &span.model {
        pieces.push((style_of(&span.kind), Sanitized::new(model)));
    }
    if !span.tokens.is_zero() {
        pieces.push((PLAIN, tokens(span.tokens)));
    }
    for (name, units) in &span.units {
        let units = count(*units);
        pieces.push((PLAIN, Sanitized::of(format_args!("{units} {name}"))));
    }
    if let Some(cost) = span.cost {
        pieces.push((PLAIN, Sanitized::of(dollars(cost))));
    }
    if let Some(first) = span.first_token_ns {
        let wait = duration(first.saturating_sub(span.start_ns));
        pieces.push((PLAIN, Sanitized::of(format_args!("first token {wait}"))));
    }
    pieces
        .into_iter()
        .map(|(style, text)| Line::new().with(style, text))
        .collect()
}

/// `ok · temperature=0.7 · prompt support v3 · #beta`.
pub(crate) fn settings(span: &TreeSpan) -> Vec<Line> {
    let mut pieces = Vec::new();
    if span.ok {
        pieces.push(Line::new().with(GOOD, Sanitized::own("ok")));
    }
    pieces.extend(span.parameters.iter().map(pair));
    if let Some(prompt) = &span.prompt {
        let word = Line::new().with(DIM, Sanitized::own("prompt "));
        pieces.push(word.with(PLAIN, Sanitized::new(prompt)));
    }
    pieces.extend(span.tags.iter().map(|tag| self::tag(tag)));
    pieces
}

/// `user ada · session monday · #beta`: what is said of a trace beside its name and id.
pub(crate) fn of_trace(header: &TreeHeader) -> Vec<Line> {
    let mut facts = Vec::new();
    for (word, fact) in [("user ", &header.user), ("session ", &header.session)] {
        if let Some(fact) = fact {
            let word = Line::new().with(DIM, Sanitized::own(word));
            facts.push(word.with(PLAIN, Sanitized::new(fact)));
        }
    }
    let more = header.facts.iter();
    facts.extend(more.map(|fact| Line::new().with(PLAIN, Sanitized::new(fact))));
    facts.extend(header.tags.iter().map(|text| tag(text)));
    facts
}

fn tag(tag: &str) -> Line {
    Line::new().with(style_of("retriever"), Sanitized::of(format_args!("#{tag}")))
}

/// `top_k=5`.
pub(crate) fn pair((key, value): &(String, String)) -> Line {
    Line::new()
        .with(DIM, Sanitized::of(format_args!("{key}=")))
        .with(PLAIN, Sanitized::new(value))
}

/// How it ended, and every error with its sources, in one line each.
pub(crate) fn messages(span: &TreeSpan) -> Vec<Line> {
    let mut lines = Vec::new();
    if let Some((mark, style, message)) = status(span) {
        lines.push(
            Line::new()
                .with(style, Sanitized::own(mark))
                .with(style, Sanitized::new(message)),
        );
    }
    for error in &span.errors {
        lines.push(
            Line::new()
                .with(ERROR, Sanitized::own("✗ "))
                .with(ERROR, Sanitized::of(error.text())),
        );
        for source in &error.sources {
            lines.push(
                Line::new()
                    .with(DIM, Sanitized::own("  ↳ "))
                    .with(ERROR, Sanitized::new(source)),
            );
        }
    }
    lines
}

/// The message of the status, unless an error says the same.
fn status(span: &TreeSpan) -> Option<(&'static str, anstyle::Style, &str)> {
    let (mark, style) = match span.level {
        Severity::Error => ("✗ ", ERROR),
        Severity::Warning => ("! ", WARNING),
        _ => ("· ", DIM),
    };
    let said = |text: &str| {
        span.errors
            .iter()
            .any(|error| error.text() == text || error.message == text)
    };
    let message = span.status_message.as_deref()?;
    (!message.is_empty() && !said(message)).then_some((mark, style, message))
}

/// Lines below a row or a title, each behind its prefix.
pub(crate) struct Below<'a> {
    pub(crate) page: &'a mut Page,
    pub(crate) prefix: &'a str,
    pub(crate) width: usize,
    pub(crate) text: Text,
}

impl Below<'_> {
    /// Everything that is shown of the span except its summary.
    pub(crate) fn span(&mut self, span: &TreeSpan, metadata: &'static str) {
        self.pieces(settings(span));
        if self.text == Text::Full {
            self.errors(span);
            let buckets: Vec<Line> = span.buckets.iter().map(pair).collect();
            self.pieces(buckets);
        } else {
            for line in messages(span) {
                self.pieces(vec![line]);
            }
        }
        for link in &span.links {
            self.text(DIM, "link  ", PLAIN, link);
        }
        self.scores(&span.scores);
        self.metadata(metadata, &span.metadata);
        for (word, text) in [("in  ", &span.input), ("out ", &span.output)] {
            if let Some(text) = text {
                self.text(DIM, word, PLAIN, text);
            }
        }
    }

    pub(crate) fn pieces(&mut self, pieces: Vec<Line>) {
        wrapped(self.page, pieces, self.prefix, self.width);
    }

    pub(crate) fn scores(&mut self, scores: &[String]) {
        for score in scores {
            self.text(DIM, "score ", PLAIN, score);
        }
    }

    pub(crate) fn metadata(&mut self, word: &'static str, pairs: &[(String, String)]) {
        if pairs.is_empty() {
            return;
        }
        let word = Line::new().with(DIM, Sanitized::own(word));
        if self.text != Text::Full {
            let mut pieces: Vec<Line> = pairs.iter().map(pair).collect();
            if let Some(first) = pieces.first_mut() {
                *first = word.with_line(std::mem::take(first));
            }
            self.pieces(pieces);
            return;
        }
        self.pieces(vec![word]);
        for (key, value) in pairs {
            let key = Line::new()
                .with(PLAIN, Sanitized::own("  "))
                .with(DIM, Sanitized::of(format_args!("{key} = ")));
            self.block(key, 4, PLAIN, value);
        }
    }

    fn errors(&mut self, span: &TreeSpan) {
        if let Some((mark, style, message)) = status(span) {
            self.text(style, mark, style, message);
        }
        for error in &span.errors {
            self.text(ERROR, "✗ ", ERROR, &error.text());
            for source in &error.sources {
                self.text(DIM, "  ↳ ", ERROR, source);
            }
            if let Some(stacktrace) = &error.stacktrace {
                self.text(DIM, "  ", DIM, stacktrace.trim_end());
            }
        }
    }

    /// A text behind a word: its first line, or in full mode all of it.
    fn text(
        &mut self,
        word_style: anstyle::Style,
        word: &'static str,
        style: anstyle::Style,
        text: &str,
    ) {
        let word = Line::new().with(word_style, Sanitized::own(word));
        if self.text == Text::Full {
            let indent = word.width();
            self.block(word, indent, style, text);
        } else {
            self.pieces(vec![word.with(style, Sanitized::new(text))]);
        }
    }

    /// A whole text, wrapped: its first line behind `label`, the others indented.
    fn block(&mut self, label: Line, indent: usize, style: anstyle::Style, text: &str) {
        let taken = Sanitized::new(self.prefix).width();
        let room = |used: usize| self.width.saturating_sub(taken + used).max(LEAST);
        let mut lines = Vec::new();
        let is_short = !text.contains('\n') && label.width() > indent;
        let label_room = if is_short {
            room(label.width())
        } else {
            room(indent)
        };
        for line in text.split('\n') {
            let line = line
                .strip_suffix('\r')
                .unwrap_or(line)
                .replace('\t', "    ");
            let wrapped = Sanitized::new(&line).wrap(label_room);
            if wrapped.is_empty() {
                lines.push(Sanitized::default());
            }
            lines.extend(wrapped);
        }
        let mut label = Some(label);
        if !is_short && label.as_ref().is_some_and(|label| label.width() > indent) {
            // A long label is on a line alone before a text of several lines.
            self.line(label.take().unwrap_or_default());
        }
        for line in lines {
            let mut start = label.take().unwrap_or_default();
            start.pad_to(indent);
            self.line(start.with(style, line));
        }
    }

    fn line(&mut self, line: Line) {
        let prefix = Line::new().with(DIM, Sanitized::new(self.prefix));
        self.page.line(&prefix.with_line(line).cut(self.width));
    }
}
