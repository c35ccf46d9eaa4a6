//! How many bytes a record takes on the wire, before compression: delivery cuts batches by it.
//! Called by `exporter` for each record; follows what `mapping` and `openinference` write, and errs upwards.

use tracefuse_exporter::record::{SpanRecord, ValueRef};

use crate::config::Conventions;

/// Bytes a record will take, erring upwards.
pub(crate) fn size_hint(record: &SpanRecord, conventions: Conventions) -> usize {
    let trace = record.trace();
    // A conversation is sent whole and taken apart.
    let again = match conventions {
        Conventions::GenAi | Conventions::GenAiWithOlder => 0,
        Conventions::OpenInference => {
            let sizes = [record.input(), record.output()].map(|v| v.map_or(0, ValueRef::size));
            200 + 3 * sizes.iter().sum::<usize>()
        }
    };
    let texts = [
        &trace.user_id,
        &trace.session_id,
        &trace.session_id,
        &trace.version,
        &trace.release,
        &trace.environment,
    ];
    let metadata = trace
        .metadata
        .iter()
        .map(|(key, value)| key.len() + value.as_ref().size() + 16);
    let parts = record.model_parameters().count() + record.usage().count() + record.cost().count();
    let status = record.status_message().map_or(0, str::len);
    record.size()
        + SPAN
        + again
        + trace.name.len()
        + texts
            .into_iter()
            .flatten()
            .map(|text| text.len() + 40)
            .sum::<usize>()
        + trace.tags.iter().map(|tag| tag.len() + 8).sum::<usize>()
        + metadata.sum::<usize>()
        + status
        + 32 * (parts + record.metadata().count())
        + 256 * record.usage().count()
        + 160 * (record.events().len() + record.exceptions().len())
}

/// Ids, times and the names of what most spans have.
const SPAN: usize = 512;
