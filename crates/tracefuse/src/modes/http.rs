//! What every exporter that speaks HTTP uses.

use tracefuse_otlp::http::{HttpConfig, ProxyConfig};

use crate::config::HttpSettings;

pub(super) fn http(settings: &HttpSettings) -> HttpConfig {
    let text = |value: &Option<String>| value.clone().unwrap_or_default();
    let proxy = ProxyConfig::new()
        .http(text(&settings.http_proxy))
        .https(text(&settings.https_proxy))
        .no_proxy(text(&settings.no_proxy));
    let mut http = HttpConfig::new()
        .proxy(proxy)
        .allow_plaintext_http(settings.allow_plaintext_http);
    if let Some(timeout) = settings.timeout {
        http = http.timeout(timeout);
    }
    if let Some(file) = &settings.ca_file {
        http = http.ca_file(file);
    }
    http
}
