//! Where a test may make a commit fail. In production nothing is planned and every check is a comparison with `None`.

use std::sync::Arc;

use super::commit::BatchFault;
use crate::store::StoreError;

/// The points of a commit, in order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Point {
    /// The transaction has begun.
    Begun,
    /// Heads are locked, clocks are compared.
    Locked,
    /// The state is loaded.
    Loaded,
    /// All rows are inserted.
    Inserted,
    /// The heads are advanced.
    Advanced,
    /// Instead of COMMIT: it is reported failed, and did fail.
    Commit,
    /// After COMMIT: it is reported failed, but persisted.
    Committed,
    /// After COMMIT, before signing.
    Sign,
}

impl Point {
    /// Every point.
    pub const ALL: [Self; 8] = [
        Self::Begun,
        Self::Locked,
        Self::Loaded,
        Self::Inserted,
        Self::Advanced,
        Self::Commit,
        Self::Committed,
        Self::Sign,
    ];
}

/// What happens at a point.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Injected {
    /// The database reports an error.
    Error,
    /// The process dies here: nothing after it happens, nobody is answered.
    Crash,
}

/// Decides at every point.
pub type Plan = Arc<dyn Fn(Point) -> Option<Injected> + Send + Sync>;

/// What is planned.
#[derive(Clone, Default)]
pub struct Faults(Option<Plan>);

impl std::fmt::Debug for Faults {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(if self.0.is_some() { "Faults(planned)" } else { "Faults(none)" })
    }
}

impl Faults {
    /// Nothing goes wrong on purpose.
    pub fn none() -> Self {
        Self(None)
    }

    /// As the plan says.
    pub fn planned(plan: Plan) -> Self {
        Self(Some(plan))
    }

    pub(super) fn check(&self, point: Point) -> Result<(), BatchFault> {
        match self.0.as_ref().and_then(|plan| plan(point)) {
            None => Ok(()),
            Some(Injected::Crash) => Err(BatchFault::Crashed),
            Some(Injected::Error) => {
                Err(BatchFault::Store(StoreError::Unavailable("planned by a test".to_owned())))
            }
        }
    }
}
