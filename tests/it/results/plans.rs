//! Every question is answered through an index that knows the key.

use qinlian::results;
use sqlx::{AssertSqlSafe, Row};

use crate::support::store::{Fixture, Raw};

/// How SQLite answers a text: one line per table.
async fn plan(raw: &Raw, text: &str) -> Vec<String> {
    let Raw::Sqlite(pool) = raw else { panic!("of SQLite only") };
    let rows =
        sqlx::query(AssertSqlSafe(format!("EXPLAIN QUERY PLAN {text}"))).fetch_all(pool).await.unwrap();
    rows.iter().map(|row| row.get::<String, _>("detail")).collect()
}

#[tokio::test]
async fn sqlite_searches_for_keys_and_scans_no_table() {
    let fixture = Fixture::sqlite().await;
    let raw = fixture.raw().await;
    let mut searches_by_key = 0;
    for statement in results::statements() {
        let text = statement.sqlite();
        for line in plan(&raw, text).await {
            let scans = line.starts_with("SCAN") && !line.contains("json_each");
            assert!(!scans, "{line}\n{text}");
            // A head has no key: it is found by its log.
            let of_keys = line.starts_with("SEARCH") && !line.starts_with("SEARCH h ");
            if statement.postgres().contains("bytea[]") && of_keys {
                assert!(line.contains("key=?"), "{line}\n{text}");
                searches_by_key += 1;
            }
        }
    }
    assert!(searches_by_key >= 4, "{searches_by_key}");
    fixture.end().await;
}

#[tokio::test]
async fn the_check_notices_a_question_that_reads_a_whole_room() {
    let fixture = Fixture::sqlite().await;
    let raw = fixture.raw().await;
    let lines = plan(&raw, "SELECT seq FROM result_revision WHERE log_id = 1 AND feed = 0 AND pos = 1").await;
    assert!(lines.iter().any(|line| line.starts_with("SEARCH") && !line.contains("key=?")), "{lines:?}");
    let lines = plan(&raw, "SELECT seq FROM result_revision WHERE content = x'00'").await;
    assert!(lines.iter().any(|line| line.starts_with("SCAN")), "{lines:?}");
    fixture.end().await;
}
