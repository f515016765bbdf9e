//! A line of the journal: what happened, and what became of it. Pure.

use prost::Message;

use crate::kernel::EpochMs;
use crate::proto::duty_event::What;
use crate::proto::punch::Direction;
use crate::proto::{DutyEvent, Punch};

/// What happens at a window.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    In = 1,
    Out = 2,
    Open = 3,
    Close = 4,
    Pause = 5,
    Extend = 6,
    Return = 7,
}

/// What became of an entry.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum State {
    /// It is not known to be stored: it has to be sent.
    Waiting = 0,
    /// The server has it.
    Stored = 1,
    /// The server said no: it never happened, and its number is free.
    Refused = 2,
    /// The server will not take it from a journal: somebody has to look.
    Rejected = 3,
    /// Its number stands for something else there: somebody has to look.
    Conflict = 4,
}

/// Something that happened, stamped and signed.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Event {
    /// A clock-in or clock-out.
    Punch(Box<Punch>),
    /// What was done at the window.
    Duty(Box<DutyEvent>),
}

impl Event {
    /// Its one id.
    pub(super) fn request_id(&self) -> &str {
        match self {
            Self::Punch(punch) => &punch.request_id,
            Self::Duty(duty) => &duty.request_id,
        }
    }

    /// What it is.
    pub(super) fn kind(&self) -> Kind {
        match self {
            Self::Punch(punch) if punch.direction() == Direction::Out => Kind::Out,
            Self::Punch(_) => Kind::In,
            Self::Duty(duty) => match &duty.what {
                Some(What::Open(_)) => Kind::Open,
                Some(What::Close(_)) | None => Kind::Close,
                Some(What::StartPause(_)) => Kind::Pause,
                Some(What::ExtendPause(_)) => Kind::Extend,
                Some(What::EndPause(_)) => Kind::Return,
            },
        }
    }

    /// The wall clock of its stamp.
    pub(super) fn claimed(&self) -> EpochMs {
        let stamp = match self {
            Self::Punch(punch) => punch.stamp.as_ref(),
            Self::Duty(duty) => duty.stamp.as_ref(),
        };
        let at = stamp.and_then(|stamp| stamp.claimed_at.as_ref());
        at.and_then(|at| EpochMs::from_parts(at.seconds, at.nanos).ok()).unwrap_or(EpochMs::ZERO)
    }

    /// As the journal keeps it, signature and all: what is sent later is what was written down.
    pub(super) fn bytes(&self) -> Vec<u8> {
        match self {
            Self::Punch(punch) => punch.encode_to_vec(),
            Self::Duty(duty) => duty.encode_to_vec(),
        }
    }
}

/// A line of the journal.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Entry {
    /// The journal number.
    pub(super) seq: u64,
    /// What happened.
    pub(super) event: Event,
    /// What became of it.
    pub(super) state: State,
    /// The server's code, when it said one.
    pub(super) reason: String,
}
