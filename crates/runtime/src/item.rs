//! A record on its way, and what delivery remembers of it.
//! Made by `lane`; taken apart and put together by `delivery`.

use tracefuse_exporter::record::Record;

/// A record on its way, with the bytes it is accounted for.
#[derive(Debug)]
pub(crate) struct Item {
    pub(crate) record: Record,
    pub(crate) bytes: usize,
    /// Its place among all records of the lane, from 1.
    pub(crate) seq: u64,
    /// An attempt failed after its bytes had been sent: it may have arrived.
    pub(crate) maybe_delivered: bool,
    /// What must not leave the process was taken out.
    pub(crate) masked: bool,
}

/// What is kept of an item while its record is in a batch.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Meta {
    bytes: usize,
    seq: u64,
    pub(crate) maybe_delivered: bool,
    masked: bool,
}

impl Item {
    pub(crate) fn split(self) -> (Meta, Record) {
        let Self {
            record,
            bytes,
            seq,
            maybe_delivered,
            masked,
        } = self;
        (
            Meta {
                bytes,
                seq,
                maybe_delivered,
                masked,
            },
            record,
        )
    }

    pub(crate) fn join(meta: Meta, record: Record) -> Self {
        let Meta {
            bytes,
            seq,
            maybe_delivered,
            masked,
        } = meta;
        Self {
            record,
            bytes,
            seq,
            maybe_delivered,
            masked,
        }
    }
}

/// A batch that was set aside, and how often.
#[derive(Debug)]
pub(crate) struct Aside {
    pub(crate) items: Vec<Item>,
    pub(crate) rounds: u32,
}

pub(crate) fn bytes_of(items: &[Item]) -> usize {
    items.iter().map(|item| item.bytes).sum()
}
