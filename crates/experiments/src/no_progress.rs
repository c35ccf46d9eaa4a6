//! The progress bar of a build without the feature `progress`: none. Called by `run`.

use crate::experiment::Experiment;
use crate::report::ItemResult;

pub(crate) struct Progress;

impl Progress {
    pub(crate) fn new(_: &Experiment, _: usize) -> Self {
        Self
    }

    #[expect(clippy::unused_self, reason = "the twin of a bar that is there")]
    pub(crate) fn item_done(&self, _: &ItemResult) {}

    #[expect(clippy::unused_self, reason = "the twin of a bar that is there")]
    pub(crate) fn done(&self) {}
}
