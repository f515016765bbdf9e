//! A network that goes at a chosen message: it reads the frames of HTTP/2 that pass (RFC 9113 §4.1), and counts requests.

use std::io;
use std::sync::{Arc, Mutex};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{mpsc, oneshot, watch};

use crate::support::frames::{HEADERS, PREFACE};

/// Where the network goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Cut {
    /// The request does not reach the server.
    Before,
    /// The server has answered, and nobody gets the answer.
    After,
}

/// Which request it goes at: the first is 1.
#[derive(Debug, Clone, Copy)]
struct Armed {
    at: usize,
    cut: Cut,
}

#[derive(Debug, Default)]
struct State {
    /// Requests since it was armed.
    seen: usize,
    armed: Option<Armed>,
}

/// The network between a terminal and its server.
#[derive(Debug)]
pub(super) struct Proxy {
    address: String,
    state: Arc<Mutex<State>>,
    /// Is it down?
    down: watch::Sender<bool>,
    /// It holds the message until this is answered or dropped.
    cuts: mpsc::Receiver<oneshot::Sender<()>>,
}

impl Proxy {
    /// In front of a server.
    pub(super) async fn begin(server: &str) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let address = listener.local_addr().expect("an address").to_string();
        let (down, is_down) = watch::channel(false);
        let (tell, cuts) = mpsc::channel(1);
        let state = Arc::new(Mutex::new(State::default()));
        let (server, shared) = (server.to_owned(), Arc::clone(&state));
        tokio::spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                let wire = Wire { state: Arc::clone(&shared), tell: tell.clone(), down: is_down.clone() };
                let server = server.clone();
                tokio::spawn(async move { wire.carries(client, &server).await });
            }
        });
        Self { address, state, down, cuts }
    }

    /// Where terminals find it.
    pub(super) fn address(&self) -> &str {
        &self.address
    }

    /// The network will go at the n-th request from now on.
    pub(super) fn arm(&self, at: usize, cut: Cut) {
        *self.state.lock().unwrap() = State { seen: 0, armed: Some(Armed { at, cut }) };
    }

    /// The network comes or goes; what is open then is closed.
    pub(super) fn set_down(&self, down: bool) {
        self.down.send_replace(down);
    }

    /// Waits until it goes. The message is held until the answer is dropped; from then on the network is down.
    pub(super) async fn cut(&mut self) -> oneshot::Sender<()> {
        let held = self.cuts.recv().await.expect("the proxy runs");
        self.set_down(true);
        held
    }
}

struct Wire {
    state: Arc<Mutex<State>>,
    tell: mpsc::Sender<oneshot::Sender<()>>,
    down: watch::Receiver<bool>,
}

impl Wire {
    /// Carries one connection until one end closes it or the network goes.
    async fn carries(mut self, client: TcpStream, server: &str) {
        if *self.down.borrow_and_update() {
            return;
        }
        let Ok(server) = TcpStream::connect(server).await else { return };
        let _sent_at_once = (client.set_nodelay(true), server.set_nodelay(true));
        let ((from_client, to_client), (from_server, to_server)) = (client.into_split(), server.into_split());
        let (state, tell) = (self.state, self.tell);
        // Streams whose answer nobody is to get.
        let swallowed = Mutex::new(None);
        let out = async {
            let mut from = Frames { from: from_client, to: to_server };
            from.preface().await?;
            loop {
                let frame = from.next().await?;
                if frame.kind() == HEADERS {
                    let hit = {
                        let mut state = state.lock().unwrap();
                        state.seen += 1;
                        let seen = state.seen;
                        state.armed.take_if(|armed| armed.at == seen)
                    };
                    match hit.map(|armed| armed.cut) {
                        Some(Cut::Before) => return hold(&tell).await,
                        Some(Cut::After) => *swallowed.lock().unwrap() = Some(frame.stream()),
                        None => {}
                    }
                }
                from.to.write_all(&frame.0).await?;
            }
        };
        let back = async {
            let mut from = Frames { from: from_server, to: to_client };
            loop {
                let frame = from.next().await?;
                if frame.kind() == HEADERS && *swallowed.lock().unwrap() == Some(frame.stream()) {
                    return hold(&tell).await;
                }
                from.to.write_all(&frame.0).await?;
            }
        };
        let goes = async {
            while !*self.down.borrow_and_update() {
                if self.down.changed().await.is_err() {
                    return;
                }
            }
        };
        // Whichever ends first, both halves are dropped, and with them the connection.
        tokio::select! {
            ended = out => drop::<io::Result<()>>(ended),
            ended = back => drop::<io::Result<()>>(ended),
            () = goes => {}
        }
    }
}

/// Says that the network goes here, and waits until whoever is told has done what is to be done first.
async fn hold(tell: &mpsc::Sender<oneshot::Sender<()>>) -> io::Result<()> {
    let (held, released) = oneshot::channel();
    if tell.send(held).await.is_ok() {
        let _released = released.await;
    }
    Ok(())
}

/// A frame with its head of nine bytes.
struct Frame(Vec<u8>);

impl Frame {
    fn kind(&self) -> u8 {
        self.0[3]
    }

    fn stream(&self) -> u32 {
        u32::from_be_bytes([self.0[5], self.0[6], self.0[7], self.0[8]]) & (u32::MAX >> 1)
    }
}

struct Frames {
    from: OwnedReadHalf,
    to: OwnedWriteHalf,
}

impl Frames {
    async fn preface(&mut self) -> io::Result<()> {
        let mut bytes = vec![0; PREFACE.len()];
        self.from.read_exact(&mut bytes).await?;
        assert_eq!(bytes, PREFACE, "HTTP/2");
        self.to.write_all(&bytes).await
    }

    async fn next(&mut self) -> io::Result<Frame> {
        let mut frame = vec![0; 9];
        self.from.read_exact(&mut frame).await?;
        let length = usize::from(frame[0]) << 16 | usize::from(frame[1]) << 8 | usize::from(frame[2]);
        frame.resize(9 + length, 0);
        self.from.read_exact(&mut frame[9..]).await?;
        Ok(Frame(frame))
    }
}
