//! A generation whose input was made from a prompt is linked to it.

use mock_langfuse::MockLangfuse;
use serde::Serialize;
use serde_json::json;
use tracefuse_core::testing::Recorder;
use tracefuse_prompts::CompiledText;

use crate::support::client;

async fn compiled() -> CompiledText {
    let server = MockLangfuse::start();
    server.put_prompt("weather", &["production"], &json!("old"));
    server.put_prompt("weather", &["production"], &json!("in {{city}}"));
    let (client, _) = client(&server);
    let prompt = client.text("weather").get().await.unwrap();
    prompt.compile([("city", "Lyon")]).unwrap()
}

fn link(recorder: &Recorder, name: &str) -> Option<(String, u32)> {
    let span = recorder.named(name);
    span.prompt()
        .map(|prompt| (prompt.name.to_owned(), prompt.version))
}

#[tokio::test]
async fn the_input_of_a_generation_links_it() {
    #[derive(Serialize)]
    struct Request<'a> {
        model: &'a str,
        prompt: &'a CompiledText,
    }
    let text = compiled().await;
    let recorder = Recorder::new();
    let weather = || Some(("weather".to_owned(), 2));
    recorder.tracer().trace("chat").input(&text).run(|trace| {
        trace.generation("builder").input(&text).run(|_| {});
        trace.generation("setter").run(|span| span.set_input(&text));
        trace.generation("owned").input(text.clone()).run(|_| {});
        trace.generation("closure").input_with(|| &text).run(|_| {});
        let request = Request {
            model: "gpt-4o",
            prompt: &text,
        };
        trace.generation("nested").input(&request).run(|_| {});
        trace
            .generation("own")
            .prompt("other", 7)
            .input(&text)
            .run(|_| {});
        trace.span("span").input(&text).run(|_| {});
        trace.generation("output").output(&text).run(|_| {});
        trace
            .generation("metadata")
            .metadata("text", &text)
            .run(|_| {});
        // What is serialized for a provider says nothing about the next generation.
        assert_eq!(serde_json::to_string(&text).unwrap(), "\"in Lyon\"");
        trace.generation("unrelated").input(vec![1]).run(|_| {});
        trace.generation("plain").input(text.as_str()).run(|_| {});
    });
    for name in ["builder", "setter", "owned", "closure", "nested"] {
        assert_eq!(link(&recorder, name), weather(), "{name}");
    }
    assert_eq!(link(&recorder, "own"), Some(("other".to_owned(), 7)));
    for name in ["chat", "span", "output", "metadata", "unrelated", "plain"] {
        assert_eq!(link(&recorder, name), None, "{name}");
    }
    assert_eq!(
        recorder.named("builder").input().unwrap().to_string(),
        "in Lyon"
    );
}

#[tokio::test]
async fn a_scope_links_generations_that_others_make() {
    let text = compiled().await;
    let recorder = Recorder::new();
    let tracer = recorder.tracer();
    tracer
        .trace("chat")
        .run_async(async |trace| {
            text.scope(async {
                tokio::task::yield_now().await;
                trace.generation("async").run(|_| {});
                trace.span("span").run(|_| {});
            })
            .await;
            text.run(|| trace.generation("sync").run(|_| {}));
            trace.generation("after").run(|_| {});
        })
        .await;
    for (name, linked) in [
        ("async", true),
        ("sync", true),
        ("span", false),
        ("after", false),
    ] {
        assert_eq!(link(&recorder, name).is_some(), linked, "{name}");
    }
}

#[tokio::test]
async fn chats_link_and_fallbacks_do_not() {
    let server = MockLangfuse::start();
    server.put_prompt(
        "support",
        &["production"],
        &json!([{ "role": "user", "content": "hello" }]),
    );
    let (client, _) = client(&server);
    let chat = client
        .chat("support")
        .get()
        .await
        .unwrap()
        .compile(())
        .unwrap();
    let fallback = client
        .chat("other")
        .fallback([("user", "hello")])
        .get()
        .await
        .unwrap()
        .compile(())
        .unwrap();
    assert_eq!((chat.link(), fallback.link()), (Some(("support", 1)), None));
    let recorder = Recorder::new();
    recorder.tracer().trace("chat").run(|trace| {
        trace.generation("chat-prompt").input(&chat).run(|_| {});
        trace.generation("fallback").input(&fallback).run(|_| {});
        fallback.run(|| trace.generation("in-scope").run(|_| {}));
    });
    assert_eq!(
        link(&recorder, "chat-prompt"),
        Some(("support".to_owned(), 1))
    );
    assert_eq!(
        (link(&recorder, "fallback"), link(&recorder, "in-scope")),
        (None, None)
    );
    assert_eq!(
        recorder.named("chat-prompt").input(),
        recorder.named("fallback").input()
    );
}
