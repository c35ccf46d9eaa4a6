//! Tail sampling behind the layer for servers: a streamed answer is judged when its body has ended.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::routing::post;
use futures::channel::mpsc;
use futures::{SinkExt as _, StreamExt as _};
use mock_langfuse::MockLangfuse;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tracefuse::sampling::TailSampling;
use tracefuse::tower::TraceLayer;
use tracefuse::{ObserveStream as _, SampleRate, Span, Trace, Tracer};

use crate::support::{config, row};

type Piece = Result<&'static str, std::io::Error>;

/// No trace, unless it failed.
fn errors_only(server: &MockLangfuse) -> Tracer {
    let none = SampleRate::new(0.0).unwrap();
    tracefuse::builder()
        .langfuse(config(server))
        .tail_sampling(TailSampling::new().rate(none))
        .build()
        .unwrap()
}

/// Serves one request, whose answer is what the test sends.
async fn serve(tracer: &Tracer, pieces: mpsc::Receiver<Piece>) -> SocketAddr {
    let pieces = Arc::new(Mutex::new(Some(pieces)));
    let handler = move || {
        let pieces = pieces.lock().unwrap().take().unwrap();
        async move {
            let trace = Trace::current();
            trace.retriever("search").run(|_| {});
            let generation = trace.generation("answer").model("gpt-4o").start();
            let pieces = pieces.try_observed(generation).text();
            Body::from_stream(pieces.map(|piece| {
                Span::current().tool("lookup").run(|_| {});
                piece
            }))
        }
    };
    let app = Router::new()
        .route("/chat", post(handler))
        .layer(TraceLayer::new(tracer.clone()));
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async { axum::serve(listener, app).await.unwrap() });
    address
}

/// Asks, reads until the first piece is there, and gives the connection.
async fn ask(address: SocketAddr, first: &str) -> TcpStream {
    let mut client = TcpStream::connect(address).await.unwrap();
    let request =
        b"POST /chat HTTP/1.1\r\nhost: x\r\nconnection: close\r\ncontent-length: 0\r\n\r\n";
    client.write_all(request).await.unwrap();
    let (mut read, mut text) = ([0; 4096], String::new());
    while !text.contains(first) {
        let count = client.read(&mut read).await.unwrap();
        assert_ne!(count, 0, "the connection ended: {text}");
        text.push_str(std::str::from_utf8(&read[..count]).unwrap());
    }
    client
}

/// The server may end a trace after its client has the whole response.
async fn until_none_is_open(tracer: &Tracer) {
    let none_open = async {
        while tracer.stats().open > 0 {
            tokio::task::yield_now().await;
        }
    };
    let limit = tokio::time::timeout(Duration::from_secs(30), none_open);
    limit.await.expect("a span is still open");
}

#[tokio::test]
async fn a_streamed_answer_that_fails_at_its_end_is_kept_whole() {
    for fails in [false, true] {
        let server = MockLangfuse::start();
        let tracer = errors_only(&server);
        let (mut to, from) = mpsc::channel::<Piece>(1);
        let address = serve(&tracer, from).await;
        to.send(Ok("It ")).await.unwrap();
        let mut client = ask(address, "It ").await;
        // The client has the headers and a piece. Nothing is decided: what has ended waits for the rest.
        let stats = tracer.stats();
        assert_eq!((stats.open, stats.held, stats.sampled_out), (2, 2, 0));

        let last = if fails {
            Err(std::io::Error::other("the model went away"))
        } else {
            Ok("rains.")
        };
        to.send(last).await.unwrap();
        drop(to);
        // A body that fails ends the connection in the middle.
        let _ = client.read_to_end(&mut Vec::new()).await;
        until_none_is_open(&tracer).await;
        let stats = tracer.shutdown_async().await.unwrap().stats;
        if !fails {
            assert_eq!((stats.sampled_out, stats.recorded), (5, 5));
            assert_eq!(server.trees(), "");
            continue;
        }
        assert_eq!(stats.sampled_out, 0);
        assert_eq!(
            server.trees(),
            "POST /chat\n  search\n  answer\n  lookup\n  lookup\n"
        );
        let (root, answer) = (row(&server, "POST /chat"), row(&server, "answer"));
        assert_eq!(
            (root.level.as_str(), answer.level.as_str()),
            ("ERROR", "ERROR")
        );
        assert_eq!(answer.output.as_deref(), Some("It "));
        assert!(root.end_ns >= answer.end_ns);
    }
}
