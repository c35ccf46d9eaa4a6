//! Sends requests one after the other to the receiver, through our own HTTP client.
//! Run by `forward` beside the server.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use anyhow::Context as _;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use tracefuse_http::{AnswerClass, Endpoint, Headers, HttpClient, HttpConfig, HttpRequest, Secret};

use super::queue::Queue;
use crate::args::Forward;
use crate::spooled;

/// The first pause after a failure; it doubles up to [`LONGEST_PAUSE`].
const PAUSE: Duration = Duration::from_millis(500);
const LONGEST_PAUSE: Duration = Duration::from_secs(30);

pub(super) struct Sender {
    client: HttpClient,
    pub(super) endpoint: Endpoint,
    headers: Headers,
    secret: Secret,
}

impl Sender {
    pub(super) fn new(forward: &Forward) -> anyhow::Result<Self> {
        let mut url = forward.to.trim_end_matches('/').to_owned();
        if !url.ends_with("/v1/traces") {
            url.push_str("/api/public/otel/v1/traces");
        }
        let endpoint = Endpoint::parse(&url).context("cannot read --to")?;
        let client = HttpClient::new(&HttpConfig::new())?;
        let mut headers = Headers::new();
        let mut secret = Secret::new("");
        if let (Some(public), Some(key)) = (&forward.to_public_key, &forward.to_secret_key) {
            let keys = STANDARD.encode(format!("{public}:{key}"));
            secret = Secret::new(format!("Basic {keys}"));
            headers.insert_secret("authorization", &secret)?;
            headers.insert("x-langfuse-ingestion-version", "4")?;
            if client.check_credentials_for(&endpoint).is_err() {
                anyhow::bail!(
                    "{} would receive the keys in clear text: give --to an address with https",
                    endpoint.origin()
                );
            }
        }
        Ok(Self {
            client,
            endpoint,
            headers,
            secret,
        })
    }

    /// Sends one request after the other, and tries one again until it was taken or refused for good.
    pub(super) async fn run(&self, queue: &Arc<Queue>) {
        let mut pause = PAUSE;
        loop {
            let next = match queue.next().await {
                Ok(Some(next)) => next,
                Ok(None) => {
                    queue.arrival().await;
                    continue;
                }
                Err(error) => {
                    warn!("tracefuse: cannot read what is to be forwarded: {error}");
                    tokio::time::sleep(LONGEST_PAUSE).await;
                    continue;
                }
            };
            // A file of an earlier run may have several.
            let (mut sent, mut refused, mut failed) = (0, 0, None);
            for payload in &next.payloads {
                match self.send(payload).await {
                    Ok(true) => sent += 1,
                    Ok(false) => refused += 1,
                    Err(error) => {
                        failed = Some(error);
                        break;
                    }
                }
            }
            let done = match failed {
                None => {
                    pause = PAUSE;
                    queue.sent.fetch_add(sent, Ordering::Relaxed);
                    queue.refused.fetch_add(refused, Ordering::Relaxed);
                    queue.acknowledge(next.id).await
                }
                Some(error) => {
                    warn!("tracefuse: not forwarded yet: {error}");
                    let deferred = queue.defer(next.id).await;
                    tokio::time::sleep(pause).await;
                    pause = (pause * 2).min(LONGEST_PAUSE);
                    deferred
                }
            };
            if let Err(error) = done {
                warn!("tracefuse: {error}");
            }
        }
    }

    /// Whether the receiver has it, or refused it for good; `Err` if it is worth trying again.
    async fn send(&self, payload: &[u8]) -> Result<bool, String> {
        let Some((body, content_type)) = spooled::as_request(payload) else {
            warn!("tracefuse: a file on disk is no request of this program and is dropped");
            return Ok(false);
        };
        let request = HttpRequest::post(self.endpoint.clone())
            .headers(self.headers.clone())
            .body(content_type, Bytes::copy_from_slice(body))
            .gzip(1);
        let answer = self
            .client
            .send(&request)
            .await
            .map_err(|error| error.to_string())?;
        match answer.class() {
            AnswerClass::Success => Ok(true),
            AnswerClass::BadRequest | AnswerClass::TooLarge | AnswerClass::Refused => {
                let said = answer.describe(&[&self.secret]);
                warn!(
                    "tracefuse: {} refuses a request, which is dropped: {said}",
                    self.endpoint.origin()
                );
                Ok(false)
            }
            _ => Err(answer.describe(&[&self.secret])),
        }
    }
}
