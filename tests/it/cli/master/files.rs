//! What a file of master data may be, and what is wrong with a whole one.

use super::super::qinlian;
use super::{Hall, became};

const LINE: &str = "A001,张三,税务局,公务员,2026-01-01,";

fn gb18030(text: &str) -> Vec<u8> {
    encoding_rs::GB18030.encode(text).0.into_owned()
}

fn utf16(text: &str) -> Vec<u8> {
    std::iter::once(0xFEFF).chain(text.encode_utf16()).flat_map(u16::to_le_bytes).collect()
}

#[test]
fn the_same_table_is_the_same_in_every_encoding_and_order() {
    let hall = Hall::on_sqlite();
    let table = format!("工号,姓名,单位,身份,起,止\n{LINE}\n");
    let rows: [(&str, Vec<u8>, &[&str], [u64; 3]); 9] = [
        ("UTF-8", table.clone().into_bytes(), &[], [1, 1, 0]),
        ("with a mark", format!("\u{FEFF}{table}").into_bytes(), &[], [1, 0, 1]),
        ("GB18030", gb18030(&table), &["--encoding", "gb18030"], [1, 0, 1]),
        ("UTF-16, tabs", utf16(&table.replace(',', "\t")), &[], [1, 0, 1]),
        (
            "CRLF, quotes, blanks",
            "\"工号\",姓名,单位,身份,起\r\n\" A001\",张三 ,税务局,公务员,2026/1/1\r\n".into(),
            &[],
            [1, 0, 1],
        ),
        (
            "English, another order, remarks",
            "note,from,name,employee_no,employment,department\nx,2026-01-01,张三,A001,CIVIL_SERVANT,税务局"
                .into(),
            &[],
            [1, 0, 1],
        ),
        ("nothing below the headings", "工号,姓名,起\n".into(), &[], [0, 0, 0]),
        ("empty lines and examples", "工号,姓名,起\n\n,,\n例：A002,李四,2026-01-01\n".into(), &[], [0, 0, 0]),
        (
            "a cell that is no text",
            [b"employee_no,name,from\nA003,".to_vec(), gb18030("王五"), b",2026-01-01\n".to_vec()].concat(),
            &[],
            [1, 0, 0],
        ),
    ];
    for (case, bytes, more, wanted) in rows {
        let file = hall.write("people.csv", &bytes);
        assert_eq!(became(&hall.import("people", &file, more)).0, wanted, "{case}");
    }
    let file = hall.write(
        "people.csv",
        [b"employee_no,name,from\nA003,\xFF,2026-01-01\nA004,\"x\n".as_slice()].concat(),
    );
    let refused = became(&hall.import("people", &file, &[])).1;
    assert_eq!(refused, [(2, "BAD_UTF8".to_owned()), (3, "UNCLOSED_QUOTE".to_owned())]);
}

#[test]
fn what_is_wrong_with_the_whole_file_is_said_by_name_and_nothing_is_written() {
    let hall = Hall::on_sqlite();
    let before = hall.heads();
    let rows: [(&str, &str, Vec<u8>, &[&str], &str); 10] = [
        ("a 0-byte file", "people", Vec::new(), &[], "is empty"),
        ("a mark alone", "shifts", b"\xEF\xBB\xBF\n".to_vec(), &[], "is empty"),
        (
            "no headings",
            "people",
            format!("{LINE}\n").into(),
            &[],
            "the first line has none of the headings of people",
        ),
        ("a wrong heading", "people", "工号,姓名,起始,止\n".into(), &[], "\"起始\" is none of"),
        ("a missing one", "people", "工号,姓名\n".into(), &[], "from (起) is missing"),
        ("a heading twice", "roster", "工号,employee_no,date,shift\n".into(), &[], "is there twice"),
        ("neither date nor from", "roster", "工号,班次\n".into(), &[], "date, from is needed"),
        (
            "another kind's",
            "calendar",
            "shift,weekdays,spans\n".into(),
            &[],
            "none of the headings of calendar",
        ),
        ("GB18030, not said", "people", gb18030("工号,姓名,起\n"), &[], "--encoding gb18030"),
        (
            "UTF-16, said otherwise",
            "people",
            utf16("工号"),
            &["--encoding", "gb18030"],
            "leave --encoding out",
        ),
    ];
    for (case, kind, bytes, more, complaint) in rows {
        let file = hall.write("file.csv", &bytes);
        let output = qinlian(&hall.words(kind, &file, more));
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!(output.status.code(), Some(2), "{case}: {said}");
        assert!(said.contains(complaint), "{case}: {said}");
    }
    assert_eq!(hall.heads(), before);
}
