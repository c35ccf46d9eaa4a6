//! `tracefuse forward`: each body of OTLP that was stored is sent to another receiver, byte for byte. It waits on disk, in
//! the spool of our own delivery, until the receiver has answered; the next run sends what a process leaves there.

mod queue;
mod sender;

use std::net::{IpAddr, SocketAddr};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use tracefuse_http::Endpoint;
use tracefuse_server::Tee;
use tracefuse_spool::SpoolConfig;

use crate::args::Forward;
use crate::{place, view};
use queue::Queue;
use sender::Sender;

/// How long the program sends at its end.
const LAST_SENDS: Duration = Duration::from_secs(5);

pub(crate) fn run(store: Option<PathBuf>, forward: Forward) -> anyhow::Result<()> {
    let directory = match &forward.spool {
        Some(directory) => directory.clone(),
        None => {
            let path = place::store(store.clone())?;
            if place::is_memory(&path) {
                anyhow::bail!(
                    "the store is in memory: name a directory for what waits, with --spool"
                );
            }
            path.with_extension("forward")
        }
    };
    let sender = Sender::new(&forward)?;
    if is_self(&sender.endpoint, forward.serve.listen) {
        anyhow::bail!(
            "--to is this server itself, every request would come back: name another receiver"
        );
    }
    let config = SpoolConfig::new(directory).destination(&forward.to);
    let queue = Arc::new(Queue::open(config)?);
    let waiting = queue.waiting();
    say!("Everything is forwarded to {}", sender.endpoint.origin());
    if waiting > 0 {
        say!("{waiting} requests of an earlier run are sent first");
    }
    view::run(async {
        let sending = tokio::spawn({
            let queue = queue.clone();
            async move { sender.run(&queue).await }
        });
        let reporting = tokio::spawn(report(queue.clone(), forward.report_every));
        let tee: Arc<dyn Tee> = queue.clone();
        let served = view::serve_until_stopped(store, forward.serve, Some(tee)).await;
        // What is left stays on disk.
        let _ = tokio::time::timeout(LAST_SENDS, queue.emptied()).await;
        sending.abort();
        reporting.abort();
        say!("{}", queue.line());
        let left = queue.waiting();
        if left > 0 {
            say!("{left} requests wait on disk for the next run");
        }
        served
    })
}

/// Whether the receiver is the server that forwards.
fn is_self(receiver: &Endpoint, listen: SocketAddr) -> bool {
    let is_here = match receiver.host().parse::<IpAddr>() {
        Ok(address) => {
            address == listen.ip() || (address.is_loopback() && listen.ip().is_unspecified())
        }
        Err(_) => receiver.is_loopback(),
    };
    is_here && receiver.port() == listen.port()
}

/// Prints the counts from time to time, if they have changed.
async fn report(queue: Arc<Queue>, seconds: u64) {
    let mut said = queue.line();
    loop {
        tokio::time::sleep(Duration::from_secs(seconds)).await;
        let line = queue.line();
        if line != said {
            say!("{line}");
            said = line;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_server_does_not_forward_to_itself() {
        for (to, listen, is_it) in [
            ("http://127.0.0.1:4318", "127.0.0.1:4318", true),
            ("http://localhost:4318", "127.0.0.1:4318", true),
            ("http://[::1]:4318", "[::1]:4318", true),
            ("http://127.0.0.1:4318", "0.0.0.0:4318", true),
            ("http://127.0.0.1:4319", "127.0.0.1:4318", false),
            ("http://127.0.0.2:4318", "127.0.0.1:4318", false),
            ("https://cloud.langfuse.com", "127.0.0.1:4318", false),
        ] {
            let receiver = Endpoint::parse(to).unwrap();
            assert_eq!(
                is_self(&receiver, listen.parse().unwrap()),
                is_it,
                "{to} {listen}"
            );
        }
    }
}
