//! docs/leaf.md tells the truth: its Python reads the leaves that the software makes.

use std::fs;
use std::process::Command;

use qinlian::kernel::{EpochMs, RequestId};
use qinlian::ledger::leaf::{Leaf, PartType};
use qinlian::ledger::part::{Salt, commit};
use qinlian::tlog::leaf_hash;

use crate::support::source::root;
use crate::support::{MORNING, in_ci, say_aloud};

/// Says in one line what the document's functions make of the leaf, and which of the payloads open its commitments.
const QUESTIONS: &str = r"
import sys
data, salt, payloads = bytes.fromhex(sys.argv[1]), bytes.fromhex(sys.argv[2]), [p.encode() for p in sys.argv[3:]]
kind, index, recorded, claimed, request, refers, parts, digest = leaf(data)
print(kind, index, recorded, claimed, request.hex(), refers, [(t, s) for t, s, _ in parts], digest.hex(),
      [[opens(c, t, salt, p) for p in payloads] for t, _, c in parts])
";

#[test]
fn ten_lines_of_python_read_a_leaf_and_open_its_commitments() {
    let document = fs::read_to_string(root().join("docs/leaf.md")).unwrap();
    let python = document.split("```python\n").nth(1).and_then(|rest| rest.split("```").next()).unwrap();
    assert!(python.lines().filter(|line| !line.trim().is_empty()).count() <= 12, "it stays short");

    let salt = Salt([7; 32]);
    let parts = [(PartType::Facts, 0x11, "facts"), (PartType::Personal, 0x111, "somebody's name")];
    let leaf = Leaf {
        kind: 0x0201,
        index: 1041,
        recorded: MORNING,
        claimed: Some(EpochMs::clamped(MORNING.get() - 60_000)),
        request_id: RequestId::random([9; 16]),
        refers_to: None,
        parts: parts.map(|(kind, schema, payload)| commit(&salt, kind, schema, payload.as_bytes())).to_vec(),
    };
    let encoded = leaf.encode();
    let ran = Command::new("python3")
        .arg("-c")
        .arg(format!("{python}{QUESTIONS}"))
        .args([hex(&encoded), hex(&salt.0)])
        .args(parts.map(|(_, _, payload)| payload))
        .output();
    let output = match ran {
        Ok(output) => output,
        Err(why) if in_ci() => panic!("CI needs python3: {why}"),
        Err(why) => {
            return say_aloud(&format!("SKIPPED: docs/leaf.md is not run, because of python3: {why}"));
        }
    };
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let request = hex(&leaf.request_id.to_bytes());
    let recorded = MORNING.get();
    let digest = hex(&leaf_hash(&encoded).0);
    assert_eq!(
        String::from_utf8(output.stdout).unwrap().trim(),
        format!(
            "513 1041 {recorded} {} {request} {} [(1, 17), (2, 273)] {digest} [[True, False], [False, True]]",
            recorded - 60_000,
            u64::MAX,
        )
    );
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |text, byte| text + &format!("{byte:02x}"))
}
