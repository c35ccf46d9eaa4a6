//! A tracer that keeps what it is given, and what a test looks at: the tree below the trace.

use std::sync::Arc;

use tracefuse::Tracer;
use tracefuse::exporter::InMemoryExporter;
use tracefuse::exporter::record::SpanRecord;

pub(crate) struct Bench {
    tracer: Tracer,
    kept: InMemoryExporter,
}

impl Bench {
    pub(crate) fn new() -> Self {
        let kept = InMemoryExporter::new();
        let tracer = tracefuse::builder().exporter(kept.clone()).build().unwrap();
        Self { tracer, kept }
    }

    pub(crate) fn run<R>(&self, f: impl FnOnce() -> R) -> R {
        let result = self.tracer.trace("trace").run(|_| f());
        self.tracer.flush().unwrap();
        result
    }

    /// What was recorded, without the trace's own line and its indent.
    pub(crate) fn tree(&self) -> String {
        let tree = self.kept.tree();
        tree.lines()
            .skip(1)
            .flat_map(|line| [&line[2..], "\n"])
            .collect()
    }

    pub(crate) fn span(&self, name: &str) -> SpanRecord {
        let spans = self.kept.spans();
        let found = spans.into_iter().find(|span| span.name() == name);
        found.unwrap_or_else(|| panic!("no span {name} in\n{}", self.kept.tree()))
    }

    /// The spans of this name, in the order in which they ended.
    pub(crate) fn all(&self, name: &str) -> Vec<SpanRecord> {
        let mut spans = self.kept.spans();
        spans.retain(|span| span.name() == name);
        spans
    }
}

/// Runs `f` in a trace, and compares what is recorded below it.
pub(crate) fn check<R>(f: impl FnOnce() -> R, tree: &str) -> R {
    let bench = Bench::new();
    let result = bench.run(f);
    assert_eq!(bench.tree(), tree);
    result
}

/// Polls to the end, on a future that must be able to move between threads.
pub(crate) fn wait<R>(future: impl Future<Output = R> + Send) -> R {
    futures::executor::block_on(future)
}

/// Something that is neither `Clone`, `Debug` nor `Serialize`.
pub(crate) struct Opaque(pub(crate) Arc<str>);

pub(crate) fn opaque(text: &str) -> Opaque {
    Opaque(text.into())
}
