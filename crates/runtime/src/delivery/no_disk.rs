//! The twin of `disk` without the feature `spool`: a type without values.
//! Keeps `delivery` and `worker` free of conditions.

use std::convert::Infallible;
use std::sync::Arc;

use tokio::time::Instant;
use tracefuse_exporter::record::Resource;

use crate::queue::State;
use crate::queue::envelope::Queued;

pub(crate) struct Disk(Infallible);

pub(crate) struct Stored {
    pub(crate) id: Infallible,
    pub(crate) items: Vec<Queued>,
    pub(crate) payloads: Vec<Vec<u8>>,
    pub(crate) resource: Option<Arc<Resource>>,
}

impl Disk {
    pub(crate) fn writes_ahead(&self) -> bool {
        match self.0 {}
    }

    pub(crate) fn is_usable(&self) -> bool {
        match self.0 {}
    }

    pub(crate) fn verify(&self) {
        match self.0 {}
    }

    pub(crate) fn retry(&self) {
        match self.0 {}
    }

    pub(crate) fn usable_at(&self) -> Option<Instant> {
        match self.0 {}
    }

    pub(crate) fn store(&self, _: Vec<Queued>) -> Vec<Queued> {
        match self.0 {}
    }

    pub(crate) fn seal_if_due(&self) {
        match self.0 {}
    }

    pub(crate) fn seal_due(&self) -> Option<Instant> {
        match self.0 {}
    }

    pub(crate) fn seal(&self) {
        match self.0 {}
    }

    pub(crate) fn ready(&self) -> usize {
        match self.0 {}
    }

    pub(crate) fn next(&self) -> Option<Stored> {
        match self.0 {}
    }

    pub(crate) fn outcome(&self, _: usize, _: impl FnOnce(&mut State, usize)) {
        match self.0 {}
    }

    pub(crate) fn finish(&self, _: Infallible, _: &[Vec<u8>], _: &[usize]) {
        match self.0 {}
    }

    pub(crate) fn succeeded(&self) {
        match self.0 {}
    }

    pub(crate) fn defer(&self, _: Infallible) -> u32 {
        match self.0 {}
    }
}
