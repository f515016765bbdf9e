//! Manual rolls: who came and went while every device was out of order, signed by two (rule R5).

use qinlian::kernel::{DeviceId, Words};
use qinlian::proto::approval_step::Decision::Approve;
use qinlian::proto::correction::Slot;
use qinlian::proto::manual_roll::Entry;
use qinlian::proto::{
    CountersignManualRollRequest, CountersignManualRollResponse, ManualRoll, RecordManualRollRequest,
    RecordManualRollResponse,
};
use qinlian::registers::attendance::fact::Command as Attendance;
use qinlian::registers::failure::Failure;

use super::rig::{Desk, at, stamp};
use crate::roster::rig::refused;
use crate::support::store::each;

async fn record(
    desk: &Desk,
    who: &str,
    entries: &[(&str, Slot, &str)],
) -> Result<RecordManualRollResponse, Failure> {
    let entries = entries.iter().map(|(name, slot, time)| Entry {
        person_id: desk.person(name),
        slot: (*slot).into(),
        at: stamp(time),
    });
    let request = RecordManualRollRequest {
        centre: "hall".to_owned(),
        request_id: desk.id(),
        roll: Some(ManualRoll { entries: entries.collect() }),
        reason: "全部考勤机停电".to_owned(),
        ..RecordManualRollRequest::default()
    };
    desk.calls.record_manual_roll(&desk.caller(who, "RecordManualRoll"), request).await
}

async fn countersign(desk: &Desk, who: &str, roll: u64) -> Result<CountersignManualRollResponse, Failure> {
    let request = CountersignManualRollRequest {
        centre: "hall".to_owned(),
        request_id: desk.id(),
        manual_roll: roll,
        decision: Approve.into(),
        ..CountersignManualRollRequest::default()
    };
    desk.calls.countersign_manual_roll(&desk.caller(who, "CountersignManualRoll"), request).await
}

async fn outage(desk: &Desk, gate: &str, from: &str, until: &str) {
    let office = &desk.rig.hall.office;
    let device = DeviceId::parse(gate).expect("a code");
    let reason = Words::parse("停电").expect("words");
    let begins = Attendance::Outage { device: device.clone(), from: at(from), reason };
    office.administer(desk.rig.hall.log(), begins).await.expect("declared");
    let ends = Attendance::OutageEnd { device, until: at(until) };
    office.administer(desk.rig.hall.log(), ends).await.expect("ended");
}

#[tokio::test]
async fn a_roll_counts_when_it_is_countersigned_and_only_where_every_device_was_out() {
    each(async |fixture| {
        let desk = Desk::begin(&fixture.store, 921).await;
        desk.rig.at(at("03-03 00:00")).await;
        desk.until("03-03 18:40").await;
        let absent = "ABSENT: MISSING! MISSING! | MISSING! MISSING!";
        let roll = record(
            &desk,
            "li",
            &[
                ("zhao", Slot::On, "03-03 08:20"),
                ("zhao", Slot::Off, "03-03 12:05"),
                ("sun", Slot::On, "03-03 08:50"),
                ("sun", Slot::Off, "03-03 12:05"),
            ],
        );
        let roll = roll.await.expect("recorded");
        assert_eq!(desk.steps(&roll.steps), "ATTENDANCE_OFFICER");
        let roll = roll.manual_roll;
        for (case, who, code) in [
            ("by who took it down", "li", "OWN_REQUEST"),
            ("by one who stands in it", "zhao", "OWN_REQUEST"),
            ("by a colleague", "qian", "NO_SUCH_REQUEST"),
        ] {
            assert_eq!(refused(countersign(&desk, who, roll).await), code, "{case}");
        }
        countersign(&desk, "wang", roll).await.expect("signed");
        assert_eq!(desk.day("zhao", 3).await, absent, "the gates worked");
        outage(&desk, "gate-1", "03-03 07:00", "03-03 12:50").await;
        assert_eq!(desk.day("zhao", 3).await, absent, "one of them worked");
        outage(&desk, "gate-2", "03-03 07:00", "03-03 12:50").await;
        assert_eq!(desk.day("zhao", 3).await, "ABSENT: NORMAL! NORMAL! | MISSING! MISSING!");
        assert_eq!(desk.day("sun", 3).await, "ABSENT: SERIOUS_LATE! NORMAL! | MISSING! MISSING!");
        // Of whoever is on no roll nothing is known.
        assert_eq!(desk.day("qian", 3).await, "UNVERIFIED: UNVERIFIED UNVERIFIED | MISSING! MISSING!");
        let day = desk.rig.result(desk.rig.hall.people[0].as_str(), 3).await;
        let slot = day.spans[0].on.as_ref().expect("a slot");
        assert_eq!(
            (slot.raw().as_str_name(), slot.supplement().as_str_name()),
            ("UNVERIFIED", "MANUAL_ROLL")
        );
        desk.rig.hall.office.stop().await;
    })
    .await;
}

#[tokio::test]
async fn what_may_not_be_taken_down_is_refused_with_the_reason() {
    each(async |fixture| {
        let desk = Desk::begin(&fixture.store, 922).await;
        desk.rig.at(at("03-03 18:40")).await;
        for (case, who, entry, code) in [
            ("oneself", "li", ("li", Slot::On, "03-03 08:30"), "OWN_RECORD"),
            ("people of somebody else's", "li", ("wang", Slot::On, "03-03 08:30"), "NOT_RESPONSIBLE"),
            ("a time to come", "li", ("zhao", Slot::On, "03-04 08:30"), "CLAIM_OUT_OF_RANGE"),
            (
                "neither came nor went",
                "li",
                ("zhao", Slot::Unspecified, "03-03 08:30"),
                "roll.entries[0].slot UNSPECIFIED",
            ),
            ("who is not of the hall", "wang", ("hu", Slot::On, "03-03 08:30"), "NOT_ASSIGNED_HERE"),
        ] {
            assert_eq!(refused(record(&desk, who, &[entry]).await), code, "{case}");
        }
        assert_eq!(refused(record(&desk, "li", &[]).await), "roll.entries COUNT");
        desk.rig.hall.office.stop().await;
    })
    .await;
}
