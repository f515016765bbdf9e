//! Which instants belong to which span (rule R7): at most one, so that no punch is mapped by guesswork.

use crate::kernel::{EpochDay, EpochMs, Zone};
use crate::registers::roster::view::{DayKind, DayPlan, SpanView};

/// A cut is a whole second: the left side keeps the second itself, the right side begins with the next.
const SECOND_MS: i64 = 1_000;
const MINUTE_MS: i64 = 60_000;

/// A span's plan in instants, and the punches that may count for it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Region {
    /// Of the day before (-1), the day (0), or the day after (1).
    pub day: i32,
    /// The span, as the shift has it.
    pub span: SpanView,
    /// The planned beginning.
    pub on_plan: EpochMs,
    /// The planned end.
    pub off_plan: EpochMs,
    /// The first instant of the region.
    pub from: EpochMs,
    /// The last one. Before `from` when neighbours leave nothing.
    pub until: EpochMs,
}

impl Region {
    /// Does an instant belong to it?
    pub fn holds(&self, at: EpochMs) -> bool {
        self.from <= at && at <= self.until
    }
}

/// The regions of the spans of the day before, the day and the day after, in the order of their beginnings.
pub fn regions(zone: &Zone, day: EpochDay, plans: &[DayPlan; 3]) -> Vec<Region> {
    let mut regions: Vec<Region> = plans
        .iter()
        .zip([-1, 0, 1])
        .filter(|(plan, _)| is_worked(plan.kind))
        .flat_map(|(plan, offset)| plan.spans.iter().map(move |span| (span, offset)))
        .map(|(span, offset)| uncut(zone, day.plus_days(offset), offset, *span))
        .collect();
    regions.sort_by_key(|region| (region.on_plan, region.off_plan, region.day));
    let mut cut: Vec<Region> = Vec::with_capacity(regions.len());
    for mut region in regions {
        if let Some(left) = cut.last_mut().filter(|left| left.until >= region.from) {
            let cut_at = midpoint(left.off_plan, region.on_plan);
            if left.until >= cut_at {
                // A device that stamps 13:00:00.500 has stamped 13:00:00.
                left.until = cut_at.plus_ms(SECOND_MS - 1);
            }
            region.from = region.from.max(cut_at.plus_ms(SECOND_MS));
        }
        // Spans that overlap are refused when a roster is saved; should two facts together make some all the same, an
        // instant still belongs to one.
        if let Some(last) = cut.iter().map(|left| left.until).max() {
            region.from = region.from.max(last.plus_ms(1));
        }
        cut.push(region);
    }
    cut
}

/// Are there spans on a day of this kind?
pub fn is_worked(kind: DayKind) -> bool {
    match kind {
        DayKind::Workday | DayKind::Makeup => true,
        DayKind::Rest | DayKind::Holiday | DayKind::PendingCalendar => false,
    }
}

/// The plan is what a wall clock shows; before and after it minutes pass, also on days on which clocks change.
fn uncut(zone: &Zone, on: EpochDay, day: i32, span: SpanView) -> Region {
    let [on_plan, off_plan] = [span.on_plan, span.off_plan].map(|minutes| zone.at_minutes(on, minutes));
    Region {
        day,
        span,
        on_plan,
        off_plan,
        from: on_plan.plus_ms(-MINUTE_MS * i64::from(span.on_before)),
        until: off_plan.plus_ms(MINUTE_MS * i64::from(span.off_after)),
    }
}

/// Half way, cut to the second.
fn midpoint(one: EpochMs, other: EpochMs) -> EpochMs {
    let half = i64::midpoint(one.get(), other.get());
    EpochMs::clamped(half - half.rem_euclid(SECOND_MS))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::registers::roster::view::DaySource;

    fn plan(spans: &[(i32, i32, i32, i32)]) -> DayPlan {
        let spans = spans.iter().map(|(on_plan, off_plan, on_before, off_after)| SpanView {
            on_plan: *on_plan,
            off_plan: *off_plan,
            on_before: *on_before,
            off_after: *off_after,
            day_fraction_permille: 500,
        });
        DayPlan {
            swapped: None,
            kind: DayKind::Workday,
            source: DaySource::Weekly,
            shift: "day".to_owned(),
            spans: spans.collect(),
            rostered: true,
        }
    }

    /// `day from..until`, on the wall, for each region.
    fn walls(zone: &str, plans: &[DayPlan; 3]) -> Vec<String> {
        let zone = Zone::parse(zone).unwrap();
        regions(&zone, EpochDay::from_ymd(2026, 11, 3).unwrap(), plans)
            .iter()
            .map(|region| {
                let [from, until] = [region.from, region.until].map(|at| zone.wall(at)[8..].to_owned());
                format!("{} {from}..{until}", region.day)
            })
            .collect()
    }

    #[test]
    fn regions_that_touch_are_cut_half_way_between_the_plans() {
        let none = || plan(&[]);
        let day = plan(&[(510, 720, 60, 60), (840, 1050, 60, 60)]);
        assert_eq!(
            walls("", &[none(), day, none()]),
            ["0 03 07:30:00..03 13:00:00", "0 03 13:00:01..03 18:30:00"]
        );
        let apart = plan(&[(510, 720, 60, 30), (840, 1050, 60, 60)]);
        assert_eq!(
            walls("", &[none(), apart, none()]),
            ["0 03 07:30:00..03 12:30:00", "0 03 13:00:00..03 18:30:00"]
        );
    }

    #[test]
    fn a_night_ends_on_the_next_day_and_is_cut_against_it() {
        let night = || plan(&[(1200, 1560, 240, 600)]);
        assert_eq!(
            walls("", &[night(), night(), plan(&[(510, 720, 60, 60)])]),
            ["-1 02 16:00:00..03 12:00:00", "0 03 16:00:00..04 05:15:00", "1 04 07:30:00..04 13:00:00"]
        );
    }

    #[test]
    fn the_second_of_the_cut_belongs_to_the_left_to_its_last_millisecond() {
        let day = plan(&[(510, 720, 60, 60), (840, 1050, 60, 60)]);
        let zone = Zone::parse("").unwrap();
        let on = EpochDay::from_ymd(2026, 11, 3).unwrap();
        let found = regions(&zone, on, &[plan(&[]), day, plan(&[])]);
        let cut = zone.at_minutes(on, 780);
        for (ms, left, right) in [(0, true, false), (999, true, false), (1_000, false, true)] {
            let at = cut.plus_ms(ms);
            assert_eq!((found[0].holds(at), found[1].holds(at)), (left, right), "{ms}");
        }
    }

    #[test]
    fn spans_that_should_not_overlap_still_share_no_instant() {
        let odd = plan(&[(510, 720, 60, 900), (540, 600, 300, 5), (700, 1050, 900, 60)]);
        let zone = Zone::parse("").unwrap();
        let found =
            regions(&zone, EpochDay::from_ymd(2026, 11, 3).unwrap(), &[odd.clone(), odd.clone(), odd]);
        for (n, one) in found.iter().enumerate() {
            for other in &found[n + 1..] {
                assert!(one.until < other.from || one.until < one.from || other.until < other.from);
            }
        }
    }

    #[test]
    fn days_of_rest_have_no_regions() {
        let rest = DayPlan { kind: DayKind::Holiday, ..plan(&[(510, 720, 60, 60)]) };
        assert_eq!(walls("", &[rest.clone(), rest.clone(), rest]), [""; 0]);
    }
}
