//! What an append leaves behind: an entry, a sealed head, tiles, checkpoints, and a receipt for ever.

use std::collections::BTreeSet;

use qinlian::kernel::{LogId, Pos};
use qinlian::ledger::committer::Outcome;
use qinlian::ledger::part::{Salt, commit};
use qinlian::tlog::{Checkpoint, Edge, Note, TlogProof, leaf_hash, verify_consistency};

use super::rig::{HALL, Rig, Start, cases, fresh, keys, note, open_centre, origin_of, put, verify};
use super::toy::{Command, PUT};
use super::whole::whole;

cases! {
    an_entry_gets_the_next_position_of_its_log_and_of_no_other,
    the_leaf_says_what_was_sent_and_when_it_was_recorded,
    a_late_entry_names_its_claim_and_what_it_corrects,
    the_facts_part_opens_the_commitment_of_the_leaf,
    equal_commands_have_unrelated_commitments,
    the_heads_edge_folds_to_its_root,
    a_new_log_has_a_sealed_head_and_checkpoint_of_size_zero,
    a_fresh_receipt_verifies_offline,
    a_receipt_is_the_same_bytes_when_it_is_read_after_a_restart,
    the_first_of_a_batch_and_the_last_have_receipts_in_the_same_checkpoint,
    every_commit_leaves_one_checkpoint_per_log,
    all_checkpoints_are_consistent_with_each_other,
    a_receipt_names_the_smallest_checkpoint_above_it_for_ever,
    a_proof_of_another_entry_does_not_verify,
    a_position_beyond_the_end_has_no_receipt,
    the_last_entry_of_a_tile_completes_it,
    a_batch_across_a_tile_boundary_completes_the_tile,
    the_tile_of_two_hundred_and_fifty_six_tiles_is_completed,
    entries_are_read_in_pages_while_others_are_written,
    the_database_holds_no_log_that_nobody_opened,
}

async fn an_entry_gets_the_next_position_of_its_log_and_of_no_other(rig: Rig) -> Rig {
    rig.send(LogId::DEPLOYMENT, open_centre("annex")).await.unwrap();
    let annex = LogId::from_column(2);
    for (log, position) in [(HALL, 0), (HALL, 1), (annex, 0), (HALL, 2), (LogId::DEPLOYMENT, 3), (annex, 1)] {
        let reply = rig.send(log, put("a", "b")).await.unwrap();
        assert_eq!((reply.outcome, reply.log, reply.pos.get()), (Outcome::Accepted, log, position));
    }
    whole(rig.ledger.reader()).await.unwrap();
    rig
}

async fn the_leaf_says_what_was_sent_and_when_it_was_recorded(rig: Rig) -> Rig {
    rig.clock.advance_ms(1_234);
    let id = rig.id();
    let sent = super::rig::submission(HALL, id, put("door", "open"));
    let reply = rig.ledger.submit(sent, qinlian::ledger::committer::Lane::Live).await.unwrap();
    let leaf = rig.leaf(HALL, reply.pos).await;
    assert_eq!(
        (leaf.kind, leaf.index, leaf.request_id, leaf.claimed, leaf.refers_to, leaf.parts.len()),
        (PUT, 0, id, None, None, 1)
    );
    assert_eq!(leaf.recorded, crate::support::MORNING.plus_ms(1_234));
    let fact = rig.fact(HALL, reply.pos).await;
    assert_eq!((fact.key.as_str(), fact.value.as_slice()), ("door", &b"open"[..]));
    rig
}

async fn a_late_entry_names_its_claim_and_what_it_corrects(rig: Rig) -> Rig {
    let first = rig.send(HALL, put("door", "open")).await.unwrap().pos;
    let claimed_ms = crate::support::MORNING.get() - 86_400_000;
    let late = Command::Correct { key: "door".into(), value: vec![], claimed_ms, refers_to: first.get() };
    let reply = rig.send(HALL, late).await.unwrap();
    let leaf = rig.leaf(HALL, reply.pos).await;
    assert_eq!((leaf.claimed.unwrap().get(), leaf.refers_to), (claimed_ms, Some(first)));
    assert_eq!(leaf.recorded, crate::support::MORNING, "what was claimed does not date the entry");
    rig
}

async fn the_facts_part_opens_the_commitment_of_the_leaf(rig: Rig) -> Rig {
    let reply = rig.send(HALL, note("who", "张伟")).await.unwrap();
    let leaf = rig.leaf(HALL, reply.pos).await;
    let stored = rig.ledger.reader().entries(HALL, &[reply.pos]).await.unwrap().remove(0);
    let (salt, payload) = stored.facts.unwrap();
    let salt = Salt(salt.try_into().unwrap());
    let facts = leaf.parts[0];
    assert_eq!(commit(&salt, facts.part_type, facts.schema, &payload), facts);
    assert_ne!(commit(&salt, facts.part_type, facts.schema, b"something else"), facts);
    assert_eq!(leaf.parts.len(), 2, "facts and personal");
    rig
}

async fn equal_commands_have_unrelated_commitments(rig: Rig) -> Rig {
    let mut seen = BTreeSet::new();
    for _ in 0..8 {
        let reply = rig.send(HALL, note("who", "E1024")).await.unwrap();
        for part in rig.leaf(HALL, reply.pos).await.parts {
            assert!(seen.insert(part.commitment));
        }
    }
    rig
}

async fn the_heads_edge_folds_to_its_root(rig: Rig) -> Rig {
    let mut edge = Edge::new();
    for n in 0..20 {
        let reply = rig.send(HALL, put(&n.to_string(), "")).await.unwrap();
        let (entry, _) = reply.fresh.unwrap();
        edge.push(leaf_hash(&entry.leaf), &mut |_, _| ()).unwrap();
        let (head, _) = rig.ledger.reader().head(HALL).await.unwrap();
        assert_eq!((head.size, head.root, &head.edge), (n + 1, edge.root(), &edge));
    }
    rig
}

async fn a_new_log_has_a_sealed_head_and_checkpoint_of_size_zero(rig: Rig) -> Rig {
    let reader = rig.ledger.reader();
    let (head, epoch) = reader.head(HALL).await.unwrap();
    assert_eq!((head.size, epoch.epoch, epoch.origin), (0, 1, origin_of("hall")));
    let checkpoint = reader.checkpoint(HALL, 1, 0).await.unwrap();
    let note = reader.note(HALL, &origin_of("hall"), &checkpoint).unwrap();
    let key = qinlian::ledger::signature::verifier_key(&keys(), &origin_of("hall")).unwrap();
    let text = Note::parse(&note).unwrap().verify(&[key]).unwrap().to_owned();
    assert_eq!(Checkpoint::parse(&text).unwrap().root, qinlian::tlog::empty_root());
    rig
}

async fn a_fresh_receipt_verifies_offline(rig: Rig) -> Rig {
    for answer in rig.send_all(HALL, (0..40).map(|n| put(&n.to_string(), "")).collect()).await {
        let reply = answer.unwrap();
        verify(&fresh(&reply), &reply.fresh.as_ref().unwrap().0.leaf, &origin_of("hall"));
    }
    rig
}

async fn a_receipt_is_the_same_bytes_when_it_is_read_after_a_restart(rig: Rig) -> Rig {
    let mut receipts = Vec::new();
    for size in [1, 7, 256, 30, 3] {
        for answer in rig.send_all(HALL, (0..size).map(|n| put(&n.to_string(), "")).collect()).await {
            let reply = answer.unwrap();
            receipts.push((reply.pos, fresh(&reply)));
        }
    }
    let rig = rig.restart(&Start::default()).await;
    rig.send(HALL, put("later", "")).await.unwrap();
    for (pos, receipt) in receipts {
        assert_eq!(rig.receipt(HALL, pos).await, receipt, "{pos}");
    }
    rig
}

async fn the_first_of_a_batch_and_the_last_have_receipts_in_the_same_checkpoint(rig: Rig) -> Rig {
    let answers = rig.send_all(HALL, (0..100).map(|n| put(&n.to_string(), "")).collect()).await;
    let mut notes = BTreeSet::new();
    for answer in answers {
        let reply = answer.unwrap();
        let (_, tree) = reply.fresh.as_ref().unwrap();
        assert_eq!(TlogProof::parse(&fresh(&reply)).unwrap().checkpoint, tree.note());
        notes.insert((tree.size, tree.note().to_owned()));
    }
    let sizes = rig.number("SELECT count(*) FROM ledger_checkpoint WHERE log_id = 1 AND size > 0").await;
    assert_eq!(notes.len(), usize::try_from(sizes).unwrap());
    rig
}

async fn every_commit_leaves_one_checkpoint_per_log(rig: Rig) -> Rig {
    for _ in 0..5 {
        rig.send(HALL, put("a", "")).await.unwrap();
    }
    let raw = rig.raw().await;
    let sizes = "SELECT size FROM ledger_checkpoint WHERE log_id = 1 ORDER BY size";
    assert_eq!(raw.column::<i64>(sizes).await, [0, 1, 2, 3, 4, 5]);
    rig
}

async fn all_checkpoints_are_consistent_with_each_other(rig: Rig) -> Rig {
    for size in [1, 2, 60, 1, 200, 9, 256, 31] {
        rig.send_all(HALL, (0..size).map(|n| put(&n.to_string(), "")).collect()).await;
    }
    let reader = rig.ledger.reader();
    let epoch = reader.epochs(HALL).await.unwrap().remove(0);
    let checkpoints = whole(reader).await.unwrap().remove(&HALL.column()).unwrap().checkpoints;
    for (new_size, new_root) in &checkpoints {
        for (old_size, old_root) in checkpoints.iter().filter(|(old, _)| old <= new_size) {
            let proof = reader.consistency(HALL, &epoch, *old_size, *new_size).await.unwrap();
            verify_consistency(*old_size, *old_root, *new_size, *new_root, &proof).unwrap();
        }
    }
    rig
}

async fn a_receipt_names_the_smallest_checkpoint_above_it_for_ever(rig: Rig) -> Rig {
    let reply = rig.send(HALL, put("a", "")).await.unwrap();
    let first = fresh(&reply);
    rig.fill_to(HALL, 600).await;
    assert_eq!(rig.receipt(HALL, reply.pos).await, first);
    let note = Note::parse(&TlogProof::parse(&first).unwrap().checkpoint).unwrap();
    assert_eq!(Checkpoint::parse(note.unverified_text()).unwrap().size, 1);
    rig
}

async fn a_proof_of_another_entry_does_not_verify(rig: Rig) -> Rig {
    rig.fill_to(HALL, 5).await;
    let proof = TlogProof::parse(&rig.receipt(HALL, Pos::new(2)).await).unwrap();
    let key = qinlian::ledger::signature::verifier_key(&keys(), &origin_of("hall")).unwrap();
    for stored in rig.ledger.reader().entries_from(HALL, Pos::ZERO, 9).await.unwrap() {
        assert_eq!(proof.verify(leaf_hash(&stored.leaf), &key).is_ok(), stored.pos.get() == 2);
    }
    rig
}

async fn a_position_beyond_the_end_has_no_receipt(rig: Rig) -> Rig {
    rig.fill_to(HALL, 3).await;
    assert!(rig.ledger.reader().receipt_proof(HALL, Pos::new(2)).await.is_ok());
    assert!(rig.ledger.reader().receipt_proof(HALL, Pos::new(3)).await.is_err());
    assert!(rig.ledger.reader().receipt_proof(LogId::from_column(99), Pos::ZERO).await.is_err());
    rig
}

async fn the_last_entry_of_a_tile_completes_it(rig: Rig) -> Rig {
    let tiles = "SELECT count(*) FROM ledger_tile WHERE log_id = 1";
    rig.fill_to(HALL, 255).await;
    assert_eq!(rig.number(tiles).await, 0);
    rig.send(HALL, put("256th", "")).await.unwrap();
    assert_eq!(rig.number(tiles).await, 1);
    rig.fill_to(HALL, 511).await;
    rig.send(HALL, put("512th", "")).await.unwrap();
    rig.send(HALL, put("513th", "")).await.unwrap();
    whole(rig.ledger.reader()).await.unwrap();
    for pos in [0, 255, 256, 511, 512] {
        rig.receipt(HALL, Pos::new(pos)).await;
    }
    rig
}

async fn a_batch_across_a_tile_boundary_completes_the_tile(rig: Rig) -> Rig {
    rig.fill_to(HALL, 250).await;
    rig.send_all(HALL, (0..20).map(|n| put(&n.to_string(), "")).collect()).await;
    whole(rig.ledger.reader()).await.unwrap();
    for pos in 245..270 {
        rig.receipt(HALL, Pos::new(pos)).await;
    }
    rig
}

async fn the_tile_of_two_hundred_and_fifty_six_tiles_is_completed(rig: Rig) -> Rig {
    // 256 × 256 = 65,536 leaves.
    let rig = rig.restart(&Start { batch: Some(2_000), ..Start::default() }).await;
    rig.fill_to(HALL, 65_535).await;
    let above = "SELECT count(*) FROM ledger_tile WHERE log_id = 1 AND level = 1";
    assert_eq!(rig.number(above).await, 0);
    rig.fill_to(HALL, 65_539).await;
    assert_eq!(rig.number(above).await, 1);
    whole(rig.ledger.reader()).await.unwrap();
    for pos in [0, 255, 256, 8_191, 65_535, 65_536, 65_538] {
        rig.receipt(HALL, Pos::new(pos)).await;
    }
    let reader = rig.ledger.reader();
    let (epoch, newest) = (reader.epoch_of(HALL, Pos::ZERO).await.unwrap(), rig.size(HALL).await);
    let checkpoint = reader.checkpoint(HALL, 1, newest).await.unwrap();
    for index in [0, 1_000, 65_000, newest - 1] {
        let proof = reader.inclusion(HALL, &epoch, index, &checkpoint).await.unwrap();
        let stored = reader.entries(HALL, &[Pos::new(index)]).await.unwrap().remove(0);
        verify(&proof, &stored.leaf, &epoch.origin);
    }
    rig
}

async fn entries_are_read_in_pages_while_others_are_written(rig: Rig) -> Rig {
    rig.fill_to(HALL, 300).await;
    let (mut next, mut read) = (Pos::ZERO, Vec::new());
    loop {
        let page = rig.ledger.reader().entries_from(HALL, next, 70).await.unwrap();
        let Some(last) = page.last() else { break };
        next = last.pos.next();
        read.extend(page.iter().map(|stored| stored.pos.get()));
        if read.len() < 600 {
            rig.send_all(HALL, (0..50).map(|n| put(&n.to_string(), "")).collect()).await;
        }
    }
    assert_eq!(read, (0..rig.size(HALL).await).collect::<Vec<_>>());
    rig
}

async fn the_database_holds_no_log_that_nobody_opened(rig: Rig) -> Rig {
    let nowhere = LogId::from_column(77);
    let answer = rig.send(nowhere, put("a", "")).await;
    assert_eq!(super::rig::word(&answer), "Head(Missing)");
    assert_eq!(rig.ledger.reader().logs().await.unwrap().len(), 2);
    assert_eq!(rig.number("SELECT count(*) FROM ledger_entry WHERE log_id = 77").await, 0);
    rig
}
