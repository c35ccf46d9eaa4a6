//! One tree at the server, however the program is concurrent.

use futures::future::join;
use mock_langfuse::MockLangfuse;
use tracefuse::{InSpan, Span, Tracer};

use crate::support::tracer;

async fn look_up(name: &str) {
    Span::current()
        .retriever(name)
        .run_async(async |_| {
            tokio::task::yield_now().await;
            Span::current().event("found").record();
        })
        .await;
}

async fn program(tracer: Tracer) {
    tracer
        .trace("agent")
        .run_async(async |trace| {
            trace
                .span("joined")
                .run_async(async |span| {
                    join(look_up("a"), look_up("b")).await;
                    span.generation("inner")
                        .try_run_async(async |_| {
                            look_up("c").await;
                            anyhow::Ok(())
                        })
                        .await
                        .unwrap();
                })
                .await;
            let below = tokio::spawn(look_up("d").in_current_span());
            let own = tokio::spawn(look_up("e").in_span(trace.span("spawned").start()));
            below.await.unwrap();
            own.await.unwrap();
        })
        .await;
    tracer.shutdown_async().await.unwrap();
}

/// Names indented, siblings by name: concurrent ones come in any order.
fn tree(server: &MockLangfuse) -> String {
    fn branch(server: &MockLangfuse, parent: Option<&str>, depth: usize, text: &mut String) {
        let mut children = server.observations();
        children.retain(|row| row.parent_id.as_deref() == parent);
        children.sort_by(|a, b| a.name.cmp(&b.name));
        for row in children {
            text.push_str(&format!("{}{}\n", "  ".repeat(depth), row.name));
            branch(server, Some(&row.id), depth + 1, text);
        }
    }
    let mut text = String::new();
    branch(server, None, 0, &mut text);
    text
}

#[test]
fn nested_closures_joined_futures_and_spawned_tasks_arrive_as_one_tree() {
    let runtimes = [
        tokio::runtime::Builder::new_current_thread()
            .build()
            .unwrap(),
        tokio::runtime::Builder::new_multi_thread()
            .worker_threads(3)
            .build()
            .unwrap(),
    ];
    for runtime in runtimes {
        let server = MockLangfuse::start();
        runtime.block_on(program(tracer(&server)));
        let found = "      found\n";
        assert_eq!(
            tree(&server),
            format!(
                "agent\n  d\n    found\n  joined\n    a\n{found}    b\n{found}    inner\n      c\n        found\n  spawned\n    e\n{found}"
            )
        );
        assert_eq!(server.trace_ids().len(), 1);
    }
}
