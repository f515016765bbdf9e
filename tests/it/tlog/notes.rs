//! Signed notes, cosignatures and proofs: read and verified by others as by us.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use ed25519_dalek::{Signature, SigningKey, VerifyingKey};
use qinlian::tlog::{
    Checkpoint, CosignatureKey, Cosigner, Hash, Note, NoteError, NoteSignature, NoteSigner, TlogProof,
    VerifierKey, parse_cosignature_key,
};
use sha2::{Digest, Sha256};
use signed_note::{StandardSigner, StandardVerifier, VerifierList};

use super::parsers::{check, edits, mutate};
use super::trees::Tree;
use crate::support::scale;

fn signer(name: &str, seed: u8) -> NoteSigner {
    NoteSigner::ed25519(name, SigningKey::from_bytes(&[seed; 32])).unwrap()
}

fn witness() -> Cosigner {
    Cosigner::new("witness.example/w1", SigningKey::from_bytes(&[5; 32])).unwrap()
}

/// What the other implementation says of a note: its text, or nothing.
fn their_text(note: &str, vkeys: &[String]) -> Option<String> {
    let known = vkeys
        .iter()
        .map(|vkey| Box::new(StandardVerifier::new(vkey).unwrap()) as Box<dyn signed_note::Verifier>);
    let parsed = signed_note::Note::from_bytes(note.as_bytes()).ok()?;
    parsed.verify(&VerifierList::new(known.collect())).ok()?;
    Some(String::from_utf8(parsed.text().to_vec()).unwrap())
}

fn our_text(note: &str, vkeys: &[String]) -> Result<String, NoteError> {
    let known: Vec<VerifierKey> = vkeys.iter().map(|vkey| VerifierKey::parse(vkey).unwrap()).collect();
    Note::parse(note)?.verify(&known).map(str::to_owned)
}

const TEXTS: &[&str] =
    &["hello\n", "\n", "\n\n", "two\n\nparagraphs\n", "勤廉 — и ещё\n", "\u{2014} not.a/signature AAAA\n"];

#[test]
fn our_notes_verify_with_another_implementation() {
    let ours = signer("log.example/勤廉", 1);
    let vkeys = [ours.verifier_key().to_string()];
    for text in TEXTS {
        let note = ours.sign(text).note(text);
        assert_eq!(their_text(&note, &vkeys).as_deref(), Some(*text));
        assert_eq!(our_text(&note, &vkeys).as_deref(), Ok(*text));
        let other = [signer("log.example/other", 1).verifier_key().to_string()];
        assert_eq!(their_text(&note, &other), None);
    }
}

#[test]
fn the_notes_of_another_implementation_verify_with_ours() {
    let ours = signer("log.example", 3);
    let vkey = ours.verifier_key().to_string();
    let id = vkey.split('+').nth(1).unwrap();
    let secret = STANDARD.encode([&[1][..], &[3; 32]].concat());
    let theirs = StandardSigner::new(&format!("PRIVATE+KEY+log.example+{id}+{secret}")).unwrap();
    for text in TEXTS {
        let mut note = signed_note::Note::new(text.as_bytes(), &[]).unwrap();
        note.add_sigs(&[&theirs]).unwrap();
        let note = String::from_utf8(note.to_bytes()).unwrap();
        assert_eq!(our_text(&note, std::slice::from_ref(&vkey)).as_deref(), Ok(*text));
        // Ed25519 is deterministic: the same key makes the same note.
        assert_eq!(note, ours.sign(text).note(text));
    }
}

#[test]
fn two_implementations_agree_about_every_changed_note() {
    let (one, two) = (signer("one.example", 1), signer("two.example", 2));
    let text = "one.example\n0\n47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=\n";
    let stranger = NoteSignature::new("stranger.example", [1, 2, 3, 4], vec![9; 70]).unwrap();
    let note = one.sign(text).note(text) + &two.sign(text).line() + &stranger.line();
    let vkeys = [one.verifier_key().to_string(), two.verifier_key().to_string()];
    let (verified, refused) = (std::cell::Cell::new(0), std::cell::Cell::new(0));
    let pieces = [
        "\n",
        "\n\n",
        "\u{2014} ",
        "\u{2014} x.example AAAAAAAA\n",
        "\u{2014} x.example\u{7f} AAAAAAAA\n",
        "\t",
        "=",
        "+",
    ];
    check(scale(10_000, 300_000), &edits(2), |edits| {
        let changed = mutate(&note, &edits, &pieces);
        let ours = our_text(&changed, &vkeys).ok();
        proptest::prop_assert_eq!(&ours, &their_text(&changed, &vkeys), "{}", changed);
        let counter = if ours.is_some() { &verified } else { &refused };
        counter.set(counter.get() + 1);
        Ok(())
    });
    assert!(verified.get() > 100 && refused.get() > 1000, "{} and {}", verified.get(), refused.get());
}

/// c2sp.org/signed-note "Signatures", clause by clause.
#[test]
fn unknown_signatures_are_ignored_and_a_known_keys_bad_one_is_not() {
    let (one, two) = (signer("one.example", 1), signer("two.example", 2));
    let text = "text\n";
    let note = |lines: &[String]| format!("{text}\n{}", lines.concat());
    let (good, bad) = (one.sign(text).line(), one.sign("other\n").line());
    let line = |name: &str, id, bytes| NoteSignature::new(name, id, bytes).unwrap().line();
    let id = one.sign(text).key_id();
    for (case, lines, outcome) in [
        ("by the known key", vec![good.clone()], Ok(text)),
        ("unknown before", vec![line("x", [0; 4], vec![1]), good.clone()], Ok(text)),
        ("unknown of a foreign type and length", vec![good.clone(), line("x", id, vec![1; 5000])], Ok(text)),
        (
            "the same name and another id",
            vec![good.clone(), line("one.example", [0; 4], vec![1; 64])],
            Ok(text),
        ),
        ("the same id and another name", vec![line("eno.example", id, vec![1; 64]), good.clone()], Ok(text)),
        (
            "a name with a control character of Latin-1",
            vec![good.clone(), line("x\u{7f}\u{9f}", id, vec![1])],
            Ok(text),
        ),
        ("twice by the known key", vec![good.clone(), good.clone()], Ok(text)),
        ("a bad one after a good one", vec![good.clone(), bad.clone()], Err(NoteError::BadSignature)),
        ("a bad one before a good one", vec![bad.clone(), good.clone()], Err(NoteError::BadSignature)),
        ("a bad one alone", vec![bad], Err(NoteError::BadSignature)),
        ("a short one", vec![line("one.example", id, vec![1; 63])], Err(NoteError::BadSignature)),
        ("nobody known", vec![two.sign(text).line()], Err(NoteError::NoKnownKey)),
    ] {
        let parsed = Note::parse(&note(&lines)).unwrap();
        assert_eq!(parsed.verify(&[one.verifier_key().clone()]), outcome, "{case}");
    }
    let many = |n: usize| note(&vec![good.clone(); n]);
    assert!(Note::parse(&many(16)).is_ok(), "verifiers must accept 16 signatures");
    assert_eq!(Note::parse(&many(101)), Err(NoteError::TooManySignatures));
    assert_eq!(Note::parse(&many(1)).unwrap().verify(&[]), Err(NoteError::NoKnownKey));
}

/// c2sp.org/tlog-cosignature "Ed25519 signed message", written out with the bare curve.
#[test]
fn a_cosignature_is_what_the_text_says_and_holds_for_its_time_and_note_only() {
    let (log, witness) = (signer("log.example", 1), witness());
    let text = Checkpoint::new("log.example", 13, Tree::of(13).root(13)).to_text();
    let cosignature = witness.cosign(&text, 1_679_315_147).unwrap();
    let key: VerifyingKey = SigningKey::from_bytes(&[5; 32]).verifying_key();

    let id = Sha256::new().chain_update("witness.example/w1\n\x04").chain_update(key.as_bytes()).finalize();
    assert_eq!(cosignature.key_id()[..], id[..4]);
    assert_eq!(cosignature.bytes()[..8], 1_679_315_147_u64.to_be_bytes());
    let signature = Signature::from_slice(&cosignature.bytes()[8..]).unwrap();
    let message = format!("cosignature/v1\ntime 1679315147\n{text}");
    assert!(key.verify_strict(message.as_bytes(), &signature).is_ok());

    let note = Note::parse(&(log.sign(&text).note(&text) + &cosignature.line())).unwrap();
    assert_eq!(witness.key().verify(&note), Ok(Some(1_679_315_147)));
    // The log's key sees an unknown signature, and so does another implementation.
    assert_eq!(note.verify(&[log.verifier_key().clone()]), Ok(text.as_str()));
    assert_eq!(their_text(&note.to_string(), &[log.verifier_key().to_string()]), Some(text.clone()));

    for at in 0..cosignature.bytes().len() {
        let mut bytes = cosignature.bytes().to_vec();
        bytes[at] ^= 1 << (at % 8);
        let changed = NoteSignature::new("witness.example/w1", cosignature.key_id(), bytes).unwrap();
        let note = Note::parse(&(log.sign(&text).note(&text) + &changed.line())).unwrap();
        assert_eq!(witness.key().verify(&note), Err(NoteError::BadSignature), "byte {at}");
    }
    let plain = NoteSigner::ed25519("witness.example/w1", SigningKey::from_bytes(&[5; 32])).unwrap();
    let note = Note::parse(&plain.sign(&text).note(&text)).unwrap();
    assert_eq!(witness.key().verify(&note), Ok(None), "a plain signature of the same key is another key's");
}

#[test]
fn the_newest_of_several_cosignatures_counts_and_a_time_beyond_the_limit_does_not() {
    let witness = witness();
    let text = "log.example\n0\n47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=\n";
    let at = |time| witness.cosign(text, time).unwrap();
    let note = Note::parse(&(at(5).note(text) + &at(9).line() + &at(7).line())).unwrap();
    assert_eq!(witness.key().verify(&note), Ok(Some(9)));
    assert_eq!(witness.key().verify_line(text, &at(0)), Ok(0));
    let largest = i64::MAX.cast_unsigned();
    assert_eq!(witness.key().verify_line(text, &at(u64::MAX)), Ok(largest), "written as the largest time");

    // A witness that ignores the limit: 2^63 seconds, properly signed.
    use ed25519_dalek::Signer;
    let beyond = largest + 1;
    let message = format!("cosignature/v1\ntime {beyond}\n{text}");
    let signature = SigningKey::from_bytes(&[5; 32]).sign(message.as_bytes());
    let bytes = [&beyond.to_be_bytes()[..], &signature.to_bytes()].concat();
    let line = NoteSignature::new("witness.example/w1", at(1).key_id(), bytes).unwrap();
    assert_eq!(witness.key().verify_line(text, &line), Err(NoteError::BadSignature));
}

#[test]
fn a_witness_key_is_written_and_read_as_type_four_and_never_taken_for_a_logs() {
    let vkey = witness().key().vkey().to_string();
    let read: CosignatureKey = parse_cosignature_key(&vkey).unwrap();
    assert_eq!(read, *witness().key());
    assert_eq!(read.vkey().to_string(), vkey);
    assert!(VerifierKey::parse(&vkey).is_err());
    assert!(parse_cosignature_key(&signer("witness.example/w1", 5).verifier_key().to_string()).is_err());
}

/// c2sp.org/tlog-proof "Format": the lines, written out.
#[test]
fn a_proof_is_the_lines_of_the_text_and_is_read_back_at_every_index() {
    let (log, tree) = (signer("log.example", 1), Tree::of(40));
    let text = Checkpoint::new("log.example", 40, tree.root(40)).to_text();
    let checkpoint = log.sign(&text).note(&text) + &witness().cosign(&text, 7).unwrap().line();
    for index in 0..40 {
        for extra in [None, Some(vec![]), Some(vec![0xff, 0, b'\n'])] {
            let hashes = tree.inclusion(index, 40);
            let proof = TlogProof { extra: extra.clone(), index, hashes, checkpoint: checkpoint.clone() };
            let mut lines = vec!["c2sp.org/tlog-proof@v1".to_owned()];
            lines.extend(extra.map(|extra| format!("extra {}", STANDARD.encode(extra))));
            lines.push(format!("index {index}"));
            lines.extend(tree.inclusion(index, 40).iter().map(|hash| STANDARD.encode(hash.0)));
            let written = format!("{}\n\n{checkpoint}", lines.join("\n"));
            assert_eq!(proof.to_string(), written);
            assert_eq!(TlogProof::parse(&written), Ok(proof.clone()));
            assert_eq!(proof.verify(tree.leaf_hash(index), log.verifier_key()).unwrap().size, 40);
            assert!(proof.verify(tree.leaf_hash((index + 1) % 40), log.verifier_key()).is_err());
        }
    }
}

#[test]
fn a_proof_of_the_only_entry_has_no_hashes() {
    let log = signer("log.example", 1);
    let leaf: Hash = Tree::of(1).leaf_hash(0);
    let text = Checkpoint::new("log.example", 1, leaf).to_text();
    let checkpoint = log.sign(&text).note(&text);
    let written = format!("c2sp.org/tlog-proof@v1\nindex 0\n\n{checkpoint}");
    let proof = TlogProof::parse(&written).unwrap();
    assert_eq!((proof.index, proof.hashes.len(), proof.to_string()), (0, 0, written.clone()));
    assert!(proof.verify(leaf, log.verifier_key()).is_ok());
    for (from, to) in [
        ("@v1", "@v2"),
        ("index 0", "index 00"),
        ("index 0", "index +0"),
        ("index 0", "index 1"),
        ("index 0", "index  0"),
        ("index 0\n\n", "index 0\n"),
        ("index 0\n", "index 0\n\n"),
        ("index 0\n", "index 0\nextra AAAA\n"),
        ("index 0\n", "extra AAAA\nextra AAAA\nindex 0\n"),
        ("index 0\n", "extra\nindex 0\n"),
        ("index 0\n", "extra AAA\nindex 0\n"),
        ("\nlog.example\n1\n", "\nlog.example\n2\n"),
        ("\nlog.example\n1\n", "\nlog.exampl\n1\n"),
    ] {
        let changed = written.replacen(from, to, 1);
        assert_ne!(changed, written, "{from:?}");
        let verdict = TlogProof::parse(&changed).and_then(|proof| proof.verify(leaf, log.verifier_key()));
        assert!(verdict.is_err(), "{from:?} -> {to:?}");
    }
}
