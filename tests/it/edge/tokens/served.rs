//! The forged tokens once more, through a running server: what their sender hears, and what the log keeps of each.

use std::collections::HashSet;
use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use http::HeaderValue;
use qinlian::telemetry::LogFormat;
use tonic::Code;

use super::wire::{PUNCH, punch};
use super::{Rig, forged};
use crate::edge::server::{Hall, TERMINAL, reason};
use crate::support::lines::Lines;

/// All headers of a call together have 16 KiB, and a token is not alone there.
const ROOM: usize = 12 * 1024;

/// What no header can hold, or none that is let in: these never come as far as a verifier.
const NOT_SENT: [&str; 8] = [
    "kid of 1 MiB",
    "64 KiB of letters",
    "64 KiB and three parts",
    "1 MiB",
    "a newline between the parts",
    "a newline after",
    "a NUL in it",
    "64 KiB of dots",
];

/// What is refused for its form before a verifier sees it, and what the log says then.
const BEFORE: [(&str, &str); 4] = [
    ("empty", "TokenMissing"),
    ("a good token in JSON", "TokenRepeated"),
    ("full stops that only look so", "TokenInvalid"),
    ("a byte order mark", "TokenInvalid"),
];

/// So much of a token may not be on the log: a signature has 86 characters.
const PIECE: usize = 20;

/// Tokens, and what their parts say.
fn texts(tokens: &[String]) -> Vec<Vec<u8>> {
    let parts = tokens.iter().flat_map(|token| token.split('.'));
    let said = parts.filter_map(|part| URL_SAFE_NO_PAD.decode(part).ok());
    said.chain(tokens.iter().map(|token| token.clone().into_bytes())).collect()
}

/// Every one of these pieces that stands in a text.
fn found(pieces: &HashSet<&[u8]>, text: &str) -> Vec<String> {
    let here = text.as_bytes().windows(PIECE).filter(|window| pieces.contains(window));
    here.map(|window| String::from_utf8_lossy(window).into_owned()).collect()
}

#[tokio::test]
async fn every_forged_token_is_refused_by_a_server_on_one_line_that_holds_no_piece_of_it() {
    let (lines, _kept) = Lines::keep(LogFormat::Json, "trace");
    let rig = Rig::new();
    let hall = Hall::believing(Arc::clone(&rig.verifier)).await;
    let good = rig.with(&[("sub", &format!("{TERMINAL:?}"))]);
    let ask =
        async |token: &str| punch(&hall, PUNCH, "authorization", format!("Bearer {token}").as_bytes()).await;
    ask(&good).await.expect("the good one");
    let (mut sent, mut not_sent, mut refused) = (Vec::new(), Vec::new(), String::new());
    let mut before = lines.text().len();
    for (name, token, why) in forged::rows(&rig) {
        if token.len() > ROOM || HeaderValue::from_bytes(token.as_bytes()).is_err() {
            not_sent.push(name);
            continue;
        }
        let status = ask(&token).await.expect_err(name);
        let heard = if why.code() == "EXPIRED" { "TOKEN_EXPIRED" } else { "TOKEN_INVALID" };
        let early = BEFORE.iter().find(|(other, _)| *other == name).map(|(_, said)| *said);
        let heard = match early {
            Some("TokenMissing") => "TOKEN_MISSING",
            Some("TokenRepeated") => "TOKEN_REPEATED",
            Some(_) | None => heard,
        };
        assert_eq!((status.code(), &*reason(&status)), (Code::Unauthenticated, heard), "{name}");
        let log = lines.text();
        let refusals: Vec<_> = log[before..].lines().filter(|line| line.contains("TOKEN_REFUSED")).collect();
        let said = format!("\"{}\"", early.unwrap_or(why.code()));
        assert!(matches!(refusals[..], [line] if line.contains(&said)), "{name}: {said}, {refusals:?}");
        refused = refusals.concat();
        before = log.len();
        sent.push(token);
    }
    ask(&good).await.expect("the good one again");
    assert_eq!(not_sent, NOT_SENT);
    sent.push(good.clone());
    let texts = texts(&sent);
    let pieces = texts.iter().flat_map(|bytes| bytes.windows(PIECE)).collect();
    assert_eq!(found(&pieces, &lines.text()), [""; 0]);

    // The control: a piece is found wherever it stands, as it came or decoded, and one byte less is no piece.
    for (put, count) in
        [(&good[30..30 + PIECE], 1), (&good[30..29 + PIECE], 0), (&rig.header()[..PIECE], 1), ("nothing", 0)]
    {
        let spoiled = refused.replacen("TOKEN_REFUSED", &format!("TOKEN_REFUSED\\{put}\\"), 1);
        assert_ne!(spoiled, refused);
        assert_eq!(found(&pieces, &spoiled).len(), count, "{put}");
    }
}
