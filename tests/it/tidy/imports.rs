//! Who may import whom.

use std::collections::BTreeSet;

use super::none;
use crate::support::source::{Source, is_name, sources};

/// The first row whose room matches a file decides. `*` is any one name, `{a,b}` either, `~` the file's own register;
/// a room includes what is in it. What begins with `!` is forbidden even if another entry allows it.
/// A room may always import itself, except that a register's files follow their rows.
const TABLE: &[(&str, &[&str])] = &[
    // The words that everybody uses, and RFC 6962: nothing of ours.
    ("kernel", &[]),
    ("tlog", &[]),
    ("store", &["kernel"]),
    ("policy", &["kernel"]),
    // Generated, but for messages that are passed on as they are stored.
    ("proto", &[]),
    ("clock", &["kernel"]),
    ("telemetry", &["kernel"]),
    // Rooms tell it their figures through a port of the kernel's: it knows none of them.
    ("metrics", &["kernel", "clock"]),
    ("config", &["kernel", "policy", "access", "telemetry"]),
    // Where grants come from is a port.
    ("access", &["kernel", "policy", "clock", "proto", "registers/*/view"]),
    // Never a register: an entry is bytes and commitments.
    ("ledger", &["tlog", "store", "kernel", "clock"]),
    ("witness", &["tlog", "store", "kernel", "clock", "ledger"]),
    // What it asks of the registers is a port.
    ("results", &["store", "kernel", "clock", "proto"]),
    ("findings", &["kernel", "policy", "registers/*/view"]),
    // Tests that fill a file of their own look at what they need.
    ("registers/*/*/tests", &["*"]),
    // The registers. Views are leaves: no cycles.
    ("registers/*/view", &["kernel", "proto"]),
    ("registers/verdict", &["kernel", "proto"]),
    ("registers/wire", &["kernel", "proto"]),
    // What every terminal stamps, whatever the register.
    (
        "registers/stamp",
        &["kernel", "proto", "ledger/{keys,port}", "registers/{stamp,wire}", "registers/*/view", DIRECTORY],
    ),
    // Only the numbers of the two kinds that the ledger itself looks at.
    ("registers/kind", &["ledger/disclosure", "ledger/erase"]),
    ("registers/failure", &["access", "kernel", "ledger", "store"]),
    // The one place that knows all registers, the desk that services work at, and the answers to the ports.
    (
        "registers/{rulebook,desk,derivation}",
        &["registers", "access", "ledger", "results", "store", "kernel", "clock", "policy", "proto"],
    ),
    (
        "registers/*/rows",
        &[
            "~",
            "registers/stamp/{effective,sample}",
            "registers/*/view",
            "registers/directory/journal",
            "store",
            "kernel",
            "proto",
            "ledger/{disclosure,port,tables}",
        ],
    ),
    // What a batch loads, what a process keeps, and which entries are about somebody.
    (
        "registers/*/{about,cache,contacts,journal,live,load,state}",
        &[
            "~",
            "store",
            "kernel",
            "policy",
            "proto",
            "ledger/{keys,port,request_seal,standing}",
            "registers/{kind,stamp,verdict}",
            "registers/*/view",
            DIRECTORY,
        ],
    ),
    (
        "registers/*/{service,mod}",
        &[
            "~",
            "registers/{derivation,desk,failure,kind,rulebook,stamp,verdict,wire}",
            // A read that is on record is kept by one register for all; the calls of `AttendanceService` are those of two, and
            // so are those of `DutyService`.
            "registers/{audit,attendance,duty}/service",
            SEEN,
            "registers/*/view",
            DIRECTORY,
            "access",
            "clock",
            "ledger",
            "results",
            "store",
            "kernel",
            "policy",
            "proto",
            "tlog",
        ],
    ),
    // Everything else in a register is pure.
    (
        "registers/*/*",
        &[
            "~",
            "!~/{rows,service,about,cache,contacts,live,load}",
            "tlog",
            "registers/{kind,stamp,verdict,wire}",
            "registers/*/view",
            DIRECTORY,
            SEEN,
            "ledger/{keys,port}",
            "kernel",
            "policy",
            "proto",
        ],
    ),
    ("registers", &["registers"]),
    // Never the database.
    (
        "edge",
        &[
            "access",
            "config",
            "telemetry",
            "clock",
            "kernel",
            "proto",
            "registers/failure",
            "registers/*/service",
        ],
    ),
    ("{cli,demo,bench,main,lib}", &["*"]),
];

/// What a snapshot as of an entry holds does not fit a view: the directory, which every register looks things up in, what its windows serve, who is
/// responsible for whom, and the journals of devices, which are one for all registers.
const DIRECTORY: &str = "registers/directory/{Directory,journal,reach,state,windows}";
/// The directories that a batch sees.
const SEEN: &str = "registers/directory/admit/Seen";

/// Macros stand at the root of the crate, wherever they are written: the ones that list calls are `edge`'s.
const CALLS: &str = "_calls";

/// Only `metrics` names who writes its page, and only `telemetry` who sends spans away.
const FIGURES: &str = "prometheus_client";
const TRACES: &str = "opentelemetry";

/// Words that a room may not name, whatever it imports: other people's crates, and waiting.
const FOREIGN: &[(&str, &[&str])] = &[
    ("{kernel,tlog,policy}", &["async", "tokio", "sqlx", "tonic", "tracing", FIGURES, TRACES]),
    (
        "registers/*/{rows,service,about,cache,contacts,journal,live,load,state,mod}",
        &["sqlx", "tonic", FIGURES, TRACES],
    ),
    ("registers/{derivation,rulebook}", &["sqlx", "tonic", FIGURES, TRACES]),
    // Pure files.
    ("registers/{kind,stamp,verdict,wire}", &["async", "tokio", "sqlx", "tonic", "tracing", FIGURES, TRACES]),
    ("registers/*/*", &["async", "tokio", "sqlx", "tonic", "tracing", FIGURES, TRACES]),
    ("{registers,ledger,results,findings,witness,access,clock}", &["sqlx", "tonic", FIGURES, TRACES]),
    ("store", &["tonic", FIGURES, TRACES]),
    ("edge", &["sqlx", FIGURES, TRACES]),
    ("telemetry", &["sqlx", "tonic", FIGURES]),
    ("{cli,config}", &[FIGURES, TRACES]),
];

#[test]
fn every_file_imports_only_what_its_room_may() {
    let sources = sources("src");
    none(&sources.iter().flat_map(imports).collect::<Vec<_>>());
    let used: usize = sources.iter().map(|source| paths(source).len()).sum();
    assert!(used > 200, "the rig sees imports: {used}");
}

#[test]
fn no_room_names_what_is_foreign_to_it() {
    none(&sources("src").iter().flat_map(foreign).collect::<Vec<_>>());
}

#[test]
fn an_import_that_the_table_forbids_is_found() {
    for (path, text, wanted) in [
        (
            "src/kernel/id.rs",
            "use crate::store::Store;",
            "src/kernel/id.rs:1: kernel may not import store/Store",
        ),
        (
            "src/tlog/a.rs",
            "fn f() { crate::clock::random(); }",
            "src/tlog/a.rs:1: tlog may not import clock/random",
        ),
        (
            "src/ledger/a.rs",
            "use crate::{\n    kernel::Pos,\n    registers::{rulebook::Registers, failure},\n};",
            "src/ledger/a.rs:1: ledger may not import registers/failure, registers/rulebook/Registers",
        ),
        (
            "src/registers/duty/admit.rs",
            "use super::rows::{self, PAUSE};",
            "src/registers/duty/admit.rs:1: registers/*/* may not import registers/duty/rows, registers/duty/rows/PAUSE",
        ),
        (
            "src/registers/duty/derive.rs",
            "use super::super::attendance::{day, view::ClockedIn};",
            "src/registers/duty/derive.rs:1: registers/*/* may not import registers/attendance/day",
        ),
        (
            "src/registers/duty/service/mod.rs",
            "use crate::registers::attendance::rows;",
            "src/registers/duty/service/mod.rs:1: registers/*/{service,mod} may not import registers/attendance/rows",
        ),
        ("src/edge/a.rs", "use crate::store::Store;", "src/edge/a.rs:1: edge may not import store/Store"),
        ("src/cellar/a.rs", "", "src/cellar/a.rs: no row for cellar/a"),
        ("src/edge/a.rs", "use crate::nowhere;", "src/edge/a.rs:1: edge may not import nowhere"),
    ] {
        assert_eq!(imports(&Source::parse(path, text)), [wanted], "{text}");
    }
}

#[test]
fn an_import_that_the_table_allows_is_not() {
    for (path, text) in [
        ("src/ledger/commit.rs", "use super::head::Head; use crate::{store::Tx, tlog::*};"),
        (
            "src/registers/duty/admit.rs",
            "use super::{fact::Pause, view}; use crate::registers::attendance::view::ClockedIn;",
        ),
        (
            "src/registers/duty/service/mod.rs",
            "use crate::registers::duty::rows; use crate::registers::desk::Desk;",
        ),
        ("src/kernel/id.rs", "// crate::store\n#[cfg(test)]\nmod tests { use crate::store::Store; }"),
        ("src/cli/serve.rs", "use crate::edge; use crate::store::Store;"),
    ] {
        assert_eq!(imports(&Source::parse(path, text)), [""; 0], "{text}");
    }
}

#[test]
fn a_foreign_word_is_found() {
    for (path, text, wanted) in [
        (
            "src/registers/duty/service.rs",
            "fn f() -> tonic::Status {}",
            "src/registers/duty/service.rs:1: tonic",
        ),
        ("src/registers/duty/admit.rs", "async fn admit() {}", "src/registers/duty/admit.rs:1: async"),
        ("src/registers/duty/view.rs", "use tokio::sync::Mutex;", "src/registers/duty/view.rs:1: tokio"),
        ("src/ledger/a.rs", "\nuse sqlx::query;", "src/ledger/a.rs:2: sqlx"),
        (
            "src/results/a.rs",
            "use prometheus_client::metrics::Counter;",
            "src/results/a.rs:1: prometheus_client",
        ),
        ("src/edge/a.rs", "use opentelemetry::trace;", "src/edge/a.rs:1: opentelemetry"),
    ] {
        assert_eq!(foreign(&Source::parse(path, text)), [wanted]);
    }
    assert_eq!(foreign(&Source::parse("src/registers/duty/rows.rs", "async fn rows() {}")), [""; 0]);
}

fn foreign(source: &Source) -> Vec<String> {
    let room = room_of(source);
    let Some((_, words)) = FOREIGN.iter().find(|(pattern, _)| matches(pattern, &room, "")) else {
        return Vec::new();
    };
    words
        .iter()
        .flat_map(|word| source.word(word).into_iter().map(move |at| (word, at)))
        .map(|(word, at)| format!("{}: {word}", source.place(at)))
        .collect()
}

fn imports(source: &Source) -> Vec<String> {
    let room = room_of(source);
    let Some((row, allowed)) = TABLE.iter().find(|(pattern, _)| matches(pattern, &room, "")) else {
        return vec![format!("{}: no row for {room}", source.path)];
    };
    let register =
        room.strip_prefix("registers/").and_then(|rest| rest.split('/').next()).unwrap_or_default();
    let own = if room.starts_with("registers/") { "" } else { room.split('/').next().unwrap_or_default() };
    paths(source)
        .into_iter()
        .filter_map(|(at, targets)| {
            let wrong: Vec<String> = targets
                .into_iter()
                .filter(|target| {
                    let forbidden = allowed
                        .iter()
                        .filter_map(|pattern| pattern.strip_prefix('!'))
                        .any(|pattern| matches(pattern, target, register));
                    let may = (!own.is_empty() && matches(own, target, register))
                        || allowed.iter().any(|pattern| matches(pattern, target, register));
                    forbidden || !may
                })
                .collect();
            (!wrong.is_empty())
                .then(|| format!("{}: {row} may not import {}", source.place(at), wrong.join(", ")))
        })
        .collect()
}

/// `src/registers/duty/rows.rs` → `registers/duty/rows`; a register's `mod.rs` is `registers/duty/mod`.
fn room_of(source: &Source) -> String {
    let path = source.path.trim_start_matches("src/").trim_end_matches(".rs");
    if path.matches('/').count() == 2 { path.to_owned() } else { path.trim_end_matches("/mod").to_owned() }
}

/// Is the target in the room that the pattern names?
fn matches(pattern: &str, target: &str, register: &str) -> bool {
    let pattern = match pattern.strip_prefix('~') {
        Some(rest) => format!("registers/{register}{rest}"),
        None => pattern.to_owned(),
    };
    let mut target = target.split('/');
    pattern.split('/').all(|wanted| {
        let Some(name) = target.next() else { return false };
        match wanted.strip_prefix('{').and_then(|wanted| wanted.strip_suffix('}')) {
            Some(either) => either.split(',').any(|wanted| wanted == name),
            None => wanted == "*" || wanted == name,
        }
    })
}

/// Every path that begins in this crate: where it stands and what it names, from the root of the crate.
fn paths(source: &Source) -> Vec<(usize, BTreeSet<String>)> {
    let mut module: Vec<&str> =
        source.path.trim_start_matches("src/").trim_end_matches(".rs").split('/').collect();
    if matches!(module.last(), Some(&("mod" | "lib" | "main"))) {
        module.pop();
    }
    let mut found: Vec<(usize, BTreeSet<String>)> = ["crate", "super", "self"]
        .into_iter()
        .flat_map(|word| source.word(word))
        .filter(|at| !source.code[..*at].ends_with("::"))
        .map(|at| {
            let mut named = Vec::new();
            tree(&source.code, at, &mut Vec::new(), &mut named);
            (at, named.iter().filter_map(|path| resolve(path, &module)).collect())
        })
        .filter(|(_, targets): &(usize, BTreeSet<String>)| !targets.is_empty())
        .collect();
    found.sort();
    found
}

/// From the root of the crate; `None` for a path that names nothing, `self.field` for example.
fn resolve(path: &[String], module: &[&str]) -> Option<String> {
    let mut names = path.iter().map(String::as_str).peekable();
    let mut from: Vec<&str> = match names.next()? {
        "crate" => Vec::new(),
        "self" => module.to_vec(),
        _ => module[..module.len().checked_sub(1)?].to_vec(),
    };
    while names.next_if_eq(&"super").is_some() {
        from.pop();
    }
    names.peek()?;
    from.extend(names.filter(|name| *name != "self"));
    if from.first().is_some_and(|name| name.ends_with(CALLS)) {
        from.insert(0, "edge");
    }
    Some(from.join("/"))
}

/// Reads `a::b::{c, d::e as f, *}` from `at` on; the place after it.
fn tree(code: &str, at: usize, before: &mut Vec<String>, found: &mut Vec<Vec<String>>) -> usize {
    let bytes = code.as_bytes();
    let depth = before.len();
    let mut at = at;
    loop {
        let end = (at..code.len()).find(|end| !is_name(bytes[*end])).unwrap_or(code.len());
        before.push(code[at..end].to_owned());
        at = end;
        if !code[at..].starts_with("::") {
            found.push(before.clone());
            break;
        }
        at += 2;
        if bytes.get(at) == Some(&b'{') {
            at += 1;
            loop {
                at += code[at..].find(|next: char| !next.is_whitespace() && next != ',').unwrap_or(0);
                if bytes.get(at).is_none_or(|next| *next == b'}') {
                    at += 1;
                    break;
                }
                if bytes[at] == b'*' {
                    found.push(before.clone());
                    at += 1;
                    continue;
                }
                at = tree(code, at, before, found);
                // `as name` says nothing about where it comes from.
                at += code[at..].find([',', '}']).unwrap_or(0);
            }
            break;
        }
        // A glob names the room itself; so does what comes before a turbofish.
        if !bytes.get(at).copied().is_some_and(is_name) {
            found.push(before.clone());
            break;
        }
    }
    before.truncate(depth);
    at
}
