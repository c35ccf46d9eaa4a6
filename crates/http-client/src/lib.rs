//! Records the calls of an HTTP client to model providers: one generation a call, below the current span.
//!
//! [`ModelCalls`] is a middleware for `reqwest` (feature `reqwest`, by `reqwest-middleware`) and a `tower` layer for
//! clients (feature `tower`). Requests that call no model pass unchanged.
//!
#![cfg_attr(feature = "reqwest", doc = "```no_run")]
#![cfg_attr(not(feature = "reqwest"), doc = "```ignore")]
//! use reqwest_middleware::ClientBuilder;
//! use tracefuse_http_client::ModelCalls;
//!
//! let client = ClientBuilder::new(reqwest::Client::new()).with(ModelCalls::new()).build();
//! # drop(client);
//! ```
//!
//! # What is recorded
//! * **Which calls**: a table of hosts and paths ([`Route`]) has the APIs of OpenAI, Anthropic, Gemini, Ollama and Cohere,
//!   and of the providers that have OpenAI's API. [`ModelCalls::route`] adds yours.
//! * **Name and type**: `chat gpt-4o`, the operation and the model that is asked. Chat, completions, images, transcriptions
//!   and speech are generations; embeddings have their own type; ranking is a retriever.
//! * **Request**: model, parameters, messages and tools.
//! * **Response**, whole or streamed: model, usage, stated cost, finish reason, output, error; of a stream also the time
//!   to the first token. The readers are those of [`Span::record_openai`](tracefuse_core::Span::record_openai) and of
//!   [`ObserveStream`](tracefuse_core::ObserveStream). OpenAI's streams state usage only if the request asks for it
//!   (`stream_options: {"include_usage": true}`); the request is never changed.
//! * **Errors**: the status with the error of the body, and errors of the client. Each attempt of a retry is a generation
//!   if the retry is outside of this layer; from the second on it has the metadata `attempt`.
//! * **A body that is dropped early** ends the generation as cancelled, with what had arrived.
//!
//! # Which calls the table has
//! * **OpenAI's API**, on any host: `POST` to `../chat/completions`, `../v1/responses`, `../v1/completions`,
//!   `../v1/embeddings`, `../v1/images/..`, `../v1/audio/..`; of Azure without `/v1`.
//! * **Anthropic**: `../v1/messages` of its host, or with a header `anthropic-version`; on Vertex AI.
//! * **Gemini**, on any host: `..:generateContent`, `..:streamGenerateContent`, `..:embedContent`, `..:batchEmbedContents`.
//! * **Ollama**, on port 11434: `/api/chat`, `/api/generate`, `/api/embed`.
//! * **Cohere**, on its host: `/v2/chat`, `../embed`, `../rerank`.
//!
//! # What is not recorded
//! * **Headers and queries**, so that no key is recorded. Where an error quotes a key of the request, it is replaced.
//! * **Content**, if the tracer does not capture content: then model, parameters and usage only.
//! * **Bodies over 1 MiB** ([`ModelCalls::max_body`]), audio, pictures and files: their size and type. Of a large body the
//!   model and the usage are still read from its beginning and its end.
//! * **Compressed bodies**: this layer does not decompress. `reqwest` decompresses below it; in a `tower` stack put it
//!   outside of the layer that decompresses.
//! * **A call inside of a generation**: where the current span is a generation or an embedding (of a framework, of
//!   another layer, or started by you), the call belongs to it and is not recorded a second time. See
//!   [`ModelCalls::inside_generations`].
//! * **A call outside of any trace**, which the core counts in [`Stats::outside_trace`](tracefuse_core::Stats).
//!
//! # What it does to a call
//! Bytes pass as they are, each as soon as it arrives: nothing waits, no error is added, and no body is kept beyond its
//! limit. `traceparent` is sent to the hosts that you name and to no other ([`ModelCalls::inject_to`]).

#![forbid(unsafe_code)]
#![cfg_attr(docsrs, feature(doc_cfg))]
#![cfg_attr(
    not(test),
    deny(
        clippy::unwrap_used,
        clippy::expect_used,
        clippy::indexing_slicing,
        clippy::panic
    )
)]
#![cfg_attr(
    not(any(feature = "reqwest", feature = "tower")),
    expect(dead_code, reason = "without a feature there is no client")
)]

mod asked;
mod attempts;
mod body;
mod call;
mod capture;
mod folding;
mod form;
mod frames;
mod future;
mod head;
mod language;
mod model_calls;
mod operation;
mod parameters;
mod providers;
mod reading;
mod request;
mod request_body;
mod request_input;
mod routes;
mod secrets;
mod table;
mod target;

#[cfg(feature = "reqwest")]
mod reqwest;
#[cfg(feature = "tower")]
mod response_future;
#[cfg(feature = "tower")]
mod tower;

#[cfg(feature = "tower")]
#[cfg_attr(docsrs, doc(cfg(feature = "tower")))]
pub use body::ResponseBody;
pub use language::Language;
pub use model_calls::ModelCalls;
pub use operation::Operation;
pub use request_body::RequestBody;
#[cfg(feature = "tower")]
#[cfg_attr(docsrs, doc(cfg(feature = "tower")))]
pub use response_future::ResponseFuture;
pub use routes::Route;
#[cfg(feature = "tower")]
#[cfg_attr(docsrs, doc(cfg(feature = "tower")))]
pub use tower::Recorded;
