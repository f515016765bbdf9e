//! What a terminal showed against what the log says: everything once, in the terminal's order, and nothing left out.

use std::collections::BTreeMap;

use qinlian::proto::board_window::State;

/// What an entry of the log says of a terminal.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Written {
    pub(super) seq: u64,
    pub(super) what: &'static str,
    pub(super) flags: Vec<String>,
}

/// What is wrong; nothing, if all is well.
pub(super) fn judge(shown: &BTreeMap<u64, String>, written: &[Written]) -> Vec<String> {
    let mut found = Vec::new();
    for (seq, what) in shown {
        let there: Vec<&Written> = written.iter().filter(|written| written.seq == *seq).collect();
        match there.as_slice() {
            [] => found.push(format!("#{seq} {what} is lost")),
            [written] if written.what != what => {
                found.push(format!("#{seq} {what} stands there as {}", written.what));
            }
            [_] => {}
            more => found.push(format!("#{seq} {what} stands there {} times", more.len())),
        }
    }
    for (at, written) in (1_u64..).zip(written) {
        if written.seq != at {
            found.push(format!("#{} {} stands in place {at}", written.seq, written.what));
        }
        // Whoever sends it can sign it, and knows every number before.
        let odd = ["BAD_SIGNATURE", "STAMP_SIGNATURE_BAD", "JOURNAL_GAP", "STAMP_JOURNAL_GAP"];
        if let Some(flag) = written.flags.iter().find(|flag| odd.contains(&flag.as_str())) {
            found.push(format!("#{} {} is flagged {flag}", written.seq, written.what));
        }
    }
    found
}

/// Numbers that were given to two things: what was stored at once was never shown before, and what is shown again at a start
/// is the same as before.
pub(super) fn given_twice(heard: &[String]) -> Vec<String> {
    let mut known = BTreeMap::new();
    let mut found = Vec::new();
    for line in heard.iter().filter(|line| line.starts_with('#')) {
        let Some((said, status)) = line.split_once(": ") else { continue };
        let Some((number, what)) = said.split_once(' ') else { continue };
        let (stored, kept) = (status.starts_with("stored"), status.starts_with("offline, kept"));
        if !stored && !kept {
            continue;
        }
        // A name is known later, when the configuration came.
        let what =
            what.split_whitespace().filter(|word| !word.starts_with('张')).collect::<Vec<_>>().join(" ");
        let before = known.insert(number.to_owned(), what.clone());
        if before.is_some_and(|before| stored || before != what) {
            found.push(format!("{number} is given twice: {line}"));
        }
    }
    found
}

/// How a window stands after what a terminal recorded of it.
pub(super) fn state_after(written: &[Written]) -> State {
    written.iter().fold(State::Closed, |state, written| match (written.what, state) {
        ("open", _) | ("return", State::Paused) => State::Open,
        ("pause", State::Open) => State::Paused,
        ("close", _) => State::Closed,
        (_, state) => state,
    })
}

mod tests {
    use super::*;

    fn written(told: &[(u64, &'static str)]) -> Vec<Written> {
        told.iter().map(|(seq, what)| Written { seq: *seq, what, flags: Vec::new() }).collect()
    }

    #[test]
    fn what_is_lost_doubled_turned_around_or_another_thing_is_found() {
        let shown = BTreeMap::from([(1, "clock in".to_owned()), (2, "open".to_owned())]);
        let good = [(1, "clock in"), (2, "open")];
        assert_eq!(judge(&shown, &written(&good)), [""; 0]);
        // Written, and the current went before it was shown.
        assert_eq!(judge(&shown, &written(&[good[0], good[1], (3, "pause")])), [""; 0]);
        for (told, wanted) in [
            (&[(1, "clock in")][..], "#2 open is lost"),
            (&[(1, "clock in"), (2, "close")], "#2 open stands there as close"),
            (&[(1, "clock in"), (2, "open"), (2, "open")], "#2 open stands there 2 times"),
            (&[(2, "open"), (1, "clock in")], "#2 open stands in place 1"),
            (&[(1, "clock in"), (2, "open"), (4, "pause")], "#4 pause stands in place 3"),
        ] {
            let found = judge(&shown, &written(told));
            assert!(found.contains(&wanted.to_owned()), "{wanted}: {found:?}");
        }
        let mut unsigned = written(&good);
        unsigned[1].flags = vec!["STAMP_SIGNATURE_BAD".to_owned()];
        assert_eq!(judge(&shown, &unsigned), ["#2 open is flagged STAMP_SIGNATURE_BAD"]);
    }

    #[test]
    fn a_number_that_is_given_twice_is_found() {
        let kept = "#3 pause until 10:30: offline, kept";
        for (lines, wanted) in [
            (&[kept, kept, "#3 pause until 10:30: sent", "#4 return 张1: stored OPEN"][..], 0),
            (&["#1 open 张1: offline, kept", "#1 open: offline, kept"], 0),
            (&[kept, "#3 pause until 10:31: offline, kept"], 1),
            (&[kept, "#3 pause until 10:30: stored"], 1),
            (&["#3 open: stored OPEN", "#3 open: stored OPEN"], 1),
        ] {
            let lines: Vec<String> = lines.iter().map(|line| (*line).to_owned()).collect();
            assert_eq!(given_twice(&lines).len(), wanted, "{lines:?}");
        }
    }

    #[test]
    fn a_window_stands_as_what_happened_at_it_leaves_it() {
        for (told, wanted) in [
            (&["clock in"][..], State::Closed),
            (&["clock in", "open"], State::Open),
            (&["open", "pause", "extend"], State::Paused),
            (&["open", "pause", "pause", "return"], State::Open),
            (&["open", "pause", "close", "clock out"], State::Closed),
        ] {
            let told: Vec<_> = (1..).zip(told.iter().copied()).collect();
            assert_eq!(state_after(&written(&told)), wanted, "{told:?}");
        }
    }
}
