//! The network side: listener, limits, who calls, how a failure is said, health and reflection.
//!
//! From the outside in: `listen` (who is let in), `tls` (how that is encrypted), `serve` (the transport and its limits),
//! `call` (request id, panics, calls at work), `unread`
//! (what is left of a body), `outcome` (one line and one count per call, which `figures` keeps), `limit` (how often somebody may call), `authenticate` (the
//! method's rule and the token, before any body is read), `size` (how much a call may carry), and `adapter`, which turns a
//! register's plain async methods into the generated service (`services` lists them). `status` is the only place that
//! knows gRPC's codes, `web` says which pages may call, `pages` has those for people. Nothing here touches the database.

pub mod adapter;
pub mod authenticate;
pub mod call;
mod figures;
pub mod language;
pub mod limit;
pub mod listen;
pub mod outcome;
mod pages;
mod registers;
pub mod serve;
pub mod services;
mod size;
pub mod status;
pub mod tls;
mod unread;
mod web;

pub use authenticate::Authenticate;
pub use figures::Figures;
pub use language::Language;
pub use pages::instant;
pub use serve::{Edge, ServeError, Services, serve};
pub use tls::{Tls, TlsFault};
