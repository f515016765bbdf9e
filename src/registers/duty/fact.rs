//! What may be written of windows. Pure.

use prost::Message;

use crate::kernel::{EpochMs, ItemId, PersonId, Pos, WindowId, Words};
use crate::proto::duty_fact::{Decided, Queued, What};
use crate::proto::fact::Fact as Of;
use crate::proto::pause::{Decision, EndMode, Reason, SignMode, Subject};
use crate::proto::{ContactSample, DutyFact, DutyFlag, DutyPersonal, Fact, Guidance, Presented, StampFact};
use crate::registers::attendance::view::{Effective, Trust};
use crate::registers::kind;
use crate::registers::stamp::effective::{Boot, Neighbours, Stamped, effective};
use crate::registers::stamp::sample::Sample;
use crate::registers::stamp::{Source, Stamp, Who};
use crate::registers::verdict::Personal;

/// The schema of [`DutyPersonal`], proto/qinlian/v1/facts.proto.
const PERSONAL_SCHEMA: u16 = 0x0141;

/// What somebody does at a window.
#[derive(Debug, Clone, PartialEq)]
pub enum Act {
    /// Opens it.
    Open,
    /// Closes it.
    Close,
    /// Takes it over from whoever holds it.
    HandOver,
    /// Pauses it.
    Start(Start),
    /// Promises another return time.
    Extend {
        /// Which pause; `None`: the open one.
        pause: Option<Pos>,
        /// The promise.
        expected: EpochMs,
    },
    /// Is back.
    End {
        /// Which pause; `None`: the open one.
        pause: Option<Pos>,
        /// How it ends.
        mode: EndMode,
    },
    /// Stands in.
    Cover {
        /// Who, when it is not whoever acts.
        by: Option<PersonId>,
        /// The window that they leave for it.
        from_window: Option<WindowId>,
    },
}

impl Act {
    /// The pause that it names.
    pub const fn pause(&self) -> Option<Pos> {
        match self {
            Self::Extend { pause, .. } | Self::End { pause, .. } => *pause,
            Self::Open | Self::Close | Self::HandOver | Self::Start(_) | Self::Cover { .. } => None,
        }
    }
}

/// A pause, as it is asked for.
#[derive(Debug, Clone, PartialEq)]
pub struct Start {
    /// Whose absence.
    pub subject: Subject,
    /// Why.
    pub reason: Reason,
    /// The promise; always there for a person.
    pub expected: Option<EpochMs>,
    /// Does a sign stand in the window?
    pub sign_displayed: bool,
    /// Which.
    pub sign_mode: SignMode,
    /// What citizens are to be told; empty: what the server finds.
    pub guidance: Vec<Guidance>,
    /// It is recorded whatever the rules say.
    pub leave_anyway: bool,
}

/// Something done at a window, and by whom.
#[derive(Clone, PartialEq)]
pub struct Deed {
    /// How it came.
    pub source: Source,
    /// The terminal's stamp; `None`: from a desk.
    pub stamp: Option<Stamp>,
    /// The key under which the stamp's signature was found to be good.
    pub verified_by: Option<[u8; 32]>,
    /// Who stood there; `None`: whoever calls.
    pub who: Option<Who>,
    /// What was shown, verbatim.
    pub presented: Option<Presented>,
    /// In whose place.
    pub on_behalf_of: Option<PersonId>,
    /// The window; `None`: that of the pause.
    pub window: Option<WindowId>,
    /// What.
    pub act: Act,
    /// Why, in words: for leaving anyway, for an override, for an extension.
    pub reason: Option<Words>,
}

impl std::fmt::Debug for Deed {
    /// Never what was shown or said.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Deed({:?}, {:?}, {:?})", self.source, self.window, self.act)
    }
}

/// What a queue is of.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Queue {
    /// Of a window.
    Window(WindowId),
    /// Of a service item.
    Item(ItemId),
}

/// A command of the register. Every field is valid.
#[derive(Debug, Clone, PartialEq)]
pub enum Command {
    /// Something done at a window.
    Deed(Box<Deed>),
    /// Somebody else decides about a pause.
    Decide {
        /// The pause.
        pause: Pos,
        /// How.
        decision: Decision,
    },
    /// How many wait.
    Queue {
        /// Where.
        of: Queue,
        /// How many.
        waiting: u32,
    },
}

impl Command {
    /// A deed.
    pub fn deed(deed: Deed) -> Self {
        Self::Deed(Box::new(deed))
    }

    /// The same about another pause: its index becomes its position only when the centre is known.
    #[must_use]
    pub fn about_pause(mut self, at: Pos) -> Self {
        match &mut self {
            Self::Decide { pause, .. } => *pause = at,
            Self::Deed(deed) => match &mut deed.act {
                Act::Extend { pause, .. } | Act::End { pause, .. } => *pause = Some(at),
                Act::Open | Act::Close | Act::HandOver | Act::Start(_) | Act::Cover { .. } => {}
            },
            Self::Queue { .. } => {}
        }
        self
    }

    /// The stamp of what a terminal recorded.
    pub fn stamped(&self) -> Option<(Source, &Stamp)> {
        match self {
            Self::Deed(deed) => deed.stamp.as_ref().map(|stamp| (deed.source, stamp)),
            Self::Decide { .. } | Self::Queue { .. } => None,
        }
    }

    /// The kind that the leaf names.
    pub fn kind(&self) -> u16 {
        match self {
            Self::Deed(deed) => match &deed.act {
                Act::Open => kind::WINDOW_OPEN,
                Act::Close => kind::WINDOW_CLOSE,
                Act::HandOver => kind::WINDOW_HAND_OVER,
                Act::Start(_) => kind::PAUSE,
                Act::Extend { .. } => kind::PAUSE_EXTENSION,
                Act::End { .. } => kind::PAUSE_END,
                Act::Cover { .. } => kind::WINDOW_COVER,
            },
            Self::Decide { .. } => kind::PAUSE_DECISION,
            Self::Queue { .. } => kind::QUEUE,
        }
    }

    /// The bytes by which the command is recognised again: what was said, never how it came.
    pub fn content(&self) -> Vec<u8> {
        match self {
            Self::Deed(deed) => {
                let mut bytes = deed.said().encode_length_delimited_to_vec();
                bytes.extend(deed.personal().encode_length_delimited_to_vec());
                if let Act::Cover { from_window: Some(window), .. } = &deed.act {
                    bytes.extend(window.as_str().as_bytes());
                }
                bytes
            }
            Self::Decide { pause, decision } => DutyFact {
                pause: Some(pause.get()),
                what: Some(What::Decided(Decided { decision: (*decision).into() })),
                ..DutyFact::default()
            }
            .encode_to_vec(),
            Self::Queue { of, waiting } => queued(of, *waiting).encode_to_vec(),
        }
    }
}

/// The fact of a queue.
pub fn queued(of: &Queue, waiting: u32) -> DutyFact {
    let (window, item) = match of {
        Queue::Window(window) => (window.to_string(), String::new()),
        Queue::Item(item) => (String::new(), item.to_string()),
    };
    DutyFact { window, what: Some(What::Queued(Queued { item, waiting })), ..DutyFact::default() }
}

impl Deed {
    /// The fact, as far as whoever acts said it.
    pub fn said(&self) -> DutyFact {
        use crate::proto::duty_fact::{Closed, Covered, Ended, Extended, HandedOver, Opened, Paused};
        let what = match &self.act {
            Act::Open => What::Opened(Opened {}),
            Act::Close => What::Closed(Closed {}),
            Act::HandOver => What::HandedOver(HandedOver {}),
            Act::Start(start) => What::Paused(Paused {
                subject: start.subject.into(),
                reason: start.reason.into(),
                expected_return_ms: start.expected.map_or(0, EpochMs::get),
                sign_displayed: start.sign_displayed,
                sign_mode: start.sign_mode.into(),
                guidance: start.guidance.clone(),
                leave_anyway: start.leave_anyway,
                ..Paused::default()
            }),
            Act::Extend { expected, .. } => What::Extended(Extended { expected_return_ms: expected.get() }),
            Act::End { mode, .. } => What::Ended(Ended { mode: (*mode).into() }),
            Act::Cover { .. } => What::Covered(Covered {}),
        };
        let by = match &self.act {
            Act::Cover { by, .. } => by.as_ref(),
            Act::Open | Act::Close | Act::HandOver | Act::Start(_) | Act::Extend { .. } | Act::End { .. } => {
                None
            }
        };
        let person = by.or(self.on_behalf_of.as_ref());
        let actor = match &self.who {
            Some(Who::Person(person)) => person.to_string(),
            Some(Who::Credential(..)) | None => String::new(),
        };
        DutyFact {
            actor_id: actor,
            window: self.window.as_ref().map(WindowId::to_string).unwrap_or_default(),
            person_id: person.map(PersonId::to_string).unwrap_or_default(),
            stamp: self.stamp.as_ref().map(|stamp| stamp.said()),
            pause: self.act.pause().map(Pos::get),
            what: Some(what),
            ..DutyFact::default()
        }
    }

    /// What was shown and said.
    pub fn personal(&self) -> DutyPersonal {
        let by_credential = matches!(self.who, Some(Who::Credential(..)));
        let shown = self
            .presented
            .as_ref()
            .filter(|shown| by_credential || shown.witness.is_some() || !shown.fallback_reason.is_empty());
        DutyPersonal {
            presented: shown.cloned(),
            reason: self.reason.as_ref().map(|reason| reason.as_str().to_owned()).unwrap_or_default(),
        }
    }
}

/// A part only where there is something to keep.
pub fn personal(said: &DutyPersonal) -> Option<Personal> {
    (*said != DutyPersonal::default())
        .then(|| Personal { schema: PERSONAL_SCHEMA, payload: said.encode_to_vec() })
}

/// The facts of duty that an entry holds.
pub fn duties(facts: &[Fact]) -> impl Iterator<Item = &DutyFact> {
    facts.iter().filter_map(|fact| match &fact.fact {
        Some(Of::Duty(duty)) => Some(duty),
        _ => None,
    })
}

/// When something at a window happened: at once when it came at once; else as rule R4 has it of clock-ins. Its device
/// numbers what it records, so nothing happened before what has a smaller number, whatever its clocks say. Never after it
/// was recorded.
pub fn happened(fact: &DutyFact, recorded: EpochMs) -> EpochMs {
    fact.stamp.as_ref().map_or(recorded, |stamp| dated(stamp, recorded).at)
}

/// When a stamp was made, and how far that can be relied on.
pub fn dated(stamp: &StampFact, recorded: EpochMs) -> Effective {
    if stamp.live {
        return Effective { at: recorded, trust: Trust::Trusted, earliest: recorded, latest: recorded };
    }
    let (previous, next) = (EpochMs::clamped(stamp.previous_ms), EpochMs::clamped(stamp.next_ms));
    let neighbours = Neighbours {
        previous: (previous > EpochMs::ZERO).then_some(previous),
        next: (next > EpochMs::ZERO).then(|| next.plus_ms(-1)),
    };
    let of_its_boot = |contact: &&ContactSample| contact.boot_id == stamp.boot_id;
    let journal = Pos::new(stamp.journal);
    let stamped = Stamped {
        journal,
        seq: stamp.device_seq,
        boot_id: stamp.boot_id.clone(),
        mono_ms: stamp.mono_ms,
        claimed: EpochMs::clamped(stamp.claimed_ms),
        contact: stamp.contact.as_ref().filter(of_its_boot).map(Sample::heard),
        recorded,
        imported: false,
        unsigned: false,
    };
    let later = stamp.contact.as_ref().filter(|contact| !of_its_boot(contact)).map(|contact| Boot {
        pos: Pos::ZERO,
        boot_id: contact.boot_id.clone(),
        first: Sample::heard(contact),
        journal,
        journal_head: stamp.device_seq,
    });
    let dated = effective(&stamped, later.as_slice(), neighbours);
    let latest = neighbours.next.map_or(recorded, |next| next.min(recorded));
    let at = dated.at.min(latest).max(neighbours.previous.unwrap_or(EpochMs::ZERO)).min(recorded);
    Effective { at, ..dated }
}

/// The flags of a stored fact.
pub fn flags_of(fact: &DutyFact) -> Vec<DutyFlag> {
    fact.flags().collect()
}

/// The first flag for which somebody should look, of what a terminal uploaded.
pub fn quarantined(fact: &DutyFact) -> Option<DutyFlag> {
    fact.flags().find(|flag| {
        matches!(flag, DutyFlag::OutOfTurn | DutyFlag::UnknownStaff | DutyFlag::StampSignatureBad)
    })
}
