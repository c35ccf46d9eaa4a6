//! Functions that return streams: the span ends with the stream.

use std::pin::Pin;

use futures::stream::{self, BoxStream, Stream, StreamExt as _};
use tracefuse::{Level, Span, Trace, observe};

use crate::support::{Bench, wait};

#[observe(as_type = "generation", capture_output = true)]
fn words(text: &str) -> impl Stream<Item = String> + use<'_> {
    stream::iter(text.split(' ')).map(|word| {
        Span::current().record_event(word);
        nested();
        word.to_owned()
    })
}

#[observe]
fn nested() {}

#[observe(capture_output = true)]
fn boxed(count: u32) -> BoxStream<'static, u32> {
    if count == 0 {
        return Box::pin(stream::empty());
    }
    stream::iter(0..count).boxed()
}

#[observe]
fn pinned() -> Pin<Box<dyn Stream<Item = Result<u32, std::io::Error>> + Send>> {
    Box::pin(stream::iter([
        Ok(1),
        Err(std::io::Error::other("torn off")),
        Ok(2),
    ]))
}

#[observe]
async fn asynchronous(text: &str) -> impl Stream<Item = String> + use<'_> {
    tokio::task::yield_now().await;
    nested();
    stream::iter(text.split(' ')).map(str::to_owned)
}

#[observe]
async fn fallible(fails: bool) -> Result<impl Stream<Item = u8> + Unpin + Send, std::io::Error> {
    tokio::task::yield_now().await;
    if fails {
        Err(std::io::Error::other("no answer"))?;
    }
    Ok(stream::iter([1, 2]))
}

#[expect(clippy::manual_async_fn, reason = "the shape under test")]
#[observe]
fn future_of_stream() -> impl Future<Output = BoxStream<'static, u8>> + Send {
    async move { stream::iter([1]).boxed() }
}

type Numbers = stream::Iter<std::ops::Range<u8>>;

#[observe(stream)]
fn named() -> Pin<Box<dyn Stream<Item = u8>>> {
    Box::pin(stream::iter(0..3))
}

#[observe]
fn not_seen() -> Numbers {
    stream::iter(0..3)
}

#[observe(stream = false)]
fn not_wanted() -> BoxStream<'static, u8> {
    stream::iter(0..3).boxed()
}

#[test]
fn the_span_ends_with_the_stream_and_is_current_in_it() {
    let bench = Bench::new();
    bench.run(|| {
        let trace = Trace::current();
        let mut stream = Box::pin(words("good morning"));
        assert_eq!(wait(stream.next()).as_deref(), Some("good"));
        trace.span("between").run(|_| {});
        assert_eq!(wait(stream.next()).as_deref(), Some("morning"));
        assert_eq!(wait(stream.next()), None);
    });
    let span = bench.span("words");
    assert_eq!(span.output().unwrap().to_string(), "goodmorning");
    assert_eq!((span.events().count(), span.level()), (2, None));
    assert!(span.completion_start_time().is_some());
    assert!(bench.span("between").end_time() <= span.end_time());
    let tree = bench.tree();
    assert!(tree.contains("words\n  nested\n  nested\n"), "{tree}");
}

#[test]
fn boxed_streams_stay_boxed_and_a_list_is_the_output() {
    let bench = Bench::new();
    let items = bench.run(|| {
        assert!(wait(boxed(0).collect::<Vec<_>>()).is_empty());
        wait(boxed(3).collect::<Vec<_>>())
    });
    assert_eq!(items, [0, 1, 2]);
    assert_eq!(bench.tree(), "boxed\nboxed\n");
    let spans = bench.all("boxed");
    assert!(spans[0].output().is_none());
    assert_eq!(spans[1].output().unwrap().to_string(), "[0,1,2]");
}

#[test]
fn errors_among_the_items_are_recorded_and_passed_on() {
    let bench = Bench::new();
    let items = bench.run(|| wait(pinned().collect::<Vec<_>>()));
    assert_eq!(items.len(), 3);
    let span = bench.span("pinned");
    assert_eq!(
        (span.level(), span.exceptions().count()),
        (Some(Level::Error), 1)
    );
    assert!(span.status_message().unwrap().ends_with("torn off"));
}

#[test]
fn a_stream_that_is_dropped_is_marked_as_cancelled() {
    let bench = Bench::new();
    bench.run(|| {
        let mut stream = Box::pin(words("good morning"));
        wait(stream.next());
    });
    let span = bench.span("words");
    assert_eq!(span.level(), Some(Level::Warning));
    assert!(span.status_message().unwrap().starts_with("cancelled: "));
    assert_eq!(span.output().unwrap().to_string(), "good");
}

#[test]
fn async_functions_and_results_hand_their_span_to_the_stream() {
    let bench = Bench::new();
    bench.run(|| {
        wait(async {
            let count = asynchronous("a b").await.count().await;
            assert_eq!(count, 2);
            assert_eq!(fallible(false).await.unwrap().count().await, 2);
            assert!(fallible(true).await.is_err());
            assert_eq!(future_of_stream().await.count().await, 1);
        });
    });
    assert_eq!(
        bench.tree(),
        "asynchronous\n  nested\nfallible\nfallible\nfuture_of_stream\n"
    );
    let spans = bench.all("fallible");
    assert_eq!(
        (spans[0].level(), spans[1].level()),
        (None, Some(Level::Error))
    );
    assert!(spans[1].status_message().unwrap().ends_with("no answer"));
    assert!(spans[0].completion_start_time().is_some());
}

#[test]
fn what_is_a_stream_can_be_said() {
    let bench = Bench::new();
    bench.run(|| {
        let (named, not_seen, not_wanted) = (named(), not_seen(), not_wanted());
        Trace::current().span("after").run(|_| {});
        assert_eq!(futures::executor::block_on(named.count()), 3);
        wait(async { not_seen.count().await + not_wanted.count().await });
    });
    let after = bench.span("after");
    assert!(bench.span("named").end_time() >= after.end_time());
    assert!(bench.span("named").completion_start_time().is_some());
    for name in ["not_seen", "not_wanted"] {
        assert!(bench.span(name).end_time() <= after.start_time(), "{name}");
        assert!(bench.span(name).completion_start_time().is_none(), "{name}");
    }
}

/// The facade under another name.
mod mine {
    pub(super) use tracefuse as renamed;
}

#[observe(crate = mine::renamed, capture(n), debug)]
fn elsewhere(n: u8) -> Result<u8, std::io::Error> {
    Ok(n)
}

#[observe(crate = "mine::renamed")]
async fn as_text() {}

#[test]
fn the_facade_may_have_another_name() {
    let bench = Bench::new();
    bench.run(|| {
        elsewhere(1).unwrap();
        wait(as_text());
    });
    assert_eq!(bench.tree(), "elsewhere\nas_text\n");
}
