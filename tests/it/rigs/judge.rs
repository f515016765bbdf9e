//! Compares what terminals wrote down with what the ledger holds.
//!
//! What was acknowledged stands in the tree once, where its receipt says and as its receipt says; what was answered
//! twice was answered with the same bytes; whoever was answered before another one asked stands before them; and
//! nothing stands there that nobody sent. A command in doubt may stand or not, but never twice.

use std::collections::{BTreeMap, HashMap, HashSet};

use prost::Message;
use qinlian::kernel::RequestId;
use qinlian::ledger::leaf::Leaf;
use qinlian::proto::Receipt;
use qinlian::tlog::{TlogProof, VerifierKey, leaf_hash};

/// What a terminal wrote down about one command, and all that the judge knows of it.
#[derive(Debug, Clone, Default)]
pub(crate) struct Line {
    /// How often it was sent.
    pub(crate) sends: usize,
    /// When it was sent first: a count of what happened, not a time.
    pub(crate) sent: usize,
    /// When it was answered first.
    pub(crate) answered: Option<usize>,
    /// The receipts that it was answered with, as bytes; one, if all is well.
    pub(crate) receipts: Vec<Vec<u8>>,
    /// Answers that are neither a receipt nor a doubt.
    pub(crate) refusals: Vec<String>,
}

/// What terminals wrote down.
pub(crate) type Journal = BTreeMap<RequestId, Line>;

/// What is wrong, with the command that it is wrong with.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Finding {
    /// Acknowledged, and in the tree nowhere.
    Lost(String),
    /// In the tree more than once.
    Doubled(String),
    /// In the tree, and not where or not as its receipt says.
    Elsewhere(String),
    /// Its receipt proves nothing.
    Unproven(String, String),
    /// Answered with two receipts.
    TwoReceipts(String),
    /// A good command was refused.
    Refused(String, String),
    /// Answered before another one was sent, and it stands after that one.
    OutOfOrder(String),
    /// An entry that nobody sent.
    Stranger(u64),
    /// Positions do not go on, or a leaf does not name its own.
    Hole(u64),
}

/// A judge, who remembers which receipts were proven.
#[derive(Debug)]
pub(crate) struct Judge {
    vkey: VerifierKey,
    /// Entries before this one are of the deployment's beginning.
    base: usize,
    proven: HashSet<Vec<u8>>,
}

impl Judge {
    /// Who believes this key, and judges from an entry on.
    pub(crate) fn new(vkey: VerifierKey, base: usize) -> Self {
        Self { vkey, base, proven: HashSet::new() }
    }

    /// Everything that is wrong.
    pub(crate) fn judge(&mut self, journal: &Journal, leaves: &[(i64, Vec<u8>)]) -> Vec<Finding> {
        let mut found = Vec::new();
        let standing = self.standing(journal, leaves, &mut found);
        for (id, line) in journal {
            let (name, stands) = (id.to_string(), standing.get(id).map_or(&[][..], Vec::as_slice));
            found.extend(line.refusals.first().map(|why| Finding::Refused(name.clone(), why.clone())));
            if stands.len() > 1 {
                found.push(Finding::Doubled(name.clone()));
            }
            if line.receipts.len() > 1 {
                found.push(Finding::TwoReceipts(name.clone()));
            }
            for receipt in &line.receipts {
                let read = Receipt::decode(receipt.as_slice()).expect("a receipt that a client decoded");
                match stands {
                    [] => found.push(Finding::Lost(name.clone())),
                    at if at.iter().any(|at| is_at(&read, *at, leaves)) => {}
                    _ => found.push(Finding::Elsewhere(name.clone())),
                }
                if let Err(why) = self.prove(receipt, &read) {
                    found.push(Finding::Unproven(name.clone(), why));
                }
            }
        }
        found.extend(out_of_order(journal, &standing));
        found.sort();
        found
    }

    /// How many entries are of commands that are in the journal.
    pub(crate) fn ours(journal: &Journal, leaves: &[(i64, Vec<u8>)]) -> usize {
        let ids = leaves.iter().filter_map(|(_, bytes)| Leaf::decode(bytes).ok()).map(|leaf| leaf.request_id);
        ids.filter(|id| journal.contains_key(id)).count()
    }

    /// Where each command stands; and what is wrong with the leaves by themselves.
    fn standing(
        &self,
        journal: &Journal,
        leaves: &[(i64, Vec<u8>)],
        found: &mut Vec<Finding>,
    ) -> HashMap<RequestId, Vec<u64>> {
        let mut standing: HashMap<RequestId, Vec<u64>> = HashMap::new();
        for ((pos, bytes), at) in leaves.iter().zip(0_u64..) {
            let leaf = Leaf::decode(bytes).ok().filter(|leaf| leaf.index == at && pos.cast_unsigned() == at);
            let Some(leaf) = leaf else {
                found.push(Finding::Hole(at));
                continue;
            };
            let sent = journal.contains_key(&leaf.request_id);
            if !sent && at >= self.base as u64 && !made_by_the_server(leaf.request_id) {
                found.push(Finding::Stranger(at));
            }
            standing.entry(leaf.request_id).or_default().push(at);
        }
        standing
    }

    /// Proves a receipt with the log's key and nothing else.
    fn prove(&mut self, bytes: &[u8], receipt: &Receipt) -> Result<(), String> {
        if self.proven.contains(bytes) {
            return Ok(());
        }
        let proof = TlogProof::parse(&receipt.proof).map_err(|error| error.to_string())?;
        let signed = proof.verify(leaf_hash(&receipt.leaf), &self.vkey).map_err(|error| error.to_string())?;
        if (proof.index, signed.origin.as_str()) != (receipt.entry_index, receipt.origin.as_str()) {
            return Err("the proof is of another entry than the receipt".to_owned());
        }
        self.proven.insert(bytes.to_vec());
        Ok(())
    }
}

/// Does a receipt name this entry, and hold its leaf?
fn is_at(receipt: &Receipt, at: u64, leaves: &[(i64, Vec<u8>)]) -> bool {
    let leaf = usize::try_from(at).ok().and_then(|at| leaves.get(at)).map(|(_, leaf)| leaf);
    receipt.entry_index == at && leaf == Some(&receipt.leaf)
}

/// A UUID of version 8: the entries that the server makes itself.
fn made_by_the_server(id: RequestId) -> bool {
    id.to_bytes()[6] >> 4 == 8
}

/// If A was answered before B was sent, A stands before B.
fn out_of_order(journal: &Journal, standing: &HashMap<RequestId, Vec<u64>>) -> Vec<Finding> {
    let mut in_order: Vec<(u64, RequestId, &Line)> =
        journal.iter().filter_map(|(id, line)| Some((*standing.get(id)?.first()?, *id, line))).collect();
    in_order.sort_by_key(|(at, _, _)| *at);
    let mut found = Vec::new();
    // From the end: the earliest answer among all that stand later.
    let mut answered_later = usize::MAX;
    for (_, id, line) in in_order.iter().rev() {
        if answered_later < line.sent {
            found.push(Finding::OutOfOrder(id.to_string()));
        }
        answered_later = answered_later.min(line.answered.unwrap_or(usize::MAX));
    }
    found
}

mod tests {
    use ed25519_dalek::SigningKey;
    use qinlian::kernel::EpochMs;
    use qinlian::tlog::{Checkpoint, Hash, NoteSigner};

    use super::*;

    const ORIGIN: &str = "rigs.example/centre/hall";

    fn id(n: u8) -> RequestId {
        RequestId::random([n; 16])
    }

    fn signer() -> NoteSigner {
        NoteSigner::ed25519(ORIGIN, SigningKey::from_bytes(&[7; 32])).unwrap()
    }

    fn leaf(index: u64, n: u8) -> Vec<u8> {
        Leaf {
            kind: 1,
            index,
            recorded: EpochMs::ZERO,
            claimed: None,
            request_id: id(n),
            refers_to: None,
            parts: Vec::new(),
        }
        .encode()
    }

    /// The receipts of a log of two entries, by its key.
    fn receipt(leaves: &[(i64, Vec<u8>)], index: u64) -> Vec<u8> {
        let hash = |at: u64| leaf_hash(&leaves[usize::try_from(at).unwrap()].1);
        let note = Checkpoint::new(ORIGIN, 2, Hash::node(&hash(0), &hash(1))).to_text();
        let checkpoint = signer().sign(&note).note(&note);
        let proof = TlogProof { extra: None, index, hashes: vec![hash(1 - index)], checkpoint };
        let leaf = leaves[usize::try_from(index).unwrap()].1.clone();
        let (origin, proof) = (ORIGIN.to_owned(), proof.to_string());
        Receipt { origin, entry_index: index, leaf, proof, ..Receipt::default() }.encode_to_vec()
    }

    /// Two commands, sent one after the other, both acknowledged, both in the tree.
    fn good() -> (Journal, Vec<(i64, Vec<u8>)>) {
        let leaves = vec![(0, leaf(0, 1)), (1, leaf(1, 2))];
        let line = |n: usize, index| Line {
            sends: 1,
            sent: 2 * n,
            answered: Some(2 * n + 1),
            receipts: vec![receipt(&leaves, index)],
            refusals: Vec::new(),
        };
        (Journal::from([(id(1), line(0, 0)), (id(2), line(1, 1))]), leaves)
    }

    fn judged(journal: &Journal, leaves: &[(i64, Vec<u8>)]) -> Vec<Finding> {
        Judge::new(signer().verifier_key().clone(), 0).judge(journal, leaves)
    }

    #[test]
    fn a_good_journal_is_found_good_and_so_is_one_in_doubt() {
        let (mut journal, leaves) = good();
        assert_eq!(judged(&journal, &leaves), []);
        // Not answered: in the tree, or nowhere.
        for n in [2, 3] {
            journal.insert(id(n), Line { sends: 1, sent: 9, ..Line::default() });
        }
        assert_eq!(judged(&journal, &leaves), []);
    }

    #[test]
    fn a_lost_acknowledgement_is_found() {
        let (journal, mut leaves) = good();
        leaves.pop();
        assert_eq!(judged(&journal, &leaves), [Finding::Lost(id(2).to_string())]);
    }

    #[test]
    fn whatever_is_wrong_with_a_ledger_is_found_and_named() {
        let name = |n| id(n).to_string();
        let stands = |leaves: &mut Vec<(i64, Vec<u8>)>, n| leaves.push((2, leaf(2, n)));
        let (journal, leaves) = good();
        let mut cases: Vec<(&str, Journal, Vec<(i64, Vec<u8>)>, Finding)> = Vec::new();
        let mut case = |what, change: &dyn Fn(&mut Journal, &mut Vec<(i64, Vec<u8>)>), wanted| {
            let (mut journal, mut leaves) = (journal.clone(), leaves.clone());
            change(&mut journal, &mut leaves);
            cases.push((what, journal, leaves, wanted));
        };
        case("twice", &|_, leaves| stands(leaves, 2), Finding::Doubled(name(2)));
        case("a stranger", &|_, leaves| stands(leaves, 9), Finding::Stranger(2));
        case("a position left out", &|_, leaves| leaves.push((3, leaf(3, 9))), Finding::Hole(2));
        case("a leaf of another place", &|_, leaves| leaves.push((2, leaf(3, 9))), Finding::Hole(2));
        let other = |journal: &mut Journal, change: &dyn Fn(&mut Receipt)| {
            let receipts = &mut journal.get_mut(&id(2)).unwrap().receipts;
            let mut receipt = Receipt::decode(receipts[0].as_slice()).unwrap();
            change(&mut receipt);
            receipts[0] = receipt.encode_to_vec();
        };
        let proof = |why: &str| Finding::Unproven(name(2), why.to_owned());
        case(
            "no proof",
            &|journal, _| other(journal, &|receipt| receipt.proof.clear()),
            proof("does not have the lines of a c2sp.org/tlog-proof@v1"),
        );
        case(
            "the proof of another log",
            &|journal, _| other(journal, &|receipt| receipt.origin = "elsewhere".to_owned()),
            proof("the proof is of another entry than the receipt"),
        );
        case(
            "two receipts",
            &|journal, leaves| {
                let mut receipt = Receipt::decode(receipt(leaves, 1).as_slice()).unwrap();
                receipt.centre = "hall".to_owned();
                journal.get_mut(&id(2)).unwrap().receipts.push(receipt.encode_to_vec());
            },
            Finding::TwoReceipts(name(2)),
        );
        case(
            "refused",
            &|journal, _| journal.get_mut(&id(1)).unwrap().refusals.push("PANIC".to_owned()),
            Finding::Refused(name(1), "PANIC".to_owned()),
        );
        case(
            "sent after the answer, stands before",
            &|journal, _| journal.get_mut(&id(1)).unwrap().sent = 9,
            Finding::OutOfOrder(name(1)),
        );
        for (what, journal, leaves, wanted) in cases {
            assert_eq!(judged(&journal, &leaves), [wanted], "{what}");
        }
    }

    #[test]
    fn an_entry_that_was_exchanged_is_found_by_the_receipt_that_somebody_holds() {
        let (journal, mut leaves) = good();
        let mut other = Leaf::decode(&leaves[1].1).unwrap();
        other.kind = 2;
        leaves[1].1 = other.encode();
        assert_eq!(judged(&journal, &leaves), [Finding::Elsewhere(id(2).to_string())]);
    }
}
