//! The rule of the audit register. Pure.
//!
//! An erasure takes two people: one proposes, another decides, once (docs/architecture.md, "Erasures").

use std::sync::Arc;

use super::fact::{Command, MOST_PARTS, again, part_at, part_refs};
use super::refusal::Refusal;
use super::state::{Standing, State};
use crate::kernel::{PersonId, Pos, Reason, Words};
use crate::ledger::port::PartAt;
use crate::proto::fact::Fact as Of;
use crate::proto::{ClockFact, ErasureDecisionFact, ErasureRequestFact, Fact, TickFact};
use crate::registers::verdict::{Accepted, Moment, Personal, Verdict};

/// Accept, or a reason to refuse.
pub fn admit(command: &Command, state: &State, moment: &Moment<'_>) -> Verdict {
    match decide(command, state, moment) {
        Ok(accepted) => Ok(Accepted { kind: command.kind(), ..accepted }),
        Err(refusal) => Err(Arc::new(refusal) as Arc<dyn Reason>),
    }
}

fn decide(command: &Command, state: &State, moment: &Moment<'_>) -> Result<Accepted, Refusal> {
    match command {
        Command::Disclose { fact, reason } => {
            Ok(Accepted { personal: Some(Personal::reason(reason)), ..said(Of::Disclosure(fact.clone())) })
        }
        Command::EndDisclosure(fact) => {
            let disclosure = Pos::new(fact.disclosure);
            if !state.is_open(moment.log, disclosure) {
                return Err(Refusal::NoOpenSession);
            }
            Ok(Accepted { refers_to: Some(disclosure), ..said(Of::DisclosureEnd(fact.clone())) })
        }
        Command::RequestErasure { parts, person_id, basis, reason } => {
            let parts = match person_id {
                Some(person) => state.about(moment.log, person),
                None => parts.clone(),
            };
            let parts = erasable(parts, state, moment)?;
            let person_id = person_id.as_ref().map(PersonId::to_string).unwrap_or_default();
            let fact = ErasureRequestFact { parts: part_refs(&parts), person_id, basis: (*basis).into() };
            Ok(Accepted { personal: Some(Personal::reason(reason)), ..said(Of::ErasureRequest(fact)) })
        }
        Command::DecideErasure { erasure, approve, reason } => {
            erasure_decided(*erasure, *approve, reason, state, moment)
        }
        Command::EraseAgain { parts } => {
            if moment.pos != moment.base.next() || !moment.principal.starts_with("server:") {
                return Err(Refusal::NotAfterARestore);
            }
            Ok(Accepted { erases: pairs(parts), ..said(Of::ErasureDecision(again(parts))) })
        }
        Command::Rules(fact) => {
            if state.rules(moment.log).is_some_and(|known| fact.rules <= known) {
                return Err(Refusal::RulesNotNewer);
            }
            Ok(said(Of::Rules(*fact)))
        }
        Command::Tick { due } if moment.last >= *due => Err(Refusal::NotNeeded),
        Command::Tick { due } if moment.at < *due => Err(Refusal::NotYet),
        Command::Tick { due } => Ok(said(Of::Tick(TickFact { due_ms: due.get() }))),
        Command::AcceptClock { to } => {
            Ok(said(Of::Clock(ClockFact { from_ms: moment.last.get(), to_ms: to.get() })))
        }
        Command::BeginEpoch(fact) => {
            let first = moment.pos == moment.base && fact.base == moment.base.get() && fact.epoch > 1;
            if first { Ok(said(Of::Epoch(fact.clone()))) } else { Err(Refusal::EpochHasBegun) }
        }
    }
}

fn said(fact: Of) -> Accepted {
    Accepted { facts: vec![Fact { fact: Some(fact) }], ..Accepted::default() }
}

fn pairs(parts: &[PartAt]) -> Vec<(Pos, u32)> {
    parts.iter().map(|at| (at.pos, at.part)).collect()
}

/// Only a person proposes and decides.
fn by_a_person(moment: &Moment<'_>) -> Result<(), Refusal> {
    if moment.is_a_persons() { Ok(()) } else { Err(Refusal::NotAPerson) }
}

/// The parts of a proposal, if all of them can be erased.
fn erasable(parts: Vec<PartAt>, state: &State, moment: &Moment<'_>) -> Result<Vec<PartAt>, Refusal> {
    by_a_person(moment)?;
    if parts.is_empty() {
        return Err(Refusal::NothingToErase);
    }
    if parts.len() > MOST_PARTS {
        return Err(Refusal::TooManyParts);
    }
    for part in &parts {
        match state.standing(moment.log, *part) {
            Standing::Here => {}
            Standing::Never => return Err(Refusal::NoSuchPart),
            Standing::Facts => return Err(Refusal::FactsStay),
            Standing::Gone => return Err(Refusal::AlreadyErased),
        }
    }
    Ok(parts)
}

fn erasure_decided(
    erasure: Pos,
    approve: bool,
    reason: &Words,
    state: &State,
    moment: &Moment<'_>,
) -> Result<Accepted, Refusal> {
    by_a_person(moment)?;
    let proposed = state.proposal(moment.log, erasure).ok_or(Refusal::NoSuchErasure)?;
    if proposed.principal == moment.principal {
        return Err(Refusal::OwnErasure);
    }
    if proposed.decided {
        return Err(Refusal::AlreadyDecided);
    }
    // What another decision erased meanwhile is not erased twice.
    let mut parts: Vec<PartAt> = proposed.fact.parts.iter().filter(|_| approve).map(part_at).collect();
    parts.retain(|part| state.standing(moment.log, *part) == Standing::Here);
    if approve && parts.is_empty() {
        return Err(Refusal::NothingToErase);
    }
    let fact = ErasureDecisionFact {
        erasure: erasure.get(),
        approved: approve,
        parts: part_refs(&parts),
        basis: proposed.fact.basis,
        again: false,
    };
    Ok(Accepted {
        refers_to: Some(erasure),
        personal: Some(Personal::reason(reason)),
        erases: pairs(&parts),
        ..said(Of::ErasureDecision(fact))
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kernel::{CentreId, EpochMs, LogId};
    use crate::proto::request_erasure_request::Basis;
    use crate::proto::{DisclosureEndFact, DisclosureFact, EpochFact, RulesFact, read};

    const LOG: LogId = LogId::from_column(7);
    const ANNA: &str = "person:p22222222222222222222222222";
    const BO: &str = "person:p33333333333333333333333333";

    fn at(pos: u64, part: u32) -> PartAt {
        PartAt { pos: Pos::new(pos), part }
    }

    fn words() -> Words {
        Words::parse("retention has ended").unwrap()
    }

    /// Parts 5/1 and 6/1 are here, 7/1 is gone, 5/0 is facts; ANNA has proposed at 40 to erase 5/1 and 7/1, at 41 only
    /// 7/1; 42 is decided.
    fn state() -> State {
        let proposal = |parts: &[PartAt]| {
            let fact = ErasureRequestFact { parts: part_refs(parts), ..ErasureRequestFact::default() };
            Fact { fact: Some(Of::ErasureRequest(fact)) }
        };
        let mut state = State::with_parts(
            LOG,
            &[
                (at(5, 0), Standing::Facts),
                (at(5, 1), Standing::Here),
                (at(6, 1), Standing::Here),
                (at(7, 1), Standing::Gone),
            ],
        );
        state.apply(LOG, Pos::new(40), ANNA, &proposal(&[at(5, 1), at(7, 1)]));
        state.apply(LOG, Pos::new(41), ANNA, &proposal(&[at(7, 1)]));
        state.apply(LOG, Pos::new(42), ANNA, &proposal(&[at(6, 1)]));
        let refused = ErasureDecisionFact { erasure: 42, ..ErasureDecisionFact::default() };
        state.apply(LOG, Pos::new(43), BO, &Fact { fact: Some(Of::ErasureDecision(refused)) });
        state
    }

    fn judge(state: &State, command: &Command, principal: &str) -> Result<Accepted, &'static str> {
        judge_at(state, command, principal, (0, 50), (1_000, 2_000))
    }

    fn judge_at(
        state: &State,
        command: &Command,
        principal: &str,
        (base, pos): (u64, u64),
        (last, now): (i64, i64),
    ) -> Result<Accepted, &'static str> {
        let centre = CentreId::parse("hall").unwrap();
        let moment = Moment {
            log: LOG,
            centre: &centre,
            base: Pos::new(base),
            pos: Pos::new(pos),
            at: EpochMs::clamped(now),
            last: EpochMs::clamped(last),
            principal,
            random: [0; 16],
        };
        admit(command, state, &moment).map_err(|reason| reason.code())
    }

    #[test]
    fn parts_that_stand_may_be_proposed_and_nothing_else() {
        let state = state();
        for (case, parts, principal, verdict) in [
            ("one", vec![at(5, 1)], ANNA, Ok(1)),
            ("two", vec![at(5, 1), at(6, 1)], ANNA, Ok(2)),
            ("none", vec![], ANNA, Err("NOTHING_TO_ERASE")),
            ("an entry that is not there", vec![at(99, 1)], ANNA, Err("NO_SUCH_PART")),
            ("a part that is not there", vec![at(5, 2)], ANNA, Err("NO_SUCH_PART")),
            ("facts", vec![at(5, 0)], ANNA, Err("FACTS_STAY")),
            ("gone already", vec![at(6, 1), at(7, 1)], ANNA, Err("ALREADY_ERASED")),
            ("too many", vec![at(5, 1); MOST_PARTS + 1], ANNA, Err("TOO_MANY_PARTS")),
            ("by a system", vec![at(5, 1)], "system:hr", Err("NOT_A_PERSON")),
            ("at the machine", vec![at(5, 1)], "local:administrator", Err("NOT_A_PERSON")),
        ] {
            let command = Command::RequestErasure {
                parts,
                person_id: None,
                basis: Basis::RetentionEnded,
                reason: words(),
            };
            let judged = judge(&state, &command, principal).map(|accepted| {
                assert!(accepted.erases.is_empty() && accepted.personal.is_some(), "{case}");
                match &accepted.facts[0].fact {
                    Some(Of::ErasureRequest(fact)) => fact.parts.len(),
                    _ => 0,
                }
            });
            assert_eq!(judged, verdict, "{case}");
        }
    }

    #[test]
    fn a_proposal_is_decided_once_and_by_another_person() {
        let state = state();
        for (case, erasure, approve, principal, verdict) in [
            ("approved: what still stands is erased", 40, true, BO, Ok(vec![(Pos::new(5), 1)])),
            ("refused", 40, false, BO, Ok(vec![])),
            ("by who proposed it", 40, true, ANNA, Err("OWN_ERASURE")),
            ("refused by who proposed it", 40, false, ANNA, Err("OWN_ERASURE")),
            ("by a system", 40, true, "system:archive", Err("NOT_A_PERSON")),
            ("at the machine", 40, true, "local:administrator", Err("NOT_A_PERSON")),
            ("of nothing", 39, true, BO, Err("NO_SUCH_ERASURE")),
            ("twice", 42, true, BO, Err("ALREADY_DECIDED")),
            ("approved, and all of it is gone", 41, true, BO, Err("NOTHING_TO_ERASE")),
            ("refused, and all of it is gone", 41, false, BO, Ok(vec![])),
        ] {
            let command = Command::DecideErasure { erasure: Pos::new(erasure), approve, reason: words() };
            let judged = judge(&state, &command, principal).map(|accepted| {
                assert_eq!(accepted.refers_to, Some(Pos::new(erasure)), "{case}");
                let said = super::super::fact::erased_by(&accepted.facts);
                assert_eq!(pairs(&said), accepted.erases, "{case}: the fact lists what goes");
                accepted.erases
            });
            assert_eq!(judged, verdict, "{case}");
        }
    }

    #[test]
    fn the_next_command_of_a_batch_sees_what_was_erased_before_it() {
        let mut state = state();
        let command = Command::DecideErasure { erasure: Pos::new(40), approve: true, reason: words() };
        let accepted = judge(&state, &command, BO).unwrap();
        state.apply(LOG, Pos::new(50), BO, &accepted.facts[0]);
        assert_eq!(judge(&state, &command, BO).err(), Some("ALREADY_DECIDED"));
        let again = Command::RequestErasure {
            parts: vec![at(5, 1)],
            person_id: None,
            basis: Basis::CourtOrder,
            reason: words(),
        };
        assert_eq!(judge(&state, &again, ANNA).err(), Some("ALREADY_ERASED"));
    }

    #[test]
    fn a_tick_comes_when_it_is_due_and_only_if_nothing_else_did() {
        for (last, now, verdict) in
            [(1_000, 2_999, Err("NOT_YET")), (1_000, 3_000, Ok(())), (3_000, 3_000, Err("NOT_NEEDED"))]
        {
            let command = Command::Tick { due: EpochMs::clamped(3_000) };
            let judged = judge_at(&State::default(), &command, "server:results", (0, 50), (last, now));
            assert_eq!(judged.map(|_| ()), verdict, "last {last}, now {now}");
        }
    }

    #[test]
    fn rules_only_ever_get_newer() {
        let mut state = State::default();
        let adopt = |rules| Command::Rules(RulesFact { rules });
        let first = judge(&state, &adopt(2), "local:administrator").unwrap();
        state.apply(LOG, Pos::new(50), "local:administrator", &first.facts[0]);
        for (rules, verdict) in [(1, Err("RULES_NOT_NEWER")), (2, Err("RULES_NOT_NEWER")), (3, Ok(()))] {
            assert_eq!(judge(&state, &adopt(rules), "local:administrator").map(|_| ()), verdict, "{rules}");
        }
    }

    #[test]
    fn an_epoch_begins_with_its_first_entry_and_erases_again_with_its_second() {
        let begin = |base| Command::BeginEpoch(EpochFact { epoch: 2, base, ..EpochFact::default() });
        let again = Command::EraseAgain { parts: vec![at(5, 1)] };
        for (case, command, principal, pos, verdict) in [
            ("the first", begin(40), "local:administrator", 40, Ok(0)),
            ("not the first", begin(40), "local:administrator", 41, Err("EPOCH_HAS_BEGUN")),
            ("of another base", begin(39), "local:administrator", 40, Err("EPOCH_HAS_BEGUN")),
            ("erased again", again.clone(), "server:restore", 41, Ok(1)),
            ("erased again by somebody", again.clone(), ANNA, 41, Err("NOT_AFTER_A_RESTORE")),
            ("erased again later", again, "server:restore", 42, Err("NOT_AFTER_A_RESTORE")),
        ] {
            let judged = judge_at(&State::default(), &command, principal, (40, pos), (1, 2));
            assert_eq!(judged.map(|accepted| accepted.erases.len()), verdict, "{case}");
        }
    }

    #[test]
    fn only_a_session_that_is_open_ends() {
        let mut state = State::default();
        let read = |kind: read::Kind| {
            let fact = DisclosureFact { kind: kind.into(), ..DisclosureFact::default() };
            Fact { fact: Some(Of::Disclosure(fact)) }
        };
        state.apply(LOG, Pos::new(3), ANNA, &read(read::Kind::Read));
        state.apply(LOG, Pos::new(4), ANNA, &read(read::Kind::Session));
        let end = |disclosure| {
            Command::EndDisclosure(DisclosureEndFact { disclosure, ..DisclosureEndFact::default() })
        };
        assert_eq!(judge(&state, &end(3), "server:reads").err(), Some("NO_OPEN_SESSION"));
        assert_eq!(judge(&state, &end(9), "server:reads").err(), Some("NO_OPEN_SESSION"));
        let ended = judge(&state, &end(4), "server:reads").unwrap();
        state.apply(LOG, Pos::new(5), "server:reads", &ended.facts[0]);
        assert_eq!(judge(&state, &end(4), "server:reads").err(), Some("NO_OPEN_SESSION"));
    }
}
