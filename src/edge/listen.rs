//! Who is let in: a bounded number of connections, in all and from one address, and a loop that no error ends.
//!
//! The transport's own listener knows no bounds, so that one client could take every file descriptor of the process. A
//! connection holds its slot until its IO is dropped. When it is too old the transport asks it to end (`serve`), and whoever
//! does not is cut off here: asked to do both, the gRPC library does the second alone. It must not know what is spoken
//! over a connection.

use std::collections::HashMap;
use std::net::{IpAddr, Ipv6Addr, SocketAddr};
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll};
use std::time::Duration;

use futures_util::{Stream, stream};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;
use tokio::time::Sleep;
use tokio_rustls::server::TlsStream;
use tonic::transport::server::Connected;

use super::figures::Figures;
use super::tls::{self, Tls};
use crate::access::CertificateThumbprint;
use crate::clock::Clock;
use crate::config::Limits;

/// After an error the next connection is waited for this long: when descriptors are out, some are soon free again.
const AFTER_ERROR: Duration = Duration::from_millis(100);
/// One log line per 10 s says how many were turned away or failed: a flood must not become a flood of lines.
const SAY_EVERY_MS: u64 = 10_000;

/// The connections that are let in. Never ends, and never yields an error: the transport would stop at some.
pub fn incoming(
    listener: TcpListener,
    tls: Option<Arc<Tls>>,
    limits: &Limits,
    figures: Arc<Figures>,
    clock: Arc<dyn Clock>,
) -> impl Stream<Item = std::io::Result<Connection>> + Send {
    let door = Door {
        listener,
        tls,
        handshake: Duration::from_millis(limits.handshake_ms),
        longest: Duration::from_millis(limits.connection_age_ms.saturating_add(limits.shutdown_ms)),
        handshakes: JoinSet::new(),
        slots: Slots {
            in_all: limits.connections,
            per_address: limits.connections_per_address,
            taken: Arc::default(),
            figures: Arc::clone(&figures),
        },
        figures,
        clock,
        turned_away: Seldom::default(),
        failed: Seldom::default(),
    };
    stream::unfold(door, |mut door| async move {
        let connection = door.next().await;
        Some((Ok(connection), door))
    })
}

struct Door {
    listener: TcpListener,
    tls: Option<Arc<Tls>>,
    handshake: Duration,
    /// How long a connection lasts at most.
    longest: Duration,
    /// Beside the loop, so that nobody waits for a client that says nothing. Dropped, and ended, with the door; each
    /// holds a slot, so that there are never more than those.
    handshakes: JoinSet<std::io::Result<Connection>>,
    slots: Slots,
    figures: Arc<Figures>,
    clock: Arc<dyn Clock>,
    turned_away: Seldom,
    failed: Seldom,
}

impl Door {
    async fn next(&mut self) -> Connection {
        loop {
            tokio::select! {
                accepted = self.listener.accept() => match accepted {
                    Ok((stream, from)) => {
                        if let Some(connection) = self.enter(stream, from) {
                            return connection;
                        }
                    }
                    Err(error) => {
                        self.figures.accepts_failed.add();
                        tracing::warn!(code = "EDGE_ACCEPT", %error, "a connection could not be taken");
                        tokio::time::sleep(AFTER_ERROR).await;
                    }
                },
                Some(ended) = self.handshakes.join_next() => match ended {
                    Ok(Ok(connection)) => return connection,
                    Ok(Err(error)) => self.failed(&error),
                    Err(error) => self.failed(&error),
                },
            }
        }
    }

    /// A connection that is whole at once; one that is encrypted first comes back later.
    fn enter(&mut self, stream: TcpStream, from: SocketAddr) -> Option<Connection> {
        let Some(slot) = self.slots.take(from.ip()) else {
            // Dropping the stream closes it.
            self.turn_away();
            return None;
        };
        // Without it calls are slower, and still right.
        let _set = stream.set_nodelay(true);
        let Some(tls) = &self.tls else {
            let peer = Peer { address: from, certificate: None };
            return Some(Connection::new(Wire::Plain(stream), peer, slot, self.longest));
        };
        let (acceptor, limit, longest) = (tls.acceptor(), self.handshake, self.longest);
        self.handshakes.spawn(async move {
            let stream = tokio::time::timeout(limit, acceptor.accept(stream)).await??;
            let peer = Peer { address: from, certificate: tls::certificate_of(&stream) };
            Ok(Connection::new(Wire::Tls(Box::new(stream)), peer, slot, longest))
        });
        None
    }

    fn turn_away(&mut self) {
        self.figures.turned_away.add();
        if let Some(connections) = self.turned_away.count(&*self.clock) {
            tracing::warn!(
                code = "EDGE_TURNED_AWAY",
                connections,
                "more connections than limits.connections or limits.connections_per_address"
            );
        }
    }

    fn failed(&mut self, error: &dyn std::fmt::Display) {
        self.figures.handshakes_failed.add();
        if let Some(connections) = self.failed.count(&*self.clock) {
            tracing::warn!(
                code = "EDGE_HANDSHAKE",
                connections,
                %error,
                "connections could not be encrypted"
            );
        }
    }
}

/// Counts what may come as a flood.
#[derive(Debug, Default)]
struct Seldom {
    times: u64,
    said_ms: Option<u64>,
}

impl Seldom {
    /// One more; how many since it was last said, if it is to be said now.
    fn count(&mut self, clock: &dyn Clock) -> Option<u64> {
        self.times += 1;
        let now = clock.monotonic_ms();
        if self.said_ms.is_some_and(|said| now.saturating_sub(said) < SAY_EVERY_MS) {
            return None;
        }
        self.said_ms = Some(now);
        Some(std::mem::take(&mut self.times))
    }
}

/// Places for connections.
struct Slots {
    in_all: usize,
    per_address: usize,
    taken: Arc<Mutex<Taken>>,
    figures: Arc<Figures>,
}

#[derive(Debug, Default)]
struct Taken {
    in_all: usize,
    by_address: HashMap<IpAddr, usize>,
}

/// What somebody is counted by: whoever has one IPv6 address has the 2^64 of its network. One client is one client,
/// whichever way a listener for both protocols spells it (RFC 4291 §2.5.5.2).
pub(super) fn network(address: IpAddr) -> IpAddr {
    const NETWORK: u128 = !0 << 64;
    match address.to_canonical() {
        IpAddr::V6(v6) => IpAddr::V6(Ipv6Addr::from_bits(v6.to_bits() & NETWORK)),
        v4 @ IpAddr::V4(_) => v4,
    }
}

impl Slots {
    fn take(&self, address: IpAddr) -> Option<Slot> {
        let address = network(address);
        let mut taken = self.taken.lock().unwrap_or_else(PoisonError::into_inner);
        let here = taken.by_address.get(&address).copied().unwrap_or_default();
        if taken.in_all >= self.in_all || here >= self.per_address {
            return None;
        }
        taken.in_all += 1;
        taken.by_address.insert(address, here + 1);
        self.figures.connections.up();
        Some(Slot { address, taken: Arc::clone(&self.taken), figures: Arc::clone(&self.figures) })
    }
}

/// A place that is taken until this is dropped.
#[derive(Debug)]
struct Slot {
    address: IpAddr,
    taken: Arc<Mutex<Taken>>,
    figures: Arc<Figures>,
}

impl Drop for Slot {
    fn drop(&mut self) {
        self.figures.connections.down();
        let mut taken = self.taken.lock().unwrap_or_else(PoisonError::into_inner);
        taken.in_all = taken.in_all.saturating_sub(1);
        let here = taken.by_address.get(&self.address).copied().unwrap_or_default();
        // Addresses without connections are forgotten, or strangers would fill the table.
        if here > 1 {
            taken.by_address.insert(self.address, here - 1);
        } else {
            taken.by_address.remove(&self.address);
        }
    }
}

/// Who is at the other end. Every request of the connection has it among its extensions.
#[derive(Debug, Clone)]
pub struct Peer {
    /// Where from.
    pub address: SocketAddr,
    /// The certificate that it proved to hold the key of.
    pub certificate: Option<CertificateThumbprint>,
}

/// A connection, and its slot.
#[derive(Debug)]
pub struct Connection {
    stream: Wire,
    peer: Peer,
    end: Pin<Box<Sleep>>,
    _slot: Slot,
}

impl Connection {
    fn new(stream: Wire, peer: Peer, slot: Slot, longest: Duration) -> Self {
        Self { stream, peer, end: Box::pin(tokio::time::sleep(longest)), _slot: slot }
    }

    /// Was it there for as long as it may be? Whoever reads or writes is woken when it was.
    fn over(&mut self, context: &mut Context<'_>) -> std::io::Result<()> {
        match self.end.as_mut().poll(context) {
            Poll::Ready(()) => Err(std::io::ErrorKind::TimedOut.into()),
            Poll::Pending => Ok(()),
        }
    }
}

#[derive(Debug)]
enum Wire {
    Plain(TcpStream),
    Tls(Box<TlsStream<TcpStream>>),
}

/// The one stream or the other, pinned, to be polled.
macro_rules! polled {
    ($connection:ident, $stream:ident => $polled:expr) => {
        match &mut $connection.stream {
            Wire::Plain(stream) => {
                let $stream = Pin::new(stream);
                $polled
            }
            Wire::Tls(stream) => {
                let $stream = Pin::new(&mut **stream);
                $polled
            }
        }
    };
}

impl Connected for Connection {
    type ConnectInfo = Peer;

    fn connect_info(&self) -> Peer {
        self.peer.clone()
    }
}

impl AsyncRead for Connection {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<std::io::Result<()>> {
        self.over(context)?;
        polled!(self, stream => stream.poll_read(context, buffer))
    }
}

impl AsyncWrite for Connection {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<std::io::Result<usize>> {
        self.over(context)?;
        polled!(self, stream => stream.poll_write(context, bytes))
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<std::io::Result<()>> {
        polled!(self, stream => stream.poll_flush(context))
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<std::io::Result<()>> {
        polled!(self, stream => stream.poll_shutdown(context))
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[std::io::IoSlice<'_>],
    ) -> Poll<std::io::Result<usize>> {
        self.over(context)?;
        polled!(self, stream => stream.poll_write_vectored(context, bytes))
    }

    fn is_write_vectored(&self) -> bool {
        match &self.stream {
            Wire::Plain(stream) => stream.is_write_vectored(),
            Wire::Tls(stream) => stream.is_write_vectored(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn connections_of_one_network_share_its_places() {
        let places = |per_address| Slots {
            in_all: 10,
            per_address,
            taken: Arc::default(),
            figures: Arc::new(Figures::new(&crate::access::Rules::ours().unwrap())),
        };
        let table = [
            ("another address of the same /64", "2001:db8::1", "2001:db8::2:0:0:1", false),
            ("the next /64", "2001:db8::1", "2001:db8:0:1::1", true),
            ("IPv4 within IPv6", "192.0.2.1", "::ffff:192.0.2.1", false),
            ("the next IPv4 address", "192.0.2.1", "192.0.2.2", true),
        ];
        for (what, first, second, let_in) in table {
            let slots = places(1);
            let held = slots.take(first.parse().unwrap());
            assert!(held.is_some(), "{what}");
            assert_eq!(slots.take(second.parse().unwrap()).is_some(), let_in, "{what}");
            drop(held);
            assert!(slots.take(second.parse().unwrap()).is_some(), "{what}: it is free again");
        }
    }
}
