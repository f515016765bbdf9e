//! Every line comes out once, with its number, whatever its neighbours are.

use proptest::prelude::*;

use super::super::twice::Twice;
use super::*;

const COMMA: Quotes = Quotes::Csv(b',');

/// The lines of these bytes, as (number, text or reason).
fn lines(bytes: &[u8], quotes: Quotes) -> Vec<(u64, String)> {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("file");
    std::fs::write(&path, bytes).unwrap();
    let mut file = Twice::open(&path).unwrap();
    let mut lines = Lines::new(file.first().unwrap(), Encoding::Utf8, 0, quotes);
    let mut found = Vec::new();
    while let Some((number, piece)) = lines.next().unwrap() {
        assert!(lines_held(piece) <= LINE_BYTES_MAX);
        found.push((number, said(piece)));
    }
    found
}

fn said(piece: Piece<'_>) -> String {
    match piece {
        Piece::Line(line) if line.len() > 40 => format!("{} bytes", line.len()),
        Piece::Line(line) => String::from_utf8_lossy(line).into_owned(),
        Piece::Refused(reason) => format!("! {reason}"),
    }
}

fn lines_held(piece: Piece<'_>) -> usize {
    match piece {
        Piece::Line(line) => line.len(),
        Piece::Refused(_) => 0,
    }
}

#[test]
fn lines_end_in_every_way_there_is() {
    for (case, bytes, quotes, wanted) in [
        ("nothing", "", COMMA, &[][..]),
        ("blank", "\n\r\n\r", COMMA, &[]),
        ("LF", "a\nb\n", COMMA, &[(1, "a"), (2, "b")]),
        ("CRLF", "a\r\nb\r\n", COMMA, &[(1, "a"), (2, "b")]),
        ("CR", "a\rb\r", COMMA, &[(1, "a"), (2, "b")]),
        ("the last end is missing", "a\nb", COMMA, &[(1, "a"), (2, "b")]),
        ("blank lines count", "\n\na\r\n\r\nb", COMMA, &[(3, "a"), (5, "b")]),
        ("a line in quotes", "\"a\r\nb\",c\nd", COMMA, &[(1, "\"a\r\nb\",c"), (3, "d")]),
        ("at the very end", "d\n\"a\nb\"", COMMA, &[(1, "d"), (2, "\"a\nb\"")]),
        ("a doubled quote", "\"a\"\"\nb\"\nc", COMMA, &[(1, "\"a\"\"\nb\""), (3, "c")]),
        ("a quote inside a cell is a letter", "a\"b\nc", COMMA, &[(1, "a\"b"), (2, "c")]),
        ("a quote after a cell's begin", "x,\"a\nb\"\nc", COMMA, &[(1, "x,\"a\nb\""), (3, "c")]),
        (
            "a quote that nobody closes",
            "a\n\"b\nc\nd",
            COMMA,
            &[(1, "a"), (2, "! UNCLOSED_QUOTE"), (3, "c"), (4, "d")],
        ),
        ("in the last line", "a\n\"b", COMMA, &[(1, "a"), (2, "! UNCLOSED_QUOTE")]),
        ("without quotes", "\"a\nb\"", Quotes::Plain, &[(1, "\"a"), (2, "b\"")]),
        ("NUL is a letter", "a\0\nb", Quotes::Plain, &[(1, "a\0"), (2, "b")]),
    ] {
        let found = lines(bytes.as_bytes(), quotes);
        let found: Vec<(u64, &str)> = found.iter().map(|(number, text)| (*number, text.as_str())).collect();
        assert_eq!(found, wanted, "{case}");
    }
}

#[test]
fn a_line_that_is_too_long_costs_itself_alone() {
    let most = "x".repeat(LINE_BYTES_MAX);
    let much = "x".repeat(3 << 20);
    let many = "y\n".repeat(LINE_BYTES_MAX);
    for ends in ["\n", "\r\n", "\r"] {
        for (long, wanted) in [
            (most.clone(), "65536 bytes"),
            (format!("{most}x"), "! LINE_TOO_LONG"),
            (format!("{most}xx"), "! LINE_TOO_LONG"),
            (much.clone(), "! LINE_TOO_LONG"),
            // The end falls on the border of a block, before it and behind it.
            ("x".repeat((1 << 20) - 3), "! LINE_TOO_LONG"),
            ("x".repeat((1 << 20) - 4), "! LINE_TOO_LONG"),
            (format!("\"{much}"), "! LINE_TOO_LONG"),
        ] {
            for quotes in [COMMA, Quotes::Plain] {
                let text = format!("a{ends}{long}{ends}b{ends}{long}");
                let wanted = [(1, "a"), (2, wanted), (3, "b"), (4, wanted)];
                let found = lines(text.as_bytes(), quotes);
                let found: Vec<(u64, &str)> = found.iter().map(|(n, text)| (*n, text.as_str())).collect();
                let wanted: &[(u64, &str)] = &wanted;
                assert_eq!(found, wanted, "{} bytes, {quotes:?}", long.len());
            }
        }
    }
    // A quote that is closed after 128 KiB: its line is lost, every other one is read.
    let found = lines(format!("\"a\n{many}\"\nb").as_bytes(), COMMA);
    assert_eq!(found[0], (1, "! UNCLOSED_QUOTE".to_owned()));
    assert_eq!(found[1], (2, "y".to_owned()));
    let numbers: Vec<u64> = found.iter().map(|(number, _)| *number).collect();
    assert!(numbers.windows(2).all(|pair| pair[0] + 1 == pair[1]), "none is missing, none comes twice");
}

proptest! {
    /// What spreadsheets write is taken apart as the csv crate takes it apart.
    #[test]
    fn closed_quotes_are_read_as_by_others(rows in prop::collection::vec(
        prop::collection::vec("[a-c\",\r\n中]{0,6}", 1..4), 1..6,
    )) {
        let mut writer = csv::WriterBuilder::new().flexible(true).from_writer(Vec::new());
        for row in &rows {
            writer.write_record(row).unwrap();
        }
        let bytes = writer.into_inner().unwrap();
        let mut reader = csv::ReaderBuilder::new().flexible(true).has_headers(false).from_reader(bytes.as_slice());
        let wanted: Vec<csv::ByteRecord> = reader.byte_records().map(Result::unwrap).collect();
        let mut found = Vec::new();
        let mut rest = bytes.as_slice();
        while let End::At { line, next, .. } = end(rest, COMMA) {
            let mut one = csv::ReaderBuilder::new().flexible(true).has_headers(false).from_reader(&rest[..line]);
            found.extend(one.byte_records().map(Result::unwrap));
            rest = &rest[next..];
        }
        prop_assert_eq!(found, wanted);
    }
}
