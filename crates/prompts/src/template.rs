//! Templates with variables in double braces: parsed once, filled as often as needed. Pure.
//! Used by `prompt`. Knows neither Langfuse's API nor values that are no text.

use std::collections::HashSet;
use std::ops::Range;

/// A text with variables, such as `Weather in {{city}}`.
///
/// A variable is what is between `{{` and `}}`, if there is no brace in it. White space around the name does not count.
/// The names are those of Langfuse: letters and digits of any script and `_`, beginning with a letter.
/// Anything else between braces is text, unless a value is given for it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Template {
    source: String,
    holes: Vec<Hole>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
struct Hole {
    /// With its braces.
    whole: Range<usize>,
    /// Without braces and white space.
    name: Range<usize>,
}

impl Template {
    pub(crate) fn new(source: impl Into<String>) -> Self {
        let source = source.into();
        let mut holes = Vec::new();
        let mut at = 0;
        while let Some(hole) = next_hole(&source, at) {
            at = hole.whole.end;
            holes.push(hole);
        }
        Self { source, holes }
    }

    pub(crate) fn source(&self) -> &str {
        &self.source
    }

    /// Names of the variables, each once, in the order of their first use.
    pub(crate) fn variables(&self) -> Vec<&str> {
        each_once(self.names().filter(|name| is_variable_name(name)))
    }

    /// The text with values in the place of variables. Variables without a value are added to `missing`, as often as they
    /// are there.
    pub(crate) fn fill<'t, 'v>(
        &'t self,
        value: impl Fn(&str) -> Option<&'v str>,
        missing: &mut Vec<&'t str>,
    ) -> String {
        let mut text = String::with_capacity(self.source.len());
        let mut at = 0;
        for hole in &self.holes {
            let name = self.part(&hole.name);
            text.push_str(self.part(&(at..hole.whole.start)));
            at = hole.whole.end;
            match value(name) {
                Some(value) => text.push_str(value),
                None => {
                    text.push_str(self.part(&hole.whole));
                    if is_variable_name(name) {
                        missing.push(name);
                    }
                }
            }
        }
        text.push_str(self.part(&(at..self.source.len())));
        text
    }

    fn names(&self) -> impl Iterator<Item = &str> {
        self.holes.iter().map(|hole| self.part(&hole.name))
    }

    fn part(&self, range: &Range<usize>) -> &str {
        self.source.get(range.clone()).unwrap_or_default()
    }
}

/// The names without those that came before, in linear time: a prompt may have any number of variables.
pub(crate) fn each_once<'t>(names: impl IntoIterator<Item = &'t str>) -> Vec<&'t str> {
    let mut known = HashSet::new();
    let is_new = |name: &&'t str| known.insert(*name);
    names.into_iter().filter(is_new).collect()
}

/// The next pair of double braces from `from` on that has no brace inside. Of several opening braces the last two
/// count, so `{{{name}}}` is `{`, the variable, `}`.
fn next_hole(source: &str, from: usize) -> Option<Hole> {
    let bytes = source.as_bytes();
    let mut open = None;
    let mut at = from;
    while let Some(&byte) = bytes.get(at) {
        let doubled = bytes.get(at.saturating_add(1)) == Some(&byte);
        match byte {
            b'{' if doubled => {
                open = Some(at.saturating_add(2));
                at = at.saturating_add(1);
            }
            // The second brace of a pair ends in front of the name; a single brace is none of a variable.
            b'{' => {
                open = open.filter(|open| at < *open);
                at = at.saturating_add(1);
            }
            b'}' if doubled && open.is_some() => {
                let (start, end) = (open?, at);
                let inner = source.get(start..end)?;
                let name = inner.trim();
                let name_start =
                    start.saturating_add(inner.len().saturating_sub(inner.trim_start().len()));
                return Some(Hole {
                    whole: start.saturating_sub(2)..end.saturating_add(2),
                    name: name_start..name_start.saturating_add(name.len()),
                });
            }
            b'}' => {
                open = None;
                at = at.saturating_add(1);
            }
            _ => at = at.saturating_add(1),
        }
    }
    None
}

/// Langfuse's rule, `^\p{L}[\p{L}\p{N}_]*$`.
fn is_variable_name(name: &str) -> bool {
    let mut chars = name.chars();
    let letter = |c: char| c.is_alphabetic();
    chars.next().is_some_and(letter) && chars.all(|c| c.is_alphanumeric() || c == '_')
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn filled(template: &str, pairs: &[(&str, &str)]) -> (String, Vec<String>) {
        let mut missing = Vec::new();
        let value = |name: &str| {
            let found = pairs.iter().find(|(known, _)| *known == name);
            found.map(|(_, value)| *value)
        };
        let template = Template::new(template);
        let text = template.fill(value, &mut missing);
        let missing = each_once(missing).into_iter().map(String::from).collect();
        (text, missing)
    }

    #[test]
    fn variables_are_found_as_langfuse_finds_them() {
        for (template, names) in [
            ("Weather in {{city}}", vec!["city"]),
            ("{{ city }} and {{\tcity\n}}", vec!["city"]),
            ("{{a}}{{b}}{{a}}", vec!["a", "b"]),
            ("{{größe}} {{数}} {{a_1}}", vec!["größe", "数", "a_1"]),
            ("{{{name}}}", vec!["name"]),
            ("{{ {{name}} }}", vec!["name"]),
            ("{{a}} }} {{b}}", vec!["a", "b"]),
            ("{{a {b}} {{c}}", vec!["c"]),
            ("{ {a}} {{b} }", vec![]),
            ("{{}} {{ }} {{1a}} {{a b}} {{_a}} {{a.b}}", vec![]),
            ("{{\"key\": 1}}", vec![]),
            ("{{", vec![]),
            ("}}{{a", vec![]),
            ("", vec![]),
        ] {
            assert_eq!(Template::new(template).variables(), names, "{template}");
        }
    }

    #[test]
    fn values_take_the_place_of_variables() {
        for (template, text, missing) in [
            ("Weather in {{city}}!", "Weather in Lyon!", vec![]),
            ("{{{city}}}", "{Lyon}", vec![]),
            ("{{ {{city}} }}", "{{ Lyon }}", vec![]),
            ("{{a.b}} {{1}}", "dotted {{1}}", vec![]),
            (
                "{{x}} {{city}} {{y}} {{x}}",
                "{{x}} Lyon {{y}} {{x}}",
                vec!["x", "y"],
            ),
            ("{\"a\": {\"b\": 1}}", "{\"a\": {\"b\": 1}}", vec![]),
        ] {
            let (filled, unfilled) = filled(template, &[("city", "Lyon"), ("a.b", "dotted")]);
            assert_eq!(
                (filled.as_str(), unfilled),
                (text, missing.into_iter().map(String::from).collect())
            );
        }
    }

    #[test]
    fn a_value_is_not_read_as_a_template() {
        let (text, missing) = filled("{{a}}{{b}}", &[("a", "{{b}}"), ("b", "{{secret}}")]);
        assert_eq!((text.as_str(), missing.len()), ("{{b}}{{secret}}", 0));
    }

    #[test]
    fn a_prompt_of_many_variables_is_read_in_linear_time() {
        let names: Vec<String> = (0..100_000).map(|n| format!("v{n}")).collect();
        let text: String = names.iter().map(|name| format!("{{{{{name}}}}}")).collect();
        let template = Template::new(text.repeat(2));
        assert_eq!(template.variables(), names);
        let mut missing = Vec::new();
        template.fill(|_| None, &mut missing);
        assert_eq!(
            (missing.len(), each_once(missing).len()),
            (200_000, 100_000)
        );
    }

    proptest! {
        #[test]
        fn any_text_is_parsed_and_filled_with_nothing_is_itself(text in "[{}a\u{e9} \n\\PC]{0,40}") {
            let mut missing = Vec::new();
            let template = Template::new(text.clone());
            prop_assert_eq!(template.fill(|_| None, &mut missing), text);
            let variables: Vec<String> = template.variables().into_iter().map(String::from).collect();
            prop_assert_eq!(each_once(missing), variables);
        }

        #[test]
        fn names_in_any_white_space_and_text_are_found(
            parts in prop::collection::vec(("[^{}]{0,6}", "\\s{0,2}", "\\p{L}[\\p{L}\\p{Nd}_]{0,5}", "\\s{0,2}"), 0..6),
            end in "[^{}]{0,6}",
        ) {
            let (mut template, mut expected) = (String::new(), String::new());
            for (text, before, name, after) in &parts {
                template.push_str(&format!("{text}{{{{{before}{name}{after}}}}}"));
                expected.push_str(&format!("{text}<{name}>"));
            }
            template.push_str(&end);
            expected.push_str(&end);
            let values: Vec<(String, String)> =
                parts.iter().map(|(_, _, name, _)| (name.clone(), format!("<{name}>"))).collect();
            let mut missing = Vec::new();
            let value = |name: &str| values.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str());
            let template = Template::new(template);
            prop_assert_eq!(template.fill(value, &mut missing), expected);
            prop_assert!(missing.is_empty());
        }
    }
}
