//! Which requests are answered: it depends on the name of this server, the origin of a page, the keys and the token.
//! A layer around all routes, pages included, before any body is read.

use std::net::IpAddr;

use axum::extract::{Request, State};
use axum::http::{HeaderMap, HeaderValue, Method, StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse as _, Response};

use super::answers::error;
use crate::app::App;
use crate::config::ServerConfig;

const COOKIE: &str = "tracefuse_token";

pub(crate) async fn guard(State(app): State<App>, request: Request, next: Next) -> Response {
    let config = &app.config;
    if let Some(refusal) = intruder(config, &request) {
        return refusal;
    }
    match access(config, &request) {
        Access::Granted => next.run(request).await,
        Access::Greeted(response) | Access::Refused(response) => response,
    }
}

/// A page of another site must not reach this server, which keeps prompts: not through a name that points to it (DNS
/// rebinding), and not by a form or a script of another origin.
fn intruder(config: &ServerConfig, request: &Request) -> Option<Response> {
    let headers = request.headers();
    let refuse = |message: &str| Some(error(StatusCode::FORBIDDEN, "ForbiddenError", message));
    let mut hosts = headers.get_all(header::HOST).iter();
    let host = hosts.next().and_then(|host| host.to_str().ok());
    let host = request
        .uri()
        .authority()
        .map(|authority| authority.as_str())
        .or(host);
    // Two hosts: a proxy in front may have read another of them.
    if hosts.next().is_some() || !host.is_some_and(|host| is_known(config, host)) {
        return refuse(
            "this server does not know the host it was asked for: use localhost, an address, or a name that it was started with",
        );
    }
    let origin = headers.get(header::ORIGIN)?;
    let origin = origin.to_str().unwrap_or_default();
    let site = origin
        .strip_prefix("http://")
        .or_else(|| origin.strip_prefix("https://"));
    let is_own = site.is_some_and(|site| Some(site) == host);
    if !is_own {
        return refuse("this server answers no page of another origin");
    }
    None
}

/// The name of this machine, an address, or a name that the server was started with.
fn is_known(config: &ServerConfig, host: &str) -> bool {
    let name = name_of(host);
    let bare = name.trim_start_matches('[').trim_end_matches(']');
    name.eq_ignore_ascii_case("localhost")
        || bare.parse::<IpAddr>().is_ok()
        || config
            .hosts
            .iter()
            .any(|known| name.eq_ignore_ascii_case(known))
}

/// A host without its port.
fn name_of(host: &str) -> &str {
    match host.rsplit_once(':') {
        Some((name, port)) if port.bytes().all(|byte| byte.is_ascii_digit()) => name,
        _ => host,
    }
}

enum Access {
    Granted,
    /// The token was in the address: the answer sets it as a cookie and redirects to the address without it.
    Greeted(Response),
    Refused(Response),
}

fn access(config: &ServerConfig, request: &Request) -> Access {
    let (path, method) = (request.uri().path(), request.method());
    // No secret is in these. An upload can only fill what was announced with a key.
    let is_upload = method == Method::PUT
        && path.starts_with("/api/public/media/")
        && path.ends_with("/upload");
    if matches!(path, "/api/public/health" | "/api/public/ready") || is_upload {
        return Access::Granted;
    }
    let is_api = path.starts_with("/api/") || path.starts_with("/v1/");
    let given = credentials(request.headers());
    if let Some((public, secret)) = &config.keys
        && let Some((given_public, given_secret)) = &given.keys
        && same(public, given_public)
        && same(secret, given_secret)
    {
        return Access::Granted;
    }
    if let Some(token) = &config.token {
        let is_token =
            |given: &Option<String>| given.as_ref().is_some_and(|given| same(token, given));
        let by_secret = config.keys.is_none()
            && given
                .keys
                .as_ref()
                .is_some_and(|(_, secret)| same(token, secret));
        if is_token(&given.bearer) || is_token(&given.cookie) || by_secret {
            return Access::Granted;
        }
        if let Some(response) = greeting(token, request) {
            return Access::Greeted(response);
        }
    }
    let refused = |message: &str| {
        Access::Refused(error(
            StatusCode::UNAUTHORIZED,
            "UnauthorizedError",
            message,
        ))
    };
    match (&config.keys, &config.token) {
        (_, Some(_)) if !is_api => {
            refused("this server asks for its token: open the address that it printed")
        }
        (None, Some(_)) => refused(
            "Invalid credentials. This server takes its token as the secret key, or as a bearer token",
        ),
        // Without a token, keys protect the API; pages are for this machine alone.
        (Some(_), None) if !is_api => Access::Granted,
        (Some(_), _) if given.is_empty() => refused("No authorization header"),
        (Some(_), _) => {
            refused("Invalid credentials. Confirm that you've configured the correct host.")
        }
        (None, None) => Access::Granted,
    }
}

#[derive(Default)]
struct Credentials {
    keys: Option<(String, String)>,
    bearer: Option<String>,
    cookie: Option<String>,
}

impl Credentials {
    fn is_empty(&self) -> bool {
        self.keys.is_none() && self.bearer.is_none()
    }
}

fn credentials(headers: &HeaderMap) -> Credentials {
    let mut found = Credentials::default();
    let text = |name| {
        headers
            .get(name)
            .and_then(|value: &HeaderValue| value.to_str().ok())
    };
    if let Some((scheme, value)) =
        text(header::AUTHORIZATION).and_then(|value| value.split_once(' '))
    {
        match scheme.to_ascii_lowercase().as_str() {
            "bearer" => found.bearer = Some(value.trim().to_owned()),
            "basic" => {
                let decoded = base64(value.trim()).and_then(|bytes| String::from_utf8(bytes).ok());
                let keys = decoded.as_deref().and_then(|text| text.split_once(':'));
                found.keys = keys.map(|(public, secret)| (public.to_owned(), secret.to_owned()));
            }
            _ => {}
        }
    }
    for cookie in text(header::COOKIE)
        .into_iter()
        .flat_map(|all| all.split(';'))
    {
        if let Some((COOKIE, value)) = cookie.trim().split_once('=') {
            found.cookie = Some(value.to_owned());
        }
    }
    found
}

/// Base64 of the usual alphabet, with or without padding.
pub(super) fn base64(text: &str) -> Option<Vec<u8>> {
    let mut bytes = Vec::with_capacity(text.len());
    let (mut bits, mut count) = (0u32, 0u32);
    for byte in text.trim_end_matches('=').bytes() {
        let value = match byte {
            b'A'..=b'Z' => byte.wrapping_sub(b'A'),
            b'a'..=b'z' => byte.wrapping_sub(b'a').wrapping_add(26),
            b'0'..=b'9' => byte.wrapping_sub(b'0').wrapping_add(52),
            b'+' => 62,
            b'/' => 63,
            _ => return None,
        };
        bits = (bits << 6) | u32::from(value);
        count = count.saturating_add(6);
        if count >= 8 {
            count = count.saturating_sub(8);
            bytes.push((bits >> count) as u8);
        }
    }
    Some(bytes)
}

/// Whether two secrets are the same, in a time that does not depend on where they differ. An empty one is no secret.
fn same(a: &str, b: &str) -> bool {
    let differing = a
        .bytes()
        .zip(b.bytes())
        .fold(0u8, |all, (a, b)| all | (a ^ b));
    !a.is_empty() && a.len() == b.len() && differing == 0
}

/// The token in the address of a page, as `?token=..`: it is kept as a cookie that no script reads.
fn greeting(token: &str, request: &Request) -> Option<Response> {
    if request.method() != Method::GET {
        return None;
    }
    let query = request.uri().query()?;
    let (given, rest): (Vec<&str>, Vec<&str>) = query
        .split('&')
        .partition(|pair| pair.starts_with("token="));
    let given = given.first()?.strip_prefix("token=")?;
    if !same(token, given) {
        return None;
    }
    let mut place = request.uri().path().to_owned();
    if !rest.is_empty() {
        place.push('?');
        place.push_str(&rest.join("&"));
    }
    // `//host` would be another server, and browsers read `\` as `/`.
    if place.replace('\\', "/").starts_with("//") {
        return None;
    }
    let cookie = format!("{COOKIE}={token}; Path=/; HttpOnly; SameSite=Strict");
    let headers = [(header::LOCATION, place), (header::SET_COOKIE, cookie)];
    Some((StatusCode::SEE_OTHER, headers).into_response())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_are_read_from_base64_with_and_without_padding() {
        for (text, plain) in [
            ("cGs6c2s=", "pk:sk"),
            ("cGs6c2s", "pk:sk"),
            ("", ""),
            ("YQ==", "a"),
            ("+/+/", "\u{fb}"),
        ] {
            let bytes = base64(text).unwrap();
            if text != "+/+/" {
                assert_eq!(bytes, plain.as_bytes(), "{text}");
            }
        }
        assert_eq!(base64("+/+/").unwrap(), [0xfb, 0xff, 0xbf]);
        assert!(base64("a b").is_none());
    }

    #[test]
    fn a_host_is_known_by_name_or_address() {
        let mut config = ServerConfig::default();
        config.hosts.push("box.lan".to_owned());
        for host in [
            "localhost",
            "LOCALHOST:4318",
            "127.0.0.1:80",
            "[::1]:4318",
            "10.1.2.3",
            "Box.lan:1",
        ] {
            assert!(is_known(&config, host), "{host}");
        }
        for host in [
            "evil.example",
            "localhost.evil.example:4318",
            "127.0.0.1.nip.io",
            "",
            "box.lan.",
            "a:b:c",
        ] {
            assert!(!is_known(&config, host), "{host}");
        }
    }
}
