//! Which grant allows which call: grants × scopes × centres × times.

use std::sync::Arc;

use qinlian::access::support::method_mark;
use qinlian::access::{
    Caller, Grants, KeyThumbprint, NoPass, Pass, Rule, Rules, Standing, Support, SupportKey, Unavailable, Why,
};
use qinlian::kernel::{CentreId, DepartmentId, DeviceId, EpochMs, LogId, Pos, Subject, WindowId};
use qinlian::proto::Role;
use qinlian::registers::directory::view::{GrantView, Reach};
use qinlian::registers::failure::Failure;

const NOW: EpochMs = EpochMs::clamped(1_000_000);

/// The grants that the port hands out; `None`: it cannot be read.
pub(super) struct Table(pub(super) Option<Vec<GrantView>>);

impl Grants for Table {
    async fn grants_of(&self, _who: &Subject, _centre: &CentreId) -> Result<Vec<GrantView>, Unavailable> {
        self.0.clone().ok_or(Unavailable)
    }

    /// The device `gone` was revoked; every other one has the key of 32 sevens.
    async fn standing(
        &self,
        device: &DeviceId,
        key: Option<&KeyThumbprint>,
        _centre: &CentreId,
    ) -> Result<Standing, Unavailable> {
        let known = KeyThumbprint::of(&[7; 32]);
        Ok(match (device.as_str(), key) {
            ("gone", _) => Standing::Revoked,
            (_, Some(key)) if *key != known => Standing::AnotherKey,
            _ => Standing::Good,
        })
    }
}

#[tokio::test]
async fn a_device_passes_while_it_stands_and_its_key_is_the_one_it_proved() {
    const PUNCH: &str = "AttendanceService/RecordPunch";
    let centre = CentreId::parse("hall").unwrap();
    let key = |byte| Some(KeyThumbprint::of(&[byte; 32]));
    for (device, key, refused) in [
        ("gate-1", key(7), None),
        ("gate-1", None, None),
        ("gate-1", key(8), Some("ANOTHER_KEY")),
        ("gone", key(7), Some("DEVICE_REVOKED")),
        ("gone", None, Some("DEVICE_REVOKED")),
    ] {
        let subject = format!("device:{device}");
        let grants = Table(Some(vec![grant("hall", &subject, Role::Terminal)]));
        let passed = caller(&subject, PUNCH).holding(key).pass(&grants, NOW, &centre).await;
        let why = match passed {
            Ok(_) => None,
            Err(NoPass::Denied(denied)) => Some(denied.why.code()),
            Err(NoPass::Unavailable(_)) => panic!("the grants can be read"),
        };
        assert_eq!(why, refused, "{device} {key:?}");
    }
}

/// A grant in the log of a centre, or of the deployment, with nothing narrowed.
pub(super) fn grant(centre: &str, subject: &str, role: Role) -> GrantView {
    let centre = CentreId::parse(centre).unwrap();
    let log = match centre.as_str() {
        "_" => LogId::DEPLOYMENT,
        "hall" => LogId::from_column(4),
        _ => LogId::from_column(9),
    };
    GrantView {
        log,
        centre,
        pos: Pos::new(3),
        subject: Subject::parse(subject).unwrap(),
        role,
        reach: Reach::default(),
        from: EpochMs::ZERO,
        until: None,
    }
}

fn rule(method: &str) -> Arc<Rule> {
    Arc::clone(Rules::ours().unwrap().find(&format!("/qinlian.v1.{method}")).expect(method))
}

fn key() -> Arc<SupportKey> {
    Arc::new(SupportKey::new([5; 32]))
}

fn support() -> Support {
    Support::new(key(), [9; 8], NOW)
}

fn caller(subject: &str, method: &str) -> Caller {
    Caller::new(Subject::parse(subject).unwrap(), rule(method), "r-1", support())
}

async fn passes(method: &str, subject: &str, grants: Vec<GrantView>, centre: &str) -> Result<Pass, NoPass> {
    let centre = CentreId::parse(centre).unwrap();
    caller(subject, method).pass(&Table(Some(grants)), NOW, &centre).await
}

fn in_department(mut grant: GrantView, department: &str) -> GrantView {
    grant.reach.department = Some(DepartmentId::parse(department).unwrap());
    grant
}

fn at_window(mut grant: GrantView, window: &str) -> GrantView {
    grant.reach.window = Some(WindowId::parse(window).unwrap());
    grant
}

fn only(mut grant: GrantView, centre: &str) -> GrantView {
    grant.reach.centre = Some(CentreId::parse(centre).unwrap());
    grant
}

fn between(mut grant: GrantView, from: i64, until: Option<i64>) -> GrantView {
    (grant.from, grant.until) = (EpochMs::clamped(from), until.map(EpochMs::clamped));
    grant
}

fn at(mut grant: GrantView, pos: u64) -> GrantView {
    grant.pos = Pos::new(pos);
    grant
}

const CENTRE: &str = "AttendanceService/ReportDeviceOutage";
const DEPARTMENT: &str = "AttendanceService/ListPunches";
const DEPLOYMENT: &str = "DirectoryService/PutCentre";
const DEVICE: &str = "AttendanceService/RecordPunch";
const WHO: &str = "system:hr-tax";
const TERMINAL: &str = "device:hall-1";

type Row = (&'static str, &'static str, &'static str, Vec<GrantView>, &'static str, Result<(), &'static str>);

fn centre_rows() -> Vec<Row> {
    let officer = |centre| grant(centre, WHO, Role::AttendanceOfficer);
    vec![
        ("an officer of this centre", CENTRE, WHO, vec![officer("hall")], "hall", Ok(())),
        ("an officer of all centres", CENTRE, WHO, vec![officer("_")], "hall", Ok(())),
        ("of all, for this one only", CENTRE, WHO, vec![only(officer("_"), "hall")], "hall", Ok(())),
        ("of all, for another only", CENTRE, WHO, vec![only(officer("_"), "east")], "hall", Err("NOT_HERE")),
        ("an officer of another centre", CENTRE, WHO, vec![officer("east")], "hall", Err("NOT_HERE")),
        (
            "another centre's grant that claims this one",
            CENTRE,
            WHO,
            vec![only(officer("east"), "hall")],
            "hall",
            Err("NOT_HERE"),
        ),
        ("a centre's grant in the deployment", CENTRE, WHO, vec![officer("hall")], "_", Err("NOT_HERE")),
        ("nothing at all", CENTRE, WHO, vec![], "hall", Err("NO_ROLE")),
        ("another role", CENTRE, WHO, vec![grant("hall", WHO, Role::Hr)], "hall", Err("NO_ROLE")),
        ("somebody else's grant", CENTRE, "system:other", vec![officer("hall")], "hall", Err("NO_ROLE")),
        ("not yet", CENTRE, WHO, vec![between(officer("hall"), 1_000_001, None)], "hall", Err("NOT_NOW")),
        ("from this moment on", CENTRE, WHO, vec![between(officer("hall"), 1_000_000, None)], "hall", Ok(())),
        ("over", CENTRE, WHO, vec![between(officer("hall"), 0, Some(1_000_000))], "hall", Err("NOT_NOW")),
        ("about to be over", CENTRE, WHO, vec![between(officer("hall"), 0, Some(1_000_001))], "hall", Ok(())),
        (
            "one department",
            CENTRE,
            WHO,
            vec![in_department(officer("hall"), "tax")],
            "hall",
            Err("TOO_NARROW"),
        ),
        ("one window", CENTRE, WHO, vec![at_window(officer("hall"), "w-1")], "hall", Err("TOO_NARROW")),
        (
            "one department here, everything there",
            CENTRE,
            WHO,
            vec![in_department(officer("hall"), "tax"), officer("east")],
            "hall",
            Err("TOO_NARROW"),
        ),
    ]
}

fn other_rows() -> Vec<Row> {
    let hr = |centre| grant(centre, WHO, Role::Hr);
    let admin = |centre| grant(centre, WHO, Role::Administrator);
    let terminal = |centre| grant(centre, TERMINAL, Role::Terminal);
    vec![
        ("HR of a department", DEPARTMENT, WHO, vec![in_department(hr("hall"), "tax")], "hall", Ok(())),
        ("HR of the centre", DEPARTMENT, WHO, vec![hr("hall")], "hall", Ok(())),
        ("HR of a window", DEPARTMENT, WHO, vec![at_window(hr("hall"), "w-1")], "hall", Err("TOO_NARROW")),
        ("HR of another centre", DEPARTMENT, WHO, vec![hr("east")], "hall", Err("NOT_HERE")),
        ("an administrator reads no content", DEPARTMENT, WHO, vec![admin("_")], "hall", Err("NO_ROLE")),
        ("the deployment's administrator", DEPLOYMENT, WHO, vec![admin("_")], "_", Ok(())),
        ("for the deployment itself only", DEPLOYMENT, WHO, vec![only(admin("_"), "_")], "_", Ok(())),
        ("a centre's administrator", DEPLOYMENT, WHO, vec![admin("hall")], "_", Err("NOT_HERE")),
        (
            "one centre's, in the deployment log",
            DEPLOYMENT,
            WHO,
            vec![only(admin("_"), "hall")],
            "_",
            Err("NOT_HERE"),
        ),
        ("one department's", DEPLOYMENT, WHO, vec![in_department(admin("_"), "tax")], "_", Err("TOO_NARROW")),
        (
            "a centre named where only _ can be",
            DEPLOYMENT,
            WHO,
            vec![admin("_")],
            "hall",
            Err("NOT_THE_DEPLOYMENT"),
        ),
        ("a terminal here", DEVICE, TERMINAL, vec![terminal("hall")], "hall", Ok(())),
        (
            "a terminal at a window",
            DEVICE,
            TERMINAL,
            vec![at_window(terminal("hall"), "w-1")],
            "hall",
            Ok(()),
        ),
        ("a terminal elsewhere", DEVICE, TERMINAL, vec![terminal("east")], "hall", Err("NOT_HERE")),
        (
            "a system with the role",
            DEVICE,
            WHO,
            vec![grant("hall", WHO, Role::Terminal)],
            "hall",
            Err("NOT_A_DEVICE"),
        ),
    ]
}

#[tokio::test]
async fn a_call_passes_only_under_a_grant_of_its_role_that_holds_now_reaches_here_and_is_wide_enough() {
    for (name, method, subject, grants, centre, expected) in centre_rows().into_iter().chain(other_rows()) {
        let why = match passes(method, subject, grants, centre).await {
            Ok(_) => Ok(()),
            Err(NoPass::Denied(denied)) => Err(denied.why.code()),
            Err(NoPass::Unavailable(_)) => Err("UNAVAILABLE"),
        };
        assert_eq!(why, expected, "{name}");
    }
}

#[tokio::test]
async fn the_widest_grant_is_relied_on_and_the_oldest_of_equals() {
    let hr = |centre| grant(centre, WHO, Role::Hr);
    let tax = || in_department(hr("hall"), "tax");
    const ALL: &[&str] = &["tax", "fire", "land"];
    for (name, grants, log, pos, seen) in [
        ("a department alone", vec![at(tax(), 5)], 4, 5, &["tax"][..]),
        ("the centre before a department", vec![at(tax(), 5), at(hr("hall"), 8)], 4, 8, ALL),
        ("every centre before one", vec![at(hr("hall"), 5), at(hr("_"), 8)], 0, 8, ALL),
        (
            "a centre before a department of all",
            vec![in_department(hr("_"), "tax"), at(hr("hall"), 8)],
            4,
            8,
            ALL,
        ),
        (
            "the oldest of two departments, and the people of both",
            vec![at(in_department(hr("hall"), "fire"), 7), at(tax(), 6)],
            4,
            6,
            &["tax", "fire"],
        ),
        ("not one that is over", vec![between(hr("_"), 0, Some(1)), at(tax(), 5)], 4, 5, &["tax"]),
    ] {
        let pass = passes(DEPARTMENT, WHO, grants, "hall").await.unwrap();
        assert_eq!(pass.grant().log.column(), log, "{name}");
        assert_eq!(pass.grant().pos, Pos::new(pos), "{name}");
        let sees: Vec<&str> = ALL.iter().copied().filter(|department| pass.sees(department)).collect();
        assert_eq!(sees, seen, "{name}");
        assert_eq!(pass.is_narrow(), seen != ALL, "{name}");
        assert_eq!(pass.subject().to_string(), WHO, "{name}");
    }
}

#[tokio::test]
async fn a_terminal_speaks_for_itself_alone() {
    let pass = passes(DEVICE, TERMINAL, vec![grant("hall", TERMINAL, Role::Terminal)], "hall").await.unwrap();
    let device = |code| DeviceId::parse(code).unwrap();
    assert_eq!(pass.device(&device("hall-1")), Ok(()));
    assert_eq!(pass.device(&device("hall-2")).map_err(|d| d.why.code()), Err("ANOTHER_DEVICE"));
    let local = Pass::local_administrator(grant("_", WHO, Role::Administrator));
    assert_eq!(local.device(&device("hall-2")), Ok(()));
}

#[tokio::test]
async fn a_denial_quotes_an_id_that_says_why_and_grants_that_cannot_be_read_are_no_denial() {
    let caller = caller(WHO, CENTRE);
    let centre = CentreId::parse("hall").unwrap();
    let denied = caller.pass(&Table(Some(vec![])), NOW, &centre).await.err();
    let Some(NoPass::Denied(denied)) = denied else { panic!("{denied:?}") };
    let said = key().open(&denied.support_id).expect("an id of ours");
    assert_eq!((said.why, said.at), (Why::NoRole, NOW));
    assert_eq!(said.method, method_mark(&format!("/qinlian.v1.{CENTRE}")));
    let unavailable = caller.pass(&Table(None), NOW, &centre).await.unwrap_err();
    assert!(matches!(Failure::from(unavailable), Failure::Unavailable("GRANTS")));
}
