//! `qinlian::tlog` against the texts that it implements and against programs that others wrote for them.
//!
//! Three other implementations judge: `ct-merkle` and `tlog_tiles` the trees, `signed_note` the notes, and Go's own
//! `sumdb/note` and `sumdb/tlog`, the originals of the format, a whole bundle.

mod differential;
mod every_byte;
pub(crate) mod go;
mod notes;
pub(crate) mod parsers;
mod policies;
mod tiles;
pub(crate) mod trees;
