//! Totals over time, from the rows of hours.
//! Called by `Store`.

use std::collections::BTreeMap;

use rusqlite::{Connection, params};

use super::error::StoreError;
use super::rows::unsigned;
use super::totals::{HOUR_NS, of_bucket};
use crate::model::{ModelTotal, Overview, Period, Totals};

const DAY_NS: i64 = 24 * HOUR_NS;
/// More periods than this are not made: a range of ten years has 3653 days.
const PERIODS: i64 = 4000;

pub(crate) fn overview(db: &Connection, from_ns: i64, to_ns: i64) -> Result<Overview, StoreError> {
    let range = to_ns.saturating_sub(from_ns);
    let period = if range <= 2 * DAY_NS { HOUR_NS } else { DAY_NS };
    let from = from_ns.div_euclid(period);
    let to = to_ns.saturating_sub(1).div_euclid(period).max(from);
    // A range that is too long is cut at its beginning.
    let from = from.max(to.saturating_sub(PERIODS - 1));
    let (from_ns, to_ns) = (
        from.saturating_mul(period),
        to.saturating_add(1).saturating_mul(period),
    );
    let hours = params![from_ns.div_euclid(HOUR_NS), to_ns.div_euclid(HOUR_NS)];
    let mut periods: Vec<Period> = (from..=to)
        .map(|at| Period {
            start_ns: at.saturating_mul(period),
            totals: Totals::default(),
        })
        .collect();
    let place = |hour: i64| {
        let at = hour
            .saturating_mul(HOUR_NS)
            .saturating_sub(from_ns)
            .div_euclid(period);
        usize::try_from(at).ok()
    };
    let mut total = Totals::default();
    let mut rows = db.prepare_cached(
        "SELECT hour, traces, errors, spans, input_tokens, output_tokens, total_tokens, cost FROM hour \
         WHERE hour >= ?1 AND hour < ?2",
    )?;
    let mut rows = rows.query(hours)?;
    while let Some(row) = rows.next()? {
        let sums = Totals {
            traces: unsigned(row.get(1)?),
            errors: unsigned(row.get(2)?),
            spans: unsigned(row.get(3)?),
            input_tokens: unsigned(row.get(4)?),
            output_tokens: unsigned(row.get(5)?),
            total_tokens: unsigned(row.get(6)?),
            cost: row.get::<_, f64>(7)?.max(0.0),
            ..Totals::default()
        };
        add(&mut total, &sums);
        if let Some(period) = place(row.get(0)?).and_then(|at| periods.get_mut(at)) {
            add(&mut period.totals, &sums);
        }
    }
    let mut latencies: BTreeMap<usize, BTreeMap<i64, i64>> = BTreeMap::new();
    let mut all: BTreeMap<i64, i64> = BTreeMap::new();
    let mut rows = db.prepare_cached(
        "SELECT hour, bucket, traces FROM hour_latency WHERE hour >= ?1 AND hour < ?2",
    )?;
    let mut rows = rows.query(hours)?;
    while let Some(row) = rows.next()? {
        let (bucket, traces): (i64, i64) = (row.get(1)?, row.get(2)?);
        *all.entry(bucket).or_default() += traces;
        if let Some(at) = place(row.get(0)?) {
            *latencies.entry(at).or_default().entry(bucket).or_default() += traces;
        }
    }
    for (at, buckets) in &latencies {
        if let Some(period) = periods.get_mut(*at) {
            percentiles(&mut period.totals, buckets);
        }
    }
    percentiles(&mut total, &all);
    Ok(Overview {
        from_ns,
        to_ns,
        period_ns: period,
        periods,
        models: models(db, (from_ns, to_ns), period)?,
        total,
    })
}

fn add(to: &mut Totals, sums: &Totals) {
    to.traces = to.traces.saturating_add(sums.traces);
    to.errors = to.errors.saturating_add(sums.errors);
    to.spans = to.spans.saturating_add(sums.spans);
    to.input_tokens = to.input_tokens.saturating_add(sums.input_tokens);
    to.output_tokens = to.output_tokens.saturating_add(sums.output_tokens);
    to.total_tokens = to.total_tokens.saturating_add(sums.total_tokens);
    to.cost += sums.cost;
}

fn percentiles(totals: &mut Totals, buckets: &BTreeMap<i64, i64>) {
    totals.p50_ns = percentile(buckets, 50);
    totals.p95_ns = percentile(buckets, 95);
}

/// The bucket in which so many hundredths of the traces are at or below.
fn percentile(buckets: &BTreeMap<i64, i64>, hundredths: i64) -> Option<i64> {
    let all: i64 = buckets.values().sum();
    let wanted = all.saturating_mul(hundredths).saturating_add(99) / 100;
    let mut sum = 0i64;
    for (bucket, traces) in buckets {
        sum = sum.saturating_add(*traces);
        if sum >= wanted && *traces > 0 {
            return Some(of_bucket(*bucket));
        }
    }
    None
}

fn models(
    db: &Connection,
    (from_ns, to_ns): (i64, i64),
    period: i64,
) -> Result<Vec<ModelTotal>, StoreError> {
    let mut rows = db.prepare_cached(
        "SELECT hour * ?3 / ?4 AS at, model, sum(calls), sum(errors), sum(input_tokens), sum(output_tokens), \
         sum(total_tokens), sum(cost) FROM hour_model WHERE hour >= ?1 AND hour < ?2 GROUP BY at, model \
         HAVING sum(calls) > 0 ORDER BY at, model",
    )?;
    let hours = (from_ns.div_euclid(HOUR_NS), to_ns.div_euclid(HOUR_NS));
    let rows = rows.query_map(params![hours.0, hours.1, HOUR_NS, period], |row| {
        Ok(ModelTotal {
            start_ns: row.get::<_, i64>(0)?.saturating_mul(period),
            model: row.get(1)?,
            calls: unsigned(row.get(2)?),
            errors: unsigned(row.get(3)?),
            input_tokens: unsigned(row.get(4)?),
            output_tokens: unsigned(row.get(5)?),
            total_tokens: unsigned(row.get(6)?),
            cost: row.get::<_, f64>(7)?.max(0.0),
        })
    })?;
    Ok(rows.collect::<Result<_, _>>()?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percentiles_are_those_of_the_buckets() {
        let buckets = BTreeMap::from([(80, 90), (160, 9), (240, 1)]);
        assert_eq!(percentile(&buckets, 50), Some(of_bucket(80)));
        assert_eq!(percentile(&buckets, 95), Some(of_bucket(160)));
        assert_eq!(percentile(&buckets, 100), Some(of_bucket(240)));
        assert_eq!(percentile(&BTreeMap::new(), 50), None);
    }
}
