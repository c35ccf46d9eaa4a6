//! The server: its thread, its connections, and which endpoint answers.
//! Started by tests and by the program; hyper serves, `faults` where a scenario says so.

use std::collections::BTreeMap;
use std::convert::Infallible;
use std::io;
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;

use base64::Engine as _;
use bytes::Bytes;
use http_body_util::{BodyExt as _, Full, Limited};
use hyper::body::Incoming as Body;
use hyper::service::service_fn;
use hyper::{Request, Response};
use hyper_util::rt::TokioIo;
use serde_json::{Value, json};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio::sync::watch;

use crate::answers::{Incoming, Reply};
use crate::mapping::Observation;
use crate::scenario::{Action, How, Scenario};
use crate::store::{Delivery, ReceivedRequest, Store};
use crate::tls::{Identity, Tls, identity};
use crate::{decode, faults, legacy, otlp, read};

/// A running server; it stops when this is dropped.
pub struct MockLangfuse {
    shared: Arc<Shared>,
    phase: watch::Sender<Phase>,
    thread: Option<JoinHandle<()>>,
    address: SocketAddr,
    scheme: &'static str,
    ca_pem: Option<String>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Phase {
    Serving,
    /// Nobody listens: connections are refused.
    Paused,
    Stopped,
}

/// Settings of a [`MockLangfuse`].
#[derive(Clone, Debug)]
#[must_use = "a builder does nothing until `start`"]
pub struct Builder {
    public_key: String,
    secret_key: String,
    port: u16,
    max_body: usize,
    max_inflated: usize,
    scenario: Scenario,
    tls: Option<Tls>,
}

pub(crate) struct Shared {
    public_key: String,
    secret_key: String,
    pub(crate) authorization: String,
    pub(crate) max_inflated: usize,
    max_body: usize,
    store: Mutex<Store>,
    changed: Condvar,
    scenario: Mutex<Scenario>,
    poison: Mutex<Option<String>>,
}

impl MockLangfuse {
    /// A server on a free port of loopback, with made-up keys.
    ///
    /// # Panics
    /// If no port can be had: a test cannot go on without one.
    #[must_use]
    pub fn start() -> Self {
        match Self::builder().start() {
            Ok(server) => server,
            Err(error) => panic!("mock-langfuse cannot start: {error}"),
        }
    }

    /// A server with settings.
    pub fn builder() -> Builder {
        Builder {
            public_key: "pk-lf-mock".into(),
            secret_key: "sk-lf-mock".into(),
            port: 0,
            max_body: 32 << 20,
            max_inflated: 64 << 20,
            scenario: Scenario::default(),
            tls: None,
        }
    }

    /// Its address, such as `http://127.0.0.1:43210`.
    #[must_use]
    pub fn url(&self) -> String {
        format!("{}://{}", self.scheme, self.address)
    }

    /// The public key it accepts.
    #[must_use]
    pub fn public_key(&self) -> &str {
        &self.shared.public_key
    }

    /// The secret key it accepts.
    #[must_use]
    pub fn secret_key(&self) -> &str {
        &self.shared.secret_key
    }

    /// PEM of the authority that signed its certificate, if it speaks TLS.
    #[must_use]
    pub fn ca_pem(&self) -> Option<&str> {
        self.ca_pem.as_deref()
    }

    /// The rows it stores, in the order they arrived. A span that is sent twice is there twice, as on the real server.
    #[must_use]
    pub fn observations(&self) -> Vec<Observation> {
        self.shared.lock().observations.clone()
    }

    /// Ids of its traces, by their first row.
    #[must_use]
    pub fn trace_ids(&self) -> Vec<String> {
        self.shared.lock().trace_ids()
    }

    /// A trace as text: names, indented by two spaces per level, siblings by start time.
    #[must_use]
    pub fn tree(&self, trace_id: &str) -> String {
        self.shared.lock().tree(trace_id)
    }

    /// All traces as text, see [`tree`](Self::tree).
    #[must_use]
    pub fn trees(&self) -> String {
        let store = self.shared.lock();
        store.trace_ids().iter().map(|id| store.tree(id)).collect()
    }

    /// The requests that arrived whole.
    #[must_use]
    pub fn requests(&self) -> Vec<ReceivedRequest> {
        self.shared.lock().requests.clone()
    }

    /// By span id, how often it arrived and was acknowledged.
    #[must_use]
    pub fn deliveries(&self) -> BTreeMap<String, Delivery> {
        self.shared.lock().deliveries.clone()
    }

    /// The scores it stores.
    #[must_use]
    pub fn scores(&self) -> Vec<Value> {
        self.shared.lock().scores.clone()
    }

    /// Forgets everything.
    pub fn clear(&self) {
        *self.shared.lock() = Store::default();
    }

    /// What is done with the requests that come from now on.
    pub fn set_scenario(&self, scenario: Scenario) {
        *lock(&self.shared.scenario) = scenario;
    }

    /// Refuses connections until [`resume`](Self::resume); those that are open end.
    pub fn pause(&self) {
        self.phase.send_replace(Phase::Paused);
    }

    /// Listens again, on the same port.
    pub fn resume(&self) {
        self.phase.send_replace(Phase::Serving);
    }

    /// Waits until a condition holds, for at most `within`; whether it does.
    pub fn wait_for(&self, condition: impl Fn(&Self) -> bool, within: Duration) -> bool {
        // Checked without the lock, since the condition takes it; woken by every change.
        let clock = std::time::Instant::now();
        while !condition(self) {
            let Some(left) = within.checked_sub(clock.elapsed()) else {
                return false;
            };
            let store = self.shared.lock();
            let seen = store.requests.len();
            let wait = left.min(Duration::from_millis(50));
            let _ = self
                .shared
                .changed
                .wait_timeout_while(store, wait, |store| store.requests.len() == seen);
        }
        true
    }
}

impl Builder {
    /// The keys it accepts.
    pub fn keys(mut self, public_key: &str, secret_key: &str) -> Self {
        (self.public_key, self.secret_key) = (public_key.to_owned(), secret_key.to_owned());
        self
    }

    /// A fixed port; a free one by default.
    pub fn port(mut self, port: u16) -> Self {
        self.port = port;
        self
    }

    /// The largest body it reads, compressed; 32 MiB by default, and twice that once it is decompressed.
    pub fn max_body(mut self, bytes: usize) -> Self {
        self.max_body = bytes;
        self.max_inflated = bytes.saturating_mul(2);
        self
    }

    /// What is done with the requests that come.
    pub fn scenario(mut self, scenario: Scenario) -> Self {
        self.scenario = scenario;
        self
    }

    /// TLS, good or bad.
    pub fn tls(mut self, tls: Tls) -> Self {
        self.tls = Some(tls);
        self
    }

    /// Starts it.
    ///
    /// # Errors
    /// If the port, the thread or the certificate cannot be had.
    pub fn start(self) -> io::Result<MockLangfuse> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, self.port))?;
        let address = listener.local_addr()?;
        let identity = match self.tls {
            None | Some(Tls::PlainHttp | Tls::Hang) => None,
            Some(tls) => Some(identity(tls).map_err(|error| io::Error::other(error.to_string()))?),
        };
        let credentials = format!("{}:{}", self.public_key, self.secret_key);
        let shared = Arc::new(Shared {
            authorization: format!(
                "Basic {}",
                base64::engine::general_purpose::STANDARD.encode(credentials)
            ),
            public_key: self.public_key,
            secret_key: self.secret_key,
            max_inflated: self.max_inflated,
            max_body: self.max_body,
            store: Mutex::default(),
            changed: Condvar::new(),
            scenario: Mutex::new(self.scenario),
            poison: Mutex::default(),
        });
        let (phase, phases) = watch::channel(Phase::Serving);
        let ca_pem = identity.as_ref().map(|identity| identity.ca_pem.clone());
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()?;
        let (theirs, hang) = (shared.clone(), self.tls == Some(Tls::Hang));
        let thread = std::thread::Builder::new()
            .name("mock-langfuse".into())
            .spawn(move || {
                runtime.block_on(serve(theirs, listener, address, identity, hang, phases));
                runtime.shutdown_background();
            })?;
        let scheme = if self.tls.is_some() { "https" } else { "http" };
        Ok(MockLangfuse {
            shared,
            phase,
            thread: Some(thread),
            address,
            scheme,
            ca_pem,
        })
    }
}

impl Drop for MockLangfuse {
    fn drop(&mut self) {
        self.phase.send_replace(Phase::Stopped);
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

impl std::fmt::Debug for MockLangfuse {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("MockLangfuse")
            .field("url", &self.url())
            .finish_non_exhaustive()
    }
}

async fn serve(
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
                    let acceptor = identity.as_ref().map(|identity| identity.acceptor.clone());
                    connections.spawn(connection(shared.clone(), stream, acceptor, hang));
                }
                Either::Left(Err(_)) => {}
                Either::Right(_) => break,
            }
            while connections.try_join_next().is_some() {}
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
    let headers = head
        .headers
        .iter()
        .map(|(name, value)| (name.as_str().to_owned(), text(value)))
        .collect();
    let target = head
        .uri
        .path_and_query()
        .map(ToString::to_string)
        .unwrap_or_default();
    let reply = match Limited::new(body, shared.max_body).collect().await {
        Ok(body) => shared.answer(
            &Incoming::new(head.method.as_str(), &target, headers, body.to_bytes()),
            true,
            true,
        ),
        Err(_) => Reply::text(413, "Body exceeds the limit of this server"),
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
        if !allowed_host(request.header("host")) {
            return Reply::text(403, "this server answers on loopback only");
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
            ("PUT", "") if path.starts_with("/mock/upload/") => {
                return Reply::json(200, &json!({}));
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
        match (request.method.as_str(), endpoint) {
            ("POST", "/ingestion") => legacy::ingestion(self, request),
            ("POST", "/scores") => legacy::post_score(self, request),
            ("POST", "/media") => legacy::post_media(self, request),
            ("PATCH", media) if media.starts_with("/media/") => Reply::json(200, &json!({})),
            ("GET", "/projects") => legacy::projects(),
            ("GET", "/v2/observations") => read::observations(self, request),
            ("GET", "/v3/scores") => read::scores(self, request),
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

/// A page in a browser must not reach this server through a name that points to loopback (DNS rebinding).
fn allowed_host(host: Option<&str>) -> bool {
    let Some(host) = host else { return false };
    let name = host.rsplit_once(':').map_or(host, |(name, port)| {
        if port.bytes().all(|b| b.is_ascii_digit()) {
            name
        } else {
            host
        }
    });
    matches!(name, "localhost" | "127.0.0.1" | "[::1]")
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
