//! The parameter `filter` of the read API: a JSON list of conditions, as SQL with bound values, and as `body_filter` where
//! a body has the value. Used by `observations` and `legacy`. A column or an operator that is not known is refused by its name.

use axum::http::StatusCode;
use rusqlite::types::Value as Sql;
use serde_json::Value;

use super::answers::{error, invalid};
use super::body_filter::{self, OfBody};
use super::params::{Params, Refusal};
use crate::store::{Conditions, level_number};
use crate::take::parse_time;

pub(crate) use super::params::MOST_VALUES;

type Condition = (String, Vec<Sql>);

/// What a filter asks for.
#[derive(Debug, Default)]
pub(crate) struct Filters {
    /// What the rows decide.
    pub(crate) rows: Conditions,
    /// What is in bodies.
    pub(crate) bodies: Vec<OfBody>,
    /// The columns, by the first of their names.
    columns: Vec<&'static str>,
}

impl Filters {
    /// Whether a condition has this column: it wins over the parameter of the same name, as Langfuse documents.
    pub(crate) fn has(&self, column: &str) -> bool {
        self.columns.contains(&column)
    }
}

/// The conditions of the parameter `filter` for observations; none without it.
pub(crate) fn of_observations(params: &Params) -> Result<Filters, Refusal> {
    read_parameter(params, COLUMNS, body_filter::COLUMNS)
}

/// The conditions of the parameter `filter` for traces; none without it.
pub(crate) fn of_traces(params: &Params) -> Result<Filters, Refusal> {
    read_parameter(params, OF_TRACES, &[])
}

fn read_parameter(
    params: &Params,
    columns: &[Column],
    of_bodies: &[&str],
) -> Result<Filters, Refusal> {
    let Some(filter) = params.filled("filter") else {
        return Ok(Filters::default());
    };
    conditions(filter, columns, of_bodies).map_err(|message| {
        let response = if message.starts_with("Invalid JSON") {
            error(StatusCode::BAD_REQUEST, "InvalidRequestError", &message)
        } else {
            invalid("filter", &message)
        };
        response.into()
    })
}

/// Columns by their names in Langfuse: what they are in SQL, and how their values are read.
const COLUMNS: &[Column] = &[
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
        &["environment", "traceEnvironment"],
        "coalesce(c.data ->> '$.e', 'default')",
        Kind::Text,
    ),
    (&["type"], "s.kind", Kind::Type),
    (&["level"], "s.level", Kind::Level),
    (&["tags", "traceTags"], "c.data -> '$.t'", Kind::List),
    (&["startTime"], "s.start_ns", Kind::Time),
    (&["endTime"], "s.end_ns", Kind::Time),
    (
        &["latency"],
        "(s.end_ns / 1000000 - s.start_ns / 1000000) / 1000.0",
        Kind::Number,
    ),
    (&["timeToFirstToken"], "s.ttft_ns / 1e9", Kind::Number),
    // Nothing for an observation of no length.
    (
        &["tokensPerSecond"],
        "(SELECT total(value) FROM json_each(s.usage) WHERE instr(lower(key), 'output')) * 1000.0 / (s.end_ns / 1000000 - s.start_ns / 1000000)",
        Kind::Number,
    ),
    (&["promptVersion"], "s.prompt_version", Kind::Number),
    (
        &["totalTokens", "totalUsage", "tokens"],
        "s.usage ->> '$.total'",
        Kind::Number,
    ),
    // The buckets that the answers add up too: all with this part in their name.
    (
        &["inputTokens", "inputUsage"],
        "(SELECT total(value) FROM json_each(s.usage) WHERE instr(lower(key), 'input'))",
        Kind::Number,
    ),
    (
        &["outputTokens", "outputUsage"],
        "(SELECT total(value) FROM json_each(s.usage) WHERE instr(lower(key), 'output'))",
        Kind::Number,
    ),
    (&["totalCost"], "s.cost ->> '$.total'", Kind::Number),
    (
        &["inputCost"],
        "(SELECT total(value) FROM json_each(s.cost) WHERE instr(lower(key), 'input'))",
        Kind::Number,
    ),
    (
        &["outputCost"],
        "(SELECT total(value) FROM json_each(s.cost) WHERE instr(lower(key), 'output'))",
        Kind::Number,
    ),
    (&["isRootObservation"], "s.is_root", Kind::Bool),
    (
        &["hasParentObservation"],
        "(coalesce(s.parent, '') <> '')",
        Kind::Bool,
    ),
];

/// The same of traces.
const OF_TRACES: &[Column] = &[
    (&["id", "traceId"], "id", Kind::Text),
    (&["name", "traceName"], "name", Kind::Text),
    (&["userId"], "user_id", Kind::Text),
    (&["sessionId"], "session_id", Kind::Text),
    (&["environment"], "environment", Kind::Text),
    (&["release"], "release", Kind::Text),
    (&["version"], "version", Kind::Text),
    (&["tags", "traceTags"], "tags", Kind::List),
    (&["timestamp", "startTime"], "start_ns", Kind::Time),
    (
        &["latency"],
        "(end_ns / 1000000 - start_ns / 1000000) / 1000.0",
        Kind::Number,
    ),
    (&["level"], "level", Kind::Level),
    (&["errorCount"], "errors", Kind::Number),
    (&["totalTokens"], "total_tokens", Kind::Number),
    (&["inputTokens"], "input_tokens", Kind::Number),
    (&["outputTokens"], "output_tokens", Kind::Number),
    (&["totalCost"], "coalesce(cost, 0)", Kind::Number),
];

type Column = (&'static [&'static str], &'static str, Kind);

/// Conditions of one filter.
const MOST: usize = 100;

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

/// The conditions of a filter on these columns of rows and of bodies; what cannot be read is named.
fn conditions(filter: &str, columns: &[Column], of_bodies: &[&str]) -> Result<Filters, String> {
    let filter: Value =
        serde_json::from_str(filter).map_err(|_| "Invalid JSON in filter parameter".to_owned())?;
    let Value::Array(all) = filter else {
        return Err("Invalid input: expected an array of conditions".to_owned());
    };
    if all.len() > MOST {
        return Err(format!("Too big: expected at most {MOST} conditions"));
    }
    let mut filters = Filters::default();
    for given in &all {
        let text = |key: &str| given.get(key).and_then(Value::as_str).unwrap_or_default();
        let (column, operator) = (text("column"), text("operator"));
        if of_bodies.contains(&column) {
            let condition = OfBody::read(column, operator, given)?;
            filters.bodies.push(condition);
            continue;
        }
        let known = columns.iter().find(|(names, _, _)| names.contains(&column));
        let known =
            known.ok_or_else(|| format!("the column {column:?} is not filtered by this server"))?;
        filters.columns.extend(known.0.first());
        filters
            .rows
            .push(condition(given, operator, column, known)?);
    }
    Ok(filters)
}

fn condition(
    given: &Value,
    operator: &str,
    column: &str,
    (_, sql, kind): &Column,
) -> Result<Condition, String> {
    let value = given.get("value").cloned().unwrap_or_default();
    let values = |value: &Value| -> Result<Vec<Sql>, String> {
        let all = match value {
            Value::Array(all) => all.clone(),
            one => vec![one.clone()],
        };
        if all.len() > MOST_VALUES {
            return Err(format!(
                "Too big: expected at most {MOST_VALUES} values for {column:?}"
            ));
        }
        let read = all.iter().map(|one| read(*kind, one));
        read.collect::<Option<_>>()
            .ok_or_else(|| format!("the value for {column:?} cannot be read"))
    };
    let one = || match values(&value)?.as_slice() {
        [one] => Ok(vec![one.clone()]),
        _ => Err(format!("the operator {operator:?} takes one value")),
    };
    let is_text = *kind == Kind::Text;
    if *kind == Kind::Time
        && let Some(condition) = of_time(sql, operator, one)
    {
        return condition;
    }
    Ok(match operator {
        "=" if is_text => (format!("coalesce({sql}, '') = ?"), one()?),
        "=" => (format!("{sql} = ?"), one()?),
        "<>" | "!=" => (format!("{sql} IS NOT ?"), one()?),
        ">" | ">=" | "<" | "<=" if matches!(kind, Kind::Time | Kind::Number | Kind::Level) => {
            (format!("{sql} {operator} ?"), one()?)
        }
        "contains" if is_text => (format!("instr({sql}, ?) > 0"), one()?),
        "does not contain" if is_text => (format!("instr(coalesce({sql}, ''), ?) = 0"), one()?),
        "starts with" if is_text => (format!("instr({sql}, ?) = 1"), one()?),
        "ends with" if is_text => {
            let value = one()?;
            let condition = format!("substr({sql}, length({sql}) + 1 - length(?)) = ?");
            (condition, [value.clone(), value].concat())
        }
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

/// Compares a time in milliseconds, which is all that Langfuse keeps and shows; `None` for another operator.
fn of_time(
    sql: &str,
    operator: &str,
    one: impl FnOnce() -> Result<Vec<Sql>, String>,
) -> Option<Result<Condition, String>> {
    const MILLISECOND: i64 = 1_000_000;
    if !matches!(operator, "=" | ">" | ">=" | "<" | "<=") {
        return None;
    }
    Some(one().map(|values| {
        let given = match values.as_slice() {
            [Sql::Integer(given)] => *given,
            _ => 0,
        };
        let first = given.div_euclid(MILLISECOND).saturating_mul(MILLISECOND);
        let next = first.saturating_add(MILLISECOND);
        match operator {
            "=" => (
                format!("{sql} >= ? AND {sql} < ?"),
                vec![first.into(), next.into()],
            ),
            ">" => (format!("{sql} >= ?"), vec![next.into()]),
            "<=" => (format!("{sql} < ?"), vec![next.into()]),
            _ => (format!("{sql} {operator} ?"), vec![given.into()]),
        }
    }))
}

fn several(sql: &str, kind: Kind, operator: &str, values: Vec<Sql>) -> Result<Condition, String> {
    if values.is_empty() {
        let all = operator != "any of";
        return Ok((if all { "1" } else { "0" }.to_owned(), values));
    }
    if kind != Kind::List {
        let places = vec!["?"; values.len()].join(", ");
        return match operator {
            // A text that is missing is read back as the empty one.
            "any of" if kind == Kind::Text => {
                Ok((format!("coalesce({sql}, '') IN ({places})"), values))
            }
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
        Kind::Number => {
            let number = value.as_f64().or_else(|| value.as_str()?.parse().ok());
            number.filter(|number| number.is_finite())?.into()
        }
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
        let all = conditions(filter, COLUMNS, &[]).unwrap().rows;
        assert_eq!(all[0].0, "instr(s.name, ?) > 0");
        assert_eq!(all[0].1, [Sql::from("50%'; DROP TABLE span".to_owned())]);
        assert_eq!(all[1].1.len(), 2);
        assert_eq!(all[2], ("s.level IN (?)".to_owned(), vec![Sql::from(3)]));
    }

    #[test]
    fn every_condition_has_as_many_values_as_places() {
        let values = [
            "[]",
            "null",
            "\"x\"",
            "\"ERROR\"",
            "1",
            "true",
            "\"2026-11-27T12:00:00Z\"",
            "[\"a\", \"b\"]",
            "[1, 2, 3]",
        ];
        let operators = [
            "=",
            "<>",
            "!=",
            ">",
            ">=",
            "<",
            "<=",
            "contains",
            "does not contain",
            "starts with",
            "ends with",
            "is null",
            "is not null",
            "any of",
            "none of",
            "all of",
        ];
        let mut read = 0;
        for columns in [COLUMNS, OF_TRACES] {
            for (names, ..) in columns {
                for (operator, value) in operators
                    .iter()
                    .flat_map(|operator| values.map(|value| (operator, value)))
                {
                    let filter = format!(
                        r#"[{{"column": "{}", "operator": "{operator}", "value": {value}}}]"#,
                        names[0]
                    );
                    for (sql, values) in conditions(&filter, columns, &[]).unwrap_or_default().rows
                    {
                        assert_eq!(sql.matches('?').count(), values.len(), "{filter}: {sql}");
                        read += 1;
                    }
                }
            }
        }
        assert!(read > 500, "{read}");
    }

    #[test]
    fn what_is_not_known_is_named() {
        let many = format!(
            r#"[{{"column": "tags", "operator": "any of", "value": [{}1]}}]"#,
            "1,".repeat(500)
        );
        let conditions_of = vec![r#"{"column": "id", "operator": "is null"}"#; 101];
        let more = format!("[{}]", conditions_of.join(","));
        for (filter, said) in [
            ("x", "Invalid JSON"),
            ("{}", "array"),
            (r#"[{"column": "nope", "operator": "="}]"#, "nope"),
            (r#"[{"column": "name", "operator": "~"}]"#, "~"),
            (
                r#"[{"column": "latency", "operator": ">", "value": "x"}]"#,
                "latency",
            ),
            (
                r#"[{"column": "latency", "operator": ">", "value": "NaN"}]"#,
                "latency",
            ),
            (
                r#"[{"column": "latency", "operator": ">", "value": "1e999"}]"#,
                "latency",
            ),
            (
                r#"[{"column": "name", "operator": "=", "value": []}]"#,
                "one value",
            ),
            (
                r#"[{"column": "name", "operator": "contains", "value": ["a", "b"]}]"#,
                "one value",
            ),
            (&many, "at most 500 values"),
            (&more, "at most 100 conditions"),
        ] {
            assert!(
                conditions(filter, COLUMNS, &[]).unwrap_err().contains(said),
                "{filter}"
            );
        }
    }
}
