//! How logs begin: the deployment log at `init`, a centre's with its centre.

use super::head::Head;
use super::keys::Keys;
use super::tables;
use crate::kernel::{CentreId, EpochMs, LogId, Pos};
use crate::store::Inserts;

/// A log that begins.
#[derive(Debug, Clone)]
pub struct NewLog {
    /// Its id.
    pub log: LogId,
    /// Its centre; `_` for the deployment.
    pub centre: CentreId,
    /// When.
    pub opened: EpochMs,
}

/// `<deployment>/centre/<code>`, `<deployment>/deployment`; from the second epoch on with its number.
pub fn origin(deployment: &str, centre: &CentreId, epoch: u32) -> String {
    let log = if centre.is_deployment() { "deployment".to_owned() } else { format!("centre/{centre}") };
    if epoch > 1 { format!("{deployment}/{log}/{epoch}") } else { format!("{deployment}/{log}") }
}

impl NewLog {
    /// The rows of an empty log: its name, its first epoch, its sealed head and checkpoint of size 0.
    pub fn insert(&self, keys: &Keys, deployment: &str, inserts: &mut Inserts) {
        let origin = origin(deployment, &self.centre, 1);
        inserts.push(&tables::LOG, [self.log.column().into(), self.centre.as_str().into()]);
        inserts.push(
            &tables::EPOCH,
            [self.log.column().into(), 1_i64.into(), 0_i64.into(), origin.as_str().into()],
        );
        let head = Head::empty(self.log, 1, EpochMs::ZERO, Pos::ZERO);
        head.insert(keys, &self.centre, Pos::ZERO, &origin, inserts);
        head.insert_checkpoint(keys, inserts);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_origin_names_the_deployment_the_log_and_a_later_epoch() {
        let hall = CentreId::parse("hall").unwrap();
        assert_eq!(origin("gov.example/x", &hall, 1), "gov.example/x/centre/hall");
        assert_eq!(origin("gov.example/x", &hall, 2), "gov.example/x/centre/hall/2");
        assert_eq!(origin("gov.example/x", &CentreId::deployment(), 1), "gov.example/x/deployment");
    }
}
