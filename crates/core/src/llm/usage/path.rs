//! Places in a JSON tree, written as text, so that tables can name them.
//! Used by `usage`.
//!
//! Steps are separated by dots. A step is a key of an object; a key in camel case is found in snake case too. `*` is every
//! element of an array or every value of an object. In an array, `key=value` is the elements that have this text there.
//! The empty path is the tree.

use serde_json::Value;

/// All values at a place, in their order.
pub(super) fn find<'a>(tree: &'a Value, path: &str) -> Vec<&'a Value> {
    let mut found = vec![tree];
    for step in path.split('.').filter(|step| !step.is_empty()) {
        found = found
            .into_iter()
            .flat_map(|value| take(value, step))
            .collect();
    }
    found
}

fn take<'a>(value: &'a Value, step: &str) -> Vec<&'a Value> {
    match value {
        Value::Object(object) if step == "*" => object.values().collect(),
        Value::Object(object) => {
            let known = object.get(step).filter(|value| !value.is_null());
            let known = known.or_else(|| object.get(&snake(step)?));
            known.into_iter().collect()
        }
        Value::Array(list) => match step.split_once('=') {
            _ if step == "*" => list.iter().collect(),
            Some((key, text)) => {
                let is = |element: &&Value| element.get(key).and_then(Value::as_str) == Some(text);
                list.iter().filter(is).collect()
            }
            None => Vec::new(),
        },
        _ => Vec::new(),
    }
}

/// A key in snake case, if it is in camel case.
pub(crate) fn snake(camel: &str) -> Option<String> {
    camel.contains(|c: char| c.is_ascii_uppercase()).then(|| {
        camel.chars().fold(String::new(), |mut snake, c| {
            if c.is_ascii_uppercase() {
                snake.push('_');
            }
            snake.push(c.to_ascii_lowercase());
            snake
        })
    })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn places_are_found_in_objects_and_arrays() {
        let tree = json!({
            "usage_metadata": { "n": 1 },
            "list": [{ "kind": "A", "n": 2 }, { "kind": "B", "n": 3 }, 4, { "kind": "A", "n": 5 }],
            "nothing": null,
        });
        for (path, found) in [
            ("usageMetadata.n", vec![json!(1)]),
            ("list.*.n", vec![json!(2), json!(3), json!(5)]),
            ("list.kind=A.n", vec![json!(2), json!(5)]),
            ("list.n", vec![]),
            ("usage_metadata.*", vec![json!(1)]),
            ("nothing.n", vec![]),
            ("absent", vec![]),
        ] {
            let values: Vec<_> = find(&tree, path).into_iter().cloned().collect();
            assert_eq!(values, found, "{path}");
        }
        assert_eq!(find(&tree, ""), [&tree]);
    }
}
