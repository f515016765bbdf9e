//! From a caller to a pass: does one of their grants allow this call, in this centre, now?
//!
//! Pure but for the port that fetches grants. The answer to who may not is the same whether the thing exists or not;
//! the reason goes to one log line, under an id that the caller can quote.

use std::cmp::Reverse;
use std::collections::BTreeSet;
use std::sync::Arc;

use super::rules::Rule;
use super::support::{Support, Why};
use super::thumbprint::{CertificateThumbprint, KeyThumbprint};
use crate::kernel::{CentreId, DepartmentId, DeviceId, EpochMs, LogId, Subject};
use crate::proto::Role;
use crate::proto::access::Scope;
use crate::registers::directory::view::GrantView;

/// A refusal that says nothing about what exists: the same answer to everybody, with an id to quote.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("not allowed")]
pub struct Denied {
    /// What an administrator looks the rule up by.
    pub support_id: String,
    /// Which rule said no: for the log line, never for the answer.
    pub why: Why,
}

impl Denied {
    /// The grant behind a call ended between the check and the commit, which knows no caller: the edge makes the id.
    pub fn gone() -> Self {
        Self { support_id: String::new(), why: Why::GrantGone }
    }
}

/// The grants cannot be read now.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the grants cannot be read now")]
pub struct Unavailable;

/// Why there is no pass.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NoPass {
    /// The caller may not.
    #[error(transparent)]
    Denied(#[from] Denied),
    /// Nobody can tell now.
    #[error(transparent)]
    Unavailable(#[from] Unavailable),
}

/// Where grants come from.
pub trait Grants: Send + Sync {
    /// Every grant of this subject that is not revoked, in the centre's log and in the deployment log, whatever its
    /// role, reach and time.
    fn grants_of(
        &self,
        subject: &Subject,
        centre: &CentreId,
    ) -> impl Future<Output = Result<Vec<GrantView>, Unavailable>> + Send;

    /// How a device stands in a centre; `key` is what it proved to hold when it got its token.
    fn standing(
        &self,
        device: &DeviceId,
        key: Option<&KeyThumbprint>,
        centre: &CentreId,
    ) -> impl Future<Output = Result<Standing, Unavailable>> + Send;
}

/// How a device stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Standing {
    /// As it should; or nobody knows it, and grants decide.
    Good,
    /// It was revoked.
    Revoked,
    /// It has another key than the one that its token was got with.
    AnotherKey,
}

/// Somebody whose token was verified, calling one method.
#[derive(Debug, Clone)]
pub struct Caller {
    subject: Subject,
    key: Option<KeyThumbprint>,
    rule: Arc<Rule>,
    request: Arc<str>,
    support: Support,
}

impl Caller {
    /// Made by the edge once the token is verified. `request` is the id of the call in log lines; `support` makes an id if
    /// it is denied.
    pub fn new(subject: Subject, rule: Arc<Rule>, request: &str, support: Support) -> Self {
        Self { subject, key: None, rule, request: request.into(), support }
    }

    /// The same, with the key that the token was got with.
    #[must_use]
    pub fn holding(self, key: Option<KeyThumbprint>) -> Self {
        Self { key, ..self }
    }

    /// Who calls.
    pub fn subject(&self) -> &Subject {
        &self.subject
    }

    /// The rule of the method that is called.
    pub fn rule(&self) -> &Rule {
        &self.rule
    }

    /// The id of this call in log lines.
    pub fn request(&self) -> &str {
        &self.request
    }

    /// The pass for this call in a centre (`_`: the deployment), under the widest grant that allows it at `now`.
    pub async fn pass(&self, grants: &impl Grants, now: EpochMs, centre: &CentreId) -> Result<Pass, NoPass> {
        if self.rule.scope == Scope::Device && !matches!(self.subject, Subject::Device(_)) {
            return Err(self.deny(Why::NotADevice).into());
        }
        if self.rule.scope == Scope::Deployment && !centre.is_deployment() {
            return Err(self.deny(Why::NotTheDeployment).into());
        }
        if let Subject::Device(device) = &self.subject {
            match grants.standing(device, self.key.as_ref(), centre).await? {
                Standing::Good => {}
                Standing::Revoked => return Err(self.deny(Why::DeviceRevoked).into()),
                Standing::AnotherKey => return Err(self.deny(Why::AnotherKey).into()),
            }
        }
        let held = grants.grants_of(&self.subject, centre).await?;
        match widest(&self.rule, &self.subject, held, now, centre) {
            Ok((grant, departments)) => Ok(Pass { caller: Some(self.clone()), grant, departments }),
            Err(why) => Err(self.deny(why).into()),
        }
    }

    /// A denial, on the log with the reason. What kind of subject it was, never which.
    pub fn deny(&self, why: Why) -> Denied {
        let support_id = self.support.id(&self.rule.method, why);
        let kind = match self.subject {
            Subject::Person(_) => "person",
            Subject::Device(_) => "device",
            Subject::System(_) => "system",
        };
        tracing::warn!(
            code = "ACCESS_DENIED",
            support_id,
            why = why.code(),
            method = self.rule.method,
            subject_kind = kind,
            request = &*self.request,
            "a call is denied"
        );
        Denied { support_id, why }
    }
}

/// Whoever calls a public method: nobody yet.
#[derive(Debug, Clone)]
pub struct Visitor {
    rule: Arc<Rule>,
    request: Arc<str>,
    certificate: Option<CertificateThumbprint>,
}

impl Visitor {
    /// Made by the edge. `request` is the id of the call in log lines.
    pub fn new(rule: Arc<Rule>, request: &str) -> Self {
        Self { rule, request: request.into(), certificate: None }
    }

    /// The same, over a connection with this certificate.
    #[must_use]
    pub fn with_certificate(self, certificate: Option<CertificateThumbprint>) -> Self {
        Self { certificate, ..self }
    }

    /// The certificate that the connection is made with.
    pub fn certificate(&self) -> Option<&CertificateThumbprint> {
        self.certificate.as_ref()
    }

    /// The path of the method that is called.
    pub fn method(&self) -> &str {
        &self.rule.method
    }

    /// The id of this call in log lines.
    pub fn request(&self) -> &str {
        &self.request
    }
}

/// Proof that a grant allowed a call: only [`Caller::pass`] makes one, and the command line for its local
/// administrator.
#[derive(Debug, Clone)]
pub struct Pass {
    caller: Option<Caller>,
    grant: GrantView,
    /// The departments that answers are narrowed to; empty: to none.
    departments: BTreeSet<DepartmentId>,
}

impl Pass {
    /// For the command line alone: whoever holds the deployment's files acts as an administrator, under a grant that
    /// was read from the ledger, and is on record as its holder.
    pub fn local_administrator(grant: GrantView) -> Self {
        Self { caller: None, grant, departments: BTreeSet::new() }
    }

    /// Who may.
    pub fn subject(&self) -> &Subject {
        &self.grant.subject
    }

    /// The grant that the call relies on; the entry names it, and the commit checks it again.
    pub fn grant(&self) -> &GrantView {
        &self.grant
    }

    /// May an answer speak of a department's people? Whoever holds grants for several departments sees all of these.
    pub fn sees(&self, department: &str) -> bool {
        self.departments.is_empty() || self.departments.iter().any(|own| own.as_str() == department)
    }

    /// Are answers narrowed to the same departments as under another pass?
    pub fn is_as_wide_as(&self, other: &Self) -> bool {
        self.departments == other.departments
    }

    /// Are answers narrowed to some departments?
    pub fn is_narrow(&self) -> bool {
        !self.departments.is_empty()
    }

    /// Under the scope DEVICE: is the caller the device that the request names? To be asked before anything is done.
    pub fn device(&self, device: &DeviceId) -> Result<(), Denied> {
        match (&self.caller, &self.grant.subject) {
            (None, _) => Ok(()),
            (Some(_), Subject::Device(own)) if own == device => Ok(()),
            (Some(caller), _) => Err(caller.deny(Why::AnotherDevice)),
        }
    }
}

/// The widest grant that satisfies the rule, and the departments that it and its equals reach when all are for a
/// department; or what the best of them lacked.
fn widest(
    rule: &Rule,
    subject: &Subject,
    held: Vec<GrantView>,
    now: EpochMs,
    centre: &CentreId,
) -> Result<(GrantView, BTreeSet<DepartmentId>), Why> {
    let mut grants = held;
    // Every condition by itself, in order, so that the log line can say how far the caller's grants came.
    let mut keep = |why: Why, condition: &dyn Fn(&GrantView) -> bool| {
        grants.retain(condition);
        if grants.is_empty() { Err(why) } else { Ok(()) }
    };
    keep(Why::NoRole, &|grant| grant.subject == *subject && role_suits(rule, grant.role))?;
    keep(Why::NotNow, &|grant| grant.holds_at(now))?;
    keep(Why::NotHere, &|grant| grant.reaches(centre))?;
    keep(Why::TooNarrow, &|grant| wide_enough(rule.scope, grant))?;
    // Widest first; the oldest of equals, so that the same grants always give the same pass.
    let departments: Option<BTreeSet<DepartmentId>> =
        grants.iter().map(|grant| grant.reach.department.clone()).collect();
    let grant = grants.into_iter().min_by_key(|grant| (Reverse(width(grant)), grant.log, grant.pos));
    Ok((grant.ok_or(Why::NoRole)?, departments.unwrap_or_default()))
}

fn role_suits(rule: &Rule, held: Role) -> bool {
    rule.roles.contains(&held) && (rule.scope != Scope::Device || held == Role::Terminal)
}

fn wide_enough(scope: Scope, held: &GrantView) -> bool {
    let reach = &held.reach;
    match scope {
        Scope::Unspecified => false,
        Scope::Deployment => {
            held.log == LogId::DEPLOYMENT && reach.department.is_none() && reach.window.is_none()
        }
        Scope::Centre => reach.department.is_none() && reach.window.is_none(),
        Scope::Department => reach.window.is_none(),
        // About whom, is the register's own rule.
        Scope::Device | Scope::Person => true,
    }
}

/// The department first, then the window, then how many centres.
fn width(grant: &GrantView) -> (bool, bool, bool) {
    let reach = &grant.reach;
    let everywhere = grant.log == LogId::DEPLOYMENT && reach.centre.is_none();
    (reach.department.is_none(), reach.window.is_none(), everywhere)
}
