//! `ListLeaves` and `ListCorrections`: one's own, and those of people one is responsible for; words only on record.

use qinlian::proto::{ListLeavesRequest, ListLeavesResponse, Reveal, reveal};

use super::rig::{Desk, at, stamp};
use crate::support::store::each;

async fn leaves(desk: &Desk, who: &str, request: ListLeavesRequest) -> ListLeavesResponse {
    let request = ListLeavesRequest { centre: "hall".to_owned(), ..request };
    desk.calls.list_leaves(&desk.caller(who, "ListLeaves"), request).await.expect("a page")
}

fn names(desk: &Desk, answer: &ListLeavesResponse) -> Vec<String> {
    let of =
        |record: &qinlian::proto::LeaveRecord| desk.name(&record.leave.as_ref().expect("leave").person_id);
    answer.leaves.iter().map(of).collect()
}

#[tokio::test]
async fn everybody_sees_their_own_and_those_of_people_whom_they_are_responsible_for() {
    each(async |fixture| {
        let desk = Desk::begin(&fixture.store, 941).await;
        desk.rig.at(at("03-03 09:00")).await;
        desk.asked("zhao", "03-09 08:30 to 03-09 10:30 PERSONAL").await;
        desk.asked("sun", "03-10 08:30 to 03-10 10:30 PERSONAL qian").await;
        desk.asked("li", "03-11 08:30 to 03-11 10:30 PERSONAL").await;
        desk.asked("zhao", "03-12 08:30 to 03-12 10:30 PERSONAL").await;
        for (who, wanted) in [
            ("zhao", &["zhao", "zhao"][..]),
            // Who stands in has to know.
            ("qian", &["sun"]),
            ("sun", &["sun"]),
            ("li", &["zhao", "sun", "li", "zhao"]),
            ("wang", &["zhao", "sun", "li", "zhao"]),
            ("hu", &["zhao", "zhao"]),
        ] {
            assert_eq!(
                names(&desk, &leaves(&desk, who, ListLeavesRequest::default()).await),
                wanted,
                "{who}"
            );
        }
        let of_zhao = ListLeavesRequest { person_id: desk.person("zhao"), ..ListLeavesRequest::default() };
        assert_eq!(names(&desk, &leaves(&desk, "sun", of_zhao.clone()).await), [""; 0]);
        let later = ListLeavesRequest { from: stamp("03-10 09:00"), until: stamp("03-12 08:30"), ..of_zhao };
        assert_eq!(names(&desk, &leaves(&desk, "wang", later.clone()).await), [""; 0]);
        let later = ListLeavesRequest { person_id: String::new(), ..later };
        assert_eq!(names(&desk, &leaves(&desk, "wang", later).await), ["sun", "li"]);
        // Page by page it is the same.
        let mut request = ListLeavesRequest { page_size: 1, ..ListLeavesRequest::default() };
        let mut all = Vec::new();
        loop {
            let page = leaves(&desk, "wang", request.clone()).await;
            all.extend(names(&desk, &page));
            if page.next_page_token.is_empty() {
                break;
            }
            request.page_token = page.next_page_token;
        }
        assert_eq!(all, ["zhao", "sun", "li", "zhao"]);
        desk.rig.hall.office.stop().await;
    })
    .await;
}

#[tokio::test]
async fn what_was_said_in_words_is_read_on_record_only() {
    each(async |fixture| {
        let desk = Desk::begin(&fixture.store, 942).await;
        desk.rig.at(at("03-03 09:00")).await;
        desk.asked("zhao", "03-09 08:30 to 03-09 10:30 PERSONAL").await;
        let hidden = leaves(&desk, "wang", ListLeavesRequest::default()).await;
        let leave = hidden.leaves[0].leave.as_ref().expect("leave");
        assert_eq!((leave.reason.as_str(), leave.destination.as_str()), ("", ""));
        assert!(hidden.leaves[0].redacted && hidden.disclosure_index.is_none());
        let reveal =
            Reveal { purpose: reveal::Purpose::Audit.into(), reason: "核对请假事由".to_owned() };
        let request = ListLeavesRequest { reveal: Some(reveal), ..ListLeavesRequest::default() };
        let shown = leaves(&desk, "wang", request).await;
        let leave = shown.leaves[0].leave.as_ref().expect("leave");
        assert_eq!((leave.reason.as_str(), leave.destination.as_str()), ("家中有事", "杭州"));
        assert!(!shown.leaves[0].redacted && shown.disclosure_index.is_some());
        desk.rig.hall.office.stop().await;
    })
    .await;
}
