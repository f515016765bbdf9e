//! Inspections: what was found, what the register says of that minute, the right of reply, and what comes of it.

mod machine;
mod minutes;
mod replies;
mod rig;
mod told;
