//! A progress bar on standard error while items run; nothing where that is no terminal. Called by `run`.

use indicatif::{ProgressBar, ProgressStyle};

use crate::report::ItemResult;
use crate::settings::Settings;

pub(crate) struct Progress(Option<ProgressBar>);

impl Progress {
    pub(crate) fn new(settings: &Settings, items: usize) -> Self {
        let bar = settings.progress.then(|| {
            let bar = ProgressBar::new(items as u64).with_message("0 failed");
            let style = ProgressStyle::with_template(
                "{bar:30} {pos}/{len} items, {msg}, {elapsed}, {eta} left",
            );
            match style {
                Ok(style) => bar.with_style(style),
                Err(_) => bar,
            }
        });
        Self(bar)
    }

    pub(crate) fn item_done(&self, result: &ItemResult) {
        let Some(bar) = &self.0 else { return };
        if result.output.is_err() {
            let failed = bar.message();
            let failed = failed
                .split(' ')
                .next()
                .and_then(|count| count.parse::<u64>().ok());
            bar.set_message(format!(
                "{} failed",
                failed.unwrap_or_default().saturating_add(1)
            ));
        }
        bar.inc(1);
    }

    pub(crate) fn done(&self) {
        if let Some(bar) = &self.0 {
            bar.finish_and_clear();
        }
    }
}
