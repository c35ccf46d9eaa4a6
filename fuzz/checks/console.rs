//! Foreign text for a terminal: no control sequence is written.
//! Input: texts, separated by NULs. Run by the fuzzer and by the replay of its seeds.

use std::io::Write;
use std::sync::{Arc, Mutex, PoisonError};

use tracefuse_console::{
    Color, ConsoleConfig, ConsoleExporter, Format, Sanitized, Text, TreeHeader, TreeSpan,
    render_tree,
};
use tracefuse_core::record::Resource;
use tracefuse_core::testing::Recorder;
use tracefuse_core::{Exception, Usage};
use tracefuse_exporter::{Batch, Exporter as _};

#[derive(Clone, Default)]
struct Screen(Arc<Mutex<Vec<u8>>>);

impl Write for Screen {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        lock(&self.0).extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

pub(crate) fn run(data: &[u8]) {
    let width = usize::from(data.first().copied().unwrap_or_default());
    let text = String::from_utf8_lossy(data.get(1..).unwrap_or_default());
    let texts: Vec<&str> = text.split('\0').collect();
    let at = |n: usize| texts[n % texts.len()];
    for text in &texts {
        let safe = Sanitized::new(text);
        assert!(is_quiet(safe.as_str(), ""), "{safe:?}");
        let cut = safe.cut(width);
        assert!(
            cut.width() <= width && is_quiet(cut.as_str(), ""),
            "{cut:?}"
        );
    }

    let header = TreeHeader::new(at(0), at(1))
        .user(at(2))
        .tag(at(3))
        .note(at(4));
    let ends = data
        .iter()
        .fold(0_u64, |sum, byte| sum.rotate_left(9) ^ u64::from(*byte));
    let spans = [
        TreeSpan::new(at(0), at(1), ends / 3, ends)
            .kind(at(2))
            .input(at(3))
            .output(at(4)),
        TreeSpan::new(at(1), at(2), ends, ends / 2)
            .parent(at(0))
            .model(at(3))
            .level(at(4)),
        TreeSpan::new(at(2), at(3), 0, u64::MAX)
            .parent(at(1))
            .exception(at(0), [at(4).to_owned()]),
    ];
    let tree = render_tree(&header, &spans, width, false);
    assert!(is_quiet(&tree, "\n"), "{tree:?}");

    for (format, text) in [
        (Format::Tree, Text::Line),
        (Format::Tree, Text::Full),
        (Format::Compact, Text::Line),
        (Format::Compact, Text::Full),
        (Format::Json, Text::None),
    ] {
        let shown = exported(format, text, width, &at);
        assert!(is_quiet(&shown, "\n"), "{shown:?}");
        if format == Format::Json {
            for line in shown.lines() {
                assert!(
                    serde_json::from_str::<serde_json::Value>(line).is_ok(),
                    "{line:?}"
                );
            }
        }
    }
}

/// Two spans as an exporter of that format shows them.
fn exported<'a>(
    format: Format,
    text: Text,
    width: usize,
    at: &impl Fn(usize) -> &'a str,
) -> String {
    let (recorder, screen) = (Recorder::new(), Screen::default());
    let tracer = recorder.tracer();
    let trace = tracer
        .trace(at(0))
        .user_id(at(1))
        .tag(at(2))
        .metadata(at(3), at(4))
        .start();
    let span = trace
        .generation(at(1))
        .model(at(2))
        .input([at(3), at(4)])
        .start();
    span.set_output(at(0));
    span.set_usage(Usage::openai(3, 4));
    span.set_status_message(at(4));
    span.record_exception(Exception::new(at(2), at(3)));
    span.end();
    trace.finish();
    let records = recorder.take();
    let config = ConsoleConfig::new()
        .format(format)
        .text(text)
        .color(Color::Never)
        .width(width);
    let exporter = ConsoleExporter::new(config.writer(screen.clone()));
    let batch = Batch::new(Arc::new(Resource::default()), records);
    let report = futures::executor::block_on(exporter.export(&batch));
    assert_eq!(report.map(|report| report.accepted).ok(), Some(batch.len()));
    let bytes = lock(&screen.0).clone();
    String::from_utf8(bytes).expect("text")
}

/// No C0, no DEL, no C1, nothing that turns the direction around, except what is `allowed`.
fn is_quiet(text: &str, allowed: &str) -> bool {
    text.chars().all(|c| {
        let turns = matches!(c, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{200e}'..='\u{200f}');
        allowed.contains(c) || !(c.is_control() || turns)
    })
}

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
