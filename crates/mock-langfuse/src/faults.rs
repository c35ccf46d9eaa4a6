//! A connection under a scenario: one request, read and answered byte by byte, so that any fault can be produced.
//! Called by `server` while a scenario has steps; without one, hyper serves.

use std::io;
use std::time::Duration;

use bytes::Bytes;
use serde_json::json;
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};

use crate::action::Action;
use crate::answers::Incoming;
use crate::cut::{How, ReplySpec};
use crate::reply::{Reply, headers};
use crate::state::Shared;
use crate::{otlp, router};

/// Longer than any timeout of a client in a test; the server interrupts it when it stops.
const SILENCE: Duration = Duration::from_secs(3600);

/// Reads one request and does with it what the action says.
pub(crate) async fn serve<S: AsyncRead + AsyncWrite + Unpin>(
    shared: &Shared,
    mut stream: S,
    action: Action,
) -> io::Result<()> {
    let Some((mut request, mut body, length)) = read_head(&mut stream).await? else {
        return Ok(());
    };
    if let Some(cut) = action.read {
        let wanted = cut.after_body_bytes.min(length);
        while body.len() < wanted && stream.read_buf(&mut body).await? > 0 {}
        return end(stream, cut.how).await;
    }
    if length > shared.max_body {
        return Ok(());
    }
    while body.len() < length {
        let most = if action.slow_read_ms > 0 {
            4096
        } else {
            u64::MAX
        };
        if (&mut stream).take(most).read_buf(&mut body).await? == 0 {
            return Ok(());
        }
        if action.slow_read_ms > 0 {
            tokio::time::sleep(Duration::from_millis(action.slow_read_ms)).await;
        }
    }
    request.body = body.into();
    if let Some(refusal) = request.intruder() {
        let (head, body) = render(&refusal, None);
        stream.write_all(&[head.as_bytes(), &body].concat()).await?;
        return end(stream, How::Fin).await;
    }
    let reply = answer(shared, &request, &action);
    if action.delay_ms > 0 {
        tokio::time::sleep(Duration::from_millis(action.delay_ms)).await;
    }
    let (head, body) = render(&reply, action.reply.as_ref());
    let cut = action
        .cut
        .map_or(body.len(), |cut| cut.after_body_bytes.min(body.len()));
    let wire = [head.as_bytes(), body.get(..cut).unwrap_or_default()].concat();
    if action.drip_ms > 0 {
        for byte in wire {
            stream.write_all(&[byte]).await?;
            stream.flush().await?;
            tokio::time::sleep(Duration::from_millis(action.drip_ms)).await;
        }
    } else {
        stream.write_all(&wire).await?;
        stream.flush().await?;
    }
    end(stream, action.cut.map_or(How::Fin, |cut| cut.how)).await
}

/// A reset is prepared by `server`, which knows the socket; here it is like any other close.
pub(crate) async fn end<S: AsyncWrite + Unpin>(mut stream: S, how: How) -> io::Result<()> {
    match how {
        How::Silent => tokio::time::sleep(SILENCE).await,
        How::Fin => stream.shutdown().await?,
        How::Rst => {}
    }
    Ok(())
}

/// Method, target and headers; what of the body came with them; the body's length.
async fn read_head<S: AsyncRead + Unpin>(
    stream: &mut S,
) -> io::Result<Option<(Incoming, Vec<u8>, usize)>> {
    let mut head = Vec::with_capacity(4096);
    let end = loop {
        if let Some(at) = head.windows(4).position(|window| window == b"\r\n\r\n") {
            break at;
        }
        if head.len() > 64 * 1024 || stream.read_buf(&mut head).await? == 0 {
            return Ok(None);
        }
    };
    let body = head.split_off(end + 4);
    let text = String::from_utf8_lossy(&head).into_owned();
    let mut lines = text.split("\r\n");
    let mut words = lines.next().unwrap_or_default().split(' ');
    let (method, target) = (
        words.next().unwrap_or_default(),
        words.next().unwrap_or_default(),
    );
    let headers = headers(
        lines
            .filter_map(|line| line.split_once(':'))
            .map(|(name, value)| (name.to_ascii_lowercase(), value.trim().to_owned())),
    );
    let length = headers
        .get("content-length")
        .and_then(|length| length.parse().ok())
        .unwrap_or(0);
    Ok(Some((
        Incoming::new(method, target, headers, Bytes::new()),
        body,
        length,
    )))
}

fn answer(shared: &Shared, request: &Incoming, action: &Action) -> Reply {
    if action
        .max_body
        .is_some_and(|limit| request.body.len() > limit)
    {
        let reply = Reply::text(
            413,
            "<html><body>413 Request Entity Too Large</body></html>",
        );
        shared.note(request, Bytes::new(), reply.status);
        return reply;
    }
    if action.refuse_gzip
        && request
            .headers
            .get("content-encoding")
            .is_some_and(|e| e == "gzip")
    {
        let reply = Reply::text(415, "compressed bodies are not taken here");
        shared.note(request, Bytes::new(), reply.status);
        return reply;
    }
    let Some(spec) = &action.reply else {
        // The answer is the server's own; if it is cut, the script decides whether it was stored.
        let store = action.cut.is_none() || action.store;
        return router::answer(shared, request, store, action.cut.is_none());
    };
    let mut reply = Reply::json(
        spec.status,
        &json!({ "message": "by the scenario", "error": "by the scenario" }),
    );
    if request.path == router::TRACES {
        let success = (200..300).contains(&spec.status);
        let (_, inflated) = otlp::traces(shared, request, action.store || success);
        if success && action.cut.is_none() {
            otlp::acknowledge(shared, request, &inflated);
        }
        shared.note(request, inflated, spec.status);
    } else {
        shared.note(request, request.body.clone(), spec.status);
    }
    for (name, value) in &spec.headers {
        reply
            .headers
            .retain(|(known, _)| !known.eq_ignore_ascii_case(name));
        reply.headers.push((name.clone(), value.clone()));
    }
    reply
}

/// The answer as it goes on the wire: right by default, wrong where the script says so.
fn render(reply: &Reply, spec: Option<&ReplySpec>) -> (String, Vec<u8>) {
    let kind = spec
        .and_then(|spec| spec.body.as_deref())
        .unwrap_or("valid");
    let (mut headers, mut body) = (reply.headers.clone(), reply.body.to_vec());
    let mut declared = None;
    match kind.split_once(':').unwrap_or((kind, "")) {
        ("valid", _) => {}
        ("empty", _) => body.clear(),
        ("garbage", _) => body = (0..=255).cycle().take(700).collect(),
        ("html", _) => {
            headers.retain(|(name, _)| name != "content-type");
            headers.push(("content-type".into(), "text/html; charset=utf-8".into()));
            body = b"<!doctype html><title>Sign in</title><h1>Welcome to our network</h1>".to_vec();
        }
        ("huge", bytes) => body = vec![b' '; bytes.parse().unwrap_or(64 << 20)],
        ("gzip_bomb", _) => {
            headers.push(("content-encoding".into(), "gzip".into()));
            body = bomb();
        }
        ("wrong_length", _) => declared = Some(body.len() + 1000),
        ("header_bomb", _) => {
            headers.extend((0..20_000).map(|n| (format!("x-bomb-{n}"), "x".repeat(64))))
        }
        _ => body = kind.as_bytes().to_vec(),
    }
    let mut head = format!("HTTP/1.1 {} {}\r\n", reply.status, reason(reply.status));
    for (name, value) in headers {
        head.push_str(&format!("{name}: {value}\r\n"));
    }
    head.push_str(&format!(
        "content-length: {}\r\nconnection: close\r\n\r\n",
        declared.unwrap_or(body.len())
    ));
    (head, body)
}

fn reason(status: u16) -> &'static str {
    http::StatusCode::from_u16(status)
        .ok()
        .and_then(|status| status.canonical_reason())
        .unwrap_or("Unknown")
}

/// 16 MiB of zeros in 16 KiB.
fn bomb() -> Vec<u8> {
    use std::io::Write as _;
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::best());
    let zeros = vec![0u8; 1 << 20];
    for _ in 0..16 {
        let _ = encoder.write_all(&zeros);
    }
    encoder.finish().unwrap_or_default()
}
