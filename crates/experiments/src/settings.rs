//! The parts of an experiment. Filled by `experiment`, read by `run`.

use std::time::Duration;

use serde_json::{Map, Value};
use tracefuse_core::Tracer;

use crate::evaluator::{Case, Evaluator};
use crate::report::Results;

pub(crate) struct Settings {
    pub(crate) tracer: Tracer,
    pub(crate) name: String,
    pub(crate) run_name: Option<String>,
    pub(crate) id: Option<String>,
    pub(crate) description: Option<String>,
    pub(crate) metadata: Map<String, Value>,
    pub(crate) evaluators: Vec<Evaluator<Case>>,
    pub(crate) run_evaluators: Vec<Evaluator<Results>>,
    pub(crate) max_concurrency: usize,
    pub(crate) item_timeout: Option<Duration>,
    pub(crate) flush_timeout: Duration,
    #[cfg(feature = "progress")]
    pub(crate) progress: bool,
}

impl Settings {
    /// The defaults, as each setter of `Experiment` states them.
    pub(crate) fn new(tracer: Tracer, name: String) -> Self {
        Self {
            tracer,
            name,
            run_name: None,
            id: None,
            description: None,
            metadata: Map::new(),
            evaluators: Vec::new(),
            run_evaluators: Vec::new(),
            max_concurrency: 50,
            item_timeout: None,
            flush_timeout: Duration::from_secs(30),
            #[cfg(feature = "progress")]
            progress: false,
        }
    }
}
