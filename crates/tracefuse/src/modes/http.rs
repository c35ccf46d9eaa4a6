//! What every exporter that speaks HTTP uses.

use tracefuse_otlp::http::{HttpConfig, ProxyConfig};

use crate::config::HttpSettings;

pub(super) fn http(settings: &HttpSettings) -> HttpConfig {
    let mut http = HttpConfig::default();
    if let Some(timeout) = settings.timeout {
        http.timeout = timeout;
    }
    http.ca_file.clone_from(&settings.ca_file);
    http.allow_plaintext_http = settings.allow_plaintext_http;
    http.proxy = ProxyConfig::new(
        settings.http_proxy.clone(),
        settings.https_proxy.clone(),
        settings.no_proxy.clone(),
    );
    http
}
