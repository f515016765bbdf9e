//! What the board, the hall and the past answer, in the words of the scripts.

use std::fmt::Write;

use qinlian::kernel::EpochMs;
use qinlian::proto::board_window::State;
use qinlian::proto::*;
use qinlian::registers::wire::timestamp;

use super::rig::{Hall, at, clock};
use crate::roster::rig::refused;
use crate::support::office::HALL;

impl Hall {
    /// The board, as `GetBoard` answers.
    pub(crate) async fn get_board(&self, at: Option<EpochMs>, item: &str) -> Vec<BoardWindow> {
        let request =
            GetBoardRequest { centre: HALL.to_owned(), item: item.to_owned(), at: at.map(timestamp) };
        self.calls.get_board(&Self::visitor("GetBoard"), request).await.expect("a board").windows
    }

    pub(super) async fn board(&self, at: Option<EpochMs>, item: &str) -> String {
        let windows = self.get_board(at, item).await;
        let line = |window: &BoardWindow| {
            let mut text = format!("{}:{}", window.number, window.state().as_str_name());
            if let Some(returns) = &window.returns_at {
                let _ = write!(text, "@{}", clock(returns));
            }
            if !window.redirect_windows.is_empty() {
                let _ = write!(text, ">{}", window.redirect_windows.join(","));
            }
            text
        };
        let open = windows.iter().filter(|window| window.state() != State::Closed);
        open.map(line).collect::<Vec<_>>().join(" ")
    }

    pub(super) async fn text(&self, window: &str) -> String {
        let windows = self.get_board(None, "").await;
        let text = windows.into_iter().find(|shown| shown.window == window).and_then(|shown| shown.text);
        let text = text.unwrap_or_default();
        let words = format!("{} / {}", text.zh, text.en);
        words.split_whitespace().collect::<Vec<_>>().join(" ")
    }

    /// `w1`, `of zhao`, `as zhao`: pauses of a window, of a person, as somebody sees them.
    pub(super) async fn listed(&self, rest: &[&str]) -> String {
        let after = |word: &str| {
            let place = rest.iter().position(|known| *known == word)?;
            rest.get(place + 1).copied()
        };
        let window = rest.first().filter(|word| word.starts_with('w')).copied().unwrap_or_default();
        let who = after("as").unwrap_or("zhou");
        let request = ListPausesRequest {
            centre: HALL.to_owned(),
            window: window.to_owned(),
            person_id: after("of").map(|name| self.person(name)).unwrap_or_default(),
            ..ListPausesRequest::default()
        };
        let answer = self.calls.list_pauses(&self.caller(who, "ListPauses"), request).await;
        let answer = match answer {
            Ok(answer) => answer,
            refusal => return refused(refusal),
        };
        let told = |pause: &Pause| {
            let mut text = self.name(&pause.person_id);
            let time = |stamp: &Option<prost_types::Timestamp>| stamp.as_ref().map(clock).unwrap_or_default();
            let _ = write!(text, " {}-{}", time(&pause.started_at), time(&pause.ended_at));
            if pause.ended_at.is_some() {
                let _ = write!(text, " {}", pause.end_mode().as_str_name());
            }
            let _ = write!(text, " {}", pause.classification().as_str_name());
            if pause.overdue_minutes > 0 {
                let _ = write!(text, " +{}", pause.overdue_minutes);
            }
            let _ = write!(text, " promised {}", time(&pause.expected_return_at));
            for extension in &pause.extensions {
                let _ = write!(text, ",{}", time(&extension.expected_return_at));
            }
            for flag in pause.flags() {
                let _ = write!(text, " {}", flag.as_str_name());
            }
            text.trim().to_owned()
        };
        answer.pauses.iter().map(told).collect::<Vec<_>>().join(" | ")
    }

    pub(super) async fn hall(&self, window: &str) -> String {
        let request = GetHallRequest { centre: HALL.to_owned() };
        let hall = self.calls.get_hall(&self.caller("zhou", "GetHall"), request).await.expect("a hall");
        let shown = hall.windows.iter().find(|shown| shown.window == window).expect("the window");
        let mut text = shown.state().as_str_name().to_owned();
        if !shown.person_id.is_empty() {
            let _ = write!(text, " {}", self.name(&shown.person_id));
        }
        let names =
            |people: &[String]| people.iter().map(|person| self.name(person)).collect::<Vec<_>>().join(",");
        let _ = write!(text, " bound {} in {}", names(&shown.bound), names(&shown.clocked_in));
        if shown.last_window {
            text.push_str(" last");
        }
        if !hall.awaiting.is_empty() {
            let _ = write!(text, " awaiting {}", hall.awaiting.len());
        }
        if !hall.unserved_items.is_empty() {
            let _ = write!(text, " unserved {}", hall.unserved_items.join(","));
        }
        text.split_whitespace().collect::<Vec<_>>().join(" ")
    }

    pub(super) async fn window_at(&self, window: &str, time: &str) -> String {
        let request = GetWindowAtRequest {
            centre: HALL.to_owned(),
            window: window.to_owned(),
            at: Some(timestamp(at(time))),
            ..GetWindowAtRequest::default()
        };
        let answer = self.calls.get_window_at(&self.caller("zhou", "GetWindowAt"), request).await;
        let answer = match answer {
            Ok(answer) => answer,
            refusal => return refused(refusal),
        };
        let mut text = answer.state().as_str_name().to_owned();
        if !answer.person_id.is_empty() {
            let _ = write!(text, " {}", self.name(&answer.person_id));
        }
        if let Some(pause) = &answer.pause {
            let _ = write!(text, " since {}", pause.started_at.as_ref().map(clock).unwrap_or_default());
        }
        let _ = write!(text, " {}", answer.public_text.unwrap_or_default().zh);
        text.split_whitespace().collect::<Vec<_>>().join(" ")
    }
}
