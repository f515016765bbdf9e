//! The people and things of the demonstration: the same every time.

/// The centre.
pub(super) const CENTRE: &str = "hall";
/// Its public name.
pub(super) const CENTRE_NAME: &str = "青禾区政务服务中心";

/// Departments, each with people seconded here: code and name.
pub(super) const DEPARTMENTS: [(&str, &str); 8] = [
    ("market", "市场监督管理局"),
    ("tax", "税务局"),
    ("social", "人力资源和社会保障局"),
    ("land", "自然资源局"),
    ("police", "公安局"),
    ("fund", "住房公积金管理中心"),
    ("medical", "医疗保障局"),
    ("health", "卫生健康委员会"),
];

/// Service items, one of each department: code and name; windows serve them in turn.
pub(super) const ITEMS: [(&str, &str); DEPARTMENTS.len()] = [
    ("licence", "营业执照办理"),
    ("invoice", "发票领用"),
    ("insurance", "社会保险登记"),
    ("title", "不动产登记"),
    ("household", "户口登记"),
    ("withdrawal", "公积金提取"),
    ("enrolment", "医疗保险参保"),
    ("sanitary", "卫生许可"),
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
pub(super) const LEADS: [usize; DEPARTMENTS.len()] = [0, 1, 2, 3, 4, 5, 6, 7];
/// Who keeps attendance: two, since nobody signs what is about them.
pub(super) const OFFICERS: [usize; 2] = [8, 10];
/// Who is responsible for the hall.
pub(super) const DUTY_MANAGER: usize = 9;
/// Who keeps the personnel files of the departments, in their order: nobody who stands in for somebody on leave.
pub(super) const FILES: [usize; DEPARTMENTS.len()] = [56, 57, 58, 59, 52, 53, 54, 55];
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

/// The place of somebody's department in [`DEPARTMENTS`], by their number from 0: a window's people are of one department.
pub(super) fn seconded_by(number: usize) -> usize {
    number % WINDOWS % DEPARTMENTS.len()
}

/// Somebody's department, by their number from 0.
pub(super) fn department(number: usize) -> (&'static str, &'static str) {
    DEPARTMENTS.get(seconded_by(number)).copied().unwrap_or_default()
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
    fn offices_are_held_by_people_of_their_department_and_nobody_holds_two() {
        for held in [LEADS, FILES] {
            assert!(held.into_iter().map(seconded_by).eq(0..DEPARTMENTS.len()), "{held:?}");
        }
        let held = LEADS.into_iter().chain(FILES).chain(OFFICERS).chain([DUTY_MANAGER]);
        assert_eq!(held.clone().collect::<BTreeSet<_>>().len(), held.count());
        assert!(
            (0..PEOPLE).all(|who| seconded_by(who) == seconded_by(stands_in(who))),
            "a stand-in is a colleague"
        );
    }

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
