//! Calls that are refused before their body is read, by a client that had sent it already: each is told why, and the
//! connection lives.

use std::collections::BTreeMap;
use std::time::Duration;

use qinlian::config::Limits;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

use super::limits::Rig;
use super::server::TERMINAL;
use crate::support::frames::{
    DATA, END_HEADERS, END_STREAM, GOAWAY, HEADERS, NO_FLAGS, PREFACE, SETTINGS, frame, headers,
};

const PUNCH: &str = "/qinlian.v1.AttendanceService/RecordPunch";
/// What one connection may have open.
const AT_ONCE: u32 = 100;
/// 3,000 calls: thrice `local_error_resets`.
const ROUNDS: u32 = 30;
/// Long enough for a server to answer whoever it does not wait for.
const LATER: Duration = Duration::from_millis(20);
/// Far longer than the second that is waited for a body.
const PATIENCE: Duration = Duration::from_secs(20);

/// A connection whose frames are written by hand.
struct Wire {
    stream: TcpStream,
}

impl Wire {
    async fn open(rig: &Rig) -> Self {
        let mut stream = TcpStream::connect(rig.address).await.unwrap();
        // SETTINGS_HEADER_TABLE_SIZE 0: every header is written out.
        let opening = [PREFACE, &frame(SETTINGS, NO_FLAGS, 0, &[0, 1, 0, 0, 0, 0])].concat();
        stream.write_all(&opening).await.unwrap();
        Self { stream }
    }

    /// The head of a call, with more to come.
    async fn begin(&mut self, stream: u32, token: &str) {
        let head = frame(HEADERS, END_HEADERS, stream, &headers(PUNCH, token, &[]));
        self.send(&head).await;
    }

    /// The body of a call.
    async fn end(&mut self, stream: u32) {
        self.send(&frame(DATA, END_STREAM, stream, &[0; 20])).await;
    }

    async fn send(&mut self, frame: &[u8]) {
        // Why a connection was closed is found where the answers are.
        let _closed = self.stream.write_all(frame).await;
    }

    /// How the next so many calls are answered, by stream; the statuses are those of heads.
    async fn answers(&mut self, count: usize) -> BTreeMap<u32, Option<&'static str>> {
        let mut answers = BTreeMap::new();
        while answers.len() < count {
            let mut head = [0; 9];
            let read = tokio::time::timeout(PATIENCE, self.stream.read_exact(&mut head)).await;
            read.expect("an answer in time").expect("the connection lives");
            let length = usize::from(head[0]) << 16 | usize::from(head[1]) << 8 | usize::from(head[2]);
            let mut payload = vec![0; length];
            self.stream.read_exact(&mut payload).await.expect("the connection lives");
            assert_ne!(head[3], GOAWAY, "{}", String::from_utf8_lossy(&payload));
            if head[3] == HEADERS {
                let stream = u32::from_be_bytes(head[5..].try_into().unwrap());
                assert_eq!(answers.insert(stream, status(&payload)), None, "one answer for each");
            }
        }
        answers
    }
}

/// The status in a block of headers, if it is one of those that occur here.
fn status(block: &[u8]) -> Option<&'static str> {
    ["8", "16"].into_iter().find(|code| {
        let header = [compressed("grpc-status"), compressed(code)].concat();
        block.windows(header.len()).any(|window| window == header)
    })
}

/// A text as RFC 7541 §5.2 writes it with the codes of Appendix B; those that are needed here.
fn compressed(text: &str) -> Vec<u8> {
    let code = |letter| match letter {
        '1' => "00001",
        '6' => "011100",
        '8' => "011110",
        '-' => "010110",
        'a' => "00011",
        'c' => "00100",
        'g' => "100110",
        'p' => "101011",
        'r' => "101100",
        's' => "01000",
        't' => "01001",
        'u' => "101101",
        other => panic!("{other} has no code here"),
    };
    let mut bits: String = text.chars().map(code).collect();
    bits.extend(std::iter::repeat_n('1', (8 - bits.len() % 8) % 8));
    let mut bytes = vec![0x80 | u8::try_from(bits.len() / 8).unwrap()];
    bytes.extend((0..bits.len()).step_by(8).map(|at| u8::from_str_radix(&bits[at..at + 8], 2).unwrap()));
    bytes
}

#[tokio::test]
async fn an_honest_connection_outlives_any_number_of_refused_calls() {
    let rig = Rig::open(Limits::default()).await;
    let mut wire = Wire::open(&rig).await;
    for round in 0..ROUNDS {
        let streams: Vec<u32> = (0..AT_ONCE).map(|n| 2 * (round * AT_ONCE + n) + 1).collect();
        for stream in &streams {
            wire.begin(*stream, "").await;
        }
        // Sent before any answer is read, as by a client that is far away.
        tokio::time::sleep(LATER).await;
        for stream in &streams {
            wire.end(*stream).await;
        }
        let expected: BTreeMap<_, _> = streams.iter().map(|stream| (*stream, Some("16"))).collect();
        assert_eq!(wire.answers(streams.len()).await, expected, "round {round}: UNAUTHENTICATED, each");
    }
}

#[tokio::test]
async fn a_body_that_never_ends_takes_no_place_and_keeps_no_answer_back() {
    let rig = Rig::open(Limits { calls: 1, ..Limits::default() }).await;
    let mut wire = Wire::open(&rig).await;
    wire.begin(1, "").await;
    tokio::time::sleep(LATER).await;
    assert_eq!(rig.punch(TERMINAL, "").await.unwrap(), 7, "the one place is free");
    assert_eq!(wire.answers(1).await, BTreeMap::from([(1, Some("16"))]));

    let held = rig.hold().await;
    wire.begin(3, &rig.token(TERMINAL)).await;
    assert_eq!(wire.answers(1).await, BTreeMap::from([(3, Some("8"))]), "no place: RESOURCE_EXHAUSTED");
    rig.calls.go_on.notify_one();
    assert_eq!(held.await.unwrap().unwrap(), 7);
    assert_eq!(rig.punch(TERMINAL, "").await.unwrap(), 7);
}

#[test]
fn a_status_is_found_as_the_rfcs_codes_write_it() {
    // What is left of a byte is ones.
    assert_eq!(compressed("p"), [0x81, 0b1010_1111]);
    assert_eq!(compressed("16"), [0x82, 0b0000_1011, 0b1001_1111]);
    let block = [&[0x88, 0x40][..], &compressed("grpc-status"), &compressed("16")].concat();
    assert_eq!((status(&block), status(&block[..9])), (Some("16"), None));
}
