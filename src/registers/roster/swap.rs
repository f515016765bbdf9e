//! What a swap makes of the roster (rules R6, R7): who works what on its dates instead, if that is possible. Pure.

use std::collections::BTreeSet;

use super::book::{Book, Duty, Seen};
use super::overlap;
use super::plan;
use super::refusal::{Named, Refusal};
use super::view::DayPlan;
use crate::kernel::{EpochDay, EpochMs, Pos, Zone};
use crate::proto::SwapFact;
use crate::proto::swap_fact::Item;
use crate::registers::directory::view::{date, day};

/// The roster that a swap is held against, and when.
#[derive(Debug, Clone, Copy)]
pub struct Floor<'a> {
    /// What the roster says of the two.
    pub book: &'a Book,
    /// The centre's zone.
    pub zone: &'a Zone,
    /// Now.
    pub at: EpochMs,
}

/// The two of a swap, and a date of it.
#[derive(Debug, Clone, Copy)]
struct Hand<'a> {
    /// Who gives the duty of the date away.
    giver: &'a str,
    /// Who takes it over.
    taker: &'a str,
    on: EpochDay,
    /// How the request names the date.
    named_at: &'static str,
}

/// What both are to work instead, on each of the dates: of one date the two duties change hands; of two, each takes the
/// other's over and rests on the date of their own.
pub fn exchange(fact: &SwapFact, floor: Floor<'_>) -> Result<Vec<Item>, Refusal> {
    let (asks, with) = (fact.person_id.as_str(), fact.with_person_id.as_str());
    let (date, with_date) = (day(fact.date.as_ref()), day(fact.with_date.as_ref()));
    let given = Hand { giver: asks, taker: with, on: date, named_at: "date" };
    let taken = Hand { giver: with, taker: asks, on: with_date, named_at: "with_date" };
    let (gives, takes) = (floor.duty(given)?, floor.duty(taken)?);
    let mut items = Vec::new();
    if date == with_date {
        if gives.shift == takes.shift {
            return Err(Refusal::SameDuty);
        }
        let time = joined(floor.time(date, &gives), floor.time(date, &takes));
        items.push(item(with, date, &gives.shift, time));
        items.push(item(asks, date, &takes.shift, time));
    } else {
        for (hand, duty) in [(given, &gives), (taken, &takes)] {
            if !planned(floor.book, hand.taker, hand.on).spans.is_empty() {
                return Err(Refusal::AlreadyOnDuty(hand.named_at));
            }
            let time = floor.time(hand.on, duty);
            items.push(item(hand.taker, hand.on, &duty.shift, time));
            items.push(item(hand.giver, hand.on, "", time));
        }
    }
    if items.iter().any(|item| item.from_ms <= floor.at.get()) {
        return Err(Refusal::HasBegun);
    }
    floor.fits([asks, with], &items)?;
    Ok(items)
}

fn item(person_id: &str, on: EpochDay, shift: &str, (from, until): (EpochMs, EpochMs)) -> Item {
    Item {
        person_id: person_id.to_owned(),
        date: Some(date(on)),
        shift: shift.to_owned(),
        from_ms: from.get(),
        until_ms: until.get(),
    }
}

fn joined(one: (EpochMs, EpochMs), other: (EpochMs, EpochMs)) -> (EpochMs, EpochMs) {
    (one.0.min(other.0), one.1.max(other.1))
}

/// What somebody is to work on a day, as far as is known now.
fn planned(book: &Book, person_id: &str, on: EpochDay) -> DayPlan {
    plan::plan(book, person_id, on, Seen::ALL, &plan::policy(book, on, Seen::ALL))
}

impl Floor<'_> {
    /// The duty that somebody has to give away.
    fn duty(&self, hand: Hand<'_>) -> Result<DayPlan, Refusal> {
        let duty = planned(self.book, hand.giver, hand.on);
        if duty.spans.is_empty() { Err(Refusal::NoDuty(hand.named_at)) } else { Ok(duty) }
    }

    /// From when until when a duty lasts.
    fn time(&self, on: EpochDay, duty: &DayPlan) -> (EpochMs, EpochMs) {
        let from = duty.spans.first().map_or(0, |span| span.on_plan);
        let until = duty.spans.last().map_or(0, |span| span.off_plan);
        (self.zone.at_minutes(on, from), self.zone.at_minutes(on, until))
    }

    /// Nobody is at work twice at once after it.
    fn fits(&self, people: [&str; 2], items: &[Item]) -> Result<(), Refusal> {
        let mut after = self.book.clone();
        for item in items {
            let on = day(item.date.as_ref());
            let shift = Some(item.shift.clone()).filter(|shift| !shift.is_empty());
            let (pos, swap) = (Pos::ZERO, None);
            let duty = Duty { pos, item: 0, from: on, until: Some(on), pattern: false, shift, swap };
            after.duties.entry(item.person_id.clone()).or_default().push(duty);
        }
        let changes: BTreeSet<EpochDay> = items.iter().map(|item| day(item.date.as_ref())).collect();
        for person_id in people {
            let worked = |on: EpochDay| {
                let DayPlan { shift, spans, .. } = planned(&after, person_id, on);
                let named = spans.into_iter().map(|span| Named {
                    day: on,
                    shift: shift.clone(),
                    on_plan: span.on_plan,
                    off_plan: span.off_plan,
                });
                named.collect()
            };
            if let Some(refusal) = overlap::first_of(person_id, &changes, worked) {
                return Err(refusal);
            }
        }
        Ok(())
    }
}
