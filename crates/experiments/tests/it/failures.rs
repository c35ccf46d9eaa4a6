//! Items and evaluators that fail, panic or hang; limits; tracers that are off.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use mock_langfuse::MockLangfuse;
use serde::{Serialize, Serializer};
use tracefuse_core::{SampleRate, Tracer, testing::Recorder};
use tracefuse_experiments::{Case, Experiment, Item};

use crate::support::{LONG, rows, tracer};

/// Refuses to be serialized.
struct Stubborn;

impl Serialize for Stubborn {
    fn serialize<S: Serializer>(&self, _: S) -> Result<S::Ok, S::Error> {
        Err(serde::ser::Error::custom("no"))
    }
}

#[tokio::test]
async fn an_item_that_fails_or_panics_does_not_stop_the_run() {
    let server = MockLangfuse::start();
    let tracer = tracer(&server, LONG);
    let items = ["good", "error", "panic", "good"].map(Item::new);
    let report = Experiment::new(&tracer, "mixed")
        .evaluator("ok", |_: &Case| true)
        .run(items, async |item: Item| match item.input_text() {
            Some("error") => Err(std::io::Error::other("no answer")),
            Some("panic") => panic!("boom {}", 7),
            _ => Ok("fine"),
        })
        .await;
    assert!(report.delivery.is_ok(), "{report}");
    let outputs: Vec<_> = report
        .items
        .iter()
        .map(|result| result.output.clone())
        .collect();
    assert_eq!(
        outputs,
        [
            Ok("fine".into()),
            Err("no answer".into()),
            Err("boom 7".into()),
            Ok("fine".into())
        ]
    );
    assert_eq!((report.failed_items(), report.code(0.5)), (2, 1));
    let evaluated: Vec<usize> = report
        .items
        .iter()
        .map(|result| result.evaluations.len())
        .collect();
    assert_eq!(evaluated, [1, 0, 0, 1]);
    for name in ["experiment-item-run", "experiment-item-task"] {
        let mut failed = rows(&server, name);
        assert_eq!(failed.len(), 4);
        failed.retain(|row| row.level == "ERROR");
        let mut said: Vec<_> = failed
            .iter()
            .map(|row| row.output.clone().unwrap())
            .collect();
        said.sort();
        assert_eq!(said, ["Error: boom 7", "Error: no answer"], "{name}");
        assert!(failed.iter().all(|row| row.status_message.is_some()));
    }
    let kinds = rows(&server, "experiment-item-task").into_iter();
    let kinds: Vec<_> = kinds
        .filter_map(|row| row.metadata.get("exception.type").cloned())
        .collect();
    assert_eq!(kinds.len(), 2);
    assert!(kinds.contains(&"panic".into()), "{kinds:?}");
}

#[tokio::test]
async fn an_output_that_cannot_be_serialized_is_a_failure() {
    let recorder = Recorder::new();
    let report = Experiment::new(&recorder.tracer(), "odd")
        .run([Item::new(1)], async |_| Ok::<_, String>(Stubborn))
        .await;
    let error = report.items[0].output.clone().unwrap_err();
    assert_eq!(error, "the output cannot be serialized: no");
}

#[tokio::test]
async fn an_evaluator_that_fails_is_recorded_and_counted() {
    let recorder = Recorder::new();
    let report = Experiment::new(&recorder.tracer(), "judges")
        .evaluator("err", |_: &Case| Err::<f64, _>("no model"))
        .evaluator("panic", |_: &Case| -> f64 { panic!("boom") })
        .evaluator("nan", |_: &Case| f64::NAN)
        .evaluator("good", |_: &Case| 1.0)
        .run_evaluator("run", |_| -> f64 { panic!("run boom") })
        .run([Item::new(1)], async |item: Item| {
            Ok::<_, String>(item.input)
        })
        .await;
    let failures: Vec<_> = report.items[0]
        .failures
        .iter()
        .map(|one| (one.evaluator.as_str(), one.error.as_str()))
        .collect();
    assert_eq!(
        failures,
        [
            ("err", "no model"),
            ("panic", "it panicked: boom"),
            (
                "nan",
                "the score \"nan\" is NaN: a score is a finite number"
            ),
        ]
    );
    assert_eq!(report.run_failures[0].error, "it panicked: run boom");
    assert_eq!(report.items[0].evaluations.len(), 1);
    assert_eq!(report.code(0.0), 1, "a judge that fails judges nothing");
    let panicked = recorder.named("panic");
    assert_eq!(
        panicked.output().unwrap().to_string(),
        "{\"error\":\"it panicked: boom\"}"
    );
    assert_eq!(recorder.scores().len(), 1);
}

#[tokio::test]
async fn no_more_items_run_at_once_than_allowed() {
    let (running, most) = (AtomicUsize::new(0), AtomicUsize::new(0));
    let items: Vec<Item> = (0..40).map(Item::new).collect();
    let report = Experiment::new(&Tracer::noop(), "bounded")
        .max_concurrency(4)
        .run(items, async |item: Item| {
            most.fetch_max(running.fetch_add(1, Ordering::SeqCst) + 1, Ordering::SeqCst);
            for _ in 0..5 {
                tokio::task::yield_now().await;
            }
            running.fetch_sub(1, Ordering::SeqCst);
            Ok::<_, String>(item.input)
        })
        .await;
    assert_eq!(most.load(Ordering::SeqCst), 4);
    let outputs: Vec<_> = report
        .items
        .iter()
        .map(|one| one.output.clone().unwrap())
        .collect();
    let inputs: Vec<_> = report
        .items
        .iter()
        .map(|one| one.item.input.clone())
        .collect();
    assert_eq!(outputs, inputs, "in the order of the items");
    assert_eq!(report.unrecorded_items(), 40);
    assert!(
        report.to_string().contains("nothing was recorded"),
        "{report}"
    );
}

#[tokio::test(start_paused = true)]
async fn an_item_that_hangs_is_given_up() {
    let recorder = Recorder::new();
    let report = Experiment::new(&recorder.tracer(), "hangs")
        .item_timeout(Duration::from_secs(60))
        .run([Item::new("hang"), Item::new("go")], async |item: Item| {
            if item.input_text() == Some("hang") {
                std::future::pending::<()>().await;
            }
            Ok::<_, String>("done")
        })
        .await;
    assert_eq!(
        report.items[0].output,
        Err("the item took more than 60s".to_owned())
    );
    assert!(report.items[1].output.is_ok());
    let tasks = recorder
        .spans()
        .into_iter()
        .filter(|span| span.name() == "experiment-item-task");
    assert_eq!(tasks.count(), 2);
}

#[test]
fn it_runs_without_tokio() {
    let recorder = Recorder::new();
    let experiment = Experiment::new(&recorder.tracer(), "plain");
    let run = experiment.run([Item::new(1)], async |item: Item| {
        Ok::<_, String>(item.input)
    });
    let report = futures::executor::block_on(run);
    assert_eq!((report.failed_items(), report.unrecorded_items()), (0, 0));
    // A limit needs tokio's clock: without it the item fails and says so.
    let limited = Experiment::new(&recorder.tracer(), "plain").item_timeout(LONG);
    let run = limited.run([Item::new(1)], async |item: Item| {
        Ok::<_, String>(item.input)
    });
    assert_eq!(futures::executor::block_on(run).failed_items(), 1);
}

#[tokio::test]
async fn what_the_sampler_leaves_out_is_said() {
    let recorder = Recorder::new();
    let tracer = Tracer::builder(recorder.clone())
        .sample_rate(SampleRate::new(0.0).unwrap())
        .build();
    let report = Experiment::new(&tracer, "sampled")
        .evaluator("ok", |_: &Case| 1.0)
        .run([Item::new(1)], async |item: Item| {
            Ok::<_, String>(item.input)
        })
        .await;
    assert_eq!(
        (report.unrecorded_items(), report.averages()[0].mean),
        (1, 1.0)
    );
    assert!(recorder.spans().is_empty() && recorder.scores().is_empty());
}
