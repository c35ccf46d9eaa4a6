//! Who may ask: hosts, origins, keys, the token.

use serde_json::json;
use tracefuse_server::ServerConfig;

use crate::samples::{request, span, trace};
use crate::support::Live;

const PAGES: &[&str] = &["/", "/overview", "/api/public/traces", "/v1/nonsense"];

#[test]
fn a_name_that_is_not_ours_is_answered_nothing() {
    let mut config = ServerConfig::default();
    config.hosts.push("box.lan".to_owned());
    let live = Live::with(config);
    for path in PAGES {
        for host in [
            "evil.example",
            "localhost.evil.example",
            "127.0.0.1.evil.example:80",
        ] {
            let answer = live.call().with("host", host).send("GET", path, b"");
            assert_eq!(answer.status, 403, "{host} {path}");
        }
        assert_eq!(
            live.call()
                .also("host", "localhost")
                .send("GET", path, b"")
                .status,
            403,
            "two hosts"
        );
    }
    for host in [
        "localhost",
        "localhost:4318",
        "127.0.0.1:9",
        "[::1]:4318",
        "box.lan",
    ] {
        assert_eq!(
            live.call()
                .with("host", host)
                .send("GET", "/api/public/projects", b"")
                .status,
            200,
            "{host}"
        );
    }
}

#[test]
fn a_page_of_another_origin_is_answered_nothing() {
    let live = Live::start();
    let body = request(&[span(&trace(1), 1, None, &[])]);
    for origin in [
        "http://evil.example",
        "null",
        "http://localhost:1",
        "https://127.0.0.1",
    ] {
        let call = live.call().json().with("origin", origin);
        assert_eq!(
            call.clone().send("POST", "/v1/traces", &body).status,
            403,
            "{origin}"
        );
        assert_eq!(call.send("GET", "/", b"").status, 403, "{origin}");
    }
    let own = format!("http://{}", live.address);
    assert_eq!(
        live.call()
            .json()
            .with("origin", &own)
            .send("POST", "/v1/traces", &body)
            .status,
        200
    );
    assert!(live.store.trace(&trace(1)).unwrap().is_some());
}

#[test]
fn any_keys_are_taken_unless_a_pair_is_fixed() {
    let any = Live::start();
    for authorization in ["", "Basic cGs6c2s=", "Basic %%%", "Bearer x"] {
        let answer = any.call().with("authorization", authorization).send(
            "GET",
            "/api/public/projects",
            b"",
        );
        assert_eq!(answer.status, 200, "{authorization}");
    }
    let mut config = ServerConfig::default();
    config.keys = Some(("pk".to_owned(), "sk".to_owned()));
    let fixed = Live::with(config);
    let ask = |authorization: &str| {
        let answer = fixed.call().with("authorization", authorization).send(
            "GET",
            "/api/public/projects",
            b"",
        );
        (answer.status, answer.body)
    };
    assert_eq!(ask("Basic cGs6c2s=").0, 200);
    assert!(ask("").1.contains("No authorization header"));
    // pk:no, no:sk, pk:sk2, and the public key alone.
    for wrong in [
        "Basic cGs6bm8=",
        "Basic bm86c2s=",
        "Basic cGs6c2sy",
        "Bearer pk",
        "Basic",
        "Digest cGs6c2s=",
    ] {
        assert_eq!(ask(wrong).0, 401, "{wrong}");
    }
    assert_eq!(
        fixed.call().send("GET", "/", b"").status,
        200,
        "pages are for this machine"
    );
    assert_eq!(
        fixed.call().send("GET", "/api/public/health", b"").status,
        200
    );
}

#[test]
fn a_token_is_asked_for_everywhere_and_kept_as_a_cookie() {
    let mut config = ServerConfig::default();
    config.token = Some("hush".to_owned());
    let live = Live::with(config);
    for path in PAGES {
        let answer = live.call().send("GET", path, b"");
        assert_eq!(answer.status, 401, "{path}");
        assert!(answer.body.contains("token"), "{}", answer.body);
    }
    for wrong in ["/?token=no", "/?token=", "/?token=hush2", "/?token=hus"] {
        assert_eq!(live.call().send("GET", wrong, b"").status, 401, "{wrong}");
    }
    let answer = live.call().send("GET", "/overview?a=1&token=hush&b=2", b"");
    assert_eq!(
        (answer.status, answer.header("location")),
        (303, Some("/overview?a=1&b=2"))
    );
    let cookie = answer.header("set-cookie").unwrap();
    assert!(
        cookie.contains("HttpOnly") && cookie.contains("SameSite=Strict"),
        "{cookie}"
    );
    assert_eq!(
        live.call()
            .with("cookie", "x=1; tracefuse_token=hush")
            .send("GET", "/overview", b"")
            .status,
        200
    );
    // An address that a browser reads as another server is not led to.
    assert_eq!(
        live.call()
            .send("GET", "//evil.example/?token=hush", b"")
            .status,
        401
    );
    // An SDK brings it as its secret key.
    let body = request(&[span(&trace(1), 1, None, &[])]);
    for (authorization, status) in [
        ("Basic cGs6aHVzaA==", 200),
        ("Bearer hush", 200),
        ("Basic cGs6c2s=", 401),
    ] {
        let call = live.call().json().with("authorization", authorization);
        assert_eq!(
            call.send("POST", "/v1/traces", &body).status,
            status,
            "{authorization}"
        );
    }
}

#[test]
fn an_empty_secret_opens_nothing() {
    let mut token = ServerConfig::default();
    token.token = Some(String::new());
    let mut keys = ServerConfig::default();
    keys.keys = Some((String::new(), String::new()));
    for config in [token, keys] {
        let live = Live::with(config);
        // `:` in base64.
        for authorization in ["", "Bearer ", "Basic Og=="] {
            let call = live.call().with("authorization", authorization);
            let call = call.with("cookie", "tracefuse_token=");
            let answer = call.send("GET", "/api/public/projects", b"");
            assert_eq!(answer.status, 401, "{authorization:?}");
        }
        let answer = live.call().send("GET", "/api/public/traces?token=", b"");
        assert_eq!(answer.status, 401);
    }
}

#[test]
fn no_path_of_a_request_reaches_a_file() {
    let live = Live::start();
    for path in [
        "/assets/..%2f..%2fCargo.toml",
        "/assets/../../Cargo.toml",
        "/media/..%2f..%2fetc%2fpasswd",
        "/media/%00",
        "/traces/%2e%2e",
    ] {
        let answer = live.call().send("GET", path, b"");
        assert_eq!(answer.status, 404, "{path}: {}", answer.body);
    }
    let hostile = json!("'; DROP TABLE trace; --");
    live.put(&request(&[span(
        &trace(1),
        1,
        None,
        &[("user.id", hostile)],
    )]));
    let found = live.get("/api/public/traces?userId='%3B%20DROP%20TABLE%20trace%3B%20--");
    assert_eq!(found["data"].as_array().unwrap().len(), 1);
}
