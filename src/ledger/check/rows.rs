//! Rows that are a function of the entries, compared with those that stand.

use std::collections::BTreeMap;

use super::finding::{Finding, Weight};
use crate::kernel::LogId;
use crate::store::{Inserts, Table, Value};

/// Rows as values.
type Rows = Vec<Vec<Value>>;

/// Compares one table's rows of a range of positions.
pub(super) fn compare(
    log: LogId,
    table: &'static Table,
    base: i64,
    expected: &Inserts,
    stored: Vec<Vec<Value>>,
    comparable: impl Fn(i64) -> bool,
    found: &mut dyn FnMut(Finding),
) {
    let Some(pos_at) = table.columns.iter().position(|column| column.name == "pos") else { return };
    let pos_of = |row: &[Value]| match row.get(pos_at) {
        Some(Value::Int(pos)) => *pos,
        _ => i64::MIN,
    };
    let mut by_pos: BTreeMap<i64, (Rows, Rows)> = BTreeMap::new();
    for row in expected.rows_of(table) {
        by_pos.entry(pos_of(row)).or_default().0.push(row.to_vec());
    }
    for row in stored {
        by_pos.entry(pos_of(&row)).or_default().1.push(row);
    }
    for (pos, (mut expected, mut stored)) in by_pos {
        if !comparable(pos) {
            continue;
        }
        expected.retain(|row| match stored.iter().position(|other| other == row) {
            Some(at) => {
                stored.swap_remove(at);
                false
            }
            None => true,
        });
        let mut report = |column: &str, why: &str| {
            found(Finding {
                weight: Weight::Bad,
                log: log.column(),
                table: table.name.to_owned(),
                row: format!("pos {pos}"),
                column: column.to_owned(),
                index: pos.checked_sub(base).and_then(|index| u64::try_from(index).ok()),
                why: why.to_owned(),
            });
        };
        for row in expected {
            match nearest(&row, &stored) {
                Some(at) => {
                    let other = stored.swap_remove(at);
                    report(&differing(table, &row, &other), "the row says something else than the entry");
                }
                None => report("*", "the entry makes a row here, and there is none"),
            }
        }
        for _ in stored {
            report("*", "a row that no entry makes");
        }
    }
}

/// The stored row that agrees in most columns, if it is more than the log and the position.
fn nearest(row: &[Value], stored: &[Vec<Value>]) -> Option<usize> {
    let equal = |other: &Vec<Value>| row.iter().zip(other).filter(|(one, other)| one == other).count();
    let best = stored.iter().enumerate().max_by_key(|(_, other)| equal(other))?;
    (equal(best.1) > 2 || row.len() <= 3).then_some(best.0)
}

fn differing(table: &Table, row: &[Value], other: &[Value]) -> String {
    let columns = table.columns.iter().zip(row.iter().zip(other));
    let names: Vec<&str> =
        columns.filter(|(_, (one, other))| one != other).map(|(column, _)| column.name).collect();
    names.join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::{Column, Kind};

    static TABLE: Table = Table::new(
        "t",
        &[
            Column::public("log_id", Kind::Int),
            Column::public("pos", Kind::Int),
            Column::public("a", Kind::Text),
            Column::public("b", Kind::Int),
        ],
    );

    fn row(pos: i64, a: &str, b: i64) -> [Value; 4] {
        [Value::Int(1), pos.into(), a.into(), b.into()]
    }

    #[test]
    fn a_changed_a_missing_and_an_extra_row_are_told_apart() {
        for (case, stored, outcome) in [
            ("the same, in another order", vec![row(5, "y", 2), row(5, "x", 1)], vec![]),
            ("changed", vec![row(5, "x", 9), row(5, "y", 2)], vec![("pos 5", "b")]),
            ("missing", vec![row(5, "x", 1)], vec![("pos 5", "*")]),
            ("extra", vec![row(5, "x", 1), row(5, "y", 2), row(6, "z", 1)], vec![("pos 6", "*")]),
            ("moved", vec![row(5, "x", 1), row(6, "y", 2)], vec![("pos 5", "*"), ("pos 6", "*")]),
        ] {
            let mut expected = Inserts::new();
            expected.push(&TABLE, row(5, "x", 1));
            expected.push(&TABLE, row(5, "y", 2));
            let stored = stored.into_iter().map(|row| row.to_vec()).collect();
            let mut found = Vec::new();
            compare(LogId::from_column(1), &TABLE, 5, &expected, stored, |_| true, &mut |f| found.push(f));
            let found: Vec<(&str, &str)> =
                found.iter().map(|f| (f.row.as_str(), f.column.as_str())).collect();
            assert_eq!(found, outcome, "{case}");
        }
    }
}
