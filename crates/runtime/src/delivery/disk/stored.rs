//! A record as a payload of the spool, and a batch of them read back.
//! Called by `disk`; the formats are `record`'s own.

use std::collections::BTreeSet;
use std::sync::Arc;

use tracefuse_exporter::record::{Record, Resource, ScoreRecord, SpanRecord};

use crate::queue::envelope::Queued;
use crate::spool::{BatchId, StoredBatch};

/// What a payload says of the record behind it.
const SPAN: u8 = 0;
const SPAN_MAYBE_DELIVERED: u8 = 1;
const SCORE: u8 = 2;
const SCORE_MAYBE_DELIVERED: u8 = 3;

/// A batch that was read back, with the payloads it was made of.
pub(crate) struct Stored {
    pub(crate) id: BatchId,
    /// `seq` of an item is its payload's index.
    pub(crate) items: Vec<Queued>,
    pub(crate) payloads: Vec<Vec<u8>>,
    /// Who recorded it: the process that wrote the file, not always this one.
    pub(crate) resource: Option<Arc<Resource>>,
}

/// Appends an item to a payload that begins with its resource.
pub(crate) fn encode(item: &Queued, payload: &mut Vec<u8>) {
    match &item.record {
        Record::Span(span) => {
            payload.push(if item.maybe_delivered {
                SPAN_MAYBE_DELIVERED
            } else {
                SPAN
            });
            span.encode(payload);
        }
        Record::Score(score) => {
            payload.push(if item.maybe_delivered {
                SCORE_MAYBE_DELIVERED
            } else {
                SCORE
            });
            score.encode(payload);
        }
        // `Record` may get new kinds; one that this file does not know is counted as damaged when it is read.
        _ => payload.push(u8::MAX),
    }
}

impl Stored {
    /// Reads a batch, less the payloads that are `done`, and names those that no record can be read from.
    pub(crate) fn decode(batch: StoredBatch, done: Option<&BTreeSet<usize>>) -> (Self, Vec<usize>) {
        let mut items = Vec::new();
        let mut damaged = Vec::new();
        let mut resource = None;
        for (index, payload) in batch.payloads.iter().enumerate() {
            if done.is_some_and(|done| done.contains(&index)) {
                continue;
            }
            match SpooledRecord::decode(payload) {
                Some(SpooledRecord {
                    resource: theirs,
                    record,
                    maybe_delivered,
                }) => {
                    resource.get_or_insert_with(|| Arc::new(theirs));
                    items.push(Queued {
                        bytes: record.size(),
                        record,
                        seq: index as u64,
                        maybe_delivered,
                        tried: None,
                        // It was masked before it was written.
                        masked: true,
                    });
                }
                None => damaged.push(index),
            }
        }
        let stored = Self {
            id: batch.id,
            items,
            payloads: batch.payloads,
            resource,
        };
        (stored, damaged)
    }
}

/// A record as delivery writes it to a spool, with the process that recorded it. For programs that show a spool:
/// [`SpoolReader`](crate::spool::SpoolReader) reads the payloads.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct SpooledRecord {
    /// The process that recorded it.
    pub resource: Resource,
    /// What it recorded, masked already.
    pub record: Record,
    /// Whether a receiver may have it: an attempt to send it got no answer.
    pub maybe_delivered: bool,
}

impl SpooledRecord {
    /// Reads a payload of a spool; `None` if it is damaged, or another version wrote it.
    ///
    /// ```
    /// assert!(tracefuse_runtime::SpooledRecord::decode(b"no record").is_none());
    /// ```
    pub fn decode(payload: &[u8]) -> Option<Self> {
        let mut payload = payload;
        let resource = Resource::decode(&mut payload).ok()?;
        let (kind, rest) = payload.split_first()?;
        payload = rest;
        let record = match *kind {
            SPAN | SPAN_MAYBE_DELIVERED => Record::Span(SpanRecord::decode(&mut payload).ok()?),
            SCORE | SCORE_MAYBE_DELIVERED => ScoreRecord::decode(&mut payload).ok()?.into(),
            _ => return None,
        };
        Some(Self {
            resource,
            record,
            maybe_delivered: matches!(*kind, SPAN_MAYBE_DELIVERED | SCORE_MAYBE_DELIVERED),
        })
    }
}

#[cfg(test)]
mod tests {
    use tracefuse_core::testing::Recorder;
    use tracefuse_exporter::record::{ScoreTarget, Timestamp, Value};

    use super::*;

    #[test]
    fn what_was_written_is_read_again() {
        let mut resource = Resource::default();
        resource.release = Some("r".into());
        let recorder = Recorder::new();
        let trace = recorder.tracer().trace("t");
        trace.input("i").run(|_| {});
        let target = ScoreTarget::Session("s".into());
        let mut score = ScoreRecord::new("quality", 0.5.into(), target, Timestamp::default());
        score.comment = Some("c".into());
        score.set_metadata("k", Value::U64(1));
        for (record, kinds) in [
            (Record::from(recorder.only()), [SPAN, SPAN_MAYBE_DELIVERED]),
            (Record::from(score), [SCORE, SCORE_MAYBE_DELIVERED]),
        ] {
            for (maybe_delivered, kind) in [false, true].into_iter().zip(kinds) {
                let mut item = Queued::new(record.clone(), 1, 1);
                item.maybe_delivered = maybe_delivered;
                let mut payload = Vec::new();
                resource.encode(&mut payload);
                let at = payload.len();
                encode(&item, &mut payload);
                assert_eq!(payload[at], kind);
                let read = SpooledRecord::decode(&payload).unwrap();
                assert_eq!(format!("{:?}", read.record), format!("{record:?}"));
                assert_eq!(read.resource.release.as_deref(), Some("r"));
                assert_eq!(read.maybe_delivered, maybe_delivered);
                assert!(SpooledRecord::decode(&payload[..at]).is_none());
                payload[at] = 4;
                assert!(SpooledRecord::decode(&payload).is_none(), "no such kind");
            }
        }
    }
}
