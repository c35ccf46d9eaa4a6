//! A GET and its JSON, by the HTTP client of tracefuse. Used by `read_back`, `peers`, `service` and `viewer`.

use anyhow::{Result, ensure};
use serde_json::Value;
use tracefuse_http::{Answer, Endpoint, Headers, HttpClient, HttpConfig, HttpRequest, Secret};

/// What is at `path` (`a/b?c=d`) below `url`; `secret` is removed from an error.
pub(crate) fn get(url: &str, path: &str, headers: Headers, secret: &Secret) -> Result<Value> {
    let (path, query) = path.split_once('?').unwrap_or((path, ""));
    let query: Vec<(&str, &str)> = query
        .split('&')
        .filter_map(|pair| pair.split_once('='))
        .collect();
    let segments: Vec<&str> = path.split('/').collect();
    let endpoint = Endpoint::parse(url)?.join(&segments)?.query(&query);
    let answer = send(&HttpRequest::get(endpoint).headers(headers))?;
    ensure!(
        answer.status() == 200,
        "GET {path}: {}",
        answer.describe(&[secret])
    );
    Ok(serde_json::from_slice(answer.body())?)
}

/// The answer of an address, whatever its status is.
pub(crate) fn fetch(url: &str) -> Result<Answer> {
    send(&HttpRequest::get(Endpoint::parse(url)?))
}

/// Whether an address answers with 200.
pub(crate) fn is_ok(url: &str) -> bool {
    fetch(url).is_ok_and(|answer| answer.status() == 200)
}

fn send(request: &HttpRequest) -> Result<Answer> {
    let client = HttpClient::new(&HttpConfig::new())?;
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    Ok(runtime.block_on(client.send(request))?)
}
