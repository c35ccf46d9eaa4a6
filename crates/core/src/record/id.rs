//! Trace and span ids as W3C Trace Context defines them: 16 and 8 bytes, never all zero, lower-case hex.
//! Created by the handles and by propagation; read by every exporter. The only place of randomness in ids:
//! a generator for each thread, seeded by the system, because a system call for each id costs more than a span.

use std::cell::Cell;
use std::fmt;
use std::num::{NonZeroU64, NonZeroU128};
use std::str::FromStr;

use serde::{Serialize, Serializer};

/// The id of a trace: 16 bytes, never all zero, shown as 32 lower-case hex digits (W3C Trace Context).
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct TraceId(NonZeroU128);

/// The id of a span (an observation): 8 bytes, never all zero, shown as 16 lower-case hex digits.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct SpanId(NonZeroU64);

impl TraceId {
    /// For records without an id yet; a finished record always has one.
    pub(super) const PLACEHOLDER: Self = Self(NonZeroU128::MIN);

    /// A new random id.
    #[must_use]
    pub fn random() -> Self {
        loop {
            let bits = u128::from(random_u64()) << 64 | u128::from(random_u64());
            if let Some(id) = NonZeroU128::new(bits) {
                return Self(id);
            }
        }
    }

    /// The id with these big-endian bytes; `None` if all are zero.
    #[must_use]
    pub fn from_bytes(bytes: [u8; 16]) -> Option<Self> {
        NonZeroU128::new(u128::from_be_bytes(bytes)).map(Self)
    }

    /// The 16 bytes, as OTLP carries them.
    #[must_use]
    pub fn to_bytes(self) -> [u8; 16] {
        self.0.get().to_be_bytes()
    }

    /// The last 8 bytes as a number: what ratio samplers decide by.
    #[must_use]
    pub fn low_bits(self) -> u64 {
        self.0.get() as u64
    }
}

impl SpanId {
    /// For records without an id yet; a finished record always has one.
    pub(super) const PLACEHOLDER: Self = Self(NonZeroU64::MIN);

    /// A new random id.
    #[must_use]
    #[inline]
    pub fn random() -> Self {
        NonZeroU64::new(random_u64()).map_or_else(Self::random_again, Self)
    }

    #[cold]
    fn random_again() -> Self {
        Self::random()
    }

    /// The id with these big-endian bytes; `None` if all are zero.
    #[must_use]
    pub fn from_bytes(bytes: [u8; 8]) -> Option<Self> {
        NonZeroU64::new(u64::from_be_bytes(bytes)).map(Self)
    }

    /// The 8 bytes, as OTLP carries them.
    #[must_use]
    pub fn to_bytes(self) -> [u8; 8] {
        self.0.get().to_be_bytes()
    }
}

/// Why a text is not an id.
#[derive(Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct ParseIdError {
    digits: usize,
}

impl fmt::Display for ParseIdError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "not an id: expected {} lower-case hex digits that are not all zero",
            self.digits
        )
    }
}

/// As `Display`: `main` prints an error that it returns by `Debug`.
impl fmt::Debug for ParseIdError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl std::error::Error for ParseIdError {}

/// Strict as W3C Trace Context is: upper case and other lengths are refused.
fn parse_hex(text: &str, digits: usize) -> Option<u128> {
    if text.len() != digits || !text.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f')) {
        return None;
    }
    u128::from_str_radix(text, 16).ok()
}

impl FromStr for TraceId {
    type Err = ParseIdError;
    fn from_str(text: &str) -> Result<Self, ParseIdError> {
        let bits = parse_hex(text, 32).and_then(NonZeroU128::new);
        bits.map(Self).ok_or(ParseIdError { digits: 32 })
    }
}

impl FromStr for SpanId {
    type Err = ParseIdError;
    fn from_str(text: &str) -> Result<Self, ParseIdError> {
        let bits = parse_hex(text, 16).and_then(|bits| NonZeroU64::new(bits as u64));
        bits.map(Self).ok_or(ParseIdError { digits: 16 })
    }
}

impl fmt::Display for TraceId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:032x}", self.0)
    }
}

impl fmt::Display for SpanId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:016x}", self.0)
    }
}

impl fmt::Debug for TraceId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "TraceId({self})")
    }
}

impl fmt::Debug for SpanId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SpanId({self})")
    }
}

impl Serialize for TraceId {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl Serialize for SpanId {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

thread_local! {
    static STATE: [Cell<u64>; 2] = const { [const { Cell::new(0) }; 2] };
}

/// xoroshiro128++ (Blackman, Vigna 2019), with a state for each thread: 2 ns, against 250 ns for a version 4 UUID from the
/// system. Its 128 bits of state make it improbable that two threads of a fleet give the same sequence. Not for secrets;
/// ids are not secrets.
#[inline]
fn random_u64() -> u64 {
    STATE.with(|state| {
        let [mut a, mut b] = [state[0].get(), state[1].get()];
        // Not seeded yet. A state whose first word becomes zero is seeded again, which is harmless.
        if a == 0 {
            [a, b] = seed();
        }
        let (result, [next_a, next_b]) = step([a, b]);
        state[0].set(next_a);
        state[1].set(next_b);
        result
    })
}

/// A number, and the state after it.
#[inline]
fn step([a, b]: [u64; 2]) -> (u64, [u64; 2]) {
    let result = a.wrapping_add(b).rotate_left(17).wrapping_add(a);
    let mixed = b ^ a;
    let next = a.rotate_left(49) ^ mixed ^ mixed << 21;
    (result, [next, mixed.rotate_left(28)])
}

#[cold]
fn seed() -> [u64; 2] {
    let mut bytes = [0u8; 16];
    #[expect(
        clippy::disallowed_methods,
        reason = "the only place that reads the system's randomness"
    )]
    let filled = getrandom::fill(&mut bytes);
    let mut words = bytes
        .as_chunks()
        .0
        .iter()
        .map(|word| u64::from_ne_bytes(*word));
    let mut state = [words.next().unwrap_or(1), words.next().unwrap_or(1)];
    if filled.is_err() {
        // Without a random source of the system the ids are still distinct: the hash keys of std differ in each thread.
        use std::hash::BuildHasher;
        state = [0, 1].map(|word: u64| std::hash::RandomState::new().hash_one(word));
    }
    // A state of zeros has no successor.
    state[0] = state[0].max(1);
    state
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::HashSet;

    #[test]
    fn ids_of_many_threads_are_distinct_and_survive_their_text_form() {
        let ids: Vec<TraceId> = std::thread::scope(|scope| {
            let threads: Vec<_> = (0..8)
                .map(|_| scope.spawn(|| (0..1000).map(|_| TraceId::random()).collect::<Vec<_>>()))
                .collect();
            threads
                .into_iter()
                .flat_map(|t| t.join().unwrap())
                .collect()
        });
        assert_eq!(ids.iter().collect::<HashSet<_>>().len(), 8000);
        for id in ids {
            assert_eq!(id.to_string().parse(), Ok(id));
            assert_eq!(TraceId::from_bytes(id.to_bytes()), Some(id));
        }
    }

    #[test]
    fn the_generator_is_xoroshiro128_plus_plus() {
        // The first numbers of the authors' program, from the state 1, 2.
        let mut state = [1, 2];
        let numbers = [(); 6].map(|()| {
            let (number, next) = step(state);
            state = next;
            number
        });
        assert_eq!(
            numbers,
            [
                393_217,
                669_327_710_093_319,
                1_732_421_326_133_921_491,
                11_394_790_081_659_126_983,
                9_555_452_776_773_192_676,
                3_586_421_180_005_889_563
            ]
        );
    }

    #[test]
    fn every_bit_of_an_id_is_random() {
        let (mut ones, mut zeros) = ([0; 16], [0; 16]);
        for _ in 0..200 {
            for (at, byte) in TraceId::random().to_bytes().into_iter().enumerate() {
                ones[at] |= byte;
                zeros[at] |= !byte;
            }
        }
        assert_eq!((ones, zeros), ([0xff; 16], [0xff; 16]));
    }

    #[test]
    fn ids_are_shown_as_hex_with_the_zeros_before_it() {
        let trace = TraceId::from_bytes(9u128.to_be_bytes()).unwrap();
        let span = SpanId::from_bytes(10u64.to_be_bytes()).unwrap();
        let (of_trace, of_span) = (
            format!("{}9", "0".repeat(31)),
            format!("{}a", "0".repeat(15)),
        );
        assert_eq!(
            (trace.to_string(), span.to_string()),
            (of_trace.clone(), of_span.clone())
        );
        assert_eq!(format!("{trace:?}"), format!("TraceId({of_trace})"));
        assert_eq!(format!("{span:?}"), format!("SpanId({of_span})"));
        let json = serde_json::to_value((trace, span)).unwrap();
        assert_eq!(json, serde_json::json!([of_trace, of_span]));
        assert_eq!(trace.low_bits(), 9);
    }

    #[test]
    fn what_is_not_lower_case_hex_of_the_right_length_is_refused() {
        for text in [
            "",
            "0",
            &"0".repeat(32),
            &"A".repeat(32),
            &"a".repeat(31),
            &"g".repeat(32),
            &"+".repeat(32),
        ] {
            assert!(text.parse::<TraceId>().is_err(), "{text}");
        }
        assert!("00f067aa0ba902b7".parse::<SpanId>().is_ok());
        assert!("0000000000000000".parse::<SpanId>().is_err());
        assert_eq!(SpanId::from_bytes([0; 8]), None);
    }
}
