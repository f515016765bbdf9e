//! The summary: for people, in 80 columns, without colour.

use std::collections::BTreeMap;

use super::cast;
use super::morning::Tally;
use crate::cli::say;
use crate::kernel::{EpochMs, Zone};
use crate::proto::{DeviceState, Presence, Receipt, TimeTrust, device_state};

/// The width of a line.
pub(super) const COLUMNS: usize = 80;

/// A heading.
pub(super) fn heading(text: &str) {
    say("");
    say(&format!("== {text} {}", "=".repeat(COLUMNS.saturating_sub(width(text) + 4))));
}

/// How wide a text is on a terminal: ideographs and full-width signs take two columns.
pub(super) fn width(text: &str) -> usize {
    text.chars().map(|c| if matches!(c, '\u{1100}'..='\u{115F}' | '\u{2E80}'..='\u{A4CF}' | '\u{AC00}'..='\u{D7A3}' | '\u{F900}'..='\u{FAFF}' | '\u{FE30}'..='\u{FE6F}' | '\u{FF00}'..='\u{FF60}') { 2 } else { 1 }).sum()
}

/// Padded to a width on the terminal.
pub(super) fn padded(text: &str, to: usize) -> String {
    format!("{text}{}", " ".repeat(to.saturating_sub(width(text))))
}

/// What was sent, and what became of it.
pub(super) fn tally(tally: &Tally) {
    let line = |count: usize, what: &str| say(&format!("{count:>6}  {what}"));
    line(tally.sent, "clock-ins sent by 4 terminals, over real gRPC, each signed by its device");
    line(tally.accepted, "stored, and nothing odd about them");
    line(tally.repeats, "sent again because an answer got lost: the same receipt, byte for byte");
    line(tally.conflicts, "with a journal number that stands for something else: kept apart");
    for (reason, count) in &tally.quarantined {
        let what = match reason.as_str() {
            "UNKNOWN_PERSON" => "with a card that nobody is known by: stored, until somebody is",
            "FUTURE_TIME" => "from terminal 4, whose clock is 12 minutes fast: stored, and flagged",
            other => other,
        };
        line(*count, what);
    }
    say("");
    for (who, said) in &tally.refused {
        say(&format!("  refused  {}{said}", padded(who, 40)));
    }
}

fn wall(zone: &Zone, stamp: Option<&prost_types::Timestamp>) -> String {
    let at = stamp.and_then(|stamp| EpochMs::from_parts(stamp.seconds, stamp.nanos).ok());
    at.map_or_else(
        || "--:--:--".to_owned(),
        |at| zone.wall(at).split(' ').nth(1).unwrap_or_default().to_owned(),
    )
}

fn trust(trust: TimeTrust) -> &'static str {
    match trust {
        TimeTrust::Trusted => "measured",
        TimeTrust::Corrected => "corrected",
        TimeTrust::Suspect => "within bounds",
        TimeTrust::Imported => "as a file says",
        TimeTrust::Unspecified => "",
    }
}

/// A few lines of what HR pulls.
pub(super) fn presence(
    zone: &Zone,
    days: &BTreeMap<String, Presence>,
    names: &BTreeMap<String, String>,
    chosen: &[(usize, &String)],
) {
    say(&format!("  {}{}first in   last out   time is", padded("who", 12), padded("department", 24)));
    for (number, person) in chosen {
        let Some(day) = days.get(*person) else { continue };
        let name = names.get(*person).map_or("", String::as_str);
        say(&format!(
            "  {}{}{}   {}   {}",
            padded(name, 12),
            padded(cast::department(*number).1, 24),
            wall(zone, day.first_in.as_ref()),
            wall(zone, day.last_out.as_ref()),
            trust(day.trust()),
        ));
    }
}

/// What the devices are doing.
pub(super) fn devices(zone: &Zone, states: &BTreeMap<String, DeviceState>) {
    for (device, state) in states {
        let doing = match state.state() {
            device_state::State::Reporting => "reports",
            device_state::State::Silent => "silent",
            device_state::State::Outage => "out of order, as declared",
            device_state::State::Unspecified => "",
        };
        let covered = wall(zone, state.covered_until.as_ref());
        say(&format!("  {}{}all clock-ins up to {covered} are here", padded(device, 10), padded(doing, 28)));
    }
}

/// A receipt, explained.
pub(super) fn receipt(receipt: &Receipt) {
    let lines: Vec<&str> = receipt.proof.lines().collect();
    let hashes = lines.iter().skip(2).take_while(|line| !line.is_empty()).count();
    say(&format!("  The morning's first clock-in is entry {} of the log", receipt.entry_index));
    say(&format!("  {}.", receipt.origin));
    say(&format!(
        "  Its receipt is {} bytes of text: {hashes} hashes lead from the entry's",
        receipt.proof.len()
    ));
    say("  leaf to a root that the log has signed. Whoever holds it can show, without");
    say("  us, that the clock-in stands there unaltered.");
}
