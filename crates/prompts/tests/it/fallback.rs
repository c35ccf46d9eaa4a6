//! What an application gets when a prompt is not available.

use std::time::Duration;

use mock_langfuse::MockLangfuse;
use serde_json::json;
use tracefuse_prompts::{ChatMessage, PromptProblem};

use crate::support::client;

#[tokio::test]
async fn a_fallback_says_that_it_is_one_and_why() {
    let server = MockLangfuse::start();
    let (client, _) = client(&server);
    let prompt = client
        .text("weather")
        .fallback("in {{city}}")
        .get()
        .await
        .unwrap();
    assert!(prompt.fallback_reason().unwrap().is_not_found());
    assert_eq!((prompt.version(), prompt.config()), (None, &json!({})));
    let text = prompt.compile([("city", "Lyon")]).unwrap();
    assert_eq!((text.as_str(), text.link()), ("in Lyon", None));
    let error = prompt.compile(()).unwrap_err().to_string();
    assert!(
        error.starts_with("prompt \"weather\" (fallback): no value"),
        "{error}"
    );

    server.pause();
    let messages = [
        ChatMessage::new("system", "{{a}}"),
        ChatMessage::placeholder("history"),
    ];
    let chat = client
        .chat("support")
        .fallback(messages)
        .get()
        .await
        .unwrap();
    assert!(chat.fallback_reason().unwrap().is_outage());
    assert_eq!(
        (chat.variables(), chat.placeholders()),
        (vec!["a"], vec!["history"])
    );
    assert_eq!(client.stats().fallbacks, 2);
}

#[tokio::test]
async fn in_an_outage_a_fallback_is_waited_for_once_in_ten_seconds() {
    let server = MockLangfuse::start();
    server.put_prompt("weather", &["production"], &json!("rain"));
    let (client, clock) = client(&server);
    server.pause();
    for _ in 0..5 {
        let prompt = client.text("weather").fallback("sun").get().await.unwrap();
        assert_eq!(prompt.template(), "sun");
    }
    assert_eq!((client.stats().failed, client.stats().fallbacks), (1, 5));
    // Without a fallback there is nothing else to use, so the server is asked.
    assert!(client.text("weather").get().await.unwrap_err().is_outage());
    assert_eq!(client.stats().failed, 2);
    server.resume();
    assert_eq!(
        client
            .text("weather")
            .fallback("sun")
            .get()
            .await
            .unwrap()
            .template(),
        "sun"
    );
    clock.advance(Duration::from_secs(10));
    assert_eq!(
        client
            .text("weather")
            .fallback("sun")
            .get()
            .await
            .unwrap()
            .template(),
        "rain"
    );
}

#[tokio::test]
async fn a_fallback_can_be_a_file() {
    let server = MockLangfuse::start();
    let (client, _) = client(&server);
    let folder = tempfile::tempdir().unwrap();
    let file = |name: &str, text: &str| {
        let path = folder.path().join(name);
        std::fs::File::options()
            .create(true)
            .write(true)
            .truncate(true)
            .open(&path)
            .and_then(|mut file| std::io::Write::write_all(&mut file, text.as_bytes()))
            .unwrap();
        path
    };
    let text = client
        .text("weather")
        .fallback_file(file("a.txt", "in {{city}}\n"));
    assert_eq!(text.get().await.unwrap().template(), "in {{city}}\n");
    for json in [
        "[{\"role\":\"user\",\"content\":\"{{a}}\"}]",
        "{\"prompt\":[{\"role\":\"user\",\"content\":\"{{a}}\"}]}",
    ] {
        let chat = client
            .chat("support")
            .fallback_file(file("a.json", json))
            .get()
            .await
            .unwrap();
        assert_eq!(chat.variables(), ["a"]);
    }
    for (request, words) in [
        (
            client
                .chat("support")
                .fallback_file(folder.path().join("none.json")),
            "cannot be read",
        ),
        (
            client.chat("support").fallback_file(file("b.json", "{}")),
            "is no chat prompt",
        ),
        (
            client.chat("support").fallback_file(file("c.json", "[1]")),
            "is no chat prompt",
        ),
    ] {
        let error = request.get().await.unwrap_err();
        assert_eq!(error.problem(), PromptProblem::Fallback);
        let text = error.to_string();
        assert!(
            text.contains(words) && text.contains("404"),
            "both reasons: {text}"
        );
    }
    let large = client
        .text("weather")
        .fallback_file(file("large.txt", &"x".repeat(1 << 20 | 1)));
    assert!(
        large
            .get()
            .await
            .unwrap_err()
            .to_string()
            .contains("larger than 1 MiB")
    );
}
