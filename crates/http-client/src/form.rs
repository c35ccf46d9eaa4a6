//! A request in `multipart/form-data`, as transcriptions and edits of images are sent: its text fields. Files are left out.
//! Called by `request`.

use memchr::memmem;
use serde_json::{Map, Value};

use crate::asked::{Asked, media_type, summary};
use crate::capture::Capture;
use crate::parameters::is_parameter;

/// Fields of a form that are content.
const FORM_CONTENT: &[&str] = &["prompt"];

/// A longer field of a form is a file.
const MAX_FIELD: usize = 8 * 1024;

/// Reads the text fields of `multipart/form-data`; files are left out.
pub(crate) fn of_form(body: &Capture, content_type: &str) -> Asked {
    let mut asked = Asked::default();
    let mut input = Map::new();
    for part in body.parts() {
        for (name, value) in fields_of_form(part) {
            match name.as_str() {
                "model" => asked.model = Some(value),
                "stream" => asked.stream = value == "true",
                name if FORM_CONTENT.contains(&name) => {
                    input.insert(name.to_owned(), Value::from(value));
                }
                _ if is_parameter(&name) => {
                    asked.parameters.push((name, Value::from(value)));
                }
                _ => {}
            }
        }
    }
    if let Value::Object(summary) = summary(media_type(content_type), body.total()) {
        input.extend(summary);
    }
    asked.input = Some(Value::Object(input));
    asked
}

/// Name and value of each text field: after `name=".."` the part's headers end, and the value ends with the next boundary.
fn fields_of_form(bytes: &[u8]) -> Vec<(String, String)> {
    let mut fields = Vec::new();
    for at in memmem::find_iter(bytes, b" name=\"") {
        let field = || {
            let rest = bytes.get(at + 7..)?;
            let name = rest.get(..memchr::memchr(b'"', rest)?)?;
            let head = memmem::find(rest, b"\r\n\r\n").filter(|head| *head < MAX_FIELD)?;
            if memmem::find(rest.get(..head)?, b"filename").is_some() {
                return None;
            }
            let value = rest.get(head + 4..)?;
            let value = value.get(..value.len().min(MAX_FIELD))?;
            let value = value.get(..memmem::find(value, b"\r\n--")?)?;
            let text = |bytes| std::str::from_utf8(bytes).ok().map(str::to_owned);
            Some((text(name)?, text(value)?))
        };
        fields.extend(field());
    }
    fields
}
