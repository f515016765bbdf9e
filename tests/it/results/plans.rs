//! Every question is answered through an index that knows the key.

use qinlian::results;

use crate::plans::plan;
use crate::support::store::{Fixture, Raw};

#[tokio::test]
async fn sqlite_searches_for_keys_and_scans_no_table() {
    let fixture = Fixture::sqlite().await;
    let Raw::Sqlite(pool) = fixture.raw().await else { panic!("of SQLite only") };
    let mut connection = pool.acquire().await.unwrap();
    let mut searches_by_key = 0;
    for statement in results::statements() {
        let text = statement.sqlite();
        for line in plan(&mut connection, text).await {
            let scans = line.starts_with("SCAN") && !line.contains("json_each");
            assert!(!scans, "{line}\n{text}");
            // A head has no key: it is found by its log.
            let of_keys = line.starts_with("SEARCH") && !line.contains("INTEGER PRIMARY KEY (rowid=?)");
            if statement.postgres().contains("bytea[]") && of_keys {
                assert!(line.contains("key=?"), "{line}\n{text}");
                searches_by_key += 1;
            }
        }
    }
    assert!(searches_by_key >= 4, "{searches_by_key}");
    drop(connection);
    fixture.end().await;
}

#[tokio::test]
async fn the_check_notices_a_question_that_reads_a_whole_room() {
    let fixture = Fixture::sqlite().await;
    let Raw::Sqlite(pool) = fixture.raw().await else { panic!("of SQLite only") };
    let mut connection = pool.acquire().await.unwrap();
    let lines =
        plan(&mut connection, "SELECT seq FROM result_revision WHERE log_id = 1 AND feed = 0 AND pos = 1")
            .await;
    assert!(lines.iter().any(|line| line.starts_with("SEARCH") && !line.contains("key=?")), "{lines:?}");
    let lines = plan(&mut connection, "SELECT seq FROM result_revision WHERE content = x'00'").await;
    assert!(lines.iter().any(|line| line.starts_with("SCAN")), "{lines:?}");
    drop(connection);
    fixture.end().await;
}
