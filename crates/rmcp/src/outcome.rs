//! What a response says of its request: output, and errors of tools and of JSON-RPC. Used by both sides.

use rmcp::ErrorData;
use rmcp::model::{
    CallToolResponse, CallToolResult, ContentBlock, GetPromptResponse, GetPromptResult,
    ReadResourceResponse, ReadResourceResult,
};
use tracefuse_core::bridge::{captures_content, record_returned_exception};
use tracefuse_core::{Exception, Span};

/// The type of a tool's error in OpenTelemetry's conventions.
const TOOL_ERROR: &str = "tool_error";
/// How much of a tool's text is the message of its error, in characters.
const MESSAGE: usize = 500;

pub(crate) fn nothing<T>(_: &Span, _: &T) {}

/// The structured result, else the text if there is nothing but one, else all content.
pub(crate) fn tool(span: &Span, result: &CallToolResult) {
    match (&result.structured_content, &*result.content) {
        (Some(structured), _) => span.set_output(structured),
        (None, [ContentBlock::Text(text)]) => span.set_output(&text.text),
        (None, content) => span.set_output(content),
    }
    if result.is_error == Some(true) {
        let text = result.content.iter().find_map(|block| match block {
            ContentBlock::Text(text) if captures_content(span) => Some(&*text.text),
            _ => None,
        });
        let message = match text {
            Some(text) => text.chars().take(MESSAGE).collect(),
            None => "the tool returned an error".to_owned(),
        };
        record_returned_exception(span, Exception::new(TOOL_ERROR, message));
    }
}

pub(crate) fn tool_response(span: &Span, response: &CallToolResponse) {
    match response {
        CallToolResponse::Complete(result) => tool(span, result),
        CallToolResponse::InputRequired(asked) => input_required(span, asked),
        CallToolResponse::Task(task) => {
            span.set_status_message("runs as a task");
            span.set_output(task);
        }
        _ => {}
    }
}

pub(crate) fn prompt(span: &Span, result: &GetPromptResult) {
    span.set_output(&result.messages);
}

pub(crate) fn prompt_response(span: &Span, response: &GetPromptResponse) {
    match response {
        GetPromptResponse::Complete(result) => prompt(span, result),
        GetPromptResponse::InputRequired(asked) => input_required(span, asked),
        _ => {}
    }
}

pub(crate) fn resource(span: &Span, result: &ReadResourceResult) {
    span.set_output(&result.contents);
}

pub(crate) fn resource_response(span: &Span, response: &ReadResourceResponse) {
    match response {
        ReadResourceResponse::Complete(result) => resource(span, result),
        ReadResourceResponse::InputRequired(asked) => input_required(span, asked),
        _ => {}
    }
}

pub(crate) fn json<T: serde::Serialize>(span: &Span, result: &T) {
    span.set_output(result);
}

fn input_required(span: &Span, asked: &rmcp::model::InputRequiredResult) {
    span.set_status_message("asks for further input");
    span.set_output(asked);
}

/// An error of JSON-RPC: its code is the type.
pub(crate) fn error(span: &Span, error: &ErrorData) {
    let code = error.code.0.to_string();
    span.add_metadata("rpc.response.status_code", &code);
    record_returned_exception(span, Exception::new(&code, &*error.message));
}
