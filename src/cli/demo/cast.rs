//! The people and things of the demonstration: the same every time.

/// The centre.
pub(super) const CENTRE: &str = "hall";
/// Its public name.
pub(super) const CENTRE_NAME: &str = "青禾区政务服务中心";

/// Departments: code and name.
pub(super) const DEPARTMENTS: [(&str, &str); 4] = [
    ("market", "市场监督管理局"),
    ("tax", "税务局"),
    ("social", "人力资源和社会保障局"),
    ("land", "自然资源局"),
];

/// Service items: code and name; windows serve them in turn.
pub(super) const ITEMS: [(&str, &str); 8] = [
    ("licence", "营业执照办理"),
    ("invoice", "发票领用"),
    ("insurance", "社会保险登记"),
    ("title", "不动产登记"),
    ("permit", "食品经营许可"),
    ("export", "出口退税"),
    ("pension", "养老待遇"),
    ("mortgage", "抵押登记"),
];

const SURNAMES: [&str; 15] =
    ["赵", "钱", "孙", "李", "周", "吴", "郑", "王", "冯", "陈", "褚", "卫", "蒋", "沈", "韩"];
const GIVEN: [&str; 12] =
    ["晓燕", "建国", "志强", "丽华", "海涛", "雪梅", "文博", "思远", "玉兰", "明", "静", "伟"];

/// How many people work here.
pub(super) const PEOPLE: usize = 60;
/// How many windows there are.
pub(super) const WINDOWS: usize = 20;

/// The chief representatives of the departments, in their order.
pub(super) const LEADS: [usize; 4] = [0, 1, 2, 3];
/// Who keeps attendance: two, since nobody signs what is about them.
pub(super) const OFFICERS: [usize; 2] = [4, 6];
/// Who is responsible for the hall.
pub(super) const DUTY_MANAGER: usize = 5;
/// Who keeps the personnel files of the departments, in their order.
pub(super) const FILES: [usize; 4] = [8, 9, 10, 11];
/// Who works at night.
pub(super) const NIGHTS: std::ops::Range<usize> = 48..52;

/// Who stands in for somebody: a colleague of the same window.
pub(super) fn stands_in(number: usize) -> usize {
    (number + WINDOWS) % PEOPLE
}

/// Somebody's name, by their number from 0.
pub(super) fn name(number: usize) -> String {
    let surname = SURNAMES.get(number % SURNAMES.len()).copied().unwrap_or_default();
    let given = GIVEN.get((number * 7 + number / 12) % GIVEN.len()).copied().unwrap_or_default();
    format!("{surname}{given}")
}

/// Somebody's card, by their number from 0.
pub(super) fn card(number: usize) -> String {
    format!("0451-{:04}", 1000 + number * 37)
}

/// Somebody's department, by their number from 0.
pub(super) fn department(number: usize) -> (&'static str, &'static str) {
    DEPARTMENTS.get(number % DEPARTMENTS.len()).copied().unwrap_or_default()
}

/// When somebody arrives, in minutes after 07:50: most in the last minutes before 08:30, a few after.
pub(super) fn arrival_minutes(number: usize) -> i64 {
    let spread = i64::try_from((number * 29) % 47).unwrap_or_default();
    if number % 17 == 5 { 44 + spread % 12 } else { 2 + spread * 38 / 47 }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    #[test]
    fn everybody_has_a_card_of_their_own_and_comes_in_the_morning() {
        let cards: BTreeSet<_> = (0..PEOPLE).map(card).collect();
        assert_eq!(cards.len(), PEOPLE);
        let names: BTreeSet<_> = (0..PEOPLE).map(name).collect();
        assert!(names.len() > PEOPLE - 3, "{}", names.len());
        assert!((0..PEOPLE).all(|number| (0..60).contains(&arrival_minutes(number))));
        assert!((0..PEOPLE).filter(|number| arrival_minutes(*number) > 40).count() >= 2, "somebody is late");
    }
}
