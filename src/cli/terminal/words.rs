//! What somebody may tell the terminal: one line, one command. Keys that are pressed become such lines too. Pure.

use crate::kernel::PersonId;
use crate::proto::pause::Reason;
use crate::proto::presented::Who;
use crate::proto::{Credential, Presented, credential};

/// A day: longer is no pause.
const MINUTES_MOST: i64 = 1_440;

/// Something that happens at the window.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Deed {
    /// Clocks in.
    In,
    /// Clocks out.
    Out,
    /// Opens the window.
    Open,
    /// Closes it.
    Close,
    /// Pauses it.
    Pause(Pause),
    /// Is back so many minutes from now, after all.
    Extend(i64),
    /// Is back.
    Return,
}

/// A pause, as it is asked for.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Pause {
    /// Why.
    pub(super) reason: Reason,
    /// Back in so many minutes.
    pub(super) minutes: i64,
    /// Does a sign stand in the window?
    pub(super) sign: bool,
    /// Whatever the rules say, because: in words.
    pub(super) anyway: Option<String>,
}

/// A command.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Command {
    /// Something happens, by whoever is presented: by default whoever stands there.
    Do(Deed, Option<Presented>),
    /// The pause that was refused last, whatever the rules say, because: in words.
    Anyway(String),
    /// Nothing more is read until everything is sent.
    Wait,
    /// How the terminal stands.
    Status,
    /// What may be said.
    Help,
    /// The end.
    Quit,
    /// An empty line.
    Nothing,
}

/// Reads a line. `None`: nobody understands it.
pub(super) fn parse(line: &str) -> Option<Command> {
    let (told, because) = match line.split_once(" because ") {
        Some((told, because)) => (told, Some(because.trim().to_owned()).filter(|words| !words.is_empty())),
        None => (line, None),
    };
    let words: Vec<&str> = told.split_whitespace().collect();
    let deed = |deed| Some(Command::Do(deed, None));
    let by = |deed, who: &[&str]| match who {
        [] => Some(Command::Do(deed, None)),
        [who] => Some(Command::Do(deed, Some(presented(who)))),
        _ => None,
    };
    match words.as_slice() {
        [] => Some(Command::Nothing),
        ["in", who @ ..] => by(Deed::In, who),
        ["out", who @ ..] => by(Deed::Out, who),
        ["open", who @ ..] => by(Deed::Open, who),
        ["close"] => deed(Deed::Close),
        ["return"] => deed(Deed::Return),
        ["extend", minutes] => deed(Deed::Extend(count(minutes)?)),
        [verb @ ("pause" | "pause!"), reason, minutes, rest @ ..] => {
            let sign = match rest {
                [] => true,
                ["nosign"] => false,
                _ => return None,
            };
            // Who leaves whatever the rules say, says why.
            if (*verb == "pause!") != because.is_some() {
                return None;
            }
            let pause = Pause { reason: named(reason)?, minutes: count(minutes)?, sign, anyway: because };
            deed(Deed::Pause(pause))
        }
        ["anyway"] => because.map(Command::Anyway),
        ["wait"] => Some(Command::Wait),
        ["status"] => Some(Command::Status),
        ["help" | "?"] => Some(Command::Help),
        ["quit"] => Some(Command::Quit),
        _ => None,
    }
}

fn count(minutes: &str) -> Option<i64> {
    minutes.parse().ok().filter(|minutes| (1..=MINUTES_MOST).contains(minutes))
}

/// A reason by its name: `comfort`, `deliver_docs`.
fn named(reason: &str) -> Option<Reason> {
    let known = Reason::from_str_name(&reason.to_ascii_uppercase());
    known.filter(|reason| *reason != Reason::Unspecified)
}

/// Who shows what: a person's id, `qr:…`, `no:…` (an employee number), `pin:…`; anything else is a card as read.
pub(super) fn presented(shown: &str) -> Presented {
    let credential = |kind: credential::Kind, value: &str| {
        Who::Credential(Credential { kind: kind.into(), value: value.to_owned() })
    };
    let who = match shown.split_once(':') {
        _ if PersonId::parse(shown).is_ok() => Who::PersonId(shown.to_owned()),
        Some(("qr", value)) => credential(credential::Kind::Qr, value),
        Some(("no", value)) => credential(credential::Kind::EmployeeNo, value),
        Some(("pin", value)) => credential(credential::Kind::Pin, value),
        Some(_) | None => credential(credential::Kind::Card, shown),
    };
    Presented { who: Some(who), ..Presented::default() }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pause(reason: Reason, minutes: i64, sign: bool, anyway: Option<&str>) -> Option<Command> {
        let anyway = anyway.map(str::to_owned);
        Some(Command::Do(Deed::Pause(Pause { reason, minutes, sign, anyway }), None))
    }

    #[test]
    fn a_line_is_one_command() {
        for (line, wanted) in [
            ("in A1", Some(Command::Do(Deed::In, Some(presented("A1"))))),
            (" out ", Some(Command::Do(Deed::Out, None))),
            ("open", Some(Command::Do(Deed::Open, None))),
            ("pause comfort 10", pause(Reason::Comfort, 10, true, None)),
            ("pause deliver_docs 5 nosign", pause(Reason::DeliverDocs, 5, false, None)),
            ("pause! comfort 10 because 孩子 病了", pause(Reason::Comfort, 10, true, Some("孩子 病了"))),
            ("anyway because 急事", Some(Command::Anyway("急事".to_owned()))),
            ("extend 5", Some(Command::Do(Deed::Extend(5), None))),
            ("return", Some(Command::Do(Deed::Return, None))),
            ("wait", Some(Command::Wait)),
            ("", Some(Command::Nothing)),
        ] {
            assert_eq!(parse(line), wanted, "{line}");
        }
    }

    #[test]
    fn what_is_not_quite_a_command_is_none() {
        for line in [
            "pause",
            "pause comfort",
            "pause comfort ten",
            "pause comfort 0",
            "pause comfort 1441",
            "pause holiday 10",
            "pause reason_unspecified 10",
            "pause! comfort 10",
            "pause! comfort 10 because ",
            "pause comfort 10 because x",
            "open A1 A2",
            "close A1",
            "anyway",
            "dance",
        ] {
            assert_eq!(parse(line), None, "{line}");
        }
    }

    #[test]
    fn a_person_a_number_and_a_card_are_told_apart() {
        let person = PersonId::mint([3; 16]).to_string();
        let credential = |kind: credential::Kind, value: &str| {
            Some(Who::Credential(Credential { kind: kind.into(), value: value.to_owned() }))
        };
        for (shown, wanted) in [
            (person.as_str(), Some(Who::PersonId(person.clone()))),
            ("no:0042", credential(credential::Kind::EmployeeNo, "0042")),
            ("qr:a:b", credential(credential::Kind::Qr, "a:b")),
            ("pin:1234", credential(credential::Kind::Pin, "1234")),
            ("0451-1000", credential(credential::Kind::Card, "0451-1000")),
            ("04:51", credential(credential::Kind::Card, "04:51")),
        ] {
            assert_eq!(presented(shown).who, wanted, "{shown}");
        }
    }
}
