//! What the program says of an export: two bundles, a file, and whether it is what they say.

use std::path::Path;
use std::process::Output;

use qinlian::cli::export::sidecar::Sidecar;
use qinlian::kernel::{CentreId, LogId};
use qinlian::ledger::bundle::{BundleRequest, write_folder};
use qinlian::ledger::port::Rulebook;
use qinlian::ledger::setup::origin;
use qinlian::ledger::signature::verifier_key;
use serde_json::Value;

use super::super::{qinlian, text};
use crate::support::office::{DEPLOYMENT, Office, keys};

/// The bundles of a centre's log and of the deployment's, without a personal part.
pub(super) async fn bundles(office: &Office, dir: &Path) {
    let desk = &office.desk;
    for (log, name) in [(office.hall, "hall"), (LogId::DEPLOYMENT, "deployment")] {
        let request = BundleRequest {
            log,
            personal_tables: desk.registers().personal_tables(),
            personal: None,
            witnesses: &[],
        };
        write_folder(desk.ledger().reader(), request, &dir.join(name)).await.expect("a bundle");
    }
    let lines = ["hall", "_"].map(|code| {
        let origin = origin(DEPLOYMENT, &CentreId::parse(code).expect("a code"), 1);
        format!("{}\n", verifier_key(&keys(), &origin).expect("a key"))
    });
    std::fs::write(dir.join("verifier.key"), lines.concat()).unwrap();
}

pub(super) fn verify(dir: &Path, file: &Path) -> Output {
    let (bundle, deployment, key) = (dir.join("hall"), dir.join("deployment"), dir.join("verifier.key"));
    let sidecar = Sidecar::path(file);
    let words = ["audit", "verify", text(&bundle), "--key", text(&key), "--export", text(&sidecar)];
    qinlian(&[&words[..], &["--deployment", text(&deployment), "--json"]].concat())
}

/// What the program found, and whether it said yes.
pub(super) fn found(dir: &Path, file: &Path) -> (bool, Value) {
    let output = verify(dir, file);
    let said = String::from_utf8_lossy(&output.stdout);
    let all: Value = serde_json::from_str(&said)
        .unwrap_or_else(|_| panic!("{said}{}", String::from_utf8_lossy(&output.stderr)));
    assert_eq!(all["verified"].as_bool(), Some(output.status.success()), "{all}");
    (output.status.success(), all["export"].clone())
}
