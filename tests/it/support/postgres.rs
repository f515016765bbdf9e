//! A PostgreSQL server for the tests, and a database of its own for each of them.
//!
//! `QINLIAN_TEST_PG` names a server; without it one is started for this process, from the binaries of the
//! distribution, in a directory that goes with it. Where neither is possible, tests say that they skip; under
//! `QINLIAN_CI=1` they fail.

use std::os::unix::fs::MetadataExt;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::str::FromStr;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, OnceLock};
use std::time::Duration;

use sqlx::postgres::PgConnectOptions;
use sqlx::{AssertSqlSafe, ConnectOptions, PgConnection};

use super::{in_ci, say_aloud, setting};

/// A running server.
#[derive(Debug)]
pub(crate) struct Server {
    /// Everything before the name of the database, and everything after it.
    url: (String, String),
    /// Holds the guard's pipe open for as long as this process lives.
    guard: Option<Child>,
    /// Emptied databases.
    idle: Mutex<Vec<String>>,
}

/// The server of this process, or `None` after saying why not.
pub(crate) fn server() -> Option<&'static Server> {
    static SERVER: OnceLock<Option<Server>> = OnceLock::new();
    let server = SERVER.get_or_init(|| {
        let found = match setting("QINLIAN_TEST_PG") {
            Some(url) => Server::named(&url),
            None => Server::start(),
        };
        found
            .inspect_err(|why| {
                assert!(!in_ci(), "CI needs PostgreSQL: {why}");
                say_aloud(&format!("SKIPPED: nothing is tested on PostgreSQL, because {why}"));
            })
            .ok()
    });
    server.as_ref()
}

/// Runs the shell's text `$1`… as the server, until standard input ends: that is, until the tests' process is gone,
/// however it went. The guard is in a process group of its own, so Ctrl-C does not take it along.
const GUARD: &str = r#"
trap '' INT TERM HUP
home=$1; shift
"$@" </dev/null >"$home/log" 2>&1 &
cat >/dev/null
read -r pid <"$home/data/postmaster.pid" && kill -QUIT "$pid"
wait
rm -rf "$home"
"#;

/// 100 ms × 600 = a minute for a busy machine.
const PATIENCE: usize = 600;

impl Server {
    fn named(url: &str) -> Result<Self, String> {
        let (before_query, query) =
            url.split_once('?').map_or((url, String::new()), |(before, query)| (before, format!("?{query}")));
        let authority =
            before_query.split_once("://").map(|(_, rest)| rest).ok_or("QINLIAN_TEST_PG is no URL")?;
        let without_database = match authority.find('/') {
            Some(slash) => &before_query[..before_query.len() - authority.len() + slash],
            None => before_query,
        };
        Ok(Self { url: (format!("{without_database}/"), query), guard: None, idle: Mutex::default() })
    }

    fn start() -> Result<Self, String> {
        let binaries = binaries().ok_or("no initdb and postgres were found; install postgresql")?;
        let home = tempfile::Builder::new()
            .prefix("qinlian-pg-")
            // Not TMPDIR: the user that the server runs as may not be able to reach it.
            .tempdir_in("/tmp")
            .map_err(|error| error.to_string())?
            .keep();
        let data = home.join("data");
        let as_user = user_switch(&home)?;
        // Sorting by a Chinese dictionary unless a column says otherwise, so that a column that forgets to is found.
        initdb(&as_user, &binaries, &data, &["--locale-provider=icu", "--icu-locale=zh", "--locale=C.UTF-8"])
            .or_else(|_| initdb(&as_user, &binaries, &data, &["--locale=C"]))?;
        let guard = Command::new("sh")
            .args(["-c", GUARD, "guard"])
            .arg(&home)
            .args(&as_user)
            .arg(binaries.join("postgres"))
            .arg("-D")
            .arg(&data)
            .arg("-k")
            .arg(&home)
            .args(["-p", "5432"])
            .args(SETTINGS.iter().flat_map(|setting| ["-c", setting]))
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .process_group(0)
            .spawn()
            .map_err(|error| error.to_string())?;
        wait_until_ready(&home)?;
        let query = format!("?host={}", home.display());
        Ok(Self {
            url: ("postgres://postgres@localhost:5432/".to_owned(), query),
            guard: Some(guard),
            idle: Mutex::default(),
        })
    }

    /// The URL of one of its databases.
    pub(crate) fn url_of(&self, database: &str) -> String {
        format!("{}{database}{}", self.url.0, self.url.1)
    }

    /// An empty database that nobody else uses; its name.
    pub(crate) async fn create(&self) -> String {
        static NEXT: AtomicU64 = AtomicU64::new(1);
        if let Some(name) = self.idle.lock().unwrap().pop() {
            return name;
        }
        let name = format!("qinlian_test_{}_{}", std::process::id(), NEXT.fetch_add(1, Ordering::Relaxed));
        self.administer(&format!("CREATE DATABASE {name} TEMPLATE template0")).await;
        name
    }

    /// Gives a database back, whoever is still connected to it. On a server of our own it is emptied and used again:
    /// making and dropping one costs two checkpoints.
    pub(crate) async fn give_back(&self, database: String) {
        if self.guard.is_none() {
            return self.administer(&format!("DROP DATABASE {database} WITH (FORCE)")).await;
        }
        let mut session = session(&self.url_of(&database)).await;
        sqlx::raw_sql(
            "SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity \
             WHERE datname = current_database() AND pid <> pg_backend_pid(); \
             DROP SCHEMA public CASCADE; CREATE SCHEMA public",
        )
        .execute(&mut session)
        .await
        .expect("an emptied database");
        self.idle.lock().unwrap().push(database);
    }

    async fn administer(&self, text: &str) {
        let mut session = session(&self.url_of("postgres")).await;
        sqlx::raw_sql(AssertSqlSafe(text)).execute(&mut session).await.expect(text);
    }
}

async fn session(url: &str) -> PgConnection {
    PgConnectOptions::from_str(url).expect("a postgres:// URL").connect().await.expect("the test's server")
}

/// As safe as a real one (the store refuses anything less), with room for many stores.
const SETTINGS: [&str; 8] = [
    "listen_addresses=",
    "fsync=on",
    "synchronous_commit=on",
    "full_page_writes=on",
    "max_connections=300",
    "max_prepared_transactions=0",
    "timezone=UTC",
    "log_statement=none",
];

fn binaries() -> Option<PathBuf> {
    let path = setting("PATH").unwrap_or_default();
    let mut homes: Vec<PathBuf> = std::fs::read_dir("/usr/lib/postgresql")
        .into_iter()
        .flatten()
        .flatten()
        .map(|version| version.path().join("bin"))
        .collect();
    // The newest of several.
    homes.sort_by_key(|home| {
        home.parent().and_then(Path::file_name).and_then(|name| name.to_str()?.parse::<u32>().ok())
    });
    homes
        .into_iter()
        .rev()
        .chain(std::env::split_paths(&path))
        .find(|home| home.join("initdb").is_file() && home.join("postgres").is_file())
}

/// PostgreSQL refuses to run as root: then it runs as the user `postgres`, who gets the directory.
fn user_switch(home: &Path) -> Result<Vec<&'static str>, String> {
    let uid = std::fs::metadata("/proc/self").map_err(|error| error.to_string())?.uid();
    if uid != 0 {
        return Ok(Vec::new());
    }
    run(Command::new("chown").arg("postgres:").arg(home))?;
    let switches: [&[&str]; 2] = [
        &["setpriv", "--reuid=postgres", "--regid=postgres", "--init-groups", "--"],
        &["runuser", "-u", "postgres", "--"],
    ];
    switches
        .into_iter()
        .find(|switch| run(Command::new(switch[0]).args(&switch[1..]).arg("true")).is_ok())
        .map(<[_]>::to_vec)
        .ok_or_else(|| "we are root, and neither setpriv nor runuser can become postgres".to_owned())
}

fn initdb(as_user: &[&str], binaries: &Path, data: &Path, locale: &[&str]) -> Result<(), String> {
    let initdb = binaries.join("initdb");
    let mut command = match as_user {
        [] => Command::new(initdb),
        [switch, arguments @ ..] => {
            let mut command = Command::new(switch);
            command.args(arguments).arg(initdb);
            command
        }
    };
    run(command
        .current_dir("/")
        .args(["--username=postgres", "--auth=trust", "--encoding=UTF8", "--no-sync"])
        .args(locale)
        .arg("--pgdata")
        .arg(data))
}

fn run(command: &mut Command) -> Result<(), String> {
    let output = command.stdin(Stdio::null()).output().map_err(|error| format!("{command:?}: {error}"))?;
    if output.status.success() {
        return Ok(());
    }
    Err(format!("{command:?}: {}", String::from_utf8_lossy(&output.stderr).trim()))
}

/// The last line of `postmaster.pid` says how far it is.
fn wait_until_ready(home: &Path) -> Result<(), String> {
    for _ in 0..PATIENCE {
        let status = std::fs::read_to_string(home.join("data/postmaster.pid")).unwrap_or_default();
        if status.lines().nth(7).is_some_and(|line| line.trim() == "ready") {
            return Ok(());
        }
        std::thread::sleep(Duration::from_millis(100));
    }
    Err(format!(
        "the server did not start: {}",
        std::fs::read_to_string(home.join("log")).unwrap_or_default()
    ))
}

mod tests {
    use super::*;

    #[test]
    fn the_database_in_a_servers_url_is_replaced_and_nothing_else() {
        for (url, wanted) in [
            ("postgres://me:secret@db.example:5433/postgres", "postgres://me:secret@db.example:5433/x"),
            ("postgres://me@db.example", "postgres://me@db.example/x"),
            ("postgres://me@localhost/postgres?host=/run/pg", "postgres://me@localhost/x?host=/run/pg"),
        ] {
            assert_eq!(Server::named(url).unwrap().url_of("x"), wanted);
        }
        assert!(Server::named("localhost").is_err());
    }

    #[tokio::test]
    async fn every_database_is_empty_and_has_one_user_at_a_time() {
        let Some(server) = server() else { return };
        let (one, two) = (server.create().await, server.create().await);
        assert_ne!(one, two);
        let mut left_open = session(&server.url_of(&one)).await;
        sqlx::raw_sql("CREATE TABLE left_behind (a BIGINT)").execute(&mut left_open).await.unwrap();
        server.give_back(one).await;
        assert!(sqlx::raw_sql("SELECT 1").execute(&mut left_open).await.is_err(), "its sessions are gone");
        let again = server.create().await;
        let mut session = session(&server.url_of(&again)).await;
        let tables: i64 = sqlx::query_scalar("SELECT count(*) FROM pg_tables WHERE schemaname = 'public'")
            .fetch_one(&mut session)
            .await
            .unwrap();
        assert_eq!(tables, 0);
        server.give_back(again).await;
        server.give_back(two).await;
    }
}
