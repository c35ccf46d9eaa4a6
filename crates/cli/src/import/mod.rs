//! `tracefuse import`: files of JSON lines, or the directory of a spool, into the store. What a line is, `take` in the server
//! decides; what a payload of a spool is, `spooled`.

mod spool;

use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};

use anyhow::Context as _;
use indicatif::ProgressBar;
use tracefuse_server::take::{self, Taken};
use tracefuse_server::{Change, Store, StoreError, StoreOptions};

use crate::{args, export, place, view};

/// Changes that are stored in one step.
const STEP: usize = 500;

pub(crate) fn run(store: Option<PathBuf>, import: &args::Import) -> anyhow::Result<()> {
    if store.as_deref().is_some_and(place::is_memory) {
        anyhow::bail!("a store in memory is gone after the import: name a file with --store");
    }
    let (store, place) = view::open(store, StoreOptions::default()).map_err(|error| {
        match error.downcast_ref::<StoreError>() {
            Some(StoreError::InUse(_)) => error.context(
                "`tracefuse view` has the store: stop it for the import, or import into another file with --store",
            ),
            _ => error,
        }
    })?;
    let mut importing = Import::new(&store);
    for file in &import.files {
        // Drawn on stderr, and only on a terminal.
        let bar = ProgressBar::new_spinner().with_style(export::style("lines read"));
        let result = if file.as_os_str() == "-" {
            importing.lines(std::io::stdin().lock(), &bar)
        } else if file.is_dir() {
            spool::read(&mut importing, file, &bar)
        } else {
            open(file).and_then(|file| importing.lines(file, &bar))
        };
        bar.finish_and_clear();
        result.with_context(|| format!("cannot import {}", file.display()))?;
    }
    let Import {
        lines,
        taken,
        repeated,
        refused,
        first_reason,
        ..
    } = importing;
    store.close();
    if lines > 0 {
        say!("{lines} lines read");
    }
    say!("{taken} traces, spans and scores kept {place}; {repeated} of them were there already");
    if let Some(reason) = first_reason {
        anyhow::bail!("{refused} records could not be read, the first because: {reason}");
    }
    Ok(())
}

#[expect(clippy::disallowed_methods, reason = "a file that the user named")]
fn open(path: &Path) -> anyhow::Result<BufReader<std::fs::File>> {
    Ok(BufReader::new(std::fs::File::open(path)?))
}

/// What was read, and what of it is not stored yet.
#[derive(Debug)]
struct Import<'a> {
    store: &'a Store,
    changes: Vec<Change>,
    lines: usize,
    taken: usize,
    repeated: usize,
    refused: u64,
    first_reason: Option<String>,
}

impl<'a> Import<'a> {
    fn new(store: &'a Store) -> Self {
        Self {
            store,
            changes: Vec::new(),
            lines: 0,
            taken: 0,
            repeated: 0,
            refused: 0,
            first_reason: None,
        }
    }

    fn lines(&mut self, mut source: impl BufRead, bar: &ProgressBar) -> anyhow::Result<()> {
        let mut line = Vec::new();
        for number in 1_usize.. {
            line.clear();
            if source.read_until(b'\n', &mut line)? == 0 {
                break;
            }
            if line.iter().all(u8::is_ascii_whitespace) {
                continue;
            }
            self.lines += 1;
            bar.inc(1);
            match take::line(&line) {
                Ok(taken) => self.take(taken, || format!("line {number}"))?,
                Err(error) => self.refuse(1, || format!("line {number}: {error}")),
            }
        }
        self.store()
    }

    /// Takes what a line or a payload has; `place` names it.
    fn take(&mut self, mut taken: Taken, place: impl Fn() -> String) -> anyhow::Result<()> {
        self.changes.append(&mut taken.changes);
        let reason = taken.reason.unwrap_or_default();
        self.refuse(taken.refused as u64, || format!("{}: {reason}", place()));
        if self.changes.len() >= STEP {
            self.store()?;
        }
        Ok(())
    }

    /// Counts records that cannot be read.
    fn refuse(&mut self, records: u64, reason: impl FnOnce() -> String) {
        if records > 0 {
            self.refused += records;
            self.first_reason.get_or_insert_with(reason);
        }
    }

    fn store(&mut self) -> anyhow::Result<()> {
        if !self.changes.is_empty() {
            self.taken += self.changes.len();
            let receipt = self
                .store
                .ingest_blocking(std::mem::take(&mut self.changes))?;
            self.repeated += receipt.repeated;
        }
        Ok(())
    }
}
