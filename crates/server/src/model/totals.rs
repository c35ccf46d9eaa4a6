//! Totals over time, for the histogram above the list and for the overview.
//! Read from rows that the writer keeps for each hour.

/// Traces over time.
#[derive(Clone, Debug, Default, PartialEq)]
#[non_exhaustive]
pub struct Histogram {
    /// Start of the first bin, in nanoseconds since 1970.
    pub from_ns: i64,
    /// Width of a bin in nanoseconds.
    pub width_ns: i64,
    /// The bins, without gaps.
    pub bins: Vec<Bin>,
}

/// A bin of a histogram.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Bin {
    /// Its start, in nanoseconds since 1970.
    pub start_ns: i64,
    /// Traces that start in it.
    pub traces: u64,
    /// Those with an observation of level ERROR.
    pub errors: u64,
}

/// Totals of a range of time.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
#[non_exhaustive]
pub struct Totals {
    /// Traces that start in it.
    pub traces: u64,
    /// Those with an observation of level ERROR.
    pub errors: u64,
    /// Observations.
    pub spans: u64,
    /// Median of the traces' latency in nanoseconds, to within a tenth.
    pub p50_ns: Option<i64>,
    /// 95th percentile of the traces' latency in nanoseconds, to within a tenth.
    pub p95_ns: Option<i64>,
    /// Units of all buckets of input.
    pub input_tokens: u64,
    /// Units of all buckets of output.
    pub output_tokens: u64,
    /// Units in total.
    pub total_tokens: u64,
    /// Cost in US dollars.
    pub cost: f64,
}

/// Totals of a period, an hour or a day.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
#[non_exhaustive]
pub struct Period {
    /// Its start, in nanoseconds since 1970.
    pub start_ns: i64,
    /// What happened in it.
    pub totals: Totals,
}

/// Totals of a model in a period.
#[derive(Clone, Debug, Default, PartialEq)]
#[non_exhaustive]
pub struct ModelTotal {
    /// Start of the period, in nanoseconds since 1970.
    pub start_ns: i64,
    /// The model.
    pub model: String,
    /// Observations that name it.
    pub calls: u64,
    /// Those of level ERROR.
    pub errors: u64,
    /// Units of all buckets of input.
    pub input_tokens: u64,
    /// Units of all buckets of output.
    pub output_tokens: u64,
    /// Units in total.
    pub total_tokens: u64,
    /// Cost in US dollars.
    pub cost: f64,
}

/// What the overview shows: totals by period, and by model and period.
#[derive(Clone, Debug, Default, PartialEq)]
#[non_exhaustive]
pub struct Overview {
    /// Start of the range, in nanoseconds since 1970.
    pub from_ns: i64,
    /// End of the range, in nanoseconds since 1970.
    pub to_ns: i64,
    /// Length of a period in nanoseconds: an hour for ranges of up to two days, else a day (UTC).
    pub period_ns: i64,
    /// The periods in order, without gaps.
    pub periods: Vec<Period>,
    /// By period, then by model; a period without calls of a model has no row.
    pub models: Vec<ModelTotal>,
    /// The whole range.
    pub total: Totals,
}
