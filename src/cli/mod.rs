//! The command line: one file per subcommand, over one [`office`] that opens a deployment's files.
//!
//! Exit codes: 0 done, 1 the answer is no (a verification failed), 2 usage or environment.

use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Args, Parser, Subcommand};

use crate::config::{self, Config, Source};
use crate::telemetry;

pub mod audit;
mod bench;
mod client;
mod config_show;
mod demo;
mod explain;
pub mod export;
mod import;
pub mod init;
mod ledger;
pub mod office;
mod pki;
mod proto_export;
pub mod serve;
mod setup;
mod terminal;
pub mod token;
mod witness;

pub use import::read_through;

/// The register behind a government service centre's promises.
#[derive(Debug, Parser)]
#[command(name = "qinlian", version, about, after_help = EXAMPLES)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

const EXAMPLES: &str = "Examples:
  qinlian demo --once
  qinlian init --data ./data --centre hall --name 'Service hall' --admin 'Zhang San' --admin 'Li Si'
  qinlian serve --data ./data
  qinlian terminal --data ./window-3 --server http://hall:50051 --centre hall --window 3 --enrol CODE
  qinlian token --data ./data --subject system:hr --role HR --centre hall
  qinlian import punches badges.csv --data ./data --centre hall \\
      --columns time=timestamp,person=badge,device=zone --create-people
  qinlian import punches 1_attlog.dat --data ./data --centre hall --dry-run
  qinlian export days --data ./data --centre hall --month 2026-11 --format xlsx -o november.xlsx
  qinlian import people people.csv --data ./data --centre hall --dry-run
  qinlian import roster roster.csv --data ./data --centre hall --encoding gb18030
  qinlian setup template -o centre.xlsx
  qinlian setup import centre.xlsx --data ./data --centre hall --dry-run
  qinlian audit bundle --data ./data --centre hall -o bundle
  qinlian audit verify bundle --key data/verifier.key";

/// Where a deployment's files are.
#[derive(Debug, Clone, Args)]
pub struct Where {
    /// The folder that `init` made: database, keys, anchor, verifier.key
    #[arg(long, value_name = "DIR", conflicts_with = "config")]
    pub data: Option<PathBuf>,
    /// A configuration file
    #[arg(long, value_name = "FILE")]
    pub config: Option<PathBuf>,
}

impl Where {
    /// The effective configuration.
    pub fn load(&self) -> anyhow::Result<Config> {
        let source = match (&self.data, &self.config) {
            (Some(data), _) => Source::Data(data.clone()),
            (None, Some(file)) => Source::File(file.clone()),
            (None, None) => Source::Nothing,
        };
        Ok(Config::load(&source, &config::environment())?)
    }
}

#[derive(Debug, Subcommand)]
enum Command {
    /// A service centre lives through a morning, is verified, and stays up to be tried
    Demo(demo::Options),
    /// Begin a deployment: keys, database, two administrators, a first centre
    Init(init::Options),
    /// Run the server
    Serve(serve::Options),
    /// The terminal at a window: keys or lines, a journal of its own, with and without a network
    Terminal(terminal::Options),
    /// Print a token that says who somebody is; with --role, grant the role first
    Token(token::Options),
    /// Bring in files from elsewhere; running it twice changes nothing
    #[command(subcommand)]
    Import(import::Command),
    /// Results as files for people, for payroll, or in the shape of another product
    #[command(subcommand)]
    Export(export::Command),
    /// A centre from one workbook: people, shifts, rosters, calendar
    #[command(subcommand)]
    Setup(setup::Command),
    /// Bundles, their verification, and the database against its ledger
    #[command(subcommand)]
    Audit(audit::Command),
    /// Decisions about the log that nobody takes by accident
    #[command(subcommand)]
    Ledger(ledger::Command),
    /// Cosign other logs, and have ours cosigned by file
    #[command(subcommand)]
    Witness(witness::Command),
    /// Load on this machine: what the ledger costs against plain rows
    Bench(bench::Options),
    /// Certificates for a centre that has no authority of its own
    #[command(subcommand)]
    Pki(pki::Command),
    /// Why a call was denied
    Explain(explain::Options),
    /// The effective configuration
    #[command(subcommand)]
    Config(config_show::Command),
    /// The .proto files of the interface
    #[command(subcommand)]
    Proto(proto_export::Command),
}

/// What a command found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Answer {
    /// Done, or yes.
    Yes,
    /// The answer is no.
    No,
}

/// Runs the command line of this process.
pub fn main() -> ExitCode {
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        Err(error) => {
            // Asking for help is no error; anything else is usage.
            let code = if error.use_stderr() { 2 } else { 0 };
            let _printed = error.print();
            return ExitCode::from(code);
        }
    };
    let runtime = match tokio::runtime::Builder::new_multi_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => return complain(&error.into()),
    };
    match runtime.block_on(run(cli.command)) {
        Ok(Answer::Yes) => ExitCode::SUCCESS,
        Ok(Answer::No) => ExitCode::from(1),
        Err(error) => complain(&error),
    }
}

async fn run(command: Command) -> anyhow::Result<Answer> {
    match command {
        Command::Demo(options) => demo::run(options).await,
        Command::Import(command) => import::run(command).await,
        Command::Export(command) => export::run(command).await,
        Command::Setup(command) => setup::run(command).await,
        Command::Init(options) => init::run(options).await,
        Command::Serve(options) => serve::run(options).await,
        Command::Terminal(options) => terminal::run(options).await,
        Command::Token(options) => token::run(options).await,
        Command::Audit(command) => audit::run(command).await,
        Command::Ledger(command) => ledger::run(command).await,
        Command::Witness(command) => witness::run(command).await,
        Command::Bench(options) => bench::run(options).await,
        Command::Pki(command) => pki::run(&command),
        Command::Explain(options) => explain::run(&options),
        Command::Config(command) => config_show::run(&command),
        Command::Proto(command) => proto_export::run(&command),
    }
}

#[expect(clippy::print_stderr, reason = "the command line speaks to people")]
fn complain(error: &anyhow::Error) -> ExitCode {
    eprintln!("qinlian: {error:#}");
    ExitCode::from(2)
}

/// Says something on standard output. A reader that has gone away is no error of ours.
pub(crate) fn say(text: &str) {
    use std::io::Write;
    let mut out = std::io::stdout().lock();
    let _written = writeln!(out, "{text}");
}

/// A log for commands that are not the server: warnings and worse, in words.
pub(crate) fn quiet_log() {
    log_of("warn");
}

/// A log in words of what is as grave as `level`.
pub(crate) fn log_of(level: &str) {
    // Started before, by a command that runs another one: that log serves.
    let _started = telemetry::start(telemetry::LogFormat::Text, level, None);
}
