//! Clients of async-openai, rig and genai whose model calls are recorded below them, at the HTTP client, or by their spans.
//! Used by the tests `http_client` and `genai`.

use std::time::Duration;

use async_openai::Client;
use async_openai::config::OpenAIConfig;
use async_openai::error::OpenAIError;
use async_openai::middleware::HttpRequestFactory;
use async_openai::middleware::retry::OpenAIRetryLayer;
use bytes::Bytes;
use futures::{TryFutureExt as _, TryStreamExt as _};
use genai::adapter::AdapterKind;
use genai::resolver::{AuthData, Endpoint, ServiceTargetResolver};
use genai::{ModelIden, ServiceTarget};
use http::{Request, Response};
use reqwest_middleware::{ClientBuilder, ClientWithMiddleware};
use rig::agent::Agent;
use rig::http_client::{Error, HttpClientExt, LazyBody, MultipartForm, Result, StreamingResponse};
use rig::providers::openai::OpenAIConfig as RigConfig;
use tower::{ServiceBuilder, service_fn};
use tracefuse_http_client::ModelCalls;

use crate::agent::of_model;

/// reqwest with the layer.
#[must_use]
pub fn recorded_client() -> ClientWithMiddleware {
    let client = ClientBuilder::new(reqwest::Client::new());
    client.with(ModelCalls::new()).build()
}

/// async-openai over reqwest with the layer. Its retries are outside of the layer, so each attempt is recorded.
#[must_use]
pub fn recorded_openai(url: &str) -> Client<OpenAIConfig> {
    let http = recorded_client();
    let send = service_fn(move |request: HttpRequestFactory| {
        let http = http.clone();
        async move {
            let response = http.execute(request.build().await?).await;
            response.map_err(|error| match error {
                reqwest_middleware::Error::Reqwest(error) => OpenAIError::Reqwest(error),
                error => OpenAIError::Boxed(error.into()),
            })
        }
    });
    let service = ServiceBuilder::new()
        .timeout(Duration::from_secs(60))
        .layer(OpenAIRetryLayer::default())
        .service(send);
    let config = OpenAIConfig::new().with_api_base(url);
    Client::with_config(config.with_api_key("sk-test")).with_http_service(service)
}

/// What `rig::reqwest::ReqwestMiddlewareClient` does, without its feature, which brings a TLS stack.
#[derive(Clone, Debug)]
pub struct RigHttp(pub ClientWithMiddleware);

impl RigHttp {
    async fn call(self, request: Request<Bytes>) -> Result<reqwest::Response> {
        let request = reqwest::Request::try_from(request).map_err(Error::instance)?;
        let response = self.0.execute(request).map_err(Error::instance).await?;
        if response.status().is_success() {
            return Ok(response);
        }
        let (status, headers) = (response.status(), response.headers().clone());
        let body = response.text().await.unwrap_or_default();
        Err(Error::non_success_with_details(status, headers, body))
    }
}

impl HttpClientExt for RigHttp {
    fn send<T, U>(
        &self,
        request: Request<T>,
    ) -> impl Future<Output = Result<Response<LazyBody<U>>>> + Send + 'static
    where
        T: Into<Bytes> + Send,
        U: From<Bytes> + Send + 'static,
    {
        let call = self.clone().call(request.map(Into::into));
        async move {
            let (parts, body) = http::Response::<reqwest::Body>::from(call.await?).into_parts();
            let response = reqwest::Response::from(http::Response::new(body));
            let body = async move {
                let bytes = response.bytes().await.map_err(Error::instance)?;
                Ok(U::from(bytes))
            };
            let body: LazyBody<U> = Box::pin(body);
            Ok(Response::from_parts(parts, body))
        }
    }

    fn send_multipart<U>(
        &self,
        _: Request<MultipartForm>,
    ) -> impl Future<Output = Result<Response<LazyBody<U>>>> + Send + 'static
    where
        U: From<Bytes> + Send + 'static,
    {
        let refused = std::io::Error::other("the tests send no forms");
        std::future::ready(Err(Error::instance(refused)))
    }

    async fn send_streaming<T>(&self, request: Request<T>) -> Result<StreamingResponse>
    where
        T: Into<Bytes> + Send,
    {
        let response = self.clone().call(request.map(Into::into)).await?;
        let (parts, body) = http::Response::<reqwest::Body>::from(response).into_parts();
        let chunks = reqwest::Response::from(http::Response::new(body)).bytes_stream();
        let chunks = chunks.map_err(Error::instance);
        Ok(Response::from_parts(parts, Box::pin(chunks)))
    }
}

/// The agent of rig over an HTTP client that is given.
#[must_use]
pub fn agent_over(url: &str, http: RigHttp) -> Agent {
    of_model(RigConfig::new("sk-test").with_base_url(url).connect(http))
}

/// genai, which takes a client of reqwest without middleware.
///
/// # Errors
/// If the client cannot be built.
pub fn genai_client(url: &str) -> genai::Result<genai::Client> {
    let endpoint = Endpoint::from_owned(format!("{url}/"));
    let resolver = ServiceTargetResolver::from_resolver_fn(
        move |target: ServiceTarget| -> std::result::Result<_, genai::resolver::Error> {
            let model = ModelIden::new(AdapterKind::OpenAI, target.model.model_name);
            let auth = AuthData::from_single("sk-test");
            Ok(ServiceTarget {
                endpoint: endpoint.clone(),
                auth,
                model,
            })
        },
    );
    genai::Client::builder()
        .with_reqwest(reqwest::Client::new())
        .with_service_target_resolver(resolver)
        .build()
}
