//! gRPC-web: what a browser sends over HTTP/1.1, written out by hand, and which pages may.

use std::fmt::Write as _;

use prost::Message as _;
use qinlian::proto::RecordPunchResponse;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

use super::server::{BOARD, Hall, TERMINAL, punch_at};

const PUNCH: &str = "/qinlian.v1.AttendanceService/RecordPunch";
const HEALTH: &str = "/grpc.health.v1.Health/Check";

/// An answer: its head in small letters, and its body.
struct Answer {
    head: String,
    body: Vec<u8>,
}

impl Answer {
    /// The value of a header; empty if there is none.
    fn header(&self, name: &str) -> &str {
        let prefix = format!("{name}: ");
        self.head.lines().find_map(|line| line.strip_prefix(&prefix)).unwrap_or_default()
    }

    /// The frames of the body: flag and content.
    fn frames(&self) -> Vec<(u8, &[u8])> {
        let (mut frames, mut rest) = (Vec::new(), self.body.as_slice());
        while let Some((head, tail)) = rest.split_first_chunk::<5>() {
            let length = u32::from_be_bytes([head[1], head[2], head[3], head[4]]);
            let (content, more) = tail.split_at(usize::try_from(length).unwrap());
            frames.push((head[0], content));
            rest = more;
        }
        frames
    }

    /// `grpc-status`, in the trailers' frame or, where there is no body, in the head.
    fn status(&self) -> String {
        let trailers = self.frames().into_iter().find(|(flag, _)| flag & 0x80 != 0);
        let said = trailers.map(|(_, text)| String::from_utf8_lossy(text).to_ascii_lowercase());
        let found = said.as_deref().unwrap_or(&self.head).lines().find_map(|line| {
            let (name, value) = line.split_once(':')?;
            (name == "grpc-status").then(|| value.trim().to_owned())
        });
        found.unwrap_or_default()
    }
}

/// One request on a connection of its own.
async fn ask(hall: &Hall, method: &str, path: &str, headers: &[(&str, &str)], body: &[u8]) -> Answer {
    let mut connection = TcpStream::connect(hall.address).await.unwrap();
    let mut head = format!("{method} {path} HTTP/1.1\r\nhost: hall\r\nconnection: close\r\n");
    for (name, value) in headers {
        write!(head, "{name}: {value}\r\n").unwrap();
    }
    write!(head, "content-length: {}\r\n\r\n", body.len()).unwrap();
    connection.write_all(head.as_bytes()).await.unwrap();
    connection.write_all(body).await.unwrap();
    let mut bytes = Vec::new();
    connection.read_to_end(&mut bytes).await.unwrap();
    let end = bytes.windows(4).position(|four| four == b"\r\n\r\n").expect("a head");
    let head = String::from_utf8(bytes[..end].to_vec()).unwrap().replace("\r\n", "\n").to_ascii_lowercase();
    let mut answer = Answer { head, body: bytes[end + 4..].to_vec() };
    if answer.header("transfer-encoding") == "chunked" {
        answer.body = unchunked(&answer.body);
    }
    answer
}

fn unchunked(mut rest: &[u8]) -> Vec<u8> {
    let mut whole = Vec::new();
    while let Some(end) = rest.windows(2).position(|two| two == b"\r\n") {
        let length = usize::from_str_radix(std::str::from_utf8(&rest[..end]).unwrap().trim(), 16).unwrap();
        if length == 0 {
            break;
        }
        whole.extend(&rest[end + 2..end + 2 + length]);
        rest = &rest[end + 2 + length + 2..];
    }
    whole
}

fn framed(message: &[u8]) -> Vec<u8> {
    let mut bytes = vec![0];
    bytes.extend(u32::try_from(message.len()).unwrap().to_be_bytes());
    bytes.extend(message);
    bytes
}

#[tokio::test]
async fn a_browser_calls_over_http_1_and_is_let_in_like_everybody_else() {
    let hall = Hall::open().await;
    let web = ("content-type", "application/grpc-web+proto");
    let punch = framed(&punch_at("hall", "web").encode_to_vec());
    let token = hall.token(TERMINAL);
    let health = ask(&hall, "POST", HEALTH, &[web], &framed(&[])).await;
    assert_eq!(health.status(), "0", "{}", health.head);
    let stranger = ask(&hall, "POST", PUNCH, &[web], &punch).await;
    assert_eq!(stranger.status(), "16", "{}", stranger.head);
    let good = ask(&hall, "POST", PUNCH, &[web, ("authorization", &token)], &punch).await;
    assert_eq!(good.status(), "0", "{}", good.head);
    let (flag, content) = good.frames()[0];
    assert_eq!(flag, 0);
    RecordPunchResponse::decode(content).expect("the answer");
    // What is no gRPC at all is refused, and harms nobody.
    for (method, headers) in [("GET", vec![]), ("POST", vec![("content-type", "text/html")])] {
        let refused = ask(&hall, method, PUNCH, &headers, b"").await;
        assert!(refused.head.starts_with("http/1.1 4"), "{}", refused.head);
    }
    assert_eq!(ask(&hall, "POST", HEALTH, &[web], &framed(&[])).await.status(), "0");
}

#[tokio::test]
async fn only_pages_of_the_configured_origins_may_ask() {
    let hall = Hall::open().await;
    for (origin, allowed) in [(BOARD, true), ("https://elsewhere.example", false), ("null", false)] {
        let asked = [
            ("origin", origin),
            ("access-control-request-method", "POST"),
            ("access-control-request-headers", "authorization,content-type,x-grpc-web"),
        ];
        let answer = ask(&hall, "OPTIONS", PUNCH, &asked, b"").await;
        let said = answer.header("access-control-allow-origin");
        assert_eq!(said, if allowed { origin } else { "" }, "{}", answer.head);
        let web = [("origin", origin), ("content-type", "application/grpc-web+proto")];
        let answer = ask(&hall, "POST", HEALTH, &web, &framed(&[])).await;
        assert_eq!(answer.header("access-control-allow-origin"), if allowed { origin } else { "" });
    }
}
