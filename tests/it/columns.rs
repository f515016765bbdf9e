//! Every column that a database has is classed: public, pseudonymous or personal.

use qinlian::store::{Class, Table};

use crate::support::schema::{self, Schema};
use crate::support::source::sources;
use crate::support::statics::tables;
use crate::support::store::each;

/// What every table of personal parts consists of.
const PERSONAL_TABLE: [(&str, Class); 5] = [
    ("log_id", Class::Public),
    ("pos", Class::Public),
    ("part", Class::Public),
    ("salt", Class::Public),
    ("payload", Class::Personal),
];

#[tokio::test]
async fn every_column_is_classed_and_personal_ones_stand_in_personal_tables() {
    let tables: Vec<&Table> = tables(&sources("src")).into_iter().map(|found| found.value).collect();
    each(async |fixture| {
        assert_eq!(wrong(&schema::read(fixture).await, &tables), Vec::<String>::new());
    })
    .await;
}

#[tokio::test]
async fn a_column_without_a_class_or_in_the_wrong_place_is_found() {
    use qinlian::store::{Column, Kind};
    static CLASSED: Table = Table::new(
        "x",
        &[
            Column::public("a", Kind::Int),
            Column::personal("name", Kind::Text),
            Column::public("gone", Kind::Int),
        ],
    );
    static PERSONAL: Table = Table::new("x_personal", &[Column::public("a", Kind::Int)]);
    each(async |fixture| {
        let raw = fixture.raw().await;
        raw.execute("CREATE TABLE x (a INTEGER NOT NULL PRIMARY KEY, name TEXT NOT NULL, b TEXT NOT NULL)")
            .await;
        raw.execute("CREATE TABLE x_personal (a BIGINT NOT NULL PRIMARY KEY)").await;
        raw.execute("CREATE TABLE y (a BIGINT NOT NULL PRIMARY KEY)").await;
        let mut schema = schema::read(fixture).await;
        schema.retain(|name, _| name.starts_with('x') || name == "y");
        let found = wrong(&schema, &[&CLASSED, &PERSONAL]);
        for expected in [
            "x.b has no class",
            "x.name is personal, outside a personal table",
            "x.gone is classed, and no column",
            "x_personal is not shaped as a personal table",
            "y has no class",
        ] {
            assert!(found.iter().any(|found| found == expected), "{expected}: {found:?}");
        }
    })
    .await;
}

fn wrong(schema: &Schema, tables: &[&Table]) -> Vec<String> {
    let mut wrong = Vec::new();
    for (name, shape) in schema {
        let Some(table) = tables.iter().find(|table| table.name == name) else {
            wrong.push(format!("{name} has no class"));
            continue;
        };
        for column in &shape.columns {
            match table.columns.iter().find(|classed| classed.name == column.name) {
                None => wrong.push(format!("{name}.{} has no class", column.name)),
                Some(classed) if Some(classed.kind) != column.kind => {
                    wrong.push(format!("{name}.{} is not {:?}", column.name, classed.kind));
                }
                Some(_) => {}
            }
        }
    }
    for table in tables {
        let shape = schema.get(table.name);
        for column in table.columns {
            if !shape.is_some_and(|shape| shape.columns.iter().any(|there| there.name == column.name)) {
                wrong.push(format!("{}.{} is classed, and no column", table.name, column.name));
            }
            if column.class == Class::Personal && !table.name.ends_with("_personal") {
                wrong.push(format!("{}.{} is personal, outside a personal table", table.name, column.name));
            }
        }
        let classes: Vec<_> = table.columns.iter().map(|column| (column.name, column.class)).collect();
        if table.name.ends_with("_personal") && classes != PERSONAL_TABLE {
            wrong.push(format!("{} is not shaped as a personal table", table.name));
        }
    }
    wrong
}
