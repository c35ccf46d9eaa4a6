//! The service that recorded (name, environment, version), and what all spans of a trace have in common.
//! Built by the facade and by the trace handle; read by exporters beside each record.

use super::buffer::MAX_KEYS;
use super::pairs::{self, DROPPED_TRACE_KEYS, DROPPED_TRACE_TAGS};
use super::value::Value;

/// Who produced the records of one tracer: constant for its life (OpenTelemetry's `Resource`).
///
/// ```
/// use tracefuse_core::record::Resource;
///
/// let mut resource = Resource::default();
/// resource.service_name = Some("support-chat".to_owned());
/// assert!(resource.environment.is_none());
/// ```
#[derive(Clone, Debug, Default, PartialEq)]
#[non_exhaustive]
pub struct Resource {
    /// `service.name`; exporters fall back to `unknown_service`.
    pub service_name: Option<String>,
    /// Deployment environment, such as `production`.
    pub environment: Option<String>,
    /// Release of the application, such as a git commit.
    pub release: Option<String>,
    /// Version of the application or of the traced component.
    pub version: Option<String>,
    /// Further attributes, by key.
    pub attributes: Vec<(String, Value)>,
}

/// What all spans of a trace share. There is no trace record on the wire: every span carries these
/// (`docs/langfuse.md` 0, fact 3), as they were when the span ended.
#[derive(Clone, Debug, Default, PartialEq)]
#[non_exhaustive]
pub struct TraceAttributes {
    /// Name of the trace.
    pub name: String,
    /// The user it was done for.
    pub user_id: Option<String>,
    /// The session or conversation it belongs to.
    pub session_id: Option<String>,
    /// Tags, each once, in the order they were added; at most 128.
    pub tags: Vec<String>,
    /// Metadata by key, each key once, the last value given; at most 128 keys, and the counts of what was dropped.
    pub metadata: Vec<(String, Value)>,
    /// Version of the traced component, over the resource's.
    pub version: Option<String>,
    /// Release, over the resource's.
    pub release: Option<String>,
    /// Environment, over the resource's.
    pub environment: Option<String>,
    /// Whether anyone with the link may see the trace.
    pub public: bool,
}

impl TraceAttributes {
    /// Sets a metadata key; a key set before gets the new value. A trace has at most 128 keys; further ones are counted in
    /// its metadata as `_dropped.trace.keys`.
    pub fn set_metadata(&mut self, key: &str, value: Value) {
        if !pairs::set(&mut self.metadata, key, value) {
            pairs::count(&mut self.metadata, DROPPED_TRACE_KEYS, 1);
        }
    }

    /// Takes in the metadata of other attributes: keys that are there already are set if `over`. Counts of what was
    /// dropped are added up.
    pub(crate) fn merge_metadata(&mut self, from: &[(String, Value)], over: bool) {
        for (key, value) in from {
            match value {
                Value::U64(dropped) if pairs::is_count(key) => {
                    pairs::count(&mut self.metadata, key, *dropped);
                }
                _ if !over && self.metadata.iter().any(|(known, _)| known == key) => {}
                value => self.set_metadata(key, value.clone()),
            }
        }
    }

    /// Adds a tag unless it is there. A trace has at most 128 tags; further ones are counted in its metadata as
    /// `_dropped.trace.tags`.
    pub fn add_tag(&mut self, tag: &str) {
        if self.tags.iter().any(|known| known == tag) {
            return;
        }
        if self.tags.len() < MAX_KEYS as usize {
            self.tags.push(tag.to_owned());
        } else {
            pairs::count(&mut self.metadata, DROPPED_TRACE_TAGS, 1);
        }
    }

    /// Bytes in memory.
    pub(super) fn size(&self) -> usize {
        let texts = [
            &self.user_id,
            &self.session_id,
            &self.version,
            &self.release,
            &self.environment,
        ];
        let texts = texts.into_iter().flatten().map(String::len);
        let tags = self.tags.iter().map(|tag| size_of::<String>() + tag.len());
        let metadata = (self.metadata.iter())
            .map(|(key, value)| size_of::<(String, Value)>() + key.len() + value.as_ref().size());
        let parts = texts.chain(tags).chain(metadata);
        size_of::<Self>() + self.name.len() + parts.sum::<usize>()
    }

    /// Whether one of its texts has a NUL, keys included; see [`SpanRecord::contains_nul`](super::SpanRecord::contains_nul).
    #[must_use]
    pub fn contains_nul(&self) -> bool {
        let has_nul = |text: &str| memchr::memchr(0, text.as_bytes()).is_some();
        let texts = [
            Some(&self.name),
            self.user_id.as_ref(),
            self.session_id.as_ref(),
            self.version.as_ref(),
            self.release.as_ref(),
            self.environment.as_ref(),
        ];
        let in_value = |value: &Value| match value {
            Value::Str(text) | Value::Json(text) => has_nul(text),
            _ => false,
        };
        texts.into_iter().flatten().any(|text| has_nul(text))
            || self.tags.iter().any(|tag| has_nul(tag))
            || self
                .metadata
                .iter()
                .any(|(key, value)| has_nul(key) || in_value(value))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn merged_metadata_is_set_over_or_below_and_counts_are_added() {
        let pair = |key: &str, n: u64| (key.to_owned(), Value::U64(n));
        for (over, a) in [(true, 20), (false, 1)] {
            let mut attributes = TraceAttributes {
                metadata: vec![pair("a", 1), pair(DROPPED_TRACE_KEYS, 2)],
                ..TraceAttributes::default()
            };
            let from = [pair("a", 20), pair("b", 30), pair(DROPPED_TRACE_KEYS, 40)];
            attributes.merge_metadata(&from, over);
            let expected = [pair("a", a), pair(DROPPED_TRACE_KEYS, 42), pair("b", 30)];
            assert_eq!(attributes.metadata, expected);
        }
    }

    #[test]
    fn a_tag_is_added_once_and_those_beyond_the_limit_are_counted() {
        let mut attributes = TraceAttributes::default();
        for n in 0..MAX_KEYS + 3 {
            attributes.add_tag(&n.to_string());
            attributes.add_tag("0");
        }
        assert_eq!(attributes.tags.len(), MAX_KEYS as usize);
        let dropped = (DROPPED_TRACE_TAGS.to_owned(), Value::U64(3));
        assert_eq!(attributes.metadata, [dropped]);
    }
}
