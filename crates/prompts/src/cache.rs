//! The cache of prompts: for each key the last one that was fetched, its age, and the fetch that is running. Pure: the caller
//! passes the time.
//! Bounded by count and by bytes; the least recently used prompt is removed first. Used by `client`.

use std::collections::HashMap;
use std::sync::Arc;

use tokio::sync::watch;
use tracefuse_langfuse::ApiError;

use crate::stored::Stored;

/// What a prompt is asked for by. Name and version or label are apart, so that no name can be taken for another key.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Key {
    pub(crate) name: String,
    pub(crate) of: Selector,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Selector {
    Label(String),
    Version(u32),
}

/// How a fetch ended.
pub(crate) type Outcome = Result<Arc<Stored>, Arc<ApiError>>;
/// Tells the requests that wait for a fetch how it ended; `None` until then.
pub(crate) type Waiting = watch::Receiver<Option<Outcome>>;

/// What to do for a request.
pub(crate) enum Look {
    /// Use this.
    Have(Arc<Stored>),
    /// Use this, and start a fetch.
    Refresh(Arc<Stored>),
    /// A fetch is running: wait for it.
    Wait(Waiting),
    /// Start a fetch and wait for it; if it fails, use what was there before.
    Fetch(Option<Arc<Stored>>),
    /// The server failed just now.
    Failed(Arc<ApiError>),
}

/// What a request needs to know of the cache.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Wish {
    /// Nanoseconds of a monotonic clock.
    pub(crate) now: u64,
    /// How old a prompt may be, in nanoseconds; `None` asks the server whatever is there.
    pub(crate) ttl: Option<u64>,
    /// A fetch that is older than this, in nanoseconds, is lost: its runtime does not run any more.
    pub(crate) lost_after: u64,
    /// Whether something else can be used at once if the server failed just now.
    pub(crate) has_fallback: bool,
}

#[derive(Debug, Default)]
struct Entry {
    prompt: Option<Arc<Stored>>,
    bytes: usize,
    /// When the prompt was fetched.
    since: u64,
    /// For the least recently used.
    used: u64,
    fetch: Option<Fetch>,
    /// The last fetch failed: until when the server is not asked.
    failed: Option<(Arc<ApiError>, u64)>,
}

#[derive(Debug)]
struct Fetch {
    number: u64,
    started: u64,
    waiting: Waiting,
}

impl Fetch {
    fn is_lost(&self, now: u64, after: u64) -> bool {
        now.saturating_sub(self.started) > after
    }
}

#[derive(Debug)]
pub(crate) struct Cache {
    entries: HashMap<Key, Entry>,
    max_prompts: usize,
    max_bytes: usize,
    bytes: usize,
    /// Counts uses and fetches.
    next: u64,
    pub(crate) evicted: u64,
}

impl Cache {
    pub(crate) fn new(max_prompts: usize, max_bytes: usize) -> Self {
        Self {
            entries: HashMap::new(),
            max_prompts: max_prompts.max(1),
            max_bytes,
            bytes: 0,
            next: 0,
            evicted: 0,
        }
    }

    pub(crate) fn look(&mut self, key: &Key, wish: Wish) -> Look {
        let used = self.number();
        let Some(entry) = self.entries.get_mut(key) else {
            return Look::Fetch(None);
        };
        entry.used = used;
        let running = entry.fetch.as_ref();
        let lost = running.is_some_and(|fetch| fetch.is_lost(wish.now, wish.lost_after));
        let running = running.filter(|_| !lost).map(|fetch| fetch.waiting.clone());
        let failed = entry.failed.as_ref().filter(|(_, until)| wish.now < *until);
        let Some(ttl) = wish.ttl else {
            return running.map_or(Look::Fetch(None), Look::Wait);
        };
        match (&entry.prompt, running, failed) {
            (Some(prompt), ..) if wish.now.saturating_sub(entry.since) <= ttl => {
                Look::Have(prompt.clone())
            }
            // The next fetch may get lost for the same reason as the last one, so this request waits for it.
            (Some(prompt), None, _) if lost => Look::Fetch(Some(prompt.clone())),
            (Some(prompt), None, None) => Look::Refresh(prompt.clone()),
            (Some(prompt), ..) => Look::Have(prompt.clone()),
            (None, Some(waiting), _) => Look::Wait(waiting),
            (None, None, Some((error, _))) if wish.has_fallback => Look::Failed(error.clone()),
            (None, None, _) => Look::Fetch(None),
        }
    }

    /// Notes that a fetch starts, and gives its number. If another one is running, which is not lost, that one's outcome
    /// is to be waited for.
    pub(crate) fn start(
        &mut self,
        key: &Key,
        now: u64,
        lost_after: u64,
        waiting: Waiting,
    ) -> Result<u64, Waiting> {
        let number = self.number();
        let entry = self.entries.entry(key.clone()).or_default();
        entry.used = number;
        if let Some(fetch) = entry
            .fetch
            .as_ref()
            .filter(|fetch| !fetch.is_lost(now, lost_after))
        {
            return Err(fetch.waiting.clone());
        }
        entry.fetch = Some(Fetch {
            number,
            started: now,
            waiting,
        });
        self.shrink(key);
        Ok(number)
    }

    /// Notes how fetch `number` ended. After a failure the server is not asked until `pause_until`; a prompt that the
    /// server no longer has is removed. Nothing is noted of a fetch that another one has replaced, or whose prompt was
    /// removed meanwhile.
    pub(crate) fn settle(
        &mut self,
        key: &Key,
        number: u64,
        now: u64,
        outcome: Result<(Arc<Stored>, usize), (Arc<ApiError>, bool)>,
        pause_until: u64,
    ) {
        let is_this = |fetch: &Fetch| fetch.number == number;
        let entry = self.entries.get_mut(key);
        let Some(entry) = entry.filter(|entry| entry.fetch.as_ref().is_some_and(is_this)) else {
            return;
        };
        entry.fetch = None;
        match outcome {
            Ok((prompt, bytes)) => {
                self.bytes = self.bytes.saturating_sub(entry.bytes).saturating_add(bytes);
                entry.bytes = bytes;
                entry.prompt = Some(prompt);
                entry.since = now;
                entry.failed = None;
                self.shrink(key);
            }
            Err((_, true)) => {
                self.bytes = self.bytes.saturating_sub(entry.bytes);
                self.entries.remove(key);
            }
            Err((error, false)) => entry.failed = Some((error, pause_until)),
        }
    }

    /// Removes fetch `number`, which ended without a result.
    pub(crate) fn abandon(&mut self, key: &Key, number: u64) {
        if let Some(entry) = self.entries.get_mut(key)
            && entry
                .fetch
                .as_ref()
                .is_some_and(|fetch| fetch.number == number)
        {
            entry.fetch = None;
        }
    }

    /// Removes prompts, and failures, whose key fits.
    pub(crate) fn remove(&mut self, fits: impl Fn(&Key) -> bool) {
        self.entries.retain(|key, _| !fits(key));
        self.bytes = self.entries.values().map(|entry| entry.bytes).sum();
    }

    pub(crate) fn len(&self) -> usize {
        self.entries.len()
    }

    pub(crate) fn bytes(&self) -> usize {
        self.bytes
    }

    fn number(&mut self) -> u64 {
        self.next = self.next.saturating_add(1);
        self.next
    }

    /// Removes the least recently used prompts until the cache fits its limits; never `kept`.
    fn shrink(&mut self, kept: &Key) {
        while self.entries.len() > self.max_prompts || self.bytes > self.max_bytes {
            let others = self.entries.iter().filter(|(key, _)| *key != kept);
            let oldest = others.min_by_key(|(_, entry)| entry.used);
            let Some((key, _)) = oldest else { break };
            let key = key.clone();
            if let Some(entry) = self.entries.remove(&key) {
                self.bytes = self.bytes.saturating_sub(entry.bytes);
                self.evicted = self.evicted.saturating_add(1);
            }
        }
    }
}
