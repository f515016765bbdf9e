//! The hall of duty's tests with people who inspect: shen is an inspector, guo and tang are discipline officers, lu reads
//! as an auditor. Zhou manages the duty, li leads w1, w2 and w3.

use qinlian::kernel::Subject;
use qinlian::proto::inspection::{Outcome, State};
use qinlian::proto::*;
use qinlian::registers::directory::fact::Record;
use qinlian::registers::failure::Failure;
use qinlian::registers::wire::timestamp;
use qinlian::store::Store;

use crate::duty::rig::{Hall, at};
use crate::roster::rig::{date, refused};
use crate::support::office::HALL;

/// A digest of something.
pub(super) const DIGEST: [u8; 32] = [7; 32];

pub(super) async fn begin(store: &Store, seed: u64) -> Hall {
    let mut hall = Hall::begin(store, seed).await;
    for (name, role) in [
        ("shen", Role::Inspector),
        ("guo", Role::Discipline),
        ("tang", Role::Discipline),
        ("lu", Role::Auditor),
    ] {
        let person = hall.office.add_person().await;
        hall.office.grant(hall.office.hall, &Subject::Person(person.clone()), role).await;
        let assignment = Assignment {
            person_id: person.to_string(),
            centre: HALL.to_owned(),
            from: Some(date("2025-01-01")),
            ..Assignment::default()
        };
        hall.office.put(hall.office.hall, Record::Assignment(assignment)).await.expect("an assignment");
        hall.people.insert(name, person);
    }
    hall
}

/// A finding as a patrol records it: of whoever held the window.
pub(super) fn request(
    hall: &Hall,
    clause: &str,
    finding: inspection::Finding,
    window: &str,
) -> RecordInspectionRequest {
    RecordInspectionRequest {
        centre: HALL.to_owned(),
        request_id: hall.id(),
        clause: clause.to_owned(),
        finding: finding.into(),
        source: inspection::Source::Patrol.into(),
        window: window.to_owned(),
        receipt_view: ReceiptView::Compact.into(),
        ..RecordInspectionRequest::default()
    }
}

pub(super) async fn records(
    hall: &Hall,
    who: &str,
    request: RecordInspectionRequest,
) -> Result<Inspection, Failure> {
    let answer = hall.calls.record_inspection(&hall.caller(who, "RecordInspection"), request).await?;
    Ok(answer.inspection.expect("an inspection"))
}

/// Nobody at a window, at a time or now.
pub(super) fn empty(hall: &Hall, window: &str, time: &str) -> RecordInspectionRequest {
    RecordInspectionRequest {
        at: Some(time).filter(|time| !time.is_empty()).map(|time| timestamp(at(time))),
        ..request(hall, "4.1c", inspection::Finding::EmptyWindow, window)
    }
}

pub(super) async fn replies(hall: &Hall, who: &str, inspection: u64) -> String {
    let request = RespondToInspectionRequest {
        centre: HALL.to_owned(),
        request_id: hall.id(),
        inspection,
        words: "当时送材料".to_owned(),
        receipt_view: ReceiptView::Compact.into(),
    };
    said(
        hall.calls
            .respond_to_inspection(&hall.caller(who, "RespondToInspection"), request)
            .await
            .map(|a| a.state()),
    )
}

pub(super) async fn decides(
    hall: &Hall,
    who: &str,
    inspection: u64,
    outcome: Outcome,
    publish: bool,
) -> String {
    let request = DecideInspectionRequest {
        centre: HALL.to_owned(),
        request_id: hall.id(),
        inspection,
        outcome: outcome.into(),
        publish,
        reason: "情况属实".to_owned(),
        receipt_view: ReceiptView::Compact.into(),
    };
    said(
        hall.calls.decide_inspection(&hall.caller(who, "DecideInspection"), request).await.map(|a| a.state()),
    )
}

fn said(answer: Result<State, Failure>) -> String {
    match answer {
        Ok(state) => state.as_str_name().to_owned(),
        Err(failure) => refused::<()>(Err(failure)),
    }
}
