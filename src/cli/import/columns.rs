//! `--columns`: which column of a file means what, by its heading or, where there are no headings, by its number.

use std::collections::HashMap;

use anyhow::{Context, bail};

/// What a column may mean.
pub(super) const MEANINGS: [&str; 6] = ["time", "person", "device", "direction", "method", "work_code"];

/// What was said, by meaning.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Columns(HashMap<&'static str, String>);

impl Columns {
    /// Parses `time=…,person=…`.
    pub(super) fn parse(text: &str) -> anyhow::Result<Self> {
        let mut named = HashMap::new();
        for pair in text.split(',') {
            let (ours, theirs) =
                pair.split_once('=').context("--columns: name=column, separated by commas")?;
            let ours = ours.trim();
            let Some(meaning) = MEANINGS.into_iter().find(|meaning| *meaning == ours) else {
                bail!("--columns: {ours} is none of {}", MEANINGS.join(", "));
            };
            if named.insert(meaning, theirs.trim().to_owned()).is_some() {
                bail!("--columns: {ours} is named twice");
            }
        }
        Ok(Self(named))
    }

    /// The column that was named for a meaning.
    pub(super) fn get(&self, meaning: &str) -> Option<&str> {
        self.0.get(meaning).map(String::as_str)
    }

    /// Are the columns given by number, or none at all?
    pub(super) fn are_numbers(&self) -> bool {
        self.0.values().all(|column| column.parse::<u8>().is_ok())
    }

    /// The place of a column that was named by its number, from 1.
    pub(super) fn place(&self, meaning: &str) -> anyhow::Result<Option<usize>> {
        let Some(text) = self.get(meaning) else { return Ok(None) };
        match text.parse::<usize>() {
            Ok(number @ 1..=64) => Ok(Some(number - 1)),
            Ok(_) | Err(_) => bail!("--columns: {meaning}={text} is no number of a column, from 1"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_cannot_be_meant_is_named() {
        for (text, complaint) in [
            ("time", "name=column"),
            ("time=a,person=b,time=c", "time is named twice"),
            ("time=a,person=b,colour=c", "colour is none of"),
            ("", "name=column"),
        ] {
            let error = Columns::parse(text).unwrap_err().to_string();
            assert!(error.contains(complaint), "{text}: {error}");
        }
    }

    #[test]
    fn columns_have_headings_or_numbers() {
        let headings = Columns::parse("time = 时间, person=badge").unwrap();
        assert_eq!((headings.get("time"), headings.get("device")), (Some("时间"), None));
        assert!(!headings.are_numbers());
        let numbers = Columns::parse("method=5,device=3").unwrap();
        assert!(numbers.are_numbers() && Columns::default().are_numbers());
        assert_eq!(numbers.place("method").unwrap(), Some(4));
        assert_eq!(numbers.place("time").unwrap(), None);
        assert!(Columns::parse("method=0").unwrap().place("method").is_err());
    }
}
