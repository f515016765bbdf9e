//! The two databases: one text to read, two hands to write.
//!
//! Owns connections, transactions, migrations and errors; knows no register and no log. A question is a static
//! [`Statement`], written once in PostgreSQL's words and in SQLite's by one mechanical rule; rows go in through a
//! static [`Table`], with `UNNEST` on PostgreSQL and `VALUES` of a few fixed lengths on SQLite, so that every text
//! that is ever sent is known (docs/adr/0002-one-text-two-hands.md).

mod bind;
mod error;
mod migrate;
mod pool;
mod statement;
mod table;
mod tx;

pub use bind::{Binds, Keys};
pub use error::StoreError;
pub use pool::{Dialect, OpenMode, Store};
pub use statement::Statement;
pub use table::{Class, Column, Inserts, Kind, Table, Value};
pub use tx::{Cells, Tx};
