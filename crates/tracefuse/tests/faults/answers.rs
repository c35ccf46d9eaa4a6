//! Answers that are refusals, pauses, false or malformed.

use std::time::Duration;

use mock_langfuse::{Action, How, Scenario};
use tracefuse::stats::RejectReason;
use tracefuse_runtime::conformance::Bounds;

use crate::case::{Case, fault, says};

fn once(action: Action) -> Scenario {
    Scenario::new().once(action)
}

fn forever(action: Action) -> Scenario {
    Scenario::new().forever(action)
}

/// A pause of the receiver's, by its header.
fn paused(name: &'static str, value: &'static str) -> Case {
    fault(name, once(Action::status(429).header("retry-after", value)))
        .expect(|evidence, _| says(evidence, &["429"]))
        .into()
}

pub(crate) fn cases() -> Vec<Case> {
    vec![
        fault("ok", Scenario::new())
            .trial(|trial| trial.config(|config| config.batch_size = 100))
            .expect(|_, server| assert!(server.requests().len() <= 12))
            .into(),
        fault("500_once", once(Action::status(500))).into(),
        fault("500_burst", Scenario::new().times(4, Action::status(500))).into(),
        fault(
            "503_burst_opens_the_breaker",
            Scenario::new().times(6, Action::status(503)),
        )
        .expect(|evidence, _| assert!(evidence.stats.failed_attempts >= 5))
        .into(),
        fault(
            "502_with_a_page",
            Scenario::new().times(2, Action::status(502).body("html")),
        )
        .into(),
        fault(
            "408_504_mixed",
            once(Action::status(408)).once(Action::status(504)),
        )
        .into(),
        fault(
            "500_though_it_was_stored",
            Scenario::new().times(2, Action::status(500).stored()),
        )
        .bounds(Bounds::lossless().with_duplicates())
        .into(),
        fault("flapping", {
            (0..8).fold(Scenario::new(), |scenario, _| {
                scenario.once(Action::good()).once(Action::status(503))
            })
        })
        .expect(|_, server| assert!(server.requests().len() <= 24, "{}", server.requests().len()))
        .into(),
        fault(
            "fails_one_in_three",
            Scenario::new().seed(11).forever(Action::fail_percent(33)),
        )
        .bounds(Bounds::lossless().with_duplicates())
        .into(),
        fault(
            "half_open_fails_twice",
            Scenario::new().times(7, Action::status(503)),
        )
        .expect(|evidence, _| assert_eq!(evidence.stats.failed_attempts, 7))
        .into(),
        fault(
            "half_open_probe_hangs",
            Scenario::new()
                .times(5, Action::status(503))
                .once(Action::good().cut(0, How::Silent)),
        )
        .bounds(Bounds::lossless().with_duplicates())
        .into(),
        fault("fails_for_ever", forever(Action::status(503)))
            .hopeless()
            .expect(|evidence, server| {
                assert_eq!(evidence.stats.exported, 0);
                // A breaker that did not open would have sent hundreds.
                // Those during the shutdown, which uses all of its time, are included.
                assert!(server.requests().len() < 40, "{}", server.requests().len());
                says(evidence, &["503"]);
            })
            .into(),
        // --- pauses
        paused("429_without_a_time", "soon, perhaps"),
        paused("429_zero", "0"),
        paused("429_negative", "-5"),
        paused(
            "429_a_date_that_has_passed",
            "Thu, 01 Jan 2015 00:00:00 GMT",
        ),
        fault(
            "429_one_second",
            once(Action::status(429).header("retry-after", "1")),
        )
        .config(|config| config.max_batch_size = config.batch_size)
        .expect(|_, server| assert!(server.requests().len() >= 11))
        .into(),
        fault(
            "429_for_ages",
            forever(Action::status(429).header("retry-after", "99999999999999999999")),
        )
        .hopeless()
        .expect(|evidence, server| {
            assert_eq!(evidence.stats.failed_attempts, 2, "one, and one at the end");
            assert!(server.requests().len() <= 2);
        })
        .into(),
        // --- size and bad spans
        fault("413_over_2_kib", forever(Action::max_body(2048)))
            .reach(|config, _| config.gzip(false))
            .config(|config| config.max_queue_size = 1000)
            .into(),
        fault("413_even_for_one", forever(Action::max_body(10)))
            .trial(|trial| trial.settle(Duration::from_secs(5)))
            .bounds(Bounds::accounted())
            .expect(|evidence, _| {
                assert_eq!(evidence.stats.rejected[&RejectReason::TooLarge], 200);
            })
            .into(),
        fault("gzip_refused", forever(Action::refuse_gzip())).into(),
        fault("bad_1_of_200", forever(Action::bad_span("77")))
            .bounds(Bounds::accounted())
            .expect(|evidence, server| {
                assert_eq!(evidence.stats.rejected[&RejectReason::Invalid], 1);
                assert_eq!(evidence.stats.exported, 199);
                assert!(server.requests().len() <= 30, "{}", server.requests().len());
            })
            .into(),
        fault("bad_all", forever(Action::status(400)))
            .bounds(Bounds::accounted())
            .expect(|evidence, server| {
                assert_eq!(evidence.stats.rejected_total(), 200);
                assert!(server.requests().len() <= 60, "{}", server.requests().len());
            })
            .into(),
        // --- not wanted
        fault(
            "401_then_mended",
            Scenario::new().times(2, Action::status(401)),
        )
        .into(),
        fault("401_for_ever", forever(Action::status(401)))
            .hopeless()
            .expect(|evidence, server| {
                assert_eq!(evidence.stats.rejected[&RejectReason::Unauthorized], 200);
                says(
                    evidence,
                    &["401", "LANGFUSE_PUBLIC_KEY", "LANGFUSE_BASE_URL"],
                );
                assert!(server.requests().len() < 15);
            })
            .into(),
        fault("403_suspended", forever(Action::status(403)))
            .hopeless()
            .expect(|evidence, _| says(evidence, &["403", "suspended"]))
            .into(),
        fault("404_wrong_server", forever(Action::status(404)))
            .hopeless()
            .expect(|evidence, _| says(evidence, &["404", "LANGFUSE_BASE_URL"]))
            .into(),
        fault(
            "redirect_elsewhere",
            forever(Action::status(307).header("location", "https://evil.example/take?it=all")),
        )
        .hopeless()
        .expect(|evidence, _| {
            says(evidence, &["https://evil.example"]);
            assert!(
                !evidence
                    .stats
                    .last_error
                    .as_deref()
                    .unwrap()
                    .contains("it=all")
            );
        })
        .into(),
        // --- rubbish
        fault(
            "200_html",
            Scenario::new().times(2, Action::status(200).body("html")),
        )
        .bounds(Bounds::lossless().untrusted().with_duplicates())
        .expect(|evidence, _| assert_eq!(evidence.stats.failed_attempts, 2))
        .into(),
        fault("200_garbage", once(Action::status(200).body("garbage"))).into(),
        fault("200_empty", once(Action::status(200).body("empty"))).into(),
        fault(
            "200_body_shorter_than_said",
            once(Action::status(200).body("wrong_length")),
        )
        .bounds(Bounds::lossless().untrusted().with_duplicates())
        .into(),
        fault(
            "200_with_64_MiB",
            once(Action::status(200).body("huge:67108864")),
        )
        .bounds(Bounds::lossless().untrusted().with_duplicates())
        .into(),
        fault("200_gzip_bomb", once(Action::status(200).body("gzip_bomb")))
            .bounds(Bounds::lossless().untrusted().with_duplicates())
            .into(),
        fault(
            "200_header_bomb",
            once(Action::status(200).body("header_bomb")),
        )
        .bounds(Bounds::lossless().untrusted().with_duplicates())
        .into(),
        fault(
            "100_continue_for_ever",
            once(Action::status(100)).once(Action::status(103)),
        )
        .bounds(Bounds::lossless().untrusted().with_duplicates())
        .into(),
    ]
}
