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
            match decode(payload) {
                Some((theirs, record, maybe_delivered)) => {
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

fn decode(mut payload: &[u8]) -> Option<(Resource, Record, bool)> {
    let resource = Resource::decode(&mut payload).ok()?;
    let (kind, rest) = payload.split_first()?;
    payload = rest;
    let record = match *kind {
        SPAN | SPAN_MAYBE_DELIVERED => Record::Span(SpanRecord::decode(&mut payload).ok()?),
        SCORE | SCORE_MAYBE_DELIVERED => ScoreRecord::decode(&mut payload).ok()?.into(),
        _ => return None,
    };
    let maybe_delivered = matches!(*kind, SPAN_MAYBE_DELIVERED | SCORE_MAYBE_DELIVERED);
    Some((resource, record, maybe_delivered))
}
