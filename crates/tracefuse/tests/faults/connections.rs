//! Connections that cannot be made, break, hang or crawl.

use std::time::Duration;

use mock_langfuse::{Action, How, Scenario, Tls};
use tracefuse_runtime::conformance::Bounds;

use crate::case::{Case, fault, says};

/// A connection that breaks at a byte of the request or of the answer.
fn broken(name: &'static str, action: Action) -> Case {
    fault(name, Scenario::new().times(2, action))
        .bounds(Bounds::lossless().with_duplicates())
        .into()
}

/// A certificate that must not be believed.
fn distrusted(name: &'static str, tls: Tls, words: &'static [&'static str]) -> Case {
    fault(name, Scenario::new())
        .tls(tls)
        .hopeless()
        .expect(move |evidence, server| {
            assert_eq!(evidence.stats.exported, 0);
            assert!(server.requests().is_empty(), "nothing was sent");
            says(evidence, words);
        })
        .into()
}

/// An address without a server.
fn unreachable(name: &'static str, url: &'static str, words: &'static [&'static str]) -> Case {
    fault(name, Scenario::new())
        .reach(move |config, _| config.base_url(url).allow_plaintext_http(true))
        .hopeless()
        .expect(move |evidence, _| says(evidence, words))
        .into()
}

pub(crate) fn cases() -> Vec<Case> {
    vec![
        fault("down_and_back", Scenario::new())
            .down()
            .meanwhile(|server, tracer| {
                while tracer.stats().exporters[0].failed_attempts < 6 {
                    std::thread::park_timeout(Duration::from_millis(2));
                }
                server.resume();
            })
            .expect(|evidence, _| assert!(evidence.stats.failed_attempts < 30))
            .into(),
        fault("down_for_ever", Scenario::new())
            .down()
            .hopeless()
            .expect(|evidence, _| says(evidence, &["nothing listens at"]))
            .into(),
        broken("reset_when_accepted", Action::accept_then(How::Rst)),
        broken("closed_when_accepted", Action::accept_then(How::Fin)),
        broken("request_reset_at_0", Action::read_then(0, How::Rst)),
        broken("request_closed_at_1", Action::read_then(1, How::Fin)),
        broken("request_reset_at_500", Action::read_then(500, How::Rst)),
        broken(
            "answer_closed_at_0",
            Action::good().cut(0, How::Fin).stored(),
        ),
        broken(
            "answer_reset_at_1",
            Action::good().cut(1, How::Rst).stored(),
        ),
        broken("half_an_answer", Action::good().cut(20, How::Fin).stored()),
        broken("accepted_and_silent", Action::accept_then(How::Silent)),
        broken(
            "read_and_silent",
            Action::read_then(usize::MAX, How::Silent),
        ),
        fault(
            "answers_slowly",
            Scenario::new().forever(Action::good().delay_ms(100)),
        )
        .into(),
        fault(
            "reads_slowly",
            Scenario::new().times(3, Action::slow_read_ms(30)),
        )
        .trial(|trial| trial.input_bytes(2_000))
        .reach(|config, _| config.gzip(false))
        .into(),
        broken("answers_byte_by_byte", Action::good().drip_ms(40).stored()),
        fault(
            "never_answers",
            Scenario::new().forever(Action::accept_then(How::Silent)),
        )
        .hopeless()
        .silent()
        .expect(|evidence, _| assert_eq!(evidence.stats.exported, 0))
        .into(),
        fault("idle_connections_are_closed", Scenario::new())
            .trial(|trial| trial.threads(2))
            .meanwhile(|server, _| {
                for _ in 0..5 {
                    // Those that are open end under the client's hands.
                    server.pause();
                    server.resume();
                }
            })
            .bounds(Bounds::lossless().with_duplicates())
            .into(),
        distrusted("tls_signs_itself", Tls::SelfSigned, &["certificate"]),
        distrusted("tls_of_another_host", Tls::WrongHost, &["certificate"]),
        distrusted("tls_expired", Tls::Expired, &["certificate"]),
        distrusted("tls_but_plain_http", Tls::PlainHttp, &["TLS"]),
        fault("tls_hangs", Scenario::new())
            .tls(Tls::Hang)
            .hopeless()
            .silent()
            .into(),
        unreachable(
            "dns_no_such_host",
            "http://no-such-host.invalid",
            &["no-such-host.invalid"],
        ),
        unreachable("port_closed", "http://127.0.0.1:9", &["nothing listens at"]),
        fault("proxy_dead", Scenario::new())
            .reach(|config, _| {
                let proxy = tracefuse_http::ProxyConfig::new().http("http://127.0.0.1:9");
                config
                    .base_url("http://langfuse.example")
                    .allow_plaintext_http(true)
                    .proxy(proxy)
            })
            .hopeless()
            .expect(|evidence, _| says(evidence, &["proxy"]))
            .into(),
    ]
}
