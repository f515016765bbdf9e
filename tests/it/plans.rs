//! No question reads a whole log: SQLite answers every text through an index that knows more of what is asked for than the log,
//! or than the log and where in it to begin. Whatever reads all of something stands in a list here, with the reason.
//!
//! What SQLite takes a database for stands in `migrations/sqlite/0015_statistics.sql`. PostgreSQL is told nothing: where a text
//! looks something up for each of a set of keys, it does so also before anybody has counted (docs/adr/0015-keys-first.md).

use sqlx::{AssertSqlSafe, PgConnection, Row, SqliteConnection};

use crate::statements::POSTGRES_ONLY;
use crate::support::source::sources;
use crate::support::statics::statements;
use crate::support::store::{Fixture, Raw};

const FEW: &str = "there are few of them";
const PAGE: &str = "a page: in the order of entries, and it ends";
const ALL: &str = "all of it is asked for";

/// What may read more than it answers with, by name, and why.
const WIDE: [(&str, &str); 37] = [
    ("ABOUT", FEW),
    ("AWAITING", PAGE),
    ("CALENDAR_YEARS", FEW),
    ("CENTRE_DAYS", FEW),
    ("CHECKPOINT_KEYS", ALL),
    ("COSIG_KEYS", ALL),
    ("COUNT", ALL),
    ("COUNTS", ALL),
    ("DECLARED", FEW),
    ("DELETE_REVISIONS", ALL),
    ("DELETE_WAITS", ALL),
    ("DUTIES_OF_ALL", ALL),
    ("ENTRIES_FROM", PAGE),
    ("EPOCHS", FEW),
    ("FACTS_FROM", PAGE),
    ("FIRST_DUTY", "asked once by a fold that begins"),
    ("IMPORTS", FEW),
    ("LISTED", PAGE),
    ("LOCKS", FEW),
    ("NEWEST", "one row from the end"),
    ("NEWEST_RULES", FEW),
    ("PAUSES", ALL),
    ("POLICIES", FEW),
    ("RAW_EPOCHS", ALL),
    ("RAW_HEADS", ALL),
    ("RAW_LOGS", ALL),
    ("READS_AFTER", PAGE),
    ("RECENT", "a row for every start of a device"),
    ("REQUEST_KEYS", ALL),
    ("RULES_SINCE", FEW),
    ("SHIFTS", FEW),
    ("SIGNATURE_KEYS", ALL),
    ("STRETCHES", FEW),
    ("TILE_KEYS", ALL),
    ("VOUCHED", FEW),
    ("WAITS", ALL),
    ("WHOLE", "asked once by a process that starts, which is to know all"),
];

/// An index that is asked for no more than these finds a log, or what comes before or after a place in it.
const LOG_ALONE: [&str; 3] = ["(log_id=?)", "(log_id=? AND pos<?)", "(log_id=? AND pos>?)"];

/// How SQLite answers a text: a line per table. Each connection keeps what it was told, until it is told otherwise.
pub(crate) async fn plan(connection: &mut SqliteConnection, text: &str) -> Vec<String> {
    let rows =
        sqlx::query(AssertSqlSafe(format!("EXPLAIN QUERY PLAN {text}"))).fetch_all(connection).await.unwrap();
    rows.iter().map(|row| row.get::<String, _>("detail")).collect()
}

/// What is wrong with a plan, if anything is.
fn wide(plan: &[String]) -> Option<String> {
    // Another question within the question has lines of its own.
    let inner: Vec<&str> = plan
        .iter()
        .filter_map(|line| line.strip_prefix("CO-ROUTINE ").or_else(|| line.strip_prefix("MATERIALIZE ")))
        .collect();
    let mut before = "";
    for line in plan {
        let scanned = line.strip_prefix("SCAN ").and_then(|rest| rest.split(' ').next());
        if scanned == Some("json_each") {
            if before.starts_with("SEARCH") || before.starts_with("SCAN") {
                return Some(format!("the keys are read again for every row: {line}"));
            }
        } else if scanned.is_some_and(|name| !inner.contains(&name)) {
            return Some(format!("a whole table is read: {line}"));
        } else if line.starts_with("SEARCH") && LOG_ALONE.iter().any(|known| line.contains(known)) {
            return Some(format!("a log is read from one place on: {line}"));
        }
        before = line;
    }
    None
}

/// Every text that reads more than it answers with: its name, its place and why.
async fn all_wide(connection: &mut SqliteConnection) -> Vec<(String, String)> {
    let mut found = Vec::new();
    for text in statements(&sources("src")) {
        if POSTGRES_ONLY.iter().any(|(name, _)| *name == text.name) {
            continue;
        }
        if let Some(why) = wide(&plan(connection, text.value.sqlite()).await) {
            found.push((text.name, format!("{} {why}", text.place)));
        }
    }
    found
}

#[tokio::test]
async fn no_question_reads_a_whole_log_unless_it_says_why() {
    let fixture = Fixture::sqlite().await;
    let Raw::Sqlite(pool) = fixture.raw().await else { panic!("of SQLite only") };
    let found = all_wide(&mut pool.acquire().await.unwrap()).await;
    let known = |name: &str| WIDE.iter().any(|(known, _)| *known == name);
    let unknown: Vec<_> = found.iter().filter(|(name, _)| !known(name)).collect();
    assert!(unknown.is_empty(), "{unknown:#?}");
    let stale: Vec<_> =
        WIDE.iter().filter(|(known, _)| !found.iter().any(|(name, _)| name == known)).collect();
    assert!(stale.is_empty(), "these need no leave any more: {stale:?}");
    fixture.end().await;
}

#[tokio::test]
async fn without_what_it_is_told_sqlite_reads_whole_logs() {
    let fixture = Fixture::sqlite().await;
    let Raw::Sqlite(pool) = fixture.raw().await else { panic!("of SQLite only") };
    let mut connection = pool.acquire().await.unwrap();
    for text in ["DELETE FROM sqlite_stat1", "ANALYZE sqlite_schema"] {
        sqlx::query(text).execute(&mut *connection).await.unwrap();
    }
    // Whatever a day's result, a window's pauses and leave are derived from.
    let found = all_wide(&mut connection).await;
    for name in ["PUNCHES_BY_CLAIM", "DUTIES", "PAUSES_OF_PEOPLE", "REQUESTS_OF", "OUTAGES"] {
        assert!(found.iter().any(|(found, _)| found == name), "{name}");
    }
    drop(connection);
    fixture.end().await;
}

#[tokio::test]
async fn every_index_of_a_log_is_told_of() {
    let fixture = Fixture::sqlite().await;
    let Raw::Sqlite(pool) = fixture.raw().await else { panic!("of SQLite only") };
    // A primary key that is the table itself goes by the table's name. Logs and their epochs are few.
    let untold = sqlx::query_scalar::<_, String>(
        "SELECT t.name || ' ' || i.name FROM sqlite_schema t, pragma_index_list(t.name) i, pragma_index_info(i.name) c \
         WHERE t.type = 'table' AND c.seqno = 0 AND c.name = 'log_id' AND t.name NOT IN ('ledger_log', 'ledger_epoch') \
         AND NOT EXISTS (SELECT 1 FROM sqlite_stat1 s WHERE s.tbl = t.name \
         AND s.idx = CASE WHEN i.origin = 'pk' AND t.sql LIKE '%WITHOUT ROWID%' THEN t.name ELSE i.name END)",
    );
    assert_eq!(untold.fetch_all(&pool).await.unwrap(), Vec::<String>::new());
    let strange = sqlx::query_scalar::<_, String>(
        "SELECT s.tbl || ' ' || s.idx FROM sqlite_stat1 s WHERE s.idx <> s.tbl \
         AND NOT EXISTS (SELECT 1 FROM pragma_index_list(s.tbl) i WHERE i.name = s.idx)",
    );
    assert_eq!(strange.fetch_all(&pool).await.unwrap(), Vec::<String>::new());
    fixture.end().await;
}

/// What makes PostgreSQL begin with the keys.
const KEYS_FIRST: (&str, &str) = ("CROSS JOIN LATERAL (SELECT * FROM ", " OFFSET 0) ");

/// In a table of ten rows any index is as good as another.
const NEVER_COUNTED: &str = "ALTER TABLE result_wait SET (autovacuum_enabled = off); \
     INSERT INTO result_wait SELECT 1, 0, 3, decode(md5(n::text), 'hex'), 'time', n FROM generate_series(1, 5000) n";

/// How PostgreSQL answers a text for any parameters whatever, when nobody has counted its tables.
async fn general_plan(connection: &mut PgConnection, text: &str) -> Vec<String> {
    let count = (1..=20).take_while(|number| text.contains(&format!("${number}"))).count();
    let nulls = vec!["NULL"; count].join(", ");
    for text in
        ["SET plan_cache_mode = force_generic_plan", "DEALLOCATE ALL", &format!("PREPARE q AS {text}")]
    {
        sqlx::raw_sql(AssertSqlSafe(text.to_owned())).execute(&mut *connection).await.unwrap();
    }
    let explained = AssertSqlSafe(format!("EXPLAIN EXECUTE q({nulls})"));
    let rows = sqlx::raw_sql(explained).fetch_all(connection).await.unwrap();
    rows.iter().map(|row| row.get::<String, _>(0)).collect()
}

/// An index is asked for what a key says, and no rows are compared with keys.
fn keys_first(plan: &[String]) -> bool {
    plan.iter().any(|line| line.contains("Index Cond") && line.contains("k.k0"))
        && !plan.iter().any(|line| line.contains("Join Filter"))
}

#[tokio::test]
async fn postgres_looks_up_each_key_whatever_it_believes_of_its_tables() {
    let Some(fixture) = Fixture::postgres().await else { return };
    let Raw::Postgres(pool) = fixture.raw().await else { panic!("of PostgreSQL only") };
    let mut connection = pool.acquire().await.unwrap();
    sqlx::raw_sql(NEVER_COUNTED).execute(&mut *connection).await.unwrap();
    let (mut seen, mut otherwise) = (0, Vec::new());
    for text in statements(&sources("src")) {
        let text = (text.name, text.value.postgres());
        if !text.1.contains(KEYS_FIRST.0) {
            continue;
        }
        let plan = general_plan(&mut connection, text.1).await;
        assert!(keys_first(&plan), "{}: {plan:#?}", text.0);
        seen += 1;
        // The control: the same, in an order that PostgreSQL may choose.
        let free = text.1.replacen(KEYS_FIRST.0, "CROSS JOIN ", 1);
        let Some((before, after)) = free.rsplit_once(KEYS_FIRST.1) else { panic!("{free}") };
        let free = format!("{before} {}", after.trim_start_matches(char::is_alphabetic));
        if !keys_first(&general_plan(&mut connection, &free).await) {
            otherwise.push(text.0);
        }
    }
    assert!(seen >= 15, "{seen}");
    for name in ["PUNCHES_BY_CLAIM", "ASSIGNMENTS"] {
        assert!(otherwise.iter().any(|other| other == name), "{name} of {otherwise:?}");
    }
    drop(connection);
    fixture.end().await;
}
