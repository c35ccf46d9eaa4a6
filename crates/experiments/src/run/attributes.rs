//! The attributes and the metadata by which Langfuse reads spans as the items of an experiment.
//! Called by the parent module for each item.

use serde_json::{Map, Value, json};
use tracefuse_core::{Span, bridge};
use tracefuse_langfuse::{experiment as name, short_sha256};

use super::Run;
use crate::item::{Item, text};

impl Run<'_> {
    /// What all spans of the trace have: which experiment, which item.
    pub(super) fn mark_trace(&self, root: &Span, task: &Span, item: &Item) {
        let json = |value: &Value| value.to_string();
        let metadata = Value::Object(self.settings.metadata.clone());
        let has_metadata = !self.settings.metadata.is_empty();
        let item_metadata = item
            .metadata
            .as_ref()
            .filter(|metadata| metadata.is_object());
        let id = item
            .id
            .clone()
            .unwrap_or_else(|| short_sha256(&text(&item.input)));
        let attributes = [
            (name::ID, Some(self.id.clone())),
            (name::NAME, Some(self.name.clone())),
            (name::METADATA, has_metadata.then(|| json(&metadata))),
            (name::DATASET_ID, item.dataset_id.clone()),
            (name::ITEM_ID, Some(id)),
            (name::ITEM_METADATA, item_metadata.map(json)),
            (name::ITEM_ROOT, task.id().map(|id| id.to_string())),
        ];
        bridge::update_trace(root, |trace| {
            trace.environment = Some(name::ENVIRONMENT.to_owned());
            for (key, value) in attributes {
                if let Some(value) = value {
                    trace.set_metadata(key, tracefuse_core::record::Value::Str(value));
                }
            }
        });
    }

    /// What the root and the item's task have beside it.
    pub(super) fn mark_span(&self, span: &Span, item: &Item) {
        let version = self.version.as_ref().filter(|_| item.dataset_id.is_some());
        let attributes = [
            (name::DESCRIPTION, self.settings.description.clone()),
            (
                name::ITEM_EXPECTED_OUTPUT,
                item.expected_output.as_ref().map(text),
            ),
            (name::ITEM_VERSION, version.cloned()),
        ];
        for (key, value) in attributes {
            if let Some(value) = value {
                span.add_metadata(key, value);
            }
        }
    }

    /// The metadata of the root and of the item's task: which run, then the item's and the experiment's own.
    pub(super) fn metadata(&self, item: &Item) -> Map<String, Value> {
        let mut metadata = match &item.metadata {
            Some(Value::Object(fields)) => fields.clone(),
            _ => Map::new(),
        };
        metadata.extend(self.settings.metadata.clone());
        let own = [
            ("experiment_name", Some(&self.settings.name)),
            ("experiment_run_name", Some(&self.name)),
            ("dataset_id", item.dataset_id.as_ref()),
            (
                "dataset_item_id",
                item.dataset_id.as_ref().and(item.id.as_ref()),
            ),
        ];
        for (key, value) in own {
            if let Some(value) = value {
                metadata.insert(key.to_owned(), json!(value));
            }
        }
        metadata
    }
}
