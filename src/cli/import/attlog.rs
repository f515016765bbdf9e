//! `attlog.dat`, as terminals of ZKTeco and their many relatives write it: a line per clock-in, cells separated by tabs,
//! no headings. Person's number (padded with blanks by some), local time, how they were recognised, in or out, work
//! code; then what differs from one firmware to the next.

use super::columns::Columns;
use super::encoding::Encoding;
use super::row::{Cells, Why};
use crate::proto::punch::{Direction, Method};

/// Cells of a line: fewer say too little, more were never seen.
const CELLS: std::ops::RangeInclusive<usize> = 4..=8;

/// Where the cells that matter are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Attlog {
    person: usize,
    time: usize,
    method: Option<usize>,
    direction: Option<usize>,
    work_code: Option<usize>,
    device: Option<usize>,
}

impl Attlog {
    /// The usual places, unless `--columns` gives others by number. A place that it gives to one meaning is no longer
    /// that of another.
    pub(super) fn of(columns: &Columns) -> anyhow::Result<Self> {
        let mut given = Vec::new();
        for meaning in super::columns::MEANINGS {
            given.extend(columns.place(meaning)?.map(|place| (meaning, place)));
        }
        let named = |meaning: &str| given.iter().find(|(of, _)| *of == meaning).map(|(_, place)| *place);
        let usual = |meaning: &str, place: usize| {
            named(meaning).or_else(|| given.iter().all(|(_, taken)| *taken != place).then_some(place))
        };
        Ok(Self {
            person: named("person").unwrap_or(0),
            time: named("time").unwrap_or(1),
            method: usual("method", 2),
            direction: usual("direction", 3),
            work_code: usual("work_code", 4),
            device: named("device"),
        })
    }

    /// The cells of a line.
    pub(super) fn read(&self, line: &[u8], encoding: Encoding) -> Result<Cells, Why> {
        let cells: Vec<&[u8]> = line.split(|byte| *byte == b'\t').collect();
        if cells.len() < *CELLS.start() {
            return Err(Why::new("MISSING_CELL", "at least four, separated by tabs"));
        }
        let cell = |at: usize| {
            let bytes = cells.get(at).ok_or_else(|| Why::code("MISSING_CELL"))?;
            encoding.text(bytes).map_err(Why::code)
        };
        // What a short line leaves out is not known; only who and when must be there.
        let optional = |at: Option<usize>| at.filter(|at| *at < cells.len()).map_or(Ok(String::new()), cell);
        let work_code = optional(self.work_code)?;
        Ok(Cells {
            time: cell(self.time)?,
            person: cell(self.person)?,
            device: optional(self.device)?,
            direction: direction(&optional(self.direction)?),
            method: Some(method(&optional(self.method)?)),
            // None is written as nothing or as 0, by the same terminal too.
            work_code: if work_code == "0" { String::new() } else { work_code },
        })
    }
}

/// The in/out state. Leaving for a break is going out, and overtime is worked like any other time: what a time is worth is
/// decided by the roster, never by the key that somebody pressed.
fn direction(state: &str) -> Direction {
    match state {
        // Check-in, back from a break, overtime in.
        "0" | "3" | "4" => Direction::In,
        // Check-out, to a break, overtime out.
        "1" | "2" | "5" => Direction::Out,
        // 255: the terminal does not know. Anything else: we do not.
        _ => Direction::Unknown,
    }
}

/// The verification mode. Combinations and what came later (palms, veins) are none of ours.
fn method(mode: &str) -> Method {
    match mode {
        "0" | "3" => Method::Pin,
        "1" => Method::Fingerprint,
        "2" | "4" => Method::Card,
        "15" => Method::Face,
        _ => Method::Unspecified,
    }
}

/// Does a line look like one of these?
pub(super) fn has_the_shape(line: &[u8]) -> bool {
    let cells: Vec<&[u8]> = line.split(|byte| *byte == b'\t').map(<[u8]>::trim_ascii).collect();
    let [person, time, rest @ ..] = cells.as_slice() else { return false };
    let is_code = |cell: &[u8], most: usize| {
        cell.len() <= most && cell.iter().all(|byte| byte.is_ascii_alphanumeric() || b"-_.".contains(byte))
    };
    let pattern = b"0000-00-00 00:00:00";
    let fits = |(byte, like): (&u8, &u8)| {
        if *like == b'0' { byte.is_ascii_digit() } else { byte == like }
    };
    CELLS.contains(&cells.len())
        && !person.is_empty()
        && is_code(person, 24)
        && time.len() == pattern.len()
        && time.iter().zip(pattern).all(fits)
        && rest.iter().all(|cell| is_code(cell, 32))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_shape_is_that_of_a_clock_in_and_of_nothing_else() {
        for (line, is) in [
            ("        1\t2026-11-02 08:00:00\t1\t0", true),
            ("1\t2026-11-02 08:00:00\t1\t0\t0", true),
            ("E-10.2\t2026-11-02 08:00:00\t15\t255\t\t0\t\t0", true),
            // No day of any calendar, and still no heading: its line is refused, not its file.
            ("1\t2026-02-30 24:00:00\t1\t0", true),
            ("1\t2026-11-02 08:00:00\t1", false),
            ("1\t2026-11-02 08:00:00\t1\t0\t0\t0\t0\t0\t0", false),
            ("\t2026-11-02 08:00:00\t1\t0", false),
            ("1\t2026-11-02 08:00\t1\t0", false),
            ("张三\t2026-11-02 08:00:00\t1\t0", false),
            ("id\ttime\tmode\tstate", false),
            ("1,2026-11-02 08:00:00,1,0", false),
            ("2026-11-02 08:00:00,a\tb\tc\td", false),
            ("", false),
        ] {
            assert_eq!(has_the_shape(line.as_bytes()), is, "{line}");
        }
    }

    #[test]
    fn states_are_directions_and_modes_are_methods_as_far_as_they_are_known() {
        let usual = Attlog::of(&Columns::default()).unwrap();
        let (ins, outs) = (["0", "3", "4"], ["1", "2", "5"]);
        let read = |mode: &str, state: &str| {
            let line = format!(" 7 \t2026-11-02 08:00:00\t{mode}\t{state}\t0");
            usual.read(line.as_bytes(), Encoding::Utf8).unwrap()
        };
        for state in ins {
            assert_eq!(read("1", state).direction, Direction::In, "{state}");
        }
        for state in outs {
            assert_eq!(read("1", state).direction, Direction::Out, "{state}");
        }
        for state in ["255", "6", "-1", "", "x"] {
            assert_eq!(read("1", state).direction, Direction::Unknown, "{state}");
        }
        for (mode, method) in [
            ("0", Method::Pin),
            ("1", Method::Fingerprint),
            ("2", Method::Card),
            ("3", Method::Pin),
            ("4", Method::Card),
            ("15", Method::Face),
            ("9", Method::Unspecified),
            ("25", Method::Unspecified),
            ("", Method::Unspecified),
        ] {
            assert_eq!(read(mode, "0").method, Some(method), "{mode}");
        }
        let cells = read("1", "0");
        assert_eq!((cells.person.as_str(), cells.work_code.as_str()), ("7", ""));
    }

    #[test]
    fn other_places_are_given_by_number() {
        let line = b"7\t2026-11-02 08:00:00\t12\t1\t15\t3";
        let columns = Columns::parse("device=3,method=5,work_code=6").unwrap();
        let cells = Attlog::of(&columns).unwrap().read(line, Encoding::Utf8).unwrap();
        assert_eq!(
            (cells.device.as_str(), cells.method, cells.work_code.as_str(), cells.direction),
            ("12", Some(Method::Face), "3", Direction::Out)
        );
        let taken = Attlog::of(&Columns::parse("method=5,device=3").unwrap()).unwrap();
        assert_eq!(taken.work_code, None, "its place is the method's");
        assert!(Attlog::of(&Columns::parse("method=mode").unwrap()).is_err());
        for (line, reason) in [
            (&b"7\t2026-11-02 08:00:00\t1"[..], "MISSING_CELL"),
            (b"7 2026-11-02 08:00:00 1 0", "MISSING_CELL"),
            (b"\xFF\t2026-11-02 08:00:00\t1\t0", "BAD_UTF8"),
        ] {
            let usual = Attlog::of(&Columns::default()).unwrap();
            assert_eq!(usual.read(line, Encoding::Utf8).unwrap_err().reason, reason);
        }
    }
}
