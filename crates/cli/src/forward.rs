//! `tracefuse forward`: each body of OTLP that was stored is sent to another receiver too, byte for byte. It waits on disk, in
//! a spool, until the receiver has answered. The next process sends what an earlier one left there.

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use anyhow::Context as _;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use tokio::sync::Notify;
use tracefuse_core::Clock;
use tracefuse_http::{AnswerClass, Endpoint, Headers, HttpClient, HttpConfig, HttpRequest, Secret};
use tracefuse_server::Tee;
use tracefuse_spool::{Spool, SpoolConfig};

use crate::args::Forward;
use crate::{place, view};

/// The first pause after a failure; it doubles up to [`LONGEST_PAUSE`].
const PAUSE: Duration = Duration::from_millis(500);
const LONGEST_PAUSE: Duration = Duration::from_secs(30);
/// How long the program sends at its end.
const LAST_SENDS: Duration = Duration::from_secs(5);

pub(crate) fn run(store: Option<PathBuf>, forward: Forward) -> anyhow::Result<()> {
    let spool = match &forward.spool {
        Some(directory) => directory.clone(),
        None => place::store(store.clone())?.with_extension("forward"),
    };
    let queue = Arc::new(Queue::open(&spool, &forward.to)?);
    let sender = Sender::new(&forward)?;
    let waiting = queue.waiting();
    say!("Everything goes on to {}", sender.endpoint.origin());
    if waiting > 0 {
        say!("{waiting} requests of an earlier run are sent first");
    }
    let tee: Tee = {
        let queue = queue.clone();
        Arc::new(move |body, content_type| queue.put(body, content_type))
    };
    view::runtime()?.block_on(async {
        let sending = tokio::spawn({
            let queue = queue.clone();
            async move { sender.run(&queue).await }
        });
        let served = view::serve_until_stopped(store, forward.serve, Some(tee)).await;
        // What is left stays on disk.
        let _ = tokio::time::timeout(LAST_SENDS, queue.emptied()).await;
        sending.abort();
        let left = queue.waiting();
        if left > 0 {
            say!("{left} requests wait on disk for the next run");
        }
        served
    })
}

/// Requests that have not been answered yet, on disk.
struct Queue {
    spool: Mutex<Spool>,
    clock: Clock,
    arrived: Notify,
    sent: Notify,
}

impl Queue {
    fn open(directory: &Path, to: &str) -> anyhow::Result<Self> {
        let clock = Clock::system();
        let config = SpoolConfig::new(directory).destination(to);
        let (spool, _) = Spool::open(config, now(&clock))
            .with_context(|| format!("cannot keep requests in {}", directory.display()))?;
        Ok(Self {
            spool: Mutex::new(spool),
            clock,
            arrived: Notify::new(),
            sent: Notify::new(),
        })
    }

    fn with<R>(&self, act: impl FnOnce(&mut Spool, u64) -> R) -> R {
        let mut spool = self.spool.lock().unwrap_or_else(PoisonError::into_inner);
        act(&mut spool, now(&self.clock))
    }

    /// Called for each body, before its sender is answered.
    fn put(&self, body: &Bytes, content_type: &str) {
        let mut payload = Vec::with_capacity(body.len() + 1);
        payload.push(u8::from(content_type.contains("json")));
        payload.extend_from_slice(body);
        let put = self.with(|spool, now| spool.append(&payload, now).and_then(|()| spool.seal()));
        if let Err(error) = put {
            warn!("tracefuse: a request is stored but cannot be sent on: {error}");
        }
        self.arrived.notify_one();
    }

    fn waiting(&self) -> u64 {
        self.with(|spool, _| spool.stats().frames)
    }

    async fn emptied(&self) {
        while self.waiting() > 0 {
            let sent = self.sent.notified();
            if self.waiting() == 0 {
                return;
            }
            sent.await;
        }
    }
}

struct Sender {
    client: HttpClient,
    endpoint: Endpoint,
    headers: Headers,
    secret: Secret,
}

impl Sender {
    fn new(forward: &Forward) -> anyhow::Result<Self> {
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
            client.check_credentials_for(&endpoint)?;
        }
        Ok(Self {
            client,
            endpoint,
            headers,
            secret,
        })
    }

    /// Sends one request after the other, and tries one again until it was taken or refused for good.
    async fn run(&self, queue: &Queue) {
        let mut pause = PAUSE;
        loop {
            let next = match queue.with(|spool, now| spool.next(now)) {
                Ok(Some(next)) => next,
                Ok(None) => {
                    queue.arrived.notified().await;
                    continue;
                }
                Err(error) => {
                    warn!("tracefuse: cannot read what is to be sent on: {error}");
                    tokio::time::sleep(LONGEST_PAUSE).await;
                    continue;
                }
            };
            // A file of an earlier run may have several.
            let mut failed = None;
            for payload in &next.payloads {
                if let Err(error) = self.send(payload).await {
                    failed = Some(error);
                    break;
                }
            }
            match failed {
                None => {
                    pause = PAUSE;
                    if let Err(error) = queue.with(|spool, _| spool.acknowledge(next.id)) {
                        warn!("tracefuse: {error}");
                    }
                    queue.sent.notify_waiters();
                }
                Some(error) => {
                    warn!("tracefuse: not sent on yet: {error}");
                    queue.with(|spool, _| spool.defer(next.id));
                    tokio::time::sleep(pause).await;
                    pause = (pause * 2).min(LONGEST_PAUSE);
                }
            }
        }
    }

    /// `Err` if the request should be sent again. A request that is refused finally is reported and removed.
    async fn send(&self, payload: &[u8]) -> Result<(), String> {
        let Some((is_json, body)) = payload.split_first() else {
            return Ok(());
        };
        let content_type = if *is_json == 1 {
            "application/json"
        } else {
            "application/x-protobuf"
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
            AnswerClass::Success => Ok(()),
            AnswerClass::BadRequest | AnswerClass::TooLarge | AnswerClass::Refused => {
                let said = answer.describe(&[&self.secret]);
                warn!(
                    "tracefuse: {} refuses a request, it is given up: {said}",
                    self.endpoint.origin()
                );
                Ok(())
            }
            _ => Err(answer.describe(&[&self.secret])),
        }
    }
}

fn now(clock: &Clock) -> u64 {
    clock.unix_nanos() / 1_000_000
}
