//! What windows did through some days, against when they should have been staffed (duty notes 3.7). Pure.
//!
//! A minute counts for what the window was doing when it began, so the minutes of every state add up to the scheduled ones.
//! Whoever reads it learns of windows and of promises, of no person.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use super::course::Stretch;
use super::hall::Hall;
use super::pause::{MINUTE_MS, PauseCourse};
use crate::kernel::{EpochDay, EpochMs, Zone};
use crate::policy::Policy;
use crate::proto::board_window::State;
use crate::proto::pause::{Classification, EndMode};
use crate::proto::{DutyFlag, DutyMinutes, ItemDuty, PauseFigures, Window, WindowDuty};
use crate::registers::directory::windows::serves_item;

/// From an instant until before another.
pub type During = (EpochMs, EpochMs);

/// When each window should be staffed, and the numbers that judge each day.
#[derive(Debug, Clone, Default)]
pub struct Schedule {
    /// When people who are bound to a window are to work: in order, without overlap.
    pub windows: HashMap<String, Vec<During>>,
    /// The policy of each day.
    pub policies: BTreeMap<EpochDay, Policy>,
}

impl Schedule {
    /// A window is no window any more from an instant on.
    pub fn ends(&mut self, window: &str, at: EpochMs) {
        if let Some(times) = self.windows.get_mut(window) {
            *times = clipped(times, (EpochMs::ZERO, at));
        }
    }

    fn of(&self, window: &str) -> &[During] {
        self.windows.get(window).map(Vec::as_slice).unwrap_or_default()
    }
}

/// The days of a report: only what has been counts.
#[derive(Debug, Clone, Copy)]
pub struct Days<'a> {
    /// The centre's zone.
    pub zone: &'a Zone,
    /// The first and the last day.
    pub during: (EpochDay, EpochDay),
    /// Until now.
    pub now: EpochMs,
}

impl Days<'_> {
    fn each(&self) -> impl Iterator<Item = (EpochDay, During)> + '_ {
        let (from, until) = self.during;
        let days = (0..).map(move |days| from.plus_days(days)).take_while(move |day| *day <= until);
        days.map(|day| (day, self.of(day))).filter(|(_, (from, until))| from < until)
    }

    fn of(&self, day: EpochDay) -> During {
        (self.zone.start_of(day), self.zone.start_of(day.plus_days(1)).min(self.now))
    }
}

/// What was found.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Report {
    /// Everything together.
    pub total: WindowDuty,
    /// A window each, and a date each when they were asked for.
    pub windows: Vec<WindowDuty>,
    /// A service item each.
    pub items: Vec<ItemDuty>,
}

/// Of what a report tells.
#[derive(Debug, Clone, Copy)]
pub struct Wanted<'a> {
    /// Only of this window, and of its items.
    pub window: Option<&'a str>,
    /// By the day.
    pub by_day: bool,
}

/// Reports on a hall's windows. All of them are needed, since an item of one is served by others.
pub fn report(
    hall: &Hall,
    windows: &[&Window],
    schedule: &Schedule,
    days: Days<'_>,
    wanted: Wanted<'_>,
) -> Report {
    let by_day = wanted.by_day;
    let mut report = Report::default();
    let mut serving: HashMap<&str, Vec<During>> = HashMap::new();
    let mut total = Tally::default();
    for window in windows {
        let is_wanted = wanted.window.is_none_or(|wanted| wanted == window.window);
        let scheduled = schedule.of(&window.window);
        let mut pauses = pauses_by_day(hall, window, days);
        let mut whole = Tally::default();
        for (day, during) in days.each() {
            let Some(policy) = schedule.policies.get(&day) else { continue };
            let stretches = hall.timeline(&window.window, policy, during);
            let mut tally = Tally::default();
            tally.count(&stretches, &clipped(scheduled, during));
            for pause in pauses.remove(&day).unwrap_or_default() {
                tally.pause(&pause, policy, days.now);
            }
            let served = stretches.iter().filter(|stretch| is_serving(stretch.state));
            serving
                .entry(&window.window)
                .or_default()
                .extend(served.map(|stretch| (stretch.from, stretch.until)));
            whole.add(&tally);
            if by_day && is_wanted {
                report.windows.push(tally.told(window, Some(day)));
            }
        }
        if !by_day && is_wanted {
            report.windows.push(whole.told(window, None));
        }
        if is_wanted {
            total.add(&whole);
        }
    }
    report.total = total.told(&Window::default(), None);
    let told = windows.iter().filter(|window| wanted.window.is_none_or(|wanted| wanted == window.window));
    let codes = told.flat_map(|window| &window.items).collect();
    report.items = items(windows, codes, schedule, days, &serving);
    report
}

fn is_serving(state: State) -> bool {
    matches!(state, State::Open | State::Covered)
}

/// The pauses of a window by the day on which each began; those that were refused before are none.
fn pauses_by_day(hall: &Hall, window: &Window, days: Days<'_>) -> HashMap<EpochDay, Vec<PauseCourse>> {
    let mut by_day: HashMap<EpochDay, Vec<PauseCourse>> = HashMap::new();
    let course = hall.course(&window.window, days.now).into_owned();
    for pause in course.into_pauses() {
        let began = pause.begins <= days.now;
        if began && pause.ended.is_none_or(|(_, mode)| mode != EndMode::NotStarted) {
            by_day.entry(days.zone.day_of(pause.begins)).or_default().push(pause);
        }
    }
    by_day
}

/// How long each service item should have been served, and was by nobody.
fn items(
    windows: &[&Window],
    codes: BTreeSet<&String>,
    schedule: &Schedule,
    days: Days<'_>,
    serving: &HashMap<&str, Vec<During>>,
) -> Vec<ItemDuty> {
    let (from, until) = days.during;
    let during = (days.of(from).0, days.of(until).1);
    let told = codes.into_iter().map(|item| {
        let scheduled = windows.iter().filter(|window| window.items.contains(item));
        let scheduled = merged(scheduled.flat_map(|window| schedule.of(&window.window)).copied());
        let scheduled = clipped(&scheduled, during);
        let served = windows.iter().filter(|window| serves_item(window, item));
        let served = served.filter_map(|window| serving.get(window.window.as_str())).flatten();
        let all = minutes(&scheduled);
        let with: u64 =
            merged(served.copied()).iter().map(|served| minutes(&clipped(&scheduled, *served))).sum();
        ItemDuty { item: item.clone(), scheduled_minutes: all, unserved_minutes: all.saturating_sub(with) }
    });
    told.collect()
}

/// Numbers that are being added up.
#[derive(Debug, Clone, Default)]
struct Tally {
    minutes: DutyMinutes,
    pauses: PauseFigures,
}

impl Tally {
    /// What a window did in the time that it should have been staffed, and beyond it.
    fn count(&mut self, stretches: &[Stretch], scheduled: &[During]) {
        let told = &mut self.minutes;
        told.scheduled += minutes(scheduled);
        for stretch in stretches {
            let during = (stretch.from, stretch.until);
            let within = minutes(&clipped(scheduled, during));
            let of_state = match stretch.state {
                State::Open => &mut told.open,
                State::Covered => &mut told.covered,
                State::Paused => &mut told.paused,
                State::Overdue => &mut told.overdue,
                State::OffPost => &mut told.off_post,
                State::Unstaffed => &mut told.unstaffed,
                State::Fault => &mut told.fault,
                // A silent terminal is the board's to tell: of what happened at the window it says nothing.
                State::Closed | State::Unconfirmed | State::Unspecified => &mut told.closed,
            };
            *of_state += within;
            if is_serving(stretch.state) {
                told.beyond_schedule += minutes(&[during]).saturating_sub(within);
            }
        }
    }

    fn pause(&mut self, pause: &PauseCourse, policy: &Policy, now: EpochMs) {
        let told = &mut self.pauses;
        if !pause.is_a_persons() {
            told.out_of_order += 1;
            return;
        }
        let ended = pause.ended.map(|(ended, _)| ended).filter(|ended| *ended <= now);
        told.pauses += 1;
        told.open += u64::from(ended.is_none());
        let promised = pause.promised().map_or(0, |promised| promised.since(pause.begins).max(0));
        told.promised_minutes += nearest_minutes(promised);
        told.actual_minutes += nearest_minutes(ended.unwrap_or(now).since(pause.begins).max(0));
        told.extensions += u64::try_from(pause.extensions.len()).unwrap_or(u64::MAX);
        match pause.classification(policy, now) {
            Classification::LateReturn => told.late_returns += 1,
            Classification::LeftPost => told.left_post += 1,
            Classification::OnTime | Classification::ExcusedPause | Classification::Unspecified => {}
        }
        told.without_sign += u64::from(!pause.said.sign_displayed);
        told.without_guidance += u64::from(pause.said.guidance.is_empty());
        told.left_anyway += u64::from(pause.flags.contains(&DutyFlag::LeftAnyway));
        told.last_window += u64::from(pause.flags.contains(&DutyFlag::LastWindow));
    }

    fn add(&mut self, other: &Self) {
        let (minutes, more) = (&mut self.minutes, &other.minutes);
        minutes.scheduled += more.scheduled;
        minutes.open += more.open;
        minutes.covered += more.covered;
        minutes.paused += more.paused;
        minutes.overdue += more.overdue;
        minutes.off_post += more.off_post;
        minutes.unstaffed += more.unstaffed;
        minutes.fault += more.fault;
        minutes.closed += more.closed;
        minutes.beyond_schedule += more.beyond_schedule;
        let (pauses, more) = (&mut self.pauses, &other.pauses);
        pauses.pauses += more.pauses;
        pauses.open += more.open;
        pauses.promised_minutes += more.promised_minutes;
        pauses.actual_minutes += more.actual_minutes;
        pauses.extensions += more.extensions;
        pauses.late_returns += more.late_returns;
        pauses.left_post += more.left_post;
        pauses.without_sign += more.without_sign;
        pauses.without_guidance += more.without_guidance;
        pauses.left_anyway += more.left_anyway;
        pauses.last_window += more.last_window;
        pauses.out_of_order += more.out_of_order;
    }

    fn told(&self, window: &Window, day: Option<EpochDay>) -> WindowDuty {
        let (minutes, mut pauses) = (self.minutes, self.pauses);
        pauses.overdue_rate = rate(pauses.late_returns + pauses.left_post, pauses.pauses);
        WindowDuty {
            window: window.window.clone(),
            number: window.number.clone(),
            date: day.map(crate::registers::wire::date),
            in_post_rate: rate(minutes.open + minutes.covered, minutes.scheduled),
            minutes: Some(minutes),
            pauses: Some(pauses),
        }
    }
}

/// So much of a whole, in hundredths of a percent; of nothing there is no rate.
fn rate(part: u64, whole: u64) -> Option<u32> {
    let hundredths = (part.saturating_mul(10_000) + whole / 2).checked_div(whole)?;
    Some(u32::try_from(hundredths).unwrap_or(u32::MAX))
}

/// To the nearest minute: of many pauses, seconds that are cut off would add up.
pub fn nearest_minutes(ms: i64) -> u64 {
    u64::try_from((ms + MINUTE_MS / 2) / MINUTE_MS).unwrap_or_default()
}

/// Minutes that begin within some times.
pub fn minutes(times: &[During]) -> u64 {
    let begun = |at: EpochMs| at.get().div_euclid(MINUTE_MS) + i64::from(at.get().rem_euclid(MINUTE_MS) > 0);
    times.iter().map(|(from, until)| u64::try_from(begun(*until) - begun(*from)).unwrap_or_default()).sum()
}

/// The part of some times that is within another.
fn clipped(times: &[During], (from, until): During) -> Vec<During> {
    let within = times.iter().map(|time| (time.0.max(from), time.1.min(until)));
    within.filter(|(from, until)| from < until).collect()
}

/// Times in order, without overlap.
pub fn merged(times: impl IntoIterator<Item = During>) -> Vec<During> {
    let mut times: Vec<During> = times.into_iter().filter(|(from, until)| from < until).collect();
    times.sort_unstable();
    let mut merged: Vec<During> = Vec::new();
    for (from, until) in times {
        match merged.last_mut() {
            Some(last) if from <= last.1 => last.1 = last.1.max(until),
            Some(_) | None => merged.push((from, until)),
        }
    }
    merged
}
