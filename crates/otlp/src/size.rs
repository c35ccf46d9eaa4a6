//! How many bytes a record takes on the wire, before compression: delivery cuts batches by it.
//! Called by `exporter` for each record; follows what `mapping` and `openinference` write, and errs upwards.

use tracefuse_exporter::record::{SpanAttribute, SpanRecord};

use crate::config::Conventions;

/// Bytes a record will take, erring upwards.
pub(crate) fn size_hint(record: &SpanRecord, conventions: Conventions) -> usize {
    let trace = record.trace();
    let mut names = if conventions == Conventions::OpenInference {
        200
    } else {
        0
    };
    // A conversation is sent whole and taken apart.
    let taken_apart = conventions == Conventions::OpenInference;
    for attribute in record.attributes() {
        names += match attribute {
            SpanAttribute::Input(value) | SpanAttribute::Output(value) if taken_apart => {
                3 * value.size()
            }
            // Sent twice: as an attribute and in the status.
            SpanAttribute::StatusMessage(text) => text.len(),
            SpanAttribute::Usage(..) => 32 + 256,
            SpanAttribute::Metadata(..)
            | SpanAttribute::ModelParameter(..)
            | SpanAttribute::Cost(..) => 32,
            SpanAttribute::Event(_) | SpanAttribute::Exception(_) => 160,
            SpanAttribute::Link(link) => 16 + 32 * link.metadata().count(),
            _ => 0,
        };
    }
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
    record.size()
        + SPAN
        + names
        + trace.name.len()
        + texts
            .into_iter()
            .flatten()
            .map(|text| text.len() + 40)
            .sum::<usize>()
        + trace.tags.iter().map(|tag| tag.len() + 8).sum::<usize>()
        + metadata.sum::<usize>()
}

/// Ids, times and the names of what most spans have.
const SPAN: usize = 512;
