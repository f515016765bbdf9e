//! The clauses of the conduct standard, as data, and which findings fit each. Pure.

use std::sync::LazyLock;

use serde::Deserialize;

use crate::proto::clause::AnsweredBy;
use crate::proto::inspection::Finding;
use crate::proto::{Clause, LocalizedText};

const FILE: &str = include_str!("standard.toml");

/// A file that could not be read would leave no clause; a test reads it.
static CLAUSES: LazyLock<Vec<Clause>> = LazyLock::new(|| read(FILE).unwrap_or_default());

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Standard {
    clause: Vec<Written>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Written {
    code: String,
    zh: String,
    en: String,
    answered_by: Vec<String>,
    on_patrol: bool,
    findings: Vec<String>,
}

fn read(text: &str) -> Option<Vec<Clause>> {
    let standard: Standard = toml::from_str(text).ok()?;
    let clauses = standard.clause.into_iter().map(|written| {
        let answered_by = written.answered_by.iter().map(|name| AnsweredBy::from_str_name(name));
        let findings = written.findings.iter().map(|name| Finding::from_str_name(name));
        Some(Clause {
            code: written.code,
            title: Some(LocalizedText { zh: written.zh, en: written.en }),
            answered_by: answered_by.map(|by| by.map(Into::into)).collect::<Option<_>>()?,
            on_patrol: written.on_patrol,
            findings: findings.map(|finding| finding.map(Into::into)).collect::<Option<_>>()?,
        })
    });
    clauses.collect()
}

/// Every clause, in the order of the standard.
pub fn clauses() -> &'static [Clause] {
    &CLAUSES
}

/// A clause by its code.
pub fn clause(code: &str) -> Option<&'static Clause> {
    clauses().iter().find(|clause| clause.code == code)
}

/// Does a finding fit a clause? What has no kind of its own fits every one.
pub fn fits(clause: &Clause, finding: Finding) -> bool {
    finding == Finding::OtherFinding || clause.findings().any(|fitting| fitting == finding)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The clauses of the standard, and who answers for each.
    const STANDARD: [(&str, &[AnsweredBy]); 17] = {
        use AnsweredBy::{Attendance, Confidential, Declarations, Duty, Inspection};
        [
            ("1.1", &[Inspection]),
            ("1.2", &[Inspection]),
            ("2.1", &[Inspection]),
            ("2.2", &[Inspection]),
            ("3.1", &[Inspection]),
            ("3.2", &[Inspection]),
            ("3.3", &[Inspection]),
            ("3.4", &[Inspection]),
            ("4.1a", &[Attendance]),
            ("4.1b", &[Inspection, Duty]),
            ("4.1c", &[Duty]),
            ("4.2a", &[Confidential]),
            ("4.2b", &[Declarations]),
            ("4.3", &[Inspection, Duty]),
            ("5.1", &[Attendance]),
            ("5.2", &[Inspection]),
            ("5.3", &[Duty]),
        ]
    };

    #[test]
    fn the_catalogue_has_every_clause_and_says_who_answers_for_it() {
        let read: Vec<(&str, Vec<AnsweredBy>)> =
            clauses().iter().map(|clause| (clause.code.as_str(), clause.answered_by().collect())).collect();
        let wanted: Vec<(&str, Vec<AnsweredBy>)> =
            STANDARD.iter().map(|(code, by)| (*code, by.to_vec())).collect();
        assert_eq!(read, wanted);
        for clause in clauses() {
            let title = clause.title.clone().unwrap();
            assert!(!title.zh.is_empty() && !title.en.is_empty(), "{}", clause.code);
            assert_eq!(clause.on_patrol, !clause.findings.is_empty(), "{}", clause.code);
        }
    }

    #[test]
    fn every_kind_of_finding_fits_one_clause_and_the_last_one_fits_all() {
        let kinds = (1..).map_while(|number| Finding::try_from(number).ok());
        let mut seen = 0;
        for kind in kinds {
            let fitting = clauses().iter().filter(|clause| fits(clause, kind)).count();
            let wanted = if kind == Finding::OtherFinding { clauses().len() } else { 1 };
            assert_eq!(fitting, wanted, "{kind:?}");
            seen += 1;
        }
        assert_eq!(seen, 20);
        assert!(clause("9.9").is_none());
    }
}
