//! What a request says: model, parameters, messages and tools, out of its JSON. `form` reads the other form.
//! Called by `call` after the request was sent. Must not know spans.

use serde_json::{Map, Value};

use crate::asked::{Asked, summary};
use crate::capture::Capture;
use crate::form::of_form;
use crate::language::Language;
use crate::operation::Operation;
use crate::parameters::{GROUPS, take_parameters};
use crate::request_input::{input, text};

/// Reads the body of a request.
pub(crate) fn read(
    body: &Capture,
    content_type: &str,
    operation: Operation,
    language: Language,
) -> Asked {
    if content_type.starts_with("multipart/") {
        return of_form(body, content_type);
    }
    let object = body
        .whole()
        .and_then(|bytes| serde_json::from_slice::<Map<String, Value>>(bytes).ok());
    match object {
        Some(object) => of_object(object, operation, language),
        None if body.total() == 0 => Asked::default(),
        None => {
            let mut asked = of_object(body.fields(), operation, language);
            asked.input = Some(summary(content_type, body.total()));
            asked
        }
    }
}

fn of_object(mut object: Map<String, Value>, operation: Operation, language: Language) -> Asked {
    let mut asked = Asked {
        stream: object.remove("stream") == Some(Value::Bool(true)),
        // The second is of watsonx.
        model: text(object.remove("model"))
            .or_else(|| text(object.remove("model_id")))
            .map(without_prefix),
        ..Asked::default()
    };
    for group in GROUPS {
        if let Some(Value::Object(group)) = object.remove(*group) {
            take_parameters(group, &mut asked.parameters);
        }
    }
    asked.input = input(&mut object, operation, language);
    take_parameters(object, &mut asked.parameters);
    asked
}

/// Gemini names a model `models/gemini-2.5-flash`.
fn without_prefix(model: String) -> String {
    match model.strip_prefix("models/") {
        Some(name) => name.to_owned(),
        None => model,
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    fn asked(body: &Value, operation: Operation, language: Language) -> Asked {
        let capture = Capture::of(body.to_string().as_bytes(), 1 << 20);
        read(&capture, "application/json", operation, language)
    }

    #[test]
    fn messages_have_instructions_first_and_tools_beside() {
        use Language::{Anthropic, Gemini, OpenAi};
        let user = json!({ "role": "user", "content": "Hi" });
        for (language, body, input) in [
            (OpenAi, json!({ "messages": [user] }), json!([user])),
            (
                OpenAi,
                json!({ "input": "Hi", "instructions": "Be brief" }),
                json!([{ "role": "system", "content": "Be brief" }, user]),
            ),
            (OpenAi, json!({ "input": "Hi" }), json!("Hi")),
            (
                OpenAi,
                json!({ "messages": [user], "tools": [{ "type": "function" }] }),
                json!({ "messages": [user], "tools": [{ "type": "function" }] }),
            ),
            (
                Anthropic,
                json!({ "system": [{ "type": "text", "text": "Be brief" }], "messages": [user] }),
                json!([{ "role": "system", "content": [{ "type": "text", "text": "Be brief" }] }, user]),
            ),
            (
                Gemini,
                json!({ "contents": [{ "parts": [{ "text": "Hi" }] }], "systemInstruction": { "parts": [{ "text": "Be brief" }] } }),
                json!([{ "role": "system", "parts": [{ "text": "Be brief" }] }, { "parts": [{ "text": "Hi" }] }]),
            ),
        ] {
            let asked = asked(&body, Operation::Chat, language);
            assert_eq!(asked.input, Some(input), "{body}");
        }
    }

    #[test]
    fn only_parameters_of_models_are_parameters() {
        let body = json!({
            "model": "gpt-4o", "stream": true, "temperature": 0.5, "top_p": null, "user": "Ada", "metadata": { "a": 1 },
            "messages": [], "options": { "num_ctx": 8 }, "prediction": { "content": "secret" },
        });
        let asked = asked(&body, Operation::Chat, Language::Ollama);
        assert_eq!(
            (asked.model.as_deref(), asked.stream),
            (Some("gpt-4o"), true)
        );
        let expected = [
            ("num_ctx".to_owned(), json!(8)),
            ("temperature".to_owned(), json!(0.5)),
        ];
        assert_eq!(asked.parameters, expected);
    }

    #[test]
    fn a_body_over_the_limit_is_summarised_and_its_model_found() {
        let picture = "A".repeat(100_000);
        let body =
            json!({ "messages": [{ "content": picture }], "model": "gpt-4o", "stream": true });
        let capture = Capture::of(body.to_string().as_bytes(), 1024);
        let asked = read(
            &capture,
            "application/json",
            Operation::Chat,
            Language::OpenAi,
        );
        assert_eq!(
            (asked.model.as_deref(), asked.stream),
            (Some("gpt-4o"), true)
        );
        let bytes = body.to_string().len();
        let summary = json!({ "content_type": "application/json", "bytes": bytes });
        assert_eq!(asked.input, Some(summary));
    }

    #[test]
    fn the_text_fields_of_a_form_are_read_and_files_are_not() {
        let part = |head: &str, body: &str| {
            format!("--b\r\nContent-Disposition: form-data; {head}\r\n\r\n{body}\r\n")
        };
        let file = "\u{1}\r\nname=\"no\"".repeat(500);
        let body = [
            part(
                "name=\"file\"; filename=\"a.mp3\"\r\nContent-Type: audio/mpeg",
                &file,
            ),
            part("name=\"model\"", "whisper-1"),
            part("name=\"language\"", "de"),
            part("name=\"prompt\"", "Names: Ada"),
            "--b--\r\n".to_owned(),
        ]
        .concat();
        for limit in [100, 1 << 20] {
            let capture = Capture::of(body.as_bytes(), limit);
            let asked = read(
                &capture,
                "multipart/form-data; boundary=b",
                Operation::Transcription,
                Language::OpenAi,
            );
            assert_eq!(asked.model.as_deref(), Some("whisper-1"));
            assert_eq!(asked.parameters, [("language".to_owned(), json!("de"))]);
            let input = json!({ "content_type": "multipart/form-data", "bytes": body.len(), "prompt": "Names: Ada" });
            assert_eq!(asked.input, Some(input));
        }
    }

    proptest! {
        #[test]
        fn no_body_panics(body in prop::collection::vec(any::<u8>(), 0..200), text in "[\\PC\r\n\"=:{} name-]{0,80}", limit in 0..200usize) {
            for bytes in [body.as_slice(), text.as_bytes()] {
                let capture = Capture::of(bytes, limit);
                for content_type in ["application/json", "multipart/form-data"] {
                    read(&capture, content_type, Operation::Chat, Language::Gemini);
                }
            }
        }
    }
}
