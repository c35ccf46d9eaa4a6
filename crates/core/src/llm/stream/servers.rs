//! The chunks of services that have their own language, as chunks with a text and counts: Text Generation Inference,
//! watsonx, llama.cpp, Baidu. Called by `openai`. Must not know other languages.

use serde_json::{Map, Value};

/// The field with a result's text; of a stream, with the whole text in its last chunk.
pub(super) const TEXT: &str = "generated_text";

/// Brings the text of a chunk to `content`, and its counts to `usage`. `true` if it is the last chunk.
pub(super) fn plain(chunk: &mut Map<String, Value>) -> bool {
    // Text Generation Inference: a token, which is no part of the answer if it is special.
    if let Some(Value::Object(mut token)) = chunk.remove("token")
        && token.get("special") != Some(&Value::Bool(true))
        && let Some(text) = token.remove("text")
    {
        chunk.insert("content".to_owned(), text);
    }
    // watsonx: a result.
    let mut reason = None;
    if let Some(Value::Array(results)) = chunk.get_mut("results")
        && let [Value::Object(result)] = results.as_mut_slice()
        && let Some(text) = result.remove(TEXT)
    {
        let mut counts = Map::new();
        for key in ["input_token_count", "generated_token_count"] {
            counts.extend(result.remove(key).map(|count| (key.to_owned(), count)));
        }
        reason = result
            .remove("stop_reason")
            .filter(|reason| reason != "not_finished");
        chunk.remove("results");
        chunk.insert("content".to_owned(), text);
        chunk.insert("usage".to_owned(), Value::Object(counts));
    }
    // llama.cpp, Baidu.
    let says_so = |key: &str| chunk.get(key) == Some(&Value::Bool(true));
    let is_last = reason.is_some()
        || says_so("stop")
        || says_so("is_end")
        || chunk.get(TEXT).is_some_and(Value::is_string);
    chunk.extend(reason.map(|reason| ("stop_reason".to_owned(), reason)));
    is_last
}
