//! Lines out of a stream of bytes, each with its number. A line that is too long, or a quote that nobody closes, costs
//! that line alone, and nothing is ever held that is longer than the longest line.

use super::encoding::{Encoding, Unmarked};
use super::twice::Reading;

/// 64 KiB: no line of a real file is longer.
pub(super) const LINE_BYTES_MAX: usize = 64 << 10;

/// What quotes mean.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Quotes {
    /// Nothing.
    Plain,
    /// A cell in quotes may hold line ends; cells are separated by this byte.
    Csv(u8),
}

/// What stands in a place of the file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Piece<'b> {
    /// A line without its end; with quotes, perhaps several.
    Line(&'b [u8]),
    /// A line that cannot be read as one, and why.
    Refused(&'static str),
}

/// The lines of one reading of a file.
#[derive(Debug)]
pub(super) struct Lines<'f> {
    reading: Reading<'f>,
    unmarked: Unmarked,
    quotes: Quotes,
    buffer: Vec<u8>,
    /// What comes before stands no more.
    from: usize,
    /// The number of the line that begins there.
    line: u64,
    ended: bool,
}

/// Where a line ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum End {
    /// So long, so long with what ends it, so many line ends in all of it.
    At { line: usize, next: usize, ends: u64 },
    /// Not here.
    Beyond,
    /// Not here, and a quote is open.
    Open,
}

/// What stands at a place.
enum Found {
    /// The end of the file.
    Nothing,
    /// A line, empty or not.
    Line { line: usize, next: usize, ends: u64 },
    /// A line that cannot be read, and how far it goes.
    Bad { next: usize, reason: &'static str },
    /// A line that goes on beyond what is here.
    Endless,
}

/// Looks for the end of the line that `bytes` begin with. A quote counts at the beginning of a cell only, as in
/// RFC 4180 and in what spreadsheets read.
pub(super) fn end(bytes: &[u8], quotes: Quotes) -> End {
    #[derive(PartialEq)]
    enum In {
        Begun,
        Cell,
        Quoted,
        Quote,
    }
    let (mut place, mut ends) = (In::Begun, 0);
    let mut at = 0;
    while let Some(byte) = bytes.get(at) {
        // CRLF is one end.
        let step = if *byte == b'\r' && bytes.get(at + 1) == Some(&b'\n') { 2 } else { 1 };
        let is_end = matches!(byte, b'\r' | b'\n');
        ends += u64::from(is_end);
        let delimiter = matches!(quotes, Quotes::Csv(delimiter) if delimiter == *byte);
        place = match place {
            In::Quoted if *byte == b'"' => In::Quote,
            In::Quoted => In::Quoted,
            In::Begun if *byte == b'"' && quotes != Quotes::Plain => In::Quoted,
            In::Quote if *byte == b'"' => In::Quoted,
            In::Begun | In::Cell | In::Quote => {
                if is_end {
                    return End::At { line: at, next: at + step, ends };
                }
                if delimiter { In::Begun } else { In::Cell }
            }
        };
        at += step;
    }
    if place == In::Quoted { End::Open } else { End::Beyond }
}

impl<'f> Lines<'f> {
    /// The lines of a reading.
    pub(super) fn new(reading: Reading<'f>, encoding: Encoding, mark: usize, quotes: Quotes) -> Self {
        let unmarked = Unmarked::new(encoding, mark);
        Self { reading, unmarked, quotes, buffer: Vec::new(), from: 0, line: 1, ended: false }
    }

    /// The next line and its number. Empty lines are counted, and are nothing.
    pub(super) fn next(&mut self) -> anyhow::Result<Option<(u64, Piece<'_>)>> {
        loop {
            // One byte more than the longest line, and the second half of what may end it.
            self.fill(LINE_BYTES_MAX + 2)?;
            let (from, number) = (self.from, self.line);
            match self.found() {
                Found::Nothing => return Ok(None),
                Found::Line { line, next, ends } => {
                    self.pass(next, ends);
                    if line > 0 {
                        let line = self.buffer.get(from..from + line).unwrap_or_default();
                        return Ok(Some((number, Piece::Line(line))));
                    }
                }
                Found::Bad { next, reason } => {
                    self.pass(next, 1);
                    return Ok(Some((number, Piece::Refused(reason))));
                }
                Found::Endless => {
                    self.skip()?;
                    return Ok(Some((number, Piece::Refused("LINE_TOO_LONG"))));
                }
            }
        }
    }

    /// What stands at the present place. As much as the longest line has is here, or everything that is left.
    fn found(&self) -> Found {
        let rest = self.buffer.get(self.from..).unwrap_or_default();
        let is_rest = rest.len() <= LINE_BYTES_MAX;
        let window = rest.get(..LINE_BYTES_MAX + 2).unwrap_or(rest);
        let whole = end(window, self.quotes);
        match whole {
            _ if rest.is_empty() => return Found::Nothing,
            End::At { line, next, ends } if line <= LINE_BYTES_MAX => {
                return Found::Line { line, next, ends };
            }
            // The last line of a file may do without an end.
            End::Beyond if is_rest => return Found::Line { line: rest.len(), next: rest.len(), ends: 0 },
            End::At { .. } | End::Beyond | End::Open => {}
        }
        // Nobody closes a quote, or only far away: the line that it stands in is lost, the next one is not.
        let reason = if whole == End::Open { "UNCLOSED_QUOTE" } else { "LINE_TOO_LONG" };
        match end(window, Quotes::Plain) {
            End::At { line, next, .. } if line <= LINE_BYTES_MAX => Found::Bad { next, reason },
            End::At { .. } | End::Beyond | End::Open if is_rest => Found::Bad { next: rest.len(), reason },
            End::At { .. } | End::Beyond | End::Open => Found::Endless,
        }
    }

    fn pass(&mut self, bytes: usize, ends: u64) {
        self.from += bytes;
        self.line += ends;
    }

    /// Reads on until so much is here, or there is no more.
    fn fill(&mut self, bytes: usize) -> anyhow::Result<()> {
        while !self.ended && self.buffer.len() - self.from < bytes {
            self.buffer.drain(..self.from);
            self.from = 0;
            self.ended = !self.unmarked.more(&mut self.reading, &mut self.buffer)?;
        }
        Ok(())
    }

    /// Passes everything up to the end of the line.
    fn skip(&mut self) -> anyhow::Result<()> {
        loop {
            let rest = self.buffer.get(self.from..).unwrap_or_default();
            // `contains` is what the standard library is fast at, and a gibibyte is a long way.
            let ends = rest.contains(&b'\n') || rest.contains(&b'\r');
            if let End::At { next, .. } = if ends { end(rest, Quotes::Plain) } else { End::Beyond } {
                // A CRLF that is cut in two ends one line: look again when its second half is here.
                if self.ended || next < rest.len() {
                    self.pass(next, 1);
                    return Ok(());
                }
                self.from += next - 1;
            } else {
                self.from += rest.len();
            }
            let more = self.buffer.len() - self.from + 1;
            self.fill(more)?;
            if self.ended && self.from == self.buffer.len() {
                return Ok(());
            }
        }
    }
}

#[cfg(test)]
mod tests;
