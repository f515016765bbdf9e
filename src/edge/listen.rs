//! Who is let in: a bounded number of connections, in all and from one address, and a loop that no error ends.
//!
//! The transport's own listener knows no bounds, so that one client could take every file descriptor of the process. A
//! connection holds its slot until its IO is dropped. It must not know what is spoken over a connection.

use std::collections::HashMap;
use std::net::IpAddr;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll};
use std::time::Duration;

use futures_util::{Stream, stream};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::{TcpListener, TcpStream};
use tonic::transport::server::{Connected, TcpConnectInfo};

use crate::clock::Clock;
use crate::config::Limits;

/// After an error the next connection is waited for this long: when descriptors are out, some are soon free again.
const AFTER_ERROR: Duration = Duration::from_millis(100);
/// One log line per 10 s says how many were turned away: a flood must not become a flood of lines.
const SAY_EVERY_MS: u64 = 10_000;

/// The connections that are let in. Never ends, and never yields an error: the transport would stop at some.
pub fn incoming(
    listener: TcpListener,
    limits: &Limits,
    clock: Arc<dyn Clock>,
) -> impl Stream<Item = std::io::Result<Connection>> + Send {
    let door = Door {
        listener,
        slots: Slots {
            in_all: limits.connections,
            per_address: limits.connections_per_address,
            taken: Arc::default(),
        },
        clock,
        turned_away: 0,
        said_ms: None,
    };
    stream::unfold(door, |mut door| async move {
        let connection = door.next().await;
        Some((Ok(connection), door))
    })
}

struct Door {
    listener: TcpListener,
    slots: Slots,
    clock: Arc<dyn Clock>,
    turned_away: u64,
    said_ms: Option<u64>,
}

impl Door {
    async fn next(&mut self) -> Connection {
        loop {
            match self.listener.accept().await {
                Ok((stream, from)) => match self.slots.take(from.ip()) {
                    Some(slot) => {
                        // Without it calls are slower, and still right.
                        let _set = stream.set_nodelay(true);
                        return Connection { stream, _slot: slot };
                    }
                    // Dropping the stream closes it.
                    None => self.turn_away(),
                },
                Err(error) => {
                    tracing::warn!(code = "EDGE_ACCEPT", %error, "a connection could not be taken");
                    tokio::time::sleep(AFTER_ERROR).await;
                }
            }
        }
    }

    fn turn_away(&mut self) {
        self.turned_away += 1;
        let now = self.clock.monotonic_ms();
        if self.said_ms.is_none_or(|said| now.saturating_sub(said) >= SAY_EVERY_MS) {
            tracing::warn!(
                code = "EDGE_TURNED_AWAY",
                connections = self.turned_away,
                "more connections than limits.connections or limits.connections_per_address"
            );
            self.said_ms = Some(now);
            self.turned_away = 0;
        }
    }
}

/// Places for connections.
struct Slots {
    in_all: usize,
    per_address: usize,
    taken: Arc<Mutex<Taken>>,
}

#[derive(Debug, Default)]
struct Taken {
    in_all: usize,
    by_address: HashMap<IpAddr, usize>,
}

impl Slots {
    fn take(&self, address: IpAddr) -> Option<Slot> {
        // One client is one client, whichever way a listener for both protocols spells it (RFC 4291 §2.5.5.2).
        let address = address.to_canonical();
        let mut taken = self.taken.lock().unwrap_or_else(PoisonError::into_inner);
        let here = taken.by_address.get(&address).copied().unwrap_or_default();
        if taken.in_all >= self.in_all || here >= self.per_address {
            return None;
        }
        taken.in_all += 1;
        taken.by_address.insert(address, here + 1);
        Some(Slot { address, taken: Arc::clone(&self.taken) })
    }
}

/// A place that is taken until this is dropped.
#[derive(Debug)]
struct Slot {
    address: IpAddr,
    taken: Arc<Mutex<Taken>>,
}

impl Drop for Slot {
    fn drop(&mut self) {
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

/// A connection, and its slot.
#[derive(Debug)]
pub struct Connection {
    stream: TcpStream,
    _slot: Slot,
}

impl Connected for Connection {
    type ConnectInfo = TcpConnectInfo;

    fn connect_info(&self) -> TcpConnectInfo {
        self.stream.connect_info()
    }
}

impl AsyncRead for Connection {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<std::io::Result<()>> {
        Pin::new(&mut self.stream).poll_read(context, buffer)
    }
}

impl AsyncWrite for Connection {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<std::io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write(context, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<std::io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<std::io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(context)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[std::io::IoSlice<'_>],
    ) -> Poll<std::io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write_vectored(context, bytes)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }
}
