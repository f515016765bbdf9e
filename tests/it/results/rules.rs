//! Versions of the rules, and inputs that were erased.

use std::sync::Arc;

use qinlian::kernel::LogId;
use qinlian::results::{Folded, Folder};
use qinlian::store::{Binds, Statement, Store};

use super::history::{Dump, History, write};
use super::toy::{self, JOBS, Line, Op, Toy};
use crate::support::store::each;

const LOG: LogId = LogId::from_column(1);

static FEED: Statement = Statement::new("SELECT feed, rules FROM result_head WHERE log_id = $1");

fn line(at: i64, op: Op) -> Line {
    Line { at, deployment: 0, op }
}

fn folder(store: &Store, rules: u32) -> Folder<Toy> {
    Folder::new(store.clone(), Arc::new(Toy::new(store, -1).with_rules(rules))).with_chunk(1)
}

async fn feed_and_rules(store: &Store) -> (i64, i64) {
    let rows = store.fetch(&FEED, Binds::new().and(LOG.column()), |cells| Ok((cells.int()?, cells.int()?)));
    rows.await.unwrap()[0]
}

/// The old version has begun to fold the log; then the rest comes.
async fn begin(store: &Store, old: &Folder<Toy>, own: Vec<Line>, deployed: Vec<Line>) {
    assert_eq!(old.chunk(LOG).await.unwrap(), Folded::More);
    write(&Toy::new(store, -1), LOG, &History { own, deployed }).await;
}

#[tokio::test]
async fn new_rules_begin_at_their_entry_and_the_old_version_stands_still_there() {
    each(async |fixture| {
        toy::create(fixture).await;
        let (old, new) = (folder(&fixture.store, 1), folder(&fixture.store, 2));
        let own = vec![line(1_000, Op::Put(1, 1)), line(1_001, Op::Rules(2)), line(1_002, Op::Put(2, 1))];
        begin(&fixture.store, &old, own, Vec::new()).await;
        assert_eq!(old.catch_up(LOG).await.unwrap(), Folded::Standing);
        assert_eq!(
            Dump::of(&fixture.store, LOG).await.lines(JOBS),
            ["entry 0, key 1: v1 value 1, names 0, grace 100: open, pending"],
            "what comes before the new rules is folded under the old ones"
        );
        assert_eq!(new.catch_up(LOG).await.unwrap(), Folded::CaughtUp);
        assert_eq!(
            Dump::of(&fixture.store, LOG).await.lines(JOBS),
            [
                "entry 0, key 1: v1 value 1, names 0, grace 100: open, pending",
                "entry 1, key 1: v2 value 1, names 0, grace 100: open, pending",
                "entry 2, key 2: v2 value 1, names 0, grace 100: open, pending",
            ],
            "the new rules append revisions with their entry as the cause"
        );
        assert_eq!(feed_and_rules(&fixture.store).await, (0, 2), "the feed is the same");
        assert_eq!(old.catch_up(LOG).await.unwrap(), Folded::Standing);
        assert_eq!(feed_and_rules(&fixture.store).await, (0, 2));

        new.rebuild(LOG).await.unwrap();
        assert_eq!(old.catch_up(LOG).await.unwrap(), Folded::Standing, "nor does the old version begin anew");
        new.catch_up(LOG).await.unwrap();
        assert_eq!(
            Dump::of(&fixture.store, LOG).await.lines(JOBS),
            [
                "entry 1, key 1: v2 value 1, names 0, grace 100: open, pending",
                "entry 2, key 2: v2 value 1, names 0, grace 100: open, pending",
            ],
            "the first rules are not known any more, so a rebuild begins with the newest"
        );
        assert_eq!(feed_and_rules(&fixture.store).await, (2, 2), "under another feed id");
    })
    .await;
}

#[tokio::test]
async fn rules_may_come_from_the_deployment_log() {
    each(async |fixture| {
        toy::create(fixture).await;
        let (old, new) = (folder(&fixture.store, 1), folder(&fixture.store, 2));
        let deployed = vec![line(990, Op::Tick), line(1_001, Op::Rules(2)), line(1_001, Op::Rename(1))];
        let own = vec![line(1_000, Op::Put(1, 1)), Line { at: 1_002, deployment: 3, op: Op::Tick }];
        let wanted = [
            "entry 0, key 1: v1 value 1, names 0, grace 100: open, pending",
            "entry 1, key 1: v2 value 1, names 0, grace 100: open, pending",
            "entry 1, key 1: v2 value 1, names 1, grace 100: open, pending",
        ];
        begin(&fixture.store, &old, own, deployed).await;
        assert_eq!(old.catch_up(LOG).await.unwrap(), Folded::Standing);
        assert_eq!(new.catch_up(LOG).await.unwrap(), Folded::CaughtUp);
        assert_eq!(Dump::of(&fixture.store, LOG).await.lines(JOBS), wanted);
        new.rebuild(LOG).await.unwrap();
        new.catch_up(LOG).await.unwrap();
        assert_eq!(Dump::of(&fixture.store, LOG).await.lines(JOBS), wanted[1..]);
    })
    .await;
}

#[tokio::test]
async fn a_version_that_finds_earlier_entries_not_folded_begins_a_new_feed_at_its_rules() {
    each(async |fixture| {
        toy::create(fixture).await;
        let (old, new) = (folder(&fixture.store, 1), folder(&fixture.store, 2));
        let own = vec![line(1_000, Op::Put(1, 1)), line(1_001, Op::Put(2, 1)), line(1_002, Op::Rules(2))];
        begin(&fixture.store, &old, own, Vec::new()).await;
        // The first entry; then the old version is gone for ever.
        assert_eq!(old.chunk(LOG).await.unwrap(), Folded::More);
        assert_eq!(new.catch_up(LOG).await.unwrap(), Folded::CaughtUp);
        assert_eq!(
            Dump::of(&fixture.store, LOG).await.lines(JOBS),
            [
                "entry 2, key 1: v2 value 1, names 0, grace 100: open, pending",
                "entry 2, key 2: v2 value 1, names 0, grace 100: open, pending",
            ]
        );
        assert_eq!(feed_and_rules(&fixture.store).await, (3, 2));
    })
    .await;
}

#[tokio::test]
async fn a_result_of_erased_facts_is_a_tombstone_and_its_earlier_content_is_gone() {
    each(async |fixture| {
        toy::create(fixture).await;
        let (toy, folder) = (Toy::new(&fixture.store, -1), folder(&fixture.store, 1));
        toy.append(LOG, 0, &[line(1_000, Op::Put(1, 1)), line(1_001, Op::Put(2, 2))]).await;
        folder.catch_up(LOG).await.unwrap();
        toy.append(LOG, 2, &[line(1_002, Op::Erase(0))]).await;
        toy.erase(LOG, 0, 1).await;
        folder.catch_up(LOG).await.unwrap();
        let wanted = [
            "entry 0, key 1: erased",
            "entry 1, key 2: v1 value 2, names 0, grace 100: open, pending",
            "entry 2, key 1: erased",
        ];
        assert_eq!(Dump::of(&fixture.store, LOG).await.lines(JOBS), wanted);
        assert_eq!(feed_and_rules(&fixture.store).await.0, 0, "readers go on and see the tombstone");

        // Folded after the erasure, nothing is ever made from what is gone; and every such run is the same.
        let mut runs = Vec::new();
        for chunk in [1, 500] {
            folder.rebuild(LOG).await.unwrap();
            folder.clone().with_chunk(chunk).catch_up(LOG).await.unwrap();
            runs.push((feed_and_rules(&fixture.store).await, Dump::of(&fixture.store, LOG).await));
        }
        assert_eq!(
            runs[0].1.lines(JOBS),
            ["entry 1, key 2: v1 value 2, names 0, grace 100: open, pending", "entry 2, key 1: erased",]
        );
        assert_eq!(runs[0].0, (3, 1), "a feed that was rebuilt without inputs has another id");
        assert_eq!(runs[0], runs[1]);
    })
    .await;
}
