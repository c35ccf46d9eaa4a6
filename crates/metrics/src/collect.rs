//! A snapshot of all numbers at one moment: families of points with attributes, for any format.
//! Called for each scrape and each export. Reads `series`; the formats read what is made here.

use std::collections::BTreeMap;
use std::sync::atomic::Ordering;

use crate::facts::Operation;
use crate::instrument::{self as i, Instrument};
use crate::labels::{Labels, error, labels, with};
use crate::series::{Series, Table, TokenCounts};
use crate::tokens::{CACHE_READ, CACHE_WRITE, INPUT, MODALITIES, OUTPUT, REASONING};

/// The value of a point.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Value {
    Number(u64),
    Distribution { counts: Vec<u64>, sum: f64 },
}

impl Value {
    fn add(&mut self, other: Self) {
        match (self, other) {
            (Self::Number(to), Self::Number(more)) => *to += more,
            (
                Self::Distribution { counts, sum },
                Self::Distribution {
                    counts: more,
                    sum: more_sum,
                },
            ) => {
                counts
                    .iter_mut()
                    .zip(more)
                    .for_each(|(to, more)| *to += more);
                *sum += more_sum;
            }
            _ => {}
        }
    }
}

/// All points of all instruments. Points with equal attributes are one.
#[derive(Debug, Default)]
pub(crate) struct Snapshot(pub(crate) BTreeMap<&'static str, Family>);

/// The points of one instrument.
#[derive(Debug)]
pub(crate) struct Family {
    pub(crate) instrument: &'static Instrument,
    pub(crate) points: BTreeMap<Labels, Value>,
}

impl Snapshot {
    pub(crate) fn add(&mut self, instrument: &'static Instrument, labels: Labels, value: Value) {
        let family = self.0.entry(instrument.name).or_insert_with(|| Family {
            instrument,
            points: BTreeMap::new(),
        });
        match family.points.get_mut(&labels) {
            Some(known) => known.add(value),
            None => {
                family.points.insert(labels, value);
            }
        }
    }

    pub(crate) fn number(&mut self, instrument: &'static Instrument, labels: Labels, value: u64) {
        self.add(instrument, labels, Value::Number(value));
    }

    /// Adds what the spans of a table measured.
    pub(crate) fn table(&mut self, table: &Table, older_names: bool) {
        table.each(|series| self.series(series, older_names));
    }

    fn series(&mut self, series: &Series, older_names: bool) {
        let base = labels(series);
        let failed = with(&base, error(series));
        let bounds = series.bounds();
        let duration = Value::Distribution {
            counts: series.duration.counts(bounds),
            sum: series.duration.seconds(),
        };
        match series.operation {
            Operation::Inference => {
                if older_names {
                    self.add(i::OPERATION_DURATION, failed.clone(), duration.clone());
                }
                self.add(i::INFERENCE_DURATION, failed.clone(), duration);
            }
            Operation::Embeddings | Operation::Retrieval => {
                self.add(i::OPERATION_DURATION, failed.clone(), duration);
            }
            Operation::Tool => self.add(i::TOOL_DURATION, failed.clone(), duration),
            Operation::Agent => self.add(i::AGENT_DURATION, failed.clone(), duration),
        }
        if let Some(tokens) = &series.tokens {
            self.tokens(series.operation, tokens, &base, &failed, older_names);
        }
        if let Some(stream) = series.stream.get() {
            for (instrument, times) in [
                (i::FIRST_CHUNK, &stream.first_chunk),
                (i::OUTPUT_CHUNK, &stream.output_chunk),
            ] {
                let counts = times.counts(instrument.bounds);
                if counts.iter().any(|count| *count > 0) {
                    let sum = times.seconds();
                    self.add(
                        instrument,
                        base.clone(),
                        Value::Distribution { counts, sum },
                    );
                }
            }
        }
    }

    fn tokens(
        &mut self,
        operation: Operation,
        tokens: &TokenCounts,
        base: &Labels,
        failed: &Labels,
        older_names: bool,
    ) {
        for (instrument, kind) in [
            (i::INPUT_TOKENS, INPUT),
            (i::OUTPUT_TOKENS, OUTPUT),
            (i::CACHE_READ_TOKENS, CACHE_READ),
            (i::CACHE_WRITE_TOKENS, CACHE_WRITE),
            (i::REASONING_TOKENS, REASONING),
        ] {
            if operation == Operation::Embeddings && kind != INPUT {
                continue;
            }
            let units = tokens.units(kind);
            for (at, (modality, units)) in MODALITIES.iter().zip(units).enumerate() {
                // A call without usage counts as 0 of an unknown modality.
                if units > 0 || at == 0 {
                    let modality = Some(("gen_ai.token.modality", (*modality).to_owned()));
                    self.number(instrument, with(base, modality), units);
                }
            }
        }
        let unknown = tokens.unknown.load(Ordering::Relaxed);
        for (instrument, kind, token_type, histogram) in [
            (i::CALL_INPUT_TOKENS, INPUT, "input", &tokens.input),
            (i::CALL_OUTPUT_TOKENS, OUTPUT, "output", &tokens.output),
        ] {
            let mut counts = histogram.counts(instrument.bounds);
            let sum = tokens.units(kind).iter().sum::<u64>() as f64;
            if older_names && counts.iter().any(|count| *count > 0) {
                let token_type = Some(("gen_ai.token.type", token_type.to_owned()));
                let counts = counts.clone();
                let value = Value::Distribution { counts, sum };
                self.add(i::TOKEN_USAGE, with(base, token_type), value);
            }
            if operation == Operation::Inference {
                if let Some(first) = counts.first_mut() {
                    *first += unknown;
                }
                self.add(
                    instrument,
                    failed.clone(),
                    Value::Distribution { counts, sum },
                );
            }
        }
    }
}
