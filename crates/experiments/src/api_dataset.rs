//! Datasets and their items as Langfuse's API returns them.
//! Read by `dataset`, page by page.

use serde::Deserialize;
use serde_json::Value;

use crate::item::Item;

#[derive(Deserialize)]
pub(crate) struct ApiDataset {
    pub(crate) id: String,
    pub(crate) name: String,
    #[serde(default)]
    pub(crate) description: Option<String>,
    #[serde(default)]
    pub(crate) metadata: Value,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct ApiItem {
    id: String,
    dataset_id: String,
    #[serde(default)]
    input: Value,
    #[serde(default)]
    expected_output: Option<Value>,
    #[serde(default)]
    metadata: Option<Value>,
}

#[derive(Deserialize)]
pub(crate) struct Page {
    pub(crate) data: Vec<ApiItem>,
    pub(crate) meta: Meta,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Meta {
    pub(crate) total_pages: u64,
}

impl From<ApiItem> for Item {
    fn from(item: ApiItem) -> Self {
        Self {
            id: Some(item.id),
            input: item.input,
            expected_output: item.expected_output.filter(|value| !value.is_null()),
            metadata: item.metadata.filter(|value| !value.is_null()),
            dataset_id: Some(item.dataset_id),
        }
    }
}
