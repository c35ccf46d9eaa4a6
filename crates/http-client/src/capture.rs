//! The bytes of a body as they pass: its beginning up to a limit, and its last bytes.
//! Filled by bodies, read by `request` and `reading`. Must not know what the bytes mean.

use serde_json::{Map, Value};

/// Bytes of the end that are kept of a body that is larger than its limit: counts are at the end of an answer.
const TAIL: usize = 16 * 1024;

/// Fields that are looked for in a body of which parts are missing.
const FIELDS: &[&str] = &[
    "model",
    "modelVersion",
    "usage",
    "usageMetadata",
    "meta",
    "stop_reason",
    "service_tier",
    "prompt_eval_count",
    "eval_count",
    "total_duration",
    "stream",
];

/// What is kept of a body.
#[derive(Debug)]
pub(crate) struct Capture {
    head: Vec<u8>,
    limit: usize,
    tail: Tail,
    total: u64,
    /// The body has ended.
    pub(crate) complete: bool,
}

impl Capture {
    pub(crate) fn new(limit: usize) -> Self {
        Self {
            head: Vec::new(),
            limit,
            tail: Tail::default(),
            total: 0,
            complete: false,
        }
    }

    /// Of a body that is known as a whole.
    #[cfg(any(test, feature = "reqwest"))]
    pub(crate) fn of(bytes: &[u8], limit: usize) -> Self {
        let mut capture = Self::new(limit);
        capture.push(bytes);
        capture.complete = true;
        capture
    }

    pub(crate) fn push(&mut self, bytes: &[u8]) {
        self.total = self.total.saturating_add(bytes.len() as u64);
        let room = self.limit.saturating_sub(self.head.len()).min(bytes.len());
        let (head, rest) = bytes.split_at_checked(room).unwrap_or((bytes, &[]));
        self.head.extend_from_slice(head);
        self.tail.push(rest);
    }

    /// Counts bytes that cannot be copied.
    pub(crate) fn skip(&mut self, bytes: u64) {
        self.total = self.total.saturating_add(bytes);
    }

    /// The whole body; `None` if parts of it are missing.
    pub(crate) fn whole(&self) -> Option<&[u8]> {
        (self.head.len() as u64 == self.total).then_some(&self.head)
    }

    pub(crate) fn head(&self) -> &[u8] {
        &self.head
    }

    pub(crate) fn total(&self) -> u64 {
        self.total
    }

    /// The beginning and the end.
    pub(crate) fn parts(&self) -> [&[u8]; 2] {
        [&self.head, self.tail.bytes()]
    }

    /// What is known of a JSON object of which parts are missing.
    pub(crate) fn fields(&self) -> Map<String, Value> {
        let mut found = Map::new();
        for part in self.parts() {
            for name in FIELDS {
                if let Some(value) = last_field(part, name) {
                    found.insert((*name).to_owned(), value);
                }
            }
        }
        found
    }
}

/// The value of the last field of this name that can be read as a whole.
fn last_field(text: &[u8], name: &str) -> Option<Value> {
    let key = format!("\"{name}\"");
    memchr::memmem::rfind_iter(text, key.as_bytes()).find_map(|at| {
        let rest = text.get(at + key.len()..)?.trim_ascii_start();
        let rest = rest.strip_prefix(b":")?;
        let mut values = serde_json::Deserializer::from_slice(rest).into_iter::<Value>();
        values.next()?.ok()
    })
}

/// The last bytes of what was pushed.
#[derive(Debug, Default)]
pub(crate) struct Tail {
    bytes: Vec<u8>,
    /// Bytes were left out before these.
    pub(crate) is_cut: bool,
}

impl Tail {
    pub(crate) fn push(&mut self, bytes: &[u8]) {
        let from = bytes.len().saturating_sub(TAIL);
        let new = bytes.get(from..).unwrap_or_default();
        self.is_cut |= from > 0;
        // Removed rarely, so that each byte is moved once.
        if self.bytes.len() + new.len() > 2 * TAIL {
            let surplus = (self.bytes.len() + new.len() - TAIL).min(self.bytes.len());
            self.bytes.drain(..surplus);
            self.is_cut = true;
        }
        self.bytes.extend_from_slice(new);
    }

    pub(crate) fn bytes(&self) -> &[u8] {
        &self.bytes
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use serde_json::json;

    #[test]
    fn usage_at_the_end_of_a_large_body_is_found() {
        let vectors = "0.125,".repeat(100_000);
        let body = format!(
            r#"{{"object":"list","data":[{vectors}0],"model":"m","usage": {{"prompt_tokens":8}}}}"#
        );
        let capture = Capture::of(body.as_bytes(), 1024);
        assert!(capture.whole().is_none());
        assert!(capture.parts().iter().map(|part| part.len()).sum::<usize>() <= 1024 + 2 * TAIL);
        let fields = Value::Object(capture.fields());
        assert_eq!(
            fields,
            json!({ "model": "m", "usage": { "prompt_tokens": 8 } })
        );
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(40))]
        #[test]
        fn a_capture_has_the_beginning_the_end_and_the_size(
            pieces in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..9_000), 0..12),
            limit in 0..20_000usize,
        ) {
            let whole = pieces.concat();
            let mut capture = Capture::new(limit);
            for piece in &pieces {
                capture.push(piece);
            }
            let [head, tail] = capture.parts();
            prop_assert_eq!(capture.total(), whole.len() as u64);
            prop_assert!(whole.starts_with(head) && head.len() == whole.len().min(limit));
            prop_assert!(whole[head.len()..].ends_with(tail));
            prop_assert!(tail.len() >= (whole.len() - head.len()).min(TAIL) && tail.len() <= 2 * TAIL);
            prop_assert_eq!(capture.whole().is_some(), whole.len() <= limit);
        }
    }
}
