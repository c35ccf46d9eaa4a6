//! Exports metrics by OTLP over HTTP: at an interval, at a flush, and at the shutdown.
//! Started by the builder, on a thread of `tracefuse-runtime`. A failed export is counted and logged, and not repeated: the
//! next one has the same numbers and newer ones.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError, Weak, mpsc as blocking};
use std::time::Duration;

use tokio::sync::{mpsc, oneshot};
use tokio::time::{Instant, sleep, timeout};
use tracefuse_core::Clock;
use tracefuse_core::bridge::{is_suppressed, suppress_thread};
use tracefuse_http::{
    AnswerClass, Endpoint, Headers, HttpClient, HttpConfig, HttpErrorKind, HttpRequest, Secret,
};
use tracefuse_runtime::{metrics_failed, metrics_recovered, spawn_on_thread};

use crate::collect::{Picture, Value};
use crate::encode::{Window, request};
use crate::error::MetricsError;
use crate::instrument::{self as i, Kind};
use crate::metrics::Shared;

/// Settings of the export of metrics. The default is a collector on this machine, `http://localhost:4318`, once a minute.
///
/// ```
/// use std::time::Duration;
/// use tracefuse_metrics::OtlpMetricsConfig;
///
/// let config = OtlpMetricsConfig::new("https://otlp.example.com")
///     .header("x-api-key", "secret")
///     .interval(Duration::from_secs(30));
/// assert!(!format!("{config:?}").contains("secret"));
/// ```
#[derive(Clone)]
#[non_exhaustive]
pub struct OtlpMetricsConfig {
    /// Full address for metrics.
    pub endpoint: String,
    /// Headers of every request, by name.
    pub headers: Vec<(String, String)>,
    /// Whether requests are compressed with gzip; no by default, as the specification has it.
    pub gzip: bool,
    /// Time between two exports; 60 s by default, as the specification has it; 100 ms to 1 h.
    pub interval: Duration,
    /// Whether an export has what was counted since the last one (delta temporality); no by default: it has what was
    /// counted since the process began (cumulative temporality).
    pub delta: bool,
    /// Timeouts, certificate authorities, proxies.
    pub http: HttpConfig,
}

impl OtlpMetricsConfig {
    /// A backend by its base address; `/v1/metrics` is appended (`OTEL_EXPORTER_OTLP_ENDPOINT`).
    pub fn new(base: impl AsRef<str>) -> Self {
        let base = base.as_ref().trim_end_matches('/');
        Self::metrics_endpoint(format!("{base}/v1/metrics"))
    }

    /// A backend by its full address for metrics (`OTEL_EXPORTER_OTLP_METRICS_ENDPOINT`).
    pub fn metrics_endpoint(address: impl Into<String>) -> Self {
        Self {
            endpoint: address.into(),
            headers: Vec::new(),
            gzip: false,
            interval: Duration::from_secs(60),
            delta: false,
            http: HttpConfig::default(),
        }
    }

    /// Adds a header to every request.
    #[must_use]
    pub fn header(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        self.headers.push((name.into(), value.into()));
        self
    }

    /// Whether requests are compressed with gzip.
    #[must_use]
    pub fn gzip(mut self, gzip: bool) -> Self {
        self.gzip = gzip;
        self
    }

    /// Time between two exports: 100 ms to 1 h.
    #[must_use]
    pub fn interval(mut self, interval: Duration) -> Self {
        self.interval = interval;
        self
    }

    /// Whether an export has what was counted since the last one that was taken, as Datadog and Dynatrace want it.
    #[must_use]
    pub fn delta(mut self, delta: bool) -> Self {
        self.delta = delta;
        self
    }

    /// Timeouts, certificate authorities, proxies.
    #[must_use]
    pub fn http(mut self, http: HttpConfig) -> Self {
        self.http = http;
        self
    }
}

impl Default for OtlpMetricsConfig {
    fn default() -> Self {
        Self::new("http://localhost:4318")
    }
}

impl fmt::Debug for OtlpMetricsConfig {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Addresses and header values often contain credentials.
        let names: Vec<&str> = self.headers.iter().map(|(name, _)| &**name).collect();
        f.debug_struct("OtlpMetricsConfig")
            .field("headers", &names)
            .field("gzip", &self.gzip)
            .field("interval", &self.interval)
            .field("delta", &self.delta)
            .field("http", &self.http)
            .finish_non_exhaustive()
    }
}

/// Asks the worker for an export now.
struct Command {
    within: Duration,
    close: bool,
    done: Box<dyn FnOnce() + Send>,
}

/// What `Metrics` has of the export.
pub(crate) struct Push {
    commands: mpsc::UnboundedSender<Command>,
    counts: Arc<Counts>,
}

/// Data points by what became of them.
#[derive(Default)]
struct Counts {
    exported: AtomicU64,
    failed: Mutex<BTreeMap<String, u64>>,
}

impl Counts {
    fn fail(&self, reason: &str, points: u64) {
        if points > 0 {
            let mut failed = self.failed.lock().unwrap_or_else(PoisonError::into_inner);
            *failed.entry(reason.to_owned()).or_default() += points;
        }
    }
}

impl Push {
    pub(crate) fn new(config: &OtlpMetricsConfig) -> Result<(Self, Worker), MetricsError> {
        let wrong =
            |what: &str, error: &dyn fmt::Display| MetricsError::new(format!("{what}: {error}"));
        if !(Duration::from_millis(100)..=Duration::from_secs(3600)).contains(&config.interval) {
            let message = format!(
                "`interval` is {:?}: expected 100 ms to 1 h",
                config.interval
            );
            return Err(MetricsError::new(message));
        }
        config
            .http
            .check()
            .map_err(|error| wrong("`http`", &error))?;
        let endpoint =
            Endpoint::parse(&config.endpoint).map_err(|error| wrong("`endpoint`", &error))?;
        let mut headers = Headers::new();
        let mut secrets = Vec::new();
        for (name, value) in &config.headers {
            let secret = Secret::new(value.clone());
            headers
                .insert_secret(name, &secret)
                .map_err(|error| wrong("`headers`", &error))?;
            secrets.push(secret);
        }
        let client = HttpClient::new(&config.http).map_err(|error| wrong("`http`", &error))?;
        if !secrets.is_empty() {
            let checked = client.check_credentials_for(&endpoint);
            checked.map_err(|error| wrong("`endpoint`", &error))?;
        }
        let (commands, asked) = mpsc::unbounded_channel();
        let counts = Arc::new(Counts::default());
        let worker = Worker {
            client,
            request: HttpRequest::post(endpoint).headers(headers),
            secrets,
            gzip: config.gzip,
            interval: config.interval,
            timeout: config.http.timeout,
            delta: config.delta,
            started: Clock::system().unix_nanos(),
            counts: counts.clone(),
            asked,
            last: None,
            failing: AtomicBool::new(false),
        };
        Ok((Self { commands, counts }, worker))
    }

    /// Waits for an export, for at most `within`. A thread that delivers does not wait: it could be the worker's own.
    pub(crate) fn flush(&self, within: Duration, close: bool) {
        let (done, answered) = blocking::sync_channel(1);
        let done = Box::new(move || {
            let _ = done.try_send(());
        });
        if self.ask(within, close, done) {
            // The worker keeps the limit; the rest is for a thread that gets no time on a busy machine.
            let _ = answered.recv_timeout(within.saturating_add(Duration::from_millis(500)));
        }
    }

    /// [`flush`](Self::flush) without blocking the thread, on any executor.
    pub(crate) async fn flush_async(&self, within: Duration, close: bool) {
        let (done, answered) = oneshot::channel();
        let done = Box::new(move || {
            let _ = done.send(());
        });
        if self.ask(within, close, done) {
            let _ = answered.await;
        }
    }

    fn ask(&self, within: Duration, close: bool, done: Box<dyn FnOnce() + Send>) -> bool {
        let command = Command {
            within,
            close,
            done,
        };
        // Fails once the export is closed.
        self.commands.send(command).is_ok() && !is_suppressed()
    }

    /// Adds what became of data points.
    pub(crate) fn add_to(&self, picture: &mut Picture) {
        let name = || {
            vec![
                (
                    "otel.component.name",
                    "otlp_http_metric_exporter/0".to_owned(),
                ),
                (
                    "otel.component.type",
                    "otlp_http_metric_exporter".to_owned(),
                ),
            ]
        };
        let exported = self.counts.exported.load(Ordering::Relaxed);
        picture.number(i::DATA_POINTS, name(), exported);
        let failed = self
            .counts
            .failed
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        for (reason, points) in &*failed {
            let mut labels = name();
            labels.insert(0, ("error.type", reason.clone()));
            picture.number(i::DATA_POINTS, labels, *points);
        }
    }
}

/// What the thread of the export has.
pub(crate) struct Worker {
    client: HttpClient,
    request: HttpRequest,
    secrets: Vec<Secret>,
    gzip: bool,
    interval: Duration,
    timeout: Duration,
    delta: bool,
    started: u64,
    counts: Arc<Counts>,
    asked: mpsc::UnboundedReceiver<Command>,
    /// What the receiver took last, and when it was read, for deltas.
    last: Option<(Picture, u64)>,
    failing: AtomicBool,
}

/// Why an export failed, for `error.type` and for the log.
struct Failure {
    reason: String,
    message: String,
}

impl Worker {
    /// Starts the thread. It ends when the export is closed, or with the last handle of the metrics.
    pub(crate) fn start(self, shared: Weak<Shared>) -> Result<(), MetricsError> {
        let running = spawn_on_thread(async move {
            suppress_thread();
            self.run(shared).await;
        });
        let failed = |error| {
            MetricsError::new(format!(
                "the thread that exports cannot be started: {error}"
            ))
        };
        running.map(drop).map_err(failed)
    }

    async fn run(mut self, shared: Weak<Shared>) {
        let mut next = Instant::now() + self.interval;
        let mut command = None;
        loop {
            if command.is_none() {
                match tokio::time::timeout_at(next, self.asked.recv()).await {
                    Ok(None) => return,
                    Ok(some) => command = some,
                    Err(_) => {}
                }
            }
            let Some(numbers) = shared.upgrade() else {
                return;
            };
            match command.take() {
                Some(Command {
                    within,
                    close,
                    done,
                }) => {
                    self.export(&numbers, within, close).await;
                    drop(numbers);
                    done();
                    if close {
                        return;
                    }
                }
                None => {
                    next = Instant::now() + self.interval;
                    // A flush does not wait for an export that began before it: its own has all the numbers.
                    let (limit, mut asked) = (self.timeout, closed());
                    std::mem::swap(&mut asked, &mut self.asked);
                    tokio::select! {
                        () = self.export(&numbers, limit, false) => {}
                        some = asked.recv() => match some {
                            None => return,
                            some => command = some,
                        }
                    }
                    self.asked = asked;
                }
            }
        }
    }

    /// Exports once, and at the end of the process again while there is time.
    async fn export(&mut self, shared: &Shared, within: Duration, close: bool) {
        const TRIES: u32 = 3;
        let deadline = Instant::now() + within;
        let picture = shared.picture();
        let resource = shared.resource();
        let end = Clock::system().unix_nanos();
        let start = match &self.last {
            Some((_, last)) if self.delta => *last,
            _ => self.started,
        };
        let window = Window {
            start,
            end,
            delta: self.delta,
        };
        let (body, points) = match &self.last {
            Some((last, _)) if self.delta => request(&picture.since(last), &resource, window),
            _ => request(&picture, &resource, window),
        };
        let mut request = self.request.clone().body("application/x-protobuf", body);
        if self.gzip {
            request = request.gzip(1);
        }
        let tries = if close { TRIES } else { 1 };
        let mut outcome = Err(too_late());
        for attempt in 0..tries {
            if attempt > 0 {
                sleep(Duration::from_millis(100 << attempt)).await;
            }
            let left = deadline.saturating_duration_since(Instant::now());
            if left.is_zero() {
                break;
            }
            let sent = timeout(left, self.send(&request)).await;
            outcome = sent.unwrap_or_else(|_| Err(too_late()));
            if outcome.is_ok() {
                break;
            }
        }
        match outcome {
            Ok(rejected) => {
                let rejected = rejected.min(points);
                self.counts
                    .exported
                    .fetch_add(points - rejected, Ordering::Relaxed);
                self.counts.fail("rejected", rejected);
                if self.delta {
                    self.last = Some((picture, end));
                }
                if self.failing.swap(false, Ordering::Relaxed) {
                    metrics_recovered(&self.request.endpoint().to_string());
                }
            }
            Err(failure) => {
                self.counts.fail(&failure.reason, points);
                if !self.failing.swap(true, Ordering::Relaxed) {
                    let endpoint = self.request.endpoint().to_string();
                    metrics_failed(&endpoint, &failure.message);
                }
            }
        }
    }

    /// How many data points the receiver rejected.
    async fn send(&self, request: &HttpRequest) -> Result<u64, Failure> {
        let answer = self.client.send(request).await.map_err(|error| Failure {
            reason: match error.kind() {
                HttpErrorKind::Timeout => "timeout".to_owned(),
                kind => format!("{kind:?}"),
            },
            message: error.to_string(),
        })?;
        if answer.class() == AnswerClass::Success {
            return Ok(rejected(answer.body()));
        }
        let secrets: Vec<&Secret> = self.secrets.iter().collect();
        Err(Failure {
            reason: answer.status().to_string(),
            message: answer.describe(&secrets),
        })
    }
}

fn too_late() -> Failure {
    Failure {
        reason: "timeout".to_owned(),
        message: "there was no time left for the export".to_owned(),
    }
}

/// A channel that nothing is sent on.
fn closed() -> mpsc::UnboundedReceiver<Command> {
    mpsc::unbounded_channel().1
}

impl Picture {
    /// What was counted since an earlier picture. What goes up and down stays as it is.
    fn since(&self, earlier: &Self) -> Self {
        let mut since = Self::default();
        for (name, family) in &self.0 {
            let counts = matches!(family.instrument.kind, Kind::Counter | Kind::Histogram);
            for (labels, value) in &family.points {
                let before = earlier
                    .0
                    .get(name)
                    .and_then(|family| family.points.get(labels));
                let value = match before.filter(|_| counts) {
                    Some(before) => less(value, before),
                    None => Some(value.clone()),
                };
                if let Some(value) = value {
                    since.add(family.instrument, labels.clone(), value);
                }
            }
        }
        since
    }
}

/// `None` if nothing was counted.
fn less(now: &Value, before: &Value) -> Option<Value> {
    match (now, before) {
        (Value::Number(now), Value::Number(before)) => {
            let more = now.saturating_sub(*before);
            (more > 0).then_some(Value::Number(more))
        }
        (
            Value::Distribution { counts, sum },
            Value::Distribution {
                counts: before,
                sum: sum_before,
            },
        ) => {
            let counts: Vec<u64> = counts
                .iter()
                .zip(before)
                .map(|(now, before)| now.saturating_sub(*before))
                .collect();
            let sum = (sum - sum_before).max(0.0);
            let any = counts.iter().any(|count| *count > 0);
            any.then_some(Value::Distribution { counts, sum })
        }
        _ => Some(now.clone()),
    }
}

/// `ExportMetricsServiceResponse.partial_success.rejected_data_points`; what cannot be read counts as nothing rejected.
fn rejected(body: &[u8]) -> u64 {
    let partial = field(body, 1).and_then(|(_, bytes)| bytes);
    let count = partial.and_then(|partial| field(partial, 1));
    count.map_or(0, |(number, _)| (number as i64).max(0) as u64)
}

/// A field of a message: its number, or its bytes.
fn field(mut rest: &[u8], wanted: u64) -> Option<(u64, Option<&[u8]>)> {
    loop {
        let tag = varint(&mut rest)?;
        let found = match tag & 7 {
            0 => (varint(&mut rest)?, None),
            1 => (0, Some(take(&mut rest, 8)?)),
            2 => {
                let length = usize::try_from(varint(&mut rest)?).ok()?;
                (0, Some(take(&mut rest, length)?))
            }
            5 => (0, Some(take(&mut rest, 4)?)),
            _ => return None,
        };
        if tag >> 3 == wanted {
            return Some(found);
        }
    }
}

fn varint(rest: &mut &[u8]) -> Option<u64> {
    let mut value = 0;
    for shift in (0..64).step_by(7) {
        let (byte, after) = rest.split_first()?;
        *rest = after;
        value |= u64::from(byte & 0x7f) << shift;
        if byte & 0x80 == 0 {
            return Some(value);
        }
    }
    None
}

fn take<'a>(rest: &mut &'a [u8], count: usize) -> Option<&'a [u8]> {
    let (taken, after) = rest.split_at_checked(count)?;
    *rest = after;
    Some(taken)
}
