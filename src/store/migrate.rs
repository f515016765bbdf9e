//! Migrations: the same file names for both databases, compiled in, run in order.

use sqlx::SqlSafeStr;
use sqlx::migrate::{Migration, MigrationType, Migrator};

use super::Dialect;

struct File {
    version: i64,
    name: &'static str,
    sqlite: &'static str,
    postgres: &'static str,
}

macro_rules! file {
    ($version:literal, $name:literal) => {
        File {
            version: $version,
            name: $name,
            sqlite: include_str!(concat!("../../migrations/sqlite/", $name, ".sql")),
            postgres: include_str!(concat!("../../migrations/postgres/", $name, ".sql")),
        }
    };
}

const FILES: &[File] = &[
    file!(1, "0001_ledger"),
    file!(2, "0002_directory"),
    file!(3, "0003_results"),
    file!(4, "0004_attendance"),
    file!(5, "0005_audit"),
    file!(6, "0006_roster"),
    file!(7, "0007_days"),
    file!(8, "0008_approvals"),
    file!(9, "0009_months"),
    file!(10, "0010_swaps"),
    file!(11, "0011_losses"),
    file!(12, "0012_duty"),
    file!(13, "0013_inspections"),
    file!(14, "0014_indexes"),
    file!(15, "0015_statistics"),
    file!(16, "0016_cause"),
    file!(17, "0017_waits"),
];

/// The migrations of one database.
pub(super) fn migrator(dialect: Dialect) -> Migrator {
    Migrator::with_migrations(
        FILES
            .iter()
            .map(|file| {
                let text = match dialect {
                    Dialect::Sqlite => file.sqlite,
                    Dialect::Postgres => file.postgres,
                };
                Migration::new(
                    file.version,
                    file.name.into(),
                    MigrationType::Simple,
                    text.into_sql_str(),
                    false,
                )
            })
            .collect(),
    )
}
