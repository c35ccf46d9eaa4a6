//! The limits of a span (keys, events, errors and links), and the removal of values that were replaced.
//! Called by `buffer` for every attribute that is written, and once when the span ends. Must not know handles.

use std::collections::{HashMap, HashSet};

use super::super::format::{Attributes, Role};
use super::super::reader::Attribute;
use super::super::value::ValueRef;
use super::Buffer;

/// Keys of metadata, model parameters and tags that a span may have, as OpenTelemetry's default limit. Further
/// ones are dropped and counted under [`DROPPED_KEYS`]; a key that the span has already can always be set.
pub(crate) const MAX_KEYS: u32 = 128;
/// Events, and errors, that a span may have. Further ones are dropped and counted under [`DROPPED_EVENTS`] and
/// [`DROPPED_ERRORS`].
pub(crate) const MAX_EVENTS: u32 = 1024;
/// Links that a span may have, as OpenTelemetry's default limit. Further ones are dropped and counted under
/// [`DROPPED_LINKS`].
pub(crate) const MAX_LINKS: u32 = 128;
const DROPPED_KEYS: &str = "_dropped.keys";
const DROPPED_EVENTS: &str = "_dropped.events";
const DROPPED_ERRORS: &str = "_dropped.errors";
const DROPPED_LINKS: &str = "_dropped.links";

/// From this size on, values that were replaced are removed while the span is open.
pub(super) const COMPACT_AT: usize = 64 * 1024;

/// Kept once a span reached a limit.
#[derive(Clone, Default)]
pub(super) struct Limits {
    pub(super) known: HashSet<(Role, String)>,
    pub(super) dropped_keys: u64,
    pub(super) dropped_events: u64,
    pub(super) dropped_errors: u64,
    pub(super) dropped_links: u64,
}

impl Buffer {
    /// Whether a limited key is certainly new, and not too many.
    #[inline(always)]
    pub(super) fn is_new(&self, hash: u64) -> bool {
        !self.state.seen.has(hash) && self.state.keys < MAX_KEYS
    }

    /// Notes metadata whose key is new.
    #[inline(always)]
    pub(super) fn note_metadata(&mut self, hash: u64) {
        self.state.keys += 1;
        self.state.seen.note(hash);
        self.head.note(Role::Metadata);
    }

    /// Notes what is about to be written; `false` if a limit forbids it.
    #[inline(always)]
    pub(super) fn admits(&mut self, role: Role, key: &str) -> bool {
        if role.is_keyed() {
            let hash = hash(role, key);
            if role.is_limited() && self.state.keys >= MAX_KEYS {
                if !self.admits_key(role, key) {
                    return false;
                }
            } else if self.state.seen.has(hash) && !self.state.has_replaced {
                self.note_replaced(role, key);
            }
            self.state.keys += u32::from(role.is_limited());
            self.state.seen.note(hash);
        } else if role.is_single() && self.head.has(role) {
            self.state.has_replaced = true;
        }
        self.head.note(role);
        true
    }

    #[cold]
    #[inline(never)]
    pub(super) fn note_replaced(&mut self, role: Role, key: &str) {
        let mut known = self.read();
        self.state.has_replaced = known.any(|known| known.role == role && known.key == key);
    }

    /// Whether a key may be written although as many were written as a span may have.
    #[cold]
    #[inline(never)]
    fn admits_key(&mut self, role: Role, key: &str) -> bool {
        if self
            .limits
            .as_ref()
            .is_none_or(|limits| limits.known.is_empty())
        {
            self.compact();
            if self.state.keys < MAX_KEYS {
                self.note_replaced(role, key);
                return true;
            }
            let limited = self.read().filter(|known| known.role.is_limited());
            let known = limited.map(|known| (known.role, known.key.to_owned()));
            let known = known.collect();
            self.limits().known = known;
        }
        let limits = self.limits();
        if limits.known.contains(&(role, key.to_owned())) {
            self.state.has_replaced = true;
            return true;
        }
        limits.dropped_keys += 1;
        false
    }

    /// Counts keys that a limit forbids.
    pub(crate) fn note_dropped_keys(&mut self, keys: u64) {
        if keys > 0 {
            self.limits().dropped_keys += keys;
        }
    }

    /// Counts links that a limit forbids.
    pub(crate) fn note_dropped_links(&mut self, links: u64) {
        if links > 0 {
            self.limits().dropped_links += links;
        }
    }

    pub(super) fn limits(&mut self) -> &mut Limits {
        self.limits.get_or_insert_default()
    }

    #[inline]
    pub(super) fn compact_if_large(&mut self) {
        if self.state.has_replaced {
            self.compact_replaced_if_large();
        }
    }

    #[cold]
    #[inline(never)]
    fn compact_replaced_if_large(&mut self) {
        if self.attributes.size() > self.state.compact_at.max(COMPACT_AT) {
            self.compact();
            self.state.compact_at = self.attributes.size() * 2;
        }
    }

    /// Removes what was replaced. Each key stays where it was first, with its last value.
    #[cold]
    #[inline(never)]
    fn compact(&mut self) {
        if !self.state.has_replaced {
            return;
        }
        self.state.has_replaced = false;
        let mut last: HashMap<(Role, &str), usize> = HashMap::new();
        let mut read = Vec::new();
        let mut reader = self.read();
        while let Some(raw) = reader.next_raw() {
            let Attribute { role, key, .. } = raw.attribute;
            if role.is_single() || role.is_keyed() {
                let key = if role.is_single() { "" } else { key };
                last.insert((role, key), read.len());
            }
            read.push(raw);
        }
        let mut compacted = self.attributes_without_any();
        let mut keys = 0;
        for raw in &read {
            let Attribute { role, key, .. } = raw.attribute;
            let key = if role.is_single() { "" } else { key };
            let written = if role.is_single() || role.is_keyed() {
                // The first of its key takes the last value; those that follow find nothing any more.
                last.remove(&(role, key)).and_then(|at| read.get(at))
            } else {
                Some(raw)
            };
            if let Some(written) = written {
                compacted.push_read(written);
                keys += u32::from(role.is_limited());
            }
        }
        drop(last);
        drop(read);
        self.state.keys = keys;
        self.attributes = compacted;
    }

    /// Attributes with the name only.
    fn attributes_without_any(&self) -> Attributes {
        let mut attributes = Attributes::default();
        let name = self.attributes.text.get(..self.head.name_len());
        attributes.text.push_str(name.unwrap_or_default());
        attributes
    }

    /// Removes all attributes of a role.
    #[cold]
    pub(super) fn remove(&mut self, role: Role) {
        let mut kept = self.attributes_without_any();
        let mut reader = self.read();
        while let Some(raw) = reader.next_raw() {
            if raw.attribute.role != role {
                kept.push_read(&raw);
            }
        }
        self.attributes = kept;
        self.head.forget(role);
    }

    /// Must be called before the record leaves: removes what was replaced, and adds the counts of what was dropped.
    #[inline]
    pub(crate) fn seal(&mut self) {
        if self.state.has_replaced {
            self.compact();
        }
        if self.limits.is_some() {
            self.say_what_was_dropped();
        }
    }

    #[cold]
    fn say_what_was_dropped(&mut self) {
        let Some(limits) = self.limits.take() else {
            return;
        };
        let counts = [
            (DROPPED_KEYS, limits.dropped_keys),
            (DROPPED_EVENTS, limits.dropped_events),
            (DROPPED_ERRORS, limits.dropped_errors),
            (DROPPED_LINKS, limits.dropped_links),
        ];
        for (key, dropped) in counts {
            if dropped > 0 {
                self.head.note(Role::Metadata);
                self.attributes
                    .push(Role::Metadata, key, ValueRef::U64(dropped));
            }
        }
    }
}

/// Maps a key to one of 1,024 bits: few instructions, and most keys of a span have different bits. Inlined, so that the
/// compiler computes it for a key that it knows.
#[inline(always)]
pub(super) fn hash(role: Role, key: &str) -> u64 {
    let bytes = key.as_bytes();
    let (first, last) = match (bytes.first_chunk::<8>(), bytes.last_chunk::<8>()) {
        (Some(first), Some(last)) => (u64::from_le_bytes(*first), u64::from_le_bytes(*last)),
        _ => short(bytes),
    };
    let mixed = first ^ last.rotate_left(29) ^ (bytes.len() as u64) << 48 ^ (role as u64) << 56;
    mixed.wrapping_mul(0x9E37_79B9_7F4A_7C15) >> 54
}

/// A key of less than eight bytes.
#[inline(always)]
fn short(bytes: &[u8]) -> (u64, u64) {
    if let (Some(first), Some(last)) = (bytes.first_chunk::<4>(), bytes.last_chunk::<4>()) {
        let last = u32::from_le_bytes(*last);
        return (u32::from_le_bytes(*first).into(), last.into());
    }
    let word = bytes
        .iter()
        .fold(0, |word, byte| word << 8 | u64::from(*byte));
    (word, 0)
}

/// The keys that were written, by their hash: most keys need no search for an older value.
#[derive(Clone, Copy, Default)]
pub(super) struct Seen([u64; 16]);

impl Seen {
    /// Whether a key with this hash was written before.
    #[inline(always)]
    fn has(&self, hash: u64) -> bool {
        let word = self.0.get(hash as usize >> 6 & 15);
        word.is_some_and(|word| word & 1 << (hash & 63) != 0)
    }

    #[inline(always)]
    fn note(&mut self, hash: u64) {
        if let Some(word) = self.0.get_mut(hash as usize >> 6 & 15) {
            *word |= 1 << (hash & 63);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// How many hashes these keys have.
    fn distinct(keys: impl Iterator<Item = (Role, String)>) -> usize {
        let hashes: HashSet<u64> = keys.map(|(role, key)| hash(role, &key)).collect();
        assert!(hashes.iter().all(|hash| *hash < 1024));
        hashes.len()
    }

    #[test]
    fn each_hash_has_a_bit() {
        for hash in 0..1024 {
            let mut seen = Seen::default();
            assert!(!seen.has(hash));
            seen.note(hash);
            let other = (0..1024).find(|other| seen.has(*other) != (*other == hash));
            assert_eq!(other, None, "{hash}");
        }
    }

    #[test]
    fn keys_that_differ_in_one_place_have_different_hashes() {
        let letters = || 'a'..='z';
        for (before, after) in [
            (0, 0),
            (0, 1),
            (1, 0),
            (1, 1),
            (0, 2),
            (0, 4),
            (4, 0),
            (0, 11),
            (11, 0),
            (5, 5),
            (6, 7),
        ] {
            let (before, after) = ("x".repeat(before), "x".repeat(after));
            let keys = letters().map(|letter| format!("{before}{letter}{after}"));
            let count = distinct(keys.map(|key| (Role::Metadata, key)));
            assert_eq!(count, 26, "{before}?{after}");
        }
        let numbered = (0..26).map(|n| (Role::Metadata, format!("key {n}")));
        assert_eq!(distinct(numbered), 26);
        for lengths in [4..8, 8..34] {
            let count = lengths.len();
            let keys = lengths.map(|len| (Role::Metadata, "x".repeat(len)));
            assert_eq!(distinct(keys), count);
        }
        for key in ["a", "x", "temperature"] {
            let roles = Role::ALL.into_iter().filter(|role| role.is_keyed());
            assert_eq!(distinct(roles.map(|role| (role, key.to_owned()))), 6);
        }
    }
}
