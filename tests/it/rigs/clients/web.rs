//! The page of `docs/clients/web`, in a browser.
//!
//! Wanted: Debian's chromium.

use std::path::Path;
use std::time::Duration;

use qinlian::tlog::{Checkpoint, Note};
use serde_json::json;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpListener;

use super::super::server::{Server, qinlian, run};
use super::super::town::{HALL, Town};
use crate::support::chromium::{Browser, Screen};
use crate::support::source::root;

const DESK: Screen = Screen { width: 1_280, height: 800, scale: 1 };
/// For a machine that does much else.
const SOON: Duration = Duration::from_secs(20);
/// What another process grants, a server knows within a second.
const KNOWN: Duration = Duration::from_millis(1_100);
/// What the page shows until something is answered.
const NOTHING_YET: &str = "–";
/// Where the README's own web server is.
const READMES: &str = "http://localhost:8000";

/// The block of the README that is in this language.
fn block(language: &str) -> String {
    let readme = std::fs::read_to_string(root().join("docs/clients/web/README.md")).expect("a README");
    let opened = readme.split_once(&format!("```{language}\n")).expect("the README says how").1;
    opened.split_once("```").expect("a block ends").0.to_owned()
}

/// Serves the page to whoever asks, as a web server of files does; answers with its port.
async fn serve_page() -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let port = listener.local_addr().expect("an address").port();
    let page = std::fs::read_to_string(root().join("docs/clients/web/index.html")).expect("a page");
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            let head = "HTTP/1.1 200 OK\r\ncontent-type: text/html\r\nconnection: close\r\n";
            let answer = format!("{head}content-length: {}\r\n\r\n{page}", page.len());
            tokio::spawn(async move {
                // What is asked for fits into one packet. A browser may open a connection and ask nothing on it.
                let asked = stream.read(&mut [0; 4_096]).await;
                if asked.is_ok_and(|length| length > 0) && stream.write_all(answer.as_bytes()).await.is_ok() {
                    stream.shutdown().await.unwrap_or_default();
                }
            });
        }
    });
    port
}

/// The server's configuration says what the README says, of the origin that our page has.
fn let_in(data: &Path, origin: &str) {
    let said = block("toml");
    assert!(said.contains(READMES), "{said}");
    let file = data.join("config.toml");
    let config = std::fs::read_to_string(&file).expect("a configuration");
    std::fs::write(&file, format!("{config}{}", said.replace(READMES, origin))).expect("written");
}

/// The README's own line, beside the server that runs; answers with a token.
async fn new_token(data: &Path) -> String {
    let block = block("sh");
    let line = block.lines().find(|line| line.starts_with("qinlian token ")).expect("the README says how");
    let words = line.split_whitespace().skip(1);
    let data = data.to_str().expect("a path of text");
    let words = words.map(|word| if word == "data" { data } else { word });
    run(qinlian().args(words)).await.trim().to_owned()
}

/// Opens the page, types where the server is and a token, and asks; what the page then shows, and whether as a failure.
/// The centre is the page's own.
async fn shows(browser: &mut Browser, page: &str, server: &Server, token: &str) -> (bool, String) {
    browser.page(DESK, "en").await;
    browser.open(page).await;
    let (server, token) = (json!(format!("http://{}", server.address())), json!(token));
    let fill = format!(
        "(() => {{ const ask = document.getElementById('ask').elements;
        ask.server.value = {server}; ask.token.value = {token};
        document.querySelector('#ask button').click(); }})()"
    );
    browser.evaluate(&fill).await;
    let answered = format!("document.getElementById('answer').textContent !== {}", json!(NOTHING_YET));
    assert!(browser.becomes(&answered, SOON).await, "the page shows nothing: {:?}", browser.complaints());
    let text = browser.evaluate("document.getElementById('answer').textContent").await;
    let failed = browser.evaluate("document.getElementById('answer').className").await == "no";
    (failed, text.as_str().expect("a text").to_owned())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_page_of_a_listed_origin_shows_the_checkpoint_and_no_other_page_is_told_anything() {
    let Some(mut browser) = Browser::start().await else { return };
    let town = Town::on_sqlite().await;
    let port = serve_page().await;
    // One web server under two names: to a browser these are two origins.
    let (listed, unlisted) = (format!("http://localhost:{port}"), format!("http://127.0.0.1:{port}"));
    let_in(town.site(0), &listed);
    let server = town.serve(0).await;
    let token = new_token(town.site(0)).await;
    tokio::time::sleep(KNOWN).await;

    let before = town.leaves().await.len();
    let (failed, note) = shows(&mut browser, &listed, &server, &token).await;
    assert!(!failed, "{note}");
    let signed = Note::parse(&note)
        .expect("a note")
        .verify(std::slice::from_ref(&town.vkey))
        .expect("signed by the hall's log")
        .to_owned();
    let checkpoint = Checkpoint::parse(&signed).expect("a checkpoint");
    let newest = before as u64..=town.leaves().await.len() as u64;
    assert!(newest.contains(&checkpoint.size), "{} of {newest:?}", checkpoint.size);
    let complaints = browser.complaints();
    assert!(complaints.is_empty(), "{complaints:?}");

    // The controls: the same page elsewhere, and the same page with what is no token, or one that may not.
    let (failed, said) = shows(&mut browser, &unlisted, &server, &token).await;
    assert!(failed && !said.contains(HALL), "{said}");
    let complaints = format!("{:?}", browser.complaints());
    assert!(complaints.contains("blocked by CORS policy"), "{said}: {complaints}");
    let nobody = town.token("system:nobody").replace("Bearer ", "");
    for (who, token, status) in [("no token", "x", "16: "), ("nobody", nobody.as_str(), "7: ")] {
        let (failed, said) = shows(&mut browser, &listed, &server, token).await;
        assert!(failed && said.starts_with(status) && said.len() > status.len(), "{who}: {said}");
    }
    browser.close().await;
    server.stop().await;
    town.end().await;
}
