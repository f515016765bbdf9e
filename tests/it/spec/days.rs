//! Judges the days of a table, and says of all that differ how.

use super::Row;
use super::given::Given;
use super::shown::shown;

/// Every row comes to what it says.
pub(super) fn hold(rows: &[Row]) {
    let mut wrong = Vec::new();
    for (rule, given, wanted) in rows {
        let day = Given::parse(given);
        let found = shown(&day.judge(), &day);
        if found != *wanted {
            wrong.push(format!("{rule}\n  on record: {given}\n  wanted:    {wanted}\n  found:     {found}"));
        }
    }
    assert!(wrong.is_empty(), "{} of {} days:\n{}", wrong.len(), rows.len(), wrong.join("\n"));
}

/// Every row names a rule or where it went wrong, and none stands twice.
pub(super) fn are_well_named(rows: &[Row]) {
    let mut seen = std::collections::BTreeSet::new();
    for (rule, given, _) in rows {
        let named = rule.strip_prefix('R').is_some_and(|rest| rest.starts_with(|c: char| c.is_ascii_digit()));
        assert!(named || rule.contains('#'), "{rule}: names no rule and no issue");
        assert!(seen.insert((rule, given)), "{rule}: stands twice");
    }
}

#[test]
fn there_are_more_than_a_hundred_and_twenty_days() {
    let tables: [&[Row]; 7] = [
        super::absences::DAYS,
        super::calendars::DAYS,
        super::clocking::DAYS,
        super::devices::DAYS,
        super::elsewhere::DAYS,
        super::nights::DAYS,
        super::vectors::DAYS,
    ];
    let rows: Vec<Row> = tables.concat();
    are_well_named(&rows);
    assert!(rows.len() >= 120, "{}", rows.len());
    for (rule, given, _) in rows {
        super::shown::is_said_in_words(rule, &Given::parse(given));
    }
}
