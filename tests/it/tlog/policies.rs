//! Policy files, c2sp.org/tlog-policy, clause by clause.

use ed25519_dalek::SigningKey;
use qinlian::tlog::{Cosigner, Note, NoteError, NoteSignature, NoteSigner, Policy, PolicyError};

const TEXT: &str = "log.example\n0\n47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=\n";

fn log(name: &str, seed: u8) -> NoteSigner {
    NoteSigner::ed25519(name, SigningKey::from_bytes(&[seed; 32])).unwrap()
}

fn witness(seed: u8) -> Cosigner {
    Cosigner::new(&format!("w{seed}.example"), SigningKey::from_bytes(&[seed; 32])).unwrap()
}

fn vkey(seed: u8) -> String {
    witness(seed).key().vkey().to_string()
}

/// A note by the log, cosigned by these.
fn note(cosigners: impl IntoIterator<Item = u8>) -> Note {
    let lines: String = cosigners.into_iter().map(|n| witness(n).cosign(TEXT, 7).unwrap().line()).collect();
    Note::parse(&(log("log.example", 99).sign(TEXT).note(TEXT) + &lines)).unwrap()
}

#[test]
fn the_example_of_the_specification_decides_all_sixty_four_sets_of_cosigners() {
    let mut file = format!("log {}\n\n", log("log.example", 99).verifier_key());
    for (n, name) in ["X1", "X2", "X3", "Y1", "Y2", "Y3"].iter().enumerate() {
        file += &format!("witness {name} {}\n", vkey(u8::try_from(n + 1).unwrap()));
    }
    file += "group X-witnesses 2 X1 X2 X3\ngroup Y-witnesses any Y1 Y2 Y3\n";
    file += "group X-and-Y all X-witnesses Y-witnesses\nquorum X-and-Y\n";
    let policy = Policy::parse(&file).unwrap();
    let mut met = 0;
    for set in 0..64_u8 {
        let expected = (set & 0b000_111).count_ones() >= 2 && (set & 0b111_000) != 0;
        let cosigners = (0..6).filter(|n| set >> n & 1 == 1).map(|n| n + 1);
        assert_eq!(policy.is_witnessed(&note(cosigners)), Ok(expected), "{set:06b}");
        met += u32::from(expected);
    }
    assert_eq!(met, 4 * 7);
}

#[test]
fn lines_are_read_as_the_text_says() {
    let (log, one) = (log("log.example", 99).verifier_key().to_string(), vkey(1));
    let start = format!("log {log}\nwitness W {one}\n");
    for (case, file) in [
        ("no logs and no witnesses", "quorum none\n".to_owned()),
        ("no final newline", format!("{start}quorum W")),
        (
            "empty lines, tabs and spaces around",
            format!("\n \t\n\t log\t{log}  \n\twitness W\t {one} \n\n quorum\tW \n"),
        ),
        ("comments", format!("# a\n  \t# b\n#\n{start}quorum W\n# end")),
        (
            "addresses",
            format!("log {log} https://log.example\nwitness W {one} https://w.example\nquorum W\n"),
        ),
        ("a comment outside ASCII", format!("# 勤廉\n{start}quorum W\n")),
        ("witnesses before logs", format!("witness W {one}\nquorum W\nlog {log}\n")),
        ("a witness named like a keyword", format!("witness all {one}\ngroup any any all\nquorum any\n")),
        ("a threshold in digits", format!("{start}group G 1 W\nquorum G\n")),
        ("a defined group that the quorum does not use", format!("{start}group G all W\nquorum none\n")),
        ("the log's key as a witness's too", format!("{start}witness L {}\nquorum L\n", vkey(99))),
    ] {
        assert!(Policy::parse(&file).is_ok(), "{case}: {:?}", Policy::parse(&file));
    }
}

#[test]
fn what_the_text_forbids_is_refused_by_line() {
    let (log_key, one, two) = (log("log.example", 99).verifier_key().to_string(), vkey(1), vkey(2));
    let start = format!("log {log_key}\nwitness W {one}\nwitness V {two}\n");
    let renamed_log = log("other.example", 99).verifier_key().to_string();
    let renamed_witness =
        Cosigner::new("another.example", SigningKey::from_bytes(&[1; 32])).unwrap().key().vkey().to_string();
    let fresh = vkey(3);
    for (case, lines, error) in [
        ("no quorum", String::new(), PolicyError::Quorum),
        ("two quorums", "quorum W\nquorum V\n".to_owned(), PolicyError::Quorum),
        ("the same key as another log", format!("log {renamed_log}\n"), PolicyError::Duplicate(4)),
        (
            "the same key as another witness",
            format!("witness U {renamed_witness}\n"),
            PolicyError::Duplicate(4),
        ),
        ("a witness's name again", format!("witness W {fresh}\n"), PolicyError::Duplicate(4)),
        ("a group named as a witness", "group W any V\n".to_owned(), PolicyError::Duplicate(4)),
        ("a group's name again", "group G any V\ngroup G any W\n".to_owned(), PolicyError::Duplicate(5)),
        (
            "a witness named as a group",
            format!("group G any V\nwitness G {fresh}\n"),
            PolicyError::Duplicate(5),
        ),
        ("a witness named none", format!("witness none {fresh}\n"), PolicyError::Duplicate(4)),
        ("a group named none", "group none any W\n".to_owned(), PolicyError::Duplicate(4)),
        ("none as a member", "group G any none\n".to_owned(), PolicyError::Name(4)),
        ("itself as a member", "group G any G\n".to_owned(), PolicyError::Name(4)),
        ("a member defined later", "group G any H\ngroup H any W\n".to_owned(), PolicyError::Name(4)),
        ("a member twice", "group G any W W\n".to_owned(), PolicyError::Name(4)),
        ("a member of two groups", "group G any W\ngroup H any W\n".to_owned(), PolicyError::Name(5)),
        ("a log as a member", "group G any log.example\n".to_owned(), PolicyError::Name(4)),
        ("a quorum defined later", "quorum G\ngroup G any W\n".to_owned(), PolicyError::Name(4)),
        ("a group without members", "group G all\n".to_owned(), PolicyError::Line(4)),
        ("threshold 0", "group G 0 W\n".to_owned(), PolicyError::Threshold(4)),
        ("threshold beyond the members", "group G 3 W V\n".to_owned(), PolicyError::Threshold(4)),
        ("threshold with a sign", "group G +1 W V\n".to_owned(), PolicyError::Threshold(4)),
        ("threshold below zero", "group G -1 W V\n".to_owned(), PolicyError::Threshold(4)),
        ("threshold in hexadecimal", "group G 0x1 W V\n".to_owned(), PolicyError::Threshold(4)),
        (
            "threshold past all numbers",
            "group G 18446744073709551617 W V\n".to_owned(),
            PolicyError::Threshold(4),
        ),
        ("a quorum of two names", "quorum W V\n".to_owned(), PolicyError::Line(4)),
        ("a quorum of nothing", "quorum\n".to_owned(), PolicyError::Line(4)),
        ("an unknown word", "mirror W\n".to_owned(), PolicyError::Line(4)),
        ("a keyword in capitals", "Quorum W\n".to_owned(), PolicyError::Line(4)),
        ("a space that is not ASCII", "quorum\u{a0}W\n".to_owned(), PolicyError::Line(4)),
        ("a comment after a line", "quorum W # enough\n".to_owned(), PolicyError::Line(4)),
        ("a witness's key for a log", format!("log {fresh}\n"), PolicyError::Key(4)),
        ("a log's key for a witness", format!("witness U {log_key}\n"), PolicyError::Key(4)),
        ("a carriage return", "quorum W\r\n".to_owned(), PolicyError::ControlCharacter(4)),
        ("a null", "#\0\n".to_owned(), PolicyError::ControlCharacter(4)),
        ("a delete character", "#\x7f\n".to_owned(), PolicyError::ControlCharacter(4)),
    ] {
        assert_eq!(Policy::parse(format!("{start}{lines}")), Err(error), "{case}");
    }
}

/// "Character set": octets above 0x7F are opaque.
#[test]
fn names_are_octets_and_two_that_look_alike_are_two() {
    let named = |name: &[u8], seed: u8| [b"witness ", name, b" ", vkey(seed).as_bytes(), b"\n"].concat();
    let kelvin = [0xE2, 0x84, 0xAA];
    let file = [named(b"K", 1), named(&kelvin, 2), named(&[0xff], 3), named(&[0xfe], 4)].concat();
    for (quorum, cosigner) in [(&b"K"[..], 1), (&kelvin, 2), (&[0xff], 3), (&[0xfe], 4)] {
        let policy = Policy::parse([&file, &b"quorum "[..], quorum, b"\n"].concat()).unwrap();
        for n in 1..=4 {
            assert_eq!(policy.is_witnessed(&note([n])), Ok(n == cosigner), "{quorum:?} by {n}");
        }
        assert_eq!(policy.witnesses().count(), 4);
    }
}

#[test]
fn groups_may_nest_as_deep_as_a_policy_may_be_long_and_no_deeper() {
    let nested = |groups: usize| {
        let mut file = format!("witness G0 {}\n", vkey(1));
        for n in 1..=groups {
            file += &format!("group G{n} any G{}\n", n - 1);
        }
        file + &format!("quorum G{groups}\n")
    };
    let policy = Policy::parse(nested(999)).unwrap();
    assert_eq!(policy.is_witnessed(&note([1])), Ok(true));
    assert_eq!(policy.is_witnessed(&note([])), Ok(false));
    assert_eq!(Policy::parse(nested(1000)), Err(PolicyError::TooMany(1001)));
}

#[test]
fn a_bad_cosignature_of_a_known_witness_is_an_error_even_where_the_quorum_is_met_without_it() {
    let file = format!("witness W {}\nwitness V {}\ngroup G any W V\nquorum G\n", vkey(1), vkey(2));
    let policy = Policy::parse(&file).unwrap();
    let bad = NoteSignature::new("w2.example", witness(2).cosign(TEXT, 7).unwrap().key_id(), vec![0; 72]);
    let spoilt = Note::parse(&(note([1]).to_string() + &bad.unwrap().line())).unwrap();
    assert_eq!(policy.is_witnessed(&spoilt), Err(NoteError::BadSignature));
    assert_eq!(policy.is_witnessed(&note([1, 3])), Ok(true), "a witness that is not known is ignored");
}
