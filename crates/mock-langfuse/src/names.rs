//! Names of attributes that more than one part of the mapping reads.
//! Read by `input_output` and `metadata`.

/// Pairs of attributes that give input and output, in the order in which the server looks at them: the first pair of
/// which one has a value gives both.
pub(crate) const PAIRS: &[(&[&str], &[&str])] = &[
    (
        &[
            "gcp.vertex.agent.llm_request",
            "gcp.vertex.agent.tool_call_args",
        ],
        &[
            "gcp.vertex.agent.llm_response",
            "gcp.vertex.agent.tool_response",
        ],
    ),
    (&["prompt"], &["all_messages_events"]),
    (
        &["lk.input_text", "lk.user_transcript", "lk.chat_ctx"],
        &["lk.function_tool.output", "lk.response.text"],
    ),
];

/// The pairs that the server looks at after the list of events in `events`.
pub(crate) const LATER_PAIRS: &[(&str, &str)] = &[
    ("mlflow.spanInputs", "mlflow.spanOutputs"),
    ("traceloop.entity.input", "traceloop.entity.output"),
    ("input.value", "output.value"),
    ("input", "output"),
    ("tool_arguments", "tool_response"),
];

/// Attributes that are not shown a second time under `attributes.`.
pub(crate) const NOT_SHOWN: &[&str] = &[
    "langfuse.trace.input",
    "langfuse.trace.output",
    "langfuse.observation.input",
    "langfuse.observation.output",
    "ai.prompt.messages",
    "ai.prompt",
    "ai.toolCall.args",
    "ai.response.text",
    "ai.result.text",
    "ai.toolCall.result",
    "ai.response.object",
    "ai.result.object",
    "ai.response.toolCalls",
    "ai.result.toolCalls",
    "gcp.vertex.agent.llm_request",
    "gcp.vertex.agent.llm_response",
    "gcp.vertex.agent.tool_call_args",
    "gcp.vertex.agent.tool_response",
    "prompt",
    "all_messages_events",
    "events",
    "lk.input_text",
    "lk.user_transcript",
    "lk.chat_ctx",
    "lk.user_input",
    "lk.function_tool.output",
    "lk.response.text",
    "mlflow.spanInputs",
    "mlflow.spanOutputs",
    "traceloop.entity.input",
    "traceloop.entity.output",
    "input.value",
    "output.value",
    "final_result",
    "pydantic_ai.all_messages",
    "gen_ai.system_instructions",
    "input",
    "output",
    "gen_ai.input.messages",
    "gen_ai.output.messages",
    "gen_ai.tool.call.arguments",
    "gen_ai.tool.call.result",
    "genkit:input",
    "genkit:output",
    "flue.turn.input",
    "flue.turn.output",
    "flue.tool.arguments",
    "flue.tool.result",
    "flue.task.prompt",
    "flue.task.result",
    "flue.operation.result",
    "flue.workflow.payload",
    "flue.workflow.result",
];

/// Starts of names that are not shown a second time under `attributes.`.
pub(crate) const NOT_SHOWN_PREFIXES: &[&str] = &[
    "gen_ai.prompt",
    "gen_ai.completion",
    "llm.input_messages",
    "llm.output_messages",
    "langfuse.trace.metadata",
    "langfuse.observation.metadata",
    "ai.telemetry.metadata",
];

/// Model names of an observation, in the order in which the server looks at them.
pub(crate) const MODELS: &[&str] = &[
    "langfuse.observation.model.name",
    "gen_ai.response.model",
    "ai.model.id",
    "gen_ai.request.model",
    "llm.response.model",
    "llm.model_name",
    "model",
];
