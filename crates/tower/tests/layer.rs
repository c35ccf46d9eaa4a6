//! The layer below axum, over sockets: when a trace ends, and what it is called.
#![expect(
    clippy::disallowed_methods,
    reason = "tests are applications: they have runtimes"
)]

use std::convert::Infallible;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::extract::Path;
use axum::http::{HeaderMap, StatusCode};
use axum::response::Response;
use axum::routing::{get, post};
use bytes::Bytes;
use futures::{SinkExt as _, StreamExt as _, channel::mpsc};
use http_body::{Body as _, Frame};
use http_body_util::{BodyExt as _, Full, StreamBody};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tower_layer::Layer as _;
use tower_service::Service as _;
use tracefuse_core::record::{SpanRecord, StatusCode as Outcome};
use tracefuse_core::testing::Recorder;
use tracefuse_core::{Level, ObserveStream as _, Span, Trace, Tracer};
use tracefuse_tower::{TraceLayer, inject_current, matched_route};

/// The span of this name, once it has ended: the server may end it after its client has the response.
async fn ended(recorder: &Recorder, name: &str) -> SpanRecord {
    let ended = tokio::time::timeout(Duration::from_secs(30), recorder.ended(name)).await;
    ended.unwrap_or_else(|_| panic!("no span {name} among {:?}", recorder.names()))
}

fn tracer() -> (Tracer, Recorder) {
    let recorder = Recorder::new();
    (recorder.tracer(), recorder)
}

fn metadata(span: &SpanRecord, key: &str) -> Option<String> {
    let found = span.metadata().find(|(known, _)| *known == key);
    found.map(|(_, value)| value.to_string())
}

fn output(span: &SpanRecord) -> Option<String> {
    span.output().map(|value| value.to_string())
}

/// Serves `app` and gives its address.
async fn serve(app: Router) -> std::net::SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async { axum::serve(listener, app).await.unwrap() });
    address
}

async fn request(address: std::net::SocketAddr, head: &str) -> TcpStream {
    let mut client = TcpStream::connect(address).await.unwrap();
    let request =
        format!("{head} HTTP/1.1\r\nhost: x\r\nconnection: close\r\ncontent-length: 0\r\n\r\n");
    client.write_all(request.as_bytes()).await.unwrap();
    client
}

async fn answer(address: std::net::SocketAddr, head: &str) -> String {
    let mut text = String::new();
    request(address, head)
        .await
        .read_to_string(&mut text)
        .await
        .unwrap();
    text
}

#[tokio::test]
async fn a_trace_ends_with_its_streamed_body() {
    let (tracer, kept) = tracer();
    let (to, from) = mpsc::channel::<&'static str>(1);
    let from = Arc::new(Mutex::new(Some(from)));
    let handler = {
        let from = from.clone();
        move || async move {
            let generation = Trace::current().generation("answer").start();
            let stream = from
                .lock()
                .unwrap()
                .take()
                .unwrap()
                .observed(generation)
                .text();
            let stream = stream.map(|piece| {
                // Current while the body is polled: the end of an answer tags its trace.
                Trace::current().add_tag("streamed");
                Span::current().set_output(piece);
                Ok::<_, Infallible>(piece)
            });
            Body::from_stream(stream)
        }
    };
    let app = Router::new()
        .route("/chats/{id}", post(handler))
        .layer(TraceLayer::new(tracer.clone()));
    let mut client = request(serve(app).await, "POST /chats/7").await;
    let mut to = to;
    to.send("one").await.unwrap();
    let mut read = [0; 4096];
    let mut text = String::new();
    while !text.contains("one") {
        let count = client.read(&mut read).await.unwrap();
        text.push_str(std::str::from_utf8(&read[..count]).unwrap());
    }
    assert_eq!(
        kept.names(),
        [""; 0],
        "the headers are sent, and the trace is open"
    );
    assert_eq!(tracer.stats().open, 2);
    to.send("two").await.unwrap();
    drop(to);
    client.read_to_string(&mut text).await.unwrap();
    assert!(text.contains("two"));
    let root = ended(&kept, "POST /chats/{id}").await;
    let generation = ended(&kept, "answer").await;
    assert_eq!(kept.names(), ["answer", "POST /chats/{id}"]);
    assert_eq!(generation.parent_span_id(), Some(root.span_id()));
    assert!(root.end_time() >= generation.end_time());
    assert_eq!(output(&generation).as_deref(), Some("onetwo"));
    assert_eq!(
        (root.trace().tags.clone(), output(&root)),
        (vec!["streamed".to_owned()], Some("two".to_owned()))
    );
    assert_eq!(
        (root.level(), metadata(&root, "http.route").as_deref()),
        (None, Some("/chats/{id}"))
    );
    assert_eq!(metadata(&root, "url.path").as_deref(), Some("/chats/7"));
    assert_eq!(
        metadata(&root, "http.response.status_code").as_deref(),
        Some("200")
    );
}

#[tokio::test]
async fn a_client_that_goes_away_cancels_the_trace() {
    let (tracer, kept) = tracer();
    let handler = || async {
        let pieces = futures::stream::repeat_with(|| Ok::<_, Infallible>("piece ".repeat(1000)));
        let generation = Trace::current().generation("answer").start();
        Body::from_stream(pieces.observed(generation))
    };
    let waits = || async { std::future::pending::<&'static str>().await };
    let app = Router::new()
        .route("/stream", get(handler))
        .route("/waits", get(waits))
        .layer(TraceLayer::new(tracer));
    let address = serve(app).await;
    let mut client = request(address, "GET /stream").await;
    client.read_exact(&mut [0; 1000]).await.unwrap();
    drop(client);
    for name in ["GET /stream", "answer"] {
        let span = ended(&kept, name).await;
        assert_eq!(span.level(), Some(Level::Warning), "{name}");
        assert!(
            span.status_message().unwrap().starts_with("cancelled: "),
            "{name}"
        );
    }
    // A future that is dropped before it has answered, as a server does for a client that is gone.
    let (tracer, kept) = self::tracer();
    let mut service = TraceLayer::new(tracer).layer(tower_fn());
    drop(service.call(http::Request::new("never")));
    let span = ended(&kept, "GET").await;
    assert!(
        span.status_message()
            .unwrap()
            .contains("before it answered")
    );
    assert_eq!(span.level(), Some(Level::Warning));
}

/// A service whose answer is the request's body; `never` and `panic` do what they say.
#[derive(Clone)]
struct Echo;

fn tower_fn() -> Echo {
    Echo
}

impl tower_service::Service<http::Request<&'static str>> for Echo {
    type Response = http::Response<Full<Bytes>>;
    type Error = String;
    type Future = std::pin::Pin<Box<dyn Future<Output = Result<Self::Response, String>> + Send>>;

    fn poll_ready(
        &mut self,
        _: &mut std::task::Context<'_>,
    ) -> std::task::Poll<Result<(), String>> {
        std::task::Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: http::Request<&'static str>) -> Self::Future {
        let body = request.into_body();
        Span::current().record_event("called");
        Box::pin(async move {
            match body {
                "never" => std::future::pending().await,
                "panic" => panic!("boom"),
                "error" => Err("no".to_owned()),
                body => Ok(http::Response::new(Full::from(body))),
            }
        })
    }
}

#[tokio::test]
async fn errors_and_panics_of_the_service_are_recorded() {
    let (tracer, kept) = tracer();
    let layer =
        TraceLayer::new(tracer).name(|request| request.uri.path().trim_matches('/').to_owned());
    let mut service = layer.layer(tower_fn());
    let mut call = |path: &str, body| {
        let mut request = http::Request::new(body);
        *request.uri_mut() = path.parse().unwrap();
        service.call(request)
    };
    assert_eq!(call("/error", "error").await.unwrap_err(), "no");
    let panicked = tokio::spawn(call("/panic", "panic")).await;
    assert!(panicked.is_err());
    for (name, message) in [("error", "the service failed: no"), ("panic", "boom")] {
        let span = ended(&kept, name).await;
        assert_eq!(
            (span.level(), span.status()),
            (Some(Level::Error), Outcome::Error),
            "{name}"
        );
        assert!(span.status_message().unwrap().contains(message), "{name}");
        assert_eq!(
            span.events().count(),
            1,
            "current when it was called: {name}"
        );
    }
}

#[tokio::test]
async fn bodies_keep_their_size_hints_and_trailers() {
    let (tracer, kept) = tracer();
    let mut service = TraceLayer::new(tracer.clone()).layer(tower_fn());
    let response = service.call(http::Request::new("hello")).await.unwrap();
    assert_eq!(response.body().size_hint().exact(), Some(5));
    assert_eq!(kept.names(), [""; 0]);
    let mut body = response.into_body();
    // A server takes the one frame and drops the body.
    let frame = body.frame().await.unwrap().unwrap();
    assert_eq!(frame.into_data().unwrap(), "hello");
    drop(body);
    assert_eq!(ended(&kept, "GET").await.level(), None);
    // An empty body ends at once.
    let (tracer, kept) = self::tracer();
    let mut service = TraceLayer::new(tracer).layer(tower_fn());
    let response = service.call(http::Request::new("")).await.unwrap();
    assert!(response.body().is_end_stream());
    assert_eq!(kept.names(), ["GET"]);

    let (tracer, kept) = self::tracer();
    let service = tower_service_fn();
    let mut service = TraceLayer::new(tracer).layer(service);
    let response = service.call(http::Request::new(())).await.unwrap();
    let collected = response.into_body().collect().await.unwrap();
    assert_eq!(collected.trailers().unwrap()["grpc-status"], "0");
    assert_eq!(collected.to_bytes(), "ab");
    assert_eq!(ended(&kept, "GET").await.level(), None);
}

type Frames = futures::stream::Iter<std::vec::IntoIter<Result<Frame<Bytes>, String>>>;

#[derive(Clone)]
struct Trailers;

fn tower_service_fn() -> Trailers {
    Trailers
}

impl tower_service::Service<http::Request<()>> for Trailers {
    type Response = http::Response<StreamBody<Frames>>;
    type Error = Infallible;
    type Future = std::future::Ready<Result<Self::Response, Infallible>>;

    fn poll_ready(
        &mut self,
        _: &mut std::task::Context<'_>,
    ) -> std::task::Poll<Result<(), Infallible>> {
        std::task::Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: http::Request<()>) -> Self::Future {
        let last = if request.uri().path() == "/broken" {
            Err("the model hung up".to_owned())
        } else {
            let mut trailers = HeaderMap::new();
            trailers.insert("grpc-status", "0".parse().unwrap());
            Ok(Frame::trailers(trailers))
        };
        let data = |text: &'static str| Ok(Frame::data(Bytes::from_static(text.as_bytes())));
        let frames = vec![data("a"), data("b"), last];
        std::future::ready(Ok(http::Response::new(StreamBody::new(
            futures::stream::iter(frames),
        ))))
    }
}

#[tokio::test]
async fn an_error_of_the_body_is_recorded_once() {
    let (tracer, kept) = tracer();
    let mut service = TraceLayer::new(tracer).layer(tower_service_fn());
    let mut request = http::Request::new(());
    *request.uri_mut() = "/broken".parse().unwrap();
    let body = service.call(request).await.unwrap().into_body();
    assert_eq!(body.collect().await.unwrap_err(), "the model hung up");
    let span = ended(&kept, "GET").await;
    assert_eq!(
        (span.level(), span.exceptions().count()),
        (Some(Level::Error), 1)
    );
    assert!(
        span.status_message()
            .unwrap()
            .ends_with("the response's body failed: the model hung up")
    );
    assert_eq!(kept.names(), ["GET"]);
}

#[tokio::test]
async fn a_trace_whose_body_fails_ends_after_the_spans_in_it() {
    let (tracer, kept) = tracer();
    let handler = || async {
        let generation = Trace::current().generation("answer").start();
        let pieces = [Ok("one"), Err(std::io::Error::other("reset"))];
        let pieces = futures::stream::iter(pieces)
            .try_observed(generation)
            .text();
        Body::from_stream(pieces)
    };
    let app = Router::new()
        .route("/chat", post(handler))
        .layer(TraceLayer::new(tracer));
    let mut client = request(serve(app).await, "POST /chat").await;
    // The connection ends in the middle.
    let _ = client.read_to_end(&mut Vec::new()).await;
    let (root, answer) = (ended(&kept, "POST /chat").await, kept.named("answer"));
    assert_eq!(kept.names(), ["answer", "POST /chat"]);
    assert!(root.end_time() >= answer.end_time());
    assert_eq!(
        (root.level(), answer.level()),
        (Some(Level::Error), Some(Level::Error))
    );
    assert_eq!(output(&answer).as_deref(), Some("one"));
}

#[tokio::test]
async fn requests_are_named_by_route_and_left_out_by_filter() {
    let (tracer, kept) = tracer();
    let inner = tracer.clone();
    let health = move || {
        let inner = inner.clone();
        async move {
            // Below a request that is left out nothing is recorded, and no trace begins by itself.
            assert!(!tracefuse_core::bridge::is_outside_trace(&Span::current()));
            Span::current().span("check").run(|_| {});
            assert_eq!(inner.stats().outside_trace, 0);
            let mut headers = HeaderMap::new();
            inject_current(&mut headers);
            headers
                .get("traceparent")
                .map(|value| value.to_str().unwrap().to_owned())
                .unwrap_or_default()
        }
    };
    let fails = || async { StatusCode::BAD_GATEWAY };
    let nested = Router::new().route("/users/{id}", get(|Path(id): Path<String>| async { id }));
    let layer = TraceLayer::new(tracer)
        .filter(|request| matched_route(request) != Some("/health"))
        .filter(|request| matched_route(request).is_some());
    let app = Router::new()
        .route("/health", get(health))
        .route("/fails", get(fails))
        .nest("/api", nested)
        .layer(layer);
    let address = serve(app).await;
    let parent = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
    let health = answer(
        address,
        &format!("GET /health HTTP/1.1\r\ntraceparent: {parent}\r\nx: y\r\n\r\nGET /health"),
    )
    .await;
    assert!(
        health.contains(parent),
        "the caller's context is forwarded: {health}"
    );
    assert!(
        answer(address, "GET /no/such/path")
            .await
            .starts_with("HTTP/1.1 404")
    );
    assert!(answer(address, "GET /api/users/42").await.ends_with("42"));
    assert!(
        answer(address, "GET /fails")
            .await
            .starts_with("HTTP/1.1 502")
    );
    let user = ended(&kept, "GET /api/users/{id}").await;
    assert_eq!(
        metadata(&user, "url.path").as_deref(),
        Some("/api/users/42")
    );
    let failed = ended(&kept, "GET /fails").await;
    assert_eq!(
        (
            failed.level(),
            metadata(&failed, "http.response.status_code").as_deref()
        ),
        (Some(Level::Error), Some("502"))
    );
    assert_eq!(kept.names(), ["GET /api/users/{id}", "GET /fails"]);
}

#[tokio::test]
async fn answers_without_a_body_and_of_known_size_are_complete() {
    let (tracer, kept) = tracer();
    let big = || async { Response::new(Body::from("x".repeat(300_000))) };
    let json = || async { ([("content-type", "application/json")], "{}") };
    let app = Router::new()
        .route("/big", get(big))
        .route("/json", get(json))
        .route("/none", get(|| async { StatusCode::NO_CONTENT }))
        .layer(TraceLayer::new(tracer));
    let address = serve(app).await;
    assert!(answer(address, "GET /big").await.len() > 300_000);
    assert!(
        answer(address, "HEAD /json")
            .await
            .contains("content-length: 2")
    );
    assert!(
        answer(address, "GET /none")
            .await
            .starts_with("HTTP/1.1 204")
    );
    assert!(answer(address, "GET /json").await.ends_with("{}"));
    for name in ["GET /big", "HEAD /json", "GET /none", "GET /json"] {
        let span = ended(&kept, name).await;
        assert_eq!(
            (span.level(), span.status_message()),
            (None, None),
            "{name}"
        );
    }
}
