//! The public handle of a server: its end, what it saw, and what tests change while it runs. `builder` starts it.
//! Used by tests and by the program.

mod builder;

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::{Arc, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;

use serde_json::Value;
use tokio::sync::watch;

use crate::arrivals::{Arrival, Delivery, Media, ReceivedRequest};
use crate::mapping::Observation;
use crate::scenario::Scenario;
use crate::state::{Phase, Shared, lock};
use crate::store::Store;
use crate::{datasets, prompts};

pub use builder::Builder;

/// The longest that `pause` and `resume` wait for the server's thread.
const PHASE_WITHIN: Duration = Duration::from_secs(10);

/// A running server; it stops when this is dropped.
///
/// ```
/// let server = mock_langfuse::MockLangfuse::start();
/// assert!(server.url().starts_with("http://127.0.0.1:"));
/// assert!(server.observations().is_empty());
/// ```
pub struct MockLangfuse {
    shared: Arc<Shared>,
    phase: watch::Sender<Phase>,
    thread: Option<JoinHandle<()>>,
    address: SocketAddr,
    scheme: &'static str,
    ca_pem: Option<String>,
}

impl MockLangfuse {
    /// A server on a free port of loopback, with made-up keys.
    ///
    /// # Panics
    /// If no port is free: a test cannot run without one.
    #[must_use]
    pub fn start() -> Self {
        match Self::builder().start() {
            Ok(server) => server,
            Err(error) => panic!("mock-langfuse cannot start: {error}"),
        }
    }

    /// A server with settings.
    pub fn builder() -> Builder {
        Builder::new()
    }

    /// Its address, such as `http://127.0.0.1:43210`.
    #[must_use]
    pub fn url(&self) -> String {
        format!("{}://{}", self.scheme, self.address)
    }

    /// The public key it accepts.
    #[must_use]
    pub fn public_key(&self) -> &str {
        &self.shared.public_key
    }

    /// The secret key it accepts.
    #[must_use]
    pub fn secret_key(&self) -> &str {
        &self.shared.secret_key
    }

    /// PEM of the authority that signed its certificate, if it uses TLS.
    #[must_use]
    pub fn ca_pem(&self) -> Option<&str> {
        self.ca_pem.as_deref()
    }

    /// The rows it stores, in the order they arrived. A span that is sent twice is there twice, as on the real server.
    #[must_use]
    pub fn observations(&self) -> Vec<Observation> {
        self.shared.lock().observations.clone()
    }

    /// Ids of its traces, by their first row.
    #[must_use]
    pub fn trace_ids(&self) -> Vec<String> {
        self.shared.lock().trace_ids()
    }

    /// A trace as text: names, indented by two spaces per level, siblings by start time.
    #[must_use]
    pub fn tree(&self, trace_id: &str) -> String {
        self.shared.lock().tree(trace_id)
    }

    /// All traces as text, see [`tree`](Self::tree).
    #[must_use]
    pub fn trees(&self) -> String {
        let store = self.shared.lock();
        store.trace_ids().iter().map(|id| store.tree(id)).collect()
    }

    /// The requests that arrived whole.
    #[must_use]
    pub fn requests(&self) -> Vec<ReceivedRequest> {
        self.shared.lock().requests.clone()
    }

    /// By span id, how often it arrived and was acknowledged.
    #[must_use]
    pub fn deliveries(&self) -> BTreeMap<String, Delivery> {
        self.shared.lock().deliveries.clone()
    }

    /// The scores it stores, as they were sent, with an id and the environment that is stored.
    #[must_use]
    pub fn scores(&self) -> Vec<Value> {
        let store = self.shared.lock();
        store
            .scores
            .iter()
            .map(|score| score.body.clone().into())
            .collect()
    }

    /// The media it stores, by id.
    #[must_use]
    pub fn media(&self) -> Vec<Media> {
        self.shared.lock().media.values().cloned().collect()
    }

    /// The traces of the spans that came since the last call, for which it waits at most `within`. `seen` is 0 at first,
    /// and is moved on by each call.
    #[must_use]
    pub fn arrivals(&self, seen: &mut usize, within: Duration) -> Vec<Arrival> {
        let store = self.shared.lock();
        let known = *seen;
        let waited = self
            .shared
            .changed
            .wait_timeout_while(store, within, |store| store.rows <= known);
        let (store, _) = waited.unwrap_or_else(PoisonError::into_inner);
        let fresh = store.rows.saturating_sub(known);
        *seen = store.rows;
        store.arrivals(fresh)
    }

    /// Where a trace is shown as text, with the keys of this server.
    #[must_use]
    pub fn tree_url(&self, trace_id: &str) -> String {
        format!("{}/mock/traces/{trace_id}/tree", self.url())
    }

    /// Adds a version of a prompt, a text or a list of messages, with these labels and `latest`, and gives its number.
    pub fn put_prompt(&self, name: &str, labels: &[&str], prompt: &Value) -> u32 {
        prompts::put(&mut self.shared.lock(), name, labels, prompt)
    }

    /// Removes all versions of a prompt.
    pub fn remove_prompt(&self, name: &str) {
        self.shared
            .lock()
            .prompts
            .retain(|known| known["name"] != name);
    }

    /// Adds items to a dataset, which is made if it is not there, and gives its id. An item is an object with what it has
    /// of `id`, `input`, `expectedOutput`, `metadata` and `status`.
    pub fn put_dataset(&self, name: &str, items: &[Value]) -> String {
        datasets::put(&mut self.shared.lock(), name, items)
    }

    /// Removes everything that it has stored.
    pub fn clear(&self) {
        *self.shared.lock() = Store::default();
    }

    /// What is done with the requests that come from now on.
    pub fn set_scenario(&self, scenario: Scenario) {
        *lock(&self.shared.scenario) = scenario;
    }

    /// Refuses connections until [`resume`](Self::resume); those that are open end. Returns when connections are refused.
    ///
    /// # Panics
    /// If that takes more than 10 seconds.
    pub fn pause(&self) {
        self.set_phase(Phase::Paused);
    }

    /// Listens again, on the same port. Returns when it listens.
    ///
    /// # Panics
    /// If another program keeps the port for more than 10 seconds.
    pub fn resume(&self) {
        self.set_phase(Phase::Serving);
    }

    fn set_phase(&self, phase: Phase) {
        self.phase.send_replace(phase);
        assert!(
            self.shared.wait_for_phase(phase, PHASE_WITHIN),
            "mock-langfuse at {} is not {phase:?} after {PHASE_WITHIN:?}: does another program have its port?",
            self.address
        );
    }

    /// Waits until a condition holds, for at most `within`; whether it does.
    pub fn wait_for(&self, condition: impl Fn(&Self) -> bool, within: Duration) -> bool {
        // Checked without the lock, since the condition takes it; woken by every change.
        let clock = std::time::Instant::now();
        while !condition(self) {
            let Some(left) = within.checked_sub(clock.elapsed()) else {
                return false;
            };
            let store = self.shared.lock();
            let seen = store.requests.len();
            let wait = left.min(Duration::from_millis(50));
            let _ = self
                .shared
                .changed
                .wait_timeout_while(store, wait, |store| store.requests.len() == seen);
        }
        true
    }
}

impl Drop for MockLangfuse {
    fn drop(&mut self) {
        self.phase.send_replace(Phase::Stopped);
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

impl std::fmt::Debug for MockLangfuse {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("MockLangfuse")
            .field("url", &self.url())
            .finish_non_exhaustive()
    }
}
