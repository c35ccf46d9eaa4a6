//! Sampling when a trace begins and when it has ended, as the server sees it.

use std::time::Duration;

use mock_langfuse::MockLangfuse;
use tracefuse::config::Config;
use tracefuse::{
    Builder, SampleRate, Usage,
    sampling::{SamplingInput, TailSampling},
};

use crate::support::{config, row};

fn names(server: &MockLangfuse) -> Vec<String> {
    let mut names: Vec<_> = server
        .observations()
        .into_iter()
        .map(|row| row.name)
        .collect();
    names.sort();
    names
}

#[test]
fn what_is_set_at_the_end_of_a_held_trace_is_on_every_span_of_the_server() {
    let server = MockLangfuse::start();
    let builder = tracefuse::builder().langfuse(config(&server));
    let never = SampleRate::new(0.0).unwrap();
    let sampling = TailSampling::new()
        .keep_slower_than(Duration::from_secs(60))
        .rate(never);
    let tracer = builder.tail_sampling(sampling).build().unwrap();
    tracer
        .trace("dull")
        .run(|trace| trace.span("quick").run(|_| {}));
    tracer.trace("failed").run(|trace| {
        trace.span("first").run(|_| {});
        trace.set_session_id("s");
        trace.add_tag("late");
        trace.span("second").run(|span| span.record_error("broken"));
    });
    let stats = tracer.shutdown().unwrap().stats;
    assert_eq!((stats.recorded, stats.sampled_out), (5, 2));
    assert_eq!(
        (stats.exporters[0].exported, stats.is_balanced()),
        (3, true)
    );
    assert_eq!(names(&server), ["failed", "first", "second"]);
    for name in ["failed", "first", "second"] {
        let row = row(&server, name);
        assert_eq!(
            (row.session_id.as_deref(), row.tags),
            (Some("s"), vec!["late".to_owned()])
        );
    }
}

#[test]
fn a_sampler_takes_the_place_of_the_rate() {
    let server = MockLangfuse::start();
    let builder = tracefuse::builder().langfuse(config(&server));
    let tracer = builder
        .configure(|config| config.sample_rate = SampleRate::new(0.0).unwrap())
        .sampler(|trace: &SamplingInput<'_>| trace.attributes.name != "health")
        .build()
        .unwrap();
    for name in ["health", "checkout", "health"] {
        tracer.trace(name).run(|_| {});
    }
    assert_eq!(tracer.shutdown().unwrap().stats.unsampled_traces, 2);
    assert_eq!(names(&server), ["checkout"]);
}

#[test]
fn tail_sampling_is_set_by_a_file_and_variables_alone() {
    let server = MockLangfuse::start();
    let keys = format!(
        "LANGFUSE_PUBLIC_KEY={}\nLANGFUSE_SECRET_KEY={}\nLANGFUSE_BASE_URL={}\nTRACEFUSE_TAIL_SAMPLING_KEEP_MORE_TOKENS_THAN=100\n",
        server.public_key(),
        server.secret_key(),
        server.url()
    );
    let config = Config::from_files("[tail_sampling]\nrate = 0\n", &keys).unwrap();
    let tracer = Builder::from_config(config).unwrap().build().unwrap();
    tracer.trace("dull").run(|_| {});
    tracer.trace("long").run(|trace| {
        let generation = trace.generation("answer");
        generation.run(|span| span.set_usage(Usage::openai(100, 1)));
    });
    let failed = tracer.trace("failed");
    failed.run(|trace| trace.span("work").run(|span| span.record_error("broken")));
    assert_eq!(tracer.shutdown().unwrap().stats.sampled_out, 1);
    assert_eq!(names(&server), ["answer", "failed", "long", "work"]);
}
