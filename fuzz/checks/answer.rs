//! Any answer of a server, over a real connection: a result in time, counts that add up, no secret in it.
//! Input: a byte that says how, then the answer's bytes. Run by the fuzzer and by the replay of its seeds.

use std::sync::{Arc, LazyLock, Mutex, PoisonError};
use std::time::Duration;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::runtime::{Builder, Runtime};
use tracefuse_core::record::Resource;
use tracefuse_core::testing::Recorder;
use tracefuse_exporter::{Batch, ExportError, ExportReport, Exporter};
use tracefuse_http::HttpConfig;
use tracefuse_langfuse::{LangfuseConfig, LangfuseExporter};
use tracefuse_otlp::{OtlpConfig, OtlpExporter};

/// No error may repeat this, even if the server sends it.
const CANARY: &str = "sk-lf-CANARY-0123456789";
/// Longer than a call takes on a loaded machine, shorter than the exporters' own limit.
const HUNG: Duration = Duration::from_secs(20);

pub(crate) fn run(data: &[u8]) {
    let (how, rest) = data.split_first().unwrap_or((&0, &[]));
    let answer = match how % 4 {
        // The whole answer, head and all.
        0 => rest.to_vec(),
        1 => answer(200, "application/x-protobuf", "", rest),
        2 => {
            let (status, rest) = rest.split_first_chunk::<2>().unwrap_or((&[0, 0], &[]));
            answer(
                100 + u16::from_le_bytes(*status) % 900,
                "text/plain",
                "",
                rest,
            )
        }
        _ => {
            let value: Vec<u8> = rest.iter().copied().filter(|byte| *byte >= b' ').collect();
            let header = format!("retry-after: {}\r\n", String::from_utf8_lossy(&value));
            let status = if how & 4 == 0 { 429 } else { 503 };
            answer(status, "text/plain", &header, b"later")
        }
    };
    let bench = &*BENCH;
    *bench.answer.lock().unwrap_or_else(PoisonError::into_inner) = answer.into();
    for exporter in [&bench.otlp as &dyn Exporter, &bench.langfuse] {
        let call = async { tokio::time::timeout(HUNG, exporter.export(&bench.batch)).await };
        let result = bench.runtime.block_on(call).expect("an answer in time");
        check(&result, bench.batch.len());
    }
}

fn check(result: &Result<ExportReport, ExportError>, records: usize) {
    match result {
        Ok(report) => {
            assert_eq!(report.accepted + report.rejected.len(), records);
            for rejection in &report.rejected {
                harmless(&rejection.reason);
            }
        }
        Err(error) => {
            harmless(&error.to_string());
            assert!(!format!("{error:?}").contains(CANARY));
            assert!(
                error
                    .retry_after()
                    .is_none_or(|after| after.as_secs() <= 86_400)
            );
        }
    }
}

/// One line without control sequences and without the secret.
fn harmless(words: &str) {
    assert!(!words.chars().any(char::is_control), "{words:?}");
    assert!(!words.contains(CANARY), "{words:?}");
    assert!(words.len() < 4_000, "{} bytes", words.len());
}

fn answer(status: u16, content_type: &str, header: &str, body: &[u8]) -> Vec<u8> {
    let length = body.len();
    let head = format!(
        "HTTP/1.1 {status} X\r\ncontent-type: {content_type}\r\ncontent-length: {length}\r\ndate: Sun, 06 Nov 1994 08:49:37 GMT\r\n{header}\r\n"
    );
    [head.as_bytes(), body].concat()
}

struct Bench {
    runtime: Runtime,
    otlp: OtlpExporter,
    langfuse: LangfuseExporter,
    batch: Batch,
    answer: Arc<Mutex<Arc<[u8]>>>,
}

/// A server on the exporters' own runtime: it reads a request, gives the answer, and closes.
static BENCH: LazyLock<Bench> = LazyLock::new(|| {
    let runtime = Builder::new_current_thread()
        .enable_all()
        .build()
        .expect("a runtime");
    let listener = runtime
        .block_on(TcpListener::bind("127.0.0.1:0"))
        .expect("a port");
    let address = format!("http://{}", listener.local_addr().expect("an address"));
    let answer: Arc<Mutex<Arc<[u8]>>> = Arc::new(Mutex::new(Vec::new().into()));
    let given = answer.clone();
    runtime.spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            let answer = given.lock().unwrap_or_else(PoisonError::into_inner).clone();
            tokio::spawn(async move { drop(serve(stream, &answer).await) });
        }
    });
    let http = HttpConfig::new().timeout(Duration::from_secs(10));
    let otlp = OtlpConfig::new(&address)
        .header("authorization", format!("Bearer {CANARY}"))
        .gzip(false)
        .http(http.clone());
    let langfuse = LangfuseConfig::new("pk-lf-fuzz", CANARY)
        .base_url(&address)
        .gzip(false)
        .http(http);
    // Inside the runtime, where an exporter's client belongs.
    let _entered = runtime.enter();
    let otlp = OtlpExporter::new(otlp).expect("an exporter");
    let langfuse = LangfuseExporter::new(langfuse).expect("an exporter");
    drop(_entered);
    Bench {
        otlp,
        langfuse,
        batch: batch(),
        answer,
        runtime,
    }
});

async fn serve(mut stream: TcpStream, answer: &[u8]) -> std::io::Result<()> {
    let mut request = Vec::new();
    while !is_whole(&request) {
        if stream.read_buf(&mut request).await? == 0 {
            return Ok(());
        }
    }
    stream.write_all(answer).await?;
    stream.shutdown().await?;
    // Until the other side has closed: otherwise the answer may be cut off by a reset.
    while stream.read_buf(&mut request).await? > 0 {
        request.clear();
    }
    Ok(())
}

fn is_whole(request: &[u8]) -> bool {
    let text = String::from_utf8_lossy(request);
    let Some((head, _)) = text.split_once("\r\n\r\n") else {
        return false;
    };
    let length = head
        .lines()
        .filter_map(|line| line.split_once(':'))
        .find(|(name, _)| name.eq_ignore_ascii_case("content-length"))
        .and_then(|(_, value)| value.trim().parse::<usize>().ok());
    request.len() >= head.len() + 4 + length.unwrap_or_default()
}

fn batch() -> Batch {
    let recorder = Recorder::new();
    let tracer = recorder.tracer();
    for name in ["one", "two", "three"] {
        tracer.trace(name).run(|_| {});
    }
    Batch::new(Arc::new(Resource::default()), recorder.take())
}
