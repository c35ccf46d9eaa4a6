//! A processor that keeps what it receives, for tests of traced code. Used by tests, of this repository and of users; needs the
//! feature `testing`. Product code must not use it.

use std::future::poll_fn;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Poll, Waker};

use crate::processor::Processor;
use crate::record::{self, Record, ScoreRecord, SpanRecord};
use crate::trace::tracer::Tracer;

/// Keeps every finished span and every score in memory. Clones share what they keep.
///
/// Give each test its own recorder and its own tracer: then tests can run at the same time. A span is in the recorder as soon
/// as it has ended, without a flush. There is no limit: clear it in long loops.
///
/// ```
/// use tracefuse_core::testing::Recorder;
///
/// let recorder = Recorder::new();
/// recorder.tracer().trace("request").run(|trace| {
///     trace.retriever("search").input("rain").run(|_| {});
///     trace.generation("answer").model("gpt-4o").run(|_| {});
/// });
///
/// assert_eq!(recorder.tree(), "request\n  search\n  answer\n");
/// assert_eq!(recorder.named("answer").model(), Some("gpt-4o"));
/// ```
#[derive(Clone, Debug, Default)]
pub struct Recorder {
    kept: Arc<Mutex<Kept>>,
}

#[derive(Debug, Default)]
struct Kept {
    records: Vec<Record>,
    /// Tasks that wait in [`Recorder::until`]. The next record wakes all of them.
    waiting: Vec<Waker>,
}

impl Recorder {
    /// An empty recorder.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// A new tracer that records here. For a tracer with other settings, such as a manual clock, give a clone of the recorder
    /// to [`Tracer::builder`].
    pub fn tracer(&self) -> Tracer {
        Tracer::builder(self.clone()).build()
    }

    /// Copies of the finished spans, in the order in which they ended.
    #[must_use]
    pub fn spans(&self) -> Vec<SpanRecord> {
        self.with(|kept| {
            let spans = kept.records.iter().filter_map(Record::as_span);
            spans.cloned().collect()
        })
    }

    /// Copies of the scores, in the order in which they were recorded.
    #[must_use]
    pub fn scores(&self) -> Vec<ScoreRecord> {
        self.with(|kept| {
            let scores = kept.records.iter().filter_map(Record::as_score);
            scores.cloned().collect()
        })
    }

    /// The names of the finished spans, in the order in which they ended.
    #[must_use]
    pub fn names(&self) -> Vec<String> {
        let spans = self.spans();
        spans.iter().map(|span| span.name().to_owned()).collect()
    }

    /// The one finished span.
    ///
    /// # Panics
    /// If there is no finished span, or more than one.
    #[must_use]
    #[track_caller]
    #[expect(clippy::panic, reason = "an assertion for tests")]
    pub fn only(&self) -> SpanRecord {
        let mut spans = self.spans();
        match (spans.pop(), spans.is_empty()) {
            (Some(span), true) => span,
            _ => panic!("expected one finished span, found:\n{}", self.tree()),
        }
    }

    /// The finished span of this name; the one that ended first, if there are several.
    ///
    /// # Panics
    /// If no finished span has this name.
    #[must_use]
    #[track_caller]
    #[expect(clippy::panic, reason = "an assertion for tests")]
    pub fn named(&self, name: &str) -> SpanRecord {
        let found = self.spans().into_iter().find(|span| span.name() == name);
        found.unwrap_or_else(|| panic!("no finished span `{name}`, found:\n{}", self.tree()))
    }

    /// Waits until a span of this name has ended, and returns it; the one that ended first, if there are several. For spans of
    /// other tasks: of a server, or of a stream that is dropped late.
    ///
    /// It waits without a limit, so put one around it, such as `tokio::time::timeout`.
    ///
    /// ```
    /// # futures::executor::block_on(async {
    /// use tracefuse_core::testing::Recorder;
    ///
    /// let recorder = Recorder::new();
    /// let tracer = recorder.tracer();
    /// let server = std::thread::spawn(move || tracer.trace("request").run(|_| {}));
    ///
    /// assert_eq!(recorder.ended("request").await.name(), "request");
    /// # server.join().unwrap();
    /// # });
    /// ```
    pub async fn ended(&self, name: &str) -> SpanRecord {
        let find = || self.spans().into_iter().find(|span| span.name() == name);
        self.poll(find).await
    }

    /// Waits until `condition` holds. It is checked at once, and again after each span and each score that is recorded. Waits
    /// without a limit, as [`ended`](Self::ended) does.
    ///
    /// ```
    /// # futures::executor::block_on(async {
    /// use tracefuse_core::testing::Recorder;
    ///
    /// let recorder = Recorder::new();
    /// let tracer = recorder.tracer();
    /// let workers = [1, 2].map(|_| {
    ///     let tracer = tracer.clone();
    ///     std::thread::spawn(move || tracer.trace("job").run(|_| {}))
    /// });
    ///
    /// recorder.until(|kept| kept.spans().len() == 2).await;
    /// # workers.map(|worker| worker.join().unwrap());
    /// # });
    /// ```
    pub async fn until(&self, condition: impl Fn(&Self) -> bool) {
        self.poll(|| condition(self).then_some(())).await;
    }

    async fn poll<T>(&self, find: impl Fn() -> Option<T>) -> T {
        poll_fn(|context| {
            // Before the check: a record that arrives after the check wakes this task.
            self.with(|kept| {
                let waker = context.waker();
                if !kept.waiting.iter().any(|known| known.will_wake(waker)) {
                    kept.waiting.push(waker.clone());
                }
            });
            find().map_or(Poll::Pending, Poll::Ready)
        })
        .await
    }

    /// The finished spans as text: one line with the name of each, indented by two spaces below its parent; siblings by start
    /// time, and as they ended where start and end are equal.
    #[must_use]
    pub fn tree(&self) -> String {
        record::tree(&self.spans())
    }

    /// Removes and returns everything kept so far, in the order in which it arrived.
    #[must_use = "use `clear` to discard the records"]
    pub fn take(&self) -> Vec<Record> {
        self.with(|kept| std::mem::take(&mut kept.records))
    }

    /// Discards everything kept so far.
    pub fn clear(&self) {
        self.with(|kept| kept.records.clear());
    }

    fn keep(&self, record: Record) {
        let waiting = self.with(|kept| {
            kept.records.push(record);
            std::mem::take(&mut kept.waiting)
        });
        // Without the lock: a waker may run the task.
        waiting.into_iter().for_each(Waker::wake);
    }

    fn with<R>(&self, f: impl FnOnce(&mut Kept) -> R) -> R {
        f(&mut self.kept.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl Processor for Recorder {
    fn on_end(&self, span: SpanRecord) {
        self.keep(span.into());
    }

    fn on_score(&self, score: ScoreRecord) {
        self.keep(score.into());
    }
}

#[cfg(test)]
mod tests {
    use std::pin::pin;
    use std::sync::atomic::{AtomicUsize, Ordering};
    use std::task::{Context, Wake};

    use super::*;

    #[derive(Default)]
    struct Counted(AtomicUsize);

    impl Wake for Counted {
        fn wake(self: Arc<Self>) {
            self.0.fetch_add(1, Ordering::Relaxed);
        }
    }

    #[test]
    fn a_span_wakes_each_task_that_waits_once() {
        let recorder = Recorder::new();
        let tracer = recorder.tracer();
        let woken = Arc::<Counted>::default();
        let waker = Waker::from(woken.clone());
        let mut context = Context::from_waker(&waker);
        let mut wait = pin!(recorder.ended("late"));
        for _ in 0..3 {
            assert!(wait.as_mut().poll(&mut context).is_pending());
        }
        tracer.trace("early").run(|_| {});
        assert_eq!(woken.0.load(Ordering::Relaxed), 1);
        assert!(wait.as_mut().poll(&mut context).is_pending());
        tracer.trace("late").run(|_| {});
        assert_eq!(woken.0.load(Ordering::Relaxed), 2);
        let Poll::Ready(span) = wait.poll(&mut context) else {
            panic!("it has ended")
        };
        assert_eq!(span.name(), "late");
    }

    #[test]
    fn what_has_ended_already_is_not_waited_for() {
        let recorder = Recorder::new();
        recorder.tracer().trace("done").run(|_| {});
        let mut context = Context::from_waker(Waker::noop());
        let wait = pin!(recorder.ended("done"));
        assert!(wait.poll(&mut context).is_ready());
        let wait = pin!(recorder.until(|kept| kept.names() == ["done"]));
        assert!(wait.poll(&mut context).is_ready());
    }

    #[test]
    fn a_condition_is_waited_for_until_it_holds() {
        let recorder = Recorder::new();
        let mut context = Context::from_waker(Waker::noop());
        let mut wait = pin!(recorder.until(|kept| kept.names() == ["late"]));
        assert!(wait.as_mut().poll(&mut context).is_pending());
        recorder.tracer().trace("late").run(|_| {});
        assert!(wait.poll(&mut context).is_ready());
    }

    #[test]
    fn what_is_taken_or_cleared_is_not_kept() {
        let recorder = Recorder::new();
        let tracer = recorder.tracer();
        let work = || {
            tracer.trace("t").run(|trace| {
                trace.score("s", 1).record();
            });
        };
        work();
        let taken = recorder.take();
        assert!(taken[0].as_score().is_some() && taken[1].as_span().is_some());
        assert_eq!(taken.len(), 2);
        assert!(recorder.spans().is_empty() && recorder.scores().is_empty());
        work();
        recorder.clear();
        assert!(recorder.spans().is_empty() && recorder.scores().is_empty());
    }
}
