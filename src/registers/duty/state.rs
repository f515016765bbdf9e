//! What duty's rule needs to know of a batch: the halls of its centres. Pure: `live` fills it, inside the locks.

use std::collections::HashMap;
use std::sync::Arc;

use super::hall::Hall;
use crate::kernel::LogId;

/// The state.
#[derive(Debug, Default)]
pub struct State {
    /// The halls of the logs of the batch.
    pub(super) halls: HashMap<LogId, Arc<Hall>>,
}

impl State {
    /// A centre's hall.
    pub fn hall(&self, log: LogId) -> Option<&Hall> {
        self.halls.get(&log).map(|hall| &**hall)
    }

    /// To let the next command of the batch see what an entry says; `None`: no command of the batch asks for this hall.
    pub fn hall_mut(&mut self, log: LogId) -> Option<&mut Hall> {
        self.halls.get_mut(&log).map(Arc::make_mut)
    }
}
