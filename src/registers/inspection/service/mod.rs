//! The calls of `DutyService` about inspections.
//!
//! Who may call is a role of any reach; about whom, is the rule of the register.

use crate::access::Caller;
use crate::kernel::{Check, Pos};
use crate::ledger::committer::Lane;
use crate::proto::fact::Fact as Of;
use crate::proto::inspection::State;
use crate::proto::{
    DecideInspectionRequest, DecideInspectionResponse, ListClausesRequest, ListClausesResponse,
    RecordInspectionRequest, RecordInspectionResponse, RespondToInspectionRequest,
    RespondToInspectionResponse,
};
use crate::registers::desk::{Head, Place, Written};
use crate::registers::duty::service::Calls;
use crate::registers::failure::Failure;
use crate::registers::inspection::admit::BACK_MS;
use crate::registers::inspection::fact::{Command, Look};
use crate::registers::inspection::standing::Course;
use crate::registers::inspection::{catalogue, parse, rows};
use crate::registers::wire;

mod lists;
mod told;

impl Calls {
    /// `RecordInspection`.
    pub async fn record_inspection(
        &self,
        caller: &Caller,
        request: RecordInspectionRequest,
    ) -> Result<RecordInspectionResponse, Failure> {
        let mut check = Check::new();
        let centre = wire::centre(&mut check, &request.centre);
        let id = wire::request_id(&mut check, &request.request_id);
        let found = parse::found(&mut check, &request);
        check.done()?;
        let (Some(centre), Some(id), Some(found)) = (centre, id, found) else {
            return Err(Failure::Fault("PARSE"));
        };
        let place = self.desk().enter(caller, &centre).await?;
        let now = self.desk().now();
        let at = found.at.unwrap_or(now);
        // A past minute is made again in the batch that stores the finding: few at once.
        let _turn = self.turn().await?;
        // What the rule refuses whatever the hall was like is not looked up.
        let known_then = self.known_at(place.log, at.max(now.plus_ms(-BACK_MS))).await?;
        let command = Command::Record { found: Box::new(found), look: Look { at, known_then } };
        let view = wire::view(request.receipt_view);
        let written = self.desk().write(&place, id, command, Lane::Live, view).await?;
        let fact = written.facts.iter().find_map(|fact| match &fact.fact {
            Some(Of::Inspection(found)) => Some(found.clone()),
            _ => None,
        });
        let course = Course {
            pos: written.pos,
            principal: place.pass.subject().to_string(),
            recorded: written.recorded,
            fact: fact.ok_or(Failure::Fault("FACTS"))?,
            events: Vec::new(),
        };
        let indexes = self.indexes(place.log).await?;
        let inspection = told::inspection(&course, &indexes, written.recorded, None);
        let receipt = Some(written.receipt(&place.centre));
        Ok(RecordInspectionResponse { receipt, inspection: Some(inspection) })
    }

    /// Answers or decides: what names an inspection by the index of its entry.
    async fn about_inspection(
        &self,
        caller: &Caller,
        (centre, request_id, view): Head<'_>,
        parsed: impl FnOnce(&mut Check) -> Option<Command>,
    ) -> Result<(Place, Written, State), Failure> {
        let mut check = Check::new();
        let centre = wire::centre(&mut check, centre);
        let id = wire::request_id(&mut check, request_id);
        let command = parsed(&mut check);
        check.done()?;
        let (Some(centre), Some(id), Some(command)) = (centre, id, command) else {
            return Err(Failure::Fault("PARSE"));
        };
        let place = self.desk().enter(caller, &centre).await?;
        let inspection = self.position(&place, command.named().unwrap_or(Pos::ZERO).get()).await?;
        let command = command.about_inspection(inspection);
        let written = self.desk().write(&place, id, command, Lane::Live, wire::view(view)).await?;
        let mut tx = self.desk().store().snapshot().await?;
        let courses = rows::courses(&mut tx, place.log, &[inspection].into()).await;
        tx.rollback().await?;
        let course = courses?.pop().ok_or(Failure::NotFound("inspection"))?;
        let state = course.state(self.desk().now());
        Ok((place, written, state))
    }

    /// Where an entry of the present epoch stands.
    async fn position(&self, place: &Place, index: u64) -> Result<Pos, Failure> {
        let (_, epoch) = self.desk().ledger().reader().head(place.log).await?;
        Ok(Pos::new(epoch.base.get().saturating_add(index).min(Pos::MAX.get())))
    }

    /// `RespondToInspection`.
    pub async fn respond_to_inspection(
        &self,
        caller: &Caller,
        request: RespondToInspectionRequest,
    ) -> Result<RespondToInspectionResponse, Failure> {
        let head = (request.centre.as_str(), request.request_id.as_str(), request.receipt_view);
        let parsed = |check: &mut Check| parse::reply(check, &request);
        let (place, written, state) = self.about_inspection(caller, head, parsed).await?;
        let receipt = Some(written.receipt(&place.centre));
        Ok(RespondToInspectionResponse { receipt, state: state.into() })
    }

    /// `DecideInspection`.
    pub async fn decide_inspection(
        &self,
        caller: &Caller,
        request: DecideInspectionRequest,
    ) -> Result<DecideInspectionResponse, Failure> {
        let head = (request.centre.as_str(), request.request_id.as_str(), request.receipt_view);
        let parsed = |check: &mut Check| parse::decision(check, &request);
        let (place, written, state) = self.about_inspection(caller, head, parsed).await?;
        let receipt = Some(written.receipt(&place.centre));
        Ok(DecideInspectionResponse { receipt, state: state.into() })
    }

    /// `ListClauses`.
    pub async fn list_clauses(
        &self,
        caller: &Caller,
        request: ListClausesRequest,
    ) -> Result<ListClausesResponse, Failure> {
        let mut check = Check::new();
        let centre = wire::centre(&mut check, &request.centre);
        check.done()?;
        self.desk().enter(caller, &centre.ok_or(Failure::Fault("PARSE"))?).await?;
        Ok(ListClausesResponse { clauses: catalogue::clauses().to_vec() })
    }
}
