//! Reading what somebody says: lines, or single keys where there is a keyboard. Keys become the lines of
//! [`words`](super::words), so that there is one language.

use std::io::{BufRead, IsTerminal, Read};

use rustix::termios::{LocalModes, OptionalActions, Termios, tcgetattr, tcsetattr};
use tokio::sync::mpsc;

/// Minutes on the tiles 1 to 9.
const TILES: [u16; 9] = [5, 10, 15, 20, 25, 30, 40, 50, 60];
/// Reasons by letter, for who wants another than the first. Without a letter it is the first.
const REASONS: [(char, &str); 10] = [
    ('c', "comfort"),
    ('s', "consult"),
    ('d', "deliver_docs"),
    ('b', "back_office"),
    ('m', "meeting"),
    ('t', "training_course"),
    ('h', "medical"),
    ('n', "nursing"),
    ('l', "meal_rotation"),
    ('e', "emergency"),
];

/// What comes of a key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Pressed {
    /// A command.
    Line(String),
    /// More keys are wanted: in zh and in en, which.
    Asks(&'static str, &'static str),
    /// Nothing.
    Nothing,
}

/// Keys that were pressed and are no command yet.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) enum Keyboard {
    /// None.
    #[default]
    Idle,
    /// `p`: a tile is wanted, or a letter first.
    Pause(&'static str),
    /// `e`: a tile is wanted.
    Extend,
    /// A word until Enter, and what comes before it in the line.
    Text(&'static str, String),
}

impl Keyboard {
    /// A key.
    pub(super) fn press(&mut self, key: char) -> Pressed {
        match std::mem::take(self) {
            Self::Idle => self.first(key),
            Self::Pause(reason) => match (tile(key), REASONS.iter().find(|(letter, _)| *letter == key)) {
                (Some(minutes), _) => Pressed::Line(format!("pause {reason} {minutes}")),
                (None, Some((_, reason))) => self.asks(Self::Pause(reason)),
                (None, None) => Pressed::Nothing,
            },
            Self::Extend => {
                tile(key).map_or(Pressed::Nothing, |minutes| Pressed::Line(format!("extend {minutes}")))
            }
            Self::Text(before, text) if matches!(key, '\r' | '\n') => {
                Pressed::Line(format!("{before} {}", text.trim()).trim_end().to_owned())
            }
            Self::Text(before, mut text) => {
                // Backspace, and Escape: nothing of it.
                match key {
                    '\u{8}' | '\u{7f}' => drop(text.pop()),
                    '\u{1b}' => return Pressed::Nothing,
                    other => text.push(other),
                }
                *self = Self::Text(before, text);
                Pressed::Nothing
            }
        }
    }

    fn first(&mut self, key: char) -> Pressed {
        match key {
            'p' => self.asks(Self::Pause("comfort")),
            'e' => self.asks(Self::Extend),
            'r' => Pressed::Line("return".to_owned()),
            'c' => Pressed::Line("close".to_owned()),
            's' => Pressed::Line("status".to_owned()),
            'q' => Pressed::Line("quit".to_owned()),
            'i' => self.asks(Self::Text("in", String::new())),
            'u' => self.asks(Self::Text("out", String::new())),
            'o' => self.asks(Self::Text("open", String::new())),
            'a' => self.asks(Self::Text("anyway because", String::new())),
            '?' | 'h' => Pressed::Line("help".to_owned()),
            _ => Pressed::Nothing,
        }
    }

    fn asks(&mut self, wanted: Self) -> Pressed {
        let asks = match wanted {
            Self::Idle => return Pressed::Nothing,
            Self::Pause(_) | Self::Extend => (
                "分钟：1=5 2=10 3=15 4=20 5=25 6=30 7=40 8=50 9=60",
                "minutes: 1=5 2=10 3=15 4=20 5=25 6=30 7=40 8=50 9=60",
            ),
            Self::Text("anyway because", _) => ("原因，回车结束", "why, then Enter"),
            Self::Text(..) => ("刷卡或输入，回车结束", "card, then Enter (nothing: whoever stands there)"),
        };
        *self = wanted;
        Pressed::Asks(asks.0, asks.1)
    }
}

fn tile(key: char) -> Option<u16> {
    let nth = key.to_digit(10)?.checked_sub(1)?;
    TILES.get(usize::try_from(nth).ok()?).copied()
}

/// A keyboard that gives each key at once, until this is dropped.
#[derive(Debug)]
pub(super) struct Raw(Termios);

impl Raw {
    /// `None`: standard input is no keyboard, and is read by lines.
    pub(super) fn begin() -> Option<Self> {
        let stdin = std::io::stdin();
        if !stdin.is_terminal() {
            return None;
        }
        let before = tcgetattr(&stdin).ok()?;
        let mut raw = before.clone();
        // Ctrl-C stays what it is, and cards are not shown on the screen.
        raw.local_modes.remove(LocalModes::ICANON | LocalModes::ECHO);
        tcsetattr(&stdin, OptionalActions::Now, &raw).ok()?;
        Some(Self(before))
    }
}

impl Drop for Raw {
    fn drop(&mut self) {
        // The process ends: nobody could be told.
        let _restored = tcsetattr(std::io::stdin(), OptionalActions::Now, &self.0);
    }
}

/// What comes from standard input, one command or one key at a time.
pub(super) fn read(raw: bool) -> mpsc::Receiver<String> {
    let (send, receive) = mpsc::channel(16);
    // A thread of its own that nobody waits for: it may hang in a read for ever, and the process ends all the same.
    std::thread::spawn(move || {
        let mut stdin = std::io::stdin().lock();
        if raw {
            let mut key = Vec::new();
            let mut byte = [0];
            while stdin.read(&mut byte).is_ok_and(|read| read > 0) {
                key.extend(byte);
                // A letter may be of several bytes; what never becomes one is dropped.
                if let Ok(text) = std::str::from_utf8(&key) {
                    if send.blocking_send(text.to_owned()).is_err() {
                        return;
                    }
                    key.clear();
                } else if key.len() >= 4 {
                    key.clear();
                }
            }
        } else {
            let mut line = String::new();
            while stdin.read_line(&mut line).is_ok_and(|read| read > 0) {
                if send.blocking_send(std::mem::take(&mut line)).is_err() {
                    return;
                }
            }
        }
    });
    receive
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The lines that come of keys.
    fn lines(keys: &str) -> Vec<String> {
        let mut keyboard = Keyboard::default();
        keys.chars()
            .filter_map(|key| match keyboard.press(key) {
                Pressed::Line(line) => Some(line),
                Pressed::Asks(..) | Pressed::Nothing => None,
            })
            .collect()
    }

    #[test]
    fn two_keys_pause_and_one_is_back() {
        assert_eq!(lines("p2r"), ["pause comfort 10", "return"]);
        assert_eq!(lines("pd1e3"), ["pause deliver_docs 5", "extend 15"]);
        assert_eq!(lines("oA1\nc"), ["open A1", "close"]);
        assert_eq!(lines("i\r"), ["in"]);
        assert_eq!(lines("u04x\u{7f}51\n"), ["out 0451"]);
        assert_eq!(lines("a孩子病了\n"), ["anyway because 孩子病了"]);
    }

    #[test]
    fn a_key_too_many_does_nothing() {
        assert_eq!(lines("p0r"), ["return"]);
        assert_eq!(lines("pzr"), ["return"]);
        assert_eq!(lines("oA1\u{1b}q"), ["quit"]);
        assert_eq!(lines("x7"), [""; 0]);
    }

    #[test]
    fn every_reason_of_a_key_is_one_of_a_line() {
        for (letter, reason) in REASONS {
            let line = lines(&format!("p{letter}9")).pop().unwrap();
            assert_eq!(line, format!("pause {reason} 60"));
            assert!(super::super::words::parse(&line).is_some(), "{line}");
        }
    }
}
