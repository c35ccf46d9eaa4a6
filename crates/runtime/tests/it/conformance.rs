//! The kit for authors of exporters: a good one passes, and each rule finds what it is for.

use std::collections::BTreeMap;
use std::sync::OnceLock;
use std::time::{Duration, Instant};

use tracefuse_core::DropReason;
use tracefuse_exporter::{
    Batch, ExportError, ExportReport, Exporter, InMemoryExporter, async_trait,
};
use tracefuse_runtime::conformance::{Bounds, Evidence, Receipt, Trial};

type Receipts = BTreeMap<String, Receipt>;

const SPANS: usize = 20;
const SCORES: usize = 2;
const ALL: u64 = (SPANS + SCORES) as u64;

/// What a good exporter leaves behind.
fn good() -> (Evidence, Receipts) {
    const SETTLE: Duration = Duration::from_secs(30);
    let exporter = InMemoryExporter::new();
    let start = Instant::now();
    let evidence = Trial::new(SPANS)
        .scores(SCORES)
        .threads(3)
        .input_bytes(7)
        .config(|config| {
            config.batch_size = 4;
            config.flush_interval = Duration::from_millis(1);
        })
        // The wait for outcomes is enough: nothing is left for the shutdown.
        .settle(SETTLE)
        .shutdown(Duration::ZERO)
        .run(exporter.clone(), |_| {});
    assert!(start.elapsed() < SETTLE, "it waits no longer than needed");
    let inputs = exporter
        .spans()
        .into_iter()
        .map(|span| span.input().map(|input| input.size()));
    assert!(inputs.into_iter().all(|bytes| bytes == Some(7)));
    let spans = exporter
        .spans()
        .into_iter()
        .map(|span| span.span_id().to_string());
    let scores = exporter.scores().into_iter().map(|score| score.id);
    let receipts = spans.chain(scores).map(|id| (id, Receipt::new(1, 1)));
    (evidence, receipts.collect())
}

/// Bounds that a loaded machine keeps.
fn bounds(mut bounds: Bounds) -> Bounds {
    (bounds.slowest_end, bounds.slow_end) = (Duration::MAX, Duration::MAX);
    bounds
}

/// The rules that a change of good evidence breaks.
#[track_caller]
fn check(change: impl FnOnce(&mut Evidence, &mut Receipts), bounds: Bounds, broken: &[&str]) {
    static GOOD: OnceLock<(Evidence, Receipts)> = OnceLock::new();
    let (mut evidence, mut receipts) = GOOD.get_or_init(good).clone();
    evidence.closing.0 = Duration::ZERO;
    change(&mut evidence, &mut receipts);
    let words = match evidence.check(&receipts, &bounds) {
        Ok(()) => String::new(),
        Err(violations) => violations.to_string(),
    };
    let found = words.split("; ").filter(|words| !words.is_empty());
    assert_eq!(found.count(), broken.len(), "{words}");
    for rule in broken {
        assert!(words.contains(rule), "expected {rule:?} in {words:?}");
    }
}

fn first(receipts: &mut Receipts) -> &mut Receipt {
    receipts.values_mut().next().unwrap()
}

#[test]
fn a_good_exporter_passes() {
    let (evidence, receipts) = good();
    assert_eq!(evidence.recorded.len() as u64, ALL);
    assert_eq!((evidence.stats.exported, evidence.report.lost), (ALL, 0));
    assert!(evidence.slow_end <= evidence.slowest_end);
    // Half a minute, which no end of a span takes on a loaded machine either.
    let most = Duration::from_secs(30);
    assert!(evidence.slowest_end < most && evidence.closing.0 < most);
    assert_eq!(evidence.duplicates(&receipts), 0);
    check(|_, _| {}, bounds(Bounds::lossless()), &[]);
}

/// Never answers.
struct Silent;

#[async_trait]
impl Exporter for Silent {
    fn name(&self) -> &str {
        "silent"
    }

    async fn export(&self, _: &Batch) -> Result<ExportReport, ExportError> {
        std::future::pending().await
    }
}

#[test]
fn a_trial_ends_though_the_exporter_never_answers() {
    let evidence = Trial::new(1)
        .settle(Duration::from_millis(10))
        .shutdown(Duration::ZERO)
        .run(Silent, |_| {});
    assert_eq!((evidence.recorded.len(), evidence.stats.exported), (1, 0));
}

#[cfg(feature = "spool")]
#[test]
fn a_trial_with_a_spool_keeps_on_disk_what_is_not_delivered_and_waits_for_it() {
    const LONG: Duration = Duration::from_secs(30);
    let dir = tempfile::tempdir().unwrap();
    let settle = Duration::from_millis(20);
    let start = Instant::now();
    let mut stored = Duration::ZERO;
    let evidence = Trial::new(3)
        .config(|config| {
            config.flush_interval = Duration::from_millis(1);
            config.max_retries = 0;
            config.circuit_breaker_threshold = 1;
        })
        .spool(dir.path(), tracefuse_runtime::SpoolMode::OnFailure)
        .settle(settle)
        .shutdown(LONG)
        .run(crate::outages::Down, |tracer| {
            // Nothing is left in memory when the wait begins.
            while tracer.stats().exporters[0].spooled < 3 && start.elapsed() < LONG {
                std::thread::yield_now();
            }
            stored = start.elapsed();
        });
    assert!(start.elapsed() >= stored + settle, "it waits for the disk");
    let stats = &evidence.stats;
    assert_eq!((stats.spooled, stats.pending()), (3, 0), "{stats:?}");
}

#[test]
fn a_trial_measures_how_long_ends_and_the_shutdown_take() {
    const WAIT: Duration = Duration::from_millis(20);
    let start = Instant::now();
    // The first span is sent for ever and the second one waits; the others wait for room.
    let evidence = Trial::new(6)
        .config(|config| {
            (config.batch_size, config.max_queue_size) = (1, 1);
            config.overload = tracefuse_runtime::Overload::Block(WAIT);
        })
        .settle(Duration::ZERO)
        .shutdown(WAIT)
        .run(Silent, |_| {});
    let most = start.elapsed();
    assert!(
        (WAIT..most).contains(&evidence.slowest_end),
        "{:?} of {most:?}",
        evidence.slowest_end
    );
    assert!(
        (WAIT..most).contains(&evidence.closing.0),
        "{:?} of {most:?}",
        evidence.closing.0
    );
    assert_eq!(evidence.closing.1, WAIT);
}

#[test]
fn violations_are_shown_as_sentences_by_both_formats() {
    let (mut evidence, receipts) = good();
    evidence.stats.queued += 1;
    let violations = evidence
        .check(&receipts, &bounds(Bounds::lossless()))
        .unwrap_err();
    let shown = violations.to_string();
    assert!(shown.contains("do not add up"), "{shown}");
    assert_eq!(format!("{violations:?}"), shown);
}

#[test]
fn a_trial_waits_for_outcomes_as_long_as_it_says() {
    const RECORDING: Duration = Duration::from_millis(50);
    const SETTLE: Duration = Duration::from_millis(80);
    let start = Instant::now();
    let evidence = Trial::new(1)
        .settle(SETTLE)
        .shutdown(Duration::ZERO)
        // The wait begins when everything is recorded.
        .run(Silent, |_| while start.elapsed() < RECORDING {});
    assert_eq!(evidence.stats.exported, 0);
    assert!(start.elapsed() >= RECORDING + SETTLE);
}

#[test]
fn each_rule_about_numbers_finds_what_it_is_for() {
    let lossless = bounds(Bounds::lossless());
    let accounted = bounds(Bounds::accounted());
    check(|e, _| e.stats.queued += 1, accounted, &["do not add up"]);
    let forgotten = |e: &mut Evidence, _: &mut Receipts| {
        e.stats.recorded -= 1;
        e.stats.exported -= 1;
    };
    let words = [
        "22 records were made, 21 were counted",
        "21 exported, 22 acknowledged",
    ];
    check(forgotten, accounted, &words);
    let stranger = |_: &mut Evidence, receipts: &mut Receipts| {
        receipts.insert("stranger".into(), Receipt::new(1, 0));
    };
    check(
        stranger,
        lossless,
        &["1 records arrived that were not recorded"],
    );
    // Unless it is from the process before.
    let recovered = |e: &mut Evidence, receipts: &mut Receipts| {
        receipts.insert("earlier".into(), Receipt::new(1, 1));
        e.stats.recovered += 1;
        e.stats.recorded += 1;
        e.stats.exported += 1;
    };
    check(recovered, lossless, &[]);
    // An error of the receiver, or of the one that counts what it exported.
    let unsaid = |_: &mut Evidence, receipts: &mut Receipts| first(receipts).acknowledged = 0;
    check(
        unsaid,
        lossless,
        &["22 exported, 21 acknowledged, 0 in doubt"],
    );
    check(unsaid, lossless.untrusted(), &[]);
    let twice = |_: &mut Evidence, receipts: &mut Receipts| *first(receipts) = Receipt::new(2, 2);
    check(twice, lossless, &["spans acknowledged twice: 1"]);
    check(twice, lossless.with_duplicates(), &[]);
    let received_twice =
        |_: &mut Evidence, receipts: &mut Receipts| *first(receipts) = Receipt::new(2, 1);
    check(received_twice, lossless, &[]);
}

#[test]
fn what_is_lost_must_not_have_arrived() {
    let dropped = |maybe_delivered: u64| {
        move |e: &mut Evidence| {
            e.stats.exported -= 1;
            e.stats.dropped.insert(DropReason::MaxAge, 1);
            e.stats.maybe_delivered = maybe_delivered;
        }
    };
    let accounted = bounds(Bounds::accounted());
    let arrived = |e: &mut Evidence, _: &mut Receipts| dropped(0)(e);
    check(
        arrived,
        accounted,
        &[
            "21 exported, 22 acknowledged, 0 in doubt",
            "spans reported as lost: 1, but only 0",
        ],
    );
    check(|e, _| dropped(1)(e), accounted, &[]);
    let missing = |e: &mut Evidence, receipts: &mut Receipts| {
        dropped(0)(e);
        *first(receipts) = Receipt::new(0, 0);
    };
    check(missing, accounted, &[]);
    check(
        missing,
        bounds(Bounds::lossless()),
        &["not everything was exported"],
    );
}

#[test]
fn what_has_no_outcome_may_have_arrived() {
    let open = |lost: u64| {
        move |e: &mut Evidence, _: &mut Receipts| {
            e.stats.exported -= lost + 2 + 3 + 4;
            e.stats.dropped.insert(DropReason::MaxAge, lost);
            e.stats.maybe_delivered = 1;
            (e.stats.spooled, e.stats.queued, e.stats.in_flight) = (2, 3, 4);
        }
    };
    let accounted = bounds(Bounds::accounted());
    check(open(1), accounted, &[]);
    check(
        open(2),
        accounted,
        &[
            "11 exported, 22 acknowledged, 10 in doubt",
            "spans reported as lost: 1, but only 0",
        ],
    );
}

#[test]
fn times_are_allowed_up_to_their_bounds() {
    let tick = Duration::from_nanos(1);
    let second = Duration::from_secs(1);
    let mut tight = Bounds::lossless();
    (tight.slowest_end, tight.slow_end) = (2 * second, second);
    let ends = |slowest, slow| {
        move |e: &mut Evidence, _: &mut Receipts| (e.slowest_end, e.slow_end) = (slowest, slow)
    };
    check(ends(2 * second, second), tight, &[]);
    check(
        ends(2 * second + tick, second),
        tight,
        &["ending a span took 2.000000001s"],
    );
    check(
        ends(2 * second, second + tick),
        tight,
        &["one of ten ends took 1.000000001s"],
    );
    let closing = |took| move |e: &mut Evidence, _: &mut Receipts| e.closing = (took, second);
    let longest = Duration::from_millis(1_600);
    let lossless = bounds(Bounds::lossless());
    check(closing(longest), lossless, &[]);
    check(
        closing(longest + tick),
        lossless,
        &["the shutdown took 1.600000001s of 1s"],
    );
}
