//! A third-party server for the duration of a command: started with its output in a file, waited for, and stopped at the
//! end in every case, with all that it started itself. Used by `peers` and `relay`.

use std::fmt;
use std::fs::File;
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::{Mutex, Once, PoisonError};
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result};

use crate::http;

/// The processes that run, to be stopped when this program is interrupted.
static RUNNING: Mutex<Vec<u32>> = Mutex::new(Vec::new());

/// A server that runs; stops when dropped.
pub(crate) struct Service {
    name: &'static str,
    child: Child,
    log: PathBuf,
}

impl Service {
    /// Starts it; its output goes to `log`.
    pub(crate) fn start(name: &'static str, command: &mut Command, log: &Path) -> Result<Self> {
        stop_all_when_interrupted();
        let output = File::create(log)?;
        command
            .stdin(Stdio::null())
            .stdout(output.try_clone()?)
            .stderr(output);
        // Its own process group, so that its workers can be stopped with it.
        #[cfg(unix)]
        std::os::unix::process::CommandExt::process_group(command, 0);
        // An interruption waits for this lock, so that nothing is started that is not in the list.
        let mut running = RUNNING.lock().unwrap_or_else(PoisonError::into_inner);
        let child = command
            .spawn()
            .with_context(|| format!("{name} cannot be started"))?;
        running.push(child.id());
        Ok(Self {
            name,
            child,
            log: log.to_path_buf(),
        })
    }

    /// Waits until the address answers with 200.
    pub(crate) fn wait_until_ready(&mut self, url: &str, within: Duration) -> Result<()> {
        self.wait_until(|| http::is_ok(url), url, within)
    }

    /// Waits until a server listens on the port of the loopback address.
    pub(crate) fn wait_until_listening(&mut self, port: u16, within: Duration) -> Result<()> {
        let address = SocketAddr::from((Ipv4Addr::LOCALHOST, port));
        let listens = || TcpStream::connect_timeout(&address, Duration::from_secs(1)).is_ok();
        self.wait_until(listens, &address.to_string(), within)
    }

    fn wait_until(
        &mut self,
        ready: impl Fn() -> bool,
        address: &str,
        within: Duration,
    ) -> Result<()> {
        let deadline = Instant::now() + within;
        loop {
            if let Some(status) = self.child.try_wait()? {
                return Err(NotStarted(format!(
                    "{} ended, {status}: {}",
                    self.name,
                    last_line(&self.log)
                ))
                .into());
            }
            if ready() {
                return Ok(());
            }
            if Instant::now() > deadline {
                return Err(NotStarted(format!(
                    "{} does not answer at {address} after {} s; see {}",
                    self.name,
                    within.as_secs(),
                    self.log.display()
                ))
                .into());
            }
            std::thread::sleep(Duration::from_millis(250));
        }
    }
}

/// A third-party program that does not start on this machine is no error of ours.
#[derive(Debug)]
pub(crate) struct NotStarted(String);

impl fmt::Display for NotStarted {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for NotStarted {}

impl Drop for Service {
    fn drop(&mut self) {
        let mut running = RUNNING.lock().unwrap_or_else(PoisonError::into_inner);
        kill(self.child.id());
        // Until it is waited for, no other process has its number.
        running.retain(|id| *id != self.child.id());
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// A free port of the loopback address.
pub(crate) fn free_port() -> Result<u16> {
    Ok(TcpListener::bind("127.0.0.1:0")?.local_addr()?.port())
}

/// Stops a process and what it started.
fn kill(id: u32) {
    let mut command = if cfg!(windows) {
        let mut command = Command::new("taskkill");
        command.args(["/F", "/T", "/PID", &id.to_string()]);
        command
    } else {
        // The shell's `kill`, since not every system has a program of that name.
        let mut command = Command::new("sh");
        command.args(["-c", &format!("kill -s KILL -- -{id}")]);
        command
    };
    let _ = command.stdout(Stdio::null()).stderr(Stdio::null()).status();
}

/// Ctrl-C reaches this process alone, since each server has its own group.
fn stop_all_when_interrupted() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        std::thread::spawn(|| {
            let runtime = tokio::runtime::Builder::new_current_thread()
                .enable_all()
                .build();
            let Ok(runtime) = runtime else { return };
            runtime.block_on(interruption());
            let running = RUNNING.lock().unwrap_or_else(PoisonError::into_inner);
            running.iter().copied().for_each(kill);
            std::process::exit(130);
        });
    });
}

#[cfg(unix)]
async fn interruption() {
    use tokio::signal::unix::{SignalKind, signal};
    let kinds = [
        SignalKind::interrupt(),
        SignalKind::terminate(),
        SignalKind::hangup(),
    ];
    let [Ok(mut interrupt), Ok(mut terminate), Ok(mut hangup)] = kinds.map(signal) else {
        return std::future::pending().await;
    };
    tokio::select! {
        _ = interrupt.recv() => {}
        _ = terminate.recv() => {}
        _ = hangup.recv() => {}
    }
}

#[cfg(not(unix))]
async fn interruption() {
    if tokio::signal::ctrl_c().await.is_err() {
        std::future::pending().await
    }
}

/// The last line of a log that is not empty.
pub(crate) fn last_line(log: &Path) -> String {
    let bytes = std::fs::read(log).unwrap_or_default();
    let text = String::from_utf8_lossy(&bytes);
    let last = text.lines().map(str::trim).rfind(|line| !line.is_empty());
    last.unwrap_or("it printed nothing").to_owned()
}
