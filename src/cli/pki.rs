//! `qinlian pki`: certificates for a centre that has no authority of its own.
//!
//! An authority is a folder: its certificate, its key, and its name. It issues for servers and for terminals, and nothing
//! else. A certificate gives no rights: a terminal's come from its key and its record, so there is no list of revoked
//! certificates. Times are those of X.509 (RFC 5280), by the day.

use std::fs;
use std::io::Write as _;
use std::net::IpAddr;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, bail, ensure};
use clap::{Args, Subcommand};
use jiff::{Timestamp, ToSpan as _, civil, tz::TimeZone};
use rcgen::{
    BasicConstraints, CertificateParams, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair,
    KeyUsagePurpose, date_time_ymd,
};

use super::{Answer, quiet_log, say};
use crate::clock::{Clock as _, SystemClock};
use crate::kernel::DeviceId;

/// An authority holds for ten years.
const AUTHORITY_DAYS: i64 = 3_653;
/// A certificate holds for at most two years: a key that was copied is of use until then.
const DAYS_MAX: i64 = 731;
/// The longest common name (RFC 5280, Appendix A.1).
const NAME_MAX: usize = 64;

const CERTIFICATE: &str = "authority.pem";
const KEY: &str = "authority.key";
const NAME: &str = "authority.name";

#[derive(Debug, Subcommand)]
pub(super) enum Command {
    /// Make an authority: a certificate that others trust, and the key behind it
    Authority {
        /// The folder that it is made in; keep it off the server
        #[arg(short, long, value_name = "DIR")]
        output: PathBuf,
        /// Its name, as certificates show it
        #[arg(long, default_value = "Qinlian authority")]
        name: String,
    },
    /// Issue a certificate for a server
    Server {
        #[command(flatten)]
        issue: Issue,
        /// A name or address that callers connect to; may be repeated
        #[arg(long = "name", value_name = "HOST", required = true)]
        names: Vec<String>,
    },
    /// Issue a certificate for a terminal
    Terminal {
        #[command(flatten)]
        issue: Issue,
        /// The terminal's code in the directory
        #[arg(long, value_name = "CODE")]
        device: String,
    },
}

#[derive(Debug, Args)]
pub(super) struct Issue {
    /// The folder of the authority
    #[arg(long, value_name = "DIR")]
    authority: PathBuf,
    /// The folder that certificate and key are put in
    #[arg(short, long, value_name = "DIR")]
    output: PathBuf,
    /// How long it holds; at most 731
    #[arg(long, default_value_t = 397)]
    days: i64,
}

pub(super) fn run(command: &Command) -> anyhow::Result<Answer> {
    quiet_log();
    match command {
        Command::Authority { output, name } => authority(output, name)?,
        Command::Server { issue, names } => {
            for name in names {
                ensure!(is_host(name), "--name: {name:?} is neither a host name nor an address");
            }
            let first = names.first().context("--name")?;
            let usage = ExtendedKeyUsagePurpose::ServerAuth;
            let (certificate, key) = issue_for(issue, first, names, usage, "server")?;
            say("In the server's config.toml, with both files in its data folder:");
            say("[listen.tls]");
            say(&format!("certificate = {certificate:?}"));
            say(&format!("key = {key:?}"));
            say(&format!("Callers trust {}.", issue.authority.join(CERTIFICATE).display()));
        }
        Command::Terminal { issue, device } => {
            let device = DeviceId::parse(device).context("--device")?.to_string();
            let usage = ExtendedKeyUsagePurpose::ClientAuth;
            let (certificate, key) = issue_for(issue, &device, &[], usage, &device)?;
            say(&format!("For the terminal: {certificate}, {key}."));
            say(&format!(
                "In the server's config.toml, under [listen.tls]: client_ca = {CERTIFICATE:?}, which is {}.",
                issue.authority.join(CERTIFICATE).display()
            ));
        }
    }
    Ok(Answer::Yes)
}

fn authority(output: &Path, name: &str) -> anyhow::Result<()> {
    let sound = !name.trim().is_empty() && name.len() <= NAME_MAX && !name.chars().any(char::is_control);
    ensure!(sound, "--name: 1 to {NAME_MAX} bytes without control characters");
    fs::create_dir_all(output).with_context(|| format!("failed to make {}", output.display()))?;
    if fs::read_dir(output)?.next().is_some() {
        bail!("{} is not empty: an authority is made once", output.display());
    }
    let key = KeyPair::generate()?;
    let mut params = authority_params(name);
    hold(&mut params, AUTHORITY_DAYS)?;
    let certificate = params.self_signed(&key)?;
    put(&output.join(KEY), key.serialize_pem().as_bytes(), 0o400)?;
    put(&output.join(NAME), name.as_bytes(), 0o444)?;
    put(&output.join(CERTIFICATE), certificate.pem().as_bytes(), 0o444)?;
    say(&format!("An authority has begun in {}.", output.display()));
    say(&format!("{CERTIFICATE} is for whoever is to trust it; {KEY} never leaves this folder."));
    Ok(())
}

/// What must be the same whenever the authority signs: its name, and what it may do.
fn authority_params(name: &str) -> CertificateParams {
    let mut params = CertificateParams::default();
    params.distinguished_name = rcgen::DistinguishedName::new();
    params.distinguished_name.push(DnType::CommonName, name);
    params.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
    params
}

/// Names of the two files, in the output folder.
fn issue_for(
    issue: &Issue,
    name: &str,
    hosts: &[String],
    usage: ExtendedKeyUsagePurpose,
    stem: &str,
) -> anyhow::Result<(String, String)> {
    ensure!((1..=DAYS_MAX).contains(&issue.days), "--days: 1 to {DAYS_MAX}");
    let read = |file: &str| {
        let path = issue.authority.join(file);
        fs::read_to_string(&path).with_context(|| format!("--authority: failed to read {}", path.display()))
    };
    let signer = KeyPair::from_pem(&read(KEY)?)
        .map_err(|_| anyhow::anyhow!("--authority: {KEY} is not a private key in PEM"))?;
    let authority = Issuer::new(authority_params(&read(NAME)?), signer);

    let mut params = CertificateParams::new(hosts.to_vec())?;
    params.distinguished_name = rcgen::DistinguishedName::new();
    // A longer host name stands among the alternative names alone, which is where it is looked for.
    if name.len() <= NAME_MAX {
        params.distinguished_name.push(DnType::CommonName, name);
    }
    params.is_ca = IsCa::ExplicitNoCa;
    params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
    params.extended_key_usages = vec![usage];
    params.use_authority_key_identifier_extension = true;
    hold(&mut params, issue.days)?;

    let key = KeyPair::generate()?;
    let certificate = params.signed_by(&key, &authority)?;
    let files = (format!("{stem}.pem"), format!("{stem}.key"));
    fs::create_dir_all(&issue.output)
        .with_context(|| format!("failed to make {}", issue.output.display()))?;
    for file in [&files.0, &files.1] {
        let path = issue.output.join(file);
        ensure!(!path.exists(), "{} is there already", path.display());
    }
    put(&issue.output.join(&files.1), key.serialize_pem().as_bytes(), 0o400)?;
    put(&issue.output.join(&files.0), certificate.pem().as_bytes(), 0o444)?;
    Ok(files)
}

/// A new file, with these rights.
fn put(path: &Path, content: &[u8], mode: u32) -> anyhow::Result<()> {
    let mut file = fs::OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(mode)
        .open(path)
        .with_context(|| format!("failed to make {}", path.display()))?;
    file.write_all(content)?;
    Ok(file.sync_all()?)
}

/// From yesterday, because terminals' clocks may be slow, for so many days from today, in UTC.
fn hold(params: &mut CertificateParams, days: i64) -> anyhow::Result<()> {
    let now = Timestamp::from_millisecond(SystemClock::new().now().get())?;
    let today = TimeZone::UTC.to_datetime(now).date();
    let midnight = |date: civil::Date| {
        date_time_ymd(i32::from(date.year()), date.month().unsigned_abs(), date.day().unsigned_abs())
    };
    params.not_before = midnight(today.yesterday()?);
    params.not_after = midnight(today.checked_add(days.days())?);
    Ok(())
}

fn is_host(name: &str) -> bool {
    let label = |label: &str| {
        (1..=63).contains(&label.len())
            && label.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-')
            && !label.starts_with('-')
            && !label.ends_with('-')
    };
    name.parse::<IpAddr>().is_ok() || (name.len() <= 253 && name.split('.').all(label))
}
