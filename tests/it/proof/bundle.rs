//! A bundle of an honest log: what is in it, and that it verifies.

use qinlian::kernel::Pos;
use qinlian::ledger::bundle::{Manifest, Wanted};
use qinlian::ledger::leaf::Leaf;
use qinlian::ledger::verify::{Folder, Options, verify};
use qinlian::tlog::{decode_bundle, leaf_hash, tiles_of};

use super::rig::{Bundle, HALL, Rig, first_bad, key_of, note, verdict};
use super::toy::Toy;
use crate::support::store::each;
use crate::tlog::go::go_verify;

#[tokio::test]
async fn a_bundle_of_an_honest_log_verifies_and_both_databases_give_the_same_bytes() {
    let bundles = std::sync::Mutex::new(Vec::new());
    each(async |fixture| {
        let rig = Rig::new(fixture).await;
        rig.fill(600, 100).await;
        rig.fill(3, 1).await;
        let bundle = rig.bundle(None, &[]).await;
        let report = verdict(&bundle);
        assert_eq!(report.first_bad, None);
        assert_eq!((report.verified, report.entries, report.size), (true, 603, 603));
        assert_eq!((report.erased, report.withheld, report.witnessed_until), (0, 201, None));
        let head = rig.ledger.reader().head(HALL).await.unwrap().0;
        assert_eq!(report.root, head.root.to_string());
        rig.stop().await;
        bundles.lock().unwrap().push(bundle);
    })
    .await;
    let bundles = bundles.into_inner().unwrap();
    assert!(bundles.windows(2).all(|two| two[0] == two[1]));
}

#[tokio::test]
async fn go_verifies_the_bundle_of_a_log_that_lived_and_finds_a_flipped_bit_in_it() {
    each(async |fixture| {
        let rig = Rig::new(fixture).await;
        rig.fill(600, 100).await;
        let bundle = rig.bundle(None, &[]).await;
        rig.stop().await;
        let folder = tempfile::tempdir().unwrap();
        let key = key_of("hall").to_string();
        write(folder.path(), &bundle);
        let Some(said) = go_verify(folder.path(), &key) else { return };
        assert_eq!(said, Ok("ok 600 entries".to_owned()));
        let mut altered = bundle.clone();
        if let Some(byte) = altered.get_mut("tile/entries/001").and_then(|bytes| bytes.last_mut()) {
            *byte ^= 1;
        }
        assert_ne!(altered, bundle);
        write(folder.path(), &altered);
        assert!(go_verify(folder.path(), &key).unwrap().is_err());
    })
    .await;
}

fn write(folder: &std::path::Path, bundle: &Bundle) {
    for (name, bytes) in bundle {
        let path = folder.join(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, bytes).unwrap();
    }
}

#[tokio::test]
async fn an_empty_log_and_logs_around_a_full_tile_verify() {
    each(async |fixture| {
        let rig = Rig::new(fixture).await;
        for (more, size) in [(0, 0), (1, 1), (254, 255), (1, 256), (1, 257)] {
            rig.fill(more, 64).await;
            let report = verdict(&rig.bundle(None, &[]).await);
            assert_eq!((report.first_bad, report.size), (None, size));
        }
        rig.stop().await;
    })
    .await;
}

#[tokio::test]
async fn the_files_are_those_of_the_tiles_specification_and_ours_beside_them() {
    each(async |fixture| {
        let rig = Rig::new(fixture).await;
        rig.fill(300, 100).await;
        let bundle = rig.bundle(None, &[]).await;
        let mut expected: Vec<String> = tiles_of(300).map(|tile| tile.to_string()).collect();
        expected.extend(
            ["tile/entries/000", "tile/entries/001.p/44", "parts/000", "parts/001"].map(String::from),
        );
        // Of the commits that ended at 100, 200 and 300: the last in each tile.
        expected.extend(["checkpoints/0", "checkpoints/200", "checkpoints/300"].map(String::from));
        expected.extend(["checkpoint", "MANIFEST"].map(String::from));
        expected.sort();
        assert_eq!(bundle.keys().cloned().collect::<Vec<_>>(), expected);
        assert_eq!(bundle["checkpoint"], bundle["checkpoints/300"]);
        // Any client of the specification gets from entries to hashes.
        for (entries, hashes) in
            [("tile/entries/000", "tile/0/000"), ("tile/entries/001.p/44", "tile/0/001.p/44")]
        {
            let leaves = decode_bundle(&bundle[entries]).unwrap();
            let computed: Vec<u8> = leaves.iter().flat_map(|leaf| leaf_hash(leaf).0).collect();
            assert_eq!(computed, bundle[hashes]);
        }
        let manifest = Manifest::parse(std::str::from_utf8(&bundle["MANIFEST"]).unwrap()).unwrap();
        assert_eq!(manifest.files.len(), bundle.len() - 1);
        assert_eq!(manifest.epochs[0].key, key_of("hall").to_string());
        rig.stop().await;
    })
    .await;
}

#[tokio::test]
async fn the_last_checkpoint_of_each_day_is_in_the_bundle() {
    each(async |fixture| {
        let rig = Rig::new(fixture).await;
        rig.fill(2, 1).await;
        rig.clock.advance_ms(24 * 3_600_000);
        rig.fill(3, 1).await;
        let bundle = rig.bundle(None, &[]).await;
        let checkpoints: Vec<&str> =
            bundle.keys().filter_map(|path| path.strip_prefix("checkpoints/")).collect();
        assert_eq!(checkpoints, ["0", "2", "5"]);
        assert_eq!(verdict(&bundle).first_bad, None);
        rig.stop().await;
    })
    .await;
}

#[tokio::test]
async fn names_are_in_a_bundle_only_with_a_read_on_record() {
    each(async |fixture| {
        let rig = Rig::new(fixture).await;
        rig.fill(3, 3).await;
        let holds = |bundle: &Bundle| {
            bundle.values().any(|bytes| bytes.windows(9).any(|window| window == b"Zhang San"))
        };
        let closed = rig.bundle(None, &[]).await;
        let disclosure = rig.disclosure().await;
        let open = rig.bundle(Some(&disclosure), &[]).await;
        assert_eq!((holds(&closed), holds(&open)), (false, true));
        let report = verdict(&open);
        assert_eq!((report.first_bad, report.withheld, report.entries), (None, 0, 4));
        rig.stop().await;
    })
    .await;
}

#[tokio::test]
async fn names_of_the_wanted_entries_are_in_a_bundle_and_no_others() {
    each(async |fixture| {
        let rig = Rig::new(fixture).await;
        // Six entries of an hour each; the first, the fourth have a name.
        for n in 0..6 {
            rig.clock.advance_ms(3_600_000);
            let name = ["Zhang San", "Li Si"][n / 3];
            rig.send(HALL, note(&format!("note {n}"), (n % 3 == 0).then_some(name))).await;
        }
        let disclosure = rig.disclosure().await;
        let entries = rig.ledger.reader().entries(HALL, &[Pos::new(0), Pos::new(3)]).await.unwrap();
        let at: Vec<_> = entries.iter().map(|entry| Leaf::decode(&entry.leaf).unwrap().recorded).collect();
        let positions = |all: &[u64]| Some(all.iter().map(|pos| Pos::new(*pos)).collect());
        let all = Wanted::default();
        for (what, wanted, shown) in [
            ("all", all.clone(), [true, true]),
            ("the first", Wanted { entries: positions(&[0]), ..all.clone() }, [true, false]),
            ("the fourth", Wanted { entries: positions(&[1, 3, 5]), ..all.clone() }, [false, true]),
            ("none", Wanted { entries: positions(&[]), ..all.clone() }, [false, false]),
            ("from the fourth on", Wanted { from: Some(at[1]), ..all.clone() }, [false, true]),
            ("up to the fourth", Wanted { until: Some(at[1]), ..all.clone() }, [true, false]),
            (
                "the first, later",
                Wanted { entries: positions(&[0]), from: Some(at[1]), until: None },
                [false; 2],
            ),
        ] {
            let bundle = rig.bundle_of(Some(&disclosure), &wanted, &[]).await;
            let holds = |name: &[u8]| {
                bundle.values().any(|bytes| bytes.windows(name.len()).any(|window| window == name))
            };
            assert_eq!([holds(b"Zhang San"), holds(b"Li Si")], shown, "{what}");
            let report = verdict(&bundle);
            let withheld = shown.iter().filter(|shown| !**shown).count();
            assert_eq!((report.first_bad, report.withheld), (None, withheld as u64), "{what}");
        }
        rig.stop().await;
    })
    .await;
}

#[tokio::test]
async fn a_bundle_in_a_folder_verifies_and_a_file_too_many_or_too_few_is_named() {
    each(async |fixture| {
        let rig = Rig::new(fixture).await;
        rig.fill(300, 100).await;
        let folder = fixture.dir().join("bundle");
        let request = qinlian::ledger::bundle::BundleRequest {
            log: HALL,
            personal_tables: qinlian::ledger::port::Rulebook::personal_tables(&Toy),
            personal: None,
            witnesses: &[],
        };
        let summary =
            qinlian::ledger::bundle::write_folder(rig.ledger.reader(), request, &folder).await.unwrap();
        assert_eq!((summary.size, summary.files), (300, 12));
        let options = Options::new(vec![key_of("hall")]);
        let verdict = || verify(&Folder(folder.clone()), &options, &Toy);
        assert_eq!(verdict().first_bad, None);
        std::fs::write(folder.join("tile/extra"), "x").unwrap();
        assert_eq!(first_bad(&verdict()), (None, "tile/extra".to_owned()));
        std::fs::remove_file(folder.join("tile/extra")).unwrap();
        for (path, index) in [
            ("tile/entries/001.p/44", Some(256)),
            ("tile/0/000", Some(0)),
            ("tile/1/000.p/1", None),
            ("parts/001", Some(256)),
            ("checkpoint", None),
            ("checkpoints/200", None),
            ("MANIFEST", None),
        ] {
            let bytes = std::fs::read(folder.join(path)).unwrap();
            std::fs::remove_file(folder.join(path)).unwrap();
            assert_eq!(first_bad(&verdict()), (index, path.to_owned()));
            std::fs::write(folder.join(path), bytes).unwrap();
        }
        assert_eq!(verdict().first_bad, None);
        rig.stop().await;
    })
    .await;
}

#[tokio::test]
async fn a_bundle_shows_one_moment_while_the_log_goes_on() {
    each(async |fixture| {
        let rig = Rig::new(fixture).await;
        rig.fill(10, 1).await;
        let request = qinlian::ledger::bundle::BundleRequest {
            log: HALL,
            personal_tables: qinlian::ledger::port::Rulebook::personal_tables(&Toy),
            personal: None,
            witnesses: &[],
        };
        let mut writer =
            qinlian::ledger::bundle::BundleWriter::open(rig.ledger.reader(), request).await.unwrap();
        let mut bundle = Bundle::new();
        while let Some(file) = writer.next().await.unwrap() {
            rig.send(HALL, note("meanwhile", Some("Li Si"))).await;
            bundle.insert(file.path, file.bytes);
        }
        drop(writer);
        let report = verdict(&bundle);
        assert_eq!((report.first_bad, report.entries), (None, 10));
        rig.stop().await;
    })
    .await;
}
