//! fastrace: thread-local spans (`LocalSpan`, its fast path) and thread-safe spans (`Span`).

use std::borrow::Cow;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::time::Duration;

use fastrace::Span;
use fastrace::collector::{Config, Reporter, SpanContext, SpanRecord};
use fastrace::local::LocalSpan;

use crate::peer::{AGENT_ITERATIONS, AGENT_STEPS, Peer, Profile, Target};
use crate::work::{ATTRS, Generation};

type Property = (Cow<'static, str>, Cow<'static, str>);

struct Counter(Arc<AtomicU64>);

impl Reporter for Counter {
    fn report(&mut self, spans: Vec<SpanRecord>) {
        self.0.fetch_add(spans.len() as u64, Relaxed);
    }
}

/// `LOCAL` selects `LocalSpan` over `Span::enter_with_parent`.
struct Fastrace<const LOCAL: bool> {
    delivered: Option<Arc<AtomicU64>>,
    on: bool,
}

pub fn local(target: &Target) -> Box<dyn Peer> {
    open::<true>(target)
}

pub fn shared(target: &Target) -> Box<dyn Peer> {
    open::<false>(target)
}

fn open<const LOCAL: bool>(target: &Target) -> Box<dyn Peer> {
    let mut delivered: Option<Arc<AtomicU64>> = None;
    match target {
        Target::Discard => {
            let count = delivered.insert(Arc::default());
            fastrace::set_reporter(Counter(count.clone()), Config::default());
        }
        Target::Off => {}
        Target::Http { url, profile } => {
            let exporter = super::otel::exporter(url, *profile);
            let reporter = fastrace_opentelemetry::OpenTelemetryReporter::new(
                exporter,
                Cow::Owned(super::otel::resource()),
                opentelemetry::InstrumentationScope::builder("peers").build(),
            );
            // It sends all it has as one request. Past the exporter's limit of 64 MiB that is thrown
            // away whole, so a lossless run reports more often, and without the limit.
            let config = match profile {
                Profile::Default => Config::default(),
                Profile::Lossless(_) => Config::default().report_interval(Duration::from_millis(10)),
            };
            fastrace::set_reporter(reporter, config);
        }
    }
    Box::new(Fastrace::<LOCAL> { delivered, on: !matches!(target, Target::Off) })
}

fn attrs() -> [Property; 4] {
    let a = &*ATTRS;
    [
        ("user".into(), a.user.clone().into()),
        ("stage".into(), a.stage.clone().into()),
        ("score".into(), a.score.to_string().into()),
        ("step".into(), a.step.to_string().into()),
    ]
}

fn generation(g: &Generation) -> [Property; 6] {
    [
        ("input".into(), g.input.clone().into()),
        ("output".into(), g.output.clone().into()),
        ("model".into(), g.model.clone().into()),
        ("usage.input".into(), g.usage[0].to_string().into()),
        ("usage.output".into(), g.usage[1].to_string().into()),
        ("usage.total".into(), g.usage[2].to_string().into()),
    ]
}

fn step(iteration: i64) -> [Property; 2] {
    [("stage".into(), ATTRS.stage.clone().into()), ("iteration".into(), iteration.to_string().into())]
}

impl<const LOCAL: bool> Fastrace<LOCAL> {
    #[inline(always)]
    fn trace(&self, children: impl FnOnce(&Span)) {
        // Off: not sampled, as fastrace documents; the whole trace then records nothing.
        let root = Span::root("root", SpanContext::random().sampled(self.on));
        let _guard = LOCAL.then(|| root.set_local_parent());
        children(&root);
    }

    #[inline(always)]
    fn span<const N: usize>(&self, name: &'static str, root: &Span, properties: impl FnOnce() -> [Property; N]) {
        if LOCAL {
            let _span = LocalSpan::enter_with_local_parent(name).with_properties(properties);
        } else {
            let _span = Span::enter_with_parent(name, root).with_properties(properties);
        }
    }
}

impl<const LOCAL: bool> Peer for Fastrace<LOCAL> {
    fn bare(&self, n: usize) {
        self.trace(|root| {
            for _ in 0..n {
                if LOCAL {
                    let _span = LocalSpan::enter_with_local_parent("child");
                } else {
                    let _span = Span::enter_with_parent("child", root);
                }
            }
        });
    }
    fn attrs(&self, n: usize) {
        self.trace(|root| {
            for _ in 0..n {
                self.span("child", root, attrs);
            }
        });
    }
    fn generations(&self, n: usize, g: &Generation) {
        self.trace(|root| {
            for _ in 0..n {
                self.span("generation", root, || generation(g));
            }
        });
    }
    fn agent(&self) {
        self.trace(|root| {
            for iteration in 0..AGENT_ITERATIONS {
                for name in AGENT_STEPS {
                    self.span(name, root, || step(iteration));
                }
            }
        });
    }
    fn flush(&self) {
        fastrace::flush();
    }
    fn delivered(&self) -> Option<u64> {
        self.delivered.as_ref().map(|d| d.load(Relaxed))
    }
    fn finish(self: Box<Self>) {
        fastrace::flush();
    }
}
