//! The numbers by which attendance and duty are judged: named, checked, and shipped in packs. Pure.
//!
//! A policy is a pack (a file in `packs/`), and whatever a centre has set differently on top of it. Who may set what, and
//! from which day on it holds, is the roster's; here is only which numbers there are and which of them make sense.

mod hours;
mod keys;
mod packs;

pub use hours::{OfficeHours, Weekdays};
pub use keys::{Key, Unit, keys};

use std::collections::{BTreeMap, BTreeSet};

use crate::kernel::Said;

/// The pack where none is named.
pub const DEFAULT_PACK: &str = "cn-default";

/// The numbers. Read the fields; change them with [`Policy::with`], which checks.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Policy {
    /// Late by so much is on time.
    pub tol_late_minutes: u16,
    /// Early by so much is on time.
    pub tol_early_minutes: u16,
    /// Late by so much is seriously late.
    pub serious_late_minutes: u16,
    /// Late by so much is absence.
    pub absent_late_minutes: u16,
    /// Leaving early by so much is absence.
    pub absent_early_minutes: u16,
    /// Neither clocked in nor out: absence.
    pub both_missing_is_absent: bool,
    /// One of the two is missing: absence.
    pub missing_is_absent: bool,
    /// Out and in again within so much is no gap.
    pub gap_tolerance_minutes: u16,
    /// What is not known stays pending for so much of the centre's working time.
    pub max_wait_minutes: u16,
    /// Work that is made up is worked like this day of the week, when the notice names none: 1 is Monday, 7 is Sunday.
    pub makeup_as_weekday: u8,
    /// The shift of whoever has none; empty: nobody's.
    pub default_shift: String,
    /// When the centre works.
    pub office_hours: OfficeHours,
    /// On which days of the week.
    pub office_weekdays: Weekdays,
    /// A correction may be asked for so many days back.
    pub correction_days_back: u16,
    /// So many corrections a month.
    pub correction_quota_month: u16,
    /// A correction is decided within so many work days.
    pub correction_deadline_workdays: u16,
    /// So many signatures does a correction need, each a rung higher: 1 to 3.
    pub correction_signatures: u16,
    /// Leave of up to so many days is approved by the first rung alone.
    pub leave_lead_days: u16,
    /// Of up to so many by the first two; of more by all three.
    pub leave_office_days: u16,
    /// Leave of so many days or more needs the person's department too; 0: never.
    pub leave_department_days: u16,
    /// Who is away for so long hands over to somebody who stands in.
    pub leave_handover_minutes: u16,
    /// Leave is filed late from so long after its beginning on.
    pub leave_late_minutes: u16,
    /// Leave may be asked for so many days back.
    pub leave_days_back: u16,
    /// A decision that waits for so long may be made a rung higher; 0: never.
    pub approval_escalate_minutes: u16,
    /// A pause of up to so much needs nobody's approval.
    pub pause_self_minutes: u16,
    /// One of up to so much is approved by a lead.
    pub pause_lead_minutes: u16,
    /// One of up to so much by a duty manager; a longer one is leave.
    pub pause_duty_manager_minutes: u16,
    /// Back later than promised by so much is overdue.
    pub pause_grace_minutes: u16,
    /// Overdue by so much is suspected off post.
    pub pause_off_post_minutes: u16,
    /// So many pauses in half a day.
    pub pause_times_half_day: u16,
    /// So much of pauses in a day.
    pub pause_day_minutes: u16,
    /// A pause may be extended so many times.
    pub pause_extensions: u16,
    /// So many windows stay open for every service item.
    pub windows_per_item: u16,
    /// Whoever an inspection concerns may answer for so many work days after the one on which it was recorded.
    pub inspection_reply_days: u16,
}

impl Default for Policy {
    /// `cn-default`; a test holds the two together.
    fn default() -> Self {
        Self {
            tol_late_minutes: 0,
            tol_early_minutes: 0,
            serious_late_minutes: 15,
            absent_late_minutes: 30,
            absent_early_minutes: 30,
            both_missing_is_absent: true,
            missing_is_absent: false,
            gap_tolerance_minutes: 15,
            max_wait_minutes: 480,
            makeup_as_weekday: 1,
            default_shift: String::new(),
            office_hours: OfficeHours::DEFAULT,
            office_weekdays: Weekdays::DEFAULT,
            correction_days_back: 31,
            correction_quota_month: 2,
            correction_deadline_workdays: 2,
            correction_signatures: 2,
            leave_lead_days: 1,
            leave_office_days: 3,
            leave_department_days: 1,
            leave_handover_minutes: 240,
            leave_late_minutes: 60,
            leave_days_back: 7,
            approval_escalate_minutes: 1_440,
            pause_self_minutes: 10,
            pause_lead_minutes: 30,
            pause_duty_manager_minutes: 60,
            pause_grace_minutes: 5,
            pause_off_post_minutes: 15,
            pause_times_half_day: 4,
            pause_day_minutes: 60,
            pause_extensions: 1,
            windows_per_item: 1,
            inspection_reply_days: 2,
        }
    }
}

/// A key or a value that is wrong.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Violation {
    /// The key.
    pub key: String,
    /// STABLE_UPPER_SNAKE.
    pub reason: &'static str,
    /// What is wrong with it.
    pub said: Said,
}

impl Policy {
    /// A pack's numbers, if there is such a pack.
    pub fn of_pack(name: &str) -> Option<Self> {
        packs::pack(name)
    }

    /// The names of the packs, in order.
    pub fn packs() -> impl Iterator<Item = &'static str> {
        packs::FILES.iter().map(|(name, _)| *name)
    }

    /// With other values for some keys; every wrong key and value is named at once.
    pub fn with(mut self, values: &BTreeMap<String, String>) -> Result<Self, Vec<Violation>> {
        let mut wrong = Vec::new();
        for (name, value) in values {
            let set = match keys().iter().find(|key| key.name == name) {
                Some(key) => key.set(&mut self, value),
                None => {
                    Err(("UNKNOWN_KEY", Said::new("没有这一项规则参数", "is not a number of this policy")))
                }
            };
            if let Err((reason, said)) = set {
                wrong.push(Violation { key: name.clone(), reason, said });
            }
        }
        let known: BTreeSet<String> = wrong.iter().map(|violation| violation.key.clone()).collect();
        wrong.extend(
            self.out_of_order()
                .into_iter()
                .filter(|(smaller, larger, _)| {
                    // Compared with a value that was refused, a sound one would look wrong.
                    !known.contains(*smaller) && !known.contains(*larger)
                })
                .map(|(smaller, larger, said)| Violation {
                    // Whoever set one of the two is told of that one.
                    key: if values.contains_key(smaller) { smaller } else { larger }.to_owned(),
                    reason: "OUT_OF_ORDER",
                    said,
                }),
        );
        if wrong.is_empty() { Ok(self) } else { Err(wrong) }
    }

    /// Every key with its value, as [`Policy::with`] takes them.
    pub fn values(&self) -> BTreeMap<String, String> {
        keys().iter().map(|key| (key.name.to_owned(), key.get(self))).collect()
    }

    /// Pairs of which the first may not exceed the second, and does.
    fn out_of_order(&self) -> Vec<(&'static str, &'static str, Said)> {
        [
            ("tol_late_minutes", self.tol_late_minutes, "serious_late_minutes", self.serious_late_minutes),
            (
                "serious_late_minutes",
                self.serious_late_minutes,
                "absent_late_minutes",
                self.absent_late_minutes,
            ),
            ("tol_early_minutes", self.tol_early_minutes, "absent_early_minutes", self.absent_early_minutes),
            ("leave_lead_days", self.leave_lead_days, "leave_office_days", self.leave_office_days),
            ("pause_self_minutes", self.pause_self_minutes, "pause_lead_minutes", self.pause_lead_minutes),
            (
                "pause_lead_minutes",
                self.pause_lead_minutes,
                "pause_duty_manager_minutes",
                self.pause_duty_manager_minutes,
            ),
            (
                "pause_grace_minutes",
                self.pause_grace_minutes,
                "pause_off_post_minutes",
                self.pause_off_post_minutes,
            ),
        ]
        .into_iter()
        .filter(|(_, smaller, _, larger)| smaller > larger)
        .map(|(smaller, low, larger, high)| {
            let zh = format!("{smaller}（{low}）不得大于 {larger}（{high}）");
            let en = format!("{smaller} ({low}) must not exceed {larger} ({high})");
            (smaller, larger, Said::new(zh, en))
        })
        .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn set(pairs: &[(&str, &str)]) -> Result<Policy, Vec<(String, &'static str)>> {
        let values = pairs.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect();
        Policy::default()
            .with(&values)
            .map_err(|wrong| wrong.into_iter().map(|wrong| (wrong.key, wrong.reason)).collect())
    }

    #[test]
    fn every_wrong_key_and_value_is_named_at_once() {
        let wrong = set(&[
            ("absent_late_minutes", "1441"),
            ("both_missing_is_absent", "yes"),
            ("default_shift", "Day Shift"),
            ("makeup_as_weekday", "8"),
            ("max_wait", "60"),
            ("office_hours", "17:30-08:30"),
            ("office_weekdays", "5-1"),
            ("tol_late_minutes", "-1"),
        ])
        .unwrap_err();
        let named: Vec<_> = wrong.iter().map(|(key, reason)| (key.as_str(), *reason)).collect();
        assert_eq!(
            named,
            [
                ("absent_late_minutes", "OUT_OF_RANGE"),
                ("both_missing_is_absent", "NOT_TRUE_OR_FALSE"),
                ("default_shift", "NOT_A_CODE"),
                ("makeup_as_weekday", "OUT_OF_RANGE"),
                ("max_wait", "UNKNOWN_KEY"),
                ("office_hours", "NOT_OFFICE_HOURS"),
                ("office_weekdays", "NOT_WEEKDAYS"),
                ("tol_late_minutes", "NOT_A_NUMBER"),
            ]
        );
    }

    #[test]
    fn serious_is_not_later_than_absent_and_a_tolerance_not_later_than_either() {
        for (pairs, wanted) in [
            (&[("serious_late_minutes", "31")][..], Some("serious_late_minutes")),
            (&[("absent_late_minutes", "14")], Some("absent_late_minutes")),
            (&[("serious_late_minutes", "40"), ("absent_late_minutes", "60")], None),
            (&[("serious_late_minutes", "30")], None),
            (&[("tol_late_minutes", "16")], Some("tol_late_minutes")),
            (&[("tol_early_minutes", "31")], Some("tol_early_minutes")),
            (&[("absent_late_minutes", "x"), ("serious_late_minutes", "99")], Some("absent_late_minutes")),
        ] {
            let named =
                set(pairs).err().map(|wrong| wrong.into_iter().map(|(key, _)| key).collect::<Vec<_>>());
            assert_eq!(named, wanted.map(|key| vec![key.to_owned()]), "{pairs:?}");
        }
    }

    #[test]
    fn values_are_taken_back_as_they_are_given() {
        for pack in Policy::packs() {
            let policy = Policy::of_pack(pack).unwrap();
            assert_eq!(Policy::default().with(&policy.values()), Ok(policy), "{pack}");
        }
        let changed =
            set(&[("office_hours", "09:00-24:00"), ("office_weekdays", "1-7"), ("default_shift", "day")]);
        let changed = changed.unwrap();
        assert_eq!(Policy::default().with(&changed.values()), Ok(changed));
    }
}
