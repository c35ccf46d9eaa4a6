//! Sums that are kept for sessions, users, hours and models, so that no list and no plot reads spans.
//! Filled by `apply` during a transaction and written at its end; read by `overview`.

use std::collections::HashMap;

use rusqlite::{Connection, params};
use tracefuse_core::Level;

use super::error::StoreError;
use super::rows::{signed, total_units, units};
use crate::model::{ObservationRow, TraceRow};

pub(crate) const HOUR_NS: i64 = 3_600_000_000_000;

/// What a trace adds to the sums.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Contribution {
    start_ns: i64,
    user_id: Option<String>,
    session_id: Option<String>,
    is_error: bool,
    latency: Option<i64>,
    spans: i64,
    input_tokens: i64,
    output_tokens: i64,
    total_tokens: i64,
    cost: f64,
}

impl Contribution {
    pub(crate) fn of(row: &TraceRow) -> Self {
        Self {
            start_ns: row.start_ns,
            user_id: row.user_id.clone(),
            session_id: row.session_id.clone(),
            is_error: row.errors > 0,
            latency: row.latency_ns().map(bucket),
            spans: signed(row.spans),
            input_tokens: signed(row.input_tokens),
            output_tokens: signed(row.output_tokens),
            total_tokens: signed(row.total_tokens),
            cost: row.cost.unwrap_or(0.0),
        }
    }
}

/// The bucket of a length of time: eight for each doubling, so that its bounds are 9 % apart.
pub(crate) fn bucket(nanos: i64) -> i64 {
    let nanos = nanos.max(1) as f64;
    (nanos.log2() * 8.0).floor() as i64
}

/// The middle of a bucket in nanoseconds.
pub(crate) fn of_bucket(bucket: i64) -> i64 {
    ((bucket as f64 + 0.5) / 8.0).exp2() as i64
}

#[derive(Clone, Debug, Default)]
struct Sums {
    traces: i64,
    errors: i64,
    spans: i64,
    input_tokens: i64,
    output_tokens: i64,
    total_tokens: i64,
    cost: f64,
    user_id: Option<String>,
}

impl Sums {
    fn add(&mut self, trace: &Contribution, sign: i64) {
        self.traces += sign;
        self.errors += sign * i64::from(trace.is_error);
        self.spans += sign * trace.spans;
        self.input_tokens = self
            .input_tokens
            .saturating_add(trace.input_tokens.saturating_mul(sign));
        self.output_tokens = self
            .output_tokens
            .saturating_add(trace.output_tokens.saturating_mul(sign));
        self.total_tokens = self
            .total_tokens
            .saturating_add(trace.total_tokens.saturating_mul(sign));
        self.cost += sign as f64 * trace.cost;
        if sign > 0 && trace.user_id.is_some() {
            self.user_id.clone_from(&trace.user_id);
        }
    }
}

#[derive(Clone, Debug, Default)]
struct Calls {
    calls: i64,
    errors: i64,
    input_tokens: i64,
    output_tokens: i64,
    total_tokens: i64,
    cost: f64,
}

/// What a transaction adds.
#[derive(Debug, Default)]
pub(crate) struct Totals {
    sessions: HashMap<String, Sums>,
    users: HashMap<String, Sums>,
    hours: HashMap<i64, Sums>,
    latencies: HashMap<(i64, i64), i64>,
    models: HashMap<(i64, String), Calls>,
}

impl Totals {
    /// A trace that was as `before` says is now as `after` says.
    pub(crate) fn trace(&mut self, before: Option<&Contribution>, after: Option<&Contribution>) {
        if before == after {
            return;
        }
        for (trace, sign) in [(before, -1), (after, 1)] {
            let Some(trace) = trace else { continue };
            if let Some(session) = &trace.session_id {
                self.sessions
                    .entry(session.clone())
                    .or_default()
                    .add(trace, sign);
            }
            if let Some(user) = &trace.user_id {
                self.users.entry(user.clone()).or_default().add(trace, sign);
            }
            let hour = trace.start_ns.div_euclid(HOUR_NS);
            self.hours.entry(hour).or_default().add(trace, sign);
            if let Some(latency) = trace.latency {
                *self.latencies.entry((hour, latency)).or_default() += sign;
            }
        }
    }

    /// A trace was deleted for its age: its session and its user lose it, the totals over time keep it.
    pub(crate) fn forget(&mut self, row: &TraceRow) {
        let trace = Contribution::of(row);
        if let Some(session) = &trace.session_id {
            self.sessions
                .entry(session.clone())
                .or_default()
                .add(&trace, -1);
        }
        if let Some(user) = &trace.user_id {
            self.users.entry(user.clone()).or_default().add(&trace, -1);
        }
    }

    /// A call of a model was added or taken away.
    pub(crate) fn model(&mut self, span: &ObservationRow, sign: i64) {
        let Some(model) = &span.model else { return };
        let hour = span.start_ns.div_euclid(HOUR_NS);
        let calls = self.models.entry((hour, model.clone())).or_default();
        let add = |known: &mut i64, units: u64| {
            *known = known.saturating_add(signed(units).saturating_mul(sign));
        };
        calls.calls += sign;
        calls.errors += sign * i64::from(span.level == Level::Error);
        add(&mut calls.input_tokens, units(span, "input"));
        add(&mut calls.output_tokens, units(span, "output"));
        add(&mut calls.total_tokens, total_units(span));
        calls.cost += sign as f64 * span.cost.get("total").copied().unwrap_or(0.0);
    }

    pub(crate) fn write(self, db: &Connection) -> Result<(), StoreError> {
        // The first and the last start are looked up: a trace's start changes when an earlier span arrives.
        let mut put = db.prepare_cached(
            "INSERT INTO session(id, traces, errors, first_ns, last_ns, total_tokens, cost, user_id) VALUES(?1, ?2, ?3, \
             coalesce((SELECT min(start_ns) FROM trace WHERE session_id = ?1), 0), \
             coalesce((SELECT max(start_ns) FROM trace WHERE session_id = ?1), 0), ?4, ?5, ?6) \
             ON CONFLICT(id) DO UPDATE SET traces = traces + ?2, errors = errors + ?3, first_ns = excluded.first_ns, \
             last_ns = excluded.last_ns, total_tokens = total_tokens + ?4, cost = cost + ?5, user_id = coalesce(?6, user_id)",
        )?;
        for (id, sums) in &self.sessions {
            put.execute(params![
                id,
                sums.traces,
                sums.errors,
                sums.total_tokens,
                sums.cost,
                sums.user_id
            ])?;
            if sums.traces < 0 {
                db.execute("DELETE FROM session WHERE id = ?1 AND traces <= 0", [id])?;
            }
        }
        let mut put = db.prepare_cached(
            "INSERT INTO user(id, traces, errors, first_ns, last_ns, total_tokens, cost) VALUES(?1, ?2, ?3, \
             coalesce((SELECT min(start_ns) FROM trace WHERE user_id = ?1), 0), \
             coalesce((SELECT max(start_ns) FROM trace WHERE user_id = ?1), 0), ?4, ?5) \
             ON CONFLICT(id) DO UPDATE SET traces = traces + ?2, errors = errors + ?3, first_ns = excluded.first_ns, \
             last_ns = excluded.last_ns, total_tokens = total_tokens + ?4, cost = cost + ?5",
        )?;
        for (id, sums) in &self.users {
            put.execute(params![
                id,
                sums.traces,
                sums.errors,
                sums.total_tokens,
                sums.cost
            ])?;
            if sums.traces < 0 {
                db.execute("DELETE FROM user WHERE id = ?1 AND traces <= 0", [id])?;
            }
        }
        let mut put = db.prepare_cached(
            "INSERT INTO hour VALUES(?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8) ON CONFLICT(hour) DO UPDATE SET traces = traces + ?2, \
             errors = errors + ?3, spans = spans + ?4, input_tokens = input_tokens + ?5, \
             output_tokens = output_tokens + ?6, total_tokens = total_tokens + ?7, cost = cost + ?8",
        )?;
        for (hour, sums) in &self.hours {
            put.execute(params![
                hour,
                sums.traces,
                sums.errors,
                sums.spans,
                sums.input_tokens,
                sums.output_tokens,
                sums.total_tokens,
                sums.cost
            ])?;
        }
        let mut put = db.prepare_cached(
            "INSERT INTO hour_latency VALUES(?1, ?2, ?3) ON CONFLICT(hour, bucket) DO UPDATE SET traces = traces + ?3",
        )?;
        for ((hour, bucket), traces) in &self.latencies {
            put.execute(params![hour, bucket, traces])?;
        }
        let mut put = db.prepare_cached(
            "INSERT INTO hour_model VALUES(?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8) ON CONFLICT(hour, model) DO UPDATE SET \
             calls = calls + ?3, errors = errors + ?4, input_tokens = input_tokens + ?5, \
             output_tokens = output_tokens + ?6, total_tokens = total_tokens + ?7, cost = cost + ?8",
        )?;
        for ((hour, model), calls) in &self.models {
            put.execute(params![
                hour,
                model,
                calls.calls,
                calls.errors,
                calls.input_tokens,
                calls.output_tokens,
                calls.total_tokens,
                calls.cost
            ])?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bucket_is_within_a_tenth_of_its_lengths() {
        for nanos in [1_i64, 999, 1_000_000, 1_234_567_890, 3_600_000_000_000] {
            let middle = of_bucket(bucket(nanos)) as f64;
            let off = (middle / nanos as f64 - 1.0).abs();
            assert!(off < 0.1, "{nanos}: {middle}");
        }
    }
}
