//! The series in memory: one for each set of texts, with counters that any thread adds to; and the tables that find them.
//! Written by `processor` for each span; read by `collect`. Knows neither names of instruments nor formats.

use std::collections::HashMap;
use std::hash::{BuildHasher, BuildHasherDefault, Hasher, RandomState};
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, OnceLock, PoisonError, RwLock};

use crate::facts::{Facts, Key, Operation, TEXTS};
use crate::histogram::{Histogram, seconds};
use crate::instrument::{AGENT_SECONDS, SECONDS, TOKENS};
use crate::tokens::{INPUT, MODALITIES, OUTPUT, TOKEN_KINDS};

/// What is counted of calls with tokens.
#[derive(Debug, Default)]
pub(crate) struct TokenCounts {
    pub(crate) input: Histogram,
    pub(crate) output: Histogram,
    /// Calls that say nothing about tokens. They are in neither histogram.
    pub(crate) unknown: AtomicU64,
    pub(crate) units: [[AtomicU64; MODALITIES.len()]; TOKEN_KINDS],
}

/// What is counted of streamed answers.
#[derive(Debug, Default)]
pub(crate) struct StreamTimes {
    pub(crate) first_chunk: Histogram,
    pub(crate) output_chunk: Histogram,
}

/// One set of texts and what was counted for it.
#[derive(Debug)]
pub(crate) struct Series {
    pub(crate) operation: Operation,
    /// `None` for the overflow series, which counts spans when the limit is reached.
    pub(crate) key: Option<[Box<str>; TEXTS]>,
    pub(crate) duration: Histogram,
    pub(crate) tokens: Option<Box<TokenCounts>>,
    /// Made by the first streamed answer.
    pub(crate) stream: OnceLock<Box<StreamTimes>>,
}

impl Series {
    fn new(operation: Operation, key: Option<&Key<'_>>) -> Self {
        let has_tokens = matches!(operation, Operation::Inference | Operation::Embeddings);
        Self {
            operation,
            key: key.map(|key| key.map(Box::from)),
            duration: Histogram::default(),
            tokens: has_tokens.then(Box::default),
            stream: OnceLock::new(),
        }
    }

    pub(crate) fn bounds(&self) -> &'static [f64] {
        match self.operation {
            Operation::Agent => AGENT_SECONDS,
            _ => SECONDS,
        }
    }

    fn is(&self, facts: &Facts<'_>) -> bool {
        let same = |key: &[Box<str>; TEXTS]| key.iter().zip(facts.key).all(|(a, b)| **a == *b);
        self.operation == facts.operation && self.key.as_ref().is_some_and(same)
    }

    fn add(&self, facts: &Facts<'_>) {
        self.duration.add_nanos(self.bounds(), facts.nanos);
        if let Some(tokens) = &self.tokens {
            tokens.add(facts);
        }
        if let (Some(first), Operation::Inference) = (facts.first_chunk, self.operation) {
            let stream = self.stream.get_or_init(Box::default);
            stream.first_chunk.add_nanos(SECONDS, first);
            if let Some(mean) = facts.after_first.checked_div(facts.chunks) {
                stream
                    .output_chunk
                    .add(SECONDS, seconds(mean), facts.chunks);
                let sum = &stream.output_chunk.sum;
                sum.fetch_add(facts.after_first, Ordering::Relaxed);
            }
        }
    }
}

impl TokenCounts {
    fn add(&self, facts: &Facts<'_>) {
        let tokens = &facts.tokens;
        if !tokens.known {
            self.unknown.fetch_add(1, Ordering::Relaxed);
            return;
        }
        self.input.add(TOKENS, tokens.of(INPUT) as f64, 1);
        self.output.add(TOKENS, tokens.of(OUTPUT) as f64, 1);
        tokens.each(|kind, modality, units| {
            let sum = self.units.get(kind).and_then(|row| row.get(modality));
            if let Some(sum) = sum {
                sum.fetch_add(units, Ordering::Relaxed);
            }
        });
    }

    pub(crate) fn units(&self, kind: usize) -> [u64; MODALITIES.len()] {
        let mut units = [0; MODALITIES.len()];
        for (units, sum) in units
            .iter_mut()
            .zip(self.units.get(kind).into_iter().flatten())
        {
            *units = sum.load(Ordering::Relaxed);
        }
        units
    }
}

/// A hash as it is: it is made by [`Table::hash`].
#[derive(Default)]
struct AsIs(u64);

impl Hasher for AsIs {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write(&mut self, _: &[u8]) {}

    fn write_u64(&mut self, hash: u64) {
        self.0 = hash;
    }
}

/// Both halves of a product, folded: each bit of the result depends on all bits of both factors.
#[inline]
fn fold(a: u64, b: u64) -> u64 {
    let product = u128::from(a).wrapping_mul(u128::from(b));
    product as u64 ^ (product >> 64) as u64
}

/// Series by the hash of their texts.
type Shard = RwLock<HashMap<u64, Vec<Arc<Series>>, BuildHasherDefault<AsIs>>>;

/// A power of two.
const SHARDS: usize = 16;

/// The series of instruments that share a limit.
#[derive(Debug)]
pub(crate) struct Table {
    shards: [Shard; SHARDS],
    /// Random for each process, so that an attacker cannot choose texts that collide.
    seeds: [u64; 2],
    len: AtomicUsize,
    limit: usize,
    overflow: [OnceLock<Series>; Operation::COUNT],
    overflowed: AtomicU64,
}

impl Table {
    /// At most `limit` series, the overflow series included.
    pub(crate) fn new(limit: usize, operations: usize) -> Self {
        let random = RandomState::new();
        Self {
            shards: Default::default(),
            seeds: [0, 1].map(|half| random.hash_one(half) | 1),
            len: AtomicUsize::new(0),
            limit: limit.saturating_sub(operations),
            overflow: Default::default(),
            overflowed: AtomicU64::new(0),
        }
    }

    /// Of operation and texts. A keyed fold of eight bytes at a time: SipHash needs several times as many instructions.
    #[inline]
    fn hash(&self, facts: &Facts<'_>) -> u64 {
        let [seed, factor] = self.seeds;
        let mut hash = seed ^ facts.operation as u64;
        for text in &facts.key {
            let (words, rest) = text.as_bytes().as_chunks::<8>();
            for word in words {
                hash = fold(hash ^ u64::from_le_bytes(*word), factor);
            }
            let mut last = [0; 8];
            last.iter_mut().zip(rest).for_each(|(to, byte)| *to = *byte);
            // The length tells one text from the next.
            hash = fold(
                hash ^ u64::from_le_bytes(last),
                factor ^ (text.len() as u64) << 32,
            );
        }
        hash
    }

    /// Counts a span. Takes no memory for texts that are known.
    pub(crate) fn add(&self, facts: &Facts<'_>) {
        let hash = self.hash(facts);
        let Some(shard) = self.shards.get((hash >> 60) as usize % SHARDS) else {
            return;
        };
        let shown = shard.read().unwrap_or_else(PoisonError::into_inner);
        let found = |all: &Vec<Arc<Series>>| all.iter().find(|series| series.is(facts)).cloned();
        let known = shown.get(&hash);
        if let Some(series) = known.and_then(|all| all.iter().find(|series| series.is(facts))) {
            return series.add(facts);
        }
        drop(shown);
        if self.len.load(Ordering::Relaxed) < self.limit {
            let mut shown = shard.write().unwrap_or_else(PoisonError::into_inner);
            let all = shown.entry(hash).or_default();
            let series = found(all).or_else(|| {
                let more = |len| (len < self.limit).then_some(len + 1);
                let len = &self.len;
                len.fetch_update(Ordering::Relaxed, Ordering::Relaxed, more)
                    .ok()?;
                let series = Arc::new(Series::new(facts.operation, Some(&facts.key)));
                all.push(series.clone());
                Some(series)
            });
            if all.is_empty() {
                shown.remove(&hash);
            }
            drop(shown);
            if let Some(series) = series {
                return series.add(facts);
            }
        }
        self.overflowed.fetch_add(1, Ordering::Relaxed);
        if let Some(overflow) = self.overflow.get(facts.operation as usize) {
            let series = || Series::new(facts.operation, None);
            overflow.get_or_init(series).add(facts);
        }
    }

    /// Calls a closure with every series.
    pub(crate) fn each(&self, mut show: impl FnMut(&Series)) {
        for shard in &self.shards {
            // Copied under the lock and read without it: threads that end spans must not wait for a scrape.
            let all: Vec<Arc<Series>> = {
                let shown = shard.read().unwrap_or_else(PoisonError::into_inner);
                shown.values().flatten().cloned().collect()
            };
            all.iter().for_each(|series| show(series));
        }
        for series in self.overflow.iter().filter_map(OnceLock::get) {
            show(series);
        }
    }

    pub(crate) fn len(&self) -> usize {
        let overflow = self.overflow.iter().filter(|series| series.get().is_some());
        self.len.load(Ordering::Relaxed) + overflow.count()
    }

    pub(crate) fn overflowed(&self) -> u64 {
        self.overflowed.load(Ordering::Relaxed)
    }
}
