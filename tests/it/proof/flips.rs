//! Every bit of a bundle matters.

use qinlian::ledger::verify::{Checks, Options, verify};

use super::rig::{Bundle, Rig, key_of, verdict};
use super::toy::Toy;
use crate::support::scale;
use crate::support::store::Fixture;

/// Cheap and repeatable: xorshift64* (Vigna 2016).
struct Dice(u64);

impl Dice {
    fn below(&mut self, limit: usize) -> usize {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        let drawn = self.0.wrapping_mul(0x2545_f491_4f6c_dd1d) >> 11;
        usize::try_from(drawn).unwrap() % limit
    }
}

async fn bundle() -> (Fixture, Bundle) {
    let fixture = Fixture::sqlite().await;
    let rig = Rig::new(&fixture).await;
    rig.fill(270, 90).await;
    rig.erase(&[(0, 1), (3, 1)]).await;
    let disclosure = rig.disclosure().await;
    let bundle = rig.bundle(Some(&disclosure), &[]).await;
    rig.stop().await;
    (fixture, bundle)
}

/// Flips bits, a file as often as it is large but each file often enough; how many flips were not found.
fn unseen(bundle: &Bundle, flips: usize, found: impl Fn(&Bundle) -> bool) -> Vec<(String, usize)> {
    let mut dice = Dice(20_261_124);
    let mut bundle = bundle.clone();
    let paths: Vec<String> = bundle.keys().cloned().collect();
    let total: usize = bundle.values().map(Vec::len).sum();
    let mut unseen = Vec::new();
    for flip in 0..flips {
        let path = if flip % 2 == 0 {
            let mut at = dice.below(total);
            paths.iter().find(|path| match at.checked_sub(bundle[*path].len()) {
                Some(left) => {
                    at = left;
                    false
                }
                None => true,
            })
        } else {
            paths.get(dice.below(paths.len()))
        }
        .unwrap();
        let bit = dice.below(bundle[path].len() * 8);
        let toggle = |bundle: &mut Bundle| bundle.get_mut(path).unwrap()[bit / 8] ^= 1 << (bit % 8);
        toggle(&mut bundle);
        if !found(&bundle) {
            unseen.push((path.clone(), bit));
        }
        toggle(&mut bundle);
    }
    unseen
}

#[tokio::test]
async fn of_ten_thousand_flipped_bits_ten_thousand_are_found() {
    let (fixture, bundle) = bundle().await;
    assert_eq!(verdict(&bundle).first_bad, None);
    let missed = unseen(&bundle, scale(10_000, 100_000), |changed| !verdict(changed).verified);
    assert_eq!(missed, []);
    fixture.end().await;
}

/// The other checks do not depend on the MANIFEST: what carries evidence is found without it.
#[tokio::test]
async fn without_the_manifest_every_flip_in_entries_tiles_parts_and_roots_is_found_all_the_same() {
    let (fixture, mut bundle) = bundle().await;
    bundle.retain(|path, _| path != "MANIFEST");
    let mut options = Options::new(vec![key_of("hall")]);
    options.checks = Checks::NoManifest;
    let manifest = self::bundle().await.1["MANIFEST"].clone();
    let missed = unseen(&bundle, scale(1_000, 20_000), |changed| {
        let mut changed = changed.clone();
        changed.insert("MANIFEST".to_owned(), manifest.clone());
        !verify(&changed, &options, &Toy).verified
    });
    assert_eq!(missed, []);
    fixture.end().await;
}

/// The rig bites: a verifier that leaves a check out misses what that check is for.
#[tokio::test]
async fn a_verifier_that_opens_no_parts_and_trusts_the_manifest_misses_flips() {
    let (fixture, bundle) = bundle().await;
    let mut options = Options::new(vec![key_of("hall")]);
    options.checks = Checks::NoParts;
    let mut changed = bundle.clone();
    let parts = changed.get_mut("parts/000").unwrap();
    let at = parts.windows(6).position(|window| window == b"note 5").unwrap();
    parts[at] ^= 1;
    let manifest = |bundle: &Bundle| {
        use qinlian::ledger::bundle::{FileLine, Manifest};
        let mut manifest = Manifest::parse(std::str::from_utf8(&bundle["MANIFEST"]).unwrap()).unwrap();
        manifest.files.insert("parts/000".to_owned(), FileLine::of(&bundle["parts/000"]));
        manifest.render().into_bytes()
    };
    let rewritten = manifest(&changed);
    changed.insert("MANIFEST".to_owned(), rewritten);
    assert!(verify(&changed, &options, &Toy).verified, "nothing looked at the parts");
    let bad = verdict(&changed).first_bad.unwrap();
    assert_eq!((bad.index, bad.field.as_str()), (Some(5), "parts[0]"));
    fixture.end().await;
}
