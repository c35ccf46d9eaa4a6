//! One attempt: connect, send, read the answer, within one limit.
//! Called by exporters; hyper does the protocol, `connect` and `tls` the way there.

use std::fmt;
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use http::header::{HOST, USER_AGENT};
use http::{HeaderValue, Request};
use http_body::{Body, Frame, SizeHint};
use http_body_util::{BodyExt as _, Limited};
use hyper_rustls::HttpsConnector;
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::client::proxy::matcher::Matcher;
use hyper_util::rt::{TokioExecutor, TokioTimer};
use rustls::pki_types::CertificateDer;

use super::answer::Answer;
use super::config::{HttpConfig, HttpConfigError};
use super::connect::Connect;
use super::error::{HttpError, HttpErrorKind};
use super::request::HttpRequest;
use super::tls;

/// What is read of an answer.
const MAX_ANSWER: usize = 1024 * 1024;
/// Shorter than the idle limit of common servers (5 s in Node), so that a kept connection is rarely one they just closed.
const IDLE: Duration = Duration::from_secs(4);

type Inner = Client<HttpsConnector<Connect>, OnceBody>;

/// An HTTP/1.1 client with kept connections. Runs on the tokio runtime that polls it.
pub struct HttpClient {
    config: HttpConfig,
    user_agent: HeaderValue,
    authorities: Vec<CertificateDer<'static>>,
    /// Built at the first request: reading the system's certificates takes tens of milliseconds.
    inner: Mutex<Option<Inner>>,
}

impl HttpClient {
    /// A client with these settings; the file of authorities is read now.
    ///
    /// # Errors
    /// If that file cannot be used, or a setting cannot stand in a header.
    pub fn new(config: HttpConfig) -> Result<Self, HttpConfigError> {
        let authorities = config
            .ca_file
            .as_deref()
            .map(tls::read_authorities)
            .transpose()?
            .unwrap_or_default();
        let user_agent = HeaderValue::from_str(&config.user_agent);
        let user_agent = user_agent
            .map_err(|_| HttpConfigError::new("`user_agent` cannot stand in a header"))?;
        Ok(Self {
            config,
            user_agent,
            authorities,
            inner: Mutex::new(None),
        })
    }

    /// Sends a request once and reads its answer. A kept connection that the server had closed before
    /// anything was sent costs no attempt: hyper opens another. Redirects are answers like others.
    ///
    /// # Errors
    /// If there is no answer within the limit.
    pub async fn send(&self, request: HttpRequest) -> Result<Answer, HttpError> {
        let origin = request.endpoint.origin();
        let sent = Arc::new(AtomicBool::new(false));
        let attempt = self.attempt(request, sent.clone());
        match tokio::time::timeout(self.config.timeout, attempt).await {
            Ok(result) => result,
            Err(_) => Err(HttpError::new(
                HttpErrorKind::Timeout,
                origin,
                sent.load(Ordering::Relaxed),
            )),
        }
    }

    async fn attempt(
        &self,
        request: HttpRequest,
        sent: Arc<AtomicBool>,
    ) -> Result<Answer, HttpError> {
        let origin = request.endpoint.origin();
        let failed = |error: Box<dyn std::error::Error + Send + Sync>| {
            HttpError::of(error, origin.clone(), sent.load(Ordering::Relaxed))
        };
        let body = OnceBody {
            data: Some(request.body),
            sent: sent.clone(),
        };
        let mut message = Request::new(body);
        *message.method_mut() = request.method;
        *message.uri_mut() = request.endpoint.uri().clone();
        *message.headers_mut() = request.headers;
        message
            .headers_mut()
            .insert(USER_AGENT, self.user_agent.clone());
        debug_assert!(
            !message.headers().contains_key(HOST),
            "hyper sets it from the address"
        );
        let client = self.client().map_err(|error| failed(error.into()))?;
        let response = client
            .request(message)
            .await
            .map_err(|error| failed(error.into()))?;
        let (head, body) = response.into_parts();
        let body = Limited::new(body, MAX_ANSWER)
            .collect()
            .await
            .map_err(failed)?
            .to_bytes();
        Ok(Answer::new(head.status.as_u16(), &head.headers, body))
    }

    fn client(&self) -> Result<Inner, HttpConfigError> {
        let mut inner = self.inner.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(client) = &*inner {
            return Ok(client.clone());
        }
        let mut direct = HttpConnector::new();
        direct.enforce_http(false);
        direct.set_nodelay(true);
        direct.set_connect_timeout(Some(self.config.connect_timeout));
        let proxy = &self.config.proxy;
        let text = |value: &Option<String>| value.clone().unwrap_or_default();
        let proxies = Matcher::builder()
            .http(text(&proxy.http))
            .https(text(&proxy.https))
            .no(text(&proxy.no_proxy))
            .build();
        let config = tls::client_config(&self.authorities)?;
        let connector = HttpsConnector::from((Connect::new(direct, proxies), config));
        let client = Client::builder(TokioExecutor::new())
            .pool_timer(TokioTimer::new())
            .pool_idle_timeout(IDLE)
            .pool_max_idle_per_host(4)
            .http1_max_buf_size(256 * 1024)
            .build(connector);
        *inner = Some(client.clone());
        Ok(client)
    }
}

impl fmt::Debug for HttpClient {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("HttpClient")
            .field("config", &self.config)
            .finish_non_exhaustive()
    }
}

/// A body in one piece that notes when it has been handed over whole: from then on it may have arrived.
struct OnceBody {
    data: Option<Bytes>,
    sent: Arc<AtomicBool>,
}

impl Body for OnceBody {
    type Data = Bytes;
    type Error = std::convert::Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, std::convert::Infallible>>> {
        let data = self.data.take();
        self.sent.store(true, Ordering::Relaxed);
        Poll::Ready(
            data.filter(|data| !data.is_empty())
                .map(|data| Ok(Frame::data(data))),
        )
    }

    fn is_end_stream(&self) -> bool {
        self.data.as_ref().is_none_or(Bytes::is_empty)
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::with_exact(self.data.as_ref().map_or(0, Bytes::len) as u64)
    }
}
