//! Messages that are spread over many attributes, such as `gen_ai.prompt.0.content`.
//! Filled by `traceloop` and `openinference`, put together by `observation` at the end of a span.

use serde_json::{Map, Value as Json};

/// More messages, parts of a message, or levels than this are refused: a place far out makes a list as long.
const MAX_MESSAGES: usize = 1024;
const MAX_PARTS: usize = 128;
const MAX_DEPTH: usize = 12;

/// A list that arrives in parts.
#[derive(Debug, Default)]
pub(crate) struct Flat(Json);

impl Flat {
    /// Takes a part by its place, such as `0.content`; the steps in `skip` are names of types, and left out. `false`
    /// if it is no place in a list.
    pub(crate) fn take(&mut self, place: &str, skip: &[&str], value: Json) -> bool {
        let steps: Vec<&str> = place
            .split('.')
            .filter(|step| !skip.contains(step))
            .collect();
        let (first, rest) = match steps.split_first() {
            Some((first, rest)) => (first.parse::<usize>().ok(), rest),
            None => return false,
        };
        let within = |step: &&str| step.parse::<usize>().is_ok_and(|index| index < MAX_PARTS);
        let is_key = |step: &&str| !step.is_empty() && step.parse::<usize>().is_err();
        let fits = steps.len() <= MAX_DEPTH
            && first.is_some_and(|index| index < MAX_MESSAGES)
            && rest.iter().all(|step| is_key(step) || within(step));
        if fits {
            put(&mut self.0, &steps, value);
        }
        fits
    }

    /// The list as JSON text; `None` if no part arrived.
    pub(crate) fn text(self) -> Option<String> {
        match self.0 {
            Json::Null => None,
            list => Some(list.to_string()),
        }
    }
}

fn put(target: &mut Json, steps: &[&str], value: Json) {
    let Some((step, rest)) = steps.split_first() else {
        // A value that already has parts stays.
        if target.is_null() || !(target.is_object() || target.is_array()) {
            *target = value;
        }
        return;
    };
    if let Ok(index) = step.parse::<usize>() {
        if !target.is_array() {
            *target = Json::Array(Vec::new());
        }
        if let Json::Array(list) = target {
            while list.len() <= index {
                list.push(Json::Null);
            }
            if let Some(element) = list.get_mut(index) {
                put(element, rest, value);
            }
        }
        return;
    }
    if !target.is_object() {
        *target = Json::Object(Map::new());
    }
    if let Json::Object(object) = target {
        put(object.entry(*step).or_insert(Json::Null), rest, value);
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn list(parts: &[(&str, Json)]) -> Json {
        let mut flat = Flat::default();
        for (place, value) in parts {
            assert!(
                flat.take(place, &["message", "tool_call"], value.clone()),
                "{place}"
            );
        }
        serde_json::from_str(&flat.text().unwrap()).unwrap()
    }

    #[test]
    fn parts_in_any_order_are_one_list() {
        let parts = [
            ("1.content", json!("hello")),
            ("0.role", json!("user")),
            ("1.tool_calls.0.name", json!("add")),
            ("0.message.content", json!("hi")),
            ("1.message.tool_calls.0.tool_call.id", json!("c1")),
        ];
        assert_eq!(
            list(&parts),
            json!([
                { "role": "user", "content": "hi" },
                { "content": "hello", "tool_calls": [{ "name": "add", "id": "c1" }] },
            ])
        );
    }

    #[test]
    fn what_is_no_place_is_refused_and_contradictions_do_no_harm() {
        let mut flat = Flat::default();
        let deep = format!("0{}", ".a".repeat(100));
        for place in [
            "",
            "content",
            "-1.content",
            "99999999999.content",
            "0..content",
            "1024",
            "0.content.128",
            &deep,
        ] {
            assert!(!flat.take(place, &[], json!(1)), "{place}");
        }
        assert!(flat.text().is_none());
        list(&[
            ("0", json!("text")),
            ("0.content", json!("x")),
            ("0.content.0", json!("y")),
            ("0", json!(3)),
        ]);
    }
}
