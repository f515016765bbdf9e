//! Who may erase what, and what is left of it.

use qinlian::kernel::{LogId, Pos, Subject};
use qinlian::ledger::committer::Outcome;
use qinlian::proto::*;
use qinlian::registers::failure::Failure;

use super::rig::{Rig, binding, person, reveal, target, word};
use crate::support::office::HALL;
use crate::support::store::each;

#[tokio::test]
async fn an_erasure_takes_two_people_of_whom_each_may() {
    each(async |fixture| {
        let rig = Rig::begin(fixture, 31).await;
        let zhang = rig.named("张三").await;
        let stranger = person(&rig.named("李四").await);
        let archive = Subject::parse("system:archive").unwrap();
        for log in [LogId::DEPLOYMENT, rig.hall] {
            let grant = crate::support::office::grant(&archive, Role::AuditAdministrator);
            let record = qinlian::registers::directory::fact::Record::RoleGrant(grant);
            let personal = DirectoryPersonal::default();
            let put = qinlian::registers::directory::fact::Command::Put { record, personal };
            rig.give(log, rig.request_id(), put).await.expect("a grant");
        }
        for (case, proposer, decider, approve, verdict) in [
            ("one proposes, another approves", &rig.anna, &rig.bo, true, "1"),
            ("one proposes, discipline approves", &rig.anna, &rig.ci, true, "1"),
            ("one proposes, another refuses", &rig.bo, &rig.anna, false, "0"),
            ("nobody decides their own", &rig.anna, &rig.anna, true, "OWN_ERASURE"),
            ("nor refuses it", &rig.anna, &rig.anna, false, "OWN_ERASURE"),
            ("a stranger decides nothing", &rig.anna, &stranger, true, "DENIED"),
            ("discipline does not propose", &rig.ci, &rig.bo, true, "proposal DENIED"),
            ("a stranger does not propose", &stranger, &rig.bo, true, "proposal DENIED"),
            ("a system does not propose", &archive, &rig.bo, true, "proposal NOT_A_PERSON"),
            ("a system does not decide", &rig.anna, &archive, true, "NOT_A_PERSON"),
        ] {
            let pos = rig.bind(&zhang, &format!("CARD {case}")).await;
            let found = match rig.propose(proposer, &[(pos, 1)]).await {
                Ok(erasure) => word(rig.decide(decider, erasure, approve).await),
                Err(failure) => format!("proposal {}", word::<()>(Err(failure))),
            };
            assert_eq!(found, verdict, "{case}");
            let part = &rig.entry(pos.get(), Some(reveal())).await.entry.unwrap().parts[1];
            assert_eq!(part.erased, verdict == "1", "{case}");
            assert_eq!(part.payload.is_empty(), verdict == "1", "{case}");
        }
        let pos = rig.bind(&zhang, "CARD last").await;
        let erasure = rig.propose(&rig.anna, &[(pos, 1)]).await.unwrap();
        assert_eq!(word(rig.decide(&rig.bo, erasure, true).await), "1");
        assert_eq!(word(rig.decide(&rig.ci, erasure, true).await), "ALREADY_DECIDED");
        assert_eq!(word(rig.decide(&rig.bo, pos.get(), true).await), "NO_SUCH_ERASURE");
        assert_eq!(word(rig.decide(&rig.bo, 9_999, true).await), "no erasure");
        assert_eq!(word(rig.propose(&rig.anna, &[(pos, 1)]).await), "ALREADY_ERASED");
        assert_eq!(word(rig.propose(&rig.anna, &[(pos, 0)]).await), "FACTS_STAY");
        assert_eq!(word(rig.propose(&rig.anna, &[(pos, 7)]).await), "NO_SUCH_PART");
        assert_eq!(word(rig.propose(&rig.anna, &[(Pos::new(9_999), 1)]).await), "no entry");
        assert!(rig.check().await.verified());
        rig.stop().await;
    })
    .await;
}

#[tokio::test]
async fn a_proposal_names_parts_or_a_person_and_gives_a_basis_and_a_reason() {
    each(async |fixture| {
        let rig = Rig::begin(fixture, 32).await;
        let zhang = rig.named("张三").await;
        let targets = vec![target(Pos::ZERO, 1)];
        let base = rig.proposal(HALL);
        for (case, request, verdict) in [
            ("neither", RequestErasureRequest { ..base.clone() }, "targets:MISSING"),
            (
                "both",
                RequestErasureRequest {
                    targets: targets.clone(),
                    person_id: zhang.to_string(),
                    ..base.clone()
                },
                "person_id:NOT_BOTH",
            ),
            (
                "no basis and no reason",
                RequestErasureRequest { targets, basis: 0, reason: String::new(), ..base.clone() },
                "basis:UNSPECIFIED reason:EMPTY",
            ),
            (
                "nobody",
                RequestErasureRequest { person_id: "E1024".to_owned(), ..base.clone() },
                "person_id:NOT_A_PERSON_ID",
            ),
            (
                "somebody of whom the log holds nothing",
                RequestErasureRequest { person_id: zhang.to_string(), ..base },
                "NOTHING_TO_ERASE",
            ),
        ] {
            let caller = rig.caller(&rig.anna, "RequestErasure");
            assert_eq!(word(rig.calls.request_erasure(&caller, request).await), verdict, "{case}");
        }
        rig.stop().await;
    })
    .await;
}

#[tokio::test]
async fn what_is_left_of_an_erased_part_is_who_took_it_away() {
    each(async |fixture| {
        let rig = Rig::begin(fixture, 33).await;
        let zhang = rig.named("张三").await;
        let (gone, kept) = (rig.bind(&zhang, "CARD-A").await, rig.bind(&zhang, "CARD-B").await);
        let before = rig.entry(gone.get(), Some(reveal())).await.entry.unwrap();
        assert_eq!(before.parts[1].part_type, 2);
        let personal = <DirectoryPersonal as prost::Message>::decode(before.parts[1].payload.as_slice());
        assert_eq!(personal.unwrap().credential, "CARD-A");
        assert_eq!(rig.erase(&[(gone, 1)]).await, 1);
        let by = rig.size(rig.hall).await - 1;

        let after = rig.entry(gone.get(), Some(reveal())).await.entry.unwrap();
        assert_eq!((&after.leaf, &after.leaf_hash), (&before.leaf, &before.leaf_hash));
        assert_eq!(after.parts[0], before.parts[0], "facts stay");
        let tombstone = &after.parts[1];
        assert!(tombstone.erased && !tombstone.redacted);
        assert_eq!(
            (tombstone.erased_by, tombstone.erased_by_origin.as_str()),
            (Some(by), after.origin.as_str())
        );
        assert_eq!((tombstone.payload.len(), tombstone.salt.len()), (0, 0));
        assert_eq!(tombstone.commitment, before.parts[1].commitment);
        let unseen = rig.entry(gone.get(), None).await;
        assert_eq!(unseen.entry.unwrap().parts[1], *tombstone, "the same for who may see nothing");
        let other = rig.entry(kept.get(), None).await.entry.unwrap();
        assert!(other.parts[1].redacted && !other.parts[1].erased && other.parts[1].payload.is_empty());

        let erase = rig.entry(by, None).await.entry.unwrap();
        assert_eq!(erase.kind, "ERASE");
        let raw = fixture.raw().await;
        let count = async |sql: String| raw.column::<i64>(&sql).await[0];
        let at = |table: &str| {
            format!("SELECT count(*) FROM {table} WHERE log_id = {} AND pos = {gone}", rig.hall)
        };
        assert_eq!(count(at("directory_personal")).await, 0);
        assert_eq!(count(at("directory_record")).await, 1);
        assert_eq!(count(format!("{} AND digest IS NULL", at("ledger_request"))).await, 1);
        assert!(rig.check().await.verified());
        rig.stop().await;
    })
    .await;
}

#[tokio::test]
async fn once_the_digest_is_gone_a_retry_gets_its_receipt_without_comparison() {
    each(async |fixture| {
        let rig = Rig::begin(fixture, 34).await;
        let (zhang, li) = (rig.named("张三").await, rig.named("李四").await);
        let id = rig.request_id();
        let first = rig.give(rig.hall, id, binding(&zhang, "CARD-A")).await.unwrap();
        let other = rig.give(rig.hall, id, binding(&li, "CARD-B")).await;
        assert!(matches!(other, Err(Failure::RequestIdReused)), "as long as it can be compared");
        rig.erase(&[(first.pos, 1)]).await;
        for (case, command) in [("the same", binding(&zhang, "CARD-A")), ("another", binding(&li, "CARD-B"))]
        {
            let again = rig.give(rig.hall, id, command).await.unwrap();
            assert_eq!((again.outcome, again.pos), (Outcome::Repeat, first.pos), "{case}");
            let centre = &qinlian::kernel::CentreId::parse(HALL).unwrap();
            assert_eq!(again.receipt(centre), first.receipt(centre), "{case}");
        }
        // Somebody else's request with this id is still somebody else's.
        let request = RequestErasureRequest {
            request_id: id.to_string(),
            person_id: zhang.to_string(),
            ..rig.proposal(HALL)
        };
        let reused = rig.calls.request_erasure(&rig.caller(&rig.anna, "RequestErasure"), request).await;
        assert!(matches!(reused, Err(Failure::RequestIdReused)), "{reused:?}");
        rig.stop().await;
    })
    .await;
}

#[tokio::test]
async fn a_person_is_erased_from_one_log_with_everything_that_is_about_them_and_nothing_else() {
    each(async |fixture| {
        let rig = Rig::begin(fixture, 35).await;
        let (zhang, li) = (rig.named("张三").await, rig.named("李四").await);
        let mut theirs = vec![rig.bind(&zhang, "CARD-A").await];
        let others = [rig.bind(&li, "CARD-B").await];
        theirs.push(rig.bind(&zhang, "CARD-C").await);
        for (centre, parts) in [(HALL, 2), ("_", 1)] {
            let request = RequestErasureRequest { person_id: zhang.to_string(), ..rig.proposal(centre) };
            let caller = rig.caller(&rig.anna, "RequestErasure");
            let proposed = rig.calls.request_erasure(&caller, request.clone()).await.unwrap();
            assert_eq!(proposed.parts, parts, "{centre}");
            // Sent again, it is the same proposal, whatever was bound meanwhile.
            assert_eq!(rig.calls.request_erasure(&caller, request).await.unwrap(), proposed);
            assert_eq!(rig.decide_in(centre, &rig.bo, proposed.erasure, true).await.unwrap(), parts);
        }
        for pos in theirs {
            assert!(rig.entry(pos.get(), None).await.entry.unwrap().parts[1].erased);
        }
        for pos in others {
            assert!(rig.entry(pos.get(), None).await.entry.unwrap().parts[1].redacted);
        }
        assert!(rig.check().await.verified());
        rig.stop().await;
    })
    .await;
}

#[tokio::test]
async fn of_two_proposals_for_one_part_the_second_erases_what_is_left() {
    each(async |fixture| {
        let rig = Rig::begin(fixture, 36).await;
        let zhang = rig.named("张三").await;
        let (a, b) = (rig.bind(&zhang, "CARD-A").await, rig.bind(&zhang, "CARD-B").await);
        let one = rig.propose(&rig.anna, &[(a, 1)]).await.unwrap();
        let two = rig.propose(&rig.anna, &[(a, 1), (b, 1), (b, 1)]).await.unwrap();
        let three = rig.propose(&rig.anna, &[(a, 1)]).await.unwrap();
        assert_eq!(word(rig.decide(&rig.bo, one, true).await), "1");
        assert_eq!(word(rig.decide(&rig.bo, two, true).await), "1", "the other part only");
        assert_eq!(word(rig.decide(&rig.bo, three, true).await), "NOTHING_TO_ERASE");
        assert_eq!(word(rig.decide(&rig.bo, three, false).await), "0");
        assert!(rig.check().await.verified());
        rig.stop().await;
    })
    .await;
}
