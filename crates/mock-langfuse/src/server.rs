//! Connections: accepted, given to hyper or, while a scenario has steps, to `faults`.
//! Run by `handle` on its thread; what is answered is decided by `router`.

use std::convert::Infallible;
use std::net::{SocketAddr, TcpListener};
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http_body_util::{BodyExt as _, Full, Limited};
use hyper::body::{Body as _, Incoming as Body};
use hyper::service::service_fn;
use hyper::{Request, Response};
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio::sync::watch;

use crate::action::Action;
use crate::answers::Incoming;
use crate::cut::How;
use crate::reply::{Reply, headers};
use crate::state::{Phase, Shared};
use crate::tls::Identity;
use crate::{faults, router};

/// Connections served at once.
const MAX_CONNECTIONS: usize = 64;

/// Listens and serves until the phase is `Stopped`.
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
        let phase = *phases.borrow_and_update();
        if phase != Phase::Serving {
            first = None;
            shared.note_phase(phase);
            if phase == Phase::Stopped || phases.changed().await.is_err() {
                return;
            }
            continue;
        }
        let listener = match first.take() {
            Some(listener) => Ok(listener),
            None => TcpListener::bind(address),
        };
        let Ok(listener) = listener.and_then(listening) else {
            // While it was paused another program may have taken the port, for example for a connection.
            tokio::time::sleep(Duration::from_millis(10)).await;
            continue;
        };
        shared.note_phase(Phase::Serving);
        // Dropped when the phase changes, which closes the connections.
        let mut connections = tokio::task::JoinSet::new();
        loop {
            let accepted = std::pin::pin!(listener.accept());
            let changed = std::pin::pin!(phases.changed());
            match race(accepted, changed).await {
                Either::Left(Ok((stream, _))) => {
                    while connections.try_join_next().is_some() {}
                    // One more is closed at once.
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

fn listening(listener: TcpListener) -> std::io::Result<tokio::net::TcpListener> {
    listener.set_nonblocking(true)?;
    tokio::net::TcpListener::from_std(listener)
}

enum Either<A, B> {
    Left(A),
    Right(B),
}

/// The one that is ready first.
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
        shared.set_bad_span(action.bad_span.clone());
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
    // The rest of a body that is announced too large is not read.
    let announced = body.size_hint().lower() > shared.max_body as u64;
    let body = match announced {
        true => None,
        false => Limited::new(body, shared.max_body).collect().await.ok(),
    };
    let reply = match body {
        Some(body) => {
            let body = body.to_bytes();
            let request = Incoming::new(head.method.as_str(), &target, headers, body);
            router::answer(shared, &request, true, true)
        }
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
