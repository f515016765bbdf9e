//! Leave: who has to approve it, who may, and what it makes of people's days (the domain notes on leave; rules R7, R8).

use qinlian::proto::approval_step::Decision::{Approve, Refuse};
use qinlian::proto::{ApprovalState, ExternalApproval, Leave, RecordLeaveRequest, leave};

use super::rig::{Desk, at, stamp};
use crate::roster::rig::refused;
use crate::support::store::each;

#[tokio::test]
async fn the_longer_the_leave_the_more_approve_it_and_both_sides_do() {
    each(async |fixture| {
        let desk = Desk::begin(&fixture.store, 901).await;
        desk.rig.at(at("03-03 09:00")).await;
        for (case, who, leave, steps) in [
            ("out for half an hour", "zhao", "03-03 10:00 to 03-03 10:30 TEMP_OUT", "LEAD tax"),
            (
                "half a day is handed over",
                "zhao",
                "03-04 08:30 to 03-04 12:30 PERSONAL qian",
                "qian LEAD tax",
            ),
            (
                "two days",
                "zhao",
                "03-05 08:30 to 03-06 17:30 ANNUAL qian",
                "qian LEAD ATTENDANCE_OFFICER tax",
            ),
            (
                "a week, to midnight",
                "zhao",
                "03-09 00:00 to 03-14 00:00 SICK qian",
                "qian LEAD ATTENDANCE_OFFICER DUTY_MANAGER tax",
            ),
            ("alone at a window, for ten minutes", "sun", "03-04 09:00 to 03-04 09:10 TEMP_OUT zhao", ""),
            ("the same with somebody free", "sun", "03-03 14:00 to 03-03 14:10 TEMP_OUT qian", "qian LEAD"),
            ("a chief representative", "li", "03-04 08:30 to 03-04 11:00 PERSONAL", "ATTENDANCE_OFFICER"),
            ("who keeps attendance", "wang", "03-04 08:30 to 03-04 11:00 PERSONAL", "DUTY_MANAGER"),
        ] {
            let answer = desk.ask(who, desk.leave("", leave)).await;
            if steps.is_empty() {
                // Zhao has asked for the same morning.
                assert_eq!(refused(answer), "B_POST_NOT_FREE", "{case}");
            } else {
                let answer = answer.unwrap_or_else(|why| panic!("{case}: {why:?}"));
                assert_eq!(desk.steps(&answer.steps), steps, "{case}");
                assert_eq!(answer.state(), ApprovalState::Awaiting, "{case}");
            }
        }
        desk.rig.hall.office.stop().await;
    })
    .await;
}

#[tokio::test]
async fn what_may_not_be_asked_for_is_refused_with_the_reason() {
    each(async |fixture| {
        let desk = Desk::begin(&fixture.store, 902).await;
        desk.rig.at(at("03-20 09:00")).await;
        let first = desk.asked("zhao", "03-23 08:30 to 03-23 10:30 PERSONAL").await;
        let own = |text: &str| desk.leave("", text);
        for (case, who, leave, code) in [
            (
                "of a colleague",
                "qian",
                desk.leave("zhao", "03-24 08:30 to 03-24 09:30 SICK"),
                "NOT_RESPONSIBLE",
            ),
            (
                "of nobody at all",
                "qian",
                Leave { person_id: "p-nobody".to_owned(), ..own("03-24 08:30 to 03-24 09:30 SICK") },
                "leave.person_id NOT_A_PERSON_ID",
            ),
            (
                "by the own department's files",
                "li",
                desk.leave("hu", "03-24 08:30 to 03-24 09:30 SICK"),
                "NOT_RESPONSIBLE",
            ),
            ("twice for one time", "zhao", own("03-23 10:00 to 03-23 11:00 SICK"), "LEAVE_OVERLAPS"),
            ("eight days ago", "zhao", own("03-12 08:30 to 03-12 09:30 SICK"), "TOO_LONG_AGO"),
            (
                "nobody stands in for half a day",
                "zhao",
                own("03-24 08:30 to 03-24 12:30 SICK"),
                "B_POST_MISSING",
            ),
            ("nobody stands in at a window", "sun", own("03-24 08:30 to 03-24 08:40 SICK"), "B_POST_MISSING"),
            (
                "standing in for oneself",
                "zhao",
                own("03-24 08:30 to 03-24 12:30 SICK zhao"),
                "B_POST_NOT_FREE",
            ),
            (
                "by somebody from elsewhere",
                "zhao",
                own("03-24 08:30 to 03-24 12:30 SICK hu"),
                "B_POST_NOT_FREE",
            ),
            (
                "until before it begins",
                "zhao",
                own("03-24 08:30 to 03-24 08:30 SICK"),
                "leave.until OUT_OF_RANGE",
            ),
            (
                "for no reason",
                "zhao",
                Leave { reason: String::new(), ..own("03-24 08:30 to 03-24 09:30 SICK") },
                "leave.reason EMPTY",
            ),
        ] {
            assert_eq!(refused(desk.ask(who, leave).await), code, "{case}");
        }
        // What was refused or taken back is in nobody's way.
        desk.withdraw_leave("zhao", first).await.expect("withdrawn");
        let again = desk.asked("zhao", "03-23 10:00 to 03-23 11:00 SICK").await;
        desk.decide("li", again, Refuse).await.expect("refused");
        desk.asked("zhao", "03-23 10:00 to 03-23 11:00 SICK").await;
        desk.rig.hall.office.stop().await;
    })
    .await;
}

#[tokio::test]
async fn nobody_decides_about_their_own_and_each_step_is_signed_by_whom_it_is_given_to() {
    each(async |fixture| {
        let desk = Desk::begin(&fixture.store, 903).await;
        desk.rig.at(at("03-03 09:00")).await;
        let leave = desk.asked("zhao", "03-05 08:30 to 03-06 17:30 ANNUAL qian").await;
        for (case, who, wanted) in [
            ("one's own", "zhao", "OWN_REQUEST"),
            ("a colleague who has nothing to do with it", "sun", "NO_SUCH_REQUEST"),
            ("the chief representative before the colleague", "li", "NOT_YOURS_TO_DECIDE"),
            ("the colleague who stands in", "qian", "qian+ LEAD ATTENDANCE_OFFICER tax"),
            ("twice", "qian", "ALREADY_SIGNED"),
            ("the office before the chief representative", "wang", "NOT_YOURS_TO_DECIDE"),
            ("the chief representative", "li", "qian+ LEAD+ ATTENDANCE_OFFICER tax"),
            ("the office", "wang", "qian+ LEAD+ ATTENDANCE_OFFICER+ tax"),
            ("the hall for the department", "zhou", "NOT_YOURS_TO_DECIDE"),
            ("the department", "hu", "qian+ LEAD+ ATTENDANCE_OFFICER+ tax+"),
            ("when everything is decided", "hu", "ALREADY_DECIDED"),
        ] {
            let answer = desk.decide(who, leave, Approve).await;
            match answer {
                Ok(answer) => assert_eq!(desk.steps(&answer.steps), wanted, "{case}"),
                refusal => assert_eq!(refused(refusal), wanted, "{case}"),
            }
        }
        // A system's key may be in the same hands as somebody's own.
        let system = "system:keys";
        let subject = qinlian::kernel::Subject::parse(system).expect("a subject");
        let office = &desk.rig.hall.office;
        office.grant(desk.rig.hall.log(), &subject, qinlian::proto::Role::Lead).await;
        let other = desk.asked("sun", "03-05 08:30 to 03-05 10:30 ANNUAL qian").await;
        assert_eq!(refused(desk.decide(system, other, Approve).await), "NOT_A_PERSON");
        assert_eq!(refused(desk.decide("qian", 0, Approve).await), "NO_SUCH_REQUEST");
        desk.rig.hall.office.stop().await;
    })
    .await;
}

#[tokio::test]
async fn approved_leave_excuses_what_it_covers_and_ends_when_somebody_is_back() {
    each(async |fixture| {
        let desk = Desk::begin(&fixture.store, 904).await;
        desk.rig.at(at("03-03 00:00")).await;
        let absent = "ABSENT: MISSING! MISSING! | MISSING! MISSING!";
        let leave = desk.asked("zhao", "03-03 08:30 to 03-03 17:30 SICK qian").await;
        desk.until("03-03 18:40").await;
        assert_eq!(desk.day("zhao", 3).await, absent, "asked for is not approved");
        desk.approved_by(leave, &["qian", "li"]).await;
        assert_eq!(desk.day("zhao", 3).await, absent, "one has still to decide");
        desk.approved_by(leave, &["hu"]).await;
        assert_eq!(desk.day("zhao", 3).await, "EXCUSED: EXCUSED! EXCUSED! | EXCUSED! EXCUSED!");
        assert_eq!(desk.day("qian", 3).await, absent, "nobody else is excused");
        // Approved is approved: what has begun is ended by coming back, and the afternoon is to be worked.
        assert_eq!(refused(desk.withdraw_leave("zhao", leave).await), "HAS_BEGUN");
        assert_eq!(refused(desk.back("sun", leave, "03-03 14:00").await), "NO_SUCH_REQUEST");
        assert_eq!(refused(desk.back("zhao", leave, "03-02 14:00").await), "RETURN_OUT_OF_RANGE");
        assert_eq!(refused(desk.back("zhao", leave, "03-09 14:00").await), "RETURN_OUT_OF_RANGE");
        let back = desk.back("zhao", leave, "03-03 14:00").await.expect("back");
        assert!(!back.overstayed);
        assert_eq!(desk.day("zhao", 3).await, "ABSENT: EXCUSED! EXCUSED! | MISSING! MISSING!");
        assert_eq!(refused(desk.back("zhao", leave, "").await), "NOT_ON_LEAVE");
        desk.rig.hall.office.stop().await;
    })
    .await;
}

#[tokio::test]
async fn who_stays_away_longer_than_allowed_is_judged_for_the_time_between() {
    each(async |fixture| {
        let desk = Desk::begin(&fixture.store, 905).await;
        desk.rig.at(at("03-03 00:00")).await;
        let leave = desk.asked("sun", "03-03 08:30 to 03-03 10:00 PERSONAL qian").await;
        desk.approved_by(leave, &["qian", "li"]).await;
        desk.until("03-03 18:40").await;
        let back = desk.back("sun", leave, "03-03 11:00").await.expect("back");
        assert!(back.overstayed);
        // From ten on sun was to be there.
        assert_eq!(desk.day("sun", 3).await, "ABSENT: MISSING! MISSING! | MISSING! MISSING!");
        desk.rig.hall.office.stop().await;
    })
    .await;
}

#[tokio::test]
async fn leave_that_is_taken_back_before_it_begins_excuses_nothing() {
    each(async |fixture| {
        let desk = Desk::begin(&fixture.store, 906).await;
        desk.rig.at(at("03-03 09:00")).await;
        let leave = desk.asked("sun", "03-04 08:30 to 03-04 17:30 ANNUAL zhao").await;
        desk.approved_by(leave, &["zhao", "li"]).await;
        for (who, code) in [("qian", "NO_SUCH_REQUEST"), ("wang", "NOT_YOURS_TO_WITHDRAW")] {
            assert_eq!(refused(desk.withdraw_leave(who, leave).await), code, "{who}");
        }
        desk.withdraw_leave("sun", leave).await.expect("withdrawn");
        assert_eq!(refused(desk.withdraw_leave("sun", leave).await), "ALREADY_DECIDED");
        desk.rig.at(at("03-04 00:00")).await;
        desk.until("03-04 18:40").await;
        assert_eq!(desk.day("sun", 4).await, "ABSENT: MISSING! MISSING! | MISSING! MISSING!");
        desk.rig.hall.office.stop().await;
    })
    .await;
}

#[tokio::test]
async fn leave_that_another_system_approved_counts_at_once_and_is_each_departments_own() {
    each(async |fixture| {
        let desk = Desk::begin(&fixture.store, 907).await;
        desk.rig.at(at("03-03 00:00")).await;
        desk.until("03-03 18:40").await;
        let record = async |who: &str, whose: &str| {
            let request = RecordLeaveRequest {
                centre: "hall".to_owned(),
                request_id: desk.id(),
                person_id: desk.person(whose),
                kind: leave::Kind::Training.into(),
                from: stamp("03-03 08:30"),
                until: stamp("03-03 12:00"),
                external_approval: Some(ExternalApproval {
                    system: "oa".to_owned(),
                    r#ref: "2026-0303".to_owned(),
                    approvers: vec!["局长".to_owned()],
                    decided_at: stamp("03-02 17:00"),
                }),
                ..RecordLeaveRequest::default()
            };
            desk.calls.record_leave(&desk.caller(who, "RecordLeave"), request).await
        };
        record("hu", "zhao").await.expect("recorded");
        assert_eq!(desk.day("zhao", 3).await, "ABSENT: EXCUSED! EXCUSED! | MISSING! MISSING!");
        assert!(format!("{:?}", record("hu", "sun").await).contains("NotFound"), "another department's");
        assert_eq!(refused(record("wang", "wang").await), "OWN_RECORD");
        record("wang", "sun").await.expect("recorded");
        desk.rig.hall.office.stop().await;
    })
    .await;
}
