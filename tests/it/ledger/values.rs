//! The same values mean the same on both databases: text, bytes, numbers, order, snapshots, settings.

use qinlian::kernel::{EpochMs, Pos};
use qinlian::ledger::committer::Lane;
use qinlian::ledger::port::{Author, Submission};
use qinlian::ledger::tables;
use qinlian::store::{Binds, Cells, Dialect, Inserts, OpenMode, Statement, Store, StoreError, Tx};

use super::rig::{HALL, Rig, cases, item, put, word};
use super::toy::Command;
use super::whole::whole;

cases! {
    texts_come_back_as_they_were_and_equal_nothing_else,
    upper_and_lower_case_are_different_texts,
    texts_are_ordered_by_code_point,
    a_nul_harms_nobody_but_the_command_that_brought_it,
    bytes_come_back_as_they_were,
    an_empty_value_is_not_a_missing_one,
    numbers_reach_to_the_end_of_the_column,
    instants_keep_their_milliseconds_to_the_year_9999,
    a_principal_may_be_written_in_any_script,
    a_row_that_is_there_already_is_named,
    a_row_that_may_be_there_already_is_left_alone,
    a_transaction_that_is_dropped_leaves_nothing,
    a_snapshot_sees_one_moment,
    a_snapshot_cannot_write,
    a_set_of_keys_may_be_empty_or_large_or_say_the_same_twice,
    migrating_twice_changes_nothing,
    the_database_keeps_what_it_acknowledges_or_is_not_opened,
    a_database_that_is_not_there_is_not_made_by_mistake,
}

/// NFC, NFD, digits that look like a number, quotes for both databases, wildcards, a surrogate pair, bidi, U+FFFF.
const TEXTS: [&str; 22] = [
    "é",
    "e\u{301}",
    "ａ",
    "a",
    "勤廉",
    "勤 廉",
    "𠮷野家",
    "👨‍👩‍👧",
    "123",
    "0123",
    "1e3",
    "null",
    "true",
    "\"",
    "'",
    "\\",
    "\\u0041",
    "%",
    "_",
    "a\nb\t",
    "\u{202e}abc",
    "\u{ffff}",
];

async fn texts_come_back_as_they_were_and_equal_nothing_else(rig: Rig) -> Rig {
    let needs = |key: &str| Command::Needs { key: key.to_owned() };
    for (at, text) in TEXTS.iter().enumerate() {
        assert_eq!(word(&rig.send(HALL, needs(text)).await), "NOT_YET", "{text:?} equals an earlier one");
        let reply = rig.send(HALL, put(text, "")).await.unwrap();
        assert_eq!(rig.fact(HALL, reply.pos).await.key, *text);
        for known in &TEXTS[..=at] {
            assert_eq!(word(&rig.send(HALL, needs(known)).await), "accepted", "{known:?}");
        }
    }
    whole(rig.ledger.reader()).await.unwrap();
    rig
}

async fn upper_and_lower_case_are_different_texts(rig: Rig) -> Rig {
    rig.send(HALL, put("door", "")).await.unwrap();
    for (key, wanted) in [
        ("door", "accepted"),
        ("Door", "NOT_YET"),
        ("DOOR", "NOT_YET"),
        ("door ", "NOT_YET"),
        (" door", "NOT_YET"),
    ] {
        assert_eq!(word(&rig.send(HALL, Command::Needs { key: key.into() }).await), wanted, "{key:?}");
    }
    for device in ["gate", "Gate", "gate ", "ｇate"] {
        assert_eq!(word(&rig.send(HALL, item(device, 1, device)).await), "accepted", "{device:?}");
    }
    rig
}

async fn texts_are_ordered_by_code_point(rig: Rig) -> Rig {
    let mut texts = TEXTS.to_vec();
    texts.extend(["Z", "z", "A", "~", "张", "王", "李", ""]);
    rig.send_all(HALL, texts.iter().map(|text| put(text, "")).collect()).await;
    let raw = rig.raw().await;
    let ordered = raw.column::<String>("SELECT key FROM toy_row WHERE log_id = 1 ORDER BY key").await;
    texts.sort_unstable();
    assert_eq!(ordered, texts);
    rig
}

async fn a_nul_harms_nobody_but_the_command_that_brought_it(rig: Rig) -> Rig {
    let raw = Command::Raw { text: "a\0b".to_owned() };
    let words: Vec<String> =
        rig.send_all(HALL, vec![put("a", ""), raw, put("b", "")]).await.iter().map(word).collect();
    // PostgreSQL takes no NUL in a text. The kernel's types let none in; should one slip through, it is a fault there.
    let wanted = if rig.fixture.store.dialect() == Dialect::Postgres { "Fault" } else { "accepted" };
    assert_eq!(words, ["accepted", wanted, "accepted"]);
    assert!(rig.ledger.health().ready());
    rig
}

async fn bytes_come_back_as_they_were(rig: Rig) -> Rig {
    let all: Vec<u8> = (0..=255).collect();
    for value in [all.clone(), vec![0; 3], vec![0xff, 0xfe, 0], all.repeat(1_024)] {
        let reply = rig.send(HALL, Command::Put { key: "k".into(), value: value.clone() }).await.unwrap();
        assert_eq!(rig.fact(HALL, reply.pos).await.value, value);
        let raw = rig.raw().await;
        let stored = raw
            .column::<Vec<u8>>(&format!("SELECT value FROM toy_row WHERE log_id = 1 AND pos = {}", reply.pos))
            .await;
        assert_eq!(stored, [value]);
    }
    rig
}

async fn an_empty_value_is_not_a_missing_one(rig: Rig) -> Rig {
    rig.send(HALL, put("", "")).await.unwrap();
    assert_eq!(
        rig.number("SELECT count(*) FROM toy_row WHERE key = '' AND value IS NOT NULL AND device IS NULL")
            .await,
        1
    );
    assert_eq!(word(&rig.send(HALL, Command::Needs { key: String::new() }).await), "accepted");
    assert_eq!(word(&rig.send(HALL, item("", 1, "")).await), "accepted", "an empty part is a part");
    whole(rig.ledger.reader()).await.unwrap();
    rig
}

async fn numbers_reach_to_the_end_of_the_column(rig: Rig) -> Rig {
    let journal = |journal, seq| Command::Item { device: "gate".into(), journal, seq, personal: "x".into() };
    let (most_pos, most) = (1_u64 << 62, i64::MAX.cast_unsigned());
    for (command, wanted) in [
        (journal(most_pos, most), "accepted"),
        (journal(most_pos, most - 1), "accepted"),
        (journal(most_pos - 1, most), "accepted"),
        (journal(most_pos, most), "repeat"),
        (journal(1 << 53, (1 << 53) + 1), "accepted"),
        (journal(1 << 53, 1 << 53), "accepted"),
        (journal(1 << 53, (1 << 53) + 1), "repeat"),
    ] {
        assert_eq!(word(&rig.send(HALL, command.clone()).await), wanted, "{command:?}");
    }
    rig
}

async fn instants_keep_their_milliseconds_to_the_year_9999(rig: Rig) -> Rig {
    for ms in [0, 1, 1_795_391_940_123, EpochMs::MAX.get()] {
        let late = Command::Correct { key: "a".into(), value: vec![], claimed_ms: ms, refers_to: 0 };
        let reply = rig.send(HALL, late).await.unwrap();
        assert_eq!(rig.leaf(HALL, reply.pos).await.claimed.unwrap().get(), ms);
    }
    rig
}

async fn a_principal_may_be_written_in_any_script(rig: Rig) -> Rig {
    for principal in TEXTS {
        let author = Author { principal: principal.to_owned(), pass: None };
        let sent = Submission { log: HALL, request_id: rig.id(), author, command: put("a", "") };
        let pos = rig.ledger.submit(sent.clone(), Lane::Live).await.unwrap().pos;
        assert_eq!(rig.ledger.submit(sent, Lane::Live).await.unwrap().pos, pos);
        assert_eq!(rig.fact(HALL, pos).await.principal, principal);
    }
    rig
}

fn signature_row(inserts: &mut Inserts, size: i64) {
    inserts.push(&tables::SIGNATURE, [9.into(), 1.into(), size.into(), [1; 4].into(), [2; 64].into()]);
}

async fn insert(rig: &Rig, fill: impl Fn(&mut Inserts)) -> Result<(), StoreError> {
    let mut inserts = Inserts::new();
    fill(&mut inserts);
    let mut tx = rig.fixture.store.begin().await?;
    tx.insert(inserts).await?;
    tx.commit().await
}

async fn a_row_that_is_there_already_is_named(rig: Rig) -> Rig {
    let again = insert(&rig, |inserts| inserts.push(&tables::LOG, [1.into(), "other".into()])).await;
    assert!(matches!(again, Err(StoreError::Unique { .. })), "{again:?}");
    let null =
        insert(&rig, |inserts| inserts.push(&tables::LOG, [9.into(), qinlian::store::Value::Null])).await;
    assert!(matches!(null, Err(StoreError::Rejected(_))), "{null:?}");
    rig
}

async fn a_row_that_may_be_there_already_is_left_alone(rig: Rig) -> Rig {
    for upto in [3, 5, 5] {
        insert(&rig, |inserts| (0..upto).for_each(|size| signature_row(inserts, size))).await.unwrap();
    }
    assert_eq!(rig.number("SELECT count(*) FROM ledger_signature WHERE log_id = 9").await, 5);
    rig
}

async fn a_transaction_that_is_dropped_leaves_nothing(rig: Rig) -> Rig {
    for _ in 0..3 {
        let mut inserts = Inserts::new();
        signature_row(&mut inserts, 1);
        let mut tx = rig.fixture.store.begin().await.unwrap();
        tx.insert(inserts).await.unwrap();
        drop(tx);
    }
    rig.send(HALL, put("a", "")).await.unwrap();
    assert_eq!(rig.number("SELECT count(*) FROM ledger_signature WHERE log_id = 9").await, 0);
    rig
}

static COUNT: Statement = Statement::new("SELECT count(*) FROM toy_row WHERE log_id = $1");

async fn count(snapshot: &mut Tx) -> i64 {
    let read = |cells: &mut Cells<'_>| cells.int();
    snapshot.fetch(&COUNT, Binds::new().and(1), read).await.unwrap()[0]
}

async fn a_snapshot_sees_one_moment(rig: Rig) -> Rig {
    let mut snapshot = rig.fixture.store.snapshot().await.unwrap();
    for _ in 0..3 {
        assert_eq!(count(&mut snapshot).await, 0);
        rig.send(HALL, put("a", "")).await.unwrap();
    }
    drop(snapshot);
    assert_eq!(count(&mut rig.fixture.store.snapshot().await.unwrap()).await, 3);
    rig
}

async fn a_snapshot_cannot_write(rig: Rig) -> Rig {
    let mut inserts = Inserts::new();
    signature_row(&mut inserts, 1);
    let mut snapshot = rig.fixture.store.snapshot().await.unwrap();
    assert!(snapshot.insert(inserts).await.is_err());
    rig
}

async fn a_set_of_keys_may_be_empty_or_large_or_say_the_same_twice(rig: Rig) -> Rig {
    rig.fill_to(HALL, 600).await;
    let reader = rig.ledger.reader();
    assert!(reader.entries(HALL, &[]).await.unwrap().is_empty());
    let all: Vec<Pos> = (0..5_000).map(Pos::new).collect();
    assert_eq!(reader.entries(HALL, &all).await.unwrap().len(), 600);
    let twice = [Pos::new(7), Pos::new(3), Pos::new(7)];
    let found: Vec<u64> =
        reader.entries(HALL, &twice).await.unwrap().iter().map(|entry| entry.pos.get()).collect();
    assert_eq!(found, [3, 7]);
    rig
}

async fn migrating_twice_changes_nothing(rig: Rig) -> Rig {
    let before = whole(rig.ledger.reader()).await.unwrap();
    rig.fixture.store.migrate().await.unwrap();
    rig.fixture.another_store().await.migrate().await.unwrap();
    assert_eq!(whole(rig.ledger.reader()).await.unwrap(), before);
    rig
}

async fn the_database_keeps_what_it_acknowledges_or_is_not_opened(rig: Rig) -> Rig {
    match &rig.fixture.store {
        Store::Sqlite { writer, .. } => {
            for (pragma, wanted) in [("synchronous", "2"), ("journal_mode", "wal"), ("secure_delete", "1")] {
                let text: String = sqlx::query_scalar(sqlx::AssertSqlSafe(format!(
                    "SELECT CAST({pragma} AS TEXT) FROM pragma_{pragma}"
                )))
                .fetch_one(writer)
                .await
                .unwrap();
                assert_eq!(text, wanted, "{pragma}");
            }
        }
        Store::Postgres { .. } => {
            let name = rig.raw().await.column::<String>("SELECT current_database()::text").await.remove(0);
            for (value, opens) in [
                ("off", false),
                ("local", false),
                ("remote_write", false),
                ("on", true),
                ("remote_apply", true),
            ] {
                rig.tamper(&format!("ALTER DATABASE {name} SET synchronous_commit = {value}")).await;
                let opened = Store::open(rig.fixture.url(), OpenMode::Existing).await;
                assert_eq!(opened.is_ok(), opens, "{value}");
                assert!(opens || matches!(opened, Err(StoreError::Unsafe(_))), "{value}");
            }
        }
    }
    rig
}

async fn a_database_that_is_not_there_is_not_made_by_mistake(rig: Rig) -> Rig {
    let url = format!("sqlite://{}/mistyped.db", rig.fixture.dir().display());
    assert!(Store::open(&url, OpenMode::Existing).await.is_err());
    assert!(!rig.fixture.dir().join("mistyped.db").exists());
    assert!(matches!(Store::open("mysql://x/y", OpenMode::Create).await, Err(StoreError::Url(_))));
    rig
}
