//! The state machine walked exhaustively: every state of a window × every actor × every action × every policy pack, by
//! the rule itself (duty notes 3.3). What is refused becomes no entry; what is accepted leaves the window as the table says.

use qinlian::kernel::{CentreId, EpochMs, PersonId, Pos, WindowId, Words, Zone};
use qinlian::policy::Policy;
use qinlian::proto::PunchFact;
use qinlian::proto::pause::{self, Decision, EndMode, SignMode, Subject};
use qinlian::registers::directory::admit::Seen;
use qinlian::registers::duty::admit::{Known, admit};
use qinlian::registers::duty::fact::{Act, Command, Deed, Start};
use qinlian::registers::duty::hall::Hall as Halls;
use qinlian::registers::duty::state::State;
use qinlian::registers::stamp::Source;
use qinlian::registers::verdict::Moment;

use super::rig::{Hall, at};
use crate::support::office::HALL;
use crate::support::store::Fixture;

/// How a window came to be as it is at ten o'clock. Zhao holds it where anybody does, qian holds w2 and wu w4; sun is in, and
/// holds none.
const STATES: [(&str, &str); 10] = [
    ("CLOSED", ""),
    ("OPEN", "09:00 zhao opens w1 => OPEN"),
    ("PAUSED", "09:00 zhao opens w1 => OPEN\n09:55 zhao pauses w1 COMFORT 10:04 => STARTED >w2,w4"),
    (
        "AWAITING",
        "09:00 zhao opens w1 => OPEN\n10:00 zhao pauses w1 CONSULT 10:25 => AWAITING_APPROVAL 10:01 >w2,w4",
    ),
    (
        "BEGUN UNDECIDED",
        "09:00 zhao opens w1 => OPEN\n09:50 zhao pauses w1 CONSULT 10:15 => AWAITING_APPROVAL 09:51 >w2,w4",
    ),
    ("OVERDUE", "09:00 zhao opens w1 => OPEN\n09:45 zhao pauses w1 COMFORT 09:54 => STARTED >w2,w4"),
    ("OFF_POST", "09:00 zhao opens w1 => OPEN\n09:30 zhao pauses w1 COMFORT 09:39 => STARTED >w2,w4"),
    ("COVERED", "09:00 zhao opens w1 => OPEN\n09:50 sun covers w1 because => COVERED OVERRIDDEN NOT_BOUND"),
    ("UNSTAFFED", "09:00 zhao opens w1 => OPEN\n09:50 zhao out"),
    ("FAULT", "09:00 zhao opens w1 => OPEN\n09:50 zhao pauses w1 EQUIPMENT 10:30 => STARTED >w2,w4"),
];

const ACTORS: [&str; 5] = ["zhao", "qian", "sun", "li", "zhou"];

const ACTIONS: [&str; 11] = [
    "opens",
    "closes",
    "takes",
    "pauses 8",
    "pauses 25",
    "extends",
    "back",
    "covers",
    "approves",
    "refuses",
    "recalls",
];

/// What somebody does; leads and duty managers act for zhao.
fn command(hall: &Hall, actor: &str, action: &str, pause: Option<Pos>) -> Command {
    let named = pause.unwrap_or(Pos::new(1));
    let expected = |minutes: i64| at("10:00").plus_ms(minutes * 60_000);
    let start = |minutes| {
        Act::Start(Start {
            subject: Subject::Person,
            reason: pause::Reason::Comfort,
            expected: Some(expected(minutes)),
            sign_displayed: true,
            sign_mode: SignMode::CardSign,
            guidance: Vec::new(),
            leave_anyway: false,
        })
    };
    let act = match action {
        "opens" => Act::Open,
        "closes" => Act::Close,
        "takes" => Act::HandOver,
        "pauses 8" => start(8),
        "pauses 25" => start(25),
        "extends" => Act::Extend { pause: None, expected: expected(16) },
        "back" => Act::End { pause: None, mode: EndMode::Returned },
        "covers" => Act::Cover { by: None, from_window: None },
        "approves" => return Command::Decide { pause: named, decision: Decision::Approve },
        "refuses" => return Command::Decide { pause: named, decision: Decision::Refuse },
        "recalls" => return Command::Decide { pause: named, decision: Decision::ReturnNow },
        other => panic!("nobody {other}"),
    };
    // Everybody has a reason to go past the binding, so that the machine is seen and not the binding.
    let takes = matches!(act, Act::Open | Act::HandOver | Act::Cover { .. });
    let in_place = matches!(actor, "li" | "zhou") && !matches!(act, Act::Cover { .. });
    Command::deed(Deed {
        source: Source::Live,
        stamp: None,
        verified_by: None,
        who: None,
        presented: None,
        on_behalf_of: in_place.then(|| PersonId::parse(&hall.person("zhao")).expect("an id")),
        window: Some(WindowId::parse("w1").expect("a code")),
        act,
        reason: takes.then(|| Words::parse("顶岗").expect("words")),
    })
}

/// What comes of an action: how the window is then, or why not.
fn outcome(
    hall: &Hall,
    (known, seen): (&Halls, Seen<'_>),
    policy: &Policy,
    actor: &str,
    action: &str,
) -> String {
    let now: EpochMs = at("10:00");
    let zone = Zone::parse("Asia/Shanghai").expect("a zone");
    let centre = CentreId::parse(HALL).expect("a code");
    let principal = format!("person:{}", hall.person(actor));
    let moment = Moment {
        log: hall.office.hall,
        centre: &centre,
        base: Pos::ZERO,
        pos: known.next,
        at: now,
        last: now,
        principal: &principal,
        random: [0; 16],
    };
    let mut state = State::default();
    state.put(hall.office.hall, std::sync::Arc::new(known.clone()));
    let pause = known.course("w1", now).pause.as_ref().map(|pause| pause.pos);
    let judged = Known { zone: &zone, policy, arrival: None };
    match admit(&command(hall, actor, action, pause), &state, seen, judged, &moment) {
        Err(reason) => reason.code().to_lowercase(),
        Ok(accepted) => {
            let mut after = known.clone();
            after.apply(known.next, now, &principal, &accepted.facts, |_: &PunchFact| now);
            let course = after.course("w1", now);
            let awaits = course.pause.as_ref().is_some_and(|pause| pause.begins > now);
            let state = if awaits { "AWAITING" } else { course.state(policy, now).as_str_name() };
            state.to_owned()
        }
    }
}

/// Every action in one state, one line each.
async fn walk(fixture: &Fixture, number: u64, (state, script): (&str, &str), policy: &Policy) -> Vec<String> {
    let mut hall = Hall::begin(&fixture.store, 1_050 + number).await;
    hall.turn_to("08:30");
    hall.at_work(&[("qian", "w2"), ("wu", "w4")]).await;
    for name in ["zhao", "sun", "li", "zhou"] {
        hall.lives(&format!("08:31 {name} in")).await;
    }
    hall.lives(script).await;
    hall.turn_to("10:00");
    // A deed after which everything stands in memory.
    hall.lives("10:00 queue w5 1").await;
    let log = hall.office.hall;
    let live = &hall.office.desk.registers().duty;
    let (head, epoch) = hall.office.desk.ledger().reader().head(log).await.expect("a head");
    let next_pos = Pos::new(epoch.base.get() + head.size);
    let at_head = qinlian::ledger::port::ConfigAt { log, config_pos: head.config_pos, next_pos };
    let known = live.behind(at_head).kept.expect("a hall");
    let own = hall.office.desk.directory(log).await.expect("a directory");
    let deployment =
        hall.office.desk.directory(qinlian::kernel::LogId::DEPLOYMENT).await.expect("a directory");
    let seen = Seen { deployment: &deployment, own: &own };
    let line = |action: &&str| {
        let told: Vec<String> =
            ACTORS.iter().map(|actor| outcome(&hall, (&known, seen), policy, actor, action)).collect();
        format!("{state} | {action} | {}", told.join(" "))
    };
    let lines = ACTIONS.iter().map(line).collect();
    hall.office.stop().await;
    lines
}

/// state | action | zhao, who holds it | qian, who holds w2 | sun | li, a lead, for zhao | zhou, a duty manager, for zhao
const TABLE: &str = include_str!("machine.txt");

#[tokio::test]
async fn every_state_answers_every_actor_and_action_as_the_table_says() {
    let mut told = Vec::new();
    for (number, state) in (0..).zip(STATES) {
        let fixture = Fixture::sqlite().await;
        told.extend(walk(&fixture, number, state, &Policy::default()).await);
        fixture.end().await;
    }
    let wanted: Vec<&str> = TABLE.lines().filter(|line| !line.is_empty() && !line.starts_with('#')).collect();
    assert_eq!(told.join("\n"), wanted.join("\n"));
}

#[tokio::test]
async fn every_policy_pack_has_the_same_machine() {
    for pack in Policy::packs() {
        let policy = Policy::of_pack(pack).expect("a pack");
        let fixture = Fixture::sqlite().await;
        let told = walk(&fixture, 1, STATES[1], &policy).await;
        let wanted: Vec<&str> = TABLE.lines().filter(|line| line.starts_with("OPEN |")).collect();
        assert_eq!(told.join("\n"), wanted.join("\n"), "{pack}");
        fixture.end().await;
    }
}
