//! Outages with a spool, and spools that are full, broken, shared or of another user.
#![expect(
    clippy::disallowed_methods,
    reason = "breaks files to see that it is noticed"
)]

use std::path::{Path, PathBuf};
use std::time::Duration;

use mock_langfuse::{Action, MockLangfuse, Scenario};
use tracefuse::LangfuseConfig;
use tracefuse_langfuse::LangfuseExporter;
use tracefuse_runtime::SpoolMode;
use tracefuse_runtime::conformance::{Bounds, Evidence, Trial};

use crate::case::{Case, Fault, Outcome, fault, quick, receipts};

/// A fault with a spool in its own directory.
fn spooled(name: &'static str, scenario: Scenario, mode: SpoolMode) -> Fault {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().to_owned();
    fault(name, scenario)
        .trial(|trial| trial.spool(path.clone(), mode))
        .expect(move |evidence, _| {
            if evidence.stats.spooled == 0 {
                assert_eq!(
                    files(&path),
                    Vec::<PathBuf>::new(),
                    "nothing is left behind"
                );
            }
            drop(dir);
        })
}

fn files(dir: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    let mut open = vec![dir.to_owned()];
    while let Some(dir) = open.pop() {
        let Ok(entries) = std::fs::read_dir(dir) else {
            continue;
        };
        for entry in entries {
            let path = entry.unwrap().path();
            if path.is_dir() {
                open.push(path);
            } else if path
                .extension()
                .is_some_and(|kind| kind == "batch" || kind == "open")
            {
                found.push(path);
            }
        }
    }
    found
}

fn exporter(server: &MockLangfuse) -> LangfuseExporter {
    let config = LangfuseConfig::new(server.public_key(), server.secret_key());
    LangfuseExporter::new(config.base_url(server.url())).unwrap()
}

fn trial(dir: &Path) -> Trial {
    Trial::new(200)
        .config(quick)
        .spool(dir, SpoolMode::OnFailure)
        .settle(Duration::from_millis(500))
        .shutdown(Duration::from_secs(2))
}

/// A process that leaves its spans on disk, `between`, and one that finds them.
fn two_processes(
    name: &'static str,
    between: impl FnOnce(&Path) + 'static,
    expect: impl FnOnce(&Evidence) + 'static,
) -> Case {
    Case::new(name, move || {
        let dir = tempfile::tempdir().unwrap();
        let server = MockLangfuse::start();
        server.pause();
        let first = trial(dir.path()).run(exporter(&server), |_| {});
        assert_eq!(first.stats.spooled, 200, "{:?}", first.stats);
        between(dir.path());
        server.resume();
        let second = trial(dir.path())
            .settle(Duration::from_secs(10))
            .run(exporter(&server), |_| {});
        expect(&second);
        Outcome::of(&second, &receipts(&server), &Bounds::accounted())
    })
}

/// Does something to the disk before a server that is down is tried, and brings the server back.
fn bad_disk(
    name: &'static str,
    damage: impl FnOnce(&Path) + 'static,
    heal: impl FnOnce(&Path) + 'static,
) -> Case {
    Case::new(name, move || {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().to_owned();
        let server = MockLangfuse::start();
        server.pause();
        let evidence =
            trial(dir.path())
                .settle(Duration::from_secs(10))
                .run(exporter(&server), |tracer| {
                    damage(&path);
                    while tracer.stats().exporters[0].failed_attempts < 3 {
                        std::thread::park_timeout(Duration::from_millis(2));
                    }
                    server.resume();
                });
        heal(dir.path());
        Outcome::of(&evidence, &receipts(&server), &Bounds::lossless())
    })
}

fn flip_a_byte(dir: &Path, at: impl Fn(usize) -> usize) {
    let file = files(dir).remove(0);
    let mut bytes = std::fs::read(&file).unwrap();
    let at = at(bytes.len());
    bytes[at] ^= 0x55;
    std::fs::write(&file, bytes).unwrap();
}

pub(crate) fn cases() -> Vec<Case> {
    let down = || Scenario::new().times(8, Action::status(503));
    let all = |evidence: &Evidence| {
        assert_eq!(
            (evidence.stats.recovered, evidence.stats.exported),
            (200, 400)
        )
    };
    vec![
        spooled("spool_outage_on_failure", down(), SpoolMode::OnFailure).into(),
        spooled("spool_outage_write_ahead", down(), SpoolMode::WriteAhead).into(),
        spooled("spool_good_times", Scenario::new(), SpoolMode::OnFailure).into(),
        spooled(
            "spool_write_ahead_flapping",
            Scenario::new().seed(3).forever(Action::fail_percent(40)),
            SpoolMode::WriteAhead,
        )
        .bounds(Bounds::lossless().with_duplicates())
        .into(),
        spooled(
            "spool_bad_span",
            Scenario::new().forever(Action::bad_span("77")),
            SpoolMode::WriteAhead,
        )
        .bounds(Bounds::accounted())
        .into(),
        spooled(
            "spool_instead_of_a_small_queue",
            Scenario::new().times(8, Action::status(503)),
            SpoolMode::OnFailure,
        )
        .config(|config| {
            config.circuit_breaker_threshold = 1;
            config.max_queue_size = 1000;
        })
        .into(),
        spooled(
            "spool_down_for_ever",
            Scenario::new().forever(Action::status(503)),
            SpoolMode::OnFailure,
        )
        .hopeless()
        .into(),
        two_processes("spool_next_start", |_| {}, all),
        two_processes(
            "spool_torn_tail",
            |dir| {
                let file = files(dir).remove(0);
                let bytes = std::fs::read(&file).unwrap();
                std::fs::write(&file, &bytes[..bytes.len() - 7]).unwrap();
            },
            |evidence| {
                assert_eq!(evidence.stats.dropped_total(), 1, "the torn one");
                assert_eq!(evidence.stats.exported, 399);
            },
        ),
        two_processes(
            "spool_flipped_byte",
            |dir| flip_a_byte(dir, |len| len / 2),
            |evidence| {
                assert!(
                    evidence.stats.exported + evidence.stats.dropped_total() == 400
                        && evidence.stats.exported > 370
                );
            },
        ),
        two_processes(
            "spool_damaged_header",
            |dir| flip_a_byte(dir, |_| 0),
            |evidence| {
                assert!(evidence.stats.exported >= 380, "{:?}", evidence.stats);
            },
        ),
        two_processes(
            "spool_strangers_files",
            |dir| {
                std::fs::write(dir.join("v1/notes.txt"), "mine").unwrap();
                std::fs::create_dir(dir.join("v1/1-2-x")).unwrap();
                std::fs::write(dir.join("v1/1-2-x/0000.batch"), "not ours").unwrap();
            },
            all,
        ),
        bad_disk(
            "spool_gone",
            |dir| {
                let _ = std::fs::remove_dir_all(dir.join("v1"));
            },
            |_| {},
        ),
        bad_disk(
            "spool_a_file_in_the_way",
            |dir| {
                let _ = std::fs::remove_dir_all(dir.join("v1"));
                let _ = std::fs::write(dir.join("v1"), "");
            },
            |_| {},
        ),
        Case::new("spool_two_processes", || {
            let dir = tempfile::tempdir().unwrap();
            let server = MockLangfuse::builder()
                .scenario(Scenario::new().times(6, Action::status(503)))
                .start()
                .unwrap();
            let (one, other) = std::thread::scope(|scope| {
                let run = || {
                    trial(dir.path())
                        .settle(Duration::from_secs(10))
                        .run(exporter(&server), |_| {})
                };
                let (one, other) = (scope.spawn(run), scope.spawn(run));
                (one.join().unwrap(), other.join().unwrap())
            });
            assert_eq!(one.stats.exported + other.stats.exported, 400);
            assert_eq!(server.deliveries().len(), 400);
            assert!(
                server
                    .deliveries()
                    .values()
                    .all(|got| got.acknowledged == 1)
            );
            Outcome {
                recorded: 400,
                exported: 400,
                ..Outcome::default()
            }
        }),
    ]
}
