//! What an application does every day, over real sockets: functions that are observed, traces that are kept or not,
//! several projects side by side.

use mock_langfuse::MockLangfuse;
use tracefuse::{
    SampleRate, TraceId,
    sampling::{SamplingInput, TailSampling},
};

use crate::support::{config, row, tracer, tracer_with};

#[cfg(feature = "macros")]
#[test]
fn an_observed_function_arrives_with_what_it_was_asked_to_capture() {
    #[tracefuse::observe(as_type = "tool", capture(city), capture_output = true)]
    fn weather(city: &str, _key: &str) -> Result<String, std::io::Error> {
        Ok(format!("rain in {city}"))
    }
    let server = MockLangfuse::start();
    let tracer = tracer(&server);
    tracer
        .trace("t")
        .run(|_| weather("Lyon", "secret"))
        .unwrap();
    tracer.shutdown().unwrap();
    let tool = row(&server, "weather");
    assert_eq!(
        tool.parent_id.as_deref(),
        Some(row(&server, "t").id.as_str())
    );
    assert!(tool.input.unwrap().contains("Lyon"));
    assert_eq!(tool.output.as_deref(), Some("rain in Lyon"));
}

#[test]
fn a_sampler_decides_which_traces_arrive_and_the_rest_is_counted() {
    let server = MockLangfuse::start();
    let tracer = tracefuse::builder()
        .langfuse(config(&server))
        .sampler(|trace: &SamplingInput<'_>| trace.attributes.name != "health")
        .build()
        .unwrap();
    for name in ["health", "chat", "health"] {
        tracer
            .trace(name)
            .run(|trace| trace.span("below").run(|_| {}));
    }
    let report = tracer.shutdown().unwrap();
    assert_eq!(report.stats.unsampled_traces, 2);
    assert_eq!(server.trees(), "chat\n  below\n");
    // The same id is decided alike by every service, and by the Python SDK.
    let half = SampleRate::new(0.5).unwrap();
    let id = |text: &str| text.parse::<TraceId>().unwrap();
    assert!(half.samples(id("00000000000000007000000000000000")));
    assert!(!half.samples(id("00000000000000009000000000000000")));
}

#[test]
fn traces_that_are_held_arrive_whole_with_late_attributes_or_not_at_all() {
    let server = MockLangfuse::start();
    let keep_nothing_else = SampleRate::new(0.0).unwrap();
    let tracer = tracefuse::builder()
        .langfuse(config(&server))
        .tail_sampling(
            TailSampling::new()
                .keep_errors(true)
                .rate(keep_nothing_else),
        )
        .build()
        .unwrap();
    tracer
        .trace("fine")
        .run(|trace| trace.span("s").run(|_| {}));
    tracer.trace("failed").run(|trace| {
        let _ = trace
            .tool("call")
            .try_run(|_| Err::<(), _>(std::io::Error::other("refused")));
        trace.set_user_id("late");
    });
    let report = tracer.shutdown().unwrap();
    assert_eq!(report.stats.sampled_out, 2);
    assert_eq!(server.observations().len(), 2);
    assert_eq!(row(&server, "call").user_id.as_deref(), Some("late"));
}

#[test]
fn several_projects_in_one_process_do_not_meet() {
    let (one, other) = (MockLangfuse::start(), MockLangfuse::start());
    let (first, second) = (
        tracer(&one),
        tracer_with(&other, |config| config.release = Some("2".into())),
    );
    first.trace("first").run(|_| {
        second
            .trace("second")
            .run(|trace| trace.span("below").run(|_| {}))
    });
    first.shutdown().unwrap();
    second.shutdown().unwrap();
    assert_eq!(
        (one.trees().as_str(), other.trees().as_str()),
        ("first\n", "second\n  below\n")
    );
}
