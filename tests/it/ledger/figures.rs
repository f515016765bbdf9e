//! What the ledger counts of its commits, and what waits: each outcome under its own name, and nothing twice.

use qinlian::ledger::committer::Lane;
use qinlian::ledger::faults::{Faults, Injected, Point};

use super::faults::{always, once};
use super::rig::{HALL, Rig, Start, cases, put};
use super::toy::{Broken, Command};
use crate::support::told::told;

cases! {
    every_attempt_to_commit_is_counted_by_how_it_ended,
    what_waits_is_counted_by_lane,
    the_age_of_the_head_is_that_of_its_last_entry,
}

async fn every_attempt_to_commit_is_counted_by_how_it_ended(rig: Rig) -> Rig {
    let volume = Some(rig.fixture.dir().to_owned());
    let mut rig = rig;
    // What goes wrong; attempts stored, in doubt, given up and faulty; entries.
    for (case, faults, command, counts, entries) in [
        ("nothing", Faults::none(), put("a", "1"), ["1", "0", "0", "0"], 3),
        ("the database", once(Point::Locked, Injected::Error), put("a", "1"), ["0", "0", "1", "0"], 0),
        (
            "the commit, which fails",
            once(Point::Commit, Injected::Error),
            put("a", "1"),
            ["1", "1", "0", "0"],
            3,
        ),
        (
            "the commit, which persists",
            once(Point::Committed, Injected::Error),
            put("a", "1"),
            ["0", "1", "0", "0"],
            0,
        ),
        (
            "the commit, every time",
            always(Point::Commit, Injected::Error),
            put("a", "1"),
            ["0", "3", "0", "0"],
            0,
        ),
        // Once together, and then by itself; the two neighbours are stored one by one.
        ("a rule", Faults::none(), Command::Panic { at: Broken::Rows }, ["2", "0", "0", "2"], 2),
        ("a refusal", Faults::none(), Command::Refuse, ["1", "0", "0", "0"], 2),
    ] {
        rig = rig.restart(&Start { faults, volume: volume.clone(), ..Start::default() }).await;
        let commands = [put("b", "2"), command, put("c", "3")];
        let sent = commands.map(|command| (Lane::Live, rig.new_submission(HALL, command)));
        rig.together(sent.into()).await;
        let outcomes =
            ["stored", "in_doubt", "given_up", "fault"].map(|is| told(&rig.ledger, "qinlian_commits", is));
        assert_eq!(outcomes, counts, "{case}");
        let stored = counts[0];
        assert_eq!(told(&rig.ledger, "qinlian_commit_entries", ""), format!("{stored}, {entries}"), "{case}");
        let seconds = told(&rig.ledger, "qinlian_commit_seconds", "");
        assert!(seconds.starts_with(&format!("{stored}, ")), "{case}: {seconds}");
    }
    let refusals = (0..5).map(|_| (Lane::Live, rig.new_submission(HALL, Command::Refuse))).collect();
    let before = told(&rig.ledger, "qinlian_commits", "stored");
    rig.together(refusals).await;
    assert_eq!(told(&rig.ledger, "qinlian_commits", "stored"), before, "a batch of refusals stores nothing");
    rig
}

async fn what_waits_is_counted_by_lane(rig: Rig) -> Rig {
    let depth = |rig: &Rig| ["live", "bulk"].map(|lane| told(&rig.ledger, "qinlian_queue_commands", lane));
    assert_eq!(depth(&rig), ["0", "0"]);
    let many = |lane, count| (0..count).map(move |_| lane).collect::<Vec<_>>();
    let sent = [many(Lane::Live, 30), many(Lane::Bulk, 50)].concat();
    let sent = sent.into_iter().map(|lane| (lane, rig.new_submission(HALL, put("a", "")))).collect();
    // All are handed in before the committer has its turn: the sender looks first.
    let seen = {
        let sending = std::pin::pin!(rig.together(sent));
        let looked = async { depth(&rig) };
        futures_util::future::join(sending, looked).await.1
    };
    assert_eq!(seen, ["30", "50"]);
    assert_eq!(depth(&rig), ["0", "0"], "and none is left");
    rig
}

async fn the_age_of_the_head_is_that_of_its_last_entry(rig: Rig) -> Rig {
    let age = |rig: &Rig| told(&rig.ledger, "qinlian_head_age_seconds", "");
    rig.send(HALL, put("a", "")).await.expect("stored");
    assert_eq!(age(&rig), "0");
    rig.clock.advance_ms(1_500);
    assert_eq!(age(&rig), "1.5");
    // Another process finds it in the database.
    let rig = rig.restart(&Start::default()).await;
    assert_eq!(age(&rig), "1.5");
    rig.send(HALL, put("a", "")).await.expect("stored");
    assert_eq!(age(&rig), "0");
    rig
}
