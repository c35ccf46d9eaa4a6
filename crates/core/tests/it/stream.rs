//! Streams with a span: first token, output, errors, ends of every kind.

use std::cell::RefCell;
use std::fmt::Debug;
use std::io;
use std::time::Duration;

use futures::executor::block_on;
use futures::stream::{self, Stream, StreamExt as _};
use futures::{FutureExt as _, TryStreamExt as _};
use serde_json::{Value, json};
use tracefuse_core::record::StatusCode;
use tracefuse_core::stream::{Anthropic, Bedrock, Cohere, Fold, Gemini, Ollama, OpenAi};
use tracefuse_core::{Level, ObserveStream as _, Span, Usage};

use crate::support::{EPOCH, tracer};

#[test]
fn the_first_item_is_the_first_token_and_the_span_ends_with_the_stream() {
    let (tracer, kept, clock) = tracer();
    let trace = tracer.trace("root").start();
    let span = trace.generation("answer").start();
    let tick = clock.clone();
    let words = stream::iter(["Good ", "morn", "ing"])
        .inspect(move |_| tick.advance(Duration::from_millis(100)));
    clock.advance(Duration::from_millis(400));
    let mut words = words.observed(span.clone()).text();
    assert_eq!(words.size_hint(), (3, Some(3)));
    assert_eq!(block_on(words.by_ref().collect::<String>()), "Good morning");
    assert!(
        !span.is_recording(),
        "it ended though handles and the stream live on"
    );
    assert_eq!(block_on(words.next()), None, "polled again it is as it was");

    let answer = kept.only();
    assert_eq!(answer.output().unwrap().to_string(), "Good morning");
    let first = answer.completion_start_time().unwrap();
    assert_eq!(first.as_unix_nanos(), EPOCH + 500_000_000);
    assert_eq!(answer.duration(), Duration::from_millis(700));
    assert_eq!((answer.level(), answer.status()), (None, StatusCode::Unset));
    assert_eq!(tracer.stats().late_writes, 0);
}

#[test]
fn an_err_is_recorded_and_yielded_and_what_had_arrived_stays() {
    let (tracer, kept, _) = tracer();
    let items = || {
        stream::iter([
            Ok("half".to_owned()),
            Err(io::Error::other("connection reset")),
            Ok(" more".to_owned()),
        ])
    };
    let trace = tracer.trace("root").start();
    let read = items()
        .try_observed(trace.generation("stopped").start())
        .text();
    let stopped = block_on(read.try_collect::<String>());
    assert_eq!(stopped.unwrap_err().to_string(), "connection reset");
    let read = items()
        .try_observed(trace.generation("went on").start())
        .text();
    assert_eq!(block_on(read.count()), 3);

    for (name, output) in [("stopped", "half"), ("went on", "half more")] {
        let span = kept.named(name);
        assert_eq!(
            (span.level(), span.status()),
            (Some(Level::Error), StatusCode::Error)
        );
        assert_eq!(
            span.status_message(),
            Some("std::io::error::Error: connection reset"),
            "not `cancelled`: {name}"
        );
        assert_eq!(span.output().unwrap().to_string(), output);
    }
    let failed: Vec<Result<(), _>> = vec![Err(anyhow::anyhow!("refused"))];
    let failed = stream::iter(failed).try_observed(trace.generation("at once").start());
    assert_eq!(block_on(failed.count()), 1);
    assert_eq!(
        kept.named("at once").completion_start_time(),
        None,
        "an error is no token"
    );
}

#[test]
fn a_stream_that_is_dropped_early_is_cancelled_with_what_had_arrived() {
    let (tracer, kept, _) = tracer();
    let trace = tracer.trace("root").start();
    let words = stream::iter(["Good ", "morning"]).chain(stream::pending());
    let mut words = words.observed(trace.generation("answer").start()).text();
    block_on(words.next());
    block_on(words.next());
    assert!(words.next().now_or_never().is_none());
    drop(words);
    let answer = kept.only();
    assert_eq!(answer.output().unwrap().to_string(), "Good morning");
    assert_eq!(answer.level(), Some(Level::Warning));
    assert_eq!(
        answer.status_message(),
        Some("cancelled: the stream was dropped before it ended")
    );

    drop(
        stream::empty::<&str>()
            .observed(trace.generation("never polled").start())
            .text(),
    );
    let never = kept.named("never polled");
    assert!(never.output().is_none() && never.completion_start_time().is_none());
    assert_eq!(never.level(), Some(Level::Warning));
}

#[test]
fn a_panic_is_recorded_with_what_had_arrived_and_goes_on() {
    let (tracer, kept, _) = tracer();
    let trace = tracer.trace("root").start();
    let words = stream::iter(["one", "two"]).map(|word| match word {
        "two" => panic!("broken chunk"),
        word => word,
    });
    let words = words.observed(trace.generation("answer").start()).text();
    let panic = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| block_on(words.count())));
    assert!(panic.is_err());
    let answer = kept.only();
    assert_eq!(answer.status_message(), Some("panic: broken chunk"));
    assert_eq!(answer.output().unwrap().to_string(), "one");
    assert!(!Span::current().is_recording());
}

#[test]
fn the_span_is_current_while_the_stream_is_polled_and_only_then() {
    let (tracer, kept, _) = tracer();
    let trace = tracer.trace("root").start();
    let steps = stream::iter([1, 2])
        .then(|n| async move { Span::current().tool(&format!("step {n}")).run(|_| n) });
    let total = block_on(steps.observed(trace.generation("answer").start()).fold(
        0,
        |sum, n| async move {
            assert!(!Span::current().is_recording());
            sum + n
        },
    ));
    assert_eq!(total, 3);
    drop(trace);
    assert_eq!(kept.tree(), "root\n  answer\n    step 1\n    step 2\n");

    let hidden = stream::once(async { Span::current().is_recording() });
    let hidden = hidden.observed(Span::noop());
    assert_eq!(
        tracer
            .trace("outer")
            .run(|_| block_on(hidden.collect::<Vec<_>>())),
        [false],
        "a span that is not recorded hides one that is"
    );
}

/// Neither `'static` nor `Unpin`.
fn borrowed<'a>(text: &'a str, log: &'a RefCell<Vec<&'a str>>) -> impl Stream<Item = &'a str> {
    stream::unfold(text, move |rest| async move {
        let (word, rest) = rest.split_once(' ')?;
        log.borrow_mut().push(word);
        Some((word, rest))
    })
}

#[test]
fn a_stream_may_borrow_and_needs_no_bounds() {
    let (tracer, kept, _) = tracer();
    let text = "to be or ".to_owned();
    let log = RefCell::new(Vec::new());
    let trace = tracer.trace("root").start();
    let mut longest = 0;
    let words = borrowed(&text, &log)
        .observed(trace.generation("answer").start())
        .fold_output(|words: &mut Vec<String>, word| {
            longest = longest.max(word.len());
            words.push(word.to_uppercase());
        });
    assert_eq!(block_on(words.collect::<Vec<_>>()), ["to", "be", "or"]);
    assert_eq!(longest, 2);
    assert_eq!(log.borrow().len(), 3);
    assert_eq!(
        kept.only().output().unwrap().to_string(),
        r#"["TO","BE","OR"]"#
    );
}

#[test]
fn an_observed_stream_of_ordinary_items_goes_to_other_threads() {
    fn is_send<T: Send>(_: &T) {}
    let words = stream::iter(vec![String::new()])
        .observed(Span::noop())
        .text();
    is_send(&words);
    let results = stream::iter(vec![Ok::<_, io::Error>(String::new())]);
    is_send(&results.try_observed(Span::noop()).openai());
}

/// A fold of the application: counts words as tokens, and knows when the answer is whole.
#[derive(Default)]
struct Counted(u64);

impl Fold<&str> for Counted {
    fn push(&mut self, _: &&str) {
        self.0 += 1;
    }

    fn is_complete(&self) -> bool {
        self.0 >= 2
    }

    fn record(self, span: &Span) {
        span.set_usage(Usage::new(0, self.0));
    }
}

#[test]
fn a_whole_answer_that_is_read_no_further_was_not_cancelled() {
    let (tracer, kept, _) = tracer();
    let trace = tracer.trace("root").start();
    for (name, read) in [("whole", 2), ("half", 1)] {
        let words = stream::repeat("word");
        let words = words
            .observed(trace.generation(name).start())
            .fold_by(Counted::default());
        assert_eq!(block_on(words.take(read).count()), read);
    }
    assert_eq!(kept.named("whole").level(), None);
    assert_eq!(kept.named("half").level(), Some(Level::Warning));
    assert_eq!(kept.named("whole").usage().last(), Some(("output", 2)));
}

#[test]
fn the_debug_of_a_fold_has_sizes_and_no_content() {
    fn shown<F: Fold<Value> + Default + Debug>(chunks: &[Value]) -> String {
        let mut fold = F::default();
        chunks.iter().for_each(|chunk| fold.push(chunk));
        let shown = format!("{fold:?}");
        assert!(!shown.contains("secret"), "{shown}");
        // How many bytes there are is an estimate.
        let (name, rest) = shown.split_once(" { bytes: ").unwrap();
        let (bytes, rest) = rest.split_once(", ").unwrap();
        let any = bytes.parse::<usize>().unwrap() > 0;
        format!("{name} {any} {rest}")
    }
    let block = |index: u64| json!({ "type": "content_block_start", "index": index, "content_block": { "type": "text", "text": "secret" } });
    let stop = json!({ "type": "message_stop" });
    let choice = |index: u64, end: Value| json!({ "choices": [{ "index": index, "delta": { "content": "secret" }, "finish_reason": end }] });
    let candidate = |index: u64| json!({ "candidates": [{ "index": index, "content": { "parts": [{ "text": "secret" }] } }] });
    let delta = |index: u64| json!({ "contentBlockDelta": { "contentBlockIndex": index, "delta": { "text": "secret" } } });
    let content = |index: u64| json!({ "type": "content-start", "index": index, "delta": { "message": { "content": { "text": "secret" } } } });
    let message = json!({ "message": { "content": "secret" }, "done": true });
    for (shown, expected) in [
        (
            shown::<Anthropic>(&[]),
            "Anthropic false complete: false, .. }",
        ),
        (
            shown::<Anthropic>(&[block(0), block(1)]),
            "Anthropic true complete: false, .. }",
        ),
        (
            shown::<Anthropic>(&[block(0), stop]),
            "Anthropic true complete: true, .. }",
        ),
        (
            shown::<OpenAi>(&[choice(0, Value::Null), choice(1, json!("stop"))]),
            "OpenAi true complete: false, .. }",
        ),
        (
            shown::<Gemini>(&[candidate(0), candidate(1), candidate(1)]),
            "Gemini true complete: false, .. }",
        ),
        (
            shown::<Bedrock>(&[delta(0), delta(1)]),
            "Bedrock true complete: false, .. }",
        ),
        (
            shown::<Cohere>(&[content(0), content(1)]),
            "Cohere true complete: false, .. }",
        ),
        (
            shown::<Ollama>(&[message]),
            "Ollama true complete: true, .. }",
        ),
    ] {
        assert_eq!(shown, expected);
    }
}

#[test]
fn an_output_of_the_users_own_stays_and_no_items_are_no_output() {
    let (tracer, kept, _) = tracer();
    let trace = tracer.trace("root").start();
    let span = trace.generation("own").start();
    span.set_output("mine");
    let read = stream::iter(["theirs"]).observed(span).text();
    assert_eq!(block_on(read.count()), 1);
    assert_eq!(kept.named("own").output().unwrap().to_string(), "mine");

    let read = stream::empty::<u8>()
        .observed(trace.generation("empty").start())
        .fold_output(|all: &mut Vec<u8>, byte| all.push(*byte));
    assert_eq!(block_on(read.count()), 0);
    assert!(kept.named("empty").output().is_none());
}

#[test]
fn nothing_is_folded_for_a_span_that_is_not_recorded() {
    let read = stream::iter([1, 2])
        .observed(Span::noop())
        .fold_output(|_: &mut (), _| panic!("folded although nothing is recorded"));
    assert_eq!(block_on(read.collect::<Vec<_>>()), [1, 2]);
}

/// What has arrived is a model's answer, which no log may have.
#[test]
fn an_observed_stream_shows_its_span_and_no_item() {
    let (tracer, _, _) = tracer();
    let trace = tracer.trace("root").start();
    let span = trace.generation("answer").start();
    let shown = format!("{span:?}");
    let mut words = stream::iter(["secret"]).observed(span).text();
    assert_eq!(block_on(words.next()), Some("secret"));
    assert_eq!(
        format!("{words:?}"),
        format!("Observed {{ span: Some({shown}), .. }}")
    );
}
