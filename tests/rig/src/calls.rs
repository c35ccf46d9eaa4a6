//! Calls by async-openai as an application would record them: whole, streamed, and with tools.
//! Used by the test and the example `async_openai`.

use async_openai::Client;
use async_openai::config::OpenAIConfig;
use async_openai::error::OpenAIError;
use async_openai::types::chat::{
    ChatCompletionMessageToolCalls as ToolCall, ChatCompletionRequestAssistantMessageArgs,
    ChatCompletionRequestToolMessage, ChatCompletionRequestUserMessage,
    ChatCompletionStreamOptions, ChatCompletionTool, ChatCompletionTools,
    CreateChatCompletionRequest, CreateChatCompletionResponse, FunctionCall, FunctionObject,
};
use futures::StreamExt as _;
use serde_json::{Value, json};
use tracefuse::{ObserveStream as _, Trace, handle::SpanBuilder};

/// A client of the server at `url`.
#[must_use]
pub fn client(url: &str) -> Client<OpenAIConfig> {
    let config = OpenAIConfig::new().with_api_base(url);
    Client::with_config(config.with_api_key("sk-test"))
}

/// One question to `model`.
#[must_use]
pub fn request(model: &str, question: &str) -> CreateChatCompletionRequest {
    CreateChatCompletionRequest {
        model: model.to_owned(),
        messages: vec![ChatCompletionRequestUserMessage::from(question).into()],
        max_completion_tokens: Some(100),
        ..Default::default()
    }
}

/// The request with a tool that adds.
#[must_use]
pub fn with_add(mut request: CreateChatCompletionRequest) -> CreateChatCompletionRequest {
    let function = FunctionObject {
        name: "add".to_owned(),
        description: Some("Adds x and y".to_owned()),
        parameters: Some(json!({
            "type": "object",
            "properties": { "x": { "type": "integer" }, "y": { "type": "integer" } },
            "required": ["x", "y"],
        })),
        strict: None,
    };
    let add = ChatCompletionTool { function };
    request.tools = Some(vec![ChatCompletionTools::Function(add)]);
    request
}

/// What is known before the call.
fn generation(trace: &Trace, request: &CreateChatCompletionRequest) -> SpanBuilder {
    trace
        .generation("answer")
        .model(&request.model)
        .model_parameter("max_completion_tokens", request.max_completion_tokens)
        .input(&request.messages)
}

/// A call that answers at once.
///
/// # Errors
/// Those of the call, which the span has too.
pub async fn ask(
    client: &Client<OpenAIConfig>,
    trace: &Trace,
    request: CreateChatCompletionRequest,
) -> Result<CreateChatCompletionResponse, OpenAIError> {
    generation(trace, &request)
        .try_run_async(async |span| {
            let response = client.chat().create(request).await?;
            span.record_openai(&response);
            Ok(response)
        })
        .await
}

/// A call that answers piece by piece.
///
/// # Errors
/// Those of the call and of the stream, which the span has too.
pub async fn ask_streamed(
    client: &Client<OpenAIConfig>,
    trace: &Trace,
    mut request: CreateChatCompletionRequest,
) -> Result<String, OpenAIError> {
    // Without it a stream has no token counts.
    request.stream_options = Some(ChatCompletionStreamOptions {
        include_usage: Some(true),
        include_obfuscation: None,
    });
    let generation = generation(trace, &request).start();
    let chunks = client.chat().create_stream(request).await;
    let chunks = chunks.inspect_err(|error| generation.record_error(error))?;
    let mut chunks = chunks.try_observed(generation).openai();
    let mut answer = String::new();
    while let Some(chunk) = chunks.next().await {
        let choices = chunk?.choices.into_iter();
        answer.extend(choices.filter_map(|choice| choice.delta.content));
    }
    Ok(answer)
}

/// Calls until the model needs no tool any more.
///
/// # Errors
/// Those of the calls and of the tools, which their spans have too.
pub async fn ask_with_tools(
    client: &Client<OpenAIConfig>,
    trace: &Trace,
    mut request: CreateChatCompletionRequest,
) -> Result<String, OpenAIError> {
    loop {
        let response = ask(client, trace, request.clone()).await?;
        let Some(choice) = response.choices.into_iter().next() else {
            return Ok(String::new());
        };
        let Some(calls) = choice.message.tool_calls else {
            return Ok(choice.message.content.unwrap_or_default());
        };
        let asked = ChatCompletionRequestAssistantMessageArgs::default()
            .tool_calls(calls.clone())
            .build()?;
        request.messages.push(asked.into());
        for call in calls {
            let ToolCall::Function(call) = call else {
                continue;
            };
            let result = trace
                .tool(&call.function.name)
                .metadata("tool_call_id", &call.id)
                .try_run(|span| {
                    let result = add(&span, &call.function)?;
                    span.set_output(result);
                    Ok::<_, OpenAIError>(result)
                })?;
            let message = ChatCompletionRequestToolMessage {
                content: result.to_string().into(),
                tool_call_id: call.id,
            };
            request.messages.push(message.into());
        }
    }
}

/// The tool.
fn add(span: &tracefuse::Span, call: &FunctionCall) -> Result<i64, OpenAIError> {
    let bad = |what: &str| OpenAIError::InvalidArgument(what.to_owned());
    let arguments: Value =
        serde_json::from_str(&call.arguments).map_err(|_| bad("the arguments are no JSON"))?;
    span.set_input(&arguments);
    let number = |name: &str| arguments[name].as_i64().ok_or_else(|| bad(name));
    let sum = number("x")?.checked_add(number("y")?);
    sum.ok_or_else(|| bad("the sum is too large"))
}
