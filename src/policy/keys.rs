//! The table of keys: what each is called, counted in, and means, and how its value is read and written.

use super::{OfficeHours, Policy, Weekdays};
use crate::kernel::{IdError, Said};

/// What a value is counted in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unit {
    /// Minutes, from 0 to this.
    Minutes(u16),
    /// Days, from 0 to this.
    Days(u16),
    /// A number of times, from 0 to this.
    Times(u16),
    /// `true` or `false`.
    YesNo,
    /// 1 is Monday, 7 is Sunday.
    Weekday,
    /// `08:30-17:30`.
    Hours,
    /// `1-5`.
    Weekdays,
    /// The code of a shift, or nothing.
    Shift,
}

type Wrong = (&'static str, Said);

/// A number of the policy.
#[derive(Debug, Clone, Copy)]
pub struct Key {
    /// Its name, for ever.
    pub name: &'static str,
    /// What its value is counted in.
    pub unit: Unit,
    /// What it means, in Chinese.
    pub zh: &'static str,
    /// What it means, in English.
    pub en: &'static str,
    field: fn(&mut Policy) -> Field<'_>,
}

/// Where a value is kept.
enum Field<'a> {
    Number(&'a mut u16),
    YesNo(&'a mut bool),
    Weekday(&'a mut u8),
    Hours(&'a mut OfficeHours),
    Weekdays(&'a mut Weekdays),
    Shift(&'a mut String),
}

impl Key {
    pub(super) fn set(&self, policy: &mut Policy, value: &str) -> Result<(), Wrong> {
        match (self.field)(policy) {
            Field::Number(number) => *number = whole(value, 0, self.most())?,
            Field::Weekday(day) => *day = u8::try_from(whole(value, 1, 7)?).unwrap_or(1),
            Field::YesNo(either) => {
                *either = value.parse().map_err(|_| {
                    ("NOT_TRUE_OR_FALSE", Said::new("应为 true 或 false", "must be true or false"))
                })?;
            }
            Field::Hours(hours) => {
                *hours = OfficeHours::parse(value).ok_or_else(|| {
                    let zh = "应为起止时间，如 08:30-17:30";
                    ("NOT_OFFICE_HOURS", Said::new(zh, "must be from a time to a later one, as 08:30-17:30"))
                })?;
            }
            Field::Weekdays(days) => {
                *days = Weekdays::parse(value).ok_or_else(|| {
                    let zh = "应为星期的起止，如 1-5（1 为星期一）";
                    ("NOT_WEEKDAYS", Said::new(zh, "must be days of the week, as 1-5 (1 is Monday)"))
                })?;
            }
            Field::Shift(shift) => {
                if !value.is_empty() {
                    code(value)?;
                }
                value.clone_into(shift);
            }
        }
        Ok(())
    }

    pub(super) fn get(&self, policy: &Policy) -> String {
        match (self.field)(&mut policy.clone()) {
            Field::Number(number) => number.to_string(),
            Field::Weekday(day) => day.to_string(),
            Field::YesNo(either) => either.to_string(),
            Field::Hours(hours) => hours.to_string(),
            Field::Weekdays(days) => days.to_string(),
            Field::Shift(shift) => shift.clone(),
        }
    }

    fn most(&self) -> u16 {
        match self.unit {
            Unit::Minutes(most) | Unit::Days(most) | Unit::Times(most) => most,
            Unit::YesNo | Unit::Weekday | Unit::Hours | Unit::Weekdays | Unit::Shift => 0,
        }
    }
}

fn whole(value: &str, least: u16, most: u16) -> Result<u16, Wrong> {
    // Digits only: "+5" and "05" would be other spellings of the same policy.
    let spelt =
        value.bytes().all(|byte| byte.is_ascii_digit()) && (value.len() == 1 || !value.starts_with('0'));
    if value.is_empty() || !spelt {
        return Err(("NOT_A_NUMBER", Said::new("应为整数", "must be a whole number")));
    }
    value.parse().ok().filter(|number| (least..=most).contains(number)).ok_or_else(|| {
        let zh = format!("应在 {least} 至 {most} 之间");
        ("OUT_OF_RANGE", Said::new(zh, format!("must be from {least} to {most}")))
    })
}

/// A shift's code is spelt like every other code.
fn code(value: &str) -> Result<(), Wrong> {
    match crate::kernel::ShiftId::parse(value) {
        Ok(_) => Ok(()),
        Err(error) => {
            let error: IdError = error;
            let complaint = crate::kernel::Complaint::from(error);
            Err((complaint.reason, complaint.said))
        }
    }
}

/// All keys, in the order in which they are read.
pub fn keys() -> &'static [Key] {
    KEYS
}

const DAY: u16 = 1440;
/// A tolerance beyond an hour is another shift.
const TOLERANCE: u16 = 60;
/// Six weeks of working time.
const WAIT: u16 = 14_400;

macro_rules! keys {
    ($($name:ident: $unit:expr, $field:ident, $zh:literal, $en:literal;)*) => {
        const KEYS: &[Key] = &[$(Key {
            name: stringify!($name),
            unit: $unit,
            zh: $zh,
            en: $en,
            field: |policy| Field::$field(&mut policy.$name),
        }),*];
    };
}

keys! {
    tol_late_minutes: Unit::Minutes(TOLERANCE), Number, "迟到在此分钟数以内算准时", "late by so much is on time";
    tol_early_minutes: Unit::Minutes(TOLERANCE), Number, "早退在此分钟数以内算准时", "early by so much is on time";
    serious_late_minutes: Unit::Minutes(DAY), Number, "迟到达到此分钟数为严重迟到", "late by so much is seriously late";
    absent_late_minutes: Unit::Minutes(DAY), Number, "迟到达到此分钟数为旷工", "late by so much is absence";
    absent_early_minutes: Unit::Minutes(DAY), Number, "早退达到此分钟数为旷工", "leaving early by so much is absence";
    both_missing_is_absent: Unit::YesNo, YesNo, "上下班均缺卡为旷工", "neither clocked in nor out is absence";
    missing_is_absent: Unit::YesNo, YesNo, "缺卡一次即为旷工", "one missing clock-in or clock-out is absence";
    gap_tolerance_minutes: Unit::Minutes(DAY), Number, "中途外出在此分钟数以内不提示", "out and in again within so much is no gap";
    max_wait_minutes: Unit::Minutes(WAIT), Number, "待定最多等待的工作时间（分钟）", "what is not known stays pending for so much working time";
    makeup_as_weekday: Unit::Weekday, Weekday, "调休上班按星期几的班次", "work that is made up is worked like this day of the week";
    default_shift: Unit::Shift, Shift, "未排班人员的班次；空为无", "the shift of whoever has none; empty: nobody's";
    office_hours: Unit::Hours, Hours, "中心工作时间", "when the centre works";
    office_weekdays: Unit::Weekdays, Weekdays, "中心工作日（1 为星期一）", "on which days of the week the centre works";
    correction_days_back: Unit::Days(366), Number, "可补卡的天数", "a correction may be asked for so many days back";
    correction_quota_month: Unit::Times(100), Number, "每月补卡次数", "corrections a month";
    correction_deadline_workdays: Unit::Days(60), Number, "补卡审批的工作日数", "a correction is decided within so many work days";
    correction_signatures: Unit::Times(3), Number, "补卡审批的级数", "so many signatures does a correction need, each a rung higher";
    leave_lead_days: Unit::Days(366), Number, "一级审批的请假天数上限", "leave of up to so many days is approved by the first rung";
    leave_office_days: Unit::Days(366), Number, "二级审批的请假天数上限", "leave of up to so many days is approved by the first two rungs";
    leave_department_days: Unit::Days(366), Number, "达到此天数的请假须派驻单位同意；0 为不须", "leave of so many days needs the person's department too; 0: never";
    leave_handover_minutes: Unit::Minutes(WAIT), Number, "离岗达到此分钟数须有 B 岗交接", "who is away for so long hands over to somebody who stands in";
    leave_late_minutes: Unit::Minutes(DAY), Number, "开始后超过此分钟数补请假为迟报", "leave is filed late from so long after its beginning on";
    leave_days_back: Unit::Days(366), Number, "可补请假的天数", "leave may be asked for so many days back";
    approval_escalate_minutes: Unit::Minutes(WAIT), Number, "审批等待达到此分钟数由上一级代批；0 为不升级", "a decision that waits for so long may be made a rung higher; 0: never";
    pause_self_minutes: Unit::Minutes(DAY), Number, "自行暂停的分钟数上限", "a pause of up to so much needs nobody's approval";
    pause_lead_minutes: Unit::Minutes(DAY), Number, "窗口负责人审批的暂停分钟数上限", "a pause of up to so much is approved by a lead";
    pause_duty_manager_minutes: Unit::Minutes(DAY), Number, "值班长审批的暂停分钟数上限；更长须请假", "a pause of up to so much is approved by a duty manager; a longer one is leave";
    pause_grace_minutes: Unit::Minutes(TOLERANCE), Number, "返岗超过承诺达到此分钟数为超时", "back later than promised by so much is overdue";
    pause_off_post_minutes: Unit::Minutes(DAY), Number, "超时达到此分钟数为疑似脱岗", "overdue by so much is suspected off post";
    pause_times_half_day: Unit::Times(100), Number, "半天内暂停次数上限", "pauses in half a day";
    pause_day_minutes: Unit::Minutes(DAY), Number, "每日暂停总分钟数上限", "all pauses of a day together";
    pause_extensions: Unit::Times(10), Number, "每次暂停可延长的次数", "a pause may be extended so many times";
    windows_per_item: Unit::Times(10), Number, "每个事项至少开放的窗口数", "so many windows stay open for every service item";
    inspection_reply_days: Unit::Days(60), Number, "督查记录后可申辩的工作日数", "an inspection may be answered for so many work days after the one of its record";
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_key_has_a_unit_and_a_meaning_in_both_languages() {
        assert_eq!(keys().len(), Policy::default().values().len(), "no name stands twice");
        for key in keys() {
            assert!(!key.zh.is_empty() && !key.en.is_empty(), "{}", key.name);
            assert_eq!(key.name.ends_with("_minutes"), matches!(key.unit, Unit::Minutes(_)), "{}", key.name);
        }
    }
}
