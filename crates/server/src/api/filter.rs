//! The parameter `filter` of the read API: a JSON list of conditions, as SQL with bound values.
//! Used by `observations`. A column or an operator that is not known is refused by its name.

use rusqlite::types::Value as Sql;
use serde_json::Value;

use crate::store::level_number;
use crate::take::parse_time;

type Condition = (String, Vec<Sql>);

/// Columns by their names in Langfuse: what they are in SQL, and how their values are read.
const COLUMNS: &[(&[&str], &str, Kind)] = &[
    (&["id"], "s.id", Kind::Text),
    (&["traceId"], "t.id", Kind::Text),
    (&["name"], "s.name", Kind::Text),
    (&["parentObservationId"], "s.parent", Kind::Text),
    (&["statusMessage"], "s.status_message", Kind::Text),
    (&["model", "providedModelName"], "s.model", Kind::Text),
    (&["promptName"], "s.prompt_name", Kind::Text),
    (&["userId"], "c.data ->> '$.u'", Kind::Text),
    (&["sessionId"], "c.data ->> '$.s'", Kind::Text),
    (&["traceName"], "c.data ->> '$.n'", Kind::Text),
    (&["release"], "c.data ->> '$.r'", Kind::Text),
    (&["version"], "c.data ->> '$.v'", Kind::Text),
    (
        &["environment"],
        "coalesce(c.data ->> '$.e', 'default')",
        Kind::Text,
    ),
    (&["type"], "s.kind", Kind::Type),
    (&["level"], "s.level", Kind::Level),
    (&["tags", "traceTags"], "c.data -> '$.t'", Kind::List),
    (&["startTime"], "s.start_ns", Kind::Time),
    (&["endTime"], "s.end_ns", Kind::Time),
    (&["latency"], "(s.end_ns - s.start_ns) / 1e9", Kind::Number),
    (&["timeToFirstToken"], "s.ttft_ns / 1e9", Kind::Number),
    (&["promptVersion"], "s.prompt_version", Kind::Number),
    (
        &["totalTokens", "totalUsage"],
        "coalesce(s.usage ->> '$.total', 0)",
        Kind::Number,
    ),
    (
        &["inputTokens", "inputUsage"],
        "coalesce(s.usage ->> '$.input', 0)",
        Kind::Number,
    ),
    (
        &["outputTokens", "outputUsage"],
        "coalesce(s.usage ->> '$.output', 0)",
        Kind::Number,
    ),
    (
        &["totalCost"],
        "coalesce(s.cost ->> '$.total', 0)",
        Kind::Number,
    ),
    (&["isRootObservation"], "s.is_root", Kind::Bool),
];

#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    Text,
    Type,
    Level,
    List,
    Time,
    Number,
    Bool,
}

/// The conditions of a filter; what cannot be read is named.
pub(crate) fn conditions(filter: &str) -> Result<Vec<Condition>, String> {
    let filter: Value =
        serde_json::from_str(filter).map_err(|_| "Invalid JSON in filter parameter".to_owned())?;
    let Value::Array(all) = filter else {
        return Err("Invalid input: expected an array of conditions".to_owned());
    };
    all.iter().map(condition).collect()
}

fn condition(given: &Value) -> Result<Condition, String> {
    let text = |key: &str| given.get(key).and_then(Value::as_str).unwrap_or_default();
    let (column, operator) = (text("column"), text("operator"));
    let known = COLUMNS.iter().find(|(names, _, _)| names.contains(&column));
    let (_, sql, kind) =
        known.ok_or_else(|| format!("the column {column:?} is not filtered by this server"))?;
    let value = given.get("value").cloned().unwrap_or_default();
    let values = |value: &Value| -> Result<Vec<Sql>, String> {
        let all = match value {
            Value::Array(all) => all.clone(),
            one => vec![one.clone()],
        };
        let read = all.iter().map(|one| read(*kind, one));
        read.collect::<Option<_>>()
            .ok_or_else(|| format!("the value for {column:?} cannot be read"))
    };
    let one = || values(&value).map(|all| all.into_iter().take(1).collect::<Vec<_>>());
    let is_text = *kind == Kind::Text;
    let pattern = |before: &str, after: &str| {
        let escaped: String = text_of(&value)
            .chars()
            .flat_map(|c| match c {
                '%' | '_' | '\\' => vec!['\\', c],
                c => vec![c],
            })
            .collect();
        vec![Sql::from(format!("{before}{escaped}{after}"))]
    };
    Ok(match operator {
        "=" if is_text => (format!("coalesce({sql}, '') = ?"), one()?),
        "=" => (format!("{sql} = ?"), one()?),
        "<>" | "!=" => (format!("{sql} IS NOT ?"), one()?),
        ">" | ">=" | "<" | "<=" if matches!(kind, Kind::Time | Kind::Number | Kind::Level) => {
            (format!("{sql} {operator} ?"), one()?)
        }
        "contains" if is_text => (format!("{sql} LIKE ? ESCAPE '\\'"), pattern("%", "%")),
        "does not contain" if is_text => (
            format!("coalesce({sql}, '') NOT LIKE ? ESCAPE '\\'"),
            pattern("%", "%"),
        ),
        "starts with" if is_text => (format!("{sql} LIKE ? ESCAPE '\\'"), pattern("", "%")),
        "ends with" if is_text => (format!("{sql} LIKE ? ESCAPE '\\'"), pattern("%", "")),
        "is null" => (format!("{sql} IS NULL"), Vec::new()),
        "is not null" => (format!("{sql} IS NOT NULL"), Vec::new()),
        "any of" | "none of" | "all of" => several(sql, *kind, operator, values(&value)?)?,
        _ => {
            return Err(format!(
                "the operator {operator:?} is not known for {column:?}"
            ));
        }
    })
}

fn several(sql: &str, kind: Kind, operator: &str, values: Vec<Sql>) -> Result<Condition, String> {
    if values.is_empty() {
        let all = operator != "any of";
        return Ok((if all { "1" } else { "0" }.to_owned(), values));
    }
    if kind != Kind::List {
        let places = vec!["?"; values.len()].join(", ");
        return match operator {
            "any of" => Ok((format!("{sql} IN ({places})"), values)),
            "none of" => Ok((format!("coalesce({sql}, '') NOT IN ({places})"), values)),
            _ => Err("\"all of\" is for lists".to_owned()),
        };
    }
    // A list is kept as JSON: an element is found with its quotes.
    let (joint, wanted) = match operator {
        "any of" => (" OR ", "> 0"),
        "all of" => (" AND ", "> 0"),
        _ => (" AND ", "= 0"),
    };
    let each = format!("instr(coalesce({sql}, ''), ?) {wanted}");
    let all = vec![each; values.len()].join(joint);
    Ok((format!("({all})"), values))
}

fn text_of(value: &Value) -> String {
    value
        .as_str()
        .map_or_else(|| value.to_string(), str::to_owned)
}

fn read(kind: Kind, value: &Value) -> Option<Sql> {
    Some(match kind {
        Kind::Text => text_of(value).into(),
        Kind::List => Value::from(text_of(value)).to_string().into(),
        Kind::Number => value
            .as_f64()
            .or_else(|| value.as_str()?.parse().ok())?
            .into(),
        Kind::Bool => i64::from(value.as_bool().or_else(|| value.as_str()?.parse().ok())?).into(),
        Kind::Time => parse_time(value.as_str()?)?.into(),
        Kind::Type => crate::store::kind_of(value.as_str()?)?.into(),
        Kind::Level => level_number(super::observations::level(value.as_str()?)?).into(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn conditions_bind_their_values() {
        let filter = r#"[{"type": "string", "column": "name", "operator": "contains", "value": "50%'; DROP TABLE span"},
            {"type": "arrayOptions", "column": "tags", "operator": "any of", "value": ["a", "b\""]},
            {"type": "stringOptions", "column": "level", "operator": "any of", "value": ["ERROR"]}]"#;
        let all = conditions(filter).unwrap();
        assert_eq!(all[0].0, "s.name LIKE ? ESCAPE '\\'");
        assert_eq!(
            all[0].1,
            [Sql::from("%50\\%'; DROP TABLE span%".to_owned())]
        );
        assert_eq!(all[1].1.len(), 2);
        assert_eq!(all[2], ("s.level IN (?)".to_owned(), vec![Sql::from(3)]));
    }

    #[test]
    fn what_is_not_known_is_named() {
        for (filter, said) in [
            ("x", "Invalid JSON"),
            ("{}", "array"),
            (r#"[{"column": "nope", "operator": "="}]"#, "nope"),
            (r#"[{"column": "name", "operator": "~"}]"#, "~"),
            (
                r#"[{"column": "latency", "operator": ">", "value": "x"}]"#,
                "latency",
            ),
        ] {
            assert!(conditions(filter).unwrap_err().contains(said), "{filter}");
        }
    }
}
