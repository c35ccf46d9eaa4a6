//! Prices of models: a dated table, used only where no cost came with a span.
//! Called when a span is stored. The table is `prices.json`; it names its source and its date.

use std::collections::{BTreeMap, HashMap};
use std::fmt;
use std::sync::{Arc, LazyLock};

use serde::Deserialize;

/// The table of this version.
const TABLE: &str = include_str!("prices.json");

static BUILT_IN: LazyLock<Arc<Table>> =
    LazyLock::new(|| Arc::new(serde_json::from_str(TABLE).unwrap_or_default()));

/// Prices of models in US dollars for each unit.
///
/// ```
/// use tracefuse_server::Prices;
///
/// let prices = Prices::from_json(r#"{ "date": "2026-11-01", "source": "our contract", "models": {
///     "our-model": { "input": 1e-6, "output": 4e-6 }
/// } }"#)?;
/// let usage = [("input".to_owned(), 1_000), ("output".to_owned(), 500)].into();
/// assert_eq!(prices.cost("our-model", &usage).unwrap()["total"], 0.003);
/// # Ok::<(), tracefuse_server::PricesError>(())
/// ```
#[derive(Clone)]
pub struct Prices {
    table: Arc<Table>,
    /// Prices of the user's, which are looked at first.
    own: Option<Arc<Table>>,
}

#[derive(Clone, Debug, Default, Deserialize)]
struct Table {
    source: String,
    date: String,
    models: HashMap<String, Price>,
}

/// US dollars for each unit.
#[derive(Clone, Copy, Debug, Default, PartialEq, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct Price {
    input: f64,
    output: f64,
    cache_read: Option<f64>,
    cache_write: Option<f64>,
    input_audio: Option<f64>,
    output_audio: Option<f64>,
    reasoning: Option<f64>,
}

/// A table of prices that cannot be read.
#[derive(Debug)]
pub struct PricesError(String);

impl fmt::Display for PricesError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "cannot read the table of prices: {}; it is {{\"source\", \"date\", \"models\": {{name: {{\"input\", \"output\"}}}}}} \
             in US dollars for each unit",
            self.0
        )
    }
}

impl std::error::Error for PricesError {}

impl Default for Prices {
    /// The table of this version.
    fn default() -> Self {
        Self {
            table: BUILT_IN.clone(),
            own: None,
        }
    }
}

impl Prices {
    /// Your own prices, before those of the table of this version.
    ///
    /// # Errors
    /// The text is no table.
    pub fn from_json(text: &str) -> Result<Self, PricesError> {
        let own: Table =
            serde_json::from_str(text).map_err(|error| PricesError(error.to_string()))?;
        let sound = |price: &Price| {
            [price.input, price.output]
                .iter()
                .all(|price| price.is_finite() && *price >= 0.0)
        };
        if let Some((name, _)) = own.models.iter().find(|(_, price)| !sound(price)) {
            return Err(PricesError(format!(
                "the price of {name} is below 0 or no number"
            )));
        }
        Ok(Self {
            table: BUILT_IN.clone(),
            own: Some(Arc::new(own)),
        })
    }

    /// No prices: a cost is shown only where it was sent.
    #[must_use]
    pub fn none() -> Self {
        Self {
            table: Arc::new(Table::default()),
            own: None,
        }
    }

    /// Where the table of this version is from, and of which day.
    #[must_use]
    pub fn source(&self) -> (&str, &str) {
        let table = self.own.as_ref().unwrap_or(&self.table);
        (&table.source, &table.date)
    }

    /// The cost of a call by bucket, with `total`; `None` if the model has no price or nothing was used.
    #[must_use]
    pub fn cost(
        &self,
        model: &str,
        usage: &BTreeMap<String, u64>,
    ) -> Option<BTreeMap<String, f64>> {
        let price = self.price(model)?;
        let buckets = usage
            .iter()
            .filter(|(bucket, units)| *bucket != "total" && **units > 0);
        let mut cost: BTreeMap<String, f64> = buckets
            .filter_map(|(bucket, units)| {
                Some((bucket.clone(), round(price.of(bucket)? * *units as f64)))
            })
            .collect();
        if cost.is_empty() {
            return None;
        }
        let total = round(cost.values().sum());
        cost.insert("total".to_owned(), total);
        Some(cost)
    }

    /// By the whole name, without a provider in front of it (`openai/gpt-4o`), and without a date behind it
    /// (`gpt-4o-2024-08-06`, `claude-sonnet-4-20250514`).
    fn price(&self, model: &str) -> Option<Price> {
        let lower = model.to_ascii_lowercase();
        let short = lower.rsplit('/').next().unwrap_or(&lower);
        let names = [lower.as_str(), short, without_date(short)];
        let tables = self.own.iter().chain([&self.table]);
        let mut known = tables.flat_map(|table| names.iter().map(|name| table.models.get(*name)));
        known.find_map(|price| price.copied())
    }
}

impl Price {
    /// The price of a bucket by its name, as Langfuse and the providers call buckets.
    fn of(&self, bucket: &str) -> Option<f64> {
        let has = |part: &str| bucket.contains(part);
        let is_write = has("cache_creation") || has("cache_write");
        let is_cache = has("cache");
        Some(match bucket {
            _ if has("search") => return None,
            _ if is_write => self.cache_write.unwrap_or(self.input),
            _ if is_cache => self.cache_read.unwrap_or(self.input),
            _ if has("output") && has("audio") => self.output_audio.unwrap_or(self.output),
            _ if has("audio") => self.input_audio.unwrap_or(self.input),
            _ if has("reasoning") => self.reasoning.unwrap_or(self.output),
            _ if has("output") || has("completion") => self.output,
            _ if has("input") || has("prompt") => self.input,
            _ => return None,
        })
    }
}

/// To 12 places, as Langfuse keeps costs.
fn round(dollars: f64) -> f64 {
    (dollars * 1e12).round() / 1e12
}

/// The name before `-20250514` or `-2024-08-06`.
fn without_date(name: &str) -> &str {
    let is_digits =
        |text: &str, count: usize| text.len() == count && text.bytes().all(|b| b.is_ascii_digit());
    if let Some((rest, date)) = name.rsplit_once('-')
        && is_digits(date, 8)
    {
        return rest;
    }
    let mut parts = name.rsplitn(4, '-');
    if let (Some(day), Some(month), Some(year), Some(rest)) =
        (parts.next(), parts.next(), parts.next(), parts.next())
        && is_digits(day, 2)
        && is_digits(month, 2)
        && is_digits(year, 4)
    {
        return rest;
    }
    name
}

impl fmt::Debug for Prices {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (source, date) = self.source();
        f.debug_struct("Prices")
            .field("source", &source)
            .field("date", &date)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_of_this_version_can_be_read() {
        let prices = Prices::default();
        let (source, date) = prices.source();
        assert!(source.contains("litellm"), "{source}");
        assert_eq!(date.len(), 10, "{date}");
        assert!(prices.table.models.len() > 100);
    }

    #[test]
    fn a_model_is_found_with_its_provider_and_its_date() {
        let prices = Prices::default();
        let plain = prices.price("gpt-4o-mini").unwrap();
        for name in [
            "openai/gpt-4o-mini",
            "GPT-4o-mini",
            "gpt-4o-mini-2099-01-01",
            "gpt-4o-mini-20990101",
        ] {
            assert_eq!(prices.price(name), Some(plain), "{name}");
        }
        assert_eq!(prices.price("no such model"), None);
    }

    #[test]
    fn each_bucket_has_its_price_and_the_total_is_their_sum() {
        let table = r#"{"source": "s", "date": "d", "models": {"m": {"input": 2, "output": 10, "cache_read": 1}}}"#;
        let prices = Prices::from_json(table).unwrap();
        let usage = [
            ("input", 3),
            ("output", 2),
            ("input_cached_tokens", 4),
            ("output_reasoning_tokens", 1),
            ("total", 10),
        ];
        let usage = usage.map(|(name, units)| (name.to_owned(), units)).into();
        let cost = prices.cost("m", &usage).unwrap();
        let wanted = [
            ("input", 6.0),
            ("input_cached_tokens", 4.0),
            ("output", 20.0),
            ("output_reasoning_tokens", 10.0),
            ("total", 40.0),
        ];
        assert_eq!(
            cost,
            wanted
                .map(|(name, dollars)| (name.to_owned(), dollars))
                .into()
        );
        assert_eq!(prices.cost("m", &BTreeMap::new()), None);
        assert!(
            Prices::from_json(r#"{"source": "", "date": "", "models": {"m": {"input": -1}}}"#)
                .is_err()
        );
    }
}
