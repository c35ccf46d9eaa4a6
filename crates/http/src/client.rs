//! Sends a request and reads its answer, within a time and within bounds.
//! Called by exporters. Knows no retry policy: a request is sent once, and once more only when a kept
//! connection is found closed.

#![cfg_attr(not(test), deny(clippy::arithmetic_side_effects))]

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use http::header::{HOST, PROXY_AUTHORIZATION, USER_AGENT};
use http::{HeaderValue, Request, Uri};
use http_body::Body;
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use tokio::time::timeout;

use super::answer::Answer;
use super::attempt::{Attempt, timed_out};
use super::body::read;
use super::config::HttpConfig;
use super::config_error::{HttpConfigError, plaintext_message};
use super::connect::connect;
use super::connection::{Connection, Key};
use super::endpoint::Endpoint;
use super::error::{HttpError, HttpErrorKind};
use super::explain::{explain, is_unanswered};
use super::pool::Pool;
use super::progress::Step;
use super::proxy::{Proxies, Route};
use super::request::HttpRequest;
use super::tls::Tls;
use super::upload::Upload;

/// Sends requests over HTTP/1.1 and keeps connections for the next one.
///
/// Cheap to clone; clones share their connections. It must be polled inside a tokio runtime with
/// time and network enabled, whose tasks drive the connections: it starts none. Dropping a
/// future of [`HttpClient::send`] cuts its connection.
///
/// ```
/// use tracefuse_http::{HttpClient, HttpConfig};
///
/// let client = HttpClient::new(&HttpConfig::new()).unwrap();
/// # drop(client);
/// ```
#[derive(Clone)]
pub struct HttpClient {
    shared: Arc<Shared>,
    pool: Pool,
}

struct Shared {
    timeout: Duration,
    connect_timeout: Duration,
    allow_plaintext_http: bool,
    user_agent: HeaderValue,
    proxies: Proxies,
    tls: Tls,
}

impl HttpClient {
    /// A client that has opened no connection yet. Reads the CA file; the system's roots are read
    /// when the first `https` request needs them.
    ///
    /// # Errors
    /// When a time is outside of its range, or the CA file, a proxy's URL or the user agent cannot be used.
    pub fn new(config: &HttpConfig) -> Result<Self, HttpConfigError> {
        config.check()?;
        let user_agent =
            HeaderValue::from_str(&config.user_agent).map_err(|_| HttpConfigError::UserAgent)?;
        Ok(Self {
            shared: Arc::new(Shared {
                timeout: config.timeout,
                connect_timeout: config.connect_timeout,
                allow_plaintext_http: config.allow_plaintext_http,
                user_agent,
                proxies: Proxies::new(&config.proxy)?,
                tls: Tls::new(config.ca_file.as_deref())?,
            }),
            pool: Pool::new(config.pool_idle_timeout),
        })
    }

    /// Whether credentials may be sent to `endpoint`, for an exporter to ask when it is built.
    ///
    /// # Errors
    /// [`HttpConfigError::PlaintextCredentials`] when they would cross the network in clear text.
    pub fn check_credentials_for(&self, endpoint: &Endpoint) -> Result<(), HttpConfigError> {
        if endpoint.is_tls() || endpoint.is_loopback() || self.shared.allow_plaintext_http {
            return Ok(());
        }
        Err(HttpConfigError::PlaintextCredentials(endpoint.origin()))
    }

    /// Sends `request` and reads the whole answer, whatever its status.
    ///
    /// When a connection kept from an earlier request turns out to be closed, the request is sent
    /// once more at once over a new one, within the same time.
    ///
    /// # Errors
    /// When no whole answer came: see [`HttpErrorKind`].
    pub async fn send(&self, request: &HttpRequest) -> Result<Answer, HttpError> {
        let endpoint = &request.endpoint;
        if request.headers.has_credentials() && self.check_credentials_for(endpoint).is_err() {
            let message = plaintext_message(&endpoint.origin());
            return Err(HttpError::new(HttpErrorKind::PlaintextCredentials, message));
        }
        let limit = request.timeout.unwrap_or(self.shared.timeout);
        let attempt = Attempt::default();
        let failed = match timeout(limit, self.attempt(request, &attempt)).await {
            Ok(Ok(answer)) => return Ok(answer),
            Ok(Err(error)) => error,
            Err(_) => timed_out(endpoint, limit, &attempt),
        };
        let failed = failed.with_delivery(attempt.taken.load(Ordering::Relaxed));
        Err(match attempt.status.load(Ordering::Relaxed) {
            0 => failed,
            status => failed.with_status(status),
        })
    }

    async fn attempt(&self, request: &HttpRequest, attempt: &Attempt) -> Result<Answer, HttpError> {
        let route = self.shared.proxies.route(&request.endpoint);
        let key = Key::new(&request.endpoint);
        if let Some(connection) = self.pool.take(&key) {
            match self
                .exchange(connection, request, &route, &key, attempt)
                .await
            {
                Err(Failure::Unanswered(_)) => self.pool.forget(&key),
                Err(Failure::Final(error)) => return Err(error),
                Ok(answer) => return Ok(answer),
            }
        }
        let connection = self.connect(&request.endpoint, &route, attempt).await?;
        match self
            .exchange(connection, request, &route, &key, attempt)
            .await
        {
            Ok(answer) => Ok(answer),
            Err(Failure::Unanswered(error) | Failure::Final(error)) => Err(error),
        }
    }

    async fn connect(
        &self,
        endpoint: &Endpoint,
        route: &Route,
        attempt: &Attempt,
    ) -> Result<Connection, HttpError> {
        let limit = self.shared.connect_timeout;
        let connecting = connect(endpoint, route, &self.shared.tls, &attempt.progress);
        let stream = match timeout(limit, connecting).await {
            Ok(stream) => stream?,
            Err(_) => return Err(timed_out(endpoint, limit, attempt)),
        };
        let (sender, connection) = http1::Builder::new()
            .max_buf_size(BUFFER_BYTES)
            .handshake(TokioIo::new(stream))
            .await
            .map_err(|error| explain(endpoint, error))?;
        // The driver's error reaches the request that waits for it; without one it is dropped.
        let driver = tokio::spawn(async move { drop(connection.await) });
        Ok(Connection::new(sender, driver.abort_handle()))
    }

    async fn exchange(
        &self,
        mut connection: Connection,
        request: &HttpRequest,
        route: &Route,
        key: &Key,
        attempt: &Attempt,
    ) -> Result<Answer, Failure> {
        let endpoint = &request.endpoint;
        let message = self
            .shared
            .message(request, route, attempt)
            .map_err(|error| {
                let text = format!("no request to {} can be written", endpoint.origin());
                Failure::Final(HttpError::new(HttpErrorKind::InvalidRequest, text).caused_by(error))
            })?;

        attempt.progress.reached(Step::Send);
        let without_body = message.body().is_end_stream();
        let sent = connection.sender.try_send_request(message);
        if without_body {
            // Without a body nothing notes when it is sent: it counts as sent unless hyper returns it.
            attempt.taken.store(true, Ordering::Relaxed);
        }
        let response = match sent.await {
            Ok(response) => response,
            Err(mut error) => {
                // A request that comes back was never written.
                let unsent = error.take_message().is_some();
                if without_body && unsent {
                    attempt.taken.store(false, Ordering::Relaxed);
                }
                let error = error.into_error();
                let unanswered = unsent || is_unanswered(&error);
                let error = explain(endpoint, error);
                return Err(match unanswered {
                    true => Failure::Unanswered(error),
                    false => Failure::Final(error),
                });
            }
        };
        let status = response.status();
        attempt.status.store(status.as_u16(), Ordering::Relaxed);
        if let (Route::Forward(proxy), 407) = (route, status.as_u16()) {
            return Err(Failure::Final(proxy.credentials_refused()));
        }

        attempt.progress.reached(Step::Read);
        let (head, body) = response.into_parts();
        let body = read(endpoint, body, request.max_answer_bytes).await;
        let body = body.map_err(Failure::Final)?;
        let answer = Answer::new(endpoint.origin(), status, &head.headers, body);

        // An early answer to a request that is still being sent leaves the connection unusable.
        let all_sent = attempt.taken.load(Ordering::Relaxed);
        if all_sent && let Ok(Ok(())) = timeout(SETTLING, connection.sender.ready()).await {
            self.pool.put(key.clone(), connection);
        }
        Ok(answer)
    }
}

impl fmt::Debug for HttpClient {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("HttpClient")
            .field("timeout", &self.shared.timeout)
            .field("connect_timeout", &self.shared.connect_timeout)
            .field("tls", &self.shared.tls)
            .field("pool", &self.pool)
            .finish_non_exhaustive()
    }
}

impl Shared {
    fn message(
        &self,
        request: &HttpRequest,
        route: &Route,
        attempt: &Attempt,
    ) -> Result<Request<Upload>, http::Error> {
        let endpoint = &request.endpoint;
        let mut headers = request.header_map();
        headers.insert(HOST, HeaderValue::from_str(endpoint.authority())?);
        headers.insert(USER_AGENT, self.user_agent.clone());
        let target = match route {
            Route::Direct | Route::Tunnel(_) => Uri::from(endpoint.path_and_query()?),
            Route::Forward(proxy) => {
                if let Some(credentials) = &proxy.credentials {
                    headers.insert(PROXY_AUTHORIZATION, credentials.clone());
                }
                endpoint.absolute()?
            }
        };
        let body = Upload::new(request.body.clone(), Arc::clone(&attempt.taken));
        let mut message = Request::new(body);
        *message.method_mut() = request.method.clone();
        *message.uri_mut() = target;
        *message.headers_mut() = headers;
        Ok(message)
    }
}

enum Failure {
    /// The connection ended before a byte of an answer: a pooled connection had been closed by the server.
    Unanswered(HttpError),
    Final(HttpError),
}

/// What is read of an answer's head, and what is written ahead of the socket: small, so that a body
/// counts as written only when nearly all of it has left.
const BUFFER_BYTES: usize = 64 * 1024;

/// A connection is ready one turn of its task after the end of an answer.
const SETTLING: Duration = Duration::from_millis(50);
