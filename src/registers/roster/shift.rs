//! A shift's spans on a day of the week (rule R7). Pure.

use super::view::SpanView;
use crate::proto::Shift;
use crate::proto::shift::{Span, Template};

/// Clock-ins count from this long before a span, and clock-outs until this long after, unless the shift says otherwise:
/// 60 minutes.
const AROUND_MINUTES: i32 = 60;

/// The spans of a shift on a day of the week, 1 is Monday; nothing on its rest days.
pub fn spans(shift: &Shift, weekday: u8) -> Vec<SpanView> {
    template(shift, weekday).map(spans_of).unwrap_or_default()
}

/// Is there any work on this day of the week?
pub fn works_on(shift: &Shift, weekday: u8) -> bool {
    template(shift, weekday).is_some()
}

/// The spans of a day that the shift calls a rest day, but somebody works: like `weekday`, or else like its first
/// template.
pub fn spans_on_rest(shift: &Shift, weekday: u8) -> Vec<SpanView> {
    template(shift, weekday).or_else(|| shift.templates.first()).map(spans_of).unwrap_or_default()
}

fn template(shift: &Shift, weekday: u8) -> Option<&Template> {
    shift.templates.iter().find(|template| template.weekdays.contains(&i32::from(weekday)))
}

fn spans_of(template: &Template) -> Vec<SpanView> {
    let count = u16::try_from(template.spans.len()).unwrap_or(u16::MAX).max(1);
    template.spans.iter().map(|span| view(span, 1_000 / count)).collect()
}

fn view(span: &Span, even_permille: u16) -> SpanView {
    SpanView {
        on_plan: span.on_plan_min,
        off_plan: span.off_plan_min,
        on_before: span.on_before_min.unwrap_or(AROUND_MINUTES),
        off_after: span.off_after_min.unwrap_or(AROUND_MINUTES),
        day_fraction_permille: span.day_fraction.map_or(even_permille, permille),
    }
}

/// A fraction in thousandths: above 0, at most 1, as parsed.
fn permille(fraction: f64) -> u16 {
    let thousandths = (1..=1_000_u16).rev().find(|n| f64::from(*n) <= fraction * 1_000.0 + 0.5);
    thousandths.unwrap_or(1)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn span(on: i32, off: i32) -> Span {
        Span { on_plan_min: on, off_plan_min: off, ..Span::default() }
    }

    #[test]
    fn an_early_friday_is_a_template_of_its_own_and_the_weekend_is_rest() {
        let shift = Shift {
            templates: vec![
                Template { weekdays: vec![1, 2, 3, 4], spans: vec![span(510, 720), span(840, 1_050)] },
                Template { weekdays: vec![5], spans: vec![span(510, 960)] },
            ],
            ..Shift::default()
        };
        let ends = |weekday| spans(&shift, weekday).iter().map(|span| span.off_plan).collect::<Vec<_>>();
        assert_eq!((ends(4), ends(5), ends(6)), (vec![720, 1_050], vec![960], vec![]));
        assert!(works_on(&shift, 5) && !works_on(&shift, 7));
        assert_eq!(spans(&shift, 1).iter().map(|s| s.day_fraction_permille).collect::<Vec<_>>(), [500, 500]);
        assert_eq!(spans_on_rest(&shift, 5).len(), 1, "a Saturday that is worked like a Friday");
        assert_eq!(spans_on_rest(&shift, 6).len(), 2, "nobody said like which: like the first template");
    }

    #[test]
    fn a_fraction_of_a_day_is_kept_in_thousandths() {
        for (fraction, wanted) in [(1.0, 1_000), (0.5, 500), (0.25, 250), (1.0 / 3.0, 333), (0.000_1, 1)] {
            assert_eq!(permille(fraction), wanted, "{fraction}");
        }
    }
}
