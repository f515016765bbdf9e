//! What may be written in the attendance register.
/// A command of the attendance register.
#[derive(Debug, Clone, PartialEq)]
pub enum Command {}

impl Command {
    /// The kind that the leaf names.
    pub fn kind(&self) -> u16 {
        match *self {}
    }

    /// The bytes by which the command is recognised again.
    pub fn content(&self) -> Vec<u8> {
        match *self {}
    }
}
