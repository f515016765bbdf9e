//! Who knows of an inspection, and that what was said in words is read on record only.

use qinlian::proto::inspection::{Finding, Outcome};
use qinlian::proto::*;

use super::rig::{begin, decides, records, replies, request};
use crate::duty::rig::Hall;
use crate::roster::rig::refused;
use crate::support::office::HALL;
use crate::support::store::each;

async fn listed(hall: &Hall, who: &str, reveal: Option<Reveal>) -> ListInspectionsResponse {
    let request =
        ListInspectionsRequest { centre: HALL.to_owned(), reveal, ..ListInspectionsRequest::default() };
    hall.calls.list_inspections(&hall.caller(who, "ListInspections"), request).await.expect("a list")
}

#[tokio::test]
async fn an_inspection_is_told_to_whom_it_concerns_and_its_words_only_on_record() {
    each(async |fixture| {
        let mut hall = begin(&fixture.store, 1_331).await;
        hall.turn_to("08:30");
        hall.at_work(&[("zhao", "w1"), ("zheng", "w5")]).await;
        let mut of = Vec::new();
        for (window, words) in [("w1", "低头看手机"), ("w5", "闲聊")] {
            let given = RecordInspectionRequest {
                words: words.to_owned(),
                evidence_note: "抽屉二".to_owned(),
                ..request(&hall, "4.1b", Finding::Attention, window)
            };
            of.push(records(&hall, "shen", given).await.expect("recorded").inspection);
        }
        assert_eq!(replies(&hall, "zhao", of[0]).await, "REPLIED");
        assert_eq!(decides(&hall, "guo", of[0], Outcome::Reminder, false).await, "DECIDED");
        for (who, wanted) in [
            ("zhao", "zhao"),
            ("zheng", "zheng"),
            ("qian", ""),
            ("li", "zhao"),
            ("zhou", "zhao zheng"),
            ("shen", "zhao zheng"),
            ("guo", "zhao zheng"),
            ("lu", "zhao zheng"),
        ] {
            let page = listed(&hall, who, None).await;
            let names: Vec<String> = page.inspections.iter().map(|it| hall.name(&it.person_id)).collect();
            assert_eq!(names.join(" "), wanted, "{who}");
            assert!(page.redacted && page.disclosure_index.is_none());
            let bytes = format!("{page:?}");
            assert!(!bytes.contains("低头") && !bytes.contains("抽屉") && !bytes.contains("送材料"), "{who}");
        }
        let reveal = Reveal { purpose: reveal::Purpose::Audit.into(), reason: "核对".to_owned() };
        let page = listed(&hall, "guo", Some(reveal.clone())).await;
        assert!(!page.redacted && page.disclosure_index.is_some());
        let first = &page.inspections[0];
        assert_eq!((first.words.as_str(), first.evidence_note.as_str()), ("低头看手机", "抽屉二"));
        assert_eq!(first.replies[0].words, "当时送材料");
        let decision = first.decision.clone().expect("a decision");
        assert_eq!((decision.reason.as_str(), decision.outcome()), ("情况属实", Outcome::Reminder));
        // One by its index: as much, and nothing of what is not one's own to know of.
        let get = async |who: &str, inspection: u64, reveal: Option<Reveal>| {
            let request = GetInspectionRequest { centre: HALL.to_owned(), inspection, reveal };
            hall.calls.get_inspection(&hall.caller(who, "GetInspection"), request).await
        };
        let own = get("zhao", of[0], Some(reveal)).await.expect("zhao's");
        assert_eq!(own.inspection.expect("one").words, "低头看手机");
        assert!(own.disclosure_index > page.disclosure_index, "each read is an entry of its own");
        assert!(refused(get("zhao", of[1], None).await).contains("NotFound"));
        assert!(refused(get("zhao", 1 << 40, None).await).contains("NotFound"));
        hall.office.stop().await;
    })
    .await;
}

#[tokio::test]
async fn the_clauses_are_listed_for_whoever_inspects_or_is_inspected() {
    each(async |fixture| {
        let hall = begin(&fixture.store, 1_332).await;
        for who in ["zhao", "li", "zhou", "shen", "guo", "lu"] {
            let request = ListClausesRequest { centre: HALL.to_owned() };
            let told =
                hall.calls.list_clauses(&hall.caller(who, "ListClauses"), request).await.expect("clauses");
            assert_eq!(told.clauses.len(), 17, "{who}");
            assert_eq!(told.clauses.iter().filter(|clause| clause.on_patrol).count(), 15);
        }
        hall.office.stop().await;
    })
    .await;
}
