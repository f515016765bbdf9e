//! The search: for canaries and secrets in whatever form a careless line would give them, in logs and in every column.

use std::fmt::Write as _;

use crate::rigs::town::Town;
use crate::support::store::Raw;

use super::calls::base64;
use super::fill::PREFIX;

/// What is searched for.
#[derive(Debug)]
pub(super) struct Needles(Vec<Vec<u8>>);

impl Needles {
    /// Any canary.
    pub(super) fn canaries() -> Self {
        Self::secret(PREFIX.as_bytes())
    }

    /// These bytes: as they are, in hexadecimal, in base64 wherever they begin, and as Rust shows bytes.
    pub(super) fn secret(bytes: &[u8]) -> Self {
        let mut forms = vec![bytes.to_vec()];
        let mut hex = String::new();
        for byte in bytes {
            write!(hex, "{byte:02x}").expect("a text takes text");
        }
        forms.push(hex.to_uppercase().into_bytes());
        forms.push(hex.into_bytes());
        forms.extend((0..3).map(|ahead| inner_base64(bytes, ahead).into_bytes()));
        let numbers: Vec<String> = bytes.iter().map(u8::to_string).collect();
        forms.push(numbers.join(", ").into_bytes());
        Self(forms)
    }

    /// Is one of them there?
    pub(super) fn find(&self, hay: &[u8]) -> bool {
        self.0.iter().any(|needle| places(hay, needle).next().is_some())
    }
}

/// The canaries that stand in bytes as they are: the prefix and 5 digits.
pub(super) fn canaries_in(bytes: &[u8]) -> Vec<String> {
    places(bytes, PREFIX.as_bytes())
        .filter_map(|at| bytes.get(at..at + PREFIX.len() + 5))
        .map(|canary| String::from_utf8_lossy(canary).into_owned())
        .collect()
}

/// What all base64 texts have in common that hold these bytes after `ahead` others, modulo 3.
fn inner_base64(bytes: &[u8], ahead: usize) -> String {
    let mut padded = vec![0; ahead];
    padded.extend_from_slice(bytes);
    let text = base64(&padded);
    // 6 bits a character: those that also hold bits of what stands before or after are left out.
    let (from, until) = ((ahead * 8).div_ceil(6), padded.len() * 8 / 6);
    text[from..until].to_owned()
}

/// Where bytes stand in others.
fn places<'a>(hay: &'a [u8], needle: &'a [u8]) -> impl Iterator<Item = usize> + 'a {
    let (first, rest) = needle.split_first().expect("a needle");
    let begins =
        move |(at, byte): (usize, &u8)| (byte == first && hay[at + 1..].starts_with(rest)).then_some(at);
    hay.iter().enumerate().filter_map(begins)
}

/// A line of the log.
#[derive(Debug)]
pub(super) struct LogLine<'a> {
    pub(super) text: &'a str,
    json: Option<serde_json::Value>,
}

/// The lines of a log.
pub(super) fn log_lines(log: &str) -> Vec<LogLine<'_>> {
    log.split('\n')
        .filter(|text| !text.is_empty())
        .map(|text| LogLine { text, json: serde_json::from_str(text).ok() })
        .collect()
}

impl LogLine<'_> {
    /// One JSON object, and nothing in it that moves a cursor or turns a line around, written out or escaped.
    pub(super) fn is_whole(&self) -> bool {
        let moves = |c: char| {
            c.is_control()
                || matches!(c, '\u{61c}' | '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
        };
        let escaped = [
            "\\u001b",
            "\\u202e",
            "\\u2066",
            "\\u{1b}",
            "\\u{9b}",
            "\\u{202e}",
            "\\u{2066}",
            "\\u{2028}",
            "\\r",
        ];
        self.json.as_ref().is_some_and(serde_json::Value::is_object)
            && !self.text.chars().any(moves)
            && !escaped.iter().any(|escape| self.text.contains(escape))
    }

    /// Its code; empty for what libraries say.
    pub(super) fn code(&self) -> &str {
        self.text_of("code")
    }

    /// The id of the call that it is about; empty if it is about none.
    pub(super) fn request(&self) -> &str {
        self.text_of("request")
    }

    fn text_of(&self, field: &str) -> &str {
        self.json
            .as_ref()
            .and_then(|json| json.get(field))
            .and_then(|value| value.as_str())
            .unwrap_or_default()
    }
}

/// One cell of the database.
#[derive(Debug, Clone)]
pub(crate) struct Cell {
    pub(crate) table: String,
    pub(crate) column: String,
    pub(crate) bytes: Vec<u8>,
}

impl Cell {
    pub(super) fn is_leaf(&self) -> bool {
        self.table == "ledger_entry" && self.column == "leaf"
    }
}

/// Every cell of every table.
pub(crate) async fn stored(town: &Town) -> Vec<Cell> {
    const ON_SQLITE: &str = "SELECT t.name || ' ' || c.name || ' any' \
                             FROM pragma_table_list t JOIN pragma_table_xinfo(t.name) c \
                             WHERE t.schema = 'main' AND t.type = 'table' AND t.name NOT LIKE 'sqlite%'";
    const ON_POSTGRES: &str = "SELECT table_name::text || ' ' || column_name::text || ' ' || udt_name::text \
                               FROM information_schema.columns WHERE table_schema = 'public'";
    let raw: Raw = town.raw().await;
    let columns = match raw {
        Raw::Sqlite(_) => ON_SQLITE,
        Raw::Postgres(_) => ON_POSTGRES,
    };
    let mut cells = Vec::new();
    for named in raw.column::<String>(columns).await {
        let mut words = named.split(' ');
        let [table, column, of] = [(); 3].map(|()| words.next().expect("three words"));
        let value = match (&raw, of) {
            (Raw::Sqlite(_), _) => format!("coalesce(CAST({column} AS BLOB), x'')"),
            (Raw::Postgres(_), "bytea") => format!("coalesce({column}, ''::bytea)"),
            (Raw::Postgres(_), _) => format!("convert_to(coalesce({column}::text, ''), 'UTF8')"),
        };
        for bytes in raw.column::<Vec<u8>>(&format!("SELECT {value} FROM {table}")).await {
            cells.push(Cell { table: table.to_owned(), column: column.to_owned(), bytes });
        }
    }
    cells
}
