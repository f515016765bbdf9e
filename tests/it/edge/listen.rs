//! How many connections are let in, in all and from one address.

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use futures_util::StreamExt as _;
use qinlian::access::Rules;
use qinlian::clock::MockClock;
use qinlian::config::Limits;
use qinlian::edge::Figures;
use qinlian::edge::listen::{Connection, incoming};
use qinlian::kernel::EpochMs;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpSocket, TcpStream};
use tokio::sync::mpsc;

use crate::support::told::told;

/// Nothing here takes that long; a rig that hangs fails.
const LIMIT: Duration = Duration::from_secs(10);

/// A listener with these bounds; what it lets in comes out of the channel.
async fn open(
    connections: usize,
    connections_per_address: usize,
) -> (SocketAddr, mpsc::UnboundedReceiver<Connection>, Arc<Figures>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let limits = Limits { connections, connections_per_address, ..Limits::default() };
    let clock = Arc::new(MockClock::new(EpochMs::ZERO, 1));
    let (inside, taken) = mpsc::unbounded_channel();
    let figures = Arc::new(Figures::new(&Rules::ours().unwrap()));
    let kept = Arc::clone(&figures);
    tokio::spawn(async move {
        let mut incoming = Box::pin(incoming(listener, None, &limits, kept, clock));
        while let Some(Ok(connection)) = incoming.next().await {
            inside.send(connection).unwrap();
        }
    });
    (address, taken, figures)
}

async fn connect(from: &str, to: SocketAddr) -> TcpStream {
    let socket = TcpSocket::new_v4().unwrap();
    socket.bind(SocketAddr::new(from.parse::<IpAddr>().unwrap(), 0)).unwrap();
    socket.connect(to).await.unwrap()
}

/// Was it let in? Either it comes out, or its client finds it closed.
async fn let_in(
    client: &mut TcpStream,
    taken: &mut mpsc::UnboundedReceiver<Connection>,
) -> Option<Connection> {
    let decided = async {
        let mut byte = [0];
        tokio::select! {
            connection = taken.recv() => connection,
            // The end, or a reset.
            _closed = client.read(&mut byte) => None,
        }
    };
    tokio::time::timeout(LIMIT, decided).await.expect("it is decided")
}

/// What the client says is heard inside.
async fn goes_on(client: &mut TcpStream, connection: &mut Connection) {
    let spoken = async {
        client.write_all(b"?").await.unwrap();
        let mut byte = [0];
        connection.read_exact(&mut byte).await.unwrap();
        assert_eq!(&byte, b"?");
    };
    tokio::time::timeout(LIMIT, spoken).await.expect("it is heard");
}

/// How many connections have a place, and how many were turned away.
fn counted(figures: &Figures) -> [String; 2] {
    ["qinlian_connections", "qinlian_connections_turned_away"].map(|name| told(figures, name, ""))
}

#[tokio::test]
async fn more_connections_than_allowed_are_closed_the_others_go_on_and_a_place_that_is_left_is_given_again() {
    const ONE: &str = "127.0.0.1";
    const OTHER: &str = "127.0.0.2";
    // Two of one address are in. Is this third let in?
    for (name, in_all, per_address, third, expected) in [
        ("the same address, full", 10, 2, ONE, false),
        ("another address", 10, 2, OTHER, true),
        ("all full, the same address", 2, 10, ONE, false),
        ("all full, another address", 2, 10, OTHER, false),
        ("the control: room for three", 3, 3, ONE, true),
    ] {
        let (address, mut taken, figures) = open(in_all, per_address).await;
        let mut clients = [connect(ONE, address).await, connect(ONE, address).await];
        let mut inside = Vec::new();
        for client in &mut clients {
            inside.push(let_in(client, &mut taken).await.expect(name));
        }
        let mut late = connect(third, address).await;
        assert_eq!(let_in(&mut late, &mut taken).await.is_some(), expected, "{name}");
        if !expected {
            assert_eq!(counted(&figures), ["2", "1"], "{name}: two have a place, one was turned away");
        }
        for (client, connection) in clients.iter_mut().zip(&mut inside) {
            goes_on(client, connection).await;
        }
        drop(inside.pop());
        let mut next = connect(third, address).await;
        let mut connection = let_in(&mut next, &mut taken).await.expect(name);
        goes_on(&mut next, &mut connection).await;
    }
}
