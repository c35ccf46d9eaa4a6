//! `tracefuse import`: files of JSON lines, or the directory of a spool, into the store. What a line is, `take` in the server
//! decides; what a payload of a spool is, `spooled`.

mod spool;

use std::io::{self, BufRead, BufReader, Read as _};
use std::path::{Path, PathBuf};

use anyhow::Context as _;
use indicatif::ProgressBar;
use tracefuse_server::take::{self, Taken};
use tracefuse_server::{Change, Store, StoreError, StoreOptions};

use crate::{args, export, place, view};

/// Changes that are stored in one step.
const STEP: usize = 500;

/// The longest line that is read, in bytes; a line is in memory while it is read.
const LONGEST: u64 = 256 << 20;

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
    let mut read_all = || -> anyhow::Result<()> {
        for file in &import.files {
            // Drawn on stderr, and only on a terminal.
            let bar = ProgressBar::new_spinner().with_style(export::style("lines read"));
            let result = if file.as_os_str() == "-" {
                importing.lines(io::stdin().lock(), &bar)
            } else if file.is_dir() {
                spool::read(&mut importing, file, &bar)
            } else {
                open(file).and_then(|file| importing.lines(file, &bar))
            };
            bar.finish_and_clear();
            result.with_context(|| format!("cannot import {}", file.display()))?;
        }
        Ok(())
    };
    let read = read_all();
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
    if read.is_ok() || lines > 0 || taken > 0 {
        say!(
            "{taken} traces, spans and scores kept {place}; {repeated} of them were there already"
        );
    }
    // What was read before it is kept.
    read?;
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
        if source.fill_buf()?.starts_with(GZIP) {
            anyhow::bail!("it is compressed: decompress it first, as by `gunzip`");
        }
        if source.fill_buf()?.starts_with(MARK) {
            source.consume(MARK.len());
        }
        let mut line = Vec::new();
        for number in 1_usize.. {
            let Some(is_whole) = next_line(&mut source, &mut line, LONGEST)? else {
                break;
            };
            if line.iter().all(u8::is_ascii_whitespace) {
                continue;
            }
            self.lines += 1;
            bar.inc(1);
            if !is_whole {
                self.refuse(1, || {
                    format!("line {number}: it has more than {} MiB", LONGEST >> 20)
                });
                continue;
            }
            match take::line(&line) {
                Ok(taken) => self.take(taken, || format!("line {number}"))?,
                Err(error) => {
                    self.refuse(1, || format!("line {number}: {error}{}", hint(&line)));
                }
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

/// How a file begins that gzip has compressed, and one that marks its encoding as UTF-8.
const GZIP: &[u8] = b"\x1f\x8b";
const MARK: &[u8] = b"\xef\xbb\xbf";

/// What to do about a line that is only the beginning of a value.
fn hint(line: &[u8]) -> &'static str {
    match line.trim_ascii() {
        b"{" | b"[" => {
            ". Each line must be a whole object: `jq -c . FILE` writes it so, and `jq -c '.[]' FILE` for a list"
        }
        _ => "",
    }
}

/// Reads a line with its end: `None` at the end of the source, `false` for a line that is longer, which is passed over.
fn next_line(
    source: &mut impl BufRead,
    line: &mut Vec<u8>,
    longest: u64,
) -> io::Result<Option<bool>> {
    line.clear();
    let read = source.by_ref().take(longest).read_until(b'\n', line)?;
    if read == 0 {
        return Ok(None);
    }
    let is_whole = line.ends_with(b"\n") || (read as u64) < longest;
    if !is_whole {
        source.skip_until(b'\n')?;
    }
    Ok(Some(is_whole))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_that_is_too_long_is_passed_over() {
        let mut source: &[u8] = b"one\nmuch longer\nlast";
        let mut line = Vec::new();
        let mut seen = Vec::new();
        while let Some(is_whole) = next_line(&mut source, &mut line, 5).unwrap() {
            seen.push((String::from_utf8(line.clone()).unwrap(), is_whole));
        }
        let expected = [("one\n", true), ("much ", false), ("last", true)];
        assert_eq!(
            seen,
            expected.map(|(line, is_whole)| (line.to_owned(), is_whole))
        );
    }
}
