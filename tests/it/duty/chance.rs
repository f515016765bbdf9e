//! Halls in which anything may have happened.

use std::borrow::Cow;

use qinlian::kernel::{EpochMs, Pos, Zone};
use qinlian::proto::duty_fact::{self, What};
use qinlian::proto::{DutyFact, Role, pause};
use qinlian::registers::duty::clocked::{Clocked, Way};
use qinlian::registers::duty::course::Event;
use qinlian::registers::duty::hall::Hall;

use crate::support::dice::Dice;
use crate::support::scale;

/// Minutes after eight in Shanghai on 2 March 2026, and some milliseconds.
pub(super) fn instant(minutes: i64, ms: i64) -> EpochMs {
    EpochMs::clamped(1_772_409_600_000 + minutes * 60_000 + ms)
}

/// Something that a hall hears of.
#[derive(Debug, Clone)]
enum News {
    Clocked(&'static str, Clocked),
    Happened(Event),
    /// It lets go of what is old.
    Forgets,
}

fn empty() -> Hall {
    Hall::new(Zone::parse("Asia/Shanghai").expect("a zone"))
}

fn hears(hall: &mut Hall, news: News) {
    match news {
        News::Clocked(person, clocked) => hall.clocked(person, clocked),
        News::Happened(event) => hall.happened(event),
        News::Forgets => hall.forget(),
    }
}

/// A window to which anything may happen, with two people who come and go, through two days.
pub(super) fn any_day(dice: &mut Dice) -> Hall {
    let mut hall = empty();
    for news in any_news(dice) {
        hears(&mut hall, news);
    }
    hall
}

fn any_news(dice: &mut Dice) -> Vec<News> {
    let mut news = Vec::new();
    for person in ["zhao", "qian"] {
        for _ in 0..dice.below(6) {
            let way = dice.pick(&[Way::In, Way::Out, Way::Unknown]);
            let at = instant(dice.below(2_880), dice.below(60_000));
            news.push(News::Clocked(person, Clocked { at, way }));
        }
    }
    for pos in 0..u64::try_from(dice.below(14)).unwrap() {
        let at = instant(dice.below(2_880), dice.below(60_000));
        let ahead = |dice: &mut Dice| at.plus_ms(dice.below(90) * 60_000 + dice.below(60_000)).get();
        let what = match dice.below(9) {
            0 | 1 => What::Opened(duty_fact::Opened {}),
            2 => What::Closed(duty_fact::Closed {}),
            3 => What::Covered(duty_fact::Covered {}),
            4 | 5 => What::Paused(duty_fact::Paused {
                subject: dice.pick(&[pause::Subject::Person, pause::Subject::Window]).into(),
                expected_return_ms: ahead(dice),
                allowed_ms: if dice.one_in(3) { at.get() + 60_000 } else { 0 },
                decided_by: Role::Lead.into(),
                ..duty_fact::Paused::default()
            }),
            6 => What::Ended(duty_fact::Ended { mode: pause::EndMode::Returned.into() }),
            7 => What::Extended(duty_fact::Extended { expected_return_ms: ahead(dice) }),
            _ => {
                let decisions =
                    [pause::Decision::Approve, pause::Decision::Refuse, pause::Decision::ReturnNow];
                What::Decided(duty_fact::Decided { decision: dice.pick(&decisions).into() })
            }
        };
        let fact = DutyFact {
            window: "w1".to_owned(),
            person_id: dice.pick(&["zhao", "qian"]).to_owned(),
            what: Some(what),
            ..DutyFact::default()
        };
        let principal = "test".to_owned();
        news.push(News::Happened(Event { at, pos: Pos::new(pos), item: 0, recorded: at, principal, fact }));
    }
    news
}

/// A hall remembers what its windows were doing, since who looks at it looks at all of them. What it says must be what it
/// would say if nobody had asked before, in whatever order news come.
#[test]
fn a_hall_that_was_looked_at_says_what_one_says_that_was_not() {
    let mut dice = Dice::new(62);
    let (mut asked, mut kept) = (0, 0);
    for _ in 0..scale(2_000, 100_000) {
        let mut news = any_news(&mut dice);
        // Mostly as things happen: whatever is late makes a hall think anew.
        news.sort_by_key(|news| match news {
            News::Clocked(_, clocked) => clocked.at,
            News::Happened(event) => event.at,
            News::Forgets => EpochMs::ZERO,
        });
        if dice.one_in(2) && news.len() > 1 {
            let late = news.remove(0);
            news.push(late);
        }
        let mut hall = empty();
        let mut heard = Vec::new();
        for news in news {
            heard.push(news.clone());
            hears(&mut hall, news);
            if dice.one_in(3) {
                heard.push(News::Forgets);
                hall.forget();
            }
            let at = instant(dice.below(4_000), dice.below(60_000));
            let fresh = heard.iter().cloned().fold(empty(), |mut hall, news| {
                hears(&mut hall, news);
                hall
            });
            assert_eq!(hall.course("w1", at), fresh.course("w1", at), "{heard:?} at {at}");
            asked += 1;
            kept +=
                usize::from(matches!(hall.course("w1", at), Cow::Borrowed(course) if course.by.is_some()));
        }
    }
    assert!(kept * 10 > asked, "the rig must ask of what is remembered: {kept} of {asked}");
}
