//! What was counted between two snapshots, for delta temporality.
//! Called by `push` for each export.

use crate::collect::{Snapshot, Value};
use crate::instrument::Kind;

impl Snapshot {
    /// What was counted since an earlier snapshot. What goes up and down stays as it is.
    pub(crate) fn since(&self, earlier: &Self) -> Self {
        let mut since = Self::default();
        for (name, family) in &self.0 {
            let counts = matches!(family.instrument.kind, Kind::Counter | Kind::Histogram);
            for (labels, value) in &family.points {
                let before = earlier
                    .0
                    .get(name)
                    .and_then(|family| family.points.get(labels));
                let value = match before.filter(|_| counts) {
                    Some(before) => less(value, before),
                    None => Some(value.clone()),
                };
                if let Some(value) = value {
                    since.add(family.instrument, labels.clone(), value);
                }
            }
        }
        since
    }
}

/// `None` if nothing was counted.
fn less(now: &Value, before: &Value) -> Option<Value> {
    match (now, before) {
        (Value::Number(now), Value::Number(before)) => {
            let more = now.saturating_sub(*before);
            (more > 0).then_some(Value::Number(more))
        }
        (
            Value::Distribution { counts, sum },
            Value::Distribution {
                counts: before,
                sum: sum_before,
            },
        ) => {
            let counts: Vec<u64> = counts
                .iter()
                .zip(before)
                .map(|(now, before)| now.saturating_sub(*before))
                .collect();
            let sum = (sum - sum_before).max(0.0);
            let any = counts.iter().any(|count| *count > 0);
            any.then_some(Value::Distribution { counts, sum })
        }
        _ => Some(now.clone()),
    }
}
