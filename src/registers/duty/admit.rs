//! The rule of duty (duty notes 3.1 to 3.4 and "Decided after review"). Pure.
//!
//! What the policy does not allow is refused; asked for again with a reason, or with `leave_anyway`, it is recorded and
//! flagged, since nobody is made to lie. What a terminal recorded by itself has happened: it is never refused for what the
//! rules say, only flagged.

use std::sync::Arc;

use super::clocked::SHIFT_MS;
use super::course::Course;
use super::fact::{Act, Command, Deed, Queue, dated, happened, personal, queued};
use super::guidance::Scene;
use super::pause::PauseCourse;
use super::refusal::Refusal;
use super::signature;
use super::state::State;
use crate::kernel::{EpochMs, PersonId, Pos, Reason, Subject, Zone};
use crate::policy::Policy;
use crate::proto::duty_fact::{Decided, Redirected, What};
use crate::proto::fact::Fact as Of;
use crate::proto::pause::Decision;
use crate::proto::{DutyFact, DutyFlag, Fact, Role, StampFact, Window};
use crate::registers::attendance::view::Trust;
use crate::registers::directory::admit::Seen;
use crate::registers::directory::reach::Here;
use crate::registers::stamp::{Arrival, Source, Who};
use crate::registers::verdict::{Accepted, Moment, Verdict};

mod pauses;
mod windows;

/// Who acts for others at windows, and decides about their pauses.
const IN_PLACE: [Role; 2] = [Role::Lead, Role::DutyManager];

/// What else a command is judged by.
#[derive(Debug, Clone, Copy)]
pub struct Known<'a> {
    /// The centre's zone.
    pub zone: &'a Zone,
    /// The numbers in force today.
    pub policy: &'a Policy,
    /// How a stamp stands in its device's journal.
    pub arrival: Option<&'a Arrival>,
}

/// Accept, or a reason to refuse.
pub fn admit(
    command: &Command,
    state: &State,
    seen: Seen<'_>,
    known: Known<'_>,
    moment: &Moment<'_>,
) -> Verdict {
    let decided = match state.hall(moment.log) {
        _ if moment.centre.is_deployment() => Err(Refusal::NotInACentre),
        None => Err(Refusal::NotInACentre),
        Some(hall) => {
            let subject = Subject::parse(moment.principal).ok();
            let judge = Judge {
                scene: Scene { hall, own: seen.own, policy: known.policy, at: moment.at },
                here: Here {
                    seen,
                    log: moment.log,
                    centre: moment.centre,
                    at: moment.at,
                    today: known.zone.day_of(moment.at),
                },
                known,
                moment,
                subject: subject.as_ref(),
            };
            match command {
                Command::Deed(deed) => judge.deed(deed),
                Command::Decide { pause, decision } => judge.decide(*pause, *decision),
                Command::Queue { of, waiting } => judge.queue(of, *waiting),
            }
        }
    };
    match decided {
        Ok(accepted) => Ok(Accepted { kind: command.kind(), ..accepted }),
        Err(refusal) => Err(Arc::new(refusal) as Arc<dyn Reason>),
    }
}

/// Something that the rules say against a deed.
#[derive(Debug, Clone, Copy)]
struct Objection {
    refusal: Refusal,
    /// What is flagged when it is recorded all the same.
    flag: DutyFlag,
    /// May whoever gives a reason go past it?
    waivable: bool,
}

/// Against what nothing helps.
const fn hard(refusal: Refusal) -> Objection {
    Objection { refusal, flag: DutyFlag::OutOfTurn, waivable: false }
}

/// What a reason gets past.
const fn soft(refusal: Refusal, flag: DutyFlag) -> Objection {
    Objection { refusal, flag, waivable: true }
}

/// Whoever acts, and for whom.
struct Actor {
    /// Who does it themselves; empty when nobody is known.
    own: String,
    /// Whose deed it counts as.
    person_id: String,
}

struct Judge<'a> {
    scene: Scene<'a>,
    here: Here<'a>,
    known: Known<'a>,
    moment: &'a Moment<'a>,
    subject: Option<&'a Subject>,
}

/// What a deed becomes: the fact, and what it brings about elsewhere.
struct Done {
    what: What,
    person_id: String,
    flags: Vec<DutyFlag>,
    pause: Option<Pos>,
    also: Vec<DutyFact>,
}

impl Judge<'_> {
    fn deed(&self, deed: &Deed) -> Result<Accepted, Refusal> {
        let stamp = self.stamp(deed)?;
        let window = self.window(deed, deed.act.pause())?;
        let mut strange = false;
        if let Some(stamp) = &stamp {
            let device = self.here.seen.own.device(&stamp.device);
            // Where it stood when it recorded something, nobody knows any more.
            let elsewhere =
                device.is_some_and(|device| !device.window.is_empty() && device.window != window.window);
            if elsewhere && deed.source == Source::Live {
                return Err(Refusal::AnotherWindow);
            }
            strange = elsewhere;
        }
        let stamp = stamp.map(|stamp| self.placed(&window.window, deed.source, stamp));
        let said = DutyFact { stamp, ..deed.said() };
        let at = happened(&said, self.moment.at);
        let actor = self.actor(deed, at)?;
        // What happened earlier is judged by how the hall stood then; of what is long over nothing is remembered.
        let at_once = deed.source != Source::Upload;
        let scene = if at_once { self.scene } else { Scene { at, ..self.scene } };
        let remembered = self.moment.at.since(at) <= SHIFT_MS;
        let course = scene.course(&window.window);
        let asked = Asked { deed, window, scene: &scene, course: &course, actor: &actor, at, remembered };
        let mut done = match &deed.act {
            Act::Open => self.open(&asked),
            Act::Close => self.close(&asked),
            Act::HandOver => self.hand_over(&asked),
            Act::Cover { by, from_window } => self.cover(&asked, by.as_ref(), from_window.as_ref()),
            Act::Start(start) => self.start(&asked, start),
            Act::Extend { pause, expected } => self.extend(&asked, *pause, *expected),
            Act::End { pause, mode } => self.end(&asked, *pause, *mode),
        }?;
        if deed.source == Source::Upload {
            // What it is about follows from the order in which things happened, however they arrive.
            done.pause = None;
            done.flags.extend(strange.then_some(DutyFlag::OutOfTurn));
        }
        Ok(self.accepted(deed, said, (window, &actor), done))
    }

    /// The entry of a deed.
    fn accepted(
        &self,
        deed: &Deed,
        said: DutyFact,
        (window, actor): (&Window, &Actor),
        done: Done,
    ) -> Accepted {
        let Done { what, person_id, mut flags, pause, also } = done;
        flags.extend(self.about_stamp(deed, said.stamp.as_ref()));
        flags.extend(actor.own.is_empty().then_some(DutyFlag::UnknownStaff));
        flags.sort_unstable();
        flags.dedup();
        let (kind, hmac) = match &deed.who {
            Some(Who::Credential(kind, hmac)) if actor.own.is_empty() => (*kind, hmac.to_vec()),
            Some(_) | None => (crate::proto::credential::Kind::Unspecified, Vec::new()),
        };
        // As presented or calling, also when the directory knows nobody of that id.
        let own = if actor.own.is_empty() { said.actor_id.clone() } else { actor.own.clone() };
        let fact = DutyFact {
            window: window.window.clone(),
            actor_id: if own == person_id { String::new() } else { own },
            person_id,
            flags: flags.into_iter().map(Into::into).collect(),
            pause: pause.map(Pos::get),
            credential_kind: kind.into(),
            credential_hmac: hmac,
            what: Some(what),
            ..said
        };
        let facts = std::iter::once(fact).chain(also).map(|fact| Fact { fact: Some(Of::Duty(fact)) });
        Accepted {
            claimed: deed.stamp.as_ref().map(|stamp| stamp.claimed),
            refers_to: pause,
            on_behalf_of: deed.on_behalf_of.clone(),
            facts: facts.collect(),
            personal: personal(&deed.personal()),
            contiguous_through: self.known.arrival.map(|arrival| arrival.through),
            ..Accepted::default()
        }
    }

    /// The stamp, with the contact that dates it.
    fn stamp(&self, deed: &Deed) -> Result<Option<StampFact>, Refusal> {
        let Some(stamp) = &deed.stamp else { return Ok(None) };
        let device = self.here.seen.own.device(stamp.device.as_str()).ok_or(Refusal::UnknownDevice)?;
        Ok(Some(StampFact {
            journal: device.journal,
            contact: self
                .known
                .arrival
                .and_then(|arrival| arrival.contact.as_ref().or(arrival.next.as_ref()).cloned()),
            live: deed.source == Source::Live,
            ..stamp.said()
        }))
    }

    /// With the times of what its journal holds before and after it.
    fn placed(&self, window: &str, source: Source, stamp: StampFact) -> StampFact {
        if source != Source::Upload {
            return stamp;
        }
        let neighbours = self.scene.hall.neighbours(window, &stamp);
        let at = |time: Option<EpochMs>| time.map_or(0, EpochMs::get);
        StampFact { previous_ms: at(neighbours.previous), next_ms: at(neighbours.next), ..stamp }
    }

    /// What is odd about how it came.
    fn about_stamp(&self, deed: &Deed, stamped: Option<&StampFact>) -> Vec<DutyFlag> {
        let mut flags = Vec::new();
        if let (Some(stamp), Some(arrival)) = (&deed.stamp, self.known.arrival) {
            let device = self.here.seen.own.device(stamp.device.as_str());
            let key = device.map(|device| device.public_key.as_slice()).unwrap_or_default();
            let signed = key.is_empty()
                || deed.verified_by.is_some_and(|by| by.as_slice() == key)
                || signature::is_good(key, self.moment.centre, deed);
            let offline = deed.source == Source::Upload;
            flags.extend((!signed).then_some(DutyFlag::StampSignatureBad));
            flags.extend(arrival.leaves_gap.then_some(DutyFlag::StampJournalGap));
            flags.extend(offline.then_some(DutyFlag::Offline));
            let claimed = stamped.is_some_and(|stamp| dated(stamp, self.moment.at).trust == Trust::Suspect);
            flags.extend((offline && claimed).then_some(DutyFlag::ClaimedTime));
        }
        flags
    }

    /// The window: as named, or that of the pause.
    fn window(&self, deed: &Deed, pause: Option<Pos>) -> Result<&Window, Refusal> {
        let own = self.here.seen.own;
        let of_pause = || pause.and_then(|pause| self.scene.hall.window_of(pause));
        let named = match (&deed.window, pause) {
            (Some(window), None) => window.as_str(),
            (Some(window), Some(_)) if of_pause() == Some(window.as_str()) => window.as_str(),
            (None, Some(_)) => of_pause().ok_or(Refusal::NoSuchPause)?,
            (Some(_), Some(_)) => return Err(Refusal::NoSuchPause),
            (None, None) => return Err(Refusal::NoSuchWindow),
        };
        let window = own.window(named).ok_or(Refusal::NoSuchWindow)?;
        // What happened at a window before it was retired has happened.
        if window.retired && deed.source == Source::Live { Err(Refusal::NoSuchWindow) } else { Ok(window) }
    }

    /// Who acts: whoever stood there, or calls; and for whom.
    fn actor(&self, deed: &Deed, at: EpochMs) -> Result<Actor, Refusal> {
        let seen = self.here.seen;
        let day = self.known.zone.day_of(at);
        let own = match &deed.who {
            Some(Who::Person(person)) => person.to_string(),
            Some(Who::Credential(kind, hmac)) => {
                seen.own.person_for(i32::from(*kind), hmac, day).unwrap_or_default().to_owned()
            }
            None => match self.subject {
                Some(Subject::Person(person)) => person.to_string(),
                Some(Subject::Device(_) | Subject::System(_)) | None => String::new(),
            },
        };
        let known = seen.deployment.person(&own).is_some_and(|person| !person.retired);
        if deed.source == Source::Live && !known {
            return Err(Refusal::UnknownStaff);
        }
        let own = if known { own } else { String::new() };
        let person_id = match &deed.on_behalf_of {
            Some(person) if person.as_str() != own => {
                if !self.stands_over(&own, person.as_str()) {
                    return Err(Refusal::NotResponsible);
                }
                person.to_string()
            }
            Some(_) | None => own.clone(),
        };
        Ok(Actor { own, person_id })
    }

    /// Does somebody lead a person, or the duty?
    fn stands_over(&self, own: &str, person_id: &str) -> bool {
        let subject = PersonId::parse(own).map(Subject::Person);
        subject.is_ok_and(|subject| self.here.is_responsible(&subject, &IN_PLACE, person_id))
    }

    /// Is a window somebody's to look after: theirs, one that they are bound to, or one of people whom they lead?
    fn tends(&self, asked: &Asked<'_>) -> bool {
        let own = &asked.actor.own;
        let holder = asked.course.hold.as_ref().map(|hold| hold.person_id.as_str());
        let bound = self.here.seen.own.assignment(own, self.known.zone.day_of(asked.at));
        holder == Some(own.as_str())
            || bound.is_some_and(|bound| bound.windows.contains(&asked.window.window))
            || self.stands_over(own, holder.unwrap_or_default())
    }

    /// Is somebody a duty manager for a person?
    fn manages(&self, own: &str, person_id: &str) -> bool {
        let subject = PersonId::parse(own).map(Subject::Person);
        subject.is_ok_and(|subject| self.here.is_responsible(&subject, &[Role::DutyManager], person_id))
    }

    /// Those who are sent to a window that is not open any more are sent elsewhere.
    fn redirected(&self, window: &str) -> Vec<DutyFact> {
        let sent = self.scene.sent_to(window).into_iter();
        sent.map(|(pause, window, guidance)| DutyFact {
            window,
            pause: Some(pause.get()),
            what: Some(What::Redirected(Redirected { guidance })),
            ..DutyFact::default()
        })
        .collect()
    }

    fn decide(&self, pause: Pos, decision: Decision) -> Result<Accepted, Refusal> {
        let window = self.scene.hall.window_of(pause).ok_or(Refusal::NoSuchPause)?;
        let course = self.scene.course(window);
        let known = course.pauses().find(|known| known.pos == pause).ok_or(Refusal::NoSuchPause)?;
        let Some(Subject::Person(own)) = self.subject else { return Err(Refusal::NotResponsible) };
        if known.person_id == own.as_str() {
            return Err(Refusal::OwnPause);
        }
        let may = match known.decided_by() {
            Some(Role::DutyManager) if decision != Decision::ReturnNow => {
                self.manages(own.as_str(), &known.person_id)
            }
            Some(_) | None => self.stands_over(own.as_str(), &known.person_id),
        };
        if !may {
            return Err(Refusal::NotResponsible);
        }
        let at = self.moment.at;
        let open = known.ended.is_none_or(|(ended, _)| ended > at);
        let wanted = match decision {
            Decision::Approve | Decision::Refuse => known.awaits(at),
            Decision::ReturnNow => known.is_on(at) && known.is_a_persons(),
            Decision::Unspecified => false,
        };
        if !open || !wanted {
            return Err(Refusal::AlreadyDecided);
        }
        let fact = DutyFact {
            window: window.to_owned(),
            person_id: known.person_id.clone(),
            pause: Some(pause.get()),
            what: Some(What::Decided(Decided { decision: decision.into() })),
            ..DutyFact::default()
        };
        Ok(Accepted {
            refers_to: Some(pause),
            facts: vec![Fact { fact: Some(Of::Duty(fact)) }],
            ..Accepted::default()
        })
    }

    fn queue(&self, of: &Queue, waiting: u32) -> Result<Accepted, Refusal> {
        let seen = self.here.seen;
        match of {
            Queue::Window(window) => {
                let known = seen.own.window(window.as_str()).filter(|window| !window.retired);
                known.ok_or(Refusal::NoSuchWindow)?;
            }
            Queue::Item(item) => {
                let known = seen.deployment.items().any(|known| known.item == item.as_str());
                known.then_some(()).ok_or(Refusal::NoSuchItem)?;
            }
        }
        Ok(Accepted {
            facts: vec![Fact { fact: Some(Of::Duty(queued(of, waiting))) }],
            ..Accepted::default()
        })
    }
}

/// A deed at its window.
struct Asked<'a> {
    deed: &'a Deed,
    window: &'a Window,
    /// How the window stood when it happened.
    scene: &'a Scene<'a>,
    course: &'a Course,
    actor: &'a Actor,
    at: EpochMs,
    /// Is everything still remembered that says how the hall stood then?
    remembered: bool,
}

impl Asked<'_> {
    fn is_live(&self) -> bool {
        self.deed.source == Source::Live
    }

    /// Refuses what nothing helps against, and flags what a reason gets past or what has happened already.
    fn settle(&self, objections: Vec<Objection>, waived: Option<DutyFlag>) -> Result<Vec<DutyFlag>, Refusal> {
        let mut flags = Vec::new();
        for objection in objections {
            match waived {
                _ if !self.is_live() => {
                    let plain = matches!(
                        objection.flag,
                        DutyFlag::NoSign | DutyFlag::NoApproval | DutyFlag::ReturnTimeOdd
                    );
                    if plain || self.remembered {
                        flags.push(objection.flag);
                        flags.extend(waived.filter(|_| objection.waivable));
                    }
                }
                Some(by) if objection.waivable => flags.extend([objection.flag, by]),
                Some(_) | None => return Err(objection.refusal),
            }
        }
        Ok(flags)
    }

    /// Who went past a rule with a reason.
    fn overridden(&self) -> Option<DutyFlag> {
        self.deed.reason.as_ref().map(|_| DutyFlag::Overridden)
    }

    /// The pause that is meant: the open one, and the one that is named if one is.
    fn open_pause(&self, named: Option<Pos>) -> Option<&PauseCourse> {
        self.course.pause.as_ref().filter(|open| named.is_none_or(|named| named == open.pos))
    }
}
