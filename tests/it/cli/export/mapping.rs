//! What results are called elsewhere: all of them, and the same in code and in docs/exports.md.

use std::collections::BTreeSet;

use qinlian::cli::export::canon::{self, Canon};
use qinlian::cli::export::listing::{months, pauses, punches};
use qinlian::cli::export::table;
use qinlian::cli::export::vendors::{
    ABSENCES, RESULTS, SUPPLEMENTS, WECOM_ABSENT, beside, result, unknown, write_tables,
};
use qinlian::proto::day_result::open::Why;
use qinlian::proto::day_result::{
    Absence, Headline, Kind, Open, PolicyInForce, Slot, SlotResult, Source, Span, SpanResult, Supplement,
};
use qinlian::proto::{DayResult, TimeTrust};
use qinlian::registers::directory::fact::hex;
use sha2::Digest;

use crate::support::source::root;

/// Every value of an enum of messages but UNSPECIFIED.
fn all<E: TryFrom<i32>>() -> Vec<E> {
    (1..100).filter_map(|number| E::try_from(number).ok()).collect()
}

#[test]
fn every_result_with_every_supplement_is_mapped_once() {
    assert_eq!((all::<SlotResult>().len(), all::<Supplement>().len(), all::<Absence>().len()), (11, 5, 4));
    let named = |name: &'static str, known: usize, all: usize| assert_eq!(known, all, "{name}");
    let distinct: BTreeSet<i32> = RESULTS.iter().map(|(result, _)| i32::from(*result)).collect();
    named("results", distinct.len(), all::<SlotResult>().len());
    let distinct: BTreeSet<i32> = SUPPLEMENTS.iter().map(|(supplement, _)| i32::from(*supplement)).collect();
    named("supplements", distinct.len(), all::<Supplement>().len());
    let distinct: BTreeSet<i32> = ABSENCES.iter().map(|(absence, _)| i32::from(*absence)).collect();
    named("absences", distinct.len(), all::<Absence>().len());
    for judged in all::<SlotResult>() {
        for supplement in all::<Supplement>() {
            let (codes, from) = (result(judged), beside(Absence::Unspecified, supplement));
            let open = matches!(judged, SlotResult::Pending | SlotResult::Unverified);
            let nowhere = codes.dingtalk.is_none() && codes.wecom.is_none() && codes.feishu.is_none();
            assert_eq!(nowhere, open, "{judged:?}: blank everywhere, exactly when it is not known");
            assert_eq!(!unknown(judged).is_empty(), open, "{judged:?}");
            assert!(!from.dingtalk.is_empty() && !from.feishu.is_empty(), "{supplement:?}");
        }
    }
}

#[test]
fn absence_is_what_the_policy_calls_absence_and_nothing_else() {
    let absent: Vec<SlotResult> = all::<SlotResult>()
        .into_iter()
        .filter(|judged| {
            let codes = result(*judged);
            codes.dingtalk == Some("Absenteeism") || codes.wecom == Some(WECOM_ABSENT)
        })
        .collect();
    assert_eq!(absent, [SlotResult::AbsentLate, SlotResult::AbsentEarly]);
}

#[test]
fn the_digest_is_over_rows_in_one_form() {
    let at = |ms: i64| Some(prost_types::Timestamp { seconds: ms / 1_000, nanos: 0 });
    let slot = |ms: i64, judged: SlotResult| Slot {
        plan: at(ms),
        required: at(ms),
        raw: judged.into(),
        r#final: judged.into(),
        supplement: Supplement::None.into(),
        ..Slot::default()
    };
    let span = Span {
        on: Some(Slot {
            punch_index: Some(41),
            punched_at: at(1_772_498_520_000),
            minutes: 12,
            trust: TimeTrust::Trusted.into(),
            is_final: true,
            ..slot(1_772_497_800_000, SlotResult::Late)
        }),
        off: Some(Slot {
            open: Some(Open {
                why: Why::Device.into(),
                device: "gate-2".to_owned(),
                until: at(1_772_514_000_000),
            }),
            ..slot(1_772_510_400_000, SlotResult::Pending)
        }),
        result: SpanResult::SpanPending.into(),
        day_fraction: 0.5,
        ..Span::default()
    };
    let day = DayResult {
        seq: 7,
        entry_index: 43,
        person_id: "p1".to_owned(),
        work_date: Some(qinlian::proto::Date { year: 2026, month: 3, day: 3 }),
        revision: 2,
        cause: "COVERAGE".to_owned(),
        kind: Kind::Workday.into(),
        headline: Headline::Pending.into(),
        policy: Some(PolicyInForce {
            pack: "cn-default".to_owned(),
            centre_index: Some(9),
            ..Default::default()
        }),
        spans: vec![span],
        source: Source::Weekly.into(),
        shift: "day".to_owned(),
        ..DayResult::default()
    };
    let head = |end: &str| {
        format!(
            "p1|2026-03-03|1|{end}|7|2|43|COVERAGE|WORKDAY|WEEKLY|day|HEADLINE_PENDING|0|0||cn-default||9|\
             SPAN_PENDING|ABSENCE_UNSPECIFIED||500||"
        )
    };
    let rows = [
        head("ON") + "1772497800000|1772497800000|1772498520000|41|LATE|LATE|12|TRUSTED|1|NONE|",
        head("OFF")
            + "1772510400000|1772510400000|||PENDING|PENDING|0|TIME_TRUST_UNSPECIFIED|0|NONE|DEVICE/gate-2/1772514000000",
    ];
    assert_eq!(canon::rows(&day).into_iter().map(|row| row.replace('\t', "|")).collect::<Vec<_>>(), rows);
    let mut canon = Canon::default();
    canon.add(&day);
    let text = format!("qinlian days 1\n{}\n{}\n", rows[0], rows[1]).replace('|', "\t");
    let (digest, counts) = canon.finish();
    assert_eq!(digest, hex(&sha2::Sha256::digest(text)));
    assert_eq!((counts.people, counts.days, counts.rows, counts.open_days), (1, 1, 2, 1));
    let rest = DayResult { spans: Vec::new(), ..day };
    assert_eq!(canon::rows(&rest)[0].split('\t').skip(2).take(2).collect::<Vec<_>>(), ["0", ""]);
}

#[test]
fn the_document_shows_the_tables_of_the_code() {
    let mut tables = Vec::new();
    write_tables(&mut tables).unwrap();
    let tables = String::from_utf8(tables).unwrap();
    let document = std::fs::read_to_string(root().join("docs/exports.md")).unwrap();
    assert!(document.contains(&tables), "docs/exports.md lacks:\n{tables}");
    let columns =
        table::COLUMNS.iter().chain(&months::COLUMNS).chain(&punches::COLUMNS).chain(&pauses::COLUMNS);
    for column in columns {
        assert!(document.contains(column), "docs/exports.md does not name {column}");
    }
}
