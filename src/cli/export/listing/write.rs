//! A list into a file, page by page, and its digest on the way: SHA-256 over rows in one form, whatever the form of the file
//! (docs/exports.md, "The digest").

use std::collections::{BTreeSet, HashSet};
use std::fs::File;
use std::io::{BufWriter, Write};

use anyhow::bail;
use sha2::{Digest, Sha256};

use super::book::Book;
use super::{Pages, Row};
use crate::cli::export::lines::Lines;
use crate::cli::export::moment::Moment;
use crate::cli::export::numbers::Numbers;
use crate::cli::export::table::Table;
use crate::cli::export::whole::Whole;
use crate::cli::export::write::Written;
use crate::cli::export::{Format, Kind, List, Order};
use crate::registers::directory::fact::hex;

/// A file that is being written.
enum Writer {
    Csv(Table<BufWriter<File>>),
    Ndjson(Lines<BufWriter<File>>),
    Xlsx(Box<Book>),
}

impl Writer {
    fn begin(whole: &Whole, list: List, format: Format) -> anyhow::Result<Self> {
        let shape = list.shape();
        Ok(match format {
            Format::Csv => Self::Csv(Table::begin(BufWriter::new(whole.create()?), shape.columns)?),
            Format::Ndjson => Self::Ndjson(Lines::begin(BufWriter::new(whole.create()?), shape.message)?),
            Format::Xlsx => Self::Xlsx(Box::new(Book::begin(whole.folder(), shape.columns)?)),
            Format::Dingtalk | Format::Wecom | Format::Feishu => {
                bail!("only days are written in the shape of another product")
            }
        })
    }

    fn row(&mut self, employee_no: &str, row: &Row) -> anyhow::Result<()> {
        match self {
            Self::Csv(to) => {
                let shown = row.cells.iter().map(|cell| cell.shown.clone());
                to.line(&std::iter::once(employee_no.to_owned()).chain(shown).collect::<Vec<_>>())
            }
            Self::Ndjson(to) => to.line(&row.message, employee_no),
            Self::Xlsx(book) => book.row(employee_no, row),
        }
    }

    fn finish(self, whole: &Whole, about: &[(&str, String)]) -> anyhow::Result<()> {
        let mut file = match self {
            Self::Csv(to) => to.finish()?,
            Self::Ndjson(to) => to.finish(),
            Self::Xlsx(book) => return book.finish(whole.part(), about),
        };
        Ok(file.flush()?)
    }
}

/// The digest of the rows so far.
struct Canon {
    hash: Sha256,
    rows: u64,
    /// Ids are small beside what a directory keeps of people anyway; rows are not kept.
    people: HashSet<String>,
}

impl Canon {
    fn begin(list: List) -> Self {
        let first = format!("qinlian {} 1\n", Kind::List(list).name());
        Self { hash: Sha256::new().chain_update(first), rows: 0, people: HashSet::new() }
    }

    fn add(&mut self, row: &Row) {
        let cells: Vec<&str> = row.cells.iter().map(|cell| cell.canon.as_str()).collect();
        self.hash.update(cells.join("\t"));
        self.hash.update("\n");
        self.rows += 1;
        if !row.person_id.is_empty() && !self.people.contains(&row.person_id) {
            self.people.insert(row.person_id.clone());
        }
    }

    fn finish(self) -> anyhow::Result<Written> {
        let people = u64::try_from(self.people.len())?;
        Ok(Written { digest: hex(&self.hash.finalize()), people, rows: self.rows, days: None })
    }
}

/// Writes a list as it stood at a moment.
pub(in crate::cli::export) async fn write(
    moment: &Moment,
    (order, list): (&Order, List),
    numbers: &Numbers,
    whole: &Whole,
    about: &[(&str, String)],
) -> anyhow::Result<Written> {
    let mut writer = Writer::begin(whole, list, order.format)?;
    let mut canon = Canon::begin(list);
    let mut pages = Pages::new(moment, order, list);
    loop {
        let page = pages.next().await?;
        if page.is_empty() {
            break;
        }
        let people: BTreeSet<&str> =
            page.iter().map(|row| row.person_id.as_str()).filter(|person| !person.is_empty()).collect();
        let known = numbers.of(moment, &people, (order.from, order.until)).await?;
        for row in &page {
            canon.add(row);
            let employee_no = known.get(&row.person_id).map(String::as_str).unwrap_or_default();
            writer.row(employee_no, row)?;
        }
    }
    let written = canon.finish()?;
    let mut about = about.to_vec();
    about.push(("截至", moment.zone.wall(moment.recorded)));
    about.push(("摘要 SHA-256", written.digest.clone()));
    about.push(("人数", written.people.to_string()));
    about.push(("行数", written.rows.to_string()));
    writer.finish(whole, &about)?;
    Ok(written)
}

#[cfg(test)]
mod tests {
    use super::super::Cell;
    use super::*;

    #[test]
    fn the_digest_is_of_names_and_of_no_words() {
        let of = |cells: &[Cell]| {
            let mut canon = Canon::begin(List::Punches);
            canon.add(&Row { person_id: "p1".to_owned(), cells: cells.to_vec(), message: Vec::new() });
            canon.finish().unwrap()
        };
        let written =
            of(&[Cell::text("p1"), Cell::word("刷卡", "CARD"), Cell::count(7_u32), Cell::entry(None)]);
        let text = "qinlian punches 1\np1\tCARD\t7\t\n";
        assert_eq!(written.digest, hex(&Sha256::digest(text)));
        assert_eq!((written.people, written.rows), (1, 1));
        let renamed =
            of(&[Cell::text("p1"), Cell::word("卡", "CARD"), Cell::count(7_u32), Cell::entry(None)]);
        assert_eq!(renamed.digest, written.digest);
    }
}
