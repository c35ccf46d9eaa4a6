//! A queued record, and what delivery notes about it.
//! Made by `queue`; split and joined by `delivery`. Must not know the queue.

use tokio::time::Instant;
use tracefuse_exporter::record::Record;

/// A queued record, with the bytes that it counts for.
#[derive(Debug)]
pub(crate) struct Queued {
    pub(crate) record: Record,
    pub(crate) bytes: usize,
    /// Its number among all records of the queue, from 1. That of a span which came alone may be too low, see `chunks`.
    pub(crate) seq: u64,
    /// An attempt failed after its bytes were sent: it may have arrived.
    pub(crate) maybe_delivered: bool,
    /// The masker was called for it.
    pub(crate) masked: bool,
    /// When it was first sent without success.
    pub(crate) tried: Option<Instant>,
}

/// What is kept about a queued record while the record is in a batch.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Envelope {
    pub(crate) bytes: usize,
    seq: u64,
    pub(crate) maybe_delivered: bool,
    masked: bool,
    pub(crate) tried: Option<Instant>,
}

impl Queued {
    /// `bytes` is what it counts for.
    pub(crate) fn new(record: Record, bytes: usize, seq: u64) -> Self {
        Self {
            record,
            bytes,
            seq,
            maybe_delivered: false,
            masked: false,
            tried: None,
        }
    }

    pub(crate) fn split(self) -> (Envelope, Record) {
        let Self {
            record,
            bytes,
            seq,
            maybe_delivered,
            masked,
            tried,
        } = self;
        (
            Envelope {
                bytes,
                seq,
                maybe_delivered,
                masked,
                tried,
            },
            record,
        )
    }

    pub(crate) fn join(meta: Envelope, record: Record) -> Self {
        let Envelope {
            bytes,
            seq,
            maybe_delivered,
            masked,
            tried,
        } = meta;
        Self {
            record,
            bytes,
            seq,
            maybe_delivered,
            masked,
            tried,
        }
    }
}

/// A parked batch: its retries are used up, and other batches are sent first.
#[derive(Debug)]
pub(crate) struct Parked {
    pub(crate) items: Vec<Queued>,
    /// How often its retries were used up although the receiver accepted others meanwhile.
    pub(crate) rounds: u32,
}

pub(crate) fn bytes_of(items: &[Queued]) -> usize {
    items.iter().map(|item| item.bytes).sum()
}
