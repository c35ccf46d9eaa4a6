//! Random steps of several processes, compared with a queue in memory.

use std::collections::VecDeque;

use proptest::prelude::*;
use tempfile::tempdir;

use super::{NOW, TAG, reopen};
use crate::{Spool, SpoolConfig};

#[derive(Clone, Debug)]
enum Action {
    Append(Vec<u8>),
    Seal,
    Acknowledge,
    /// Keeps this many of the payloads, from the end.
    AcknowledgePartly(usize),
    Reopen,
}

fn action() -> impl Strategy<Value = Action> {
    prop_oneof![
        6 => proptest::collection::vec(any::<u8>(), 0..40).prop_map(Action::Append),
        2 => Just(Action::Seal),
        2 => Just(Action::Acknowledge),
        2 => (0..6_usize).prop_map(Action::AcknowledgePartly),
        1 => Just(Action::Reopen),
    ]
}

/// Batches, the last of them being written.
#[derive(Debug, Default)]
struct Model {
    sealed: VecDeque<Vec<Vec<u8>>>,
    tail: Vec<Vec<u8>>,
}

impl Model {
    fn seal(&mut self) {
        if !self.tail.is_empty() {
            self.sealed.push_back(std::mem::take(&mut self.tail));
        }
    }

    fn frames(&self) -> usize {
        self.sealed.iter().map(Vec::len).sum::<usize>() + self.tail.len()
    }

    fn files(&self) -> usize {
        self.sealed.len() + usize::from(!self.tail.is_empty())
    }
}

fn oldest(spool: &mut Spool, model: &Model) -> Option<crate::BatchId> {
    let batch = spool.next(NOW).expect("read");
    assert_eq!(
        batch.as_ref().map(|batch| &batch.payloads),
        model.sealed.front()
    );
    batch.map(|batch| batch.id)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn a_spool_is_a_queue_that_outlives_its_processes(
        actions in proptest::collection::vec(action(), 1..60),
    ) {
        let dir = tempdir().expect("a directory");
        let (mut spool, _) = reopen(dir.path());
        let mut model = Model::default();
        for action in actions {
            match action {
                Action::Append(payload) => {
                    spool.append(&payload, NOW).expect("appended");
                    model.tail.push(payload);
                }
                Action::Seal => {
                    spool.seal().expect("sealed");
                    model.seal();
                }
                Action::Acknowledge => {
                    if let Some(id) = oldest(&mut spool, &model) {
                        spool.acknowledge(id).expect("acknowledged");
                        model.sealed.pop_front();
                    }
                }
                Action::AcknowledgePartly(keep) => {
                    if let Some(id) = oldest(&mut spool, &model) {
                        let batch = model.sealed.front_mut().expect("a batch");
                        let done = batch.len().saturating_sub(keep);
                        batch.drain(..done);
                        spool.acknowledge_partly(id, batch).expect("acknowledged");
                        if batch.is_empty() {
                            model.sealed.pop_front();
                        }
                    }
                }
                Action::Reopen => {
                    drop(spool);
                    let recovered;
                    (spool, recovered) = reopen(dir.path());
                    model.seal();
                    prop_assert_eq!(recovered.frames, model.frames() as u64);
                    prop_assert_eq!(recovered.corrupt_files, 0);
                }
            }
            let stats = spool.stats();
            prop_assert_eq!((stats.frames, stats.files), (model.frames() as u64, model.files()));
        }
        prop_assert_eq!(spool.stats().corrupt_files, 0);
    }

    /// Appends, seals and bounds: what is held is always a suffix of what was appended, and what is missing is counted.
    #[test]
    fn bounds_give_up_the_oldest_and_count_it(
        sizes in proptest::collection::vec((0..200_usize, any::<bool>()), 1..80),
        max_bytes in 300..2_000_u64,
        max_files in 1..6_usize,
    ) {
        let dir = tempdir().expect("a directory");
        let mut config = SpoolConfig::new(dir.path()).tag(TAG);
        config.max_bytes = max_bytes;
        config.max_files = max_files;
        let (mut spool, _) = Spool::open(config, NOW).expect("a spool");
        let mut appended = Vec::new();
        for (n, (size, seal)) in sizes.into_iter().enumerate() {
            let payload = vec![n as u8; size];
            spool.append(&payload, NOW).expect("appended");
            appended.push(payload);
            if seal {
                spool.seal().expect("sealed");
            }
            let stats = spool.stats();
            prop_assert!(stats.bytes <= max_bytes && stats.files <= max_files, "{:?}", stats);
            prop_assert_eq!(stats.frames + stats.dropped_frames, appended.len() as u64);
        }
        let held = super::drain(&mut spool);
        prop_assert_eq!(&held[..], &appended[appended.len() - held.len()..]);
    }
}
