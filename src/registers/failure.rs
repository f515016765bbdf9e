//! How a call fails, before it is a gRPC status: every service answers with one of these, and `edge` alone maps them.

use std::sync::Arc;

use crate::access::{Denied, NoPass};
use crate::kernel::{Reason, Violations};
use crate::ledger::committer::SubmitError;
use crate::ledger::head::HeadFault;
use crate::ledger::reader::ReadError;
use crate::store::StoreError;

/// Why a call was not answered.
#[derive(Debug, Clone, thiserror::Error)]
pub enum Failure {
    /// Fields that are wrong, all of them. INVALID_ARGUMENT.
    #[error("the request has {} wrong fields", .0.0.len())]
    Invalid(Violations),
    /// A rule says no. FAILED_PRECONDITION, with the reason's code.
    #[error("refused: {}", .0.code())]
    Refused(Arc<dyn Reason>),
    /// The caller may not. PERMISSION_DENIED, the same whether the thing exists or not.
    #[error(transparent)]
    Denied(#[from] Denied),
    /// A device or a code that proves nothing; which of its reasons is not said. UNAUTHENTICATED `NOT_PROVEN`.
    #[error("nothing was proven")]
    NotProven,
    /// Within the caller's scope there is no such thing; the noun. NOT_FOUND.
    #[error("there is no such {0}")]
    NotFound(&'static str),
    /// The request id stands for something else. ALREADY_EXISTS.
    #[error("the request id was used for something else")]
    RequestIdReused,
    /// The feed was rebuilt. FAILED_PRECONDITION `CURSOR_EXPIRED`: begin again without a cursor.
    #[error("the cursor belongs to a feed that was rebuilt")]
    CursorExpired,
    /// More than a call may carry. RESOURCE_EXHAUSTED `TOO_LARGE`: sending it again will not help.
    #[error("the call carries too much")]
    TooLarge,
    /// Too much is waiting. RESOURCE_EXHAUSTED `OVERLOADED`, with a retry hint.
    #[error("too much is waiting")]
    Overloaded,
    /// The disk is full. RESOURCE_EXHAUSTED `DISK_FULL`.
    #[error("the disk is full")]
    DiskFull,
    /// It may or may not be stored. ABORTED: the same id again.
    #[error("the outcome is in doubt")]
    InDoubt,
    /// This replica cannot serve it now. UNAVAILABLE, with a stable code: STORE, CLOCK, HEAD, GRANTS.
    #[error("not available: {0}")]
    Unavailable(&'static str),
    /// We broke. INTERNAL, with a stable code and nothing else.
    #[error("an internal fault: {0}")]
    Fault(&'static str),
}

impl From<Violations> for Failure {
    fn from(violations: Violations) -> Self {
        Self::Invalid(violations)
    }
}

impl From<NoPass> for Failure {
    fn from(error: NoPass) -> Self {
        match error {
            NoPass::Denied(denied) => Self::Denied(denied),
            NoPass::Unavailable(_) => Self::Unavailable("GRANTS"),
        }
    }
}

impl From<SubmitError> for Failure {
    fn from(error: SubmitError) -> Self {
        match error {
            SubmitError::Refused(reason) => Self::Refused(reason),
            SubmitError::RequestIdReused => Self::RequestIdReused,
            SubmitError::PassGone => Self::Denied(Denied::gone()),
            SubmitError::Overloaded => Self::Overloaded,
            SubmitError::Head(_) => Self::Unavailable("HEAD"),
            SubmitError::Clock(_) => Self::Unavailable("CLOCK"),
            SubmitError::Unavailable => Self::Unavailable("STORE"),
            SubmitError::DiskFull => Self::DiskFull,
            SubmitError::InDoubt => Self::InDoubt,
            SubmitError::Tampered => Self::Fault("TAMPERED"),
            SubmitError::Fault => Self::Fault("FAULT"),
        }
    }
}

impl From<StoreError> for Failure {
    fn from(error: StoreError) -> Self {
        match error {
            StoreError::Unavailable(_) => Self::Unavailable("STORE"),
            StoreError::DiskFull => Self::DiskFull,
            StoreError::Inconsistent { table, column } => {
                tracing::error!(
                    code = "STORE_INCONSISTENT",
                    table,
                    column,
                    "a row holds what was never written"
                );
                Self::Fault("INCONSISTENT")
            }
            StoreError::Driver(_)
            | StoreError::Unique { .. }
            | StoreError::Rejected(_)
            | StoreError::Unsafe(_)
            | StoreError::Url(_)
            | StoreError::Migrate(_) => Self::Fault("STORE"),
        }
    }
}

impl From<ReadError> for Failure {
    fn from(error: ReadError) -> Self {
        match error {
            ReadError::Store(error) => error.into(),
            ReadError::Head(HeadFault::Missing) => Self::NotFound("log"),
            ReadError::Head(_) => Self::Unavailable("HEAD"),
            ReadError::Checkpoint => Self::Fault("CHECKPOINT"),
            ReadError::Proof(_) => Self::NotFound("entry"),
        }
    }
}
