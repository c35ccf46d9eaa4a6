//! A streamed response as it passes: pieces of text for the core's fold, the moment of the first token, and a bound.
//! Driven by `reading`. Must not know HTTP.

use tracefuse_core::Span;
use tracefuse_core::bridge::set_output_chunks;

use crate::capture::Tail;
use crate::frames::Frames;
use crate::language::{AnyFold, Language};

/// A stream that is being read.
#[derive(Debug)]
pub(crate) struct Folding {
    fold: AnyFold,
    /// Of Bedrock, whose streams are no text.
    frames: Option<Frames>,
    /// The beginning of a character that the next bytes complete.
    cut: Vec<u8>,
    /// Bytes that the fold still takes.
    room: usize,
    /// The end of a stream that is larger than the limit: it has the usage.
    tail: Tail,
    /// The last frame that was beyond the limit, for the same reason.
    last: Option<String>,
    started: bool,
    /// Pieces after the one that had the first content.
    chunks: u64,
}

impl Folding {
    pub(crate) fn new(language: Language, limit: usize) -> Self {
        Self {
            fold: language.fold(),
            frames: None,
            cut: Vec::new(),
            room: limit,
            tail: Tail::default(),
            last: None,
            started: false,
            chunks: 0,
        }
    }

    /// [`new`](Self::new) for a body of frames.
    pub(crate) fn of_frames(language: Language, limit: usize) -> Self {
        Self {
            frames: Some(Frames::new(limit)),
            ..Self::new(language, limit)
        }
    }

    pub(crate) fn push(&mut self, span: &Span, bytes: &[u8]) {
        self.chunks += u64::from(self.started);
        if let Some(frames) = &mut self.frames {
            let (fold, room, last) = (&mut self.fold, &mut self.room, &mut self.last);
            frames.push(bytes, |event| {
                // Beyond the limit only the end of the answer is read: it has the usage.
                let is_end = ["{\"messageStop\"", "{\"metadata\""]
                    .iter()
                    .any(|end| event.starts_with(end));
                if event.len() <= *room || is_end {
                    *room = room.saturating_sub(event.len());
                    fold.push(event);
                } else {
                    *room = 0;
                    *last = Some(event.to_owned());
                }
            });
            return self.note_first(span);
        }
        if bytes.len() > self.room {
            self.room = 0;
            return self.tail.push(bytes);
        }
        self.room -= bytes.len();
        decode(&mut self.cut, bytes, |text| self.fold.push(text));
        self.note_first(span);
    }

    fn note_first(&mut self, span: &Span) {
        if !self.started && self.fold.has_content() {
            self.started = true;
            span.record_first_token();
        }
    }

    /// Records what arrived; `true` if the answer is whole.
    pub(crate) fn record(mut self, span: &Span) -> bool {
        if let Some(last) = &self.last {
            self.fold.push(last);
        }
        let tail = self.tail.bytes();
        if !tail.is_empty() {
            let text = String::from_utf8_lossy(tail);
            // An event of which a part is missing is left out.
            let whole = match text.split_once('\n') {
                Some((_, whole)) if self.tail.is_cut => whole,
                _ => &text,
            };
            self.fold.push("\n");
            self.fold.push(whole);
        }
        let complete = self.fold.is_complete();
        set_output_chunks(span, self.chunks);
        self.fold.record(span);
        complete
    }
}

/// Gives the text of bytes that may end inside of a character, whose beginning is kept in `cut`.
fn decode(cut: &mut Vec<u8>, bytes: &[u8], mut text: impl FnMut(&str)) {
    let joined;
    let mut bytes = bytes;
    if !cut.is_empty() {
        cut.extend_from_slice(bytes);
        joined = std::mem::take(cut);
        bytes = &joined;
    }
    let error = match std::str::from_utf8(bytes) {
        Ok(whole) => return text(whole),
        Err(error) => error,
    };
    // Bytes that are no text are shown as such; what follows them is text again.
    let end = match error.error_len() {
        None => error.valid_up_to(),
        Some(_) => whole_characters(bytes),
    };
    let (whole, rest) = bytes.split_at_checked(end).unwrap_or((bytes, &[]));
    text(&String::from_utf8_lossy(whole));
    cut.extend_from_slice(rest);
}

/// The length of `bytes` without a character that is cut at their end.
fn whole_characters(bytes: &[u8]) -> usize {
    let last = bytes.utf8_chunks().last();
    let is_cut = |chunk: &std::str::Utf8Chunk<'_>| {
        let invalid = chunk.invalid();
        std::str::from_utf8(invalid).is_err_and(|error| error.error_len().is_none())
    };
    let cut = last.filter(is_cut).map_or(0, |chunk| chunk.invalid().len());
    bytes.len().saturating_sub(cut)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use tracefuse_core::testing::Recorder;

    proptest! {
        #[test]
        fn text_is_the_same_wherever_it_is_cut(text in "\\PC{0,60}", noise in prop::collection::vec(any::<u8>(), 0..4), cuts in prop::collection::vec(any::<prop::sample::Index>(), 0..20)) {
            let bytes = [text.as_bytes(), &noise, text.as_bytes()].concat();
            let mut at: Vec<usize> = cuts.iter().map(|cut| cut.index(bytes.len() + 1)).collect();
            at.extend([0, bytes.len()]);
            at.sort_unstable();
            let (mut cut, mut read) = (Vec::new(), String::new());
            for window in at.windows(2) {
                decode(&mut cut, &bytes[window[0]..window[1]], |text| read.push_str(text));
                prop_assert!(cut.len() <= 3);
            }
            read.push_str(&String::from_utf8_lossy(&cut));
            prop_assert_eq!(read, String::from_utf8_lossy(&bytes).into_owned());
        }
    }

    #[test]
    fn of_a_stream_over_the_limit_the_usage_is_recorded() {
        let recorder = Recorder::new();
        let trace = recorder.tracer().trace("request").start();
        let span = trace.generation("chat").start();
        let mut folding = Folding::new(Language::OpenAi, 4_000);
        let chunk = |text: &str| {
            format!(
                "data: {{\"choices\":[{{\"index\":0,\"delta\":{{\"content\":\"{text}\"}}}}]}}\n\n"
            )
        };
        for _ in 0..2_000 {
            folding.push(&span, chunk("some words").as_bytes());
        }
        let end = "data: {\"choices\":[],\"usage\":{\"prompt_tokens\":8,\"completion_tokens\":4000,\"total_tokens\":4008}}\n\ndata: [DONE]\n\n";
        folding.push(&span, end.as_bytes());
        assert!(folding.record(&span), "the end was seen");
        span.end();
        let span = recorder.only();
        let usage: Vec<_> = span.usage().collect();
        assert_eq!(usage, [("input", 8), ("output", 4000), ("total", 4008)]);
        assert!(span.output().unwrap().to_string().contains("some words"));
        assert!(span.completion_start_time().is_some());
    }

    #[derive(Clone)]
    struct Measuring(Recorder);

    impl tracefuse_core::Processor for Measuring {
        fn on_end(&self, span: tracefuse_core::record::SpanRecord) {
            tracefuse_core::Processor::on_end(&self.0, span);
        }

        fn measures(&self) -> bool {
            true
        }
    }

    #[test]
    fn chunks_after_the_first_are_counted_where_spans_are_measured() {
        use tracefuse_core::record::SpanAttribute;

        let recorder = Recorder::new();
        let tracer = tracefuse_core::Tracer::builder(Measuring(recorder.clone())).build();
        let trace = tracer.trace("request").start();
        let span = trace.generation("chat").start();
        let mut folding = Folding::new(Language::OpenAi, 150);
        let chunk = "data: {\"choices\":[{\"index\":0,\"delta\":{\"content\":\"a\"}}]}\n\n";
        // The last ones are over the limit, and arrive all the same.
        for _ in 0..5 {
            folding.push(&span, chunk.as_bytes());
        }
        folding.record(&span);
        span.end();
        let record = recorder.only();
        let mut attributes = record.attributes();
        assert!(attributes.any(|attribute| matches!(attribute, SpanAttribute::OutputChunks(4))));
    }
}
