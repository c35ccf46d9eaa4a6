//! The driver of the browser, its sessions, and commands of Chromium's own.
//! Used by `view`.

use std::path::PathBuf;
use std::process::Stdio;
use std::time::Duration;

use anyhow::{Context as _, Result};
use fantoccini::wd::WebDriverCompatibleCommand;
use fantoccini::{Client, ClientBuilder};
use http::Method;
use hyper_util::client::legacy::connect::HttpConnector;
use serde_json::{Map, Value, json};
use tokio::net::{TcpListener, TcpStream};
use tokio::process::{Child, Command};
use tokio::time::{Instant, sleep};
use url::{ParseError, Url};

use crate::install::Browser;

/// How long the driver may take until it answers.
const START: Duration = Duration::from_secs(60);

/// A running driver.
pub(crate) struct Driver {
    process: Child,
    url: String,
    chromium: PathBuf,
}

impl Driver {
    pub(crate) async fn start(browser: &Browser) -> Result<Self> {
        // The driver takes a number of a port, so a free one is found first.
        let port = TcpListener::bind("127.0.0.1:0").await?.local_addr()?.port();
        let mut command = Command::new(&browser.driver);
        command
            .arg(format!("--port={port}"))
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null());
        let process = command
            .kill_on_drop(true)
            .spawn()
            .context("chromedriver cannot be started")?;
        let end = Instant::now() + START;
        while TcpStream::connect(("127.0.0.1", port)).await.is_err() {
            anyhow::ensure!(
                Instant::now() < end,
                "chromedriver does not answer after {START:?}"
            );
            sleep(Duration::from_millis(20)).await;
        }
        Ok(Self {
            process,
            url: format!("http://127.0.0.1:{port}"),
            chromium: browser.chromium.clone(),
        })
    }

    /// A new browser that reaches no other machine.
    pub(crate) async fn session(&self) -> Result<Client> {
        let arguments = [
            "--headless=new",
            "--no-sandbox",
            "--disable-dev-shm-usage",
            "--disable-gpu",
            "--hide-scrollbars",
            "--force-color-profile=srgb",
            "--enable-precise-memory-info",
            "--disable-background-networking",
            "--disable-component-update",
            "--no-first-run",
            "--window-size=1360,860",
            "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1",
        ];
        let mut wanted = Map::new();
        wanted.insert("browserName".to_owned(), json!("chrome"));
        wanted.insert(
            "goog:chromeOptions".to_owned(),
            json!({"args": arguments, "binary": self.chromium}),
        );
        wanted.insert(
            "goog:loggingPrefs".to_owned(),
            json!({"performance": "ALL", "browser": "ALL"}),
        );
        let client = ClientBuilder::new(HttpConnector::new())
            .capabilities(wanted)
            .connect(&self.url)
            .await;
        client.context("chromedriver opens no browser")
    }

    pub(crate) async fn stop(mut self) {
        let _ = self.process.kill().await;
    }
}

/// A command of the DevTools protocol.
#[derive(Debug)]
pub(crate) struct DevTools {
    pub(crate) method: &'static str,
    pub(crate) parameters: Value,
}

impl WebDriverCompatibleCommand for DevTools {
    fn endpoint(&self, base: &Url, session: Option<&str>) -> Result<Url, ParseError> {
        base.join(&format!(
            "session/{}/goog/cdp/execute",
            session.unwrap_or_default()
        ))
    }

    fn method_and_body(&self, _: &Url) -> (Method, Option<String>) {
        let body = json!({"cmd": self.method, "params": self.parameters});
        (Method::POST, Some(body.to_string()))
    }
}

/// What the browser has logged since the last call, of the type `browser` or `performance`.
#[derive(Debug)]
pub(crate) struct Log(pub(crate) &'static str);

impl WebDriverCompatibleCommand for Log {
    fn endpoint(&self, base: &Url, session: Option<&str>) -> Result<Url, ParseError> {
        base.join(&format!("session/{}/se/log", session.unwrap_or_default()))
    }

    fn method_and_body(&self, _: &Url) -> (Method, Option<String>) {
        (Method::POST, Some(json!({"type": self.0}).to_string()))
    }
}
