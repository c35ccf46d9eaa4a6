//! Which provider a model call went to, as a record says it.
//! Called by `gen_ai`, which has to name a provider that no caller names. The table of models is in `tracefuse-exporter`.

pub(crate) use tracefuse_exporter::provider::OTHER;
use tracefuse_exporter::provider::of as provider;
use tracefuse_exporter::record::{SpanRecord, ValueRef};

/// The provider of a call, as far as the record says it.
pub(crate) fn of(record: &SpanRecord) -> Option<&str> {
    let system = record
        .metadata()
        .find_map(|(key, value)| match (key, value) {
            ("gen_ai.system", ValueRef::Str(name)) => Some(name),
            _ => None,
        });
    provider(system, record.model(), record.provider())
}
