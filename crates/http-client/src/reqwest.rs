//! The middleware for `reqwest-middleware`.
//! Called by its clients for each request; a body that is a stream is looked at as it is sent.

use std::error::Error;

use http::Extensions;
use reqwest::{Body, Request, Response, ResponseBuilderExt as _, Url};
use reqwest_middleware::{Middleware, Next, Result};

use crate::body::ResponseBody;
use crate::call::Call;
use crate::capture::Capture;
use crate::future::Sending;
use crate::head::Head;
use crate::model_calls::ModelCalls;
use crate::reading::Reading;
use crate::request_body::RequestBody;

#[async_trait::async_trait]
impl Middleware for ModelCalls {
    async fn handle(
        &self,
        mut request: Request,
        extensions: &mut Extensions,
        next: Next<'_>,
    ) -> Result<Response> {
        let call = begin(self, &mut request);
        let (response, call) = Sending::new(next.run(request, extensions), call).await;
        match (response, call) {
            (response, None) => response,
            (Ok(response), Some(call)) => Ok(watched(response, call)),
            (Err(error), Some(call)) => {
                let kind = match &error {
                    reqwest_middleware::Error::Middleware(_) => "reqwest_middleware::Error",
                    reqwest_middleware::Error::Reqwest(_) => "reqwest::Error",
                };
                call.fail(kind, &text(&error));
                Err(error)
            }
        }
    }
}

fn begin(calls: &ModelCalls, request: &mut Request) -> Option<Box<Call>> {
    let call = calls.begin(&head(request));
    let (host, port) = (host(request.url()).to_owned(), port(request.url()));
    let span = call.as_ref().map(|call| &call.span);
    calls.inject(span, &host, port, request.headers_mut());
    let call = call?;
    match request.body().map(Body::as_bytes) {
        None => call.sent.lock().complete = true,
        Some(Some(bytes)) => *call.sent.lock() = Capture::of(bytes, calls.max_kept()),
        // A form with files, or a body that the application streams.
        Some(None) => {
            if let Some(body) = request.body_mut().take() {
                let body = RequestBody::new(body, Some(call.sent.clone()));
                *request.body_mut() = Some(Body::wrap(body));
            }
        }
    }
    Some(call)
}

fn head(request: &Request) -> Head<'_> {
    let url = request.url();
    Head {
        method: request.method(),
        host: host(url),
        port: port(url),
        path: url.path(),
        query: url.query(),
        user: [url.username(), url.password().unwrap_or_default()],
        headers: request.headers(),
    }
}

fn host(url: &Url) -> &str {
    url.host_str().unwrap_or_default()
}

fn port(url: &Url) -> u16 {
    url.port_or_known_default().unwrap_or_default()
}

/// The response with a body that is looked at. Everything else is as it was.
fn watched(response: Response, call: Box<Call>) -> Response {
    let url = response.url().clone();
    let (mut parts, body) = http::Response::<Body>::from(response).into_parts();
    // The address of a response is one of its extensions while it is none of reqwest's.
    if let Ok(addressed) = http::Response::builder().url(url).body(()) {
        parts.extensions.extend(addressed.into_parts().0.extensions);
    }
    let size = http_body::Body::size_hint(&body).exact();
    let reading = Reading::new(call, parts.status, &parts.headers, size);
    let body = ResponseBody::new(body, Some(reading), |error: &reqwest::Error| text(error));
    http::Response::from_parts(parts, Body::wrap(body)).into()
}

/// The text of an error and of its sources.
fn text(error: &dyn Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    for _ in 0..16 {
        let Some(error) = source else { break };
        let message = error.to_string();
        if !text.contains(&message) {
            text.push_str(": ");
            text.push_str(&message);
        }
        source = error.source();
    }
    text
}
