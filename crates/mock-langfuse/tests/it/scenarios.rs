//! A scripted fault is what a client sees; afterwards the server behaves.

use std::time::{Duration, Instant};

use mock_langfuse::{Action, How, MockLangfuse, Scenario};

use crate::support::{Call, JS, OTLP};

fn post(server: &MockLangfuse) -> Result<(u16, String), std::io::ErrorKind> {
    let call = Call::to(server).with("content-type", "application/json");
    call.send("POST", OTLP, JS).map_err(|error| error.kind())
}

#[expect(
    clippy::needless_pass_by_value,
    reason = "a table of temporaries reads better"
)]
fn check(
    action: Action,
    expected: impl Fn(&Result<(u16, String), std::io::ErrorKind>) -> bool,
    stored: usize,
) {
    let server = MockLangfuse::builder()
        .scenario(Scenario::new().once(action.clone()))
        .start()
        .unwrap();
    let answer = post(&server);
    assert!(expected(&answer), "{action:?}: {answer:?}");
    assert_eq!(server.observations().len(), stored, "{action:?}");
    assert_eq!(
        post(&server).unwrap().0,
        200,
        "afterwards the server behaves"
    );
}

#[test]
fn each_action_is_seen_by_a_client() {
    let status = |wanted: u16| move |answer: &Result<(u16, String), _>| matches!(answer, Ok((status, _)) if *status == wanted);
    check(Action::status(503), status(503), 0);
    check(Action::status(200), status(200), 5);
    check(Action::status(503).stored(), status(503), 5);
    check(
        Action::status(200).body("html"),
        |answer| {
            answer
                .as_ref()
                .is_ok_and(|(_, body)| body.contains("Sign in"))
        },
        5,
    );
    check(Action::max_body(100), status(413), 0);
    check(Action::bad_span("llm"), status(400), 0);
    check(Action::bad_span("no such span"), status(200), 5);
    check(Action::accept_then(How::Fin), Result::is_err, 0);
    check(Action::accept_then(How::Rst), Result::is_err, 0);
    check(Action::read_then(100, How::Rst), Result::is_err, 0);
    check(
        Action::good().cut(10, How::Fin),
        |answer| answer.as_ref().is_ok_and(|(_, body)| body.len() == 10),
        0,
    );
    check(Action::good().cut(10, How::Fin).stored(), status(200), 5);
    check(Action::status(200).body("wrong_length"), status(200), 5);
    check(Action::good().delay_ms(20), status(200), 5);
}

#[test]
fn deliveries_tell_what_arrived_from_what_was_acknowledged() {
    let scenario = Scenario::new()
        .once(Action::status(500))
        .once(Action::good().cut(0, How::Fin).stored());
    let server = MockLangfuse::builder().scenario(scenario).start().unwrap();
    for _ in 0..3 {
        let _ = post(&server);
    }
    assert!(
        server
            .deliveries()
            .values()
            .all(|d| (d.received, d.acknowledged) == (3, 1)),
        "{:?}",
        server.deliveries()
    );
}

#[test]
fn a_paused_server_refuses_connections_and_is_back_on_the_same_port() {
    let server = MockLangfuse::start();
    for _ in 0..100 {
        server.pause();
        assert_eq!(post(&server), Err(std::io::ErrorKind::ConnectionRefused));
        server.resume();
        assert_eq!(post(&server).map(|answer| answer.0), Ok(200));
    }
}

#[test]
fn a_server_whose_port_is_taken_listens_again_when_the_port_is_free() {
    let server = MockLangfuse::start();
    server.pause();
    let address = server.url().replace("http://", "");
    let other = std::net::TcpListener::bind(address).unwrap();
    std::thread::scope(|scope| {
        let resumed = scope.spawn(|| server.resume());
        let taken = Instant::now();
        while taken.elapsed() < Duration::from_millis(50) {
            assert!(!resumed.is_finished(), "it cannot listen yet");
            std::thread::yield_now();
        }
        drop(other);
        resumed.join().unwrap();
    });
    assert_eq!(post(&server).map(|answer| answer.0), Ok(200));
}

#[test]
fn each_trace_that_arrives_is_printed_once_with_its_errors() {
    let server = MockLangfuse::start();
    let mut seen = 0;
    assert_eq!(server.arrivals(&mut seen, Duration::ZERO), []);
    assert_eq!(post(&server).unwrap().0, 200);
    let arrivals = server.arrivals(&mut seen, Duration::from_secs(10));
    let [arrival] = arrivals.as_slice() else {
        panic!("{arrivals:?}");
    };
    assert_eq!(
        (arrival.name.as_str(), arrival.spans, arrival.errors),
        ("chat-trace", 5, 1)
    );
    assert_eq!(arrival.trace_id, server.trace_ids()[0]);
    let path = server
        .tree_url(&arrival.trace_id)
        .replace(&server.url(), "");
    assert_eq!(Call::to(&server).get(&path), (200, server.trees()));
    assert_eq!(server.arrivals(&mut seen, Duration::ZERO), []);
}
