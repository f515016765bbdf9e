//! What must hold of every day (rule R9: A1, A2, A3, A5, A6, A7), and of what a day waits for. A4 is the fold's.

use qinlian::kernel::{EpochMs, Pos, Zone};
use qinlian::proto::punch::Direction;
use qinlian::registers::attendance::day::inputs::{DayPunch, PunchSource};
use qinlian::registers::attendance::day::outcome::{DayOutcome, DayWait, Slot, SlotResult};
use qinlian::registers::attendance::day::pick::bounds;
use qinlian::registers::attendance::day::region::{Region, regions};
use qinlian::registers::attendance::view::{Effective, Trust};

use super::chance::{Case, Dice, plans, zone_and_day};
use crate::support::scale;

fn cases(seed: u64, mut holds: impl FnMut(&mut Dice, &Case)) {
    let mut dice = Dice::new(seed);
    for _ in 0..scale(10_000, 100_000) {
        let case = Case::random(&mut dice);
        holds(&mut dice, &case);
    }
}

fn slots(day: &DayOutcome) -> Vec<&Slot> {
    day.spans.iter().flat_map(|span| [&span.on, &span.off]).collect()
}

#[test]
fn a1_the_order_of_arrival_does_not_matter() {
    cases(1, |dice, case| {
        let wanted = case.given.judge();
        let mut other = case.given.clone();
        dice.shuffle(&mut other.punches);
        dice.shuffle(&mut other.absences);
        dice.shuffle(&mut other.pauses);
        assert_eq!(other.judge(), wanted, "{case:?}");
    });
}

#[test]
fn a2_replaying_every_punch_changes_nothing() {
    cases(2, |dice, case| {
        let wanted = case.given.judge();
        let mut other = case.given.clone();
        let again =
            other.punches.iter().map(|punch| DayPunch { punch: Pos::new(punch.punch.get() + 900), ..*punch });
        let again: Vec<DayPunch> = again.collect();
        other.punches.extend(again);
        dice.shuffle(&mut other.punches);
        assert_eq!(other.judge(), wanted, "{case:?}");
    });
}

#[test]
fn a3_an_earlier_in_never_worsens_the_coming() {
    let (mut known, mut bettered) = (0, 0);
    cases(3, |dice, case| {
        let before = case.given.judge();
        for (nth, span) in before.spans.iter().enumerate() {
            let regions = regions(&case.given.zone, case.given.day, &case.given.plans);
            let region = regions.iter().filter(|region| region.day == 0).nth(nth).unwrap();
            let last = span.on.at.unwrap_or(region.until);
            if last <= region.from || !span.on.is_final {
                continue;
            }
            known += 1;
            let at = region.from.plus_ms(dice.below(last.since(region.from)));
            let mut other = case.given.clone();
            let effective = Effective { at, trust: Trust::Trusted, earliest: at, latest: at };
            let punch = Pos::new(999);
            let source = PunchSource::Device;
            other.punches.push(DayPunch { punch, at: effective, direction: Direction::In, source });
            let after = &other.judge().spans[nth].on;
            assert!(after.result <= span.on.result, "{:?} after {:?}: {case:?}", after, span.on);
            bettered += usize::from(after.result < span.on.result);
        }
    });
    assert!(known > scale(5_000, 50_000) && bettered > known / 10, "{known} {bettered}");
}

/// What arrived while each device has told up to some time of its own: everything up to then, and by chance what is later.
fn partly(dice: &mut Dice, case: &Case) -> Case {
    let mut partly = case.clone();
    for device in partly.given.devices.values_mut() {
        device.covered_until = (!dice.one_in(5)).then(|| case.moment(dice));
    }
    let (devices, by) = (&partly.given.devices, &case.by);
    partly.given.punches.retain(|punch| {
        let covered = by.get(&punch.punch).and_then(|code| devices[code].covered_until);
        let from_device = punch.source == PunchSource::Device;
        let told = covered.is_some_and(|covered| bounds(punch).0 <= covered);
        !from_device || told || dice.one_in(2)
    });
    partly
}

#[test]
fn a5_what_is_final_never_differs_from_what_full_knowledge_says() {
    let (mut early, mut weighing) = (0, 0);
    cases(5, |dice, case| {
        let partly = partly(dice, case);
        let (full, known) = (case.given.judge(), partly.given.judge());
        for (full, known) in slots(&full).into_iter().zip(slots(&known)) {
            if known.is_final {
                let [one, other] = [known, full].map(|slot| (slot.result, slot.minutes));
                assert_eq!(one, other, "{partly:?}\n{case:?}");
                early += 1;
                weighing +=
                    usize::from(known.result != SlotResult::Normal && known.result != SlotResult::Excused);
            }
        }
    });
    assert!(early > scale(4_000, 40_000) && weighing > early / 10, "{early} {weighing}");
}

fn share_an_instant(one: &Region, other: &Region) -> bool {
    [one.from, one.until].iter().any(|at| one.holds(*at) && other.holds(*at))
        || [other.from, other.until].iter().any(|at| one.holds(*at) && other.holds(*at))
}

#[test]
fn a6_no_instant_is_in_two_regions() {
    let mut dice = Dice::new(6);
    for _ in 0..scale(10_000, 100_000) {
        let (zone, day) = zone_and_day(&mut dice);
        let week = [plans(&mut dice), plans(&mut dice), plans(&mut dice), plans(&mut dice)];
        let [first, second, third, fourth] = week;
        let today = regions(&zone, day, &[first, second.clone(), third.clone()]);
        let tomorrow = regions(&zone, day.plus_days(1), &[second, third, fourth]);
        // Of one day's view all regions, and of two days each day's own.
        let own =
            |regions: &[Region]| regions.iter().filter(|region| region.day == 0).copied().collect::<Vec<_>>();
        for regions in [today.clone(), [own(&today), own(&tomorrow)].concat()] {
            for (n, one) in regions.iter().enumerate() {
                assert!(one.from <= one.until, "{one:?}");
                for other in &regions[n + 1..] {
                    assert!(!share_an_instant(one, other), "{} {day}: {one:?} {other:?}", Zone::name(&zone));
                }
            }
        }
    }
}

#[test]
fn a7_without_its_corrections_a_day_is_its_raw_result() {
    let mut corrected = 0;
    cases(7, |dice, case| {
        let case = partly(dice, case);
        let with = case.given.judge();
        let mut without = case.given.clone();
        without.punches.retain(|punch| punch.source == PunchSource::Device);
        let without = without.judge();
        for (with, without) in slots(&with).into_iter().zip(slots(&without)) {
            assert_eq!(with.raw, without.result, "{case:?}");
            assert_eq!(without.raw, without.result, "{case:?}");
            corrected += usize::from(with.raw != with.result);
        }
    });
    assert!(corrected > scale(500, 5_000), "{corrected}");
}

/// R5: no absence without proof.
#[test]
fn nobody_is_late_early_or_missing_while_no_device_has_told() {
    cases(8, |dice, case| {
        let mut silent = partly(dice, case).given;
        silent.punches.retain(|punch| punch.source == PunchSource::Device);
        for device in silent.devices.values_mut() {
            (device.covered_until, device.since, device.until) = (None, EpochMs::ZERO, None);
            device.outages.clear();
        }
        for slot in slots(&silent.judge()) {
            let open = matches!(slot.result, SlotResult::Pending | SlotResult::Unverified);
            let harmless =
                matches!(slot.result, SlotResult::Normal | SlotResult::Excused | SlotResult::NotApplicable);
            assert!(open || harmless, "{slot:?} {case:?}");
        }
    });
}

/// Time makes PENDING UNVERIFIED when it is waited for, and does nothing else.
#[test]
fn time_changes_only_what_waits_for_it() {
    let mut turned = 0;
    cases(9, |dice, case| {
        let mut early = partly(dice, case).given;
        early.at = case.moment(dice);
        let before = early.judge();
        let time = before.waits.iter().find_map(|wait| match wait {
            DayWait::Time(at) => Some(*at),
            DayWait::Coverage { .. } => None,
        });
        let mut later = early.clone();
        later.at = time.map_or(EpochMs::MAX, |at| at.plus_ms(-1));
        assert!(later.at >= early.at, "{before:?}");
        assert_eq!(later.judge(), before, "nothing changes before it: {case:?}");
        later.at = EpochMs::MAX;
        for (before, after) in slots(&before).into_iter().zip(slots(&later.judge())) {
            if before.result == SlotResult::Pending {
                assert_eq!(after.result, SlotResult::Unverified);
                turned += 1;
            } else {
                assert_eq!(
                    (before.result, before.minutes, before.punch),
                    (after.result, after.minutes, after.punch)
                );
            }
        }
    });
    assert!(turned > scale(1_000, 10_000), "{turned}");
}

/// A device that tells of more, and not of as much as is waited for, changes nothing.
#[test]
fn coverage_changes_only_what_waits_for_it() {
    let mut waited = 0;
    cases(10, |dice, case| {
        let partly = partly(dice, case).given;
        let before = partly.judge();
        let mut more = partly.clone();
        for (code, device) in &mut more.devices {
            let threshold = before.waits.iter().find_map(|wait| match wait {
                DayWait::Coverage { device, threshold } if device == code => Some(*threshold),
                DayWait::Coverage { .. } | DayWait::Time(_) => None,
            });
            waited += usize::from(threshold.is_some());
            let most = threshold.map_or(EpochMs::MAX, |threshold| threshold.plus_ms(-1));
            let told = device.covered_until.unwrap_or(EpochMs::ZERO);
            let some = most.min(case.moment(dice));
            device.covered_until = Some(told.max(dice.pick(&[most, some])));
        }
        assert_eq!(more.judge(), before, "{partly:?}");
    });
    assert!(waited > scale(1_000, 10_000), "{waited}");
}
