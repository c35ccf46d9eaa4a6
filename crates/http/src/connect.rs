//! From a host to an open stream: name, address, proxy, TLS, each under the client's one deadline.
//! Called by `client` when the pool has no connection. Knows no request.

use std::io;
use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use tokio::net::{TcpStream, lookup_host};
use tokio::task::JoinSet;
use tokio::time::timeout;

use super::endpoint::{Endpoint, is_loopback};
use super::error::{HttpError, HttpErrorKind};
use super::io::Io;
use super::progress::{Progress, Step};
use super::proxy::Route;
use super::tls::Tls;
use super::tunnel::ProxyServer;

/// Opens a stream to `endpoint`'s server.
pub(super) async fn connect(
    endpoint: &Endpoint,
    route: &Route,
    tls: &Tls,
    progress: &Progress,
) -> Result<Box<dyn Io>, HttpError> {
    let mut stream: Box<dyn Io> = match route {
        Route::Direct => {
            let at = format!("{}:{}", endpoint.host(), endpoint.port());
            Box::new(open(endpoint.host(), endpoint.port(), &at, progress).await?)
        }
        Route::Forward(proxy) | Route::Tunnel(proxy) => reach(proxy, tls, progress).await?,
    };
    if let Route::Tunnel(proxy) = route {
        progress.reached(Step::Proxy);
        proxy.tunnel(&mut stream, endpoint).await?;
    }
    if endpoint.is_tls() {
        progress.reached(Step::Handshake);
        let at = format!("{}:{}", endpoint.host(), endpoint.port());
        stream = Box::new(tls.handshake(endpoint.host(), &at, stream).await?);
    }
    Ok(stream)
}

async fn reach(
    proxy: &ProxyServer,
    tls: &Tls,
    progress: &Progress,
) -> Result<Box<dyn Io>, HttpError> {
    let stream = open(&proxy.host, proxy.port, &proxy.at(), progress).await?;
    if !proxy.tls {
        return Ok(Box::new(stream));
    }
    progress.reached(Step::Proxy);
    Ok(Box::new(
        tls.handshake(&proxy.host, &proxy.at(), Box::new(stream))
            .await?,
    ))
}

async fn open(
    host: &str,
    port: u16,
    at: &str,
    progress: &Progress,
) -> Result<TcpStream, HttpError> {
    progress.reached(Step::Resolve);
    let addresses = resolve(host, port).await.map_err(|error| {
        let message = format!("the name {host} cannot be resolved: is it spelled right?");
        HttpError::new(HttpErrorKind::Dns, message).caused_by(error)
    })?;
    progress.reached(Step::Connect);
    let stream = first_to_answer(addresses).await.map_err(|error| {
        let message = match error.kind() {
            io::ErrorKind::ConnectionRefused => {
                format!("nothing listens at {at} (connection refused)")
            }
            _ => format!("{at} cannot be reached"),
        };
        HttpError::new(HttpErrorKind::Connect, message).caused_by(error)
    })?;
    // Without it the end of a body may wait for an acknowledgement. A failure costs time only.
    let _ = stream.set_nodelay(true);
    Ok(stream)
}

async fn resolve(host: &str, port: u16) -> io::Result<Vec<SocketAddr>> {
    if let Ok(address) = host.parse::<IpAddr>() {
        return Ok(vec![SocketAddr::new(address, port)]);
    }
    let addresses = believable(host, lookup_host((host, port)).await?);
    if addresses.is_empty() {
        return Err(io::Error::new(
            io::ErrorKind::NotFound,
            "the name has no address",
        ));
    }
    Ok(addresses)
}

/// Credentials go to `localhost` in clear text, so the answer of a resolver that names
/// another machine is not used (RFC 6761 6.3).
fn believable(host: &str, addresses: impl Iterator<Item = SocketAddr>) -> Vec<SocketAddr> {
    let localhost = host.eq_ignore_ascii_case("localhost");
    addresses
        .filter(|address| !localhost || is_loopback(address.ip()))
        .take(ADDRESSES)
        .collect()
}

/// The first connection that is made. The next address is tried when the one before has failed
/// or has been silent for a moment (RFC 8305), so one address that does not answer costs little.
async fn first_to_answer(addresses: Vec<SocketAddr>) -> io::Result<TcpStream> {
    let mut attempts = JoinSet::new();
    let mut last = io::Error::new(io::ErrorKind::NotConnected, "no address answered");
    for address in addresses {
        attempts.spawn(TcpStream::connect(address));
        match timeout(BETWEEN_ADDRESSES, attempts.join_next()).await {
            Ok(Some(Ok(Ok(stream)))) => return Ok(stream),
            Ok(Some(Ok(Err(error)))) => last = error,
            _ => {}
        }
    }
    while let Some(attempt) = attempts.join_next().await {
        match attempt {
            Ok(Ok(stream)) => return Ok(stream),
            Ok(Err(error)) => last = error,
            Err(_) => {}
        }
    }
    Err(last)
}

const BETWEEN_ADDRESSES: Duration = Duration::from_millis(250);
const ADDRESSES: usize = 8;

#[cfg(test)]
mod tests {
    use super::*;

    fn check(host: &str, addresses: &[&str], expected: &[&str]) {
        let addresses = addresses.iter().map(|address| address.parse().unwrap());
        let kept: Vec<String> = believable(host, addresses)
            .iter()
            .map(ToString::to_string)
            .collect();
        assert_eq!(kept, expected, "{host}");
    }

    #[test]
    fn localhost_is_this_machine_whatever_a_resolver_says() {
        let resolved = [
            "10.0.0.1:80",
            "[::1]:80",
            "127.0.0.1:80",
            "[2001:db8::1]:80",
        ];
        check("localhost", &resolved, &["[::1]:80", "127.0.0.1:80"]);
        check("LOCALHOST", &resolved[..1], &[]);
        check("langfuse.example", &resolved, &resolved);
    }

    #[test]
    fn a_name_with_many_addresses_is_not_tried_without_end() {
        check(
            "langfuse.example",
            &["10.0.0.1:80"; 50],
            &["10.0.0.1:80"; ADDRESSES],
        );
    }

    #[tokio::test]
    #[expect(clippy::disallowed_methods, reason = "the runtime of a test")]
    async fn an_address_where_nothing_listens_does_not_stop_the_next_one() {
        let dead = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let alive = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let (down, up) = (dead.local_addr().unwrap(), alive.local_addr().unwrap());
        drop(dead);
        let stream = first_to_answer(vec![down, up]).await.unwrap();
        assert_eq!(stream.peer_addr().unwrap(), up);
        let refused = first_to_answer(vec![down]).await.unwrap_err();
        assert_eq!(refused.kind(), io::ErrorKind::ConnectionRefused);
    }
}
