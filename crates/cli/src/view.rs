//! `tracefuse view`: serves until Ctrl-C. Also the server below `forward`.

use std::future::Future;
use std::io::Write as _;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context as _;
use tokio::net::TcpListener;
use tokio::sync::watch;
use tracefuse_server::{Prices, Server, ServerConfig, Store, StoreError, StoreOptions, Tee};

use crate::args::Serve;
use crate::place;

/// How long open pages may keep the program from ending.
const LAST_ANSWERS: Duration = Duration::from_secs(2);

pub(crate) fn view(
    store: Option<PathBuf>,
    serve: Serve,
    tee: Option<Arc<dyn Tee>>,
) -> anyhow::Result<()> {
    runtime()?.block_on(serve_until_stopped(store, serve, tee))
}

#[expect(clippy::disallowed_methods, reason = "the program has its own runtime")]
pub(crate) fn runtime() -> anyhow::Result<tokio::runtime::Runtime> {
    tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .context("cannot start the async runtime")
}

pub(crate) async fn serve_until_stopped(
    store: Option<PathBuf>,
    serve: Serve,
    tee: Option<Arc<dyn Tee>>,
) -> anyhow::Result<()> {
    if !serve.listen.ip().is_loopback() && serve.token.is_none() {
        anyhow::bail!(
            "{} can be reached from other machines: give a --token that pages and requests must bring",
            serve.listen
        );
    }
    let options = options(&serve)?;
    let (store, place) = open(store, options)?;
    let listener = TcpListener::bind(serve.listen).await.with_context(|| {
        format!(
            "cannot listen at {}: if another viewer or collector runs there, choose another address, such as --listen 127.0.0.1:4319",
            serve.listen
        )
    })?;
    let address = listener.local_addr()?;
    let mut config = ServerConfig::default();
    config.keys = serve.public_key.clone().zip(serve.secret_key.clone());
    config.token.clone_from(&serve.token);
    config.hosts.clone_from(&serve.host);
    config.tee = tee;
    let asked_to_stop = asked_to_stop().context("cannot wait for Ctrl-C")?;
    announce(address, &place, &serve)?;
    if serve.open {
        open_browser(&page(address, serve.token.as_deref()));
    }
    let (stop, mut stopped) = watch::channel(());
    let served = {
        let store = store.clone();
        tokio::spawn(async move {
            let stop = async move {
                let _ = stopped.changed().await;
            };
            Server::new(config).serve(&store, listener, stop).await
        })
    };
    let abort = served.abort_handle();
    tokio::pin!(served);
    tokio::select! {
        ended = &mut served => ended.context("the server ended")??,
        () = asked_to_stop => {
            let _ = stop.send(());
            if tokio::time::timeout(LAST_ANSWERS, &mut served).await.is_err() {
                abort.abort();
            }
        }
    }
    // Everything that was answered is stored; this empties the write-ahead log.
    tokio::task::spawn_blocking(move || store.close()).await?;
    Ok(())
}

/// Ctrl-C, or the signal by which a service is ended. They are caught from the call on, not from the first poll.
#[cfg(unix)]
fn asked_to_stop() -> std::io::Result<impl Future<Output = ()>> {
    use tokio::signal::unix::{SignalKind, signal};
    let mut interrupted = signal(SignalKind::interrupt())?;
    let mut terminated = signal(SignalKind::terminate())?;
    Ok(async move {
        tokio::select! {
            _ = interrupted.recv() => {}
            _ = terminated.recv() => {}
        }
    })
}

#[cfg(windows)]
fn asked_to_stop() -> std::io::Result<impl Future<Output = ()>> {
    let mut interrupted = tokio::signal::windows::ctrl_c()?;
    Ok(async move {
        interrupted.recv().await;
    })
}

fn options(serve: &Serve) -> anyhow::Result<StoreOptions> {
    let mut options = StoreOptions::default();
    options.max_age = serve
        .max_age
        .map(|days| Duration::from_secs(days.saturating_mul(86_400)));
    options.max_bytes = serve.max_size.map(|mib| mib.saturating_mul(1 << 20));
    if let Some(path) = &serve.prices {
        let text = read(path)?;
        options.prices = Prices::from_json(&text)
            .with_context(|| format!("cannot read the prices in {}", path.display()))?;
    }
    Ok(options)
}

#[expect(clippy::disallowed_methods, reason = "a file that the user named")]
fn read(path: &std::path::Path) -> anyhow::Result<String> {
    std::fs::read_to_string(path).with_context(|| format!("cannot read {}", path.display()))
}

/// Opens the store to write; its place as people read it.
pub(crate) fn open(
    store: Option<PathBuf>,
    options: StoreOptions,
) -> anyhow::Result<(Store, String)> {
    let path = place::store(store)?;
    if place::is_memory(&path) {
        return Ok((Store::in_memory(options)?, "in memory".to_owned()));
    }
    place::refuse_directory(&path)?;
    let store = Store::open(&path, options).map_err(|error| {
        let hint = match error {
            // The texts of these errors say what to do.
            StoreError::InUse(_) | StoreError::Newer(_) => "",
            _ => ": name another file with --store",
        };
        anyhow::Error::new(error).context(format!("cannot open {}{hint}", path.display()))
    })?;
    Ok((store, format!("in {}", path.display())))
}

fn announce(address: SocketAddr, place: &str, serve: &Serve) -> std::io::Result<()> {
    let public = serve.public_key.as_deref().unwrap_or("pk-lf-local");
    let secret = if serve.secret_key.is_some() {
        "(the key that you gave)"
    } else {
        "sk-lf-local"
    };
    let page = page(address, serve.token.as_deref());
    let mut out = std::io::stdout().lock();
    writeln!(
        out,
        "tracefuse shows traces at {page} and keeps them {place}"
    )?;
    writeln!(out, "\nFor a Langfuse SDK, set:")?;
    writeln!(out, "  LANGFUSE_BASE_URL=http://{address}")?;
    writeln!(out, "  LANGFUSE_PUBLIC_KEY={public}")?;
    writeln!(out, "  LANGFUSE_SECRET_KEY={secret}")?;
    writeln!(
        out,
        "For tracefuse: TRACING_MODE=local. For OpenTelemetry: OTEL_EXPORTER_OTLP_ENDPOINT=http://{address}"
    )?;
    if !address.ip().is_loopback() {
        writeln!(
            out,
            "\nWarning: other machines can reach it, and the traffic is not encrypted. The token gives access to every trace."
        )?;
    }
    writeln!(out, "\nCtrl-C ends it.")?;
    out.flush()
}

fn page(address: SocketAddr, token: Option<&str>) -> String {
    token.map_or_else(
        || format!("http://{address}"),
        |token| format!("http://{address}/?token={token}"),
    )
}

/// A browser that cannot be started is no failure: the address was printed.
fn open_browser(page: &str) {
    let (program, arguments): (&str, &[&str]) = if cfg!(windows) {
        ("cmd", &["/C", "start", ""])
    } else if cfg!(target_os = "macos") {
        ("open", &[])
    } else {
        ("xdg-open", &[])
    };
    let mut command = std::process::Command::new(program);
    command.args(arguments).arg(page);
    let quiet = std::process::Stdio::null;
    if let Err(error) = command.stdout(quiet()).stderr(quiet()).spawn() {
        warn!("cannot start {program} to open the page: {error}");
    }
}
