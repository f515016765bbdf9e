//! Every command of every register, as one closed enum.

use crate::registers::{approval, attendance, audit, directory, duty, inspection, month, roster};

/// Every command there is.
#[derive(Debug, Clone)]
pub enum Command {
    /// Who and what exists.
    Directory(directory::fact::Command),
    /// Punches and what devices report.
    Attendance(attendance::fact::Command),
    /// Shifts, rosters, calendars, policies.
    Roster(roster::fact::Command),
    /// Leave, corrections, manual rolls, and who decides about them.
    Approval(approval::fact::Command),
    /// Windows and their pauses.
    Duty(duty::fact::Command),
    /// What was found at windows.
    Inspection(inspection::fact::Command),
    /// Locks and confirmations of months.
    Month(month::fact::Command),
    /// Reads on record, erasures, rules, ticks.
    Audit(audit::fact::Command),
}

impl Command {
    /// The kind that the leaf names.
    pub fn kind(&self) -> u16 {
        match self {
            Self::Directory(command) => command.kind(),
            Self::Attendance(command) => command.kind(),
            Self::Roster(command) => command.kind(),
            Self::Approval(command) => command.kind(),
            Self::Duty(command) => command.kind(),
            Self::Inspection(command) => command.kind(),
            Self::Month(command) => command.kind(),
            Self::Audit(command) => command.kind(),
        }
    }
}

impl From<directory::fact::Command> for Command {
    fn from(command: directory::fact::Command) -> Self {
        Self::Directory(command)
    }
}

impl From<attendance::fact::Command> for Command {
    fn from(command: attendance::fact::Command) -> Self {
        Self::Attendance(command)
    }
}

impl From<roster::fact::Command> for Command {
    fn from(command: roster::fact::Command) -> Self {
        Self::Roster(command)
    }
}

impl From<approval::fact::Command> for Command {
    fn from(command: approval::fact::Command) -> Self {
        Self::Approval(command)
    }
}

impl From<duty::fact::Command> for Command {
    fn from(command: duty::fact::Command) -> Self {
        Self::Duty(command)
    }
}

impl From<inspection::fact::Command> for Command {
    fn from(command: inspection::fact::Command) -> Self {
        Self::Inspection(command)
    }
}

impl From<month::fact::Command> for Command {
    fn from(command: month::fact::Command) -> Self {
        Self::Month(command)
    }
}

impl From<audit::fact::Command> for Command {
    fn from(command: audit::fact::Command) -> Self {
        Self::Audit(command)
    }
}
