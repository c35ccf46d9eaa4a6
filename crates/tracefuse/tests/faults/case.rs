//! One fault: a server that misbehaves, a load, what is allowed, and what must be true besides.
//! Built by the lists beside; run by `main`.

use std::collections::BTreeMap;
use std::time::Duration;

use mock_langfuse::{MockLangfuse, Scenario, Tls};
use tracefuse::{LangfuseConfig, Tracer};
use tracefuse_langfuse::LangfuseExporter;
use tracefuse_runtime::PipelineConfig;
use tracefuse_runtime::conformance::{Bounds, Evidence, Receipt, Trial};

/// What a table's row says.
pub(crate) struct Outcome {
    pub(crate) recorded: u64,
    pub(crate) exported: u64,
    pub(crate) rejected: u64,
    pub(crate) dropped: u64,
    pub(crate) spooled: u64,
    pub(crate) duplicates: usize,
    pub(crate) slowest_end: Duration,
    pub(crate) verdict: Result<(), String>,
}

impl Default for Outcome {
    fn default() -> Self {
        Self {
            recorded: 0,
            exported: 0,
            rejected: 0,
            dropped: 0,
            spooled: 0,
            duplicates: 0,
            slowest_end: Duration::ZERO,
            verdict: Ok(()),
        }
    }
}

impl Outcome {
    pub(crate) fn of(
        evidence: &Evidence,
        receipts: &BTreeMap<String, Receipt>,
        bounds: &Bounds,
    ) -> Self {
        let stats = &evidence.stats;
        Self {
            recorded: stats.recorded,
            exported: stats.exported,
            rejected: stats.rejected_total(),
            dropped: stats.dropped_total(),
            spooled: stats.spooled,
            duplicates: evidence.duplicates(receipts),
            slowest_end: evidence.slowest_end,
            verdict: evidence
                .check(receipts, bounds)
                .map_err(|violations| violations.to_string()),
        }
    }
}

pub(crate) struct Case {
    pub(crate) name: &'static str,
    body: Box<dyn FnOnce() -> Outcome>,
}

impl Case {
    /// A fault that needs more than a server and a load.
    pub(crate) fn new(name: &'static str, body: impl FnOnce() -> Outcome + 'static) -> Self {
        let body = Box::new(body);
        Self { name, body }
    }

    pub(crate) fn run(self) -> Outcome {
        (self.body)()
    }
}

type Meanwhile = Box<dyn FnOnce(&MockLangfuse, &Tracer)>;
type Expect = Box<dyn FnOnce(&Evidence, &MockLangfuse)>;
type Reach = Box<dyn FnOnce(LangfuseConfig, &MockLangfuse) -> LangfuseConfig>;

/// A fault between us and one Langfuse server.
pub(crate) struct Fault {
    name: &'static str,
    scenario: Scenario,
    tls: Option<Tls>,
    trial: Trial,
    bounds: Bounds,
    down: bool,
    fails: bool,
    reach: Reach,
    meanwhile: Meanwhile,
    expect: Expect,
}

/// 200 spans in batches of 20 against a script; times are a hundredth of the real ones.
pub(crate) fn fault(name: &'static str, scenario: Scenario) -> Fault {
    Fault {
        name,
        scenario,
        tls: None,
        trial: Trial::new(200)
            .config(quick)
            // A limit that a busy machine keeps; a shutdown that has nothing left to do returns at once.
            .shutdown(Duration::from_secs(30)),
        bounds: Bounds::lossless(),
        down: false,
        fails: false,
        reach: Box::new(|config, _| config),
        meanwhile: Box::new(|_, _| {}),
        expect: Box::new(|_, _| {}),
    }
}

/// Times a hundred times shorter than the defaults, bounds the same.
pub(crate) fn quick(config: &mut PipelineConfig) {
    config.batch_size = 20;
    config.flush_interval = Duration::from_millis(50);
    config.retry_base = Duration::from_millis(5);
    config.retry_cap = Duration::from_millis(300);
    config.circuit_breaker_reset = Duration::from_millis(100);
}

impl Fault {
    pub(crate) fn tls(mut self, tls: Tls) -> Self {
        self.tls = Some(tls);
        self
    }

    pub(crate) fn trial(mut self, change: impl FnOnce(Trial) -> Trial) -> Self {
        self.trial = change(self.trial);
        self
    }

    pub(crate) fn config(self, change: impl FnOnce(&mut PipelineConfig)) -> Self {
        self.trial(|trial| trial.config(change))
    }

    pub(crate) fn bounds(mut self, bounds: Bounds) -> Self {
        self.bounds = bounds;
        self
    }

    /// Nothing gets through, so there is no use in waiting long.
    pub(crate) fn hopeless(mut self) -> Self {
        self.fails = true;
        self.bounds(Bounds::accounted()).trial(|trial| {
            trial
                .settle(Duration::from_millis(400))
                .shutdown(Duration::from_millis(500))
        })
    }

    /// No attempt ends before the shutdown: the server is silent.
    pub(crate) fn silent(mut self) -> Self {
        self.fails = false;
        self
    }

    /// The server does not listen when the trial begins.
    pub(crate) fn down(mut self) -> Self {
        self.down = true;
        self
    }

    pub(crate) fn reach(
        mut self,
        change: impl FnOnce(LangfuseConfig, &MockLangfuse) -> LangfuseConfig + 'static,
    ) -> Self {
        self.reach = Box::new(change);
        self
    }

    pub(crate) fn meanwhile(mut self, act: impl FnOnce(&MockLangfuse, &Tracer) + 'static) -> Self {
        self.meanwhile = Box::new(act);
        self
    }

    pub(crate) fn expect(
        mut self,
        expect: impl FnOnce(&Evidence, &MockLangfuse) + 'static,
    ) -> Self {
        self.expect = Box::new(expect);
        self
    }

    pub(crate) fn outcome(self) -> Outcome {
        let mut server = MockLangfuse::builder().scenario(self.scenario);
        if let Some(tls) = self.tls {
            server = server.tls(tls);
        }
        let server = server.start().unwrap();
        if self.down {
            server.pause();
        }
        let config = LangfuseConfig::new(server.public_key(), server.secret_key())
            .base_url(server.url())
            .timeout(Duration::from_secs(2));
        let config = (self.reach)(config, &server);
        let exporter = LangfuseExporter::new(config).unwrap();
        let evidence = self.trial.run(exporter, |tracer| {
            (self.meanwhile)(&server, tracer);
            // A busy machine may need longer for the first attempt than the trial lasts.
            if self.fails {
                let failed = wait_for(|| tracer.stats().exporters[0].failed_attempts > 0);
                assert!(failed, "no attempt has failed");
            }
        });
        (self.expect)(&evidence, &server);
        Outcome::of(&evidence, &receipts(&server), &self.bounds)
    }
}

pub(crate) fn receipts(server: &MockLangfuse) -> BTreeMap<String, Receipt> {
    let deliveries = server.deliveries();
    deliveries
        .into_iter()
        .map(|(id, got)| (id, Receipt::new(got.stored, got.acknowledged)))
        .collect()
}

impl From<Fault> for Case {
    fn from(fault: Fault) -> Self {
        Self::new(fault.name, move || fault.outcome())
    }
}

/// The last error names what went wrong, in words of people.
#[track_caller]
pub(crate) fn says(evidence: &Evidence, words: &[&str]) {
    let error = evidence.stats.last_error.as_deref().unwrap_or_default();
    for word in words {
        assert!(error.contains(word), "{word:?} is not in {error:?}");
    }
}

/// Waits until something is true, for half a minute at most. Whether it is.
pub(crate) fn wait_for(condition: impl Fn() -> bool) -> bool {
    for _ in 0..15_000 {
        if condition() {
            return true;
        }
        std::thread::park_timeout(Duration::from_millis(2));
    }
    false
}
