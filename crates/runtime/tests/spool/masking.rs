//! What is masked is not on disk either, whichever way a record gets there.
#![expect(clippy::disallowed_methods, reason = "reads what was written")]

use tracefuse_core::Tracer;
use tracefuse_exporter::ExportError;
use tracefuse_mask::Mask;
use tracefuse_runtime::spool::SpoolConfig;
use tracefuse_runtime::{Pipeline, PipelineConfig, SpoolMode};

use super::files;
use super::scripted::{Scripted, assert_balanced};

const CANARY: &str = "canary@example.com";

#[test]
fn no_canary_is_ever_on_disk() {
    for mode in [SpoolMode::OnFailure, SpoolMode::WriteAhead] {
        let dir = tempfile::tempdir().unwrap();
        let exporter = Scripted::default().times(50, || ExportError::retry("down"));
        let mut config = PipelineConfig::default();
        config.batch_size = 10;
        config.circuit_breaker_threshold = 1;
        config.max_retries = 0;
        let pipeline = Pipeline::builder()
            .config(config)
            .exporter(exporter.clone())
            .masker(Mask::new().emails())
            .spool(SpoolConfig::new(dir.path()), mode);
        let tracer = Tracer::builder(pipeline.build().unwrap()).build();
        for _ in 0..35 {
            let trace = tracer.trace("t").metadata("m", CANARY).input(CANARY);
            trace.run(|trace| trace.root().record_error(CANARY));
        }
        let stats = match tracer.shutdown() {
            Ok(report) => report.stats,
            Err(incomplete) => incomplete.report().stats.clone(),
        };
        assert_balanced(&stats);
        assert_eq!(stats.exporters[0].spooled, 35, "{mode:?}");
        let (mut masked, mut canaries) = (0, 0);
        for path in [files(dir.path(), "batch"), files(dir.path(), "open")].concat() {
            let written = std::fs::read(path).unwrap();
            let text = String::from_utf8_lossy(&written);
            masked += text.matches("<email>").count();
            canaries += text.matches(CANARY).count();
        }
        assert_eq!((masked, canaries), (35 * 4, 0), "{mode:?}");
    }
}
