//! Every SQL text that is ever sent is prepared on both databases: a misspelt column is found here, not at night.

use qinlian::store::Dialect;
use sqlx::{AssertSqlSafe, Executor, SqlSafeStr};

use crate::support::source::sources;
use crate::support::statics::{statements, tables};
use crate::support::store::{Raw, each};

/// Asked on PostgreSQL only, and with a reason.
pub(crate) const POSTGRES_ONLY: [(&str, &str); 1] =
    [("DEPLOYMENT_AND_CLOCK", "SQLite has no clock of its own")];

#[tokio::test]
async fn every_text_is_understood_by_both_databases() {
    let sources = sources("src");
    let (statements, tables) = (statements(&sources), tables(&sources));
    assert!(statements.len() >= 20 && tables.len() >= 10, "the rig finds the statics");
    each(async |fixture| {
        let dialect = fixture.store.dialect();
        let raw = fixture.raw().await;
        let mut refused = Vec::new();
        for found in &statements {
            let text = match dialect {
                Dialect::Sqlite => found.value.sqlite(),
                Dialect::Postgres => found.value.postgres(),
            };
            let postgres_only = POSTGRES_ONLY.iter().any(|(name, _)| *name == found.name);
            match (prepare(&raw, text).await, dialect) {
                (Ok(()), Dialect::Sqlite) if postgres_only => {
                    refused.push(format!("{} is understood by SQLite after all", found.name));
                }
                (Err(_), Dialect::Sqlite) if postgres_only => {}
                (Err(why), _) => refused.push(format!("{} {}: {why}", found.place, found.name)),
                (Ok(()), _) => {}
            }
        }
        for found in &tables {
            let table = found.value;
            let inserts = table.postgres_insert(1);
            let mut texts: Vec<&str> = match dialect {
                Dialect::Sqlite => table.sqlite_inserts().collect(),
                Dialect::Postgres => vec![&inserts],
            };
            if table.columns.iter().any(|column| column.name == "pos") {
                texts.push(table.range());
            }
            if table.name.ends_with("_personal") || table.name == "ledger_part" {
                texts.push(match dialect {
                    Dialect::Sqlite => table.delete_parts().sqlite(),
                    Dialect::Postgres => table.delete_parts().postgres(),
                });
            }
            for text in texts {
                if let Err(why) = prepare(&raw, text).await {
                    refused.push(format!("{} {}: {why}", found.place, table.name));
                }
            }
        }
        assert!(refused.is_empty(), "{}", refused.join("\n"));
    })
    .await;
}

#[tokio::test]
async fn a_text_with_a_mistake_is_refused() {
    each(async |fixture| {
        let raw = fixture.raw().await;
        assert!(prepare(&raw, "SELECT size FROM ledger_head WHERE log_id = $1").await.is_ok());
        for wrong in [
            "SELECT sise FROM ledger_head WHERE log_id = $1",
            "SELECT size FROM ledger_heads",
            "SELECT size FROM ledger_head WHERE",
        ] {
            assert!(prepare(&raw, wrong).await.is_err(), "{wrong}");
        }
    })
    .await;
}

async fn prepare(raw: &Raw, text: &str) -> Result<(), sqlx::Error> {
    let text = AssertSqlSafe(text).into_sql_str();
    match raw {
        Raw::Sqlite(pool) => pool.acquire().await?.prepare(text).await.map(drop),
        Raw::Postgres(pool) => pool.acquire().await?.prepare(text).await.map(drop),
    }
}
