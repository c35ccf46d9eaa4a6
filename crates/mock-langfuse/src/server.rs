//! Connections and endpoints: who is listened to, and what answers.
//! Run by `handle` on its thread; hyper serves, `faults` where a scenario says so.

use std::convert::Infallible;
use std::net::{SocketAddr, TcpListener};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use http_body_util::{BodyExt as _, Full, Limited};
use hyper::body::{Body as _, Incoming as Body};
use hyper::service::service_fn;
use hyper::{Request, Response};
use hyper_util::rt::TokioIo;
use serde_json::json;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio::sync::watch;

use crate::answers::{Incoming, Reply, headers};
use crate::scenario::{Action, How, Scenario};
use crate::store::Store;
use crate::tls::Identity;
use crate::{decode, faults, legacy, media, otlp, read, scores};

/// Connections served at once.
const MAX_CONNECTIONS: usize = 64;

#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Phase {
    Serving,
    /// Nobody listens: connections are refused.
    Paused,
    Stopped,
}

pub(crate) struct Shared {
    pub(crate) public_key: String,
    pub(crate) secret_key: String,
    pub(crate) authorization: String,
    /// Whether it is reached by https.
    pub(crate) tls: bool,
    pub(crate) max_inflated: usize,
    pub(crate) max_body: usize,
    pub(crate) store: Mutex<Store>,
    pub(crate) changed: Condvar,
    pub(crate) scenario: Mutex<Scenario>,
    pub(crate) poison: Mutex<Option<String>>,
}

/// Listens and serves until it is told to stop.
pub(crate) async fn serve(
    shared: Arc<Shared>,
    listener: TcpListener,
    address: SocketAddr,
    identity: Option<Identity>,
    hang: bool,
    mut phases: watch::Receiver<Phase>,
) {
    let mut first = Some(listener);
    loop {
        match *phases.borrow_and_update() {
            Phase::Stopped => return,
            Phase::Serving => {}
            Phase::Paused => {
                first = None;
            }
        }
        if *phases.borrow() == Phase::Paused {
            if phases.changed().await.is_err() {
                return;
            }
            continue;
        }
        let Some(listener) = first.take().or_else(|| TcpListener::bind(address).ok()) else {
            return;
        };
        if listener.set_nonblocking(true).is_err() {
            return;
        }
        let Ok(listener) = tokio::net::TcpListener::from_std(listener) else {
            return;
        };
        // Dropped with the phase, and the connections with them.
        let mut connections = tokio::task::JoinSet::new();
        loop {
            let accepted = std::pin::pin!(listener.accept());
            let changed = std::pin::pin!(phases.changed());
            match race(accepted, changed).await {
                Either::Left(Ok((stream, _))) => {
                    while connections.try_join_next().is_some() {}
                    // One more is closed at once: whoever opens so many wants to stop us.
                    if connections.len() >= MAX_CONNECTIONS {
                        continue;
                    }
                    let acceptor = identity.as_ref().map(|identity| identity.acceptor.clone());
                    connections.spawn(connection(shared.clone(), stream, acceptor, hang));
                }
                Either::Left(Err(_)) => {}
                Either::Right(_) => break,
            }
        }
    }
}

enum Either<A, B> {
    Left(A),
    Right(B),
}

/// Whichever is ready first.
async fn race<A: Future + Unpin, B: Future + Unpin>(
    mut a: A,
    mut b: B,
) -> Either<A::Output, B::Output> {
    std::future::poll_fn(|cx| {
        if let std::task::Poll::Ready(done) = std::pin::Pin::new(&mut b).poll(cx) {
            return std::task::Poll::Ready(Either::Right(done));
        }
        std::pin::Pin::new(&mut a).poll(cx).map(Either::Left)
    })
    .await
}

async fn connection(
    shared: Arc<Shared>,
    stream: TcpStream,
    acceptor: Option<tokio_rustls::TlsAcceptor>,
    hang: bool,
) {
    let _ = stream.set_nodelay(true);
    if hang {
        let _ = faults::end(stream, How::Silent).await;
        return;
    }
    let action = shared.next_action();
    if let Some(action) = &action {
        let resets = [
            action.accept_then,
            action.read.map(|cut| cut.how),
            action.cut.map(|cut| cut.how),
        ];
        if resets.contains(&Some(How::Rst)) {
            let _ = stream.set_zero_linger();
        }
        if let Some(how) = action.accept_then {
            let _ = faults::end(stream, how).await;
            return;
        }
    }
    match acceptor {
        None => speak(shared, stream, action).await,
        Some(acceptor) => {
            if let Ok(stream) = acceptor.accept(stream).await {
                speak(shared, stream, action).await;
            }
        }
    }
}

async fn speak<S: AsyncRead + AsyncWrite + Unpin + Send + 'static>(
    shared: Arc<Shared>,
    stream: S,
    action: Option<Action>,
) {
    if let Some(action) = action {
        shared.set_poison(action.poison.clone());
        let _ = faults::serve(&shared, stream, action).await;
        return;
    }
    let service = service_fn(|request| {
        let shared = shared.clone();
        async move { Ok::<_, Infallible>(http(&shared, request).await) }
    });
    let _ = hyper::server::conn::http1::Builder::new()
        .timer(hyper_util::rt::TokioTimer::new())
        .header_read_timeout(Duration::from_secs(30))
        .serve_connection(TokioIo::new(stream), service)
        .await;
}

async fn http(shared: &Shared, request: Request<Body>) -> Response<Full<Bytes>> {
    let (head, body) = request.into_parts();
    let text = |value: &http::HeaderValue| String::from_utf8_lossy(value.as_bytes()).into_owned();
    let headers = headers(
        head.headers
            .iter()
            .map(|(name, value)| (name.as_str().to_owned(), text(value))),
    );
    let target = head
        .uri
        .path_and_query()
        .map(ToString::to_string)
        .unwrap_or_default();
    // One that says it is too large is not waited for.
    let announced = body.size_hint().lower() > shared.max_body as u64;
    let body = match announced {
        true => None,
        false => Limited::new(body, shared.max_body).collect().await.ok(),
    };
    let reply = match body {
        Some(body) => shared.answer(
            &Incoming::new(head.method.as_str(), &target, headers, body.to_bytes()),
            true,
            true,
        ),
        None => Reply::text(413, "Body exceeds the limit of this server"),
    };
    let mut response = Response::new(Full::new(reply.body));
    *response.status_mut() = http::StatusCode::from_u16(reply.status).unwrap_or_default();
    for (name, value) in &reply.headers {
        if let (Ok(name), Ok(value)) = (
            http::HeaderName::try_from(name),
            http::HeaderValue::try_from(value),
        ) {
            response.headers_mut().insert(name, value);
        }
    }
    response
}

impl Shared {
    pub(crate) fn lock(&self) -> MutexGuard<'_, Store> {
        lock(&self.store)
    }

    pub(crate) fn note(&self, request: &Incoming, inflated: Bytes, status: u16) {
        self.lock().note(request, inflated, status);
        self.changed.notify_all();
    }

    pub(crate) fn poison(&self) -> Option<String> {
        lock(&self.poison).clone()
    }

    fn set_poison(&self, poison: Option<String>) {
        *lock(&self.poison) = poison;
    }

    /// The action for the next connection, while the scenario has one; the random part is decided here.
    fn next_action(&self) -> Option<Action> {
        let mut scenario = lock(&self.scenario);
        if scenario.steps.iter().all(|step| step.times == 0) {
            self.set_poison(None);
            return None;
        }
        let action = scenario.next();
        if action.fail_percent == 0 || scenario.percent() >= action.fail_percent {
            return Some(action);
        }
        Some(match scenario.percent() % 5 {
            0 => Action::status(500),
            1 => Action::status(503).stored(),
            2 => Action::status(429).header("retry-after", "0"),
            3 => Action::accept_then(How::Rst),
            _ => Action::good().cut(0, How::Rst),
        })
    }

    /// Notes that the spans of a body were acknowledged.
    pub(crate) fn acknowledge(&self, inflated: &Bytes, request: &Incoming, success: bool) {
        if !success {
            return;
        }
        let json = request
            .header("content-type")
            .is_some_and(|kind| kind.contains("json"));
        let spans = if json {
            decode::json(inflated)
        } else {
            decode::protobuf(inflated)
        }
        .unwrap_or_default();
        let mut store = self.lock();
        for id in spans.into_iter().filter_map(|span| span.span_id) {
            store.deliveries.entry(id).or_default().acknowledged += 1;
        }
    }

    /// The server's own answer. `store`: whether spans are kept; `whole`: whether the answer will arrive.
    pub(crate) fn answer(&self, request: &Incoming, store: bool, whole: bool) -> Reply {
        if let Some(refusal) = request.intruder() {
            return refusal;
        }
        let (reply, inflated) = if request.path == otlp::PATH {
            let (reply, inflated) = otlp::traces(self, request, store);
            self.acknowledge(&inflated, request, reply.is_success() && whole);
            (reply, inflated)
        } else {
            (self.other(request), request.body.clone())
        };
        self.note(request, inflated, reply.status);
        reply
    }

    fn other(&self, request: &Incoming) -> Reply {
        let path = request.path.trim_end_matches('/');
        let endpoint = path.strip_prefix("/api/public").unwrap_or_default();
        match (request.method.as_str(), endpoint) {
            ("GET", "/health") => {
                return Reply::json(200, &json!({ "status": "OK", "version": "4.16.0" }));
            }
            ("GET", "/ready") => return Reply::json(200, &json!({ "status": "OK" })),
            ("PUT", "") => {
                if let Some(id) = path.strip_prefix("/mock/upload/") {
                    return media::put(self, request, id);
                }
            }
            _ => {}
        }
        if let Some(reply) = otlp::unauthorized(self, request) {
            return reply;
        }
        if let Some(id) = path
            .strip_prefix("/mock/traces/")
            .and_then(|rest| rest.strip_suffix("/tree"))
        {
            return Reply::text(200, &self.lock().tree(id));
        }
        if let ("PATCH", Some(id)) = (request.method.as_str(), endpoint.strip_prefix("/media/")) {
            return media::told(self, request, id);
        }
        match (request.method.as_str(), endpoint) {
            ("POST", "/ingestion") => legacy::ingestion(self, request),
            ("POST", "/scores") => scores::post(self, request),
            ("POST", "/media") => media::announce(self, request),
            ("GET", "/projects") => legacy::projects(),
            ("GET", "/v2/observations") => read::observations(self, request),
            ("GET", "/v3/scores") => scores::list(self, request),
            ("POST", "/otel/v1/metrics") => Reply::json(200, &json!({})),
            (_, old)
                if [
                    "/traces",
                    "/observations",
                    "/sessions",
                    "/scores",
                    "/v2/scores",
                    "/metrics",
                    "/spans",
                    "/generations",
                    "/events",
                ]
                .iter()
                .any(|gone| old == *gone || old.starts_with(&format!("{gone}/"))) =>
            {
                legacy::gone()
            }
            _ => Reply::text(404, "Not Found"),
        }
    }
}

pub(crate) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
