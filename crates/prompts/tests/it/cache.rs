//! How long a prompt is used, who fetches it again, and what is kept.

use std::time::Duration;

use mock_langfuse::{Action, MockLangfuse, Scenario};
use serde_json::json;
use tracefuse_prompts::PromptClient;

use crate::support::{LONG, asked, builder, client, fetches};

const MINUTE: Duration = Duration::from_secs(60);
const SECOND: Duration = Duration::from_secs(1);

async fn text(client: &PromptClient, name: &str) -> String {
    client.text(name).get().await.unwrap().template().to_owned()
}

#[tokio::test]
async fn a_prompt_is_used_for_a_minute_and_then_refreshed_behind() {
    let server = MockLangfuse::start();
    server.put_prompt("weather", &["production"], &json!("one"));
    let (client, clock) = client(&server);
    assert_eq!(text(&client, "weather").await, "one");
    server.put_prompt("weather", &["production"], &json!("two"));

    clock.advance(MINUTE);
    assert_eq!(text(&client, "weather").await, "one");
    assert_eq!(asked(&server), 1);

    clock.advance(SECOND);
    assert_eq!(
        text(&client, "weather").await,
        "one",
        "the old one, at once"
    );
    fetches(&client, 2).await;
    assert_eq!(text(&client, "weather").await, "two");
    assert_eq!(asked(&server), 2);
}

#[tokio::test]
async fn one_fetch_at_a_time_serves_all_who_ask() {
    let server = MockLangfuse::start();
    server.put_prompt("weather", &["production"], &json!("one"));
    server.set_scenario(Scenario::new().times(2, Action::good().delay_ms(100)));
    let (client, clock) = client(&server);
    let ask = || async { text(&client, "weather").await };
    let (first, second, third) = tokio::join!(ask(), ask(), ask());
    assert_eq!([first, second, third], ["one", "one", "one"]);
    assert_eq!(asked(&server), 1);

    clock.advance(MINUTE + SECOND);
    for _ in 0..20 {
        assert_eq!(text(&client, "weather").await, "one");
    }
    fetches(&client, 2).await;
    assert_eq!(asked(&server), 2);
}

#[tokio::test]
async fn one_who_gives_up_does_not_stop_the_others() {
    let server = MockLangfuse::start();
    server.put_prompt("weather", &["production"], &json!("one"));
    server.set_scenario(Scenario::new().once(Action::good().delay_ms(200)));
    let (client, _) = client(&server);
    let impatient = client.text("weather").get();
    assert!(
        tokio::time::timeout(Duration::from_millis(1), impatient)
            .await
            .is_err()
    );
    assert_eq!(text(&client, "weather").await, "one");
    assert_eq!(asked(&server), 1);
}

#[tokio::test]
async fn a_time_to_live_of_zero_asks_each_time() {
    let server = MockLangfuse::start();
    server.put_prompt("weather", &["production"], &json!("one"));
    let (client, _) = client(&server);
    for version in 1..4 {
        let prompt = client
            .text("weather")
            .cache_ttl(Duration::ZERO)
            .get()
            .await
            .unwrap();
        assert_eq!(prompt.version(), Some(version));
        server.put_prompt("weather", &["production"], &json!("next"));
    }
    assert_eq!(asked(&server), 3);
    // Another request says how old a prompt may be for itself.
    assert_eq!(
        client.text("weather").get().await.unwrap().version(),
        Some(3)
    );
}

#[tokio::test]
async fn during_an_outage_the_old_prompt_is_used() {
    let server = MockLangfuse::start();
    server.put_prompt("weather", &["production"], &json!("one"));
    let (client, clock) = client(&server);
    text(&client, "weather").await;
    server.pause();
    clock.advance(MINUTE + SECOND);
    assert_eq!(text(&client, "weather").await, "one");
    fetches(&client, 2).await;
    // The server is not asked for ten seconds.
    for _ in 0..5 {
        assert_eq!(text(&client, "weather").await, "one");
    }
    assert_eq!(client.stats().failed, 1);
    server.put_prompt("weather", &["production"], &json!("two"));
    server.resume();
    clock.advance(10 * SECOND);
    assert_eq!(text(&client, "weather").await, "one");
    fetches(&client, 3).await;
    assert_eq!(text(&client, "weather").await, "two");
}

#[tokio::test]
async fn a_prompt_that_was_deleted_is_not_used_again() {
    let server = MockLangfuse::start();
    server.put_prompt("weather", &["production"], &json!("one"));
    let (client, clock) = client(&server);
    text(&client, "weather").await;
    server.remove_prompt("weather");
    clock.advance(MINUTE + SECOND);
    assert_eq!(text(&client, "weather").await, "one");
    fetches(&client, 2).await;
    let error = client.text("weather").get().await.unwrap_err();
    assert!(error.is_not_found(), "{error}");
}

#[tokio::test]
async fn names_that_look_like_other_keys_are_kept_apart() {
    let server = MockLangfuse::start();
    server.put_prompt("a", &["b-label:c"], &json!("one"));
    server.put_prompt("a-label:b", &["c"], &json!("two"));
    server.put_prompt("a-label", &["production"], &json!("three"));
    let (client, _) = client(&server);
    let ask = |name: &str, label: &str| client.text(name).label(label).get();
    assert_eq!(ask("a", "b-label:c").await.unwrap().template(), "one");
    assert_eq!(ask("a-label:b", "c").await.unwrap().template(), "two");
    assert_eq!(text(&client, "a-label").await, "three");
    client.invalidate("a");
    assert_eq!(
        client.stats().cached,
        2,
        "only the prompt of that name is forgotten"
    );
    client.clear();
    assert_eq!((client.stats().cached, client.stats().bytes), (0, 0));
}

#[tokio::test]
async fn the_cache_is_bounded_by_count_and_by_bytes() {
    let server = MockLangfuse::start();
    let long = "x".repeat(10_000);
    for name in ["a", "b", "c"] {
        server.put_prompt(name, &["production"], &json!(long));
    }
    let (settings, _) = builder(&server);
    for settings in [settings.clone().max_prompts(2), settings.max_bytes(25_000)] {
        let client = settings.build().unwrap();
        for name in ["a", "b", "a", "c"] {
            text(&client, name).await;
        }
        let stats = client.stats();
        assert_eq!(
            (stats.cached, stats.evicted, stats.fetched),
            (2, 1, 3),
            "{stats:?}"
        );
        let before = asked(&server);
        text(&client, "a").await;
        assert_eq!(
            asked(&server),
            before,
            "the least recently used was removed"
        );
        text(&client, "b").await;
        assert_eq!(asked(&server), before + 1);
    }
}

#[test]
fn a_refresh_that_its_runtime_never_finishes_is_done_again() {
    let server = MockLangfuse::start();
    server.put_prompt("weather", &["production"], &json!("one"));
    let (client, clock) = client(&server);
    let runtime = || {
        let mut builder = tokio::runtime::Builder::new_current_thread();
        builder.enable_all().build().unwrap()
    };
    let stopped = runtime();
    assert_eq!(stopped.block_on(text(&client, "weather")), "one");
    server.put_prompt("weather", &["production"], &json!("two"));
    clock.advance(MINUTE + SECOND);
    // The task of the refresh is on a runtime that nothing drives any more.
    assert_eq!(stopped.block_on(text(&client, "weather")), "one");
    clock.advance(LONG + 2 * SECOND);
    let other = runtime();
    assert_eq!(other.block_on(text(&client, "weather")), "two");
    drop(stopped);
    assert_eq!(other.block_on(text(&client, "weather")), "two");
}
