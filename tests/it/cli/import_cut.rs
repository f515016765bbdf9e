//! An import that is killed in the middle, again and again, and then runs to its end: every line stands once, as where nobody
//! disturbed it.

use std::collections::BTreeSet;
use std::os::unix::process::ExitStatusExt as _;
use std::process::Stdio;
use std::time::Duration;

use qinlian::proto::PunchFact;
use qinlian::proto::punch::Direction;
use qinlian::registers::kind::PUNCH;
use serde_json::Value;

use super::import_files::{Hall, became, runtime};
use super::{done, program, text};
use crate::support::say_aloud;
use crate::support::store::Raw;

/// Several commits' worth; each line has a time of its own.
const LINES: usize = 3_000;
/// Enough for a kill to come while they are made.
const PEOPLE: usize = 300;
/// 2026-03-02, 08:00 in Shanghai.
const FIRST_MS: i64 = 1_772_409_600_000;
/// From a line to the next.
const STEP_S: i64 = 61;
const SIGKILL: i32 = 9;
/// When an import is killed: as soon as so many entries of a kind, or of any, stand more than before. Each kill hits another
/// part of it: the first entry is the source, the second somebody who is named.
const KILLS: [(&str, Option<u16>, i64); 3] =
    [("people", None, 2), ("clock-ins", Some(PUNCH), 1), ("more clock-ins", Some(PUNCH), 800)];

/// What a line says, but for its person.
fn said(line: usize) -> (i64, Direction) {
    let direction = if (line / PEOPLE).is_multiple_of(2) { Direction::In } else { Direction::Out };
    (FIRST_MS + i64::try_from(line).unwrap() * STEP_S * 1_000, direction)
}

fn file() -> String {
    let first = jiff::civil::date(2026, 3, 2).at(8, 0, 0, 0);
    let lines = (0..LINES).map(|line| {
        let at = first + jiff::SignedDuration::from_secs(i64::try_from(line).unwrap() * STEP_S);
        format!("{},a{},{}\n", at.strftime("%F %T"), line % PEOPLE, said(line).1.as_str_name())
    });
    format!("时间,工号,方向\n{}", lines.collect::<String>())
}

/// What is wrong with the clock-ins that stand, held against the lines of the file.
fn wrong(punches: &[PunchFact]) -> Vec<String> {
    let mut found = Vec::new();
    let mut stand: Vec<&PunchFact> = punches.iter().collect();
    stand.sort_by_key(|punch| punch.claimed_ms);
    if stand.len() != LINES {
        found.push(format!("{} clock-ins of {LINES} lines", stand.len()));
    }
    let mut people = vec![BTreeSet::new(); PEOPLE];
    for line in 0..LINES {
        let (at, direction) = said(line);
        let from = stand.partition_point(|punch| punch.claimed_ms < at);
        let same = stand[from..].iter().take_while(|punch| punch.claimed_ms == at);
        let same: Vec<_> = same.filter(|punch| punch.direction() == direction).collect();
        if same.len() != 1 {
            found.push(format!("line {line} stands {} times", same.len()));
        }
        people[line % PEOPLE].extend(same.iter().map(|punch| punch.person_id.as_str()));
    }
    let several = people.iter().enumerate().filter(|(_, ids)| ids.len() != 1 || ids.contains(""));
    found.extend(several.map(|(person, ids)| format!("person {person} is {ids:?}")));
    let ids: BTreeSet<_> = people.iter().flatten().collect();
    if ids.len() != PEOPLE {
        found.push(format!("{} people of {PEOPLE}", ids.len()));
    }
    found
}

/// How many entries there are in all logs, of a kind or of any.
fn count(runtime: &tokio::runtime::Runtime, raw: &Raw, kind: Option<u16>) -> i64 {
    let of_kind = kind.map_or_else(String::new, |kind| format!(" WHERE kind = {kind}"));
    runtime.block_on(raw.column::<i64>(&format!("SELECT count(*) FROM ledger_entry{of_kind}")))[0]
}

/// Imports in a process of its own, and kills it as soon as so many entries more are there.
fn cut_off(words: &[&str], more: i64, counted: impl Fn() -> i64) {
    let before = counted();
    let mut command = program();
    let mut child =
        command.args(words).stdout(Stdio::null()).stderr(Stdio::null()).spawn().expect("it starts");
    while counted() < before + more {
        let ended = child.try_wait().expect("it is ours");
        assert_eq!(ended, None, "it ended before it was to be killed");
        std::thread::sleep(Duration::from_millis(1));
    }
    child.kill().expect("killed");
    let status = child.wait().expect("it is ours");
    assert_eq!(status.signal(), Some(SIGKILL), "it had ended before it was killed: {status}");
}

/// The database against its ledger, and a bundle of it without the database.
fn verified(hall: &Hall, bundle: &str) {
    let checked = done(&["audit", "check", "--data", text(&hall.data), "--json"]);
    let bundle = hall.data.with_file_name(bundle);
    done(&["audit", "bundle", "--data", text(&hall.data), "--centre", "hall", "-o", text(&bundle)]);
    let key = hall.data.join("verifier.key");
    let judged = done(&["audit", "verify", text(&bundle), "--key", text(&key), "--json"]);
    for said in [checked, judged] {
        let said: Value = serde_json::from_str(&said).unwrap();
        assert_eq!(said["verified"], true, "{said}");
    }
}

#[test]
fn an_import_that_is_killed_again_and_again_is_finished_by_the_next_one_and_every_line_stands_once() {
    let lines = u64::try_from(LINES).unwrap();
    let on_sqlite = Some((Hall::on_sqlite(), Hall::on_sqlite()));
    for (cut, whole) in [on_sqlite, Hall::on_postgres().zip(Hall::on_postgres())].into_iter().flatten() {
        let runtime = runtime();
        let raws = [&cut, &whole].map(|hall| runtime.block_on(hall.raw()));
        let file = [&cut, &whole].map(|hall| hall.write("file.csv", file().as_bytes()));
        let words = cut.words(&file[0], &["--create-people"]);
        let mut stood = 0;
        for (of, kind, more) in KILLS {
            cut_off(&words, more, || count(&runtime, &raws[0], kind));
            let stand = cut.punches().len();
            say_aloud(&format!("an import of {LINES} lines was killed over {of}: {stand} clock-ins stand"));
            assert!(stood <= stand && stand < LINES, "{stood}, then {stand}: it was not in the middle");
            assert!(kind.is_none() || stood < stand, "it was not in the middle");
            stood = stand;
        }
        let stood = u64::try_from(stood).unwrap();
        let last = cut.import(&file[0], &["--create-people"]);
        assert_eq!(became(&last), ([lines, lines - stood, stood, 0], vec![]), "what stood already is known");
        let undisturbed = whole.import(&file[1], &["--create-people"]);
        assert_eq!(became(&undisturbed), ([lines, lines, 0, 0], vec![]));

        for hall in [&cut, &whole] {
            let found = wrong(&hall.punches());
            assert!(found.is_empty(), "{} faults: {:?}", found.len(), found.first());
            verified(hall, "bundle");
        }
        // Nothing else is there twice: people, what binds them to their numbers, the file on record.
        let entries = raws.each_ref().map(|raw| count(&runtime, raw, None));
        assert_eq!(entries[0], entries[1], "entries of all logs, killed and undisturbed");
        assert_eq!(last["tree_size"], undisturbed["tree_size"]);
        for raw in raws {
            match raw {
                Raw::Sqlite(pool) => runtime.block_on(pool.close()),
                Raw::Postgres(pool) => runtime.block_on(pool.close()),
            }
        }
        cut.end();
        whole.end();
    }
}

#[test]
fn a_line_that_is_lost_doubled_altered_or_somebody_elses_is_found() {
    let punch = |line: usize| {
        let (claimed_ms, direction) = said(line);
        let person_id = format!("p{}", line % PEOPLE);
        PunchFact { claimed_ms, direction: direction.into(), person_id, ..PunchFact::default() }
    };
    let honest: Vec<PunchFact> = (0..LINES).map(punch).collect();
    assert!(wrong(&honest).is_empty());
    let altered = |alter: &dyn Fn(&mut Vec<PunchFact>)| {
        let mut punches = honest.clone();
        alter(&mut punches);
        wrong(&punches)
    };
    for (case, found) in [
        ("lost", altered(&|punches| drop(punches.remove(7)))),
        ("doubled", altered(&|punches| punches.push(punches[7].clone()))),
        ("one that no line says", altered(&|punches| punches.push(PunchFact::default()))),
        ("altered", altered(&|punches| punches[7].direction = Direction::Unknown.into())),
        ("nobody's", altered(&|punches| punches[7].person_id.clear())),
        ("somebody else's", altered(&|punches| punches[7].person_id = "p8".to_owned())),
        ("a person made twice", altered(&|punches| punches[7].person_id = "another".to_owned())),
        (
            "two who became one",
            altered(&|punches| {
                let of_seven = punches.iter_mut().filter(|punch| punch.person_id == "p7");
                of_seven.for_each(|punch| punch.person_id = "p8".to_owned());
            }),
        ),
    ] {
        assert!(!found.is_empty(), "{case}");
    }
}
