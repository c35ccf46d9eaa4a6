//! A spool's directory: what an application, or `forward`, could not deliver yet. It is read and not changed.

use std::path::Path;

use anyhow::Context as _;
use indicatif::{ProgressBar, ProgressStyle};
use tracefuse_spool::{SpoolError, SpoolReader};

use super::Import;
use crate::spooled::{self, Spooled};

pub(super) fn read(
    import: &mut Import<'_>,
    directory: &Path,
    bar: &ProgressBar,
) -> anyhow::Result<()> {
    let reader = match SpoolReader::open(directory) {
        Err(SpoolError::Io { source, .. }) if source.kind() == std::io::ErrorKind::NotFound => {
            anyhow::bail!(
                "it is a directory without a spool: name the directory that TRACEFUSE_SPOOL_DIR has, or files"
            )
        }
        reader => reader.context("it cannot be read")?,
    };
    bar.set_length(reader.remaining() as u64);
    bar.set_style(style());
    let set_apart = reader.set_apart();
    let (mut spans, mut scores, mut batches) = (0, 0, 0_usize);
    for batch in reader {
        batches += 1;
        match batch {
            Ok(batch) => {
                for payload in &batch.payloads {
                    let taken = match spooled::read(payload) {
                        Ok(Spooled::Spans(taken)) => {
                            spans += taken.changes.len();
                            taken
                        }
                        Ok(Spooled::Score(taken)) => {
                            scores += taken.changes.len();
                            taken
                        }
                        Err(reason) => {
                            import.refuse(1, || format!("batch {batches}: {reason}"));
                            continue;
                        }
                    };
                    import.take(taken, || format!("batch {batches}"))?;
                }
                import.refuse(batch.damaged, || {
                    format!("batch {batches}: the file is damaged, or a process was killed while it wrote it")
                });
            }
            Err(error) => import.refuse(1, || error.to_string()),
        }
        bar.inc(1);
    }
    import.store()?;
    let shown = directory.display();
    say!("{shown}: batches {batches}, spans {spans}, scores {scores}; the spool is unchanged");
    if set_apart > 0 {
        say!("{shown}: damaged files that were set apart and not read: {set_apart}");
    }
    Ok(())
}

fn style() -> ProgressStyle {
    ProgressStyle::with_template("{spinner} {bar:30} {pos} of {len} batches read ({elapsed})")
        .unwrap_or_else(|_| ProgressStyle::default_bar())
}
