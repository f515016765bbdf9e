//! Checkpoints, receipts, proofs, entries and bundles through `AuditService`.

use std::collections::BTreeMap;

use ed25519_dalek::SigningKey;
use futures_util::TryStreamExt;
use qinlian::ledger::setup::origin;
use qinlian::ledger::signature::verifier_key;
use qinlian::ledger::verify::{Options, verify};
use qinlian::proto::*;
use qinlian::registers::audit::service::Calls;
use qinlian::tlog::{
    Checkpoint, Cosigner, Hash, Note, TlogProof, VerifierKey, leaf_hash, verify_consistency,
};

use super::rig::{ParseCentre, Rig, auditor, person, reveal, word};
use crate::support::office::{DEPLOYMENT, HALL, keys};
use crate::support::store::each;

fn key() -> VerifierKey {
    verifier_key(&keys(), &origin(DEPLOYMENT, &HALL.parse_centre(), 1)).unwrap()
}

fn checkpoint(note: &str) -> Checkpoint {
    let note = Note::parse(note).unwrap();
    Checkpoint::parse(note.verify(&[key()]).unwrap()).unwrap()
}

async fn newest(rig: &Rig<'_>, calls: &Calls) -> GetCheckpointResponse {
    let request = GetCheckpointRequest { centre: HALL.to_owned() };
    calls.get_checkpoint(&rig.caller(&auditor(), "GetCheckpoint"), request).await.unwrap()
}

#[tokio::test]
async fn the_newest_checkpoint_is_signed_and_says_how_far_a_witness_has_cosigned() {
    each(async |fixture| {
        let rig = Rig::begin(fixture, 41).await;
        let witness = Cosigner::new("witness.example", SigningKey::from_bytes(&[9; 32])).unwrap();
        let stranger = Cosigner::new("witness.example", SigningKey::from_bytes(&[8; 32])).unwrap();
        let calls = Calls::new(rig.desk.clone(), vec![witness.key().clone()]);
        let first = newest(&rig, &calls).await;
        let at = checkpoint(&first.note);
        assert_eq!((at.size, first.witnessed_size), (rig.size(rig.hall).await, None));
        let cosign = async |by: &Cosigner, size: u64, note: &str| {
            let text = Note::parse(note).unwrap().unverified_text().to_owned();
            let bytes = by.cosign(&text, 1_772_409_600).unwrap().bytes().to_vec();
            let (id, sig) = (hex(&by.key().vkey().key_id()), hex(&bytes[8..]));
            let blob = |hex: &str| match fixture.store.dialect() {
                qinlian::store::Dialect::Sqlite => format!("x'{hex}'"),
                qinlian::store::Dialect::Postgres => format!("'\\x{hex}'"),
            };
            let sql = format!(
                "INSERT INTO ledger_cosig (log_id, epoch, size, key_id, cosigned_ms, sig) \
                 VALUES ({}, 1, {size}, {}, 1772409600000, {})",
                rig.hall,
                blob(&id),
                blob(&sig)
            );
            fixture.raw().await.execute(&sql).await;
        };
        cosign(&witness, at.size, &first.note).await;
        let cosigned = newest(&rig, &calls).await;
        assert_eq!(cosigned.witnessed_size, Some(at.size));
        assert!(cosigned.note.starts_with(&first.note) && cosigned.note.contains("— witness.example "));
        assert!(witness.key().verify(&Note::parse(&cosigned.note).unwrap()).unwrap().is_some());

        rig.bind(&rig.named("张三").await, "CARD-A").await;
        let second = newest(&rig, &calls).await;
        assert_eq!((checkpoint(&second.note).size, second.witnessed_size), (at.size + 1, Some(at.size)));
        assert!(!second.note.contains("witness.example"));
        // What nobody we know has signed counts for nothing.
        cosign(&stranger, at.size + 1, &second.note).await;
        assert_eq!(newest(&rig, &calls).await.witnessed_size, Some(at.size));
        drop(calls);
        rig.stop().await;
    })
    .await;
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[tokio::test]
async fn a_receipt_is_given_to_who_made_the_write_and_to_auditors() {
    each(async |fixture| {
        let rig = Rig::begin(fixture, 42).await;
        let zhang = rig.named("张三").await;
        let pos = rig.bind(&zhang, "CARD-A").await;
        let officer = person(&rig.named("李四").await);
        let grant = crate::support::office::grant(&officer, Role::AttendanceOfficer);
        let record = qinlian::registers::directory::fact::Record::RoleGrant(grant);
        let put = qinlian::registers::directory::fact::Command::Put {
            record,
            personal: DirectoryPersonal::default(),
        };
        rig.give(rig.hall, rig.request_id(), put).await.unwrap();

        let request =
            RequestErasureRequest { targets: vec![super::rig::target(pos, 1)], ..rig.proposal(HALL) };
        let id = request.request_id.clone();
        let made =
            rig.calls.request_erasure(&rig.caller(&rig.anna, "RequestErasure"), request).await.unwrap();
        for (case, who, verdict) in [
            ("an auditor", auditor(), true),
            ("another audit administrator", rig.bo.clone(), true),
            ("who made it", rig.anna.clone(), true),
            ("somebody else with a role here", officer.clone(), false),
        ] {
            let request = GetReceiptRequest { centre: HALL.to_owned(), request_id: id.clone() };
            let answer = rig.calls.get_receipt(&rig.caller(&who, "GetReceipt"), request).await;
            match answer {
                Ok(answer) => {
                    assert!(verdict, "{case}");
                    assert_eq!(answer.receipt, made.receipt, "{case}: byte for byte");
                }
                Err(failure) => {
                    assert_eq!(
                        (verdict, word::<()>(Err(failure))),
                        (false, "no receipt".to_owned()),
                        "{case}"
                    );
                }
            }
        }
        let request = GetReceiptRequest { centre: HALL.to_owned(), request_id: rig.request_id().to_string() };
        let nothing = rig.calls.get_receipt(&rig.caller(&auditor(), "GetReceipt"), request).await;
        assert_eq!(word(nothing), "no receipt");
        rig.stop().await;
    })
    .await;
}

#[tokio::test]
async fn entries_and_proofs_verify_without_us() {
    each(async |fixture| {
        let rig = Rig::begin(fixture, 43).await;
        let zhang = rig.named("张三").await;
        for n in 0..20 {
            rig.bind(&zhang, &format!("CARD-{n}")).await;
        }
        let size = rig.size(rig.hall).await;
        let (mut start, mut entries) = (0, Vec::new());
        loop {
            let request = ListEntriesRequest {
                centre: HALL.to_owned(),
                start,
                limit: 7,
                ..ListEntriesRequest::default()
            };
            let page = rig.calls.list_entries(&rig.caller(&auditor(), "ListEntries"), request).await.unwrap();
            assert!(page.disclosure_index.is_none());
            entries.extend(page.entries);
            match page.next_start {
                Some(next) => start = next,
                None => break,
            }
        }
        assert_eq!(entries.len() as u64, size);
        let proved = async |index: u64, size: u64| {
            let request = ProveInclusionRequest {
                centre: HALL.to_owned(),
                index,
                size,
                ..ProveInclusionRequest::default()
            };
            rig.calls.prove_inclusion(&rig.caller(&auditor(), "ProveInclusion"), request).await
        };
        for (index, entry) in (0_u64..).zip(&entries) {
            assert_eq!((entry.index, &entry.leaf_hash), (index, &leaf_hash(&entry.leaf).0.to_vec()));
            let proof = TlogProof::parse(&proved(index, 0).await.unwrap().proof).unwrap();
            assert_eq!(proof.verify(leaf_hash(&entry.leaf), &key()).unwrap().size, size);
        }
        assert_eq!(word(proved(size, 0).await), "no entry");
        assert_eq!(word(proved(0, size + 1).await), "no checkpoint");

        let old = 5;
        let request = ProveConsistencyRequest {
            centre: HALL.to_owned(),
            old_size: old,
            ..ProveConsistencyRequest::default()
        };
        let answer =
            rig.calls.prove_consistency(&rig.caller(&auditor(), "ProveConsistency"), request).await.unwrap();
        let now = checkpoint(&answer.note);
        let hashes: Vec<Hash> =
            answer.hashes.iter().map(|hash| Hash(hash.as_slice().try_into().unwrap())).collect();
        let then = TlogProof::parse(&proved(0, old).await.unwrap().proof).unwrap();
        let then = checkpoint(&then.checkpoint);
        assert!(verify_consistency(old, then.root, now.size, now.root, &hashes).is_ok());
        assert!(verify_consistency(old, now.root, now.size, now.root, &hashes).is_err());
        rig.stop().await;
    })
    .await;
}

#[tokio::test]
async fn a_bundle_verifies_offline_and_holds_personal_parts_only_when_that_is_on_record() {
    each(async |fixture| {
        let rig = Rig::begin(fixture, 44).await;
        let zhang = rig.named("张三").await;
        for n in 0..5 {
            rig.bind(&zhang, &format!("CANARY-CARD-{n}")).await;
        }
        for asked in [None, Some(reveal())] {
            let before = rig.size(rig.hall).await;
            let on_record = asked.is_some();
            let request = ExportBundleRequest { centre: HALL.to_owned(), reveal: asked };
            let stream =
                rig.calls.export_bundle(&rig.caller(&auditor(), "ExportBundle"), request).await.unwrap();
            let pieces: Vec<ExportBundleResponse> = stream.try_collect().await.unwrap();
            let mut bundle: BTreeMap<String, Vec<u8>> = BTreeMap::new();
            for piece in pieces {
                assert!(piece.chunk.len() <= 64 * 1024);
                bundle.entry(piece.path).or_default().extend(piece.chunk);
            }
            let report = verify(&bundle, &Options::new(vec![key()]), &**rig.desk.registers());
            assert!(report.verified, "{report:?}");
            assert_eq!(report.size, rig.size(rig.hall).await);
            assert_eq!(rig.size(rig.hall).await - before, u64::from(on_record));
            let canary = b"CANARY-CARD-3";
            let held = bundle.values().any(|file| file.windows(canary.len()).any(|at| at == canary));
            assert_eq!(held, on_record);
        }
        rig.stop().await;
    })
    .await;
}

#[tokio::test]
async fn list_reads_says_who_read_what_for_what_and_when() {
    each(async |fixture| {
        let rig = Rig::begin(fixture, 45).await;
        let pos = rig.bind(&rig.named("张三").await, "CARD-A").await;
        let mut expected = Vec::new();
        for n in 0..5 {
            rig.clock.advance_ms(60_000);
            let answer = rig.entry(pos.get(), Some(reveal())).await;
            expected.push((answer.disclosure_index.unwrap(), rig.clock_now()));
            if n == 1 {
                rig.entry(pos.get(), None).await;
            }
        }
        let (mut token, mut reads) = (String::new(), Vec::new());
        loop {
            let request = ListReadsRequest { centre: HALL.to_owned(), page_size: 2, page_token: token };
            let page = rig.calls.list_reads(&rig.caller(&auditor(), "ListReads"), request).await.unwrap();
            assert!(page.reads.len() <= 2);
            reads.extend(page.reads);
            token = page.next_page_token;
            if token.is_empty() {
                break;
            }
        }
        assert_eq!(reads.len(), 5, "reads without a reveal are none");
        for (read, (index, at)) in reads.iter().zip(expected) {
            assert_eq!(read.disclosure_index, index);
            assert_eq!(read.recorded_at, Some(at));
            assert_eq!(read.kind(), read::Kind::Read);
            assert_eq!(read.principal, "system:audit");
            assert_eq!(read.rpc, "/qinlian.v1.AuditService/GetEntry");
            assert_eq!(read.purpose(), reveal::Purpose::Audit);
            assert_eq!((read.closed(), read.rows), (read::Closed::Unspecified, None));
            assert_eq!(read.origin, "test.example/centre/hall");
        }
        rig.stop().await;
    })
    .await;
}
