//! Journal numbers that will never arrive (rule R5): declared by one person, signed by another, and from then on in nobody's
//! way. Pure.

use super::admit::device;
use super::known::Known;
use super::refusal::Refusal;
use super::state::State;
use crate::kernel::{DeviceId, EpochMs, Pos, Words};
use crate::proto::device::Kind;
use crate::proto::fact::Fact as Of;
use crate::proto::{CoverageFact, Fact, JournalLossFact, JournalLossSignatureFact};
use crate::registers::directory::admit::Seen;
use crate::registers::verdict::{Accepted, Moment, Personal};

/// A declaration, as its countersignature needs it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Declared {
    /// Who declared it.
    pub principal: String,
    /// What.
    pub fact: JournalLossFact,
    /// Has it been signed?
    pub signed: bool,
    /// The newest contact at which the device had not come so far: what is lost was stamped after it.
    pub after: EpochMs,
    /// The first contact at which it had: what is lost was stamped before it.
    pub before: Option<EpochMs>,
}

/// One person declares it.
pub(super) fn declare(
    of: &DeviceId,
    (first_seq, last_seq): (u64, u64),
    reason: &Words,
    known: &Known,
    seen: Seen<'_>,
    moment: &Moment<'_>,
) -> Result<Accepted, Refusal> {
    if !moment.is_a_persons() {
        return Err(Refusal::NotAPerson);
    }
    let terminal = device(of, seen)?;
    if terminal.kind == i32::from(Kind::ImportSource) {
        return Err(Refusal::NotATerminal);
    }
    let journal = Pos::new(terminal.journal);
    let arrived = known.journal(&terminal.device, journal).cloned().unwrap_or_default();
    let told = known.covered(&terminal.device).filter(|covered| covered.journal == journal);
    if last_seq > told.map_or(0, |covered| covered.journal_head).max(arrived.newest()) {
        return Err(Refusal::BeyondJournal);
    }
    if arrived.has_any(first_seq, last_seq) {
        return Err(Refusal::HasArrived);
    }
    let fact = JournalLossFact { device: of.to_string(), journal: journal.get(), first_seq, last_seq };
    Ok(Accepted {
        facts: vec![Fact { fact: Some(Of::JournalLoss(fact)) }],
        personal: Some(Personal::reason(reason)),
        ..Accepted::default()
    })
}

/// Another one signs it: from then on the device's newest record counts as if the numbers had arrived.
pub(super) fn sign(
    loss: Pos,
    state: &State,
    known: &Known,
    moment: &Moment<'_>,
) -> Result<Accepted, Refusal> {
    if !moment.is_a_persons() {
        return Err(Refusal::NotAPerson);
    }
    let declared = state.loss(moment.log, loss).ok_or(Refusal::NoSuchLoss)?;
    if declared.principal == moment.principal {
        return Err(Refusal::OwnDeclaration);
    }
    if declared.signed {
        return Err(Refusal::AlreadySigned);
    }
    let JournalLossFact { device, journal, first_seq, last_seq } = declared.fact.clone();
    let mut after = known.clone();
    after.loses(&device, Pos::new(journal), first_seq, last_seq);
    let through = after.accounted_through(&device, Pos::new(journal));
    let record = DeviceId::parse(&device).ok().and_then(|of| {
        let covered = known.covered(&device)?;
        let now_whole = !covered.is_whole() && through >= covered.journal_head;
        (covered.journal.get() == journal && now_whole).then(|| covered.restated(&of, through))
    });
    let signature = JournalLossSignatureFact {
        loss: loss.get(),
        device,
        journal,
        first_seq,
        last_seq,
        from_ms: declared.after.get(),
        until_ms: declared.before.unwrap_or(moment.at).get(),
    };
    let coverage = record.map(|item| Of::Coverage(CoverageFact { devices: vec![item] }));
    let facts = std::iter::once(Of::JournalLossSignature(signature)).chain(coverage);
    Ok(Accepted {
        refers_to: Some(loss),
        facts: facts.map(|fact| Fact { fact: Some(fact) }).collect(),
        ..Accepted::default()
    })
}
