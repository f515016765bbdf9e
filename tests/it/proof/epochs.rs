//! A log that began a new epoch after a restore: two trees, two origins, one history of positions.

use qinlian::kernel::{CentreId, Pos};
use qinlian::ledger::head::Head;
use qinlian::ledger::setup::origin;
use qinlian::ledger::signature::verifier_key;
use qinlian::ledger::tables;
use qinlian::ledger::verify::{Options, verify};
use qinlian::store::Inserts;

use super::rig::{Bundle, DEPLOYMENT, HALL, Rig, first_bad, key_of, keys};
use super::toy::Toy;
use crate::support::store::{Fixture, each};

/// What the software will do when a restore is adopted: a tree of its own from the position that was reached.
async fn adopt(rig: Rig<'_>) -> Rig<'_> {
    let hall = CentreId::parse("hall").unwrap();
    let (old, _) = rig.ledger.reader().head(HALL).await.unwrap();
    let (base, origin) = (Pos::new(old.size), origin(DEPLOYMENT, &hall, 2));
    let head = Head::empty(HALL, 2, old.last, old.config_pos);
    let mut inserts = Inserts::new();
    inserts.push(
        &tables::EPOCH,
        [HALL.column().into(), 2_i64.into(), base.column().into(), origin.as_str().into()],
    );
    head.insert(&keys(), &hall, base, &origin, &mut inserts);
    head.insert_checkpoint(&keys(), &mut inserts);
    rig.fixture.raw().await.execute("DELETE FROM ledger_head WHERE log_id = 1").await;
    let mut tx = rig.fixture.store.begin().await.unwrap();
    tx.insert(inserts).await.unwrap();
    tx.commit().await.unwrap();
    rig.restart().await
}

/// 280 entries, a new epoch, 20 more, and an erasure of a part of the first epoch and of one of the second.
async fn two_epochs(fixture: &Fixture) -> Rig<'_> {
    let rig = Rig::new(fixture).await;
    rig.fill(280, 70).await;
    let rig = adopt(rig).await;
    rig.fill(20, 5).await;
    rig.erase(&[(3, 1), (280, 1)]).await;
    rig
}

fn options() -> Options {
    let hall = CentreId::parse("hall").unwrap();
    let second = verifier_key(&keys(), &origin(DEPLOYMENT, &hall, 2)).unwrap();
    Options::new(vec![key_of("hall"), second])
}

#[tokio::test]
async fn both_epochs_are_in_the_bundle_and_each_is_a_log_of_its_own() {
    each(async |fixture| {
        let rig = two_epochs(fixture).await;
        let bundle = rig.bundle(None, &[]).await;
        let report = verify(&bundle, &options(), &Toy);
        assert_eq!(report.first_bad, None);
        assert_eq!((report.entries, report.size, report.erased), (301, 21, 2));
        for path in
            ["checkpoint", "tile/0/000.p/21", "epoch-1/checkpoint", "epoch-1/tile/0/000", "epoch-1/parts/001"]
        {
            assert!(bundle.contains_key(path), "{path}");
        }
        // Whoever saw the first epoch still finds it.
        let seen = String::from_utf8(bundle["epoch-1/checkpoint"].clone()).unwrap();
        let since = Options { since: Some(seen), ..options() };
        assert!(verify(&bundle, &since, &Toy).verified);
        let only_first = Options::new(vec![key_of("hall")]);
        let bad = verify(&bundle, &only_first, &Toy).first_bad.unwrap();
        assert!(bad.why.contains("untrusted checkpoint"), "{}", bad.why);
        let report = rig.check_with(None, &[]).await;
        assert_eq!(report.findings, []);
        rig.stop().await;
    })
    .await;
}

#[tokio::test]
async fn what_is_bad_in_an_older_epoch_is_named_by_its_index_there() {
    let fixture = Fixture::sqlite().await;
    let rig = two_epochs(&fixture).await;
    let bundle = rig.bundle(None, &[]).await;
    let flipped = |path: &str, at: usize| {
        let mut bundle: Bundle = bundle.clone();
        bundle.get_mut(path).unwrap()[at] ^= 1;
        first_bad(&verify(&bundle, &options(), &Toy))
    };
    assert_eq!(flipped("epoch-1/tile/0/001.p/24", 32 * 4), (Some(260), "epoch-1/tile/0/001.p/24".to_owned()));
    assert_eq!(flipped("tile/0/000.p/21", 32 * 4), (Some(4), "tile/0/000.p/21".to_owned()));
    rig.stop().await;
    fixture.end().await;
}

#[tokio::test]
async fn rows_of_either_epoch_that_were_worked_on_are_named() {
    let fixture = Fixture::sqlite().await;
    let rig = two_epochs(&fixture).await;
    let raw = fixture.raw().await;
    for (case, sql, back, table, row) in [
        (
            "the base of the present epoch",
            "UPDATE ledger_epoch SET base = 281 WHERE log_id = 1 AND epoch = 2",
            "UPDATE ledger_epoch SET base = 280 WHERE log_id = 1 AND epoch = 2",
            "ledger_epoch",
            "epoch 2",
        ),
        (
            "the origin of the older epoch",
            "UPDATE ledger_epoch SET origin = 'x' WHERE log_id = 1 AND epoch = 1",
            "UPDATE ledger_epoch SET origin = 'test.example/qinlian/centre/hall' WHERE log_id = 1 AND epoch = 1",
            "ledger_epoch",
            "epoch 1",
        ),
        (
            "the kind of an entry of the older epoch",
            "UPDATE ledger_entry SET kind = kind + 1 WHERE log_id = 1 AND pos = 270",
            "UPDATE ledger_entry SET kind = kind - 1 WHERE log_id = 1 AND pos = 270",
            "ledger_entry",
            "pos 270",
        ),
        (
            "the kind of an entry of the present epoch",
            "UPDATE ledger_entry SET kind = kind + 1 WHERE log_id = 1 AND pos = 290",
            "UPDATE ledger_entry SET kind = kind - 1 WHERE log_id = 1 AND pos = 290",
            "ledger_entry",
            "pos 290",
        ),
    ] {
        assert_eq!(raw.execute(sql).await, 1, "{case}");
        let report = rig.check_with(None, &[]).await;
        let named = report.findings.iter().any(|finding| finding.table == table && finding.row == row);
        assert!(named && !report.verified(), "{case}: {:#?}", report.findings);
        raw.execute(back).await;
    }
    assert_eq!(rig.check_with(None, &[]).await.findings, []);
    rig.stop().await;
    fixture.end().await;
}
