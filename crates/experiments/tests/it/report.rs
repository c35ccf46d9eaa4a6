//! What a report says: the table, the means, the exit code.

use mock_langfuse::MockLangfuse;
use tracefuse_core::{Tracer, testing::Recorder};
use tracefuse_experiments::{Case, Evaluation, Experiment, ExperimentReport, Item};

use crate::support::tracer;

async fn capitals(tracer: &Tracer) -> ExperimentReport {
    let items = [("France", "Paris"), ("Japan", "Tokyo"), ("Atlantis", "?")];
    Experiment::new(tracer, "capitals")
        .run_name("run 1")
        .description("every release")
        .evaluator("exact-match", |case: &Case| {
            Some(case.output()) == case.expected()
        })
        .evaluator("tone", |_: &Case| "dry")
        .run_evaluator("items", |items| {
            Evaluation::new("items", items.len()).comment("all of them")
        })
        .run(
            items.map(|(input, output)| Item::new(input).expected(output)),
            async |item: Item| match item.input_text() {
                Some("France") => Ok("Paris"),
                Some("Japan") => Ok("Kyoto\u{1b}[31m"),
                _ => Err("no such\ncountry"),
            },
        )
        .await
}

#[tokio::test]
async fn the_table_shows_items_scores_and_failures() {
    let report = capitals(&Recorder::new().tracer()).await;
    let text = report.to_string();
    let (head, table) = text.split_once('\n').unwrap();
    assert!(
        head.starts_with("experiment run 1, 3 items in ") && head.ends_with(" s"),
        "{head}"
    );
    let expected = r"every release

   input     output                    exact-match  tone
1  France    Paris                     true         dry
2  Japan     Kyoto\u{1b}[31m           false        dry
3  Atlantis  failed: no such\ncountry

score        items   mean  least  most
exact-match  2 of 3  0.5   0      1

run score items = 3  all of them

1 of 3 items failed
";
    assert_eq!(table, expected, "{table}");
}

#[tokio::test]
async fn the_exit_code_follows_threshold_and_delivery() {
    let report = capitals(&Recorder::new().tracer()).await;
    assert_eq!(
        report.shortcomings(0.6),
        [
            "1 of 3 items failed",
            "the mean of exact-match is 0.500, less than 0.6",
        ]
    );
    let run = async |tracer: &Tracer, score: f64| {
        let experiment = Experiment::new(tracer, "one").evaluator("score", move |_: &Case| score);
        experiment
            .run([Item::new(1)], async |item: Item| {
                Ok::<_, String>(item.input)
            })
            .await
    };
    let good = Recorder::new().tracer();
    for (score, threshold, code) in [(0.8, 0.8, 0), (0.79, 0.8, 1), (0.8, f64::NAN, 1)] {
        assert_eq!(
            run(&good, score).await.code(threshold),
            code,
            "{score} {threshold}"
        );
    }
    let nothing = Experiment::new(&good, "none")
        .run(Vec::new(), async |item: Item| Ok::<_, String>(item.input))
        .await;
    assert_eq!(
        (nothing.code(0.0), nothing.shortcomings(0.0)),
        (1, vec!["no item ran".to_owned()])
    );

    let server = MockLangfuse::start();
    let lost = tracer(&server, std::time::Duration::from_millis(50));
    server.pause();
    let experiment =
        Experiment::new(&lost, "lost").flush_timeout(std::time::Duration::from_millis(50));
    let report = experiment
        .run([Item::new(1)], async |item: Item| {
            Ok::<_, String>(item.input)
        })
        .await;
    assert_eq!(report.code(0.0), 2);
    assert!(
        report.to_string().contains("not everything was delivered"),
        "{report}"
    );
}

#[tokio::test]
async fn of_many_items_those_that_failed_are_shown() {
    let items: Vec<Item> = (0..200).map(Item::new).collect();
    let report = Experiment::new(&Tracer::noop(), "many")
        .run(items, async |item: Item| match item.input.as_u64() {
            Some(150) => Err("the one"),
            _ => Ok(1),
        })
        .await;
    let text = report.to_string();
    assert!(text.contains("\n151  150    failed: the one\n"), "{text}");
    assert!(
        text.contains("\nand 150 more\n") && text.lines().count() < 60,
        "{text}"
    );
}
