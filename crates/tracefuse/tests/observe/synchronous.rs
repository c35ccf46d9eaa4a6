//! Functions and methods that are not async: every shape stays what it was.

use std::fmt::Display;
use std::pin::Pin;
use std::sync::Arc;

use tracefuse::{Level, ObservationType, Span, observe};

use crate::support::{Bench, Opaque, check, opaque};

#[observe]
fn outer(n: u32) -> u32 {
    inner(n) + inner(n)
}

#[observe(name = "the inner one")]
fn inner(n: u32) -> u32 {
    n
}

#[test]
fn calls_nest_below_the_span_that_is_current() {
    let sum = check(|| outer(2), "outer\n  the inner one\n  the inner one\n");
    assert_eq!(sum, 4);
}

#[test]
fn where_nothing_is_current_the_function_just_runs() {
    let bench = Bench::new();
    assert_eq!(outer(2), 4);
    bench.run(|| ());
    assert_eq!(bench.tree(), "");
}

#[observe]
fn reports_itself() -> bool {
    Span::current().set_output("from within");
    Span::current().is_recording()
}

#[test]
fn the_body_runs_in_the_new_span() {
    let bench = Bench::new();
    assert!(bench.run(reports_itself));
    let span = bench.span("reports_itself");
    assert_eq!(span.output().unwrap().to_string(), "from within");
}

macro_rules! of_every_type {
    ($($kind:literal $name:ident $variant:ident,)*) => {
        $(#[observe(as_type = $kind)] fn $name() {})*

        #[test]
        fn every_observation_type_has_its_word() {
            let bench = Bench::new();
            bench.run(|| { $($name();)* });
            let seen = [$(bench.span(stringify!($name)).observation_type()),*];
            assert_eq!(seen, [$(ObservationType::$variant),*]);
            assert_eq!(seen.len(), ObservationType::ALL.len());
        }
    };
}

of_every_type! {
    "span" span Span,
    "generation" generation Generation,
    "event" event Event,
    "embedding" embedding Embedding,
    "agent" agent Agent,
    "tool" tool Tool,
    "chain" chain Chain,
    "retriever" retriever Retriever,
    "evaluator" evaluator Evaluator,
    "guardrail" guardrail Guardrail,
}

struct Store {
    rows: Vec<String>,
    key: Opaque,
}

impl Store {
    #[observe]
    fn open(key: Opaque) -> Self {
        let rows = vec!["a".to_owned(), "b".to_owned()];
        Self { rows, key }
    }

    #[observe]
    fn first(&self) -> Option<&str> {
        Some(self.rows.first()?)
    }

    #[observe]
    fn last_mut(&mut self) -> Option<&mut String> {
        if self.rows.is_empty() {
            return None;
        }
        self.rows.last_mut()
    }

    #[observe]
    fn pick<'a>(&self, mut from: &'a [Self], at: usize) -> &'a Self {
        from = &from[at..];
        &from[0]
    }

    #[observe]
    fn boxed(self: Box<Self>) -> Opaque {
        self.key
    }

    #[observe]
    fn shared(self: Arc<Self>) -> usize {
        self.rows.len()
    }

    #[observe]
    fn pinned(self: Pin<&mut Self>) -> usize {
        self.get_mut().rows.len()
    }

    #[observe]
    fn into_rows(mut self) -> Vec<String> {
        self.rows.push("c".to_owned());
        self.rows
    }
}

#[test]
fn methods_take_self_in_any_form_and_lend_from_it() {
    let names = "open\nfirst\nlast_mut\nfirst\npick\npinned\ninto_rows\n";
    check(
        || {
            let mut store = Store::open(opaque("key"));
            assert_eq!(store.first(), Some("a"));
            store.last_mut().unwrap().push('!');
            store.first();
            let slice = [store];
            let mut store = {
                assert_eq!(slice[0].pick(&slice, 0).rows.len(), 2);
                let [store] = slice;
                store
            };
            assert_eq!(Pin::new(&mut store).pinned(), 2);
            assert_eq!(store.into_rows(), ["a", "b!", "c"]);
        },
        names,
    );
    check(
        || {
            let key = Box::new(Store::open(opaque("key"))).boxed();
            assert_eq!(&*key.0, "key");
            assert_eq!(Arc::new(Store::open(key)).shared(), 2);
        },
        "open\nboxed\nopen\nshared\n",
    );
}

trait Describe {
    #[observe]
    fn describe(&self) -> String
    where
        Self: Display,
    {
        format!("<{self}>")
    }

    fn required(&self) -> usize;
}

impl Describe for u8 {
    #[observe]
    fn required(&self) -> usize {
        usize::from(*self)
    }
}

#[test]
fn methods_of_traits_are_observed_where_their_body_is() {
    let seen = check(|| (7u8.describe(), 7u8.required()), "describe\nrequired\n");
    assert_eq!(seen, ("<7>".to_owned(), 7));
}

#[observe]
fn generic<'a, T: ?Sized, F, const N: usize>(value: &'a T, f: F) -> [&'a T; N]
where
    F: FnOnce(&'a T) -> [&'a T; N],
{
    f(value)
}

#[observe]
fn evens(below: u32) -> impl Iterator<Item = u32> + Clone {
    (0..below).filter(|n| n % 2 == 0)
}

#[observe]
fn words(text: &str) -> impl Iterator<Item = &str> {
    text.split(' ')
}

#[observe]
fn maybe(n: u32) -> Option<impl Display> {
    if n == 0 {
        return None;
    }
    Some(n)
}

#[observe]
fn counter() -> impl Fn(&str) -> usize {
    |text: &str| text.len()
}

#[observe]
fn shouted(text: impl Into<String>) -> Box<dyn Fn(&str) -> String> {
    let text = text.into();
    Box::new(move |more| format!("{text}{more}!"))
}

#[test]
fn generics_and_impl_trait_stay_as_they_are() {
    let text = check(
        || {
            let [a, b] = generic("x", |x| [x, x]);
            assert_eq!((a, b), ("x", "x"));
            assert_eq!(evens(5).collect::<Vec<_>>(), [0, 2, 4]);
            assert_eq!(words("a b").count(), 2);
            assert!(maybe(0).is_none());
            assert_eq!(maybe(1).unwrap().to_string(), "1");
            assert_eq!(counter()("abc"), 3);
            shouted("a")("b")
        },
        "generic\nevens\nwords\nmaybe\nmaybe\ncounter\nshouted\n",
    );
    assert_eq!(text, "ab!");
}

#[observe]
fn nothing() {}

#[observe]
fn early(n: u32) {
    if n == 0 {
        return;
    }
    nothing();
}

#[observe]
fn patterns((a, b): (u32, u32), [c, ..]: [u32; 2], _: Opaque, mut d: u32) -> u32 {
    d += 1;
    a + b + c + d
}

#[observe]
fn r#type(r#in: u32) -> u32 {
    r#in
}

#[observe]
extern "C" fn foreign(n: u32) -> u32 {
    n
}

#[test]
fn early_returns_patterns_and_raw_names_work() {
    let sum = check(
        || {
            early(0);
            early(1);
            patterns((1, 2), [3, 0], opaque(""), 4) + r#type(5) + foreign(6)
        },
        "early\nearly\n  nothing\npatterns\ntype\nforeign\n",
    );
    assert_eq!(sum, 22);
}

#[observe]
fn never(reason: &str) -> ! {
    panic!("no {reason}")
}

#[test]
fn a_panic_is_recorded_and_goes_on() {
    let bench = Bench::new();
    let caught = bench.run(|| std::panic::catch_unwind(|| never("luck")));
    assert!(caught.is_err());
    let span = bench.span("never");
    assert_eq!(span.level(), Some(Level::Error));
    assert_eq!(span.exceptions().next().unwrap().message(), "no luck");
}
