//! Corrections: a clock-in that no device stamped may count when others say so; what was stamped stays visible beside it
//! (rule R11, property A7).

use qinlian::kernel::Words;
use qinlian::proto::approval_step::Decision::{Approve, Refuse};
use qinlian::proto::correction::{Reason, Slot};
use qinlian::proto::punch::Direction::{In, Out};
use qinlian::proto::{
    ApprovalState, Correction, DecideCorrectionRequest, DecideCorrectionResponse, RequestCorrectionRequest,
    RequestCorrectionResponse, WithdrawCorrectionRequest,
};
use qinlian::registers::attendance::fact::Command as Attendance;
use qinlian::registers::failure::Failure;

use super::rig::{Desk, at, stamp};
use crate::roster::rig::{date, refused};
use crate::support::store::each;

/// `2 OFF 03-03 17:30`: the second span's end.
fn correction(desk: &Desk, whose: &str, text: &str) -> Correction {
    let words: Vec<&str> = text.split_whitespace().collect();
    Correction {
        person_id: desk.person(whose),
        work_date: Some(date(&format!("2026-{}", words[2]))),
        span: words[0].parse().expect("a number"),
        slot: Slot::from_str_name(words[1]).expect("a slot").into(),
        claimed_at: stamp(&format!("{} {}", words[2], words[3])),
        reason: Reason::Missed.into(),
    }
}

async fn ask(
    desk: &Desk,
    who: &str,
    corrections: Vec<Correction>,
    outage: Option<u64>,
) -> Result<RequestCorrectionResponse, Failure> {
    let request = RequestCorrectionRequest {
        centre: "hall".to_owned(),
        request_id: desk.id(),
        corrections,
        outage,
        explanation: "下班忘记打卡".to_owned(),
        evidence_digest: vec![7; 32],
        ..RequestCorrectionRequest::default()
    };
    desk.calls.request_correction(&desk.caller(who, "RequestCorrection"), request).await
}

async fn decide(
    desk: &Desk,
    who: &str,
    correction: u64,
    decision: qinlian::proto::approval_step::Decision,
) -> Result<DecideCorrectionResponse, Failure> {
    let request = DecideCorrectionRequest {
        centre: "hall".to_owned(),
        request_id: desk.id(),
        correction,
        decision: decision.into(),
        reason: "监控可见".to_owned(),
        ..DecideCorrectionRequest::default()
    };
    desk.calls.decide_correction(&desk.caller(who, "DecideCorrection"), request).await
}

#[tokio::test]
async fn a_correction_counts_when_two_have_signed_and_what_was_stamped_stays_beside_it() {
    each(async |fixture| {
        let desk = Desk::begin(&fixture.store, 911).await;
        desk.rig.at(at("03-03 00:00")).await;
        for (direction, time) in [(In, "08:25"), (Out, "12:01"), (In, "13:55")] {
            desk.rig.clock("A0", direction, time).await;
        }
        desk.until("03-03 18:40").await;
        let missing = "MISSING: NORMAL! NORMAL! | NORMAL! MISSING!";
        assert_eq!(desk.day("zhao", 3).await, missing);
        let asked = ask(&desk, "zhao", vec![correction(&desk, "", "2 OFF 03-03 17:35")], None).await;
        let asked = asked.expect("asked");
        assert_eq!(desk.steps(&asked.steps), "LEAD ATTENDANCE_OFFICER");
        let number = asked.correction;
        assert_eq!(refused(decide(&desk, "zhao", number, Approve).await), "OWN_REQUEST");
        let answer = decide(&desk, "li", number, Approve).await.expect("signed");
        assert_eq!(answer.state(), ApprovalState::Awaiting);
        assert_eq!(desk.day("zhao", 3).await, missing, "one has signed");
        assert_eq!(refused(decide(&desk, "li", number, Approve).await), "ALREADY_SIGNED");
        decide(&desk, "wang", number, Approve).await.expect("signed");
        assert_eq!(desk.day("zhao", 3).await, "NORMAL: NORMAL! NORMAL! | NORMAL! NORMAL!");
        let day = desk.rig.result(desk.rig.hall.people[0].as_str(), 3).await;
        let slot = day.spans[1].off.as_ref().expect("a slot");
        assert_eq!((slot.raw().as_str_name(), slot.supplement().as_str_name()), ("MISSING", "CORRECTED"));
        assert_eq!(slot.punch_index, Some(number), "it names the request");
        // A7: taken back, the day is what the devices' clock-ins make of it.
        let back = WithdrawCorrectionRequest {
            centre: "hall".to_owned(),
            request_id: desk.id(),
            correction: number,
            ..WithdrawCorrectionRequest::default()
        };
        let caller = desk.caller("zhao", "WithdrawCorrection");
        desk.calls.withdraw_correction(&caller, back).await.expect("withdrawn");
        assert_eq!(desk.day("zhao", 3).await, missing);
        desk.rig.hall.office.stop().await;
    })
    .await;
}

#[tokio::test]
async fn what_may_not_be_corrected_is_refused_with_the_reason() {
    each(async |fixture| {
        let desk = Desk::begin(&fixture.store, 912).await;
        desk.rig.at(at("03-20 09:00")).await;
        let own = |text: &str| vec![correction(&desk, "", text)];
        let two = [own("1 ON 03-19 08:30"), own("2 OFF 03-19 17:30")].concat();
        let late = Correction { work_date: Some(date("2026-02-10")), ..own("1 ON 03-10 08:30")[0].clone() };
        for (case, who, asked, outage, code) in [
            (
                "of a colleague",
                "qian",
                vec![correction(&desk, "zhao", "1 ON 03-19 08:30")],
                None,
                "NOT_RESPONSIBLE",
            ),
            ("two at once without an outage", "zhao", two.clone(), None, "corrections COUNT"),
            (
                "for an outage that nobody declared",
                "li",
                vec![correction(&desk, "zhao", "1 ON 03-19 08:30")],
                Some(3),
                "UNKNOWN_OUTAGE",
            ),
            ("the tenth span", "zhao", own("10 ON 03-19 08:30"), None, "corrections[0].span OUT_OF_RANGE"),
            ("a time to come", "zhao", own("1 ON 03-20 09:30"), None, "CLAIM_OUT_OF_RANGE"),
            (
                "a time of another day",
                "zhao",
                vec![Correction {
                    work_date: Some(date("2026-03-18")),
                    ..own("1 ON 03-20 08:30")[0].clone()
                }],
                None,
                "CLAIM_OUT_OF_RANGE",
            ),
            ("more than 31 days ago", "zhao", vec![late], None, "TOO_LONG_AGO"),
        ] {
            assert_eq!(refused(ask(&desk, who, asked, outage).await), code, "{case}");
        }
        // Two a month; what was refused does not count.
        let first = ask(&desk, "zhao", own("1 ON 03-16 08:30"), None).await.expect("asked").correction;
        ask(&desk, "zhao", own("1 ON 03-17 08:30"), None).await.expect("asked");
        assert_eq!(refused(ask(&desk, "zhao", own("1 ON 03-18 08:30"), None).await), "QUOTA_USED");
        decide(&desk, "li", first, Refuse).await.expect("refused");
        ask(&desk, "zhao", own("1 ON 03-18 08:30"), None).await.expect("asked");
        desk.rig.hall.office.stop().await;
    })
    .await;
}

#[tokio::test]
async fn an_outage_is_corrected_for_everybody_at_once_and_uses_up_nobodys_quota() {
    each(async |fixture| {
        let desk = Desk::begin(&fixture.store, 913).await;
        desk.rig.at(at("03-03 00:00")).await;
        let office = &desk.rig.hall.office;
        let device = qinlian::kernel::DeviceId::parse("gate-1").expect("a code");
        let reason = Words::parse("停电").expect("words");
        let outage = Attendance::Outage { device, from: at("03-03 08:00"), reason };
        let outage = office.administer(desk.rig.hall.log(), outage).await.expect("declared").index;
        desk.until("03-03 18:40").await;
        let of = |name: &str| {
            ["1 ON 03-03 08:30", "1 OFF 03-03 12:00"].map(|text| correction(&desk, name, text)).to_vec()
        };
        let all = [of("zhao"), of("qian"), of("sun")].concat();
        let asked = ask(&desk, "li", all, Some(outage)).await.expect("asked");
        assert_eq!(desk.steps(&asked.steps), "LEAD ATTENDANCE_OFFICER");
        // Li asked, so somebody a rung higher signs instead, when it has waited for a day.
        assert_eq!(refused(decide(&desk, "li", asked.correction, Approve).await), "OWN_REQUEST");
        assert_eq!(refused(decide(&desk, "wang", asked.correction, Approve).await), "NOT_YOURS_TO_DECIDE");
        desk.rig.at(at("03-05 09:00")).await;
        decide(&desk, "zhou", asked.correction, Approve).await.expect("signed");
        decide(&desk, "wang", asked.correction, Approve).await.expect("signed");
        for name in ["zhao", "qian", "sun"] {
            let day = desk.day(name, 3).await;
            assert!(day.contains("NORMAL! NORMAL! |"), "{name}: {day}");
        }
        for day in ["03-04", "03-05"] {
            let own = vec![correction(&desk, "", &format!("1 ON {day} 08:30"))];
            ask(&desk, "zhao", own, None).await.expect("the quota is whole");
        }
        desk.rig.hall.office.stop().await;
    })
    .await;
}
