//! Metadata outside of a span's buffer: keys with values, of a trace, a score, an event and a link. Their number has a limit.
//! Used by `resource`, `score`, `link` and the event's builder. Must not know what the values mean.

use super::buffer::MAX_KEYS;
use super::value::Value;

/// The count of keys that did not fit into the metadata of a score.
pub(super) const DROPPED_KEYS: &str = "_dropped.keys";
/// The count of keys that did not fit into the metadata of a trace. It differs from a span's, because the root has both.
pub(super) const DROPPED_TRACE_KEYS: &str = "_dropped.trace.keys";
/// The count of tags that a trace had no room for.
pub(super) const DROPPED_TRACE_TAGS: &str = "_dropped.trace.tags";

/// Sets a key; a key that is there gets the new value. `false` if the list has [`MAX_KEYS`] other keys, counts not
/// included: then it stays as it was.
pub(crate) fn set(pairs: &mut Vec<(String, Value)>, key: &str, value: Value) -> bool {
    if let Some((_, known)) = pairs.iter_mut().find(|(known, _)| known == key) {
        *known = value;
        return true;
    }
    let max = MAX_KEYS as usize;
    let is_full =
        pairs.len() >= max && pairs.iter().filter(|(key, _)| !is_count(key)).count() >= max;
    if !is_full {
        pairs.push((key.to_owned(), value));
    }
    !is_full
}

/// Adds to a count of what was dropped.
pub(super) fn count(pairs: &mut Vec<(String, Value)>, counter: &str, dropped: u64) {
    match pairs.iter_mut().find(|(known, _)| known == counter) {
        Some((_, Value::U64(known))) => *known = known.saturating_add(dropped),
        Some((_, other)) => *other = Value::U64(dropped),
        None => pairs.push((counter.to_owned(), Value::U64(dropped))),
    }
}

/// Whether a key is a count of what was dropped.
pub(super) fn is_count(key: &str) -> bool {
    matches!(key, DROPPED_KEYS | DROPPED_TRACE_KEYS | DROPPED_TRACE_TAGS)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_that_is_there_is_set_although_the_list_is_full() {
        let mut pairs = Vec::new();
        count(&mut pairs, DROPPED_KEYS, 1);
        let set_all = |pairs: &mut Vec<_>| {
            let kept = |n: &u64| set(pairs, &format!("key {n}"), Value::U64(*n));
            (0..1_000).filter(kept).count()
        };
        assert_eq!(set_all(&mut pairs), MAX_KEYS as usize);
        assert_eq!(set_all(&mut pairs), MAX_KEYS as usize);
        assert_eq!(
            pairs.len(),
            MAX_KEYS as usize + 1,
            "the count needs no room"
        );
        assert!(set(&mut pairs, "key 127", Value::Bool(true)));
        assert_eq!(pairs.last(), Some(&("key 127".into(), Value::Bool(true))));
        count(&mut pairs, DROPPED_KEYS, u64::MAX);
        assert_eq!(pairs[0].1, Value::U64(u64::MAX));
        // A value that a user gave in its place is no count.
        assert!(set(&mut pairs, DROPPED_KEYS, Value::Bool(false)));
        count(&mut pairs, DROPPED_KEYS, 2);
        assert_eq!(pairs[0].1, Value::U64(2));
    }
}
