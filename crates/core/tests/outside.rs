//! Spans that are started where no trace is current: a separate program, because the process counts them.

use std::sync::{Arc, Mutex};

use tracefuse_core::record::SpanRecord;
use tracefuse_core::{Processor, Span, Tracer};

#[derive(Clone, Default)]
struct Reported(Arc<Mutex<Vec<String>>>);

impl Processor for Reported {
    fn on_end(&self, _: SpanRecord) {}
    fn on_outside_trace(&self, span: &str) {
        self.0.lock().unwrap().push(span.to_owned());
    }
}

impl Reported {
    fn names(&self) -> Vec<String> {
        self.0.lock().unwrap().clone()
    }
}

#[test]
fn the_newest_tracer_that_is_open_gets_the_first_name() {
    let outside = |name: &str| Span::current().span(name).run(|_| {});
    outside("before any tracer");
    let (first, second, third) = (
        Reported::default(),
        Reported::default(),
        Reported::default(),
    );
    let old = Tracer::builder(first.clone()).build();
    assert_eq!(old.stats().outside_trace, 0);
    let tracer = Tracer::builder(second.clone()).build();
    ["a", "b", "c"].into_iter().for_each(outside);
    assert_eq!(
        (old.stats().outside_trace, tracer.stats().outside_trace),
        (3, 3)
    );
    assert_eq!(second.names(), ["a"]);
    assert!(first.names().is_empty());
    // Another tracer gets the name of what comes after it was built, unless it is closed.
    let closed = Tracer::builder(third.clone()).build();
    closed.shutdown().unwrap();
    outside("d");
    assert!(third.names().is_empty());
    assert_eq!(
        (closed.stats().outside_trace, tracer.stats().outside_trace),
        (1, 4)
    );
}
