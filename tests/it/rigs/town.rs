//! A deployment to do things to: begun by the binary, with a hall, terminals, people and callers of every kind.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use qinlian::access::{LocalIssuer, Rule};
use qinlian::cli::office::{Office, Opening};
use qinlian::cli::token;
use qinlian::clock::{Clock, SystemClock};
use qinlian::config::{Config, Source};
use qinlian::kernel::{CentreId, LogId, PersonId, Subject, Zone};
use qinlian::proto::{
    Assignment, CredentialBinding, Date, Device, DirectoryPersonal, Person, Role, RosterFact, RosterPattern,
    credential, device, person,
};
use qinlian::registers::directory::fact::{Command, Record};
use qinlian::registers::roster::fact::Command as Roster;
use qinlian::registers::wire;
use qinlian::tlog::VerifierKey;
use sqlx::{PgPool, SqlitePool};
use tempfile::TempDir;

use super::server::{Server, qinlian, run};
use crate::roster::rig::shift;
use crate::support::store::Raw;
use crate::support::{postgres, say_aloud};

/// The centre.
pub(crate) const HALL: &str = "hall";
/// What origins begin with.
const DEPLOYMENT: &str = "rigs.example";
/// Terminals in the hall.
pub(crate) const TERMINALS: usize = 8;
/// People who work there.
const PEOPLE: usize = 20;
/// 4 h: longer than any rig.
const TOKEN_S: u32 = 4 * 3600;

/// A deployment.
#[derive(Debug)]
pub(crate) struct Town {
    /// Everything; kept when a test fails.
    home: Option<TempDir>,
    /// A folder per server process, all on one database.
    sites: Vec<PathBuf>,
    url: String,
    database: Option<String>,
    issuer: LocalIssuer,
    /// The first administrator.
    pub(crate) administrator: String,
    /// Who works there.
    pub(crate) people: Vec<String>,
    /// The key of the hall's log.
    pub(crate) vkey: VerifierKey,
    /// How many entries the hall's log had before any client came.
    pub(crate) base: usize,
}

impl Town {
    /// On SQLite: one process at a time.
    pub(crate) async fn on_sqlite() -> Self {
        Self::begin(None, 1).await
    }

    /// On PostgreSQL, with a folder for each of several processes; `None` where there is no PostgreSQL.
    pub(crate) async fn on_postgres(processes: usize) -> Option<Self> {
        let database = postgres::server()?.create().await;
        Some(Self::begin(Some(database), processes).await)
    }

    async fn begin(database: Option<String>, processes: usize) -> Self {
        let home = TempDir::with_prefix("qinlian-rig-").expect("a directory");
        let data = home.path().join("data-0");
        let mut init = qinlian();
        init.args(["init", "--centre", HALL, "--name", "政务服务大厅", "--deployment", DEPLOYMENT, "--data"]);
        init.arg(&data);
        let named = database.as_ref().zip(postgres::server()).map(|(name, server)| server.url_of(name));
        if let Some(url) = &named {
            init.env("QINLIAN_DATABASE_URL", url);
        }
        let said = run(&mut init).await;
        let administrator = said
            .split_whitespace()
            .find_map(|word| word.strip_prefix("person:"))
            .expect("init names the administrators");
        let url = named.unwrap_or_else(|| format!("sqlite://{}/qinlian.db", data.display()));
        let mut sites = vec![data.clone()];
        configure(&data, &url, &data);
        for n in 1..processes {
            let site = home.path().join(format!("data-{n}"));
            fs::create_dir(&site).expect("a folder");
            configure(&site, &url, &data);
            sites.push(site);
        }
        let office = Office::open(config(&data), Opening::default()).await.expect("the office opens");
        let administrator = PersonId::parse(administrator).expect("a person");
        let people = settle(&office).await;
        let issuer = office.issuer().expect("the issuer");
        let vkey = VerifierKey::parse(&office.vkey(HALL).expect("a key")).expect("a key");
        office.close().await;
        let administrator = format!("person:{administrator}");
        let mut town =
            Self { home: Some(home), sites, url, database, issuer, administrator, people, vkey, base: 0 };
        town.base = town.leaves().await.len();
        town
    }

    /// The folder that everything is in.
    pub(crate) fn home(&self) -> &Path {
        self.home.as_ref().expect("a town that has not ended").path()
    }

    /// The folder of one process.
    pub(crate) fn site(&self, process: usize) -> &Path {
        &self.sites[process]
    }

    /// The log file of one process.
    pub(crate) fn log(&self, process: usize) -> PathBuf {
        self.home().join(format!("log-{process}"))
    }

    /// Starts one of the processes.
    pub(crate) async fn serve(&self, process: usize) -> Server {
        Server::start(self.site(process), &self.log(process)).await
    }

    /// What a caller puts into `authorization`.
    pub(crate) fn token(&self, subject: &str) -> String {
        let subject = Subject::parse(subject).expect("a subject");
        format!("Bearer {}", self.issuer.token(&subject, SystemClock::new().now(), TOKEN_S))
    }

    /// The database without the software.
    pub(crate) async fn raw(&self) -> Raw {
        match self.database {
            None => Raw::Sqlite(SqlitePool::connect(&self.url).await.expect("open SQLite")),
            Some(_) => Raw::Postgres(PgPool::connect(&self.url).await.expect("open PostgreSQL")),
        }
    }

    /// The leaves of the hall's log as the database has them, in order, each with its position.
    pub(crate) async fn leaves(&self) -> Vec<(i64, Vec<u8>)> {
        const HALLS: &str = "FROM ledger_entry WHERE log_id = (SELECT log_id FROM ledger_log WHERE centre = 'hall') \
                             ORDER BY pos";
        let raw = self.raw().await;
        let positions = raw.column::<i64>(&format!("SELECT pos {HALLS}")).await;
        let leaves = raw.column::<Vec<u8>>(&format!("SELECT leaf {HALLS}")).await;
        close(raw).await;
        assert_eq!(positions.len(), leaves.len());
        positions.into_iter().zip(leaves).collect()
    }

    /// Two judges that trust nobody, as processes of their own: the audit of the database against its ledger, with what
    /// this process's anchor saw; and a bundle of the hall's log, verified with nothing but its key. Answers with the
    /// log's size.
    pub(crate) async fn audit(&self, process: usize) -> u64 {
        let data = self.site(process);
        run(qinlian().args(["audit", "check", "--data"]).arg(data)).await;
        let folder = tempfile::tempdir_in(self.home()).expect("a folder");
        let bundle = folder.path().join("bundle");
        let mut write = qinlian();
        write.args(["audit", "bundle", "--centre", HALL, "--data"]).arg(data).arg("-o").arg(&bundle);
        run(&mut write).await;
        let mut verify = qinlian();
        verify.args(["audit", "verify", "--json", "--key", &self.vkey.to_string()]).arg(&bundle);
        let verdict: serde_json::Value = serde_json::from_str(&run(&mut verify).await).expect("JSON");
        verdict["size"].as_u64().expect("a size")
    }

    /// The secrets of the deployment, by name.
    pub(crate) fn secrets(&self) -> Vec<(&'static str, Vec<u8>)> {
        let keys = self.site(0).join("keys");
        let read = |name| (name, fs::read(keys.join(format!("{name}.key"))).expect("a key"));
        ["seal", "log", "token"].map(read).to_vec()
    }

    /// Somebody who may call a method.
    pub(crate) fn caller_for(&self, rule: &Rule) -> String {
        let held = CALLERS.iter().find(|(_, role)| rule.roles.contains(role)).map(|(subject, _)| *subject);
        match held {
            _ if rule.roles.contains(&Role::Administrator) => self.administrator.clone(),
            Some(subject) => subject.to_owned(),
            None => "device:t0".to_owned(),
        }
    }

    /// Gives the database back.
    pub(crate) async fn end(mut self) {
        if let (Some(database), Some(server)) = (self.database.take(), postgres::server()) {
            server.give_back(database).await;
        }
    }
}

/// When a test fails, what is needed to find out why stays.
impl Drop for Town {
    fn drop(&mut self) {
        if let Some(home) = self.home.take().filter(|_| std::thread::panicking()) {
            say_aloud(&format!("the rig failed; what it did is kept in {}", home.keep().display()));
        }
    }
}

fn config(data: &Path) -> Config {
    Config::load(&Source::Data(data.to_owned()), &BTreeMap::new()).expect("a configuration")
}

/// A process has its own anchor, and its keys and database are everybody's.
fn configure(site: &Path, url: &str, keys: &Path) {
    let file = |name: &str| keys.join(format!("keys/{name}.key")).display().to_string();
    // A rig's callers call as often as they can.
    let often = ["calls_per_second", "calls_burst", "public_calls_per_second", "public_calls_burst"];
    let limits = often.map(|key| format!("{key} = 1_000_000\n")).concat();
    let text = format!(
        "deployment = {DEPLOYMENT:?}\n[limits]\n{limits}[database]\nurl = {url:?}\n\
         [keys]\nseal = {:?}\nlog = {:?}\ntoken = {:?}\n",
        file("seal"),
        file("log"),
        file("token")
    );
    fs::write(site.join("config.toml"), text).expect("a configuration");
}

/// The callers that rigs have beside terminals and administrators, and what they hold in the hall.
const CALLERS: [(&str, Role); 6] = [
    ("system:officer", Role::AttendanceOfficer),
    ("system:hr", Role::Hr),
    ("system:auditor", Role::Auditor),
    ("system:eraser", Role::AuditAdministrator),
    ("system:discipline", Role::Discipline),
    ("system:manager", Role::DutyManager),
];

/// The badge of the n-th person.
pub(crate) fn badge(n: usize) -> String {
    format!("0004-{n:04}")
}

/// Terminals, people who work in the hall, and grants; answers with the people.
async fn settle(office: &Office) -> Vec<String> {
    let hall = CentreId::parse(HALL).expect("a code");
    let log = office.log_of(&hall).await.expect("the hall's log");
    let put = async |log: LogId, record: Record| {
        let personal = DirectoryPersonal::default();
        office.administer(log, Command::Put { record, personal }).await.expect("a record")
    };
    for n in 0..TERMINALS {
        let terminal =
            Device { device: format!("t{n}"), kind: device::Kind::ClockTerminal.into(), ..Device::default() };
        put(log, Record::Device(terminal)).await;
        let subject = Subject::parse(&format!("device:t{n}")).expect("a subject");
        token::grant(office, &subject, Role::Terminal, &hall, None).await.expect("a grant");
    }
    for (subject, role) in CALLERS {
        let subject = Subject::parse(subject).expect("a subject");
        token::grant(office, &subject, role, &hall, None).await.expect("a grant");
    }
    let from = Some(Date { year: 2026, month: 1, day: 1 });
    let mut people = Vec::new();
    for n in 0..PEOPLE {
        let employment = person::Employment::CivilServant.into();
        let record = Record::Person(Person { employment, ..Person::default() });
        let written = put(LogId::DEPLOYMENT, record).await;
        let id = written.facts.iter().find_map(Record::from_fact).and_then(|record| match record {
            Record::Person(person) => Some(person.person_id),
            _ => None,
        });
        let id = id.expect("a minted person");
        let assignment =
            Assignment { person_id: id.clone(), centre: HALL.to_owned(), from, ..Assignment::default() };
        put(log, Record::Assignment(assignment)).await;
        // Half of them have a badge.
        if n % 2 == 0 {
            let value_hmac = office.keys.credential_hmac(1, &badge(n)).to_vec();
            let binding = CredentialBinding {
                person_id: id.clone(),
                kind: credential::Kind::Card.into(),
                value_hmac,
                from,
                ..CredentialBinding::default()
            };
            put(log, Record::CredentialBinding(binding)).await;
        }
        people.push(id);
    }
    on_duty(office, log, &people).await;
    people
}

/// Everybody works at any time from today on, so that clock-ins make days.
async fn on_duty(office: &Office, log: LogId, people: &[String]) {
    let put = async |command: Roster| {
        office.administer(log, command).await.expect("a page of the roster");
    };
    put(Roster::Shift(shift("day", "1-7 08:00-20:00"))).await;
    let today = Zone::parse("Asia/Shanghai").expect("a zone").day_of(office.clock.now());
    let patterns = people.iter().map(|person| RosterPattern {
        person_id: person.clone(),
        from: Some(wire::date(today)),
        until: None,
        shift: "day".to_owned(),
    });
    put(Roster::Roster(RosterFact { patterns: patterns.collect(), ..RosterFact::default() })).await;
}

async fn close(raw: Raw) {
    match raw {
        Raw::Sqlite(pool) => pool.close().await,
        Raw::Postgres(pool) => pool.close().await,
    }
}
