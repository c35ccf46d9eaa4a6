//! Async functions, in each of the ways they are written; every future stays `Send`.

use std::fmt::Display;
use std::pin::Pin;
use std::task::{Context, Waker};

use async_trait::async_trait;
use futures::future::{BoxFuture, join};
use tracefuse::{Level, observe};

use crate::support::{Bench, Opaque, check, opaque, wait};

#[observe]
async fn outer(text: &str) -> usize {
    let (a, b) = join(inner(text), inner("xy")).await;
    a + b
}

#[observe(as_type = "tool")]
async fn inner(text: &str) -> usize {
    tokio::task::yield_now().await;
    text.len()
}

#[test]
fn calls_nest_below_the_span_that_polls_them() {
    let sum = check(|| wait(outer("abc")), "outer\n  inner\n  inner\n");
    assert_eq!(sum, 5);
}

#[test]
fn where_nothing_is_current_the_function_just_runs() {
    assert_eq!(wait(outer("abc")), 5);
}

#[test]
fn a_future_that_is_never_polled_records_nothing() {
    check(|| drop(inner("")), "");
}

#[observe]
async fn forever() {
    std::future::pending::<()>().await;
}

#[test]
fn a_future_that_is_dropped_is_marked_as_cancelled() {
    let bench = Bench::new();
    bench.run(|| {
        let mut future = Box::pin(forever());
        assert!(
            future
                .as_mut()
                .poll(&mut Context::from_waker(Waker::noop()))
                .is_pending()
        );
    });
    assert_eq!(bench.span("forever").level(), Some(Level::Warning));
}

struct Client {
    calls: u32,
    key: Opaque,
}

impl Client {
    #[observe]
    async fn key(&self) -> &str {
        &self.key.0
    }

    #[observe]
    async fn call(&mut self, name: &str) -> &mut u32 {
        self.calls += u32::try_from(inner(name).await).unwrap();
        &mut self.calls
    }

    #[observe]
    async fn close(self) -> Opaque {
        self.key
    }
}

#[test]
fn methods_take_self_in_any_form_and_lend_from_it() {
    check(
        || {
            wait(async {
                let mut client = Client {
                    calls: 0,
                    key: opaque("key"),
                };
                assert_eq!(client.key().await, "key");
                *client.call("abc").await += 1;
                assert_eq!(client.calls, 4);
                assert_eq!(&*client.close().await.0, "key");
            });
        },
        "key\ncall\n  inner\nclose\n",
    );
}

#[async_trait]
trait Model {
    async fn ask(&mut self, question: &str) -> Result<String, std::io::Error>;

    #[observe(as_type = "generation", capture(question))]
    async fn ask_twice(&mut self, question: &str) -> Result<(String, String), std::io::Error>
    where
        Self: Send,
    {
        Ok((self.ask(question).await?, self.ask(question).await?))
    }
}

#[async_trait]
impl Model for Client {
    #[observe(as_type = "generation", capture(question), capture_output = true)]
    async fn ask(&mut self, question: &str) -> Result<String, std::io::Error> {
        if question.is_empty() {
            return Err(std::io::Error::other("no question"));
        }
        self.call(question).await;
        Ok(question.to_uppercase())
    }
}

#[test]
fn methods_of_async_trait_are_observed_until_their_future_ends() {
    let bench = Bench::new();
    let (answers, failed) = bench.run(|| {
        wait(async {
            let mut client = Client {
                calls: 0,
                key: opaque(""),
            };
            let client: &mut (dyn Model + Send) = &mut client;
            (
                client.ask("why").await.unwrap(),
                client.ask_twice("").await.is_err(),
            )
        })
    });
    assert_eq!((&*answers, failed), ("WHY", true));
    assert_eq!(bench.tree(), "ask\n  call\n    inner\nask_twice\n  ask\n");
    let span = bench.span("ask_twice");
    assert_eq!(span.input().unwrap().to_string(), r#"{"question":""}"#);
    assert_eq!(
        span.status_message(),
        Some("std::io::error::Error: no question")
    );
    assert_eq!(bench.span("call").level(), None);
}

#[observe]
fn pinned(text: &str) -> Pin<Box<dyn Future<Output = usize> + Send + '_>> {
    Box::pin(async move { inner(text).await })
}

#[observe]
fn boxed(text: &str) -> BoxFuture<'_, usize> {
    let trimmed = text.trim();
    Box::pin(async move {
        if trimmed.is_empty() {
            return 0;
        }
        inner(trimmed).await
    })
}

#[expect(clippy::manual_async_fn, reason = "the shape under test")]
#[observe]
fn hidden(text: &str) -> impl Future<Output = usize> + Send {
    async move { inner(text).await }
}

#[observe]
fn recursive(depth: u32) -> BoxFuture<'static, u32> {
    Box::pin(async move {
        if depth == 0 {
            0
        } else {
            recursive(depth - 1).await + 1
        }
    })
}

#[test]
fn functions_that_return_a_future_are_observed_while_it_runs() {
    let sum = check(
        || wait(async { pinned("a").await + boxed(" b ").await + hidden("c").await }),
        "pinned\n  inner\nboxed\n  inner\nhidden\n  inner\n",
    );
    assert_eq!(sum, 3);
    check(
        || wait(recursive(2)),
        "recursive\n  recursive\n    recursive\n",
    );
}

#[observe]
async fn generic<T, F>(value: T, f: impl FnOnce(T) -> F) -> Option<impl Display>
where
    F: Future<Output = Option<u32>>,
{
    let n = f(value).await?;
    if n == 0 {
        return None;
    }
    Some(n)
}

#[observe]
async fn coerced(
    error: bool,
) -> Result<Box<dyn Display + Send>, Box<dyn std::error::Error + Send + Sync>> {
    if error {
        Err("as asked")?;
    }
    Ok(Box::new(1))
}

#[observe]
async fn nothing(mut n: u32) {
    n += 1;
    if n == 1 {
        return;
    }
    tokio::task::yield_now().await;
}

#[test]
fn generics_coercions_and_early_returns_work() {
    let bench = Bench::new();
    bench.run(|| {
        wait(async {
            let shown = generic(opaque("x"), async |_| Some(7)).await;
            assert_eq!(shown.unwrap().to_string(), "7");
            assert!(generic(1, async |_| None).await.is_none());
            assert_eq!(coerced(false).await.unwrap().to_string(), "1");
            assert_eq!(coerced(true).await.err().unwrap().to_string(), "as asked");
            nothing(0).await;
            nothing(1).await;
        });
    });
    assert_eq!(
        bench.tree(),
        "generic\ngeneric\ncoerced\ncoerced\nnothing\nnothing\n"
    );
}

#[expect(
    clippy::disallowed_methods,
    reason = "tests are applications: they have runtimes"
)]
#[tokio::test]
async fn an_observed_future_can_be_spawned() {
    assert_eq!(tokio::spawn(outer("abc")).await.unwrap(), 5);
    assert_eq!(
        tokio::spawn(async {
            Client {
                calls: 0,
                key: opaque(""),
            }
            .ask("x")
            .await
        })
        .await
        .unwrap()
        .unwrap(),
        "X"
    );
}
