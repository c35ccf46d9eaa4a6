//! `params._meta` of a request as a carrier of trace context: `traceparent`, `tracestate` and `baggage` (SEP-414).
//! Read by handlers, written by clients. Other keys are not touched.

use std::borrow::Cow;

use rmcp::model::MetaObject;
use tracefuse_core::propagation::Extractor;

/// The metadata of a request that was received.
pub(crate) struct Received<'a>(pub(crate) &'a MetaObject);

impl Extractor for Received<'_> {
    fn get(&self, name: &str) -> Option<Cow<'_, str>> {
        Some(Cow::Borrowed(self.0.0.get(name)?.as_str()?))
    }
}

/// The metadata of a request that is sent.
#[cfg(feature = "client")]
pub(crate) struct Sent<'a>(pub(crate) &'a mut MetaObject);

#[cfg(feature = "client")]
impl Extractor for Sent<'_> {
    fn get(&self, name: &str) -> Option<Cow<'_, str>> {
        Some(Cow::Borrowed(self.0.0.get(name)?.as_str()?))
    }
}

#[cfg(feature = "client")]
impl tracefuse_core::propagation::Injector for Sent<'_> {
    fn set(&mut self, name: &str, value: String) {
        self.0
            .0
            .insert(name.to_owned(), serde_json::Value::String(value));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use serde_json::Value;
    use tracefuse_core::propagation::RemoteContext;

    fn any_json() -> impl Strategy<Value = Value> {
        prop_oneof![
            Just(Value::Null),
            any::<bool>().prop_map(Value::from),
            any::<i64>().prop_map(Value::from),
            "\\PC{0,80}".prop_map(Value::from),
            "00-[0-9a-f]{32}-[0-9a-f]{16}-0[01]".prop_map(Value::from),
            prop::collection::vec("\\PC{0,8}", 0..3).prop_map(Value::from),
        ]
    }

    proptest! {
        #[test]
        fn no_metadata_of_others_panics(parent in any_json(), state in any_json(), baggage in any_json()) {
            let mut meta = MetaObject::new();
            for (key, value) in [("traceparent", parent), ("tracestate", state), ("baggage", baggage)] {
                meta.0.insert(key.to_owned(), value);
            }
            let remote = RemoteContext::extract(&Received(&meta));
            if let Some(remote) = remote {
                prop_assert!(meta.0["traceparent"].as_str().unwrap().contains(&remote.trace_id().to_string()));
            }
        }
    }
}
