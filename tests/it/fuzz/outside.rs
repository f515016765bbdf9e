//! What comes from neither people's tokens nor messages: key sets of other issuers, cursors that readers hand back, files of
//! clock-ins, headers, and times in links.

use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use http::{HeaderMap, HeaderValue};
use qinlian::access::{Algorithm, IssuerSettings, LocalIssuer, Verifier};
use qinlian::cli::read_through;
use qinlian::edge::call::{REQUEST_ID, call_id, client_timeout, trace_id};
use qinlian::edge::instant;
use qinlian::kernel::{EpochMs, Zone};
use qinlian::results::{Cursor, Room};

use super::count_of;
use super::engine::{Food, Tally, feed};
use crate::support::{MORNING, clock};

fn both(tally: Tally) {
    assert!(tally.read > 20 && tally.refused > 20, "{tally:?}");
}

fn words(texts: &[&str]) -> Vec<Vec<u8>> {
    texts.iter().map(|text| text.as_bytes().to_vec()).collect()
}

const ALGORITHMS: [Algorithm; 4] = [Algorithm::EdDsa, Algorithm::Es256, Algorithm::Rs256, Algorithm::Ps256];

/// Sets of keys come from other people's servers, and are read from the copy that is kept of them.
#[test]
fn key_sets_are_read_without_a_panic() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("keys.jwks");
    LocalIssuer::new(&[7; 32], "a", "qinlian").write_jwks(&path).unwrap();
    let ours = std::fs::read(&path).unwrap();
    // The example of RFC 7517, appendix A.1, and a modulus of 2048 bits.
    let modulus = URL_SAFE_NO_PAD.encode([0xc5; 256]);
    let point = "\"x\":\"MKBCTNIcKUSDii11ySs3526iDZ8AiTo7Tu6KPAqv7D4\",\"y\":\"4Etl6SRW2YiLUrN5vfvVHuhp7x8PxltmWWlbbM4IFyM\"";
    let foreign = format!(
        "{{\"keys\":[{{\"kty\":\"EC\",\"crv\":\"P-256\",{point},\"use\":\"sig\",\"kid\":\"1\"}},\
         {{\"kty\":\"RSA\",\"n\":\"{modulus}\",\"e\":\"AQAB\",\"alg\":\"RS256\",\"kid\":\"2\"}}]}}"
    );
    let pieces: &[&[u8]] = &[
        b"null",
        b"{}",
        b"[]",
        b"[[[[[[[[[[[[[[[[",
        b",",
        b"\\ud800",
        b"\\u0000",
        b"\xff",
        b"\"kid\":\"\"",
        b"\"kty\":\"oct\"",
        b"\"kty\":\"RSA\"",
        b"\"n\":\"\"",
        b"\"e\":\"AA\"",
        b"\"e\":\"\"",
        b"\"d\":null",
        b"\"x\":\"AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA\"",
        b"1e400",
    ];
    let food = Food { name: "jwks", good: vec![ours, foreign.into_bytes()], pieces, most: 3 };
    both(feed(&food, count_of("jwks"), |bytes| {
        std::fs::write(&path, bytes).unwrap();
        let read = ALGORITHMS.map(|algorithm| {
            let settings = IssuerSettings {
                issuer: "a".to_owned(),
                audience: "qinlian".to_owned(),
                algorithm,
                jwks_file: path.clone(),
                jwks_url: None,
                jwks_ca: None,
                subjects: Vec::new(),
            };
            Verifier::new(&[settings], 3_600, clock(1)).is_ok()
        });
        read.contains(&true)
    }));
}

#[test]
fn cursors_are_read_without_a_panic_and_name_one_place() {
    let room = Room::new(2);
    let numbers = |numbers: &[i64]| {
        let start = [1, 0, 2].into_iter();
        let bytes: Vec<u8> = start.chain(numbers.iter().flat_map(|number| number.to_be_bytes())).collect();
        URL_SAFE_NO_PAD.encode(bytes).into_bytes()
    };
    let good = vec![
        Vec::new(),
        numbers(&[0]),
        numbers(&[1, 1, 0, 7]),
        numbers(&[i64::MAX, 1, 3, i64::MAX, i64::MAX, 1, 0]),
    ];
    let pieces: &[&[u8]] =
        &[b"AAAAAAAAAAAAAAAA", b"________", b"gAAAAAAAAAA", b"=", b"+/", b"A", b"\0", b"\n"];
    let food = Food { name: "cursors", good, pieces, most: 3 };
    both(feed(&food, count_of("cursors"), |bytes| {
        let text = String::from_utf8_lossy(bytes);
        let Ok(cursor) = Cursor::parse(room, &text) else { return false };
        assert!(Cursor::parse(Room::new(3), &text).is_err() || text.is_empty(), "a cursor is of one room");
        assert_eq!(Cursor::parse(room, &cursor.to_text()), Ok(cursor), "a cursor names one place");
        true
    }));
}

/// Encoding, headings or shape, lines, cells and local times, as an import reads them.
#[test]
fn files_of_clock_ins_are_read_without_a_panic() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("file");
    let table =
        "time,person,device,direction\r\n2026-11-02 08:00:00,E-1,门 1,IN\r\n2026/11/2 18:05,\"E\n2\",,\r\n";
    let attlog = "        1\t2026-11-02 08:00:00\t1\t0\n2\t1986-05-04 02:30:00\t15\t255\t\t0\n";
    let utf_16 = |turn: fn(u16) -> [u8; 2]| {
        std::iter::once(0xFEFF).chain(table.encode_utf16()).flat_map(turn).collect::<Vec<u8>>()
    };
    let mut good = words(&[table, attlog, "\u{feff}工号\t打卡时间\r1\t2026-11-02 08:00\r"]);
    good.extend([utf_16(u16::to_le_bytes), utf_16(u16::to_be_bytes)]);
    good.push(b"\xB9\xA4\xBA\xC5,\xCA\xB1\xBC\xE4\n\xD5\xC5,2026-11-02 08:00\n".to_vec());
    let pieces: &[&[u8]] = &[
        b"\"",
        b"\"\"",
        b",",
        b"\t",
        b"\r",
        b"\r\n",
        b"\0",
        b"\xff\xfe",
        b"\xfe\xff",
        b"\x84\x31\x95\x33",
        b"\x3d\xd8",
        b"9999-12-31 23:59:59.999999999",
        b"0000-00-00 00:00:00",
        b"1970-01-01 00:00:00",
        b"99999999999",
        "\u{202e}".as_bytes(),
        "０".as_bytes(),
    ];
    let [here, there] = ["Asia/Shanghai", "America/New_York"].map(|name| Zone::parse(name).unwrap());
    let ways = [
        ("utf-8", None, &here),
        ("gb18030", None, &here),
        ("utf-8", Some("time=2,person=1,device=5"), &there),
    ];
    let food = Food { name: "import_rows", good, pieces, most: 3 };
    both(feed(&food, count_of("import_rows"), |bytes| {
        std::fs::write(&path, bytes).unwrap();
        let mut read = false;
        for (encoding, columns, zone) in ways {
            let Ok((lines, refused)) = read_through(&path, encoding, columns, zone.clone()) else { continue };
            assert!(lines <= bytes.len() && refused <= lines, "{lines} lines, {refused} refused");
            read |= refused < lines;
        }
        read
    }));
}

#[test]
fn headers_are_read_without_a_panic() {
    let good = words(&[
        "5S",
        "99999999H",
        "1n",
        "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
        "3b241101-e2bb-4255-8caf-4136c566a962",
    ]);
    let pieces: &[&[u8]] = &[
        b"H",
        b"M",
        b"m",
        b"u",
        b"n",
        b"-",
        b"00-",
        b"999999999",
        b"+",
        b" ",
        b"\t",
        b"\xff",
        "长".as_bytes(),
    ];
    let clock = clock(1);
    let food = Food { name: "headers", good, pieces, most: 3 };
    both(feed(&food, count_of("headers"), |bytes| {
        let Ok(value) = HeaderValue::from_bytes(bytes) else { return false };
        let mut headers = HeaderMap::new();
        for name in ["grpc-timeout", "traceparent", REQUEST_ID] {
            headers.insert(name, value.clone());
        }
        let time = client_timeout(&headers);
        // Eight digits of hours are the longest.
        assert!(time.is_none_or(|time| time <= Duration::from_hours(99_999_999)), "{time:?}");
        let trace = trace_id(&headers);
        assert!(trace.is_none_or(|id| id.len() == 32 && id.bytes().all(|byte| byte.is_ascii_hexdigit())));
        let id = call_id(&headers, &*clock);
        assert!((1..=64).contains(&id.0.len()), "{id:?}");
        assert!(id.0.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-'), "{id:?}");
        time.is_some() || trace.is_some() || id.0.as_bytes() == bytes
    }));
}

#[test]
fn times_are_read_without_a_panic_and_stay_between_1970_and_9999() {
    let zone = Zone::parse("Asia/Shanghai").unwrap();
    let now = MORNING.to_string();
    let good = words(&[
        "1772409600000",
        "-1",
        "2026-03-02T09:05:00Z",
        "2026-03-02T09:05:00.123+08:00[Asia/Shanghai]",
        &now,
    ]);
    let pieces: &[&[u8]] = &[
        b"9223372036854775807",
        b"-9223372036854775808",
        b"9999-12-31T23:59:59.999Z",
        b"-009999-01-01T00:00:00Z",
        b"+25:59",
        b"-00:00",
        b"Z",
        b"T",
        b":60",
        b"-02-30",
        b"[Europe/../x]",
        b"[!u-ca=hebrew]",
        b"\0",
        "−".as_bytes(),
    ];
    let food = Food { name: "times", good, pieces, most: 3 };
    both(feed(&food, count_of("times"), |bytes| {
        let text = String::from_utf8_lossy(bytes);
        let times = [EpochMs::parse(&text).ok(), instant(&text).ok().flatten()];
        for time in times.into_iter().flatten() {
            assert_eq!(EpochMs::new(time.get()), Ok(time), "{text:?}");
            assert_eq!(EpochMs::parse(&time.to_string()), Ok(time), "one time, one spelling");
            assert_eq!(zone.start_of(zone.day_of(time)).plus_ms(0), zone.start_of(zone.day_of(time)));
            assert!(zone.wall(time).len() > 10, "a board says when it is");
        }
        times.iter().any(Option::is_some)
    }));
}
