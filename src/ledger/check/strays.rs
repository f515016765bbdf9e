//! Rows that nothing accounts for. Looked for only when a table has more rows of a log than the walk met.

use super::hashes::tile_row;
use super::log::Position;
use super::{Audit, all_tables, marks};
use crate::kernel::{LogId, Pos, RequestId};
use crate::ledger::port::Rulebook;
use crate::ledger::reader::Epoch;
use crate::store::{Binds, Statement, StoreError, Table, Value};

static TILE_KEYS: Statement =
    Statement::new("SELECT epoch, level, n FROM ledger_tile WHERE log_id = $1 ORDER BY epoch, level, n");

static CHECKPOINT_KEYS: Statement =
    Statement::new("SELECT epoch, size FROM ledger_checkpoint WHERE log_id = $1 ORDER BY epoch, size");

static SIGNATURE_KEYS: Statement =
    Statement::new("SELECT epoch, size FROM ledger_signature WHERE log_id = $1 ORDER BY epoch, size");

static COSIG_KEYS: Statement =
    Statement::new("SELECT epoch, size FROM ledger_cosig WHERE log_id = $1 ORDER BY epoch, size");

static REQUEST_KEYS: Statement =
    Statement::new("SELECT request_id, pos FROM ledger_request WHERE log_id = $1 ORDER BY request_id");

impl<R: Rulebook> Audit<'_, R> {
    /// Compares the counts, and names what is left over.
    pub(super) async fn left_over(
        &mut self,
        log: LogId,
        at: &Position,
        epochs: &[(Epoch, u64)],
    ) -> Result<(), StoreError> {
        let end = epochs.last().map_or(0, |(epoch, size)| epoch.base.get() + size);
        for table in all_tables(self.rulebook) {
            let there = self.census.get(table.name).and_then(|counts| counts.get(&log.column())).copied();
            let seen = at.seen.get(table.name).copied().unwrap_or(0);
            if there.unwrap_or(0) == seen {
                continue;
            }
            match table.name {
                // Read whole, and named where they are read.
                "ledger_log" | "ledger_epoch" | "ledger_head" => {}
                "ledger_tile" => self.stray_tiles(log, epochs).await?,
                "ledger_checkpoint" => self.stray_marks(log, table, &CHECKPOINT_KEYS, epochs).await?,
                "ledger_signature" => self.stray_marks(log, table, &SIGNATURE_KEYS, epochs).await?,
                "ledger_cosig" => self.stray_marks(log, table, &COSIG_KEYS, epochs).await?,
                "ledger_request" => self.stray_requests(log, at).await?,
                _ => self.stray_positions(log, table, end).await?,
            }
        }
        Ok(())
    }

    /// Before the first position and after the last.
    async fn stray_positions(
        &mut self,
        log: LogId,
        table: &'static Table,
        end: u64,
    ) -> Result<(), StoreError> {
        let end = Pos::new(end).column();
        let pos_at = table.columns.iter().position(|column| column.name == "pos").unwrap_or(0);
        for (from, until) in [(i64::MIN, 0), (end, i64::MAX)] {
            for row in self.tx.range(table, log.column(), from, until).await? {
                if let Some(Value::Int(pos)) = row.get(pos_at) {
                    let why = "a row beyond the log's entries";
                    self.found.bad(log, table.name, format!("pos {pos}"), "pos", why);
                }
            }
        }
        Ok(())
    }

    async fn stray_tiles(&mut self, log: LogId, epochs: &[(Epoch, u64)]) -> Result<(), StoreError> {
        let keys = self
            .tx
            .fetch(&TILE_KEYS, Binds::new().and(log.column()), |cells| {
                Ok((cells.int()?, cells.int()?, cells.int()?))
            })
            .await?;
        for (number, level, n) in keys {
            let epoch = epochs.iter().find(|(epoch, _)| i64::from(epoch.epoch) == number);
            let full = epoch.is_some_and(|(_, size)| {
                let span = u32::try_from(level).ok().and_then(|level| level.checked_add(1)?.checked_mul(8));
                let tiles = span.and_then(|span| size.checked_shr(span));
                tiles.is_some_and(|tiles| (0..i64::try_from(tiles).unwrap_or(i64::MAX)).contains(&n))
            });
            if !full {
                let row = match (epoch, u8::try_from(level), u64::try_from(n)) {
                    (Some((epoch, _)), Ok(level), Ok(n)) => tile_row(epoch, level, n),
                    _ => format!("epoch {number} level {level} n {n}"),
                };
                self.found.bad(log, "ledger_tile", row, "epoch, level, n", "no full tile of the log");
            }
        }
        Ok(())
    }

    async fn stray_marks(
        &mut self,
        log: LogId,
        table: &'static Table,
        statement: &'static Statement,
        epochs: &[(Epoch, u64)],
    ) -> Result<(), StoreError> {
        let keys = self
            .tx
            .fetch(statement, Binds::new().and(log.column()), |cells| Ok((cells.int()?, cells.int()?)))
            .await?;
        for (number, size) in keys {
            let epoch = epochs.iter().find(|(epoch, _)| i64::from(epoch.epoch) == number);
            let within = epoch.is_some_and(|(_, last)| (0..=Pos::new(*last).column()).contains(&size));
            if !within {
                let row = match (epoch, u64::try_from(size)) {
                    (Some((epoch, _)), Ok(size)) => marks::row(epoch, size),
                    _ => format!("epoch {number} size {size}"),
                };
                self.found.bad(log, table.name, row, "epoch, size", "no size that the log had");
            }
        }
        Ok(())
    }

    async fn stray_requests(&mut self, log: LogId, at: &Position) -> Result<(), StoreError> {
        let keys = self
            .tx
            .fetch(&REQUEST_KEYS, Binds::new().and(log.column()), |cells| Ok((cells.blob()?, cells.int()?)))
            .await?;
        for (id, pos) in keys {
            let known = <[u8; 16]>::try_from(id).is_ok_and(|id| at.walk.has(RequestId::from_bytes(id)));
            if !known {
                let why = "a request that no entry has";
                self.found.bad(log, "ledger_request", format!("pos {pos}"), "request_id", why);
            }
        }
        Ok(())
    }
}
