//! The rule of the roster: what it names exists, nobody is to be at work twice at once, and numbers by which people are
//! judged take two people. Pure.

use std::collections::BTreeSet;
use std::sync::Arc;

use super::book::{self, Book, Seen as All};
use super::fact::{Command, proposal};
use super::overlap;
use super::refusal::{PAST_DAYS_MOST, Refusal};
use super::state::State;
use crate::kernel::{EpochDay, EpochMs, LogId, Pos, Reason, Words, Zone};
use crate::proto::fact::Fact as Of;
use crate::proto::{Fact, Policy, PolicyApprovalFact, RosterFact, Shift};
use crate::registers::directory::admit::Seen;
use crate::registers::directory::view::{day, opt_day};
use crate::registers::verdict::{Accepted, Moment, Personal, Verdict};

/// Accept, or a reason to refuse.
pub fn admit(command: &Command, state: &State, seen: Seen<'_>, moment: &Moment<'_>) -> Verdict {
    match decide(command, state, seen, moment) {
        Ok(accepted) => Ok(Accepted { kind: command.kind(), ..accepted }),
        Err(refusal) => Err(Arc::new(refusal) as Arc<dyn Reason>),
    }
}

fn said(fact: Of) -> Accepted {
    Accepted { facts: vec![Fact { fact: Some(fact) }], ..Accepted::default() }
}

fn decide(
    command: &Command,
    state: &State,
    seen: Seen<'_>,
    moment: &Moment<'_>,
) -> Result<Accepted, Refusal> {
    let nothing = Book::default();
    let book = state.book(moment.log).unwrap_or(&nothing);
    match command {
        Command::Shift(shift) => {
            in_a_centre(moment)?;
            put_shift(shift, book, moment)?;
            Ok(said(Of::Shift(shift.clone())))
        }
        Command::Roster(roster) => {
            in_a_centre(moment)?;
            put_roster(roster, book, seen, moment)?;
            Ok(said(Of::Roster(roster.clone())))
        }
        Command::CalendarYear(calendar) => Ok(said(Of::CalendarYear(calendar.clone()))),
        Command::CentreDays(fact) => {
            in_a_centre(moment)?;
            for (at, item) in fact.days.iter().enumerate().filter(|(_, item)| !item.shift.is_empty()) {
                shift_exists(&item.shift, day(item.date.as_ref()), book, || format!("days[{at}]"))?;
            }
            Ok(said(Of::CentreDays(fact.clone())))
        }
        Command::ProposePolicy { policy, retroactive } => propose(policy, retroactive.as_ref(), seen, moment),
        Command::ApprovePolicy { proposal } => approve(*proposal, state, seen, moment),
    }
}

fn in_a_centre(moment: &Moment<'_>) -> Result<(), Refusal> {
    if moment.log == LogId::DEPLOYMENT { Err(Refusal::NotInACentre) } else { Ok(()) }
}

fn shift_exists(code: &str, on: EpochDay, book: &Book, named_at: impl Fn() -> String) -> Result<(), Refusal> {
    if book.shift(code, on, All::ALL).is_some() { Ok(()) } else { Err(Refusal::UnknownShift(named_at())) }
}

/// A later version of a shift must not make anybody overlap who is rostered for it.
fn put_shift(shift: &Shift, book: &Book, moment: &Moment<'_>) -> Result<(), Refusal> {
    let mut after = book.clone();
    book::apply(&mut after, moment.pos, &Fact { fact: Some(Of::Shift(shift.clone())) });
    let from = opt_day(shift.effective_from.as_ref()).unwrap_or(EpochDay::FIRST);
    let mut people: Vec<&String> = after.duties.keys().collect();
    people.sort_unstable();
    for person_id in people {
        let changes = overlap::changes(&after, person_id, from);
        if let Some(refusal) = overlap::first(&after, person_id, &changes) {
            return Err(refusal);
        }
    }
    Ok(())
}

fn put_roster(roster: &RosterFact, book: &Book, seen: Seen<'_>, moment: &Moment<'_>) -> Result<(), Refusal> {
    let entries = roster.entries.iter().enumerate().map(|(at, entry)| {
        (format!("entries[{at}]"), entry.person_id.as_str(), book::shift_of(entry), day(entry.date.as_ref()))
    });
    let patterns = roster.patterns.iter().enumerate().map(|(at, pattern)| {
        let shift = Some(pattern.shift.as_str()).filter(|shift| !shift.is_empty());
        (format!("patterns[{at}]"), pattern.person_id.as_str(), shift, day(pattern.from.as_ref()))
    });
    let named: Vec<(String, &str, Option<&str>, EpochDay)> = entries.chain(patterns).collect();
    let earliest = today(seen, moment).plus_days(-PAST_DAYS_MOST);
    for (at, person_id, shift, on) in &named {
        if *on < earliest {
            return Err(Refusal::TooLongAgo(at.clone()));
        }
        if seen.deployment.person(person_id).is_none_or(|person| person.retired) {
            return Err(Refusal::UnknownPerson(at.clone()));
        }
        if seen.own.assignments(person_id).all(|assignment| assignment.retired) {
            return Err(Refusal::NotAssignedHere(at.clone()));
        }
        if let Some(shift) = shift {
            shift_exists(shift, *on, book, || at.clone())?;
        }
    }
    let mut after = book.clone();
    book::apply(&mut after, moment.pos, &Fact { fact: Some(Of::Roster(roster.clone())) });
    let people: BTreeSet<&str> = named.iter().map(|(_, person_id, _, _)| *person_id).collect();
    for person_id in people {
        let of = named.iter().filter(|(_, of, _, _)| *of == person_id);
        let first = of.map(|(_, _, _, on)| *on).min();
        let changes = overlap::changes(&after, person_id, first.unwrap_or(EpochDay::FIRST));
        if let Some(refusal) = overlap::first(&after, person_id, &changes) {
            return Err(refusal);
        }
    }
    Ok(())
}

/// Only a person proposes and approves.
fn by_a_person(moment: &Moment<'_>) -> Result<(), Refusal> {
    if moment.is_a_persons() { Ok(()) } else { Err(Refusal::NotAPerson) }
}

fn today(seen: Seen<'_>, moment: &Moment<'_>) -> EpochDay {
    let zone = seen.deployment.zone(moment.centre).or_else(|| Zone::parse("").ok());
    zone.map_or(EpochDay::from_column(moment.at.get() / EpochMs::DAY_MS), |zone| zone.day_of(moment.at))
}

fn propose(
    policy: &Policy,
    retroactive: Option<&Words>,
    seen: Seen<'_>,
    moment: &Moment<'_>,
) -> Result<Accepted, Refusal> {
    by_a_person(moment)?;
    if policy.pack.is_empty() && moment.log == LogId::DEPLOYMENT {
        return Err(Refusal::NoPack);
    }
    if retroactive.is_none() && day(policy.effective_from.as_ref()) <= today(seen, moment) {
        return Err(Refusal::NotInTheFuture);
    }
    let fact = Of::PolicyProposal(proposal(policy, retroactive));
    Ok(Accepted { personal: retroactive.map(Personal::reason), ..said(fact) })
}

fn approve(at: Pos, state: &State, seen: Seen<'_>, moment: &Moment<'_>) -> Result<Accepted, Refusal> {
    by_a_person(moment)?;
    let proposed = state.proposal(moment.log, at).ok_or(Refusal::NoSuchProposal)?;
    if proposed.principal == moment.principal {
        return Err(Refusal::OwnProposal);
    }
    if proposed.approved {
        return Err(Refusal::AlreadyApproved);
    }
    let policy = proposed.fact.policy.clone().unwrap_or_default();
    if !proposed.fact.retroactive && day(policy.effective_from.as_ref()) <= today(seen, moment) {
        return Err(Refusal::NotInTheFuture);
    }
    let fact = PolicyApprovalFact { proposal: at.get(), policy: Some(policy) };
    Ok(Accepted { refers_to: Some(at), ..said(Of::PolicyApproval(fact)) })
}
