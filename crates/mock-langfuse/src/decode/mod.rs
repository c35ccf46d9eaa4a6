//! Bodies of the OTLP endpoint as spans, and what is wrong with them. `protobuf` and `json` read the two forms.
//! Called by `otlp`.

mod json;
mod json_values;
mod protobuf;

use serde_json::Value;

use crate::values::WireSpan;

pub(crate) use json::json;
pub(crate) use protobuf::protobuf;

/// The spans of a request, and what is wrong with it.
#[derive(Default)]
pub(crate) struct Batch {
    pub(crate) spans: Vec<WireSpan>,
    /// Spans of the request, good or bad.
    pub(crate) total: usize,
    /// Spans that cannot be processed.
    pub(crate) bad_spans: usize,
    /// Fields above the spans that are there and no lists.
    pub(crate) bad_collections: usize,
    /// Why, each once, as `field:reason`.
    pub(crate) reasons: Vec<String>,
    /// Names of the scopes of what is bad, each once, five at most.
    pub(crate) scopes: Vec<String>,
}

impl Batch {
    fn bad(&mut self, reasons: Vec<String>, scope: Option<&str>) {
        self.bad_spans += 1;
        self.note(reasons, scope);
    }

    fn note(&mut self, reasons: Vec<String>, scope: Option<&str>) {
        for reason in reasons {
            if !self.reasons.contains(&reason) {
                self.reasons.push(reason);
            }
        }
        let name = scope.unwrap_or_default().to_owned();
        if !name.is_empty() && self.scopes.len() < 5 && !self.scopes.contains(&name) {
            self.scopes.push(name);
        }
    }

    /// The items of a list; none, and a fault of the request, if it is there and no list.
    fn collection<'a>(
        &mut self,
        value: &'a Value,
        field: &str,
        scope: Option<&str>,
    ) -> &'a [Value] {
        list(value).unwrap_or_else(|| {
            self.bad_collections += 1;
            self.note(vec![format!("{field}:not_an_array")], scope);
            &[]
        })
    }
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// `None` if it is there and no array.
fn list(value: &Value) -> Option<&[Value]> {
    match value {
        Value::Null => Some(&[]),
        Value::Array(items) => Some(items),
        _ => None,
    }
}
