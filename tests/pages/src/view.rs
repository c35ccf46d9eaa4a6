//! A server with a store in memory, and a browser that looks at it.
//! Given to each case.

use std::fs;
use std::future::pending;
use std::time::Duration;

use anyhow::{Context as _, Result, bail, ensure};
use fantoccini::actions::{InputSource as _, KeyAction, KeyActions};
use fantoccini::{Client, Locator};
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio::task::JoinHandle;
use tokio::time::{Instant, sleep};
use tracefuse_server::{Server, ServerConfig, Store, StoreOptions, take};
use xtask::process::{root, target};

use crate::browser::{DevTools, Driver, Log};

/// How long a condition may take to come true.
const PATIENCE: Duration = Duration::from_secs(60);

pub(crate) struct View {
    pub(crate) store: Store,
    pub(crate) browser: Client,
    pub(crate) base: String,
    server: JoinHandle<()>,
    name: String,
    docs: bool,
}

impl View {
    pub(crate) async fn open(driver: &Driver, name: &str, docs: bool) -> Result<Self> {
        let store = Store::in_memory(StoreOptions::default())?;
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let base = format!("http://{}", listener.local_addr()?);
        let served = store.clone();
        let server = tokio::spawn(async move {
            let server = Server::new(ServerConfig::default());
            let _ = server.serve(&served, listener, pending()).await;
        });
        let browser = driver.session().await?;
        let view = Self {
            store,
            browser,
            base,
            server,
            name: name.to_owned(),
            docs,
        };
        view.resize(1360, 860).await?;
        Ok(view)
    }

    pub(crate) async fn close(self) {
        let _ = self.browser.clone().close().await;
        self.server.abort();
        self.store.close();
    }

    /// Stores spans as an SDK sends them.
    pub(crate) async fn send(&self, otlp: &Value) -> Result<()> {
        let taken = take::otlp_json(&serde_json::to_vec(otlp)?)?;
        ensure!(taken.refused == 0, "refused: {:?}", taken.reason);
        self.store.ingest(taken.changes).await?;
        Ok(())
    }

    /// Stores events of the batch API.
    pub(crate) async fn send_batch(&self, events: &[Value]) -> Result<()> {
        let taken = take::batch(&serde_json::to_vec(&json!({ "batch": events }))?)?;
        ensure!(taken.refused == 0, "refused: {:?}", taken.reason);
        self.store.ingest(taken.changes).await?;
        Ok(())
    }

    pub(crate) async fn goto(&self, path: &str) -> Result<()> {
        self.browser.goto(&format!("{}{path}", self.base)).await?;
        Ok(())
    }

    /// The size of the page inside of the window.
    pub(crate) async fn resize(&self, width: u32, height: u32) -> Result<()> {
        let size =
            json!({"width": width, "height": height, "deviceScaleFactor": 1, "mobile": false});
        self.dev_tools("Emulation.setDeviceMetricsOverride", size)
            .await?;
        Ok(())
    }

    /// `light` or `dark`, as the system would say it.
    pub(crate) async fn prefer(&self, scheme: &str) -> Result<()> {
        let features = json!([{"name": "prefers-color-scheme", "value": scheme}]);
        self.dev_tools(
            "Emulation.setEmulatedMedia",
            json!({ "features": features }),
        )
        .await?;
        Ok(())
    }

    pub(crate) async fn dev_tools(&self, method: &'static str, parameters: Value) -> Result<Value> {
        Ok(self
            .browser
            .issue_cmd(DevTools { method, parameters })
            .await?)
    }

    /// The value of a script's `return`.
    pub(crate) async fn script(&self, script: &str) -> Result<Value> {
        Ok(self.browser.execute(script, Vec::new()).await?)
    }

    /// The value of an expression.
    pub(crate) async fn value(&self, expression: &str) -> Result<Value> {
        self.script(&format!("return {expression}")).await
    }

    /// The text of each element.
    pub(crate) async fn texts(&self, css: &str) -> Result<Vec<String>> {
        let found = self
            .value(&format!(
                "[...document.querySelectorAll({})].map((e) => e.innerText.trim())",
                json!(css)
            ))
            .await?;
        Ok(serde_json::from_value(found)?)
    }

    /// Waits until the expression is true.
    pub(crate) async fn until(&self, expression: &str) -> Result<()> {
        let end = Instant::now() + PATIENCE;
        loop {
            // While a page is loaded, the script has no document to look at.
            let value = self.value(expression).await.unwrap_or(Value::Null);
            match value {
                Value::Bool(true) => return Ok(()),
                value if Instant::now() > end => {
                    bail!("not so after {PATIENCE:?}: {expression} (it is {value})")
                }
                _ => sleep(Duration::from_millis(20)).await,
            }
        }
    }

    /// Waits until one of the elements has exactly this text.
    pub(crate) async fn until_text(&self, css: &str, text: &str) -> Result<()> {
        let condition = format!(
            "[...document.querySelectorAll({})].some((e) => e.innerText.trim() === {})",
            json!(css),
            json!(text)
        );
        self.until(&condition)
            .await
            .with_context(|| format!("{css} has not the text {text:?}"))
    }

    pub(crate) async fn click(&self, css: &str) -> Result<()> {
        self.browser.find(Locator::Css(css)).await?.click().await?;
        Ok(())
    }

    /// Presses keys one after the other, wherever the focus is.
    pub(crate) async fn press(&self, keys: &str) -> Result<()> {
        let mut actions = KeyActions::new("keyboard".to_owned());
        for value in keys.chars() {
            actions = actions
                .then(KeyAction::Down { value })
                .then(KeyAction::Up { value });
        }
        self.browser.perform_actions(actions).await?;
        Ok(())
    }

    /// Writes the page as it is now to `target/pages`; with `--docs` also the guide's pictures.
    pub(crate) async fn screenshot(&self, name: &str) -> Result<()> {
        let folder = target().join("pages");
        fs::create_dir_all(&folder)?;
        let picture = self.browser.screenshot().await?;
        fs::write(folder.join(format!("{name}.png")), &picture)?;
        if self.docs && crate::cases::PICTURES.contains(&name) {
            ensure!(
                picture.len() < 150_000,
                "{name}.png has {} bytes",
                picture.len()
            );
            let folder = root().join("docs/guide/view");
            fs::create_dir_all(&folder)?;
            fs::write(folder.join(format!("{name}.png")), &picture)?;
        }
        Ok(())
    }

    /// A page that is not there was asked for on purpose: the browser's words about it are read and left out.
    pub(crate) async fn expect_missing(&self) -> Result<()> {
        for entry in self.log("browser").await? {
            let message = entry["message"].as_str().unwrap_or_default();
            ensure!(
                message.contains("404"),
                "{}: the browser says: {message}",
                self.name
            );
        }
        Ok(())
    }

    /// All requests went to this server, and neither the policy nor a script complained.
    pub(crate) async fn check_requests(&self) -> Result<()> {
        let mut requests = 0;
        for entry in self.log("performance").await? {
            let entry: Value = serde_json::from_str(entry["message"].as_str().unwrap_or("{}"))?;
            let message = &entry["message"];
            if message["method"] != "Network.requestWillBeSent" {
                continue;
            }
            let url = message["params"]["request"]["url"]
                .as_str()
                .unwrap_or_default();
            let is_own = url.starts_with(&self.base)
                || url.starts_with("data:")
                || url.starts_with("chrome")
                || url.starts_with("about:");
            ensure!(is_own, "{}: the page asked {url}", self.name);
            requests += 1;
        }
        ensure!(requests > 0, "{}: no request is in the log", self.name);
        for entry in self.log("browser").await? {
            let level = entry["level"].as_str().unwrap_or_default();
            ensure!(
                level != "SEVERE",
                "{}: the browser says: {}",
                self.name,
                entry["message"]
            );
        }
        Ok(())
    }

    async fn log(&self, kind: &'static str) -> Result<Vec<Value>> {
        let entries = self.browser.issue_cmd(Log(kind)).await?;
        Ok(entries.as_array().cloned().unwrap_or_default())
    }
}
