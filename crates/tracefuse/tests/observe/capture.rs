//! What goes in and what comes out: nothing unless asked, by reference, with no bound but on what is asked for.

use serde::Serialize;
use tracefuse::observe;

use crate::support::{Bench, Opaque, opaque, wait};

fn check<R>(f: impl FnOnce() -> R, input: Option<&str>, output: Option<&str>) {
    let bench = Bench::new();
    bench.run(f);
    let name = bench.tree();
    let span = bench.span(name.trim());
    let text = |value: Option<tracefuse::exporter::record::ValueRef<'_>>| {
        value.map(|value| value.to_string())
    };
    assert_eq!(text(span.input()).as_deref(), input);
    assert_eq!(text(span.output()).as_deref(), output);
}

#[derive(Serialize)]
struct Filter {
    lang: &'static str,
}

#[derive(Debug)]
#[expect(dead_code, reason = "read through Debug")]
struct Shown(u8);

#[observe]
fn silent(_query: &str) -> u32 {
    1
}

#[observe(skip_all)]
fn silent_on_purpose(_query: &str) -> u32 {
    1
}

#[test]
fn nothing_is_captured_unless_asked() {
    check(|| silent("q"), None, None);
    check(|| silent_on_purpose("q"), None, None);
}

#[observe(capture(query, filter))]
fn some(query: String, filter: Filter, key: Opaque) -> (String, Filter, Opaque) {
    (query, filter, key)
}

#[observe(capture_input, skip(key), capture_output = true)]
fn all_but(query: &str, top_k: Option<u8>, key: Opaque) -> Vec<String> {
    vec![format!("{query}{top_k:?}{}", key.0)]
}

#[observe(capture_input)]
fn patterns<T: Serialize + Copy>(
    (a, _): (u8, Opaque),
    Filter { lang }: Filter,
    rest @ [first, ..]: [T; 2],
    r#in: bool,
) -> bool {
    let _ = (a, lang, rest.len(), first);
    r#in
}

#[test]
fn arguments_are_captured_by_name_and_not_moved() {
    let filter = || Filter { lang: "fr" };
    check(
        || some("why".to_owned(), filter(), opaque("key")),
        Some(r#"{"query":"why","filter":{"lang":"fr"}}"#),
        None,
    );
    check(
        || all_but("why", Some(3), opaque("!")),
        Some(r#"{"query":"why","top_k":3}"#),
        Some(r#"["whySome(3)!"]"#),
    );
}

impl Filter {
    #[observe(capture(self, n), capture_output)]
    fn with_self(&self, n: u8) -> &str {
        &self.lang[..usize::from(n)]
    }

    #[observe(capture_input)]
    fn without_self(&mut self, lang: &'static str) {
        self.lang = lang;
    }
}

#[test]
fn self_is_captured_only_by_name() {
    check(
        || Filter { lang: "fr" }.with_self(1).len(),
        Some(r#"{"self":{"lang":"fr"},"n":1}"#),
        Some("f"),
    );
    check(
        || Filter { lang: "fr" }.without_self("en"),
        Some(r#"{"lang":"en"}"#),
        None,
    );
}

#[observe(capture_input, debug, capture_output = true)]
fn by_debug(shown: Shown, text: &str) -> Result<Option<Shown>, Opaque> {
    match text {
        "" => Err(opaque("")),
        _ => Ok(Some(shown)),
    }
}

#[test]
fn debug_captures_what_is_not_serialize() {
    check(
        || by_debug(Shown(1), "x").is_ok(),
        Some(r#"{"shown":"Shown(1)","text":"\"x\""}"#),
        Some("Some(Shown(1))"),
    );
}

#[observe(capture_output = true)]
fn value(text: &str) -> Result<u64, std::num::ParseIntError> {
    let value = text.parse()?;
    Ok(value)
}

#[observe(capture(text), capture_output = true)]
async fn later(text: String) -> String {
    std::future::ready(text).await
}

#[observe(capture_output = true)]
fn unnamed() -> impl Serialize {
    [1, 2]
}

#[test]
fn of_a_result_the_value_is_the_output() {
    check(|| value("5").is_ok(), None, Some("5"));
    check(|| value("x").is_err(), None, None);
    check(
        || wait(later("a".to_owned())),
        Some(r#"{"text":"a"}"#),
        Some("a"),
    );
    check(|| drop(unnamed()), None, Some("[1,2]"));
}

struct Refuses;

impl Serialize for Refuses {
    fn serialize<S: serde::Serializer>(&self, _: S) -> Result<S::Ok, S::Error> {
        panic!("serialized without need")
    }
}

#[observe(capture_input, capture_output = true)]
fn costly(value: Refuses) -> Refuses {
    value
}

#[test]
fn where_nothing_is_current_nothing_is_serialized() {
    let Refuses = costly(Refuses);
    assert!(patterns(
        (1, opaque("")),
        Filter { lang: "fr" },
        ["a", "b"],
        true
    ));
}
