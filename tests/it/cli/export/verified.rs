//! `qinlian audit verify --export`: a file is what two bundles say, or the first row that is not is named.

use qinlian::cli::export::sidecar::Sidecar;
use qinlian::cli::export::{Format, export};
use qinlian::kernel::LogId;

use super::super::{qinlian, text};
use super::rig::{Month, for_payroll};
use super::verdict::{bundles, found, verify};
use crate::support::store::{Fixture, each};

#[tokio::test]
async fn an_export_of_either_database_is_what_its_log_says() {
    let digests = std::cell::RefCell::new(Vec::new());
    each(async |fixture| {
        let dir = tempfile::tempdir().unwrap();
        let month = Month::live(&fixture.store, 511, 13).await;
        let file = dir.path().join("march.csv");
        let sidecar = month.export(Format::Csv, &file).await;
        // The log goes on: an export of an earlier position stays what it was.
        month.rest(1, "2026-03-03").await;
        bundles(&month.hall.office, dir.path()).await;
        let (yes, export) = found(dir.path(), &file);
        assert!(yes, "{export}");
        assert_eq!(export["derived"], sidecar.digest);
        assert_eq!(
            (export["rows"].as_u64(), export["file"].as_str()),
            (Some(sidecar.rows), Some("is the same"))
        );
        digests.borrow_mut().push((sidecar.log.root, sidecar.digest));
        month.hall.office.stop().await;
    })
    .await;
    // The same commands give the same root, and so the same results, on both.
    let mut digests = digests.into_inner();
    digests.dedup();
    assert_eq!(digests.len(), 1, "{digests:?}");
}

#[tokio::test]
async fn every_form_is_verified_with_and_without_employee_numbers() {
    let fixture = Fixture::sqlite().await;
    let dir = tempfile::tempdir().unwrap();
    let month = Month::live(&fixture.store, 512, 5).await;
    let forms = [Format::Csv, Format::Ndjson, Format::Xlsx, Format::Dingtalk, Format::Wecom, Format::Feishu];
    let mut files = Vec::new();
    for form in forms {
        let file = dir.path().join(format!("{form:?}"));
        export(&month.hall.office.desk, &for_payroll(form), &file).await.unwrap();
        files.push(file);
    }
    bundles(&month.hall.office, dir.path()).await;
    for file in &files {
        let (yes, export) = found(dir.path(), file);
        assert!(yes, "{}: {export}", file.display());
    }
    // Without its file, a sidecar is verified by itself, and says so.
    std::fs::remove_file(&files[0]).unwrap();
    let (yes, export) = found(dir.path(), &files[0]);
    assert_eq!((yes, export["file"].as_str()), (true, Some("is not beside the sidecar")));
    month.hall.office.stop().await;
}

#[tokio::test]
async fn what_was_changed_is_found_and_named() {
    let fixture = Fixture::sqlite().await;
    let dir = tempfile::tempdir().unwrap();
    let month = Month::live(&fixture.store, 513, 5).await;
    let file = dir.path().join("march.csv");
    let sidecar = month.export(Format::Csv, &file).await;
    let lines = dir.path().join("march.ndjson");
    month.export(Format::Ndjson, &lines).await;
    bundles(&month.hall.office, dir.path()).await;
    let good = std::fs::read_to_string(&file).unwrap();
    let late = good.lines().position(|line| line.contains("迟到 12 分钟")).unwrap();
    let swapped = |from: &str, to: &str| {
        let mut lines: Vec<String> = good.lines().map(str::to_owned).collect();
        lines[late] = lines[late].replace(from, to);
        lines.join("\r\n") + "\r\n"
    };
    let whole: Vec<&str> = good.lines().collect();
    let row = |row: usize| Some(u64::try_from(row).unwrap());
    for (case, changed, wanted) in [
        ("a result", swapped("迟到", "正常"), row(late + 1)),
        ("a minute", swapped(",12,", ",2,"), row(late + 1)),
        ("a line less", whole[..whole.len() - 1].join("\r\n") + "\r\n", row(whole.len())),
        ("a line more", good.clone() + whole[1] + "\r\n", row(whole.len() + 1)),
        ("an employee number", good.replacen("\r\n,", "\r\n0008,", 1), None),
    ] {
        std::fs::write(&file, changed).unwrap();
        let (yes, export) = found(dir.path(), &file);
        assert!(!yes, "{case}");
        assert_eq!(export["first_bad"]["row"].as_u64(), wanted, "{case}: {export}");
    }
    std::fs::write(&file, &good).unwrap();
    assert!(found(dir.path(), &file).0);
    let said = std::fs::read_to_string(&lines).unwrap();
    std::fs::write(&lines, said.replacen("HEADLINE_LATE", "HEADLINE_NORMAL", 1)).unwrap();
    let (yes, export) = found(dir.path(), &lines);
    assert!(!yes && export["first_bad"]["row"].is_u64(), "{export}");
    // The sidecar itself.
    let path = Sidecar::path(&file);
    for (case, changed, why) in [
        ("the digest", Sidecar { digest: "0".repeat(64), ..sidecar.clone() }, "another digest"),
        ("the root", altered(&sidecar, |log| log.root = "AAAA".to_owned()), "another root"),
        ("the size", altered(&sidecar, |log| log.tree_size += 1_000), "has no tree"),
        ("the log", altered(&sidecar, |log| log.origin.push('x')), "has no tree"),
    ] {
        std::fs::write(&path, changed.render().unwrap()).unwrap();
        let (yes, export) = found(dir.path(), &file);
        assert!(!yes && export["first_bad"]["why"].as_str().unwrap().contains(why), "{case}: {export}");
    }
    month.hall.office.stop().await;
}

fn altered(sidecar: &Sidecar, change: impl FnOnce(&mut qinlian::cli::export::sidecar::Position)) -> Sidecar {
    let mut altered = sidecar.clone();
    change(&mut altered.log);
    altered
}

#[tokio::test]
async fn what_cannot_be_told_is_refused_and_a_bundle_that_does_not_verify_says_no() {
    let fixture = Fixture::sqlite().await;
    let dir = tempfile::tempdir().unwrap();
    let month = Month::live(&fixture.store, 514, 3).await;
    let file = dir.path().join("march.csv");
    bundles(&month.hall.office, dir.path()).await;
    let early = dir.path().join("early");
    std::fs::rename(dir.path().join("deployment"), &early).unwrap();
    // What the deployment put after its bundle was written, the export is made of.
    let year = qinlian::proto::CalendarYear { year: 2027, notice: "待定".to_owned(), days: Vec::new() };
    let put = qinlian::registers::roster::fact::Command::CalendarYear(year);
    month.hall.office.administer(LogId::DEPLOYMENT, put).await.unwrap();
    month.rest(0, "2026-04-03").await;
    month.export(Format::Csv, &file).await;
    std::fs::remove_dir_all(dir.path().join("hall")).unwrap();
    bundles(&month.hall.office, dir.path()).await;
    let (bundle, key, sidecar) =
        (dir.path().join("hall"), dir.path().join("verifier.key"), Sidecar::path(&file));
    let words = ["audit", "verify", text(&bundle), "--key", text(&key), "--export", text(&sidecar)];
    let refused = qinlian(&words);
    assert_eq!(refused.status.code(), Some(2));
    assert!(String::from_utf8_lossy(&refused.stderr).contains("--deployment"));
    let refused = qinlian(&[&words[..], &["--deployment", text(&early)]].concat());
    assert_eq!(refused.status.code(), Some(2));
    let said = String::from_utf8_lossy(&refused.stderr).into_owned();
    assert!(said.contains("ends before"), "{said}");
    assert!(found(dir.path(), &file).0);
    let parts = dir.path().join("deployment/parts/000");
    let mut bytes = std::fs::read(&parts).unwrap();
    bytes[60] ^= 1;
    std::fs::write(&parts, bytes).unwrap();
    assert_eq!(verify(dir.path(), &file).status.code(), Some(1));
    month.hall.office.stop().await;
}
