//! A server that fails: nothing lost in silence, everything said.

use std::time::{Duration, Instant};

use mock_langfuse::{Action, How, MockLangfuse, Scenario};
use tracefuse::{
    LangfuseConfig,
    stats::{DropReason, Health, RejectReason},
};

use crate::support::{config, failing, record, tracer, tracer_with};

fn delivered_once(server: &MockLangfuse, spans: usize) {
    assert_eq!(server.deliveries().len(), spans);
    assert!(
        server
            .deliveries()
            .values()
            .all(|delivery| delivery.acknowledged == 1),
        "{:?}",
        server.deliveries()
    );
}

#[test]
fn passing_failures_cost_nothing() {
    for action in [
        Action::status(500),
        Action::status(503),
        Action::status(429).header("retry-after", "0"),
        Action::status(200).body("html"),
        Action::accept_then(How::Rst),
        Action::accept_then(How::Fin),
        Action::read_then(10, How::Rst),
        Action::good().cut(0, How::Fin),
    ] {
        let server = failing(Scenario::new().once(action.clone()));
        let tracer = tracer(&server);
        record(&tracer, 0..20);
        let report = tracer
            .shutdown_within(Duration::from_secs(20))
            .unwrap_or_else(|error| panic!("{action:?}: {error}"));
        assert!(report.is_lossless(), "{action:?}");
        assert_eq!(report.stats.exporters[0].exported, 20, "{action:?}");
        // A web page with status 200 counts as acknowledged by the script, not by us.
        if action != Action::status(200).body("html") {
            delivered_once(&server, 20);
        }
    }
}

#[test]
fn a_retried_request_is_the_same_byte_for_byte() {
    let server = failing(Scenario::new().times(2, Action::status(503)));
    let tracer = tracer(&server);
    tracer
        .trace("root")
        .metadata("k", "v")
        .run(|trace| trace.span("s").run(|span| span.record_event("e")));
    tracer.shutdown_within(Duration::from_secs(20)).unwrap();
    let requests = server.requests();
    assert_eq!(requests.len(), 3);
    assert!(
        requests
            .iter()
            .all(|request| request.body == requests[0].body)
    );
}

#[test]
fn a_bad_span_is_rejected_alone_with_the_servers_words() {
    let server = failing(Scenario::new().forever(Action::bad_span("41")));
    let tracer = tracer(&server);
    record(&tracer, 0..100);
    let error = tracer.shutdown().unwrap_err();
    let stats = &error.report().stats.exporters[0];
    assert_eq!(
        (stats.exported, stats.rejected[&RejectReason::Invalid]),
        (99, 1)
    );
    assert!(
        stats
            .last_error
            .as_ref()
            .unwrap()
            .contains("span(s) cannot be processed"),
        "{stats:?}"
    );
    assert!(server.requests().len() <= 15, "{}", server.requests().len());
}

#[test]
fn a_proxy_that_takes_little_gets_little() {
    let server = failing(Scenario::new().forever(Action::max_body(64 * 1024)));
    let tracer = tracer_with(&server, |config| config.delivery.batch_size = 50);
    for n in 0..50 {
        // Text that does not compress.
        let input: String = (0..8_000)
            .map(|i| char::from(b'!' + ((n * 7919 + i * i * 31 + i) % 90) as u8))
            .collect();
        tracer.trace(&n.to_string()).input(input).run(|_| {});
    }
    assert!(tracer.shutdown().unwrap().is_lossless());
    delivered_once_acknowledged(&server, 50);
}

fn delivered_once_acknowledged(server: &MockLangfuse, spans: usize) {
    let acknowledged = server
        .deliveries()
        .values()
        .filter(|delivery| delivery.acknowledged == 1)
        .count();
    assert_eq!(acknowledged, spans);
}

#[test]
fn a_wrong_key_is_said_with_what_to_do_and_holds_the_spans() {
    let server = MockLangfuse::start();
    let wrong = LangfuseConfig::new("pk-lf-wrong", "sk-lf-wrong").base_url(server.url());
    let tracer = tracefuse::langfuse(wrong).unwrap();
    record(&tracer, 0..5);
    let held = tracer.flush_within(Duration::from_secs(20)).unwrap_err();
    assert_eq!(held.report().pending, 5);
    assert!(matches!(
        held.report().stats.exporters[0].health,
        Health::Refused { .. }
    ));
    let error = tracer.shutdown().unwrap_err().to_string();
    for words in [
        "5 rejected (unauthorized)",
        "401",
        "LANGFUSE_PUBLIC_KEY",
        "LANGFUSE_BASE_URL",
    ] {
        assert!(error.contains(words), "{error}");
    }
}

#[test]
fn a_redirect_is_not_followed_and_its_target_named_without_its_query() {
    let location = "https://elsewhere.example/login?token=canary";
    let server = failing(Scenario::new().forever(Action::status(302).header("location", location)));
    let tracer = tracer(&server);
    record(&tracer, 0..1);
    let error = tracer.shutdown().unwrap_err().to_string();
    assert!(
        error.contains("https://elsewhere.example") && !error.contains("canary"),
        "{error}"
    );
}

#[test]
fn a_server_that_is_down_costs_the_shutdown_its_limit_and_no_more() {
    let server = MockLangfuse::start();
    let tracer = tracer_with(&server, |config| config.delivery.batch_size = 100);
    drop(server);
    record(&tracer, 0..100);
    // The limit below begins after the first attempt, however busy the machine is.
    while tracer.stats().exporters[0].failed_attempts == 0 {
        std::thread::yield_now();
    }
    let start = Instant::now();
    let error = tracer
        .shutdown_within(Duration::from_millis(500))
        .unwrap_err();
    assert!(
        start.elapsed() < Duration::from_millis(1500),
        "{:?}",
        start.elapsed()
    );
    let stats = &error.report().stats.exporters[0];
    assert_eq!(stats.dropped[&DropReason::ShutdownDeadline], 100);
    assert!(error.to_string().contains("nothing listens at"), "{error}");
    assert!(error.report().stats.is_balanced());
}

#[test]
fn a_server_that_never_answers_costs_the_shutdown_its_limit_and_no_more() {
    let server = failing(Scenario::new().forever(Action::good().cut(0, How::Silent)));
    let tracer = tracer_with(&server, |config| config.delivery.batch_size = 10);
    record(&tracer, 0..10);
    // The limit below begins once the request is there, however busy the machine is.
    assert!(server.wait_for(
        |server| !server.requests().is_empty(),
        Duration::from_secs(20)
    ));
    let start = Instant::now();
    let error = tracer
        .shutdown_within(Duration::from_millis(300))
        .unwrap_err();
    assert!(
        start.elapsed() < Duration::from_millis(1500),
        "{:?}",
        start.elapsed()
    );
    assert_eq!(
        error.report().stats.exporters[0].maybe_delivered,
        10,
        "they may have arrived"
    );
}

#[test]
fn a_server_that_is_back_gets_what_was_held() {
    let server = MockLangfuse::start();
    let tracer = tracer_with(&server, |config| {
        config.delivery.circuit_breaker_threshold = 1;
        config.delivery.circuit_breaker_reset = Duration::from_millis(20);
        config.delivery.batch_size = 10;
    });
    server.pause();
    record(&tracer, 0..100);
    let (long, begun) = (Duration::from_secs(20), Instant::now());
    let held = tracer.flush_within(long).unwrap_err();
    assert!(held.report().pending > 0);
    assert!(
        begun.elapsed() < long,
        "the breaker is open: it does not wait"
    );
    server.resume();
    assert!(server.wait_for(
        |server| server.deliveries().len() == 100,
        Duration::from_secs(20)
    ));
    assert!(tracer.shutdown().unwrap().stats.exporters[0].exported == 100);
    delivered_once(&server, 100);
}

#[test]
fn a_prompt_of_fifty_megabytes_arrives_shortened_and_says_so() {
    let server = MockLangfuse::start();
    let tracer = tracer(&server);
    tracer
        .trace("huge")
        .input("prompt ".repeat(50 << 17))
        .run(|trace| trace.set_output("kept whole"));
    tracer.trace("neighbour").run(|_| {});
    assert!(
        tracer
            .shutdown_within(Duration::from_secs(20))
            .unwrap()
            .is_lossless()
    );
    let huge = crate::support::row(&server, "huge");
    let input = huge.input.unwrap();
    assert!(
        input.len() < 5 << 20 && input.contains("bytes left out]"),
        "{}",
        input.len()
    );
    assert_eq!(huge.output.as_deref(), Some("kept whole"));
    assert_eq!(
        huge.metadata["_truncated.input"]["original_bytes"],
        serde_json::json!(7 * (50 << 17))
    );
    assert_eq!(server.observations().len(), 2);
}

#[test]
fn the_http_timeout_is_never_cut_short_by_delivery() {
    let slow = Action::good().delay_ms(400);
    let server = failing(Scenario::new().forever(slow));
    let langfuse = config(&server).timeout(Duration::from_secs(30));
    let tracer = tracefuse::builder()
        .langfuse(langfuse)
        .configure(|config| {
            config.delivery.attempt_timeout = Duration::from_millis(50);
            config.delivery.batch_timeout = Duration::from_millis(50);
            config.delivery.max_retries = 0;
            config.shutdown_timeout = Duration::from_secs(20);
        })
        .build()
        .unwrap();
    record(&tracer, 0..3);
    let report = tracer.shutdown().unwrap();
    assert_eq!(report.stats.exporters[0].exported, 3);
    assert_eq!(report.stats.exporters[0].failed_attempts, 0);
}
