//! What somebody has to decide: their own step, somebody else's in whose place they stand, and what has waited too long.

use qinlian::proto::approval_step::Decision::Approve;
use qinlian::proto::{Delegation, ListMyTasksRequest, PutDelegationRequest, PutDelegationResponse};
use qinlian::registers::failure::Failure;

use super::rig::{Desk, at, stamp};
use crate::roster::rig::refused;
use crate::support::store::each;

/// `LEAVE zhao for li!`: what it is about, in whose place, and `!` when it has waited too long.
async fn tasks(desk: &Desk, who: &str) -> Vec<String> {
    let mut told = Vec::new();
    let mut request =
        ListMyTasksRequest { centre: "hall".to_owned(), page_size: 1, page_token: String::new() };
    loop {
        let caller = desk.caller(who, "ListMyTasks");
        let page = desk.calls.list_my_tasks(&caller, request.clone()).await.expect("a page");
        for task in page.tasks {
            let people: Vec<String> = task.person_ids.iter().map(|person| desk.name(person)).collect();
            let mut line = format!("{} {}", task.kind().as_str_name(), people.join(","));
            if !task.on_behalf_of.is_empty() {
                line.push_str(&format!(" for {}", desk.name(&task.on_behalf_of)));
            }
            if task.escalated {
                line.push('!');
            }
            told.push(line);
        }
        if page.next_page_token.is_empty() {
            return told;
        }
        request.page_token = page.next_page_token;
    }
}

async fn delegate(
    desk: &Desk,
    who: &str,
    to: &str,
    from: &str,
    until: &str,
) -> Result<PutDelegationResponse, Failure> {
    let request = PutDelegationRequest {
        centre: "hall".to_owned(),
        request_id: desk.id(),
        delegation: Some(Delegation {
            person_id: String::new(),
            to_person_id: desk.person(to),
            from: stamp(from),
            until: stamp(until),
        }),
        ..PutDelegationRequest::default()
    };
    desk.calls.put_delegation(&desk.caller(who, "PutDelegation"), request).await
}

#[tokio::test]
async fn a_task_is_shown_to_whom_it_is_given_and_a_rung_higher_when_it_has_waited_too_long() {
    each(async |fixture| {
        let desk = Desk::begin(&fixture.store, 931).await;
        desk.rig.at(at("03-03 09:00")).await;
        let first = desk.asked("zhao", "03-09 08:30 to 03-09 10:30 PERSONAL").await;
        desk.asked("sun", "03-10 08:30 to 03-10 10:30 PERSONAL qian").await;
        for (who, wanted) in
            [("zhao", &[][..]), ("qian", &["LEAVE sun"]), ("li", &["LEAVE zhao"]), ("wang", &[]), ("hu", &[])]
        {
            assert_eq!(tasks(&desk, who).await, wanted, "{who}");
        }
        // A day later; what a colleague has to say nobody says for them.
        desk.rig.at(at("03-04 09:00")).await;
        assert_eq!(tasks(&desk, "li").await, ["LEAVE zhao"]);
        assert_eq!(tasks(&desk, "wang").await, ["LEAVE zhao!"]);
        assert_eq!(tasks(&desk, "zhou").await, ["LEAVE zhao!"]);
        desk.approved_by(first, &["zhou"]).await;
        assert_eq!(tasks(&desk, "wang").await, [""; 0]);
        assert_eq!(tasks(&desk, "hu").await, ["LEAVE zhao"]);
        desk.rig.hall.office.stop().await;
    })
    .await;
}

#[tokio::test]
async fn somebody_decides_in_somebodys_place_for_a_time_and_never_about_their_own() {
    each(async |fixture| {
        let desk = Desk::begin(&fixture.store, 932).await;
        desk.rig.at(at("03-03 09:00")).await;
        let zhaos = desk.asked("zhao", "03-09 08:30 to 03-09 10:30 PERSONAL").await;
        let qians = desk.asked("qian", "03-09 13:30 to 03-09 14:30 PERSONAL").await;
        assert_eq!(
            refused(delegate(&desk, "li", "li", "03-03 10:00", "03-05 10:00").await),
            "NO_SUCH_DELEGATE"
        );
        delegate(&desk, "li", "qian", "03-03 10:00", "03-05 10:00").await.expect("delegated");
        assert_eq!(tasks(&desk, "qian").await, [""; 0], "it has not begun");
        assert_eq!(refused(desk.decide("qian", zhaos, Approve).await), "NO_SUCH_REQUEST");
        desk.rig.at(at("03-03 10:00")).await;
        assert_eq!(tasks(&desk, "qian").await, ["LEAVE zhao for li"], "never about their own");
        assert_eq!(refused(desk.decide("qian", qians, Approve).await), "OWN_REQUEST");
        let answer = desk.decide("qian", zhaos, Approve).await.expect("decided");
        let step = &answer.steps[0];
        assert_eq!(
            (desk.name(&step.decided_by), desk.name(&step.on_behalf_of)),
            ("qian".into(), "li".into())
        );
        // A later one takes its place: it ends sooner.
        let suns = desk.asked("sun", "03-09 11:00 to 03-09 11:30 PERSONAL zhao").await;
        desk.approved_by(suns, &["zhao"]).await;
        assert_eq!(tasks(&desk, "qian").await, ["LEAVE sun for li"]);
        delegate(&desk, "li", "qian", "03-03 10:00", "03-03 11:00").await.expect("delegated");
        desk.rig.at(at("03-03 11:00")).await;
        assert_eq!(tasks(&desk, "qian").await, [""; 0]);
        assert_eq!(refused(desk.decide("qian", suns, Approve).await), "NO_SUCH_REQUEST");
        desk.rig.hall.office.stop().await;
    })
    .await;
}
