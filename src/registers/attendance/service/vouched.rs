//! `DeclareJournalLost`, `CountersignJournalLost`, `DeclareCoverage`: people vouch where devices do not tell (rule R5).

use super::Calls;
use crate::access::Caller;
use crate::kernel::{Check, Pos};
use crate::ledger::committer::Lane;
use crate::proto::{
    CountersignJournalLostRequest, CountersignJournalLostResponse, DeclareCoverageRequest,
    DeclareCoverageResponse, DeclareJournalLostRequest, DeclareJournalLostResponse,
};
use crate::registers::attendance::fact::Command;
use crate::registers::attendance::parse;
use crate::registers::failure::Failure;
use crate::registers::wire;

impl Calls {
    /// `DeclareJournalLost`.
    pub async fn declare_journal_lost(
        &self,
        caller: &Caller,
        request: DeclareJournalLostRequest,
    ) -> Result<DeclareJournalLostResponse, Failure> {
        let head = (request.centre.as_str(), request.request_id.as_str(), request.receipt_view);
        let parsed = |check: &mut Check| parse::journal_loss(check, &request);
        let (place, written) = self.desk.ask(caller, head, parsed).await?;
        let receipt = Some(written.receipt(&place.centre));
        Ok(DeclareJournalLostResponse { receipt, journal_loss: written.index })
    }

    /// `CountersignJournalLost`.
    pub async fn countersign_journal_lost(
        &self,
        caller: &Caller,
        request: CountersignJournalLostRequest,
    ) -> Result<CountersignJournalLostResponse, Failure> {
        let mut check = Check::new();
        let centre = wire::centre(&mut check, &request.centre);
        let id = wire::request_id(&mut check, &request.request_id);
        check.done()?;
        let (Some(centre), Some(id)) = (centre, id) else { return Err(Failure::Fault("PARSE")) };
        let place = self.desk.enter(caller, &centre).await?;
        let (_, epoch) = self.desk.ledger().reader().head(place.log).await?;
        let at = epoch.base.get().saturating_add(request.journal_loss).min(NUMBERS_MOST);
        let command = Command::JournalLossSignature { loss: Pos::new(at) };
        let view = wire::view(request.receipt_view);
        let written = self.desk.write(&place, id, command, Lane::Live, view).await?;
        Ok(CountersignJournalLostResponse { receipt: Some(written.receipt(&centre)) })
    }

    /// `DeclareCoverage`.
    pub async fn declare_coverage(
        &self,
        caller: &Caller,
        request: DeclareCoverageRequest,
    ) -> Result<DeclareCoverageResponse, Failure> {
        let head = (request.centre.as_str(), request.request_id.as_str(), request.receipt_view);
        let parsed = |check: &mut Check| parse::declared_coverage(check, &request);
        let (place, written) = self.desk.ask(caller, head, parsed).await?;
        Ok(DeclareCoverageResponse { receipt: Some(written.receipt(&place.centre)) })
    }
}

/// The largest position that a column holds.
const NUMBERS_MOST: u64 = u64::MAX >> 1;
