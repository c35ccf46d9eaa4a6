//! Inputs and outputs switched off: they are not even built, and everything else is kept.

use futures::StreamExt as _;
use tracefuse_core::{ObserveStream as _, Tracer, Usage};

use crate::support::Recorder;

fn never() -> &'static str {
    panic!("built for nothing")
}

#[test]
fn without_content_neither_inputs_nor_outputs_are_recorded_or_built() {
    let kept = Recorder::default();
    let tracer = Tracer::builder(kept.clone()).capture_content(false).build();
    tracer
        .trace("t")
        .input("i")
        .user_id("u")
        .metadata("kept", 1)
        .run(|trace| {
            trace.set_input_with(never);
            trace.set_output("o");
            let builder = trace.generation("g").input("i").output("o").model("m");
            builder.input_with(never).output_with(never).run(|span| {
                span.set_input("i");
                span.set_output(String::from("o"));
                span.set_input_with(never);
                span.set_output_with(never);
                span.add_metadata_with("kept", || 2);
                span.set_usage(Usage::new(1, 2));
                span.event("e")
                    .input("i")
                    .output("o")
                    .metadata("kept", 3)
                    .record();
                span.record_error("broken");
            });
        });
    tracer.trace("answers").user_id("u").run(|trace| {
        let answer =
            serde_json::json!({ "choices": [{ "message": { "content": "o" } }], "model": "m" });
        trace.generation("g").run(|span| {
            span.record_openai(&answer);
            span.record_gemini("text");
        });
        let chunks = futures::stream::iter([answer]);
        let chunks = chunks.observed(trace.generation("g").start()).openai();
        futures::executor::block_on(chunks.count());
        let words = futures::stream::iter(["o"]);
        let words = words.observed(trace.generation("g").start()).text();
        futures::executor::block_on(words.count());
    });
    for span in kept.spans() {
        assert_eq!((span.input(), span.output()), (None, None));
        assert_eq!(span.trace().user_id.as_deref(), Some("u"));
    }
    assert_eq!(kept.named("t").trace().metadata.len(), 1);
    let generation = kept.named("g");
    assert_eq!(
        (generation.model(), generation.usage().count()),
        (Some("m"), 2)
    );
    assert_eq!(generation.metadata().count(), 1);
    assert_eq!(generation.status_message(), Some("error: broken"));
    let event = generation.events().next().unwrap();
    assert_eq!((event.input(), event.output()), (None, None));
    assert_eq!(event.metadata().count(), 1);
}
