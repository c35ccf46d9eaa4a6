//! The attribute names that Langfuse reads, each with its section of `docs/langfuse.md`. They are written in this file only.
//! Used by `mapping`.

// 2.4, trace-level fields, read from every span
pub(crate) const TRACE_NAME: &str = "langfuse.trace.name";
pub(crate) const USER_ID: &str = "user.id";
pub(crate) const SESSION_ID: &str = "session.id";
pub(crate) const TAGS: &str = "langfuse.trace.tags";
pub(crate) const PUBLIC: &str = "langfuse.trace.public";
pub(crate) const RELEASE: &str = "langfuse.release";
pub(crate) const VERSION: &str = "langfuse.version";
pub(crate) const ENVIRONMENT: &str = "langfuse.environment";
/// Followed by the key.
pub(crate) const TRACE_METADATA: &str = "langfuse.trace.metadata.";

// 2.5, an observation's fields
pub(crate) const TYPE: &str = "langfuse.observation.type";
pub(crate) const LEVEL: &str = "langfuse.observation.level";
pub(crate) const STATUS_MESSAGE: &str = "langfuse.observation.status_message";
pub(crate) const INPUT: &str = "langfuse.observation.input";
pub(crate) const OUTPUT: &str = "langfuse.observation.output";
pub(crate) const MODEL: &str = "langfuse.observation.model.name";
pub(crate) const MODEL_PARAMETERS: &str = "langfuse.observation.model.parameters";
pub(crate) const USAGE: &str = "langfuse.observation.usage_details";
pub(crate) const COST: &str = "langfuse.observation.cost_details";
pub(crate) const COMPLETION_START_TIME: &str = "langfuse.observation.completion_start_time";
pub(crate) const PROMPT_NAME: &str = "langfuse.observation.prompt.name";
pub(crate) const PROMPT_VERSION: &str = "langfuse.observation.prompt.version";
/// Metadata keys for a prompt that the server would not link.
pub(crate) const UNLINKED_PROMPT_NAME: &str = "langfuse.observation.metadata.prompt.name";
pub(crate) const UNLINKED_PROMPT_VERSION: &str = "langfuse.observation.metadata.prompt.version";
pub(crate) const IS_APP_ROOT: &str = "langfuse.internal.is_app_root";
/// Followed by the key.
pub(crate) const METADATA: &str = "langfuse.observation.metadata.";

/// The row is part of an experiment. Metadata with a key that begins so is written as an attribute of that name.
pub(crate) const EXPERIMENT: &str = "langfuse.experiment.";

/// The attributes of experiments, as Python SDK 5 writes them. `tracefuse-experiments` sets them as metadata.
pub mod experiment {
    /// Id of the run.
    pub const ID: &str = "langfuse.experiment.id";
    /// Name of the run.
    pub const NAME: &str = "langfuse.experiment.name";
    /// Description of the run; on the root and on the item's task.
    pub const DESCRIPTION: &str = "langfuse.experiment.description";
    /// Metadata of the run, JSON text.
    pub const METADATA: &str = "langfuse.experiment.metadata";
    /// Id of the dataset.
    pub const DATASET_ID: &str = "langfuse.experiment.dataset.id";
    /// Id of the item.
    pub const ITEM_ID: &str = "langfuse.experiment.item.id";
    /// Version of the dataset that the item was read from; on the root and on the item's task.
    pub const ITEM_VERSION: &str = "langfuse.experiment.item.version";
    /// Metadata of the item, JSON text.
    pub const ITEM_METADATA: &str = "langfuse.experiment.item.metadata";
    /// The expected output: a text as it is, anything else as JSON; on the root and on the item's task.
    pub const ITEM_EXPECTED_OUTPUT: &str = "langfuse.experiment.item.expected_output";
    /// Id of the observation that has the item's input and output.
    pub const ITEM_ROOT: &str = "langfuse.experiment.item.root_observation_id";
    /// The environment of experiments, which Langfuse hides among the traces of an application.
    pub const ENVIRONMENT: &str = "sdk-experiment";
}

// 5, our own keys below the metadata
pub(crate) const EXCEPTION_TYPE: &str = "exception.type";
pub(crate) const EXCEPTION_MESSAGE: &str = "exception.message";
pub(crate) const EXCEPTION_SOURCES: &str = "exception.sources";
pub(crate) const EXCEPTION_STACKTRACE: &str = "exception.stacktrace";
/// All four.
pub(crate) const EXCEPTION: [&str; 4] = [
    EXCEPTION_TYPE,
    EXCEPTION_MESSAGE,
    EXCEPTION_SOURCES,
    EXCEPTION_STACKTRACE,
];
pub(crate) const SPAN_TAGS: &str = "tags";
pub(crate) const LINKS: &str = "links";

/// 6, check 7: with a name that begins so, the metadata panel shows the user's keys alone; exactly
/// `langfuse-sdk` is what official SDKs in the same process filter by.
pub(crate) const SCOPE: &str = "langfuse-sdk-rust";
/// 2.1: a name of our own; newer servers decode metadata of the official SDKs differently.
pub(crate) const SDK_NAME: &str = "rust-tracefuse";
