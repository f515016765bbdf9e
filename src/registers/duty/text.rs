//! What citizens read, in zh and en: never who, never why, never a time that has passed. Pure.

use crate::kernel::{EpochMs, Zone};
use crate::proto::LocalizedText;
use crate::proto::board_window::State;

/// Both sentences.
fn both(zh: impl Into<String>, en: impl Into<String>) -> LocalizedText {
    LocalizedText { zh: zh.into(), en: en.into() }
}

/// `10:45`, in the centre's zone; with the date when it is another day.
pub fn clock(zone: &Zone, at: EpochMs, now: EpochMs) -> String {
    let wall = zone.wall(at);
    let (date, time) = wall.split_once(['T', ' ']).unwrap_or(("", wall.as_str()));
    let time = time.get(..5).unwrap_or(time);
    if zone.day_of(at) == zone.day_of(now) { time.to_owned() } else { format!("{date} {time}") }
}

/// The sign in the window.
pub fn sign(zone: &Zone, due: Option<EpochMs>, now: EpochMs) -> LocalizedText {
    match due.filter(|due| *due > now) {
        Some(due) => {
            let at = clock(zone, due, now);
            both(format!("暂停服务 预计{at}恢复"), format!("Service paused. Back at about {at}."))
        }
        None => both("暂停服务", "Service paused."),
    }
}

/// Where citizens are sent: numbers as they stand above the windows.
pub fn guidance(numbers: &[&str], stands_in: bool) -> LocalizedText {
    match (numbers, stands_in) {
        ([], true) => both("请稍候，工作人员即将接替", "A colleague is about to take over."),
        ([], false) => both("请咨询导服台", "Please ask at the help desk."),
        (numbers, _) => {
            let zh: Vec<String> = numbers.iter().map(|number| format!("{number}号")).collect();
            both(format!("请至{}窗口", zh.join("、")), format!("Please go to window {}.", numbers.join(", ")))
        }
    }
}

fn joined(first: &LocalizedText, second: &LocalizedText) -> LocalizedText {
    both(format!("{}，{}", first.zh, second.zh), format!("{} {}", first.en, second.en))
}

/// A line of the board.
pub fn line(
    zone: &Zone,
    (state, due): (State, Option<EpochMs>),
    told: Option<&LocalizedText>,
    now: EpochMs,
) -> LocalizedText {
    let ask = guidance(&[], false);
    match state {
        State::Open => both("正常服务", "Open."),
        State::Covered => both("顶岗服务中", "Open: a colleague stands in."),
        State::Paused => {
            let first = match due.filter(|due| *due > now) {
                Some(_) => sign(zone, due, now),
                None => both("暂停服务 即将恢复", "Service paused. Back any moment."),
            };
            told.map_or_else(|| first.clone(), |told| joined(&first, told))
        }
        State::Overdue | State::OffPost => {
            joined(&both("已超时", "Later than promised."), told.unwrap_or(&ask))
        }
        State::Fault => {
            let first = match due.filter(|due| *due > now) {
                Some(due) => {
                    let at = clock(zone, due, now);
                    both(format!("设备故障 预计{at}恢复"), format!("Out of order. Back at about {at}."))
                }
                None => both("设备故障", "Out of order."),
            };
            joined(&first, told.unwrap_or(&ask))
        }
        State::Unstaffed => joined(&both("暂无人值守", "Nobody is here."), told.unwrap_or(&ask)),
        State::Unconfirmed => both("状态待确认", "State not confirmed."),
        State::Closed | State::Unspecified => both("未开放", "Closed."),
    }
}
