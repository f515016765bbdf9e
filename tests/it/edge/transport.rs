//! What the transport is told of the limits, frame by frame (RFC 9113 §6): settings, questions whether anybody is there, and the
//! gentle end of a connection that is old.

use std::collections::BTreeMap;
use std::time::Duration;

use qinlian::config::Limits;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::time::timeout;

use super::limits::Rig;
use super::server::TERMINAL;

const SETTINGS: u8 = 4;
const PING: u8 = 6;
const GOAWAY: u8 = 7;
const ACK: u8 = 1;
/// Longer than anything here takes.
const LIMIT: Duration = Duration::from_secs(20);

struct Frame {
    kind: u8,
    flags: u8,
    payload: Vec<u8>,
}

/// A connection that speaks frames and nothing else.
struct Raw(TcpStream);

impl Raw {
    async fn open(rig: &Rig) -> Self {
        let mut stream = TcpStream::connect(rig.address).await.unwrap();
        stream.write_all(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n").await.unwrap();
        let mut raw = Self(stream);
        raw.send(SETTINGS, 0, &[]).await;
        raw
    }

    async fn send(&mut self, kind: u8, flags: u8, payload: &[u8]) {
        let length = u32::try_from(payload.len()).unwrap().to_be_bytes();
        let mut bytes = length[1..].to_vec();
        bytes.extend([kind, flags, 0, 0, 0, 0]);
        bytes.extend(payload);
        self.0.write_all(&bytes).await.unwrap();
    }

    /// The next frame; none when the connection is over.
    async fn next(&mut self) -> Option<Frame> {
        let mut head = [0; 9];
        self.0.read_exact(&mut head).await.ok()?;
        let mut payload =
            vec![0; usize::try_from(u32::from_be_bytes([0, head[0], head[1], head[2]])).unwrap()];
        self.0.read_exact(&mut payload).await.ok()?;
        Some(Frame { kind: head[3], flags: head[4], payload })
    }

    /// The next frame of a kind, that is no acknowledgement.
    async fn next_of(&mut self, kind: u8) -> Option<Frame> {
        let found = async {
            loop {
                let frame = self.next().await?;
                if frame.kind == kind && frame.flags & ACK == 0 {
                    return Some(frame);
                }
            }
        };
        timeout(LIMIT, found).await.expect("it is decided")
    }
}

#[tokio::test]
async fn clients_are_told_how_many_streams_and_how_large_frames_and_headers_may_be() {
    let (streams_per_connection, frame_bytes, header_bytes) = (7, 20_000, 9_000);
    let rig =
        Rig::open(Limits { streams_per_connection, frame_bytes, header_bytes, ..Limits::default() }).await;
    let frame = Raw::open(&rig).await.next_of(SETTINGS).await.expect("settings");
    let settings: BTreeMap<u16, u32> = frame
        .payload
        .chunks_exact(6)
        .map(|entry| {
            (
                u16::from_be_bytes([entry[0], entry[1]]),
                u32::from_be_bytes([entry[2], entry[3], entry[4], entry[5]]),
            )
        })
        .collect();
    // SETTINGS_MAX_CONCURRENT_STREAMS, _MAX_FRAME_SIZE and _MAX_HEADER_LIST_SIZE, §6.5.2.
    for (setting, wanted) in [(3, streams_per_connection), (5, frame_bytes), (6, header_bytes)] {
        assert_eq!(settings.get(&setting), Some(&wanted), "{setting} of {settings:?}");
    }
}

#[tokio::test]
async fn a_silent_connection_is_asked_whether_it_is_there_and_closed_when_it_does_not_say() {
    for (answers, keepalive_timeout_ms) in [(true, 10_000), (false, 100)] {
        let limits = Limits { keepalive_ms: 30, keepalive_timeout_ms, ..Limits::default() };
        let rig = Rig::open(limits).await;
        let mut raw = Raw::open(&rig).await;
        let mut asked = 0;
        while asked < 5
            && let Some(question) = raw.next_of(PING).await
        {
            asked += 1;
            if answers {
                raw.send(PING, ACK, &question.payload).await;
            }
        }
        assert_eq!(asked, if answers { 5 } else { 1 });
    }
}

#[tokio::test]
async fn a_connection_that_is_old_is_asked_to_end_and_cut_off_when_it_does_not() {
    let limits = Limits { connection_age_ms: 50, shutdown_ms: 300, ..Limits::default() };
    let rig = Rig::open(limits).await;
    let mut old = Raw::open(&rig).await;
    assert!(old.next_of(GOAWAY).await.is_some(), "it is asked");
    // Nothing is answered to that, and none of its calls runs.
    assert!(old.next_of(SETTINGS).await.is_none(), "it is cut off");
    let rig = Rig::open(Limits::default()).await;
    let mut young = Raw::open(&rig).await;
    let told = timeout(Duration::from_millis(500), young.next_of(GOAWAY)).await;
    assert!(told.is_err(), "half an hour is not over");
}

#[tokio::test]
async fn a_call_that_runs_when_its_connection_grows_old_is_answered_and_the_client_connects_again() {
    let rig = Rig::open(Limits { connection_age_ms: 200, ..Limits::default() }).await;
    let held = rig.hold().await;
    // Long after the connection was asked to end, and before it is cut off.
    tokio::time::sleep(Duration::from_millis(600)).await;
    rig.calls.go_on.notify_one();
    assert_eq!(held.await.unwrap().unwrap(), 7);
    assert_eq!(rig.punch(TERMINAL, "").await.unwrap(), 7, "over the next connection");
}
