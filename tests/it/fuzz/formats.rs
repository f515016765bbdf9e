//! Texts of every kind, page tokens, leaves, facts, manifests and configurations.

use std::collections::BTreeMap;
use std::str::FromStr as _;

use prost::Message as _;
use qinlian::config::{Config, Source};
use qinlian::edge::Language;
use qinlian::kernel::{
    CentreId, Check, DeviceId, EpochMs, Label, Name, PersonId, Pos, RequestId, Subject, Words, Zone,
};
use qinlian::ledger::bundle::{FileLine, Manifest};
use qinlian::ledger::leaf::{Leaf, PartCommitment, PartType};
use qinlian::proto::{Centre, EntryFacts, Person};
use qinlian::registers::attendance::load::Range;
use qinlian::registers::directory::fact::Record;
use qinlian::registers::wire;

use super::count_of;
use super::engine::{Food, Tally, feed};

fn both(tally: Tally) {
    assert!(tally.read > 20 && tally.refused > 20, "{tally:?}");
}

fn text_of(bytes: &[u8]) -> std::borrow::Cow<'_, str> {
    String::from_utf8_lossy(bytes)
}

fn words(texts: &[&str]) -> Vec<Vec<u8>> {
    texts.iter().map(|text| text.as_bytes().to_vec()).collect()
}

/// What texts are made of that are not what they seem.
const PIECES: &[&[u8]] = &[
    b"\0",
    b"\r\n",
    b"\x1b[31m",
    "\u{202e}".as_bytes(),
    "\u{feff}".as_bytes(),
    "\u{200e}".as_bytes(),
    "长".as_bytes(),
    "\u{1f600}".as_bytes(),
    "e\u{301}".as_bytes(),
    b"\xc3",
    b"\xed\xa0\x80",
    b"-",
    b":",
    b"_",
    b"/",
    b"..",
    b";q=0.5",
    b",zh-CN",
    b"person:",
    b"device:",
    b"system:",
    b"00000000-0000-0000-0000-000000000000",
];

#[test]
fn texts_are_read_without_a_panic_and_stay_what_they_are() {
    let person = PersonId::mint([7; 16]).to_string();
    let good = words(&[
        "hall-1",
        "_",
        &person,
        &format!("person:{person}"),
        "device:hall-1",
        "3b241101-e2bb-4255-8caf-4136c566a962",
        "Asia/Shanghai",
        "政务服务大厅 3 号窗口",
        "zh-CN,zh;q=0.9,en;q=0.8",
    ]);
    let food = Food { name: "texts", good, pieces: PIECES, most: 5 };
    both(feed(&food, count_of("texts"), |bytes| {
        let text = &*text_of(bytes);
        let _ = Language::preferred(text);
        let spelled = [
            CentreId::parse(text).ok().map(|it| it.to_string()),
            DeviceId::parse(text).ok().map(|it| it.to_string()),
            PersonId::parse(text).ok().map(|it| it.to_string()),
            Subject::parse(text).ok().map(|it| it.to_string()),
            Label::parse(text).ok().map(|it| it.as_str().to_owned()),
            Name::parse(text).ok().map(|it| it.as_str().to_owned()),
            Words::parse(text).ok().map(|it| it.as_str().to_owned()),
        ];
        for spelled in spelled.iter().flatten() {
            assert_eq!(spelled, text, "a text is kept as it is or refused");
            assert!(!text.contains(['\0', '\u{1b}', '\n', '\u{202e}']), "{text:?}");
        }
        let id = RequestId::parse(text).ok();
        if let Some(id) = id {
            assert_eq!(RequestId::from_bytes(id.to_bytes()), id);
        }
        let zone = Zone::parse(text).ok();
        spelled.iter().any(Option::is_some) || id.is_some() || zone.is_some()
            // What is good for a header alone.
            || text.contains(";q=") && !text.contains('\u{fffd}')
    }));
}

#[test]
fn page_tokens_are_read_without_a_panic() {
    let good = [
        wire::token(Pos::new(77), "hall/x"),
        wire::token(Pos::ZERO, ""),
        wire::token(Pos::new(1 << 61), "长"),
    ];
    let food =
        Food { name: "page_tokens", good: good.map(String::into_bytes).to_vec(), pieces: PIECES, most: 5 };
    both(feed(&food, count_of("page_tokens"), |bytes| {
        let mut check = Check::new();
        let read = wire::parse_token(&mut check, "page_token", &text_of(bytes));
        let Some((pos, code)) = read else { return bytes.is_empty() };
        let again = wire::parse_token(&mut check, "page_token", &wire::token(pos, &code));
        assert_eq!(again, Some((pos, code)), "a token names one place");
        assert!(check.done().is_ok());
        true
    }));
}

fn leaf(parts: u8) -> Leaf {
    let part = |n| PartCommitment {
        part_type: if n == 0 { PartType::Facts } else { PartType::Personal },
        schema: 0x11,
        commitment: [n; 32],
    };
    Leaf {
        kind: 0x0201,
        index: 1041,
        recorded: EpochMs::clamped(1_795_391_940_123),
        claimed: (parts > 1).then(|| EpochMs::clamped(1_795_391_000_000)),
        request_id: RequestId::random([9; 16]),
        refers_to: (parts > 1).then(|| Pos::new(7)),
        parts: (0..parts).map(part).collect(),
    }
}

#[test]
fn leaves_are_read_without_a_panic_and_in_one_way() {
    let food = Food {
        name: "leaves",
        good: (0..3).map(|parts| leaf(parts).encode()).collect(),
        pieces: &[
            &[0xff; 8],
            &[0x7f, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff],
            &[0x40, 0, 0, 0, 0, 0, 0, 0],
        ],
        most: 5,
    };
    both(feed(&food, count_of("leaves"), |bytes| {
        let Ok(leaf) = Leaf::decode(bytes) else { return false };
        assert_eq!(leaf.encode(), bytes, "one leaf, one encoding");
        true
    }));
}

#[test]
fn facts_and_commands_are_read_without_a_panic() {
    let records = [
        Record::Centre(Centre { centre: "hall".to_owned(), name: "大厅".to_owned(), ..Centre::default() }),
        Record::Person(Person { person_id: PersonId::mint([7; 16]).to_string(), ..Person::default() }),
    ];
    let good = records.into_iter().map(|record| {
        let facts = vec![record.into_fact()];
        EntryFacts { facts, ..EntryFacts::default() }.encode_to_vec()
    });
    let food = Food { name: "facts", good: good.collect(), pieces: super::requests::PIECES, most: 5 };
    both(feed(&food, count_of("facts"), |bytes| {
        let _ = (Record::decode(bytes), Range::decode(bytes));
        let Ok(entry) = EntryFacts::decode(bytes) else { return false };
        for fact in &entry.facts {
            if let Some(record) = Record::from_fact(fact) {
                let code = record.code();
                assert_eq!(record.into_fact(), *fact, "{code}");
            }
        }
        true
    }));
}

#[test]
fn manifests_are_read_without_a_panic_and_in_one_way() {
    let mut manifest = Manifest::default();
    manifest.files.insert("tile/0/000".to_owned(), FileLine::of(b"bytes"));
    manifest.files.insert("checkpoint".to_owned(), FileLine::of(b""));
    let good = vec![manifest.render().into_bytes(), Manifest::default().render().into_bytes()];
    let pieces: &[&[u8]] = &[
        b"\nend ",
        b"\n",
        b"epoch 1\n",
        b"file ",
        b"\r",
        b" ",
        b"parts 1 withheld 2 gone 3\n",
        b"18446744073709551616",
    ];
    let food = Food { name: "manifests", good, pieces, most: 5 };
    let tally = feed(&food, count_of("manifests"), |bytes| {
        let text = text_of(bytes);
        let Ok(manifest) = Manifest::parse(&text) else { return false };
        assert_eq!(manifest.render(), text, "one manifest, one text");
        true
    });
    assert!(tally.refused > tally.read && tally.read > 0, "{tally:?}");
}

#[test]
fn configurations_are_read_without_a_panic() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("config.toml");
    let good = words(&[
        "deployment = \"hangzhou\"\n[listen]\nport = 50051\naddress = \"127.0.0.1\"\n[database]\nurl = \"sqlite://a.db\"\n",
        "[limits]\nconnections = 10_000\ncalls_per_second = 5\n[[issuers]]\nissuer = \"https://hr.example\"\n\
         audience = \"qinlian\"\nalgorithm = \"ES256\"\njwks_file = \"hr.jwks\"\n",
    ]);
    let pieces: &[&[u8]] = &[
        b"[",
        b"]]",
        b"\"\"\"",
        b"'''",
        b"=",
        b".",
        b"\n",
        b"1e999",
        b"0x",
        b"-1",
        b"18446744073709551616",
        b"1979-05-27T07:32:00Z",
        b"[listen.tls]\n",
        b"{}",
        b"\\u{}",
        b"#",
        b"[[[[[[[[[[[[[[[[",
    ];
    let variables: BTreeMap<String, String> = BTreeMap::new();
    let food = Food { name: "configurations", good, pieces, most: 5 };
    both(feed(&food, count_of("configurations"), |bytes| {
        std::fs::write(&path, bytes).unwrap();
        let read = Config::load(&Source::File(path.clone()), &variables);
        // A value of the environment goes through the same types.
        let value = text_of(bytes).into_owned();
        for name in [
            "QINLIAN_LISTEN_PORT",
            "QINLIAN_LIMITS_CONNECTIONS",
            "QINLIAN_LISTEN_ADDRESS",
            "QINLIAN_LOG_FORMAT",
        ] {
            let variables = BTreeMap::from([(name.to_owned(), value.clone())]);
            let _ = Config::load(&Source::Data(dir.path().join("empty")), &variables);
        }
        let Ok(config) = read else { return false };
        let shown = config.show();
        assert!(toml::Table::from_str(&shown).is_ok(), "{shown}");
        true
    }));
}
