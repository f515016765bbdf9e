//! The public board, from the hall: no names, no reasons, and nothing that is not so. Pure.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use super::course::Course;
use super::guidance::Scene;
use super::text;
use crate::kernel::EpochMs;
use crate::proto::board_window::State;
use crate::proto::guidance::Kind;
use crate::proto::{BoardWindow, Guidance, LocalizedText, Window};
use crate::registers::wire::timestamp;

/// Windows whose terminal is silent, since when.
pub type Silent = HashMap<String, EpochMs>;

/// The windows of the board, in the order of their numbers; only those that serve an item when one is named.
pub fn board(scene: &Scene<'_>, silent: &Silent, item: Option<&str>) -> Vec<BoardWindow> {
    scene.own.windows_serving(item.as_slice()).map(|window| line(scene, silent, window)).collect()
}

/// What a window is doing, as far as anybody can tell: of a terminal that is silent nothing is known, unless the window is
/// closed or out of order anyway.
pub fn shown(course: &Course, scene: &Scene<'_>, silent: bool) -> State {
    let state = course.state(scene.policy, scene.at);
    let told = matches!(state, State::Open | State::Covered | State::Paused | State::Unstaffed);
    if silent && told { State::Unconfirmed } else { state }
}

/// The windows that citizens are told now: those of the guidance that are open at this moment; when none of them is, the
/// best that are.
pub fn targets<'a>(
    scene: &Scene<'a>,
    silent: &Silent,
    window: &Window,
    guidance: &[Guidance],
) -> Vec<&'a Window> {
    let sure = |to: &&Window| !silent.contains_key(&to.window);
    let told: Vec<&Window> = guidance
        .iter()
        .flat_map(|told| &told.windows)
        .filter_map(|to| scene.own.window(to))
        .filter(|to| !to.retired && scene.is_serving(&to.window))
        .filter(sure)
        .collect();
    if told.is_empty() { scene.ranked(window).into_iter().filter(sure).collect() } else { told }
}

/// What citizens of a window that does not serve them are told, and where they are sent.
pub fn told<'a>(
    scene: &Scene<'a>,
    silent: &Silent,
    window: &Window,
    guidance: &[Guidance],
) -> (LocalizedText, Vec<&'a Window>) {
    let to = targets(scene, silent, window, guidance);
    let numbers: Vec<&str> = to.iter().map(|to| to.number.as_str()).collect();
    let stands_in = guidance.iter().any(|told| told.kind() == Kind::BPost);
    (text::guidance(&numbers, stands_in), to)
}

fn line(scene: &Scene<'_>, silent: &Silent, window: &Window) -> BoardWindow {
    let course = scene.course(&window.window);
    let state = shown(&course, scene, silent.contains_key(&window.window));
    let pause = course.paused(scene.at);
    let due = pause.and_then(|pause| pause.due()).filter(|due| *due > scene.at);
    let sends =
        matches!(state, State::Paused | State::Overdue | State::OffPost | State::Fault | State::Unstaffed);
    let (said, to) = if sends {
        let guidance = pause.map(|pause| pause.guidance.as_slice()).unwrap_or_default();
        let (said, to) = told(scene, silent, window, guidance);
        (Some(said), to)
    } else {
        (None, Vec::new())
    };
    // A pause that promised a time, and knows no other window, says just that.
    let said = said.filter(|_| !(state == State::Paused && to.is_empty()));
    BoardWindow {
        window: window.window.clone(),
        number: window.number.clone(),
        zone: window.zone.clone(),
        items: window.items.clone(),
        kind: window.kind,
        state: state.into(),
        returns_at: due.filter(|_| sends && state != State::Unstaffed).map(timestamp),
        text: Some(text::line(scene.hall.zone(), (state, due), said.as_ref(), scene.at)),
        redirect_windows: to.into_iter().map(|to| to.window.clone()).collect(),
    }
}

/// A board whose windows are shared with the one before it as far as they are the same.
pub fn shared(now: Vec<BoardWindow>, before: &[Arc<BoardWindow>]) -> Vec<Arc<BoardWindow>> {
    let known: HashMap<&str, &Arc<BoardWindow>> =
        before.iter().map(|window| (window.window.as_str(), window)).collect();
    let kept = |window: BoardWindow| match known.get(window.window.as_str()) {
        Some(known) if ***known == window => Arc::clone(known),
        Some(_) | None => Arc::new(window),
    };
    now.into_iter().map(kept).collect()
}

/// What changed between two boards: windows as they are now, and windows that are gone. What the two share is not compared.
pub fn changes(
    before: &[Arc<BoardWindow>],
    now: &[Arc<BoardWindow>],
) -> (Vec<Arc<BoardWindow>>, Vec<String>) {
    let same = |one: &Arc<BoardWindow>, other: &Arc<BoardWindow>| Arc::ptr_eq(one, other) || one == other;
    if before.len() == now.len() && before.iter().zip(now).all(|(before, now)| before.window == now.window) {
        let changed = before.iter().zip(now).filter(|(before, now)| !same(before, now));
        return (changed.map(|(_, now)| Arc::clone(now)).collect(), Vec::new());
    }
    let known: HashMap<&str, &Arc<BoardWindow>> =
        before.iter().map(|window| (window.window.as_str(), window)).collect();
    let kept = |window: &Arc<BoardWindow>| {
        known.get(window.window.as_str()).is_some_and(|known| same(known, window))
    };
    let changed = now.iter().filter(|window| !kept(window)).cloned().collect();
    let there: HashSet<&str> = now.iter().map(|window| window.window.as_str()).collect();
    let gone = before.iter().map(|window| window.window.clone());
    (changed, gone.filter(|window| !there.contains(window.as_str())).collect())
}
