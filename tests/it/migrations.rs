//! Both databases get the same tables (docs/adr/0004-portable-column-types.md).

use std::fs;

use qinlian::store::Dialect;

use crate::support::schema::{self, Schema};
use crate::support::source::root;
use crate::support::store::{Fixture, each};

/// What a migration may not say, whichever database it is for: the software writes every value, and nothing happens
/// by itself. Words of SQL, in capitals.
const BANNED: [&str; 10] = [
    "DEFAULT",
    "REFERENCES",
    "TRIGGER",
    "GENERATED",
    "AUTOINCREMENT",
    "BOOLEAN",
    "TIMESTAMP",
    "JSON",
    "SERIAL",
    "VIEW",
];

#[test]
fn both_folders_have_the_same_files() {
    let names = |folder: &str| {
        let mut names: Vec<String> = fs::read_dir(root().join("migrations").join(folder))
            .unwrap()
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .collect();
        names.sort();
        names
    };
    let sqlite = names("sqlite");
    assert_eq!(sqlite, names("postgres"));
    for (at, name) in sqlite.iter().enumerate() {
        assert!(name.starts_with(&format!("{:04}_", at + 1)), "{name}: numbers have no gaps");
    }
}

#[tokio::test]
async fn both_databases_have_the_same_tables() {
    let sqlite = Fixture::sqlite().await;
    let on_sqlite = schema::read(&sqlite).await;
    let Some(postgres) = Fixture::postgres().await else { return };
    let on_postgres = schema::read(&postgres).await;
    assert!(on_sqlite.contains_key("ledger_head"), "the rig sees the tables");
    assert_eq!(differences(&on_sqlite, &on_postgres), Vec::<String>::new());
    postgres.end().await;
}

#[tokio::test]
async fn every_column_is_a_portable_one_and_every_table_has_a_primary_key() {
    each(async |fixture| assert_eq!(unportable(&schema::read(fixture).await), Vec::<String>::new())).await;
}

#[tokio::test]
async fn migrating_twice_changes_nothing() {
    each(async |fixture| {
        let before = schema::read(fixture).await;
        fixture.another_store().await.migrate().await.unwrap();
        assert_eq!(schema::read(fixture).await, before);
    })
    .await;
}

#[tokio::test]
async fn sqlite_tables_are_strict() {
    let fixture = Fixture::sqlite().await;
    assert_eq!(lax(&fixture).await, Vec::<String>::new());
    fixture.raw().await.execute("CREATE TABLE lax (a INTEGER NOT NULL PRIMARY KEY)").await;
    assert_eq!(lax(&fixture).await, ["lax"], "the rig finds one that is not");
}

async fn lax(fixture: &Fixture) -> Vec<String> {
    let raw = fixture.raw().await;
    raw.column(
        "SELECT name FROM pragma_table_list WHERE schema = 'main' AND type = 'table' AND strict = 0 \
         AND name NOT LIKE 'sqlite%' AND name NOT LIKE '_sqlx%'",
    )
    .await
}

#[test]
fn migrations_leave_nothing_to_the_database() {
    for folder in ["sqlite", "postgres"] {
        for entry in fs::read_dir(root().join("migrations").join(folder)).unwrap() {
            let path = entry.unwrap().path();
            assert_eq!(banned(&fs::read_to_string(&path).unwrap()), Vec::<&str>::new(), "{}", path.display());
        }
    }
    assert_eq!(banned("a bigint not null default 0"), ["DEFAULT"]);
    assert_eq!(banned("created TIMESTAMPTZ -- no DEFAULT, no TRIGGER"), ["TIMESTAMP"]);
}

fn banned(text: &str) -> Vec<&'static str> {
    let text: String =
        text.lines().map(|line| line.split("--").next().unwrap_or_default().to_uppercase() + "\n").collect();
    BANNED.into_iter().filter(|word| text.contains(word)).collect()
}

#[tokio::test]
async fn a_difference_between_the_databases_is_found() {
    let sqlite = Fixture::sqlite_empty().await;
    let Some(postgres) = Fixture::postgres_empty().await else { return };
    let text = "CREATE TABLE extra (a {int} NOT NULL PRIMARY KEY, b {text} NOT NULL, UNIQUE (b, a))";
    for (case, left, right, wanted) in [
        ("the same", text, text, ""),
        ("a column less", text, "CREATE TABLE extra (a {int} NOT NULL PRIMARY KEY)", "extra"),
        (
            "another order",
            text,
            "CREATE TABLE extra (b {text} NOT NULL, a {int} NOT NULL PRIMARY KEY, UNIQUE (b, a))",
            "extra",
        ),
        (
            "another kind",
            text,
            "CREATE TABLE extra (a {int} NOT NULL PRIMARY KEY, b BYTEA NOT NULL, UNIQUE (b, a))",
            "extra",
        ),
        (
            "may be NULL",
            text,
            "CREATE TABLE extra (a {int} NOT NULL PRIMARY KEY, b {text}, UNIQUE (b, a))",
            "extra",
        ),
        ("no UNIQUE", text, "CREATE TABLE extra (a {int} NOT NULL PRIMARY KEY, b {text} NOT NULL)", "extra"),
        (
            "another key",
            text,
            "CREATE TABLE extra (a {int} NOT NULL, b {text} NOT NULL PRIMARY KEY, UNIQUE (b, a))",
            "extra",
        ),
        ("no table", text, "SELECT 1", "extra"),
        (
            "only an index",
            "CREATE TABLE extra (a {int} NOT NULL PRIMARY KEY, b {text} NOT NULL, UNIQUE (b, a)); CREATE INDEX i ON extra (b)",
            text,
            "extra",
        ),
    ] {
        sqlite.raw().await.execute(&spelled(left, Dialect::Sqlite)).await;
        postgres.raw().await.execute(&spelled(right, Dialect::Postgres)).await;
        let found = differences(&schema::read(&sqlite).await, &schema::read(&postgres).await);
        assert_eq!(found.concat(), wanted, "{case}");
        for fixture in [&sqlite, &postgres] {
            fixture.raw().await.execute("DROP TABLE IF EXISTS extra").await;
        }
    }
    postgres.end().await;
}

#[tokio::test]
async fn an_unportable_column_is_found() {
    let Some(fixture) = Fixture::postgres_empty().await else { return };
    let raw = fixture.raw().await;
    raw.execute(
        "CREATE TABLE a (id BIGINT NOT NULL PRIMARY KEY, at TIMESTAMPTZ NOT NULL, name TEXT NOT NULL)",
    )
    .await;
    raw.execute("CREATE TABLE b (small INTEGER NOT NULL)").await;
    let found = unportable(&schema::read(&fixture).await);
    assert_eq!(found, ["a.at", "a.name", "b has no primary key", "b.small"]);
    fixture.end().await;
}

fn spelled(text: &str, dialect: Dialect) -> String {
    match dialect {
        Dialect::Sqlite => text.replace("{int}", "INTEGER").replace("{text}", "TEXT"),
        Dialect::Postgres => text.replace("{int}", "BIGINT").replace("{text}", "TEXT COLLATE \"C\""),
    }
}

/// The names of the tables that are not the same.
fn differences(one: &Schema, other: &Schema) -> Vec<String> {
    let mut names: Vec<&String> = one.keys().chain(other.keys()).collect();
    names.sort_unstable();
    names.dedup();
    names.into_iter().filter(|name| one.get(*name) != other.get(*name)).cloned().collect()
}

fn unportable(schema: &Schema) -> Vec<String> {
    let mut found = Vec::new();
    for (name, table) in schema {
        if table.primary.is_empty() {
            found.push(format!("{name} has no primary key"));
        }
        found.extend(
            table
                .columns
                .iter()
                .filter(|column| column.kind.is_none())
                .map(|column| format!("{name}.{}", column.name)),
        );
    }
    found
}
