//! `tracefuse view`: serves until Ctrl-C. Also the server below `forward`.

use std::future::Future;
use std::io::Write as _;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
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
    run(serve_until_stopped(store, serve, tee))
}

/// Runs on an async runtime to the end of `work`. A request that is still read or answered on a thread for blocking work, such
/// as a large body that is inflated, does not keep the program longer than [`LAST_ANSWERS`].
#[expect(clippy::disallowed_methods, reason = "the program has its own runtime")]
pub(crate) fn run<R>(work: impl Future<Output = anyhow::Result<R>>) -> anyhow::Result<R> {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .context("cannot start the async runtime")?;
    let done = runtime.block_on(work);
    runtime.shutdown_timeout(LAST_ANSWERS);
    done
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
    place::refuse_other_than_file(&path)?;
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
    let mut out = std::io::stdout().lock();
    write!(out, "{}", announcement(address, place, serve))?;
    out.flush()
}

/// What the user needs to send traces and to see them.
fn announcement(address: SocketAddr, place: &str, serve: &Serve) -> String {
    let local = local(address);
    let page = page(address, serve.token.as_deref());
    let public = serve.public_key.as_deref().unwrap_or("pk-lf-local");
    let (secret, header) = match (&serve.secret_key, &serve.token) {
        (Some(_), _) => (
            "(the key that you gave)",
            "OTEL_EXPORTER_OTLP_HEADERS=authorization=Basic%20(both keys in base64, with a colon between them)".to_owned(),
        ),
        // The server takes it as the secret key.
        (None, Some(token)) => (
            token.as_str(),
            format!("OTEL_EXPORTER_OTLP_HEADERS=authorization=Bearer%20{token}"),
        ),
        (None, None) => ("sk-lf-local", String::new()),
    };
    // The mode `local` has one address, and sends keys that only a server without keys and token accepts.
    let is_mode_local = header.is_empty() && local == SocketAddr::from(([127, 0, 0, 1], 4318));
    let tracefuse = match is_mode_local {
        true => "For tracefuse: TRACING_MODE=local.",
        false => {
            "For tracefuse: the same three lines (TRACING_MODE=local is for a viewer without keys at 127.0.0.1:4318)."
        }
    };
    let mut text = format!(
        "tracefuse shows traces at {page} and keeps them {place}

For a Langfuse SDK, set:
  LANGFUSE_BASE_URL=http://{local}
  LANGFUSE_PUBLIC_KEY={public}
  LANGFUSE_SECRET_KEY={secret}
{tracefuse} For OpenTelemetry: OTEL_EXPORTER_OTLP_ENDPOINT=http://{local}
"
    );
    if !header.is_empty() {
        text.push_str(&format!("and {header}\n"));
    }
    if !address.ip().is_loopback() {
        text.push_str(
            "
Warning: other machines can reach it, and the traffic is not encrypted. The token gives access to every trace.
Other machines use the address of this one, or a name that --host gives.
",
        );
    }
    text.push_str("\nCtrl-C ends it.\n");
    text
}

/// The address for programs on this machine: 0.0.0.0 is none that one connects to.
fn local(address: SocketAddr) -> SocketAddr {
    let ip: IpAddr = match address.ip() {
        IpAddr::V4(ip) if ip.is_unspecified() => Ipv4Addr::LOCALHOST.into(),
        IpAddr::V6(ip) if ip.is_unspecified() => Ipv6Addr::LOCALHOST.into(),
        ip => ip,
    };
    SocketAddr::new(ip, address.port())
}

fn page(address: SocketAddr, token: Option<&str>) -> String {
    let local = local(address);
    token.map_or_else(
        || format!("http://{local}"),
        |token| format!("http://{local}/?token={token}"),
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

#[cfg(test)]
mod tests {
    use clap::Parser as _;

    use super::*;
    use crate::args::{Args, Command};

    fn said(arguments: &[&str], address: &str) -> String {
        let all = ["tracefuse", "view"].iter().chain(arguments);
        let Command::View(serve) = Args::parse_from(all).command else {
            panic!("not a view");
        };
        announcement(address.parse().unwrap(), "in x.db", &serve)
    }

    #[test]
    fn what_is_said_to_set_is_what_the_server_takes() {
        let plain = said(&[], "127.0.0.1:4318");
        for line in [
            "LANGFUSE_BASE_URL=http://127.0.0.1:4318\n",
            "LANGFUSE_SECRET_KEY=sk-lf-local\n",
            "For tracefuse: TRACING_MODE=local.",
        ] {
            assert!(plain.contains(line), "{plain}");
        }
        assert!(!plain.contains("OTEL_EXPORTER_OTLP_HEADERS"), "{plain}");

        let other = said(&[], "127.0.0.1:4319");
        assert!(
            other.contains("For tracefuse: the same three lines"),
            "{other}"
        );

        let token = said(&["--token", "a-long-token"], "0.0.0.0:4318");
        for line in [
            "http://127.0.0.1:4318/?token=a-long-token and",
            "LANGFUSE_BASE_URL=http://127.0.0.1:4318\n",
            "LANGFUSE_SECRET_KEY=a-long-token\n",
            "the same three lines",
            "authorization=Bearer%20a-long-token\n",
            "Warning: other machines",
        ] {
            assert!(token.contains(line), "{token}");
        }

        let keys = said(&["--public-key", "pk", "--secret-key", "hush"], "[::]:4318");
        assert!(keys.contains("http://[::1]:4318"), "{keys}");
        assert!(
            keys.contains("LANGFUSE_PUBLIC_KEY=pk\n") && !keys.contains("hush"),
            "{keys}"
        );
        assert!(
            keys.contains("the same three lines") && keys.contains("Basic%20"),
            "{keys}"
        );
    }
}
