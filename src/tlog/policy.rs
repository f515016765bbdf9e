//! Trust policies, c2sp.org/tlog-policy: which logs and witnesses somebody believes, and how many of them it takes.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};

use super::cosignature::{CosignatureKey, parse_cosignature_key};
use super::note::{Note, NoteError, VerifierKey};

/// Logs, witnesses and groups together; the text asks for at least 32 of each ("Implementation limits").
const MAX_DEFINITIONS: usize = 1000;

/// A policy. Names are octets and not text, "Character set": two that look alike are two.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Policy {
    logs: Vec<VerifierKey>,
    witnesses: BTreeMap<Vec<u8>, CosignatureKey>,
    /// In the order of the file: a group names earlier lines only.
    groups: Vec<Group>,
    quorum: Option<Vec<u8>>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
struct Group {
    name: Vec<u8>,
    threshold: usize,
    members: Vec<Vec<u8>>,
}

/// Why a file is not a policy. Lines count from 1.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum PolicyError {
    /// A control character other than tab and newline.
    #[error("line {0} holds a control character")]
    ControlCharacter(usize),
    /// Not a line of a policy.
    #[error("line {0} is not a line of a policy")]
    Line(usize),
    /// Not a key that can be used there.
    #[error("line {0} has a key that cannot be used")]
    Key(usize),
    /// A key or a name that stands there before.
    #[error("line {0} repeats a key or a name")]
    Duplicate(usize),
    /// A name that no earlier line defines, or that is used twice.
    #[error("line {0} names what no earlier line defines, or names it again")]
    Name(usize),
    /// Not between 1 and the number of members.
    #[error("line {0} has a threshold that its members cannot reach")]
    Threshold(usize),
    /// More than 1,000 logs, witnesses and groups.
    #[error("line {0} is one definition too many")]
    TooMany(usize),
    /// No quorum line, or two.
    #[error("there is not exactly one quorum line")]
    Quorum,
}

impl Policy {
    /// Parses a policy file.
    pub fn parse(file: impl AsRef<[u8]>) -> Result<Self, PolicyError> {
        let mut policy =
            Self { logs: Vec::new(), witnesses: BTreeMap::new(), groups: Vec::new(), quorum: None };
        let mut quorums = 0;
        let mut members_used = BTreeSet::new();
        for (at, line) in file.as_ref().split(|b| *b == b'\n').enumerate().map(|(at, line)| (at + 1, line)) {
            if line.iter().any(|b| (*b < 0x20 && *b != b'\t') || *b == 0x7f) {
                return Err(PolicyError::ControlCharacter(at));
            }
            let words: Vec<&[u8]> =
                line.split(|b| matches!(b, b' ' | b'\t')).filter(|word| !word.is_empty()).collect();
            match words.as_slice() {
                [] => {}
                [first, ..] if first.starts_with(b"#") => {}
                [b"log", vkey] | [b"log", vkey, _] => policy.add_log(vkey, at)?,
                [b"witness", name, vkey] | [b"witness", name, vkey, _] => {
                    policy.add_witness(name, vkey, at)?;
                }
                [b"group", name, threshold, members @ ..] if !members.is_empty() => {
                    policy.add_group(name, threshold, members, &mut members_used, at)?;
                }
                [b"quorum", name] => {
                    quorums += 1;
                    policy.quorum = match *name {
                        b"none" => None,
                        name if policy.is_defined(name) => Some(name.to_vec()),
                        _ => return Err(PolicyError::Name(at)),
                    };
                }
                _ => return Err(PolicyError::Line(at)),
            }
            if policy.logs.len() + policy.witnesses.len() + policy.groups.len() > MAX_DEFINITIONS {
                return Err(PolicyError::TooMany(at));
            }
        }
        if quorums == 1 { Ok(policy) } else { Err(PolicyError::Quorum) }
    }

    fn is_defined(&self, name: &[u8]) -> bool {
        self.witnesses.contains_key(name) || self.groups.iter().any(|group| group.name == name)
    }

    fn add_log(&mut self, vkey: &[u8], at: usize) -> Result<(), PolicyError> {
        let vkey = str::from_utf8(vkey).map_err(|_| PolicyError::Key(at))?;
        let key = VerifierKey::parse(vkey).map_err(|_| PolicyError::Key(at))?;
        // "Two vkeys are considered duplicate if they wrap the same underlying public key": a policy names one log of a
        // deployment, whose logs share a key.
        if self.logs.iter().any(|known| known.key_bytes() == key.key_bytes()) {
            return Err(PolicyError::Duplicate(at));
        }
        self.logs.push(key);
        Ok(())
    }

    fn add_witness(&mut self, name: &[u8], vkey: &[u8], at: usize) -> Result<(), PolicyError> {
        let vkey = str::from_utf8(vkey).map_err(|_| PolicyError::Key(at))?;
        let key = parse_cosignature_key(vkey).map_err(|_| PolicyError::Key(at))?;
        let known = self.witnesses.values().any(|known| known.vkey().key_bytes() == key.vkey().key_bytes());
        if name == b"none" || known || self.is_defined(name) {
            return Err(PolicyError::Duplicate(at));
        }
        self.witnesses.insert(name.to_vec(), key);
        Ok(())
    }

    fn add_group(
        &mut self,
        name: &[u8],
        threshold: &[u8],
        members: &[&[u8]],
        used: &mut BTreeSet<Vec<u8>>,
        at: usize,
    ) -> Result<(), PolicyError> {
        if name == b"none" || self.is_defined(name) {
            return Err(PolicyError::Duplicate(at));
        }
        let threshold = match threshold {
            b"all" => members.len(),
            b"any" => 1,
            number => decimal(number).ok_or(PolicyError::Threshold(at))?,
        };
        if !(1..=members.len()).contains(&threshold) {
            return Err(PolicyError::Threshold(at));
        }
        for member in members {
            if !self.is_defined(member) || !used.insert(member.to_vec()) {
                return Err(PolicyError::Name(at));
            }
        }
        let members = members.iter().map(|member| member.to_vec()).collect();
        self.groups.push(Group { name: name.to_vec(), threshold, members });
        Ok(())
    }

    /// The logs that are believed.
    pub fn logs(&self) -> &[VerifierKey] {
        &self.logs
    }

    /// The witnesses, by the names that the policy gives them, for showing.
    pub fn witnesses(&self) -> impl Iterator<Item = (Cow<'_, str>, &CosignatureKey)> {
        self.witnesses.iter().map(|(name, key)| (String::from_utf8_lossy(name), key))
    }

    /// Is the quorum among the witnesses who cosigned the note? A bad cosignature of a known witness is an error.
    pub fn is_witnessed(&self, note: &Note) -> Result<bool, NoteError> {
        let mut holds: BTreeSet<&[u8]> = BTreeSet::new();
        for (name, key) in &self.witnesses {
            if key.verify(note)?.is_some() {
                holds.insert(name);
            }
        }
        // In the order of the file, whatever a group names is decided before it: no recursion, however deep they nest.
        for group in &self.groups {
            let witnessing = group.members.iter().filter(|member| holds.contains(member.as_slice())).count();
            if witnessing >= group.threshold {
                holds.insert(&group.name);
            }
        }
        Ok(self.quorum.as_deref().is_none_or(|quorum| holds.contains(quorum)))
    }
}

/// Digits and nothing else: no sign.
fn decimal(digits: &[u8]) -> Option<usize> {
    if digits.iter().all(u8::is_ascii_digit) { str::from_utf8(digits).ok()?.parse().ok() } else { None }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tlog::{Cosigner, NoteSigner};
    use ed25519_dalek::SigningKey;

    fn witness(n: u8) -> Cosigner {
        Cosigner::new(&format!("w{n}.example"), SigningKey::from_bytes(&[n; 32])).unwrap()
    }

    fn file(rules: &str) -> String {
        let log = NoteSigner::ed25519("log.example", SigningKey::from_bytes(&[99; 32])).unwrap();
        let mut text = format!("# who is believed\n\tlog {}  https://log.example\n", log.verifier_key());
        for n in 1..=4 {
            text.push_str(&format!("witness W{n} {}\n", witness(n).key().vkey()));
        }
        text + rules
    }

    #[test]
    fn a_quorum_is_met_by_those_who_cosigned_and_by_nobody_else() {
        let groups = "group X 2 W1 W2 W3\ngroup Y any W4\ngroup Both all X Y\n";
        let text = "log.example\n0\n47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=\n";
        for (quorum, cosigners, met) in [
            ("none", vec![], true),
            ("W1", vec![], false),
            ("W1", vec![1], true),
            ("W1", vec![2], false),
            ("X", vec![1], false),
            ("X", vec![1, 3], true),
            ("Both", vec![1, 2, 3], false),
            ("Both", vec![2, 3, 4], true),
            ("Both", vec![4], false),
        ] {
            let policy = Policy::parse(file(&format!("{groups}quorum {quorum}\n"))).unwrap();
            let log = NoteSigner::ed25519("log.example", SigningKey::from_bytes(&[99; 32])).unwrap();
            let lines: String =
                cosigners.iter().map(|n| witness(*n).cosign(text, 7).unwrap().line()).collect();
            let note = Note::parse(&(log.sign(text).note(text) + &lines)).unwrap();
            assert_eq!(policy.is_witnessed(&note), Ok(met), "{quorum} by {cosigners:?}");
        }
    }

    #[test]
    fn what_is_not_a_policy_is_named_by_line() {
        for (rules, error) in [
            ("", PolicyError::Quorum),
            ("quorum none\nquorum none\n", PolicyError::Quorum),
            ("quorum W9\n", PolicyError::Name(7)),
            ("group G 3 W1 W2\n", PolicyError::Threshold(7)),
            ("group G 0 W1 W2\n", PolicyError::Threshold(7)),
            ("group G +1 W1 W2\n", PolicyError::Threshold(7)),
            ("group G all W1 W1\n", PolicyError::Name(7)),
            ("group G any H\ngroup H any W1\n", PolicyError::Name(7)),
            ("group W1 any W2\n", PolicyError::Duplicate(7)),
            ("group none any W2\n", PolicyError::Duplicate(7)),
            ("group G any W1\ngroup H any W1\n", PolicyError::Name(8)),
            ("group G any\n", PolicyError::Line(7)),
            ("log x\n", PolicyError::Key(7)),
            ("quorum\rnone\n", PolicyError::ControlCharacter(7)),
        ] {
            assert_eq!(Policy::parse(file(rules)), Err(error), "{rules:?}");
        }
        let again = file(&format!("witness W5 {}\nquorum none\n", witness(1).key().vkey()));
        assert_eq!(Policy::parse(&again), Err(PolicyError::Duplicate(7)));
    }
}
