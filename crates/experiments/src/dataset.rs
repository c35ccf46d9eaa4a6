//! Datasets: local ones, and those of Langfuse, which are read page by page. Used by applications before a run.

use std::time::Duration;

use serde_json::Value;
use tracefuse_langfuse::{
    ApiError, ApiProblem, LangfuseApi, LangfuseConfig, LangfuseProject, Retries, SettingError,
};

use crate::api_dataset::{ApiDataset, Page};
use crate::item::Item;

/// The items of a run. Made of a list of items, or fetched by [`DatasetClient`].
///
/// ```
/// use tracefuse_experiments::{Dataset, Item};
///
/// let dataset = Dataset::from(vec![Item::new("2 + 2").expected("4")]);
/// assert_eq!((dataset.items.len(), dataset.id), (1, None));
/// ```
#[derive(Clone, Debug, Default)]
#[non_exhaustive]
pub struct Dataset {
    /// Its id in Langfuse; `None` for local items.
    pub id: Option<String>,
    /// Its name in Langfuse; empty for local items.
    pub name: String,
    /// Its description, free text.
    pub description: Option<String>,
    /// Metadata, any JSON.
    pub metadata: Value,
    /// Its items, in the order of the server.
    pub items: Vec<Item>,
    /// The moment whose items were asked for.
    pub version: Option<String>,
    /// The project that it belongs to, which the id of an experiment and its address are made of.
    pub project: Option<LangfuseProject>,
}

impl From<Vec<Item>> for Dataset {
    fn from(items: Vec<Item>) -> Self {
        Self {
            items,
            ..Self::default()
        }
    }
}

impl<const N: usize> From<[Item; N]> for Dataset {
    fn from(items: [Item; N]) -> Self {
        Vec::from(items).into()
    }
}

/// Reads datasets of Langfuse. It is awaited inside the application's tokio runtime, with time and network enabled.
///
/// ```no_run
/// # async fn run() -> Result<(), Box<dyn std::error::Error>> {
/// use tracefuse_experiments::{DatasetClient, LangfuseConfig};
///
/// let datasets = DatasetClient::new(&LangfuseConfig::new("pk-lf-..", "sk-lf-.."))?;
/// let dataset = datasets.dataset("capitals").get().await?;
/// println!("{} items", dataset.items.len());
/// # Ok(()) }
/// ```
#[derive(Clone, Debug)]
pub struct DatasetClient {
    api: LangfuseApi,
    config: LangfuseConfig,
}

impl DatasetClient {
    /// Opens no connection.
    ///
    /// # Errors
    /// [`SettingError`] names the setting that cannot be used.
    pub fn new(config: &LangfuseConfig) -> Result<Self, SettingError> {
        Ok(Self {
            api: LangfuseApi::new(config)?,
            config: config.clone(),
        })
    }

    /// Asks for a dataset by its name.
    pub fn dataset(&self, name: impl Into<String>) -> DatasetRequest {
        DatasetRequest {
            client: self.clone(),
            name: name.into(),
            version: None,
            page_size: 50,
            limit: usize::MAX,
            timeout: Duration::from_secs(30),
        }
    }
}

/// A request for a dataset; made by [`DatasetClient::dataset`], answered by [`get`](Self::get).
#[derive(Clone, Debug)]
#[must_use = "a request does nothing until `get`"]
pub struct DatasetRequest {
    client: DatasetClient,
    name: String,
    version: Option<String>,
    page_size: usize,
    limit: usize,
    timeout: Duration,
}

/// The range of [`DatasetRequest::timeout`].
const TIMEOUT: std::ops::RangeInclusive<Duration> =
    Duration::from_millis(1)..=Duration::from_secs(60 * 60);

/// The largest page that is read. The server takes items of up to 4.5 MB.
const MAX_PAGE_BYTES: usize = 64 * 1024 * 1024;

impl DatasetRequest {
    /// The items as they were at this moment, in the form of ISO 8601, such as `2026-11-01T00:00:00Z`; the newest by default.
    pub fn version(mut self, version: impl Into<String>) -> Self {
        self.version = Some(version.into());
        self
    }

    /// How many items are read at once, from 1 to 100; 50 by default, as in the official SDKs. Fewer for large items: a
    /// page may have 64 MiB.
    pub fn page_size(mut self, items: usize) -> Self {
        self.page_size = items.clamp(1, 100);
        self
    }

    /// The most items that are read; all by default.
    pub fn limit(mut self, items: usize) -> Self {
        self.limit = items;
        self
    }

    /// The longest each page may take, retries included; 30 s by default, from 1 ms to 1 h.
    pub fn timeout(mut self, timeout: Duration) -> Self {
        self.timeout = timeout;
        self
    }

    /// The dataset with its items, and the project that it belongs to.
    ///
    /// # Errors
    /// [`ApiError`], whose [`problem`](ApiError::problem) tells a dataset that does not exist from an outage.
    pub async fn get(self) -> Result<Dataset, ApiError> {
        let api = &self.client.api;
        if tokio::runtime::Handle::try_current().is_err() {
            let why = "a dataset is fetched inside a tokio runtime with time and network";
            return Err(ApiError::new(ApiProblem::Config, why));
        }
        let checked = SettingError::check_time("timeout", self.timeout, &TIMEOUT);
        checked.map_err(|error| ApiError::new(ApiProblem::Config, error.to_string()))?;
        let retries = Retries::within(self.timeout).max_answer_bytes(MAX_PAGE_BYTES);
        let found: ApiDataset = api
            .get(&["v2", "datasets", &self.name], &[], retries)
            .await?;
        let project = LangfuseProject::find(&self.client.config).await;
        let project =
            project.map_err(|error| ApiError::new(ApiProblem::Unavailable, error.to_string()))?;
        let mut items = Vec::new();
        let page_size = self.page_size.to_string();
        for page in 1_u64.. {
            let number = page.to_string();
            let mut query = vec![
                ("datasetName", self.name.as_str()),
                ("page", number.as_str()),
                ("limit", page_size.as_str()),
            ];
            if let Some(version) = &self.version {
                query.push(("version", version.as_str()));
            }
            let answer: Page = api.get(&["dataset-items"], &query, retries).await?;
            // An empty page ends it as well, whatever the server says about their number.
            let last = answer.data.is_empty() || answer.meta.total_pages <= page;
            items.extend(answer.data.into_iter().map(Item::from));
            if last || items.len() >= self.limit {
                break;
            }
        }
        items.truncate(self.limit);
        Ok(Dataset {
            id: Some(found.id),
            name: found.name,
            description: found.description,
            metadata: found.metadata,
            items,
            version: self.version,
            project: Some(project),
        })
    }
}
