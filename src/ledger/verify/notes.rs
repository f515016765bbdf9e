//! Checkpoints: who signed them, who cosigned them and when, and what that says of the time of an entry.

use std::collections::BTreeMap;

use crate::kernel::EpochMs;
use crate::tlog::{Checkpoint, CosignatureKey, Hash, Note, Policy, VerifierKey};

/// A checkpoint of the bundle.
#[derive(Debug, Clone)]
pub(in crate::ledger) struct Mark {
    pub(super) size: u64,
    pub(super) root: Hash,
    /// The file, or where else it comes from.
    pub(super) from: String,
    /// The earliest time by which enough witnesses had seen it.
    pub(super) seen_by: Option<EpochMs>,
    /// The latest time at which enough witnesses still saw nothing larger.
    pub(super) newest_at: Option<EpochMs>,
}

/// A checkpoint's text, if a known key of its origin signed it.
pub(super) fn parse_signed(text: &str, keys: &[VerifierKey]) -> Result<Checkpoint, String> {
    let (checkpoint, _) = open(text, keys)?;
    Ok(checkpoint)
}

fn open(text: &str, keys: &[VerifierKey]) -> Result<(Checkpoint, Note), String> {
    let note = Note::parse(text).map_err(|error| format!("untrusted checkpoint: the note {error}"))?;
    let signed = note.verify(keys).map_err(|error| format!("untrusted checkpoint: it {error}"))?;
    let checkpoint =
        Checkpoint::parse(signed).map_err(|error| format!("untrusted checkpoint: the text {error}"))?;
    // A key signs for the log whose name it bears, and for no other.
    let own: Vec<VerifierKey> = keys.iter().filter(|key| key.name() == checkpoint.origin).cloned().collect();
    note.verify(&own).map_err(|_| "untrusted checkpoint: signed with the key of another log".to_owned())?;
    Ok((checkpoint, note))
}

/// A checkpoint with what the policy's witnesses say of it.
pub(super) fn mark(
    from: &str,
    text: &str,
    keys: &[VerifierKey],
    policy: Option<&Policy>,
) -> Result<(Mark, Checkpoint), String> {
    let (checkpoint, note) = open(text, keys)?;
    let (seen_by, newest_at) = match policy {
        Some(policy) => times(&note, policy)?,
        None => (None, None),
    };
    let mark =
        Mark { size: checkpoint.size, root: checkpoint.root, from: from.to_owned(), seen_by, newest_at };
    Ok((mark, checkpoint))
}

type Times = (Option<EpochMs>, Option<EpochMs>);

/// When the quorum had seen a checkpoint, and until when it saw nothing larger.
fn times(note: &Note, policy: &Policy) -> Result<Times, String> {
    let bad = |error| format!("untrusted checkpoint: it {error}");
    if !policy.is_witnessed(note).map_err(bad)? {
        return Ok((None, None));
    }
    let mut lines: BTreeMap<u64, Vec<String>> = BTreeMap::new();
    for signature in note.signatures() {
        let known = |key: &&CosignatureKey| {
            key.vkey().name() == signature.name() && key.vkey().key_id() == signature.key_id()
        };
        if let Some(key) = policy.witnesses().map(|(_, key)| key).find(known) {
            let seconds = key.verify_line(note.unverified_text(), signature).map_err(bad)?;
            lines.entry(seconds).or_default().push(signature.line());
        }
    }
    let seen_by = quorum_at(note, policy, lines.iter());
    let newest_at = quorum_at(note, policy, lines.iter().rev());
    Ok((seen_by, newest_at))
}

/// The time at which the quorum is complete, going through the cosignatures in the order given.
fn quorum_at<'a>(
    note: &Note,
    policy: &Policy,
    lines: impl Iterator<Item = (&'a u64, &'a Vec<String>)>,
) -> Option<EpochMs> {
    let mut text = format!("{}\n", note.unverified_text());
    for (seconds, lines) in lines {
        text.push_str(&lines.concat());
        let complete = Note::parse(&text).ok().and_then(|part| policy.is_witnessed(&part).ok());
        if complete == Some(true) {
            let ms = i64::try_from(*seconds).ok().and_then(|seconds| seconds.checked_mul(1_000));
            return Some(EpochMs::clamped(ms.unwrap_or(i64::MAX)));
        }
    }
    None
}

/// Between which times entries were appended, by the witnesses' clocks: after the newest cosignature of a tree without
/// the entry, at or before the oldest one of a tree with it.
#[derive(Debug, Default)]
pub(super) struct Brackets {
    /// Sizes at which the lower bound rises, with it.
    after: Vec<(u64, EpochMs)>,
    /// Sizes with the least upper bound of any tree at least as large.
    before: Vec<(u64, EpochMs)>,
    next_after: usize,
    next_before: usize,
}

impl Brackets {
    /// `marks` in the order of their sizes.
    pub(super) fn new(marks: &[Mark]) -> Self {
        let mut brackets = Self::default();
        let mut newest = EpochMs::ZERO;
        for mark in marks {
            if let Some(at) = mark.newest_at {
                newest = newest.max(at);
                brackets.after.push((mark.size, newest));
            }
        }
        let mut oldest = EpochMs::MAX;
        for mark in marks.iter().rev() {
            if let Some(at) = mark.seen_by {
                oldest = oldest.min(at);
                brackets.before.push((mark.size, oldest));
            }
        }
        brackets.before.reverse();
        brackets
    }

    /// The bracket of an entry; indexes are asked for in rising order.
    pub(super) fn of(&mut self, index: u64) -> (Option<EpochMs>, Option<EpochMs>) {
        while self.after.get(self.next_after).is_some_and(|(size, _)| *size <= index) {
            self.next_after += 1;
        }
        while self.before.get(self.next_before).is_some_and(|(size, _)| *size <= index) {
            self.next_before += 1;
        }
        let after = self.next_after.checked_sub(1).and_then(|at| self.after.get(at));
        (after.map(|(_, at)| *at), self.before.get(self.next_before).map(|(_, at)| *at))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tlog::empty_root;

    #[test]
    fn an_entry_lies_between_the_newest_tree_without_it_and_the_oldest_with_it() {
        let mark = |size, seen_by: Option<i64>, newest_at: Option<i64>| Mark {
            size,
            root: empty_root(),
            from: String::new(),
            seen_by: seen_by.map(EpochMs::clamped),
            newest_at: newest_at.map(EpochMs::clamped),
        };
        let mut brackets =
            Brackets::new(&[mark(3, Some(30), Some(35)), mark(5, None, None), mark(9, Some(90), Some(90))]);
        let ms = |at: Option<i64>| at.map(EpochMs::clamped);
        for (index, after, before) in [
            (0, None, Some(30)),
            (2, None, Some(30)),
            (3, Some(35), Some(90)),
            (8, Some(35), Some(90)),
            (9, Some(90), None),
        ] {
            assert_eq!(brackets.of(index), (ms(after), ms(before)), "{index}");
        }
    }
}
