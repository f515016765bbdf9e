//! Canaries: a value of its own in every text and every bytes field of every call, and then a search for them wherever
//! they must not be.
//!
//! The calls are made from the descriptors, so that a field or a method that somebody adds tomorrow is looked at
//! tomorrow. The server logs at TRACE, libraries and all.

pub(crate) mod calls;
pub(crate) mod fill;
pub(crate) mod sieve;

use std::fs;
use std::sync::Arc;

use qinlian::access::Rules;
use qinlian::proto::access::Scope;
use tonic::Code;

use self::calls::{Asked, Caller, ask};
use self::fill::{Filler, METHODS_AT_LEAST, Mood, methods};
use self::sieve::{Needles, log_lines, stored};
use super::server::begin;
use super::town::Town;
use crate::support::page::{Page, of_server};
use crate::support::{say_aloud, scale};

/// Everything that was sent to a server, and what came back when it said no.
struct Searched {
    town: Town,
    filler: Filler,
    asked: Vec<Asked>,
    log: String,
    page: Page,
    tokens: Vec<String>,
}

/// Calls every method in every mood as every kind of caller, and stops the server.
async fn search() -> Searched {
    let town = Town::on_sqlite().await;
    let variables = [("QINLIAN_LOG_FILTER", "trace"), ("QINLIAN_METRICS_LISTEN", "127.0.0.1:0")];
    let server = begin(town.site(0), &town.log(0), &variables).listens().await;
    let channel = server.connect_as("agent-cnry-agent").await;
    let rules = Rules::ours().unwrap();
    let mut filler = Filler::new(&town);
    let (mut asked, mut tokens) = (Vec::new(), Vec::new());
    for round in 0..scale(6, 40) {
        for method in methods() {
            let rule = Arc::clone(rules.find(&fill::path_of(&method)).unwrap());
            let own = town.caller_for(&rule);
            let callers = [
                Caller::Token(town.token(&own)),
                Caller::Token(town.token("system:nobody")),
                Caller::Token(forged(&town.token(&own))),
                Caller::Nobody,
            ];
            let centre = if rule.scope == Scope::Deployment { "_" } else { "hall" };
            for mood in Mood::ALL {
                for (at, caller) in callers.iter().enumerate() {
                    // Strangers are turned away whatever they say: one round of that is enough.
                    if at > 0 && round > 0 {
                        continue;
                    }
                    let message = filler.fill(&method, mood, round, centre);
                    asked.push(ask(&channel, &method, message, caller, mood).await);
                }
            }
            tokens.extend(callers.into_iter().filter_map(|caller| match caller {
                Caller::Token(token) => Some(token),
                Caller::Nobody => None,
            }));
        }
    }
    let page = of_server(&town.log(0)).await;
    drop(channel);
    server.stop().await;
    let log = fs::read_to_string(town.log(0)).unwrap();
    tokens.sort();
    tokens.dedup();
    Searched { town, filler, asked, log, page, tokens }
}

/// The token with another character in its signature.
fn forged(token: &str) -> String {
    let (before, after) = token.split_at(token.len() - 40);
    let other = if after.starts_with('A') { "B" } else { "A" };
    format!("{before}{other}{}", &after[1..])
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_field_of_any_call_leaks_into_logs_errors_leaves_or_columns_that_are_not_personal() {
    let searched = search().await;
    let Searched { town, filler, asked, log, page, tokens } = &searched;
    let canaries = Needles::canaries();
    let lines = log_lines(log);

    let in_logs: Vec<&str> =
        lines.iter().map(|line| line.text).filter(|text| canaries.find(text.as_bytes())).collect();
    assert!(in_logs.is_empty(), "{} lines of the log hold canaries: {:#?}", in_logs.len(), first(&in_logs));
    let in_errors: Vec<String> = asked
        .iter()
        .filter(|asked| canaries.find(&asked.said))
        .map(|asked| format!("{} {:?}: {}", asked.method, asked.mood, String::from_utf8_lossy(&asked.said)))
        .collect();
    assert!(in_errors.is_empty(), "{} errors hold canaries: {:#?}", in_errors.len(), first(&in_errors));

    assert!(!canaries.find(page.text.as_bytes()), "the figures hold canaries: {}", page.text);
    assert_eq!(page.strange(), [""; 0], "values of labels are words of the program");
    for somebody in town.people.iter().chain([&town.administrator]) {
        assert!(!page.text.contains(somebody), "the figures hold {somebody}");
    }

    let stored = stored(town).await;
    let in_leaves: Vec<_> =
        stored.iter().filter(|cell| cell.is_leaf()).filter(|cell| canaries.find(&cell.bytes)).collect();
    assert!(in_leaves.is_empty(), "leaves hold canaries: {:?}", first(&in_leaves));
    let misplaced: Vec<String> = stored
        .iter()
        .filter(|cell| !cell.table.ends_with("_personal"))
        .flat_map(|cell| {
            filler.personal(&cell.bytes).map(move |field| format!("{}.{}: {field}", cell.table, cell.column))
        })
        .collect();
    assert!(misplaced.is_empty(), "personal canaries outside personal tables: {:#?}", first(&misplaced));

    for (name, secret) in town.secrets() {
        let secret = Needles::secret(&secret);
        let found: Vec<&str> =
            lines.iter().map(|line| line.text).filter(|text| secret.find(text.as_bytes())).collect();
        assert!(found.is_empty(), "the log holds {name}: {:?}", first(&found));
    }
    for token in tokens {
        for part in token.trim_start_matches("Bearer ").split('.').skip(1) {
            assert!(!log.contains(part), "the log holds a part of a token: {part}");
            assert!(!page.text.contains(part), "the figures hold a part of a token: {part}");
        }
    }
    the_rig_saw_something(&searched, &stored);
    one_line_per_call(&searched, &lines);
    searched.town.end().await;
}

fn first<T: Clone>(found: &[T]) -> Vec<T> {
    found.iter().take(5).cloned().collect()
}

/// A search that could not have found anything shows nothing.
fn the_rig_saw_something(searched: &Searched, stored: &[sieve::Cell]) {
    let Searched { filler, asked, .. } = searched;
    let theirs = stored.iter().filter(|cell| cell.table.ends_with("_personal"));
    let kept = theirs.filter(|cell| filler.personal(&cell.bytes).next().is_some()).count();
    assert!(kept > 0, "no personal canary was ever stored where it belongs");
    let methods = methods().len();
    assert!(methods >= METHODS_AT_LEAST, "only {methods} methods");
    let well = |mood: Mood| asked.iter().filter(|asked| asked.mood == mood && asked.code == Code::Ok).count();
    assert!(well(Mood::Plausible) > 20, "only {} plausible calls were accepted", well(Mood::Plausible));
    let count = |code: Code| asked.iter().filter(|asked| asked.code == code).count();
    for code in [Code::Unauthenticated, Code::PermissionDenied, Code::InvalidArgument] {
        assert!(count(code) >= methods / 2, "only {} answers {code:?}", count(code));
    }
    assert_eq!(count(Code::Internal) + count(Code::Unknown), 0, "{:#?}", odd(asked));
    say_aloud(&format!(
        "{} calls of {methods} methods, {} canaries, {} bytes of log: nothing leaked",
        asked.len(),
        filler.planted.len(),
        searched.log.len()
    ));
}

fn odd(asked: &[Asked]) -> Vec<String> {
    let odd = asked.iter().filter(|asked| matches!(asked.code, Code::Internal | Code::Unknown));
    odd.map(|asked| format!("{} {:?} {}", asked.method, asked.mood, String::from_utf8_lossy(&asked.said)))
        .collect()
}

/// Whatever a caller sends, a call is one line of JSON: nobody writes lines of their own into the log.
fn one_line_per_call(searched: &Searched, lines: &[sieve::LogLine<'_>]) {
    let broken: Vec<&str> = lines.iter().filter(|line| !line.is_whole()).map(|line| line.text).collect();
    assert!(broken.is_empty(), "lines that are no JSON, or hold control characters: {:?}", first(&broken));
    let mut ids: Vec<&str> =
        lines.iter().filter(|line| line.code().starts_with("CALL_")).map(sieve::LogLine::request).collect();
    assert_eq!(ids.len(), searched.asked.len(), "a call has one line");
    ids.sort_unstable();
    ids.dedup();
    assert_eq!(ids.len(), searched.asked.len(), "with an id of its own");
    let counted = searched.page.sum("qinlian_calls_total");
    let asked = f64::from(u32::try_from(searched.asked.len()).unwrap());
    assert!((counted - asked).abs() < 0.5, "{counted} calls are counted of {asked}");
    for bug in ["PANIC", "CALL_PANICKED", "CALL_FAULT", "COMMITTER_DIED"] {
        let found: Vec<&str> = lines.iter().filter(|line| line.code() == bug).map(|line| line.text).collect();
        assert!(found.is_empty(), "{:?}", first(&found));
    }
}

#[test]
fn a_canary_that_stands_in_a_line_is_found_however_it_is_written() {
    let canaries = Needles::canaries();
    for (how, line) in [
        ("as it is", r#"{"message":"no window cnry-00017"}"#.to_owned()),
        ("as bytes", format!("{{\"bytes\":\"{:?}\"}}", b"cnry-00017")),
        ("as hex", "636e72792d3030303137".to_owned()),
        ("as upper hex", "636E72792D3030303137".to_owned()),
        ("as base64", calls::base64(b"cnry-00017")),
        ("as base64, one byte on", calls::base64(b"xcnry-00017")),
        ("as base64, two bytes on", calls::base64(b"xxcnry-00017")),
    ] {
        assert!(canaries.find(line.as_bytes()), "{how}: {line}");
    }
    assert!(!canaries.find(br#"{"message":"no window w-17"}"#));
    let lines =
        "{\"a\":\"x\u{1b}[31m\"}\n{\"a\":\"\\u001b[31m\"}\n{\"a\":\"\u{202e}\"}\nplain\n{\"code\":\"A\"}";
    let whole: Vec<bool> = log_lines(lines).iter().map(sieve::LogLine::is_whole).collect();
    assert_eq!(whole, [false, false, false, false, true]);
}
