//! The public board as a page, from a server as it is run: what is there, what is not, and what a browser may do with it.

use qinlian::proto::directory_service_client::DirectoryServiceClient;
use qinlian::proto::{PutWindowRequest, Window, window};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

use crate::rigs::town::Town;

/// The head, and the body.
async fn get(address: &str, path: &str, more: &str) -> (String, String) {
    let mut connection = TcpStream::connect(address).await.expect("a connection");
    let head = format!("GET {path} HTTP/1.1\r\nhost: board.example\r\nconnection: close\r\n{more}\r\n");
    connection.write_all(head.as_bytes()).await.expect("a request");
    let mut bytes = Vec::new();
    connection.read_to_end(&mut bytes).await.expect("an answer");
    let text = String::from_utf8(bytes).expect("text");
    let (head, body) = text.split_once("\r\n\r\n").expect("a head");
    (head.to_owned(), body.to_owned())
}

fn status(head: &str) -> &str {
    head.split(' ').nth(1).expect("a status")
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_board_is_a_page_for_everybody_and_says_only_what_is_public() {
    let town = Town::on_sqlite().await;
    let server = town.serve(0).await;
    let request = PutWindowRequest {
        centre: "hall".to_owned(),
        request_id: qinlian::kernel::RequestId::random([7; 16]).to_string(),
        window: Some(Window {
            window: "odd".to_owned(),
            number: "<b>3&\"".to_owned(),
            kind: window::Kind::General.into(),
            ..Window::default()
        }),
        ..PutWindowRequest::default()
    };
    let mut directory = DirectoryServiceClient::new(server.connect().await);
    let mut request = tonic::Request::new(request);
    let token = town.token(&town.administrator).parse().expect("a token");
    request.metadata_mut().insert("authorization", token);
    directory.put_window(request).await.expect("a window");
    let (head, page) = get(server.address(), "/board/hall", "").await;
    assert_eq!(status(&head), "200");
    assert!(head.contains("content-type: text/html; charset=utf-8"), "{head}");
    assert!(head.contains("default-src 'none'") && !head.contains("unsafe-inline"), "{head}");
    // What somebody put into the directory is text here, and never a tag.
    assert!(page.contains("&#60;b&#62;3&#38;&#34;") && !page.contains("<b>3"), "{page}");
    assert!(page.contains("未开放") && page.contains("Closed"));
    assert!(page.contains("<noscript><meta http-equiv=\"refresh\""), "it refreshes itself without a script");
    assert!(!page.contains("src=\"http") && !page.contains("href=\"http"), "nothing comes from elsewhere");
    for person in &town.people {
        assert!(!page.contains(person), "a person's id is on the board");
    }
    // Whoever has it already is told so.
    let tag = head.lines().find_map(|line| line.strip_prefix("etag: ")).expect("a tag");
    let (again, _) = get(server.address(), "/board/hall", &format!("if-none-match: {tag}\r\n")).await;
    let other = again.lines().find_map(|line| line.strip_prefix("etag: ")).expect("a tag");
    // Once a minute the clock on it goes on.
    assert_eq!(status(&again) == "304", tag == other, "{again}");
    for (path, wanted) in [
        ("/board/nowhere", "404"),
        ("/board/_", "404"),
        ("/board/No%20Where", "404"),
        ("/board/hall?at=yesterday", "400"),
        ("/board/hall?at=2026-03-02T09:05:00Z", "200"),
        ("/board/hall?item=nothing", "200"),
        ("/board/hall/proof?at=yesterday", "400"),
        ("/board/nowhere/proof?at=2026-03-02T09:05:00Z", "404"),
    ] {
        let (head, body) = get(server.address(), path, "").await;
        assert_eq!(status(&head), wanted, "{path}: {body}");
    }
    let (_, replay) = get(server.address(), "/board/hall?at=2026-03-02T09:05:00Z", "").await;
    assert!(
        replay.contains("Replay") && !replay.contains("http-equiv=\"refresh\""),
        "a past minute stays as it was"
    );
    let proof = get(server.address(), "/board/hall/proof?at=2099-01-01T00:00:00Z", "").await.1;
    assert!(proof.contains("entries of the log") && proof.contains("\u{2014} "), "a signed note: {proof}");
    server.stop().await;
    town.end().await;
}
