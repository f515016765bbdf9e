//! `qinlian witness`: cosigning other people's logs (c2sp.org/tlog-witness), over HTTP or by file, and asking others to
//! cosign ours by file.

use std::path::PathBuf;
use std::sync::Arc;

use anyhow::Context;
use clap::{Args, Subcommand};
use tokio::net::TcpListener;

use super::audit::{keys_of, witnesses};
use super::office::{Office, Opening};
use super::{Answer, Where, quiet_log, say};
use crate::clock::SystemClock;
use crate::kernel::CentreId;
use crate::tlog::parse_cosignature_key;
use crate::witness::{self, Witness, WitnessOptions};

/// Who does what.
#[derive(Debug, Subcommand)]
pub(super) enum Command {
    /// Make a witness's key; prints the verifier key to give away
    Key {
        /// The witness's name, for example a domain and a path
        #[arg(long)]
        name: String,
        /// The file to write
        #[arg(long, value_name = "FILE")]
        key: PathBuf,
    },
    /// Cosign over HTTP
    Serve(Serve),
    /// Answer the requests in a folder
    Sign(Sign),
    /// Write a request for one of our logs, for a witness without a network
    Request {
        #[command(flatten)]
        place: Where,
        /// Whose log
        #[arg(long, value_name = "CODE")]
        centre: String,
        /// The witness's verifier key; the configuration's first one unless given
        #[arg(long, value_name = "LINE")]
        witness: Option<String>,
        /// The folder
        #[arg(short, long, value_name = "DIR")]
        out: PathBuf,
    },
    /// Keep the cosignatures in a folder that came back
    Import {
        #[command(flatten)]
        place: Where,
        /// Verifier keys of witnesses, besides those of the configuration
        #[arg(long, value_name = "LINE")]
        witness: Vec<String>,
        /// The folder
        dir: PathBuf,
    },
}

/// A witness.
#[derive(Debug, Args)]
pub(super) struct Cosigner {
    /// Its key file
    #[arg(long, value_name = "FILE")]
    key: PathBuf,
    /// Where it remembers what it cosigned
    #[arg(long, value_name = "DIR")]
    state: PathBuf,
    /// The logs that it knows: verifier keys, or files with such lines
    #[arg(long, value_name = "FILE|LINE", required = true)]
    log: Vec<String>,
}

#[derive(Debug, Args)]
pub(super) struct Serve {
    #[command(flatten)]
    cosigner: Cosigner,
    /// Where to listen
    #[arg(long, default_value = "127.0.0.1:8080")]
    listen: String,
    /// A path before the calls
    #[arg(long, default_value = "")]
    prefix: String,
}

#[derive(Debug, Args)]
pub(super) struct Sign {
    #[command(flatten)]
    cosigner: Cosigner,
    /// The folder with requests
    dir: PathBuf,
}

fn open(options: &Cosigner) -> anyhow::Result<Witness> {
    let mut logs = Vec::new();
    for given in &options.log {
        logs.extend(keys_of(given)?);
    }
    Ok(Witness::open(WitnessOptions {
        cosigner: witness::key::load(&options.key)?,
        logs,
        state: options.state.clone(),
        clock: Arc::new(SystemClock::new()),
    })?)
}

/// Runs `witness`.
pub(super) async fn run(command: Command) -> anyhow::Result<Answer> {
    quiet_log();
    match command {
        Command::Key { name, key } => {
            let made = witness::key::generate(&name, &key, &SystemClock::new())?;
            say(&made.vkey().to_string());
            Ok(Answer::Yes)
        }
        Command::Serve(options) => serve(options).await,
        Command::Sign(options) => {
            let signed = witness::drop::sign(&open(&options.cosigner)?, &options.dir)?;
            let mut all = true;
            for one in &signed {
                all &= matches!(one.answer, witness::Answer::Cosigned(_));
                let said = match &one.answer {
                    witness::Answer::Cosigned(_) => "cosigned".to_owned(),
                    witness::Answer::Conflict(size) => format!("refused: size {size} was cosigned last"),
                    witness::Answer::Refused(status) => format!("refused ({status})"),
                };
                say(&format!("{}: {said}", one.request.display()));
            }
            Ok(if all { Answer::Yes } else { Answer::No })
        }
        Command::Request { place, centre, witness, out } => {
            let office = Office::open(place.load()?, Opening::default()).await?;
            let key = match witness {
                Some(line) => parse_cosignature_key(&line).context("--witness")?,
                None => witnesses(&office.config)?
                    .into_iter()
                    .next()
                    .context("--witness: the configuration names none")?,
            };
            let centre = CentreId::parse(&centre).context("--centre")?;
            let path = witness::drop::request(office.desk.ledger().reader(), &centre, &key, &out).await?;
            office.close().await;
            say(&path.display().to_string());
            Ok(Answer::Yes)
        }
        Command::Import { place, witness, dir } => {
            let office = Office::open(place.load()?, Opening::default()).await?;
            let mut keys = witnesses(&office.config)?;
            for line in &witness {
                keys.push(parse_cosignature_key(line).context("--witness")?);
            }
            let imported = witness::drop::import(office.desk.ledger().reader(), &keys, &dir).await?;
            office.close().await;
            say(&format!("{} cosignatures kept", imported.kept));
            for path in &imported.refused {
                say(&format!("{}: no cosignature of ours by a known witness", path.display()));
            }
            Ok(if imported.refused.is_empty() { Answer::Yes } else { Answer::No })
        }
    }
}

async fn serve(options: Serve) -> anyhow::Result<Answer> {
    let witness = Arc::new(open(&options.cosigner)?);
    let listener = TcpListener::bind(&options.listen)
        .await
        .with_context(|| format!("failed to listen on {}", options.listen))?;
    say(&format!("{} listens on {}", witness.cosigner().key().vkey(), listener.local_addr()?));
    let router = witness::server::router(witness, &options.prefix);
    witness::server::serve(listener, router, async {
        // A signal that cannot be waited for is no reason to stop.
        let _interrupted = tokio::signal::ctrl_c().await;
    })
    .await?;
    Ok(Answer::Yes)
}
