//! A recorder, and subscribers with the layer.

use tracefuse_core::Tracer;
pub(crate) use tracefuse_core::testing::Recorder;
use tracefuse_tracing::LayerBuilder;
use tracing_subscriber::layer::SubscriberExt as _;

pub(crate) fn tracer() -> (Tracer, Recorder) {
    let kept = Recorder::default();
    (Tracer::builder(kept.clone()).build(), kept)
}

/// Runs `f` with a subscriber that records as `choose` says, and gives what was recorded.
pub(crate) fn recorded(
    choose: impl FnOnce(LayerBuilder) -> LayerBuilder,
    f: impl FnOnce(&Tracer),
) -> Recorder {
    let (tracer, kept) = tracer();
    under(&tracer, choose, || f(&tracer));
    kept
}

pub(crate) fn under<R>(
    tracer: &Tracer,
    choose: impl FnOnce(LayerBuilder) -> LayerBuilder,
    f: impl FnOnce() -> R,
) -> R {
    let layer = choose(tracefuse_tracing::builder(tracer)).layer();
    tracing::subscriber::with_default(tracing_subscriber::registry().with(layer), f)
}
