//! Which fields of a request are parameters of the model.
//! Called by `request` and `form`.

use serde_json::{Map, Value};

/// Fields that are parameters of a model. Others are not recorded, since they may have content or name a person.
const PARAMETERS: &[&str] = &[
    "temperature",
    "top_p",
    "topP",
    "top_k",
    "topK",
    "min_p",
    "p",
    "k",
    "max_tokens",
    "max_completion_tokens",
    "max_output_tokens",
    "maxOutputTokens",
    "maxTokens",
    "max_tool_calls",
    "n",
    "candidateCount",
    "best_of",
    "seed",
    "random_seed",
    "stop",
    "stop_sequences",
    "stopSequences",
    "presence_penalty",
    "presencePenalty",
    "frequency_penalty",
    "frequencyPenalty",
    "repetition_penalty",
    "logprobs",
    "top_logprobs",
    "response_format",
    "responseMimeType",
    "response_mime_type",
    "tool_choice",
    "parallel_tool_calls",
    "reasoning",
    "reasoning_effort",
    "verbosity",
    "thinking",
    "thinkingConfig",
    "think",
    "service_tier",
    "store",
    "background",
    "truncation",
    "modalities",
    "dimensions",
    "outputDimensionality",
    "output_dimension",
    "encoding_format",
    "input_type",
    "taskType",
    "size",
    "quality",
    "style",
    "voice",
    "speed",
    "language",
    "num_predict",
    "num_ctx",
    "keep_alive",
    "safe_prompt",
    "top_n",
    "provider",
    "models",
];

/// Objects whose fields are parameters.
pub(crate) const GROUPS: &[&str] = &[
    "generationConfig",
    "generation_config",
    "inferenceConfig",
    "options",
    "parameters",
];

/// Adds the fields of an object that are parameters.
pub(crate) fn take_parameters(object: Map<String, Value>, to: &mut Vec<(String, Value)>) {
    let is_one = |(name, value): &(String, Value)| is_parameter(name) && !value.is_null();
    to.extend(object.into_iter().filter(is_one));
}

/// Whether a field of this name is a parameter.
pub(crate) fn is_parameter(name: &str) -> bool {
    PARAMETERS.contains(&name)
}
