//! What the layer costs: a streamed call of 500 chunks with it and without it, in turn, over one connection each.
//! `cargo run --release -p tracefuse-http-client --features reqwest --example overhead [calls]`
#![expect(clippy::print_stdout, reason = "prints its results")]
#![expect(clippy::disallowed_methods, reason = "measures time, in a runtime")]

use std::time::{Duration, Instant};

use reqwest_middleware::{ClientBuilder, ClientWithMiddleware};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpListener;
use tracefuse_core::record::SpanRecord;
use tracefuse_core::{Processor, Tracer};
use tracefuse_http_client::ModelCalls;

const CHUNKS: usize = 500;

/// Drops what is recorded: delivery is not what is measured.
struct Drops;

impl Processor for Drops {
    fn on_end(&self, _: SpanRecord) {}
}

/// Time to the first byte of the body, time to its end, and the body.
async fn call(client: &ClientWithMiddleware, url: &str) -> (Duration, Duration, Vec<u8>) {
    let body = r#"{"model":"gpt-4o","stream":true,"messages":[{"role":"user","content":"How is the weather in Lyon?"}]}"#;
    let start = Instant::now();
    let request = client
        .post(url)
        .header("content-type", "application/json")
        .body(body);
    let mut response = request.send().await.expect("the local server answers");
    let (mut first, mut bytes) = (None, Vec::new());
    while let Some(chunk) = response.chunk().await.expect("a whole body") {
        first.get_or_insert_with(|| start.elapsed());
        bytes.extend_from_slice(&chunk);
    }
    (first.unwrap_or_default(), start.elapsed(), bytes)
}

fn row(name: &str, mut times: Vec<Duration>) -> (String, Duration) {
    times.sort_unstable();
    let at = |part: f64| times[((times.len() - 1) as f64 * part) as usize];
    let micros = |time: Duration| time.as_secs_f64() * 1e6;
    let text = format!(
        "{name:<28} {:>9.1} {:>9.1}",
        micros(at(0.5)),
        micros(at(0.99))
    );
    (text, at(0.5))
}

#[tokio::main(flavor = "current_thread")]
async fn main() {
    let calls = std::env::args()
        .nth(1)
        .and_then(|calls| calls.parse().ok())
        .unwrap_or(500);
    let url = server();
    let plain = ClientBuilder::new(reqwest::Client::new()).build();
    let layered = ClientBuilder::new(reqwest::Client::new())
        .with(ModelCalls::new())
        .build();
    let tracer = Tracer::builder(Drops).build();
    let mut times: [Vec<Duration>; 4] = Default::default();
    let trace = tracer.trace("bench").start();
    let entered = trace.root().enter();
    for at in 0..calls + 20 {
        // Each goes first as often as the other.
        let (without, with);
        if at % 2 == 0 {
            without = call(&plain, &url).await;
            with = call(&layered, &url).await;
        } else {
            with = call(&layered, &url).await;
            without = call(&plain, &url).await;
        }
        assert_eq!(without.2, with.2, "the bytes are identical");
        // The first calls connect and warm up.
        if at >= 20 {
            for (times, time) in times.iter_mut().zip([without.0, with.0, without.1, with.1]) {
                times.push(time);
            }
        }
    }
    drop(entered);
    let [first_without, first_with, all_without, all_with] = times;
    println!("{calls} calls of {CHUNKS} chunks, in microseconds; bytes identical in all of them");
    println!("{:<28} {:>9} {:>9}", "", "median", "p99");
    for (name, without, with) in [
        ("first byte", first_without, first_with),
        ("whole call", all_without, all_with),
    ] {
        let (text, before) = row(&format!("{name}, without"), without);
        println!("{text}");
        let (text, after) = row(&format!("{name}, with the layer"), with);
        println!("{text}");
        let more = after.as_secs_f64() - before.as_secs_f64();
        println!("  median difference {:>+19.1}", more * 1e6);
    }
}

/// Answers every request with a stream of chunks, on a thread of its runtime.
fn server() -> String {
    let (started, address_of) = std::sync::mpsc::channel();
    std::thread::spawn(move || {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build();
        runtime.expect("a runtime").block_on(async move {
            let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
            let address = listener.local_addr().expect("an address");
            started
                .send(format!("http://{address}/v1/chat/completions"))
                .expect("the main thread waits");
            let answer = answer();
            while let Ok((mut socket, _)) = listener.accept().await {
                let answer = answer.clone();
                socket.set_nodelay(true).expect("an open socket");
                tokio::spawn(async move {
                    let mut buffer = [0; 4096];
                    while socket.read(&mut buffer).await.is_ok_and(|read| read > 0) {
                        for part in &answer {
                            if socket.write_all(part).await.is_err() {
                                return;
                            }
                        }
                    }
                });
            }
        });
    });
    address_of.recv().expect("the server starts")
}

/// The head with the first chunk, then each chunk alone.
fn answer() -> Vec<Vec<u8>> {
    let event = |delta: &str, end: &str| {
        let event = format!(
            "data: {{\"id\":\"c1\",\"object\":\"chat.completion.chunk\",\"model\":\"gpt-4o-2024-08-06\",\
             \"choices\":[{{\"index\":0,\"delta\":{delta},\"finish_reason\":null}}]{end}}}\n\n"
        );
        format!("{:x}\r\n{event}\r\n", event.len()).into_bytes()
    };
    let usage = ",\"usage\":{\"prompt_tokens\":9,\"completion_tokens\":498,\"total_tokens\":507}";
    let head =
        b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n";
    let mut parts = vec![
        [
            &head[..],
            &event("{\"role\":\"assistant\",\"content\":\"It\"}", ""),
        ]
        .concat(),
    ];
    for at in 1..CHUNKS - 1 {
        parts.push(event(&format!("{{\"content\":\" word{at}\"}}"), ""));
    }
    parts.push(event("{}", usage));
    parts.push(b"e\r\ndata: [DONE]\n\n\r\n0\r\n\r\n".to_vec());
    parts
}
