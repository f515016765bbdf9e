//! Erasure takes two people: one proposes, another decides.

use std::collections::BTreeSet;

use super::{Calls, Tree};
use crate::access::Caller;
use crate::kernel::{Check, PersonId, Pos, Said, Words};
use crate::ledger::committer::Lane;
use crate::ledger::port::PartAt;
use crate::proto::fact::Fact as Of;
use crate::proto::request_erasure_request::{Basis, Target};
use crate::proto::{
    DecideErasureRequest, DecideErasureResponse, Fact, RequestErasureRequest, RequestErasureResponse,
};
use crate::registers::audit::fact::Command;
use crate::registers::audit::service::cleanup::Window;
use crate::registers::desk::Place;
use crate::registers::failure::Failure;
use crate::registers::wire;

impl Calls {
    /// Proposes to erase personal parts, or every personal part about a person in this log.
    pub async fn request_erasure(
        &self,
        caller: &Caller,
        request: RequestErasureRequest,
    ) -> Result<RequestErasureResponse, Failure> {
        let mut check = Check::new();
        let centre = wire::centre(&mut check, &request.centre);
        let id = wire::request_id(&mut check, &request.request_id);
        let person = whom(&mut check, &request);
        let basis: Option<Basis> = wire::named(&mut check, "basis", request.basis);
        let reason = check.take("reason", Words::parse(&request.reason));
        check.done()?;
        let (Some(centre), Some(id), Some(basis), Some(reason)) = (centre, id, basis, reason) else {
            return Err(Failure::Fault("PARSE"));
        };
        let place = self.desk.enter(caller, &centre).await?;
        let parts = self.parts(&place, &request.targets).await?;
        let command = Command::RequestErasure { parts, person_id: person, basis, reason };
        let view = wire::view(request.receipt_view);
        let written = self.desk.write(&place, id, command, Lane::Live, view).await?;
        Ok(RequestErasureResponse {
            receipt: Some(written.receipt(&centre)),
            erasure: written.index,
            parts: parts_of(&written.facts),
        })
    }

    /// Decides a proposal: what an approval erases is gone for every question when it is answered.
    pub async fn decide_erasure(
        &self,
        caller: &Caller,
        request: DecideErasureRequest,
    ) -> Result<DecideErasureResponse, Failure> {
        let mut check = Check::new();
        let centre = wire::centre(&mut check, &request.centre);
        let id = wire::request_id(&mut check, &request.request_id);
        let reason = check.take("reason", Words::parse(&request.reason));
        check.done()?;
        let (Some(centre), Some(id), Some(reason)) = (centre, id, reason) else {
            return Err(Failure::Fault("PARSE"));
        };
        let place = self.desk.enter(caller, &centre).await?;
        let tree = self.tree(&place, &request.origin).await?;
        let erasure = tree.at(request.erasure).ok_or(Failure::NotFound("erasure"))?;
        let command = Command::DecideErasure { erasure, approve: request.approve, reason };
        let view = wire::view(request.receipt_view);
        let written = self.desk.write(&place, id, command, Lane::Live, view).await?;
        if request.approve {
            self.remove_soon();
        }
        Ok(DecideErasureResponse {
            receipt: Some(written.receipt(&centre)),
            parts_erased: parts_of(&written.facts),
        })
    }

    /// Where a table need not be locked for it, what was erased leaves the files at once.
    fn remove_soon(&self) {
        let cleanup = self.cleanup.clone();
        tokio::spawn(async move {
            if let Err(error) = cleanup.sweep(Window::Closed).await {
                tracing::warn!(code = "AUDIT_ERASED_IN_FILES", %error, "will be tried again");
            }
        });
    }

    /// Targets as places in the log, each once.
    async fn parts(&self, place: &Place, targets: &[Target]) -> Result<Vec<PartAt>, Failure> {
        let mut trees: Vec<(&str, Tree)> = Vec::new();
        let mut parts = BTreeSet::new();
        for target in targets {
            let known = trees.iter().position(|(origin, _)| *origin == target.origin);
            let known = match known {
                Some(known) => known,
                None => {
                    trees.push((&target.origin, self.tree(place, &target.origin).await?));
                    trees.len() - 1
                }
            };
            let pos: Option<Pos> = trees.get(known).and_then(|(_, tree)| tree.at(target.index));
            let pos = pos.ok_or(Failure::NotFound("entry"))?;
            parts.insert(PartAt { pos, part: target.part });
        }
        Ok(parts.into_iter().collect())
    }
}

/// Whom a proposal names: a person, or parts, never both.
fn whom(check: &mut Check, request: &RequestErasureRequest) -> Option<PersonId> {
    match (request.person_id.as_str(), request.targets.is_empty()) {
        ("", true) => {
            check.refuse("targets", "MISSING", Said::new("缺少此项", "is missing"));
            None
        }
        ("", false) => None,
        (id, true) => check.take("person_id", PersonId::parse(id)),
        (_, false) => {
            let said = Said::new("只能列出内容或人员之一", "names parts or a person, not both");
            check.refuse("person_id", "NOT_BOTH", said);
            None
        }
    }
}

fn parts_of(facts: &[Fact]) -> u64 {
    let parts = facts.iter().map(|fact| match &fact.fact {
        Some(Of::ErasureRequest(fact)) => fact.parts.len(),
        Some(Of::ErasureDecision(fact)) => fact.parts.len(),
        Some(_) | None => 0,
    });
    u64::try_from(parts.sum::<usize>()).unwrap_or(u64::MAX)
}
