//! The verdict, in the shape that the command line prints.

use serde::{Serialize, Serializer};

use crate::kernel::EpochMs;

/// The first thing that is wrong.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct FirstBad {
    /// The entry, by its index in its tree; nothing when no single entry is to blame.
    pub index: Option<u64>,
    /// What of it: a field of the leaf, a part, or a file.
    pub field: String,
    /// In words.
    pub why: String,
}

impl FirstBad {
    /// Something that is no single entry's.
    pub fn file(field: &str, why: &str) -> Self {
        Self { index: None, field: field.to_owned(), why: why.to_owned() }
    }

    /// Something of one entry.
    pub fn entry(index: u64, field: &str, why: &str) -> Self {
        Self { index: Some(index), field: field.to_owned(), why: why.to_owned() }
    }
}

/// The verdict.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Report {
    /// Is everything as it should be?
    pub verified: bool,
    /// Entries that were looked at, in all epochs.
    pub entries: u64,
    /// Parts that were erased, each as an entry says.
    pub erased: u64,
    /// The size of the present epoch's tree.
    pub size: u64,
    /// Its root in base64.
    pub root: String,
    /// Until when the witnesses of the policy saw the log grow; nothing without a policy.
    #[serde(serialize_with = "rfc3339")]
    pub witnessed_until: Option<EpochMs>,
    /// The first thing that is wrong.
    pub first_bad: Option<FirstBad>,
    /// Personal parts that were left out of the bundle.
    #[serde(skip)]
    pub withheld: u64,
}

#[expect(clippy::ref_option, reason = "serde hands over a reference to the field")]
fn rfc3339<S: Serializer>(at: &Option<EpochMs>, serializer: S) -> Result<S::Ok, S::Error> {
    match at {
        Some(at) => serializer.collect_str(at),
        None => serializer.serialize_none(),
    }
}

impl Report {
    pub(super) fn refused(first_bad: FirstBad) -> Self {
        Self {
            verified: false,
            entries: 0,
            erased: 0,
            size: 0,
            root: String::new(),
            witnessed_until: None,
            first_bad: Some(first_bad),
            withheld: 0,
        }
    }
}

impl std::fmt::Display for Report {
    /// One or two lines for people.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        if let Some(bad) = &self.first_bad {
            let index = bad.index.map(|index| format!("entry {index}, ")).unwrap_or_default();
            return write!(f, "NOT verified: {index}{}: {}", bad.field, bad.why);
        }
        write!(f, "verified {} entries, {} erased, to size {}", self.entries, self.erased, self.size)?;
        match self.witnessed_until {
            Some(at) => write!(f, ", witnessed until {at}"),
            None => write!(
                f,
                "\nnobody outside vouches for the end of this log: a cut tail shows only against a witness or an older checkpoint"
            ),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_json_is_the_documented_one() {
        let mut report = Report {
            verified: true,
            entries: 3,
            erased: 1,
            size: 3,
            root: "AA==".to_owned(),
            witnessed_until: None,
            first_bad: None,
            withheld: 9,
        };
        let json = |report: &Report| serde_json::to_string(report).unwrap();
        assert_eq!(
            json(&report),
            r#"{"verified":true,"entries":3,"erased":1,"size":3,"root":"AA==","witnessed_until":null,"first_bad":null}"#
        );
        report.verified = false;
        report.witnessed_until = Some(EpochMs::clamped(1_795_391_940_000));
        report.first_bad = Some(FirstBad::entry(2, "leaf", "why"));
        assert_eq!(
            json(&report),
            r#"{"verified":false,"entries":3,"erased":1,"size":3,"root":"AA==","witnessed_until":"2026-11-22T23:59:00.000Z","first_bad":{"index":2,"field":"leaf","why":"why"}}"#
        );
    }
}
