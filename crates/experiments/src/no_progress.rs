//! The progress bar of a build without the feature `progress`: none. Called by `run`.

use crate::report::ItemResult;
use crate::settings::Settings;

pub(crate) struct Progress;

impl Progress {
    pub(crate) fn new(_: &Settings, _: usize) -> Self {
        Self
    }

    #[expect(clippy::unused_self, reason = "the twin of a bar that is there")]
    pub(crate) fn item_done(&self, _: &ItemResult) {}

    #[expect(clippy::unused_self, reason = "the twin of a bar that is there")]
    pub(crate) fn done(&self) {}
}
