//! Which spans are recorded.

use tracefuse_core::{ObservationType, Tracer};
use tracing::level_filters::LevelFilter;
use tracing::{debug_span, info_span, trace_span};
use tracing_subscriber::{Layer as _, Registry};

use crate::support::{recorded, under};

/// One of each sort.
fn work() {
    info_span!("plain").in_scope(|| {});
    debug_span!("plain debug").in_scope(|| {});
    trace_span!("llm trace", gen_ai.prompt = "p").in_scope(|| {});
    info_span!("langfuse", langfuse.user.id = "u").in_scope(|| {});
    info_span!(target: "rig::completions", "rig").in_scope(|| {});
    info_span!(target: "rigging", "not rig").in_scope(|| {});
    info_span!(target: "hyper::proto", "transport").in_scope(|| {});
    info_span!(target: "tracefuse_otlp::http", "own", gen_ai.prompt = "p").in_scope(|| {});
}

#[test]
fn by_default_llm_spans_are_recorded() {
    let kept = recorded(|layer| layer, |_| work());
    assert_eq!(kept.tree(), "llm trace\nlangfuse\nrig\n");
}

#[test]
fn spans_of_swiftide_agents_are_known_by_their_names() {
    let kept = recorded(
        |layer| layer,
        |_| {
            info_span!(target: "swiftide_agents::agent", "agent.query").in_scope(|| {
                info_span!(target: "swiftide_agents::agent", "step", otel.name = "step-0").in_scope(|| {
                    info_span!(target: "swiftide_agents::agent", "add_message").in_scope(|| {});
                    info_span!(target: "swiftide_agents::agent", "tool", otel.name = "tool.add").in_scope(|| {});
                });
            });
            info_span!(target: "my_app", "tool").in_scope(|| {});
        },
    );
    assert_eq!(kept.tree(), "agent.query\n  step-0\n    tool.add\n");
    let kinds =
        ["agent.query", "step-0", "tool.add"].map(|name| kept.named(name).observation_type());
    let expected = [
        ObservationType::Agent,
        ObservationType::Chain,
        ObservationType::Tool,
    ];
    assert_eq!(kinds, expected);
}

#[test]
fn all_are_llm_spans_and_those_of_level_info_but_transport_and_delivery() {
    let kept = recorded(|layer| layer.all(), |_| work());
    assert_eq!(kept.tree(), "plain\nllm trace\nlangfuse\nrig\nnot rig\n");
}

#[test]
fn a_predicate_decides_alone_but_for_our_own() {
    let kept = recorded(
        |layer| {
            layer.filter(|span| span.name() == "plain debug" || span.target() != module_path!())
        },
        |_| work(),
    );
    assert_eq!(kept.tree(), "plain debug\nrig\nnot rig\ntransport\n");
}

#[test]
fn a_tracer_that_is_off_asks_for_nothing() {
    let tracer = Tracer::noop();
    let layer = tracefuse_tracing::builder(&tracer)
        .all()
        .layer::<Registry>();
    assert_eq!(layer.max_level_hint(), Some(LevelFilter::OFF));
    under(&tracer, |layer| layer.all(), work);
    assert_eq!(tracer.stats().recorded, 0);
}

#[test]
fn what_a_thread_that_delivers_does_is_not_recorded() {
    let kept = recorded(
        |layer| layer.all(),
        |tracer| {
            let dispatch = tracing::dispatcher::get_default(Clone::clone);
            let tracer = tracer.clone();
            let delivering = std::thread::spawn(move || {
                tracefuse_core::bridge::suppress_thread();
                tracing::dispatcher::with_default(&dispatch, || {
                    work();
                    tracer.trace("mine").run(|_| tracing::warn!("unheard"));
                });
            });
            delivering.join().unwrap();
        },
    );
    // Recording a delivery would need a delivery, so no observation is recorded there either.
    assert!(kept.spans().is_empty());
}

/// What a log reader sees must not depend on what is traced.
#[test]
fn other_layers_see_what_they_asked_for() {
    use std::sync::{Arc, Mutex};
    use tracing_subscriber::layer::{Context, SubscriberExt as _};

    #[derive(Clone, Default)]
    struct Names(Arc<Mutex<Vec<&'static str>>>);
    impl<S: tracing::Subscriber> tracing_subscriber::Layer<S> for Names {
        fn on_new_span(
            &self,
            attributes: &tracing::span::Attributes<'_>,
            _: &tracing::span::Id,
            _: Context<'_, S>,
        ) {
            self.0.lock().unwrap().push(attributes.metadata().name());
        }
    }

    let names = Names::default();
    let (tracer, _) = crate::support::tracer();
    let subscriber = tracing_subscriber::registry()
        .with(tracefuse_tracing::layer(&tracer))
        .with(names.clone());
    tracing::subscriber::with_default(subscriber, work);
    assert_eq!(names.0.lock().unwrap().len(), 8);
}

/// `enabled!` asks and records nothing; what was refused then must not stick to the next span.
#[test]
fn a_question_that_was_refused_takes_no_span_away() {
    use tracing::{Metadata, subscriber::Interest};
    use tracing_subscriber::layer::{Context, Filter, Identity, SubscriberExt as _};

    /// Sure of spans, undecided on all else.
    struct Undecided;
    impl<S> Filter<S> for Undecided {
        fn enabled(&self, _: &Metadata<'_>, _: &Context<'_, S>) -> bool {
            true
        }
        fn callsite_enabled(&self, metadata: &'static Metadata<'static>) -> Interest {
            if metadata.is_span() {
                Interest::always()
            } else {
                Interest::sometimes()
            }
        }
    }

    let (tracer, kept) = crate::support::tracer();
    let subscriber = tracing_subscriber::registry()
        .with(Identity::new().with_filter(Undecided))
        .with(tracefuse_tracing::layer(&tracer));
    tracing::subscriber::with_default(subscriber, || {
        for _ in 0..3 {
            assert!(tracing::enabled!(tracing::Level::TRACE));
            info_span!("llm", gen_ai.prompt = "p").in_scope(|| {});
        }
    });
    assert_eq!(kept.spans().len(), 3);
}
