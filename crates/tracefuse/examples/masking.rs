//! What must not leave the process: masks, and traces kept by how they went.

use std::time::Duration;

use serde_json::json;
use tracefuse::{Mask, SampleRate, mask::Value, sampling::TailSampling};

fn main() -> anyhow::Result<()> {
    let mask = Mask::standard()
        .keys(["diagnosis"])
        .regex(r"\b\d{3}-\d{2}-\d{4}\b", "<ssn>")?
        .rewrite(|_, at| (at.path() == "metadata.customer").then(|| Value::Str("someone".into())));
    // All that failed or took long, and half of the rest.
    let sampling = TailSampling::new()
        .keep_slower_than(Duration::from_secs(10))
        .rate(SampleRate::new(0.5)?);
    let tracer = tracefuse::builder()
        .console(Default::default())
        .masker(mask)
        .tail_sampling(sampling)
        .build()?;

    tracer.trace("support-chat").run(|trace| {
        trace.set_input("I am joe@example.com, my card is 4111 1111 1111 1111.");
        trace
            .tool("look-up")
            .input(json!({ "ssn": "123-45-6789" }))
            .run(|span| {
                span.add_metadata("customer", "Joe Doe");
                span.set_output(json!({ "diagnosis": ["none"], "api_key": "secret", "visits": 3 }));
                span.record_error("401: Bearer abc123def456 was refused");
            });
        trace.add_tag("set late, seen on every span");
    });

    tracer.shutdown()?;
    Ok(())
}
