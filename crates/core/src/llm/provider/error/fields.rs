//! The fields in which providers say what went wrong, and those that only an answer has.
//! Read by the reader of errors. Support for a provider's errors is added here.

/// Fields whose text says what kind of error it is, most telling first.
pub(super) const NAMES: &[&str] = &[
    "type",
    "__type",
    "status",
    "error_type",
    "errorType",
    "name",
    "reason",
];

/// Fields with the code of an error, a number or a text.
pub(super) const CODES: &[&str] = &[
    "code",
    "Code",
    "error_code",
    "errorCode",
    "errorcode",
    "ErrorCode",
    "err_code",
    "status_code",
    "statusCode",
    "StatusCode",
    "originalStatusCode",
    "status",
];

/// Fields with the text of an error for people, most telling first.
pub(super) const MESSAGES: &[&str] = &[
    "message",
    "Message",
    "msg",
    "error_description",
    "error_message",
    "errorMessage",
    "error_msg",
    "err_msg",
    "status_msg",
    "faultstring",
    "originalMessage",
    "detail",
    "details",
    "description",
    "error",
    "errors",
    "title",
];

/// Fields that only an answer has.
pub(super) const ANSWER: &[&str] = &[
    "choices",
    "candidates",
    "content",
    "output",
    "outputs",
    "data",
    "embedding",
    "embeddings",
    "results",
    "generations",
    "completion",
    "response",
    "result",
    "interaction",
    "steps",
    "usage",
    "usageMetadata",
    "usage_metadata",
    "role",
    "text",
    "transcript",
    "parts",
    "model",
    "modelVersion",
    "delta",
    "event_type",
];

/// What a body without an error says in the place of a code.
pub(super) const SUCCESS: &[&str] = &["0", "200", "ok", "success", "succeeded"];
