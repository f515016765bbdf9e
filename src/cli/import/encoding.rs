//! In which encoding a file is written. Lines and cells are taken apart as bytes, and each cell is decoded for itself, so
//! that bytes that do not decode cost their own line and no other. UTF-16 becomes UTF-8 first.

use anyhow::bail;
use clap::ValueEnum;
use encoding_rs::{Decoder, DecoderResult, GB18030, UTF_16BE, UTF_16LE};

use super::twice::Reading;

/// A byte that no UTF-8 has: what stands for half a pair of UTF-16.
const NO_TEXT: u8 = 0xFF;

/// What `--encoding` may say. UTF-16 says so itself, by its byte order mark.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(super) enum Asked {
    /// UTF-8, or UTF-16 with a byte order mark.
    #[value(name = "utf-8")]
    Utf8,
    /// GB18030, and with it GBK and GB2312.
    #[value(name = "gb18030")]
    Gb18030,
}

/// An encoding.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Encoding {
    /// UTF-8.
    Utf8,
    /// UTF-16, the low byte first.
    Utf16Le,
    /// UTF-16, the high byte first.
    Utf16Be,
    /// GB18030.
    Gb18030,
}

/// Byte order marks, and what they say; that of UTF-16 is two bytes that neither UTF-8 nor GB18030 begins with.
const MARKS: [(&[u8], Encoding); 4] = [
    (b"\xEF\xBB\xBF", Encoding::Utf8),
    (b"\xFF\xFE", Encoding::Utf16Le),
    (b"\xFE\xFF", Encoding::Utf16Be),
    (b"\x84\x31\x95\x33", Encoding::Gb18030),
];

impl Encoding {
    /// Finds out from what a file begins with; also how many bytes its mark has.
    pub(super) fn of(head: &[u8], asked: Asked) -> anyhow::Result<(Self, usize)> {
        let mark = MARKS.iter().find(|(mark, _)| head.starts_with(mark));
        match (asked, mark) {
            (Asked::Utf8, None) => Ok((Self::Utf8, 0)),
            (Asked::Gb18030, None) => Ok((Self::Gb18030, 0)),
            (Asked::Gb18030, Some((mark, found @ Self::Gb18030)))
            | (Asked::Utf8, Some((mark, found @ (Self::Utf8 | Self::Utf16Le | Self::Utf16Be)))) => {
                Ok((*found, mark.len()))
            }
            (Asked::Utf8, Some((_, Self::Gb18030))) => {
                bail!("the file begins with the mark of GB18030: say --encoding gb18030")
            }
            (Asked::Gb18030, Some(_)) => {
                bail!("the file begins with the byte order mark of UTF-8 or UTF-16: leave --encoding out")
            }
        }
    }

    /// The text of a cell, or the reason why there is none.
    pub(super) fn text(self, cell: &[u8]) -> Result<String, &'static str> {
        let text = match self {
            Self::Utf8 => return utf8(cell).ok_or("BAD_UTF8"),
            Self::Utf16Le | Self::Utf16Be => utf8(cell),
            Self::Gb18030 => GB18030
                .decode_without_bom_handling_and_without_replacement(cell)
                .map(|text| text.trim().to_owned()),
        };
        text.ok_or("BAD_ENCODING")
    }
}

impl std::fmt::Display for Encoding {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Utf8 => "UTF-8",
            Self::Utf16Le | Self::Utf16Be => "UTF-16",
            Self::Gb18030 => "GB18030",
        })
    }
}

fn utf8(cell: &[u8]) -> Option<String> {
    std::str::from_utf8(cell).ok().map(|text| text.trim().to_owned())
}

/// Takes the mark off, and turns UTF-16 into UTF-8; everything else goes through as it is.
#[derive(Debug)]
pub(super) struct Unmarked {
    mark: usize,
    decoder: Option<Box<Utf16>>,
}

struct Utf16(Decoder);

impl std::fmt::Debug for Utf16 {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Utf16")
    }
}

impl Unmarked {
    /// For one reading.
    pub(super) fn new(encoding: Encoding, mark: usize) -> Self {
        let of = match encoding {
            Encoding::Utf8 | Encoding::Gb18030 => None,
            Encoding::Utf16Le => Some(UTF_16LE),
            Encoding::Utf16Be => Some(UTF_16BE),
        };
        let decoder = of.map(|of| Box::new(Utf16(of.new_decoder_without_bom_handling())));
        Self { mark, decoder }
    }

    /// Adds the next block of a file; says no at its end.
    pub(super) fn more(&mut self, of: &mut Reading<'_>, into: &mut Vec<u8>) -> anyhow::Result<bool> {
        let Some(block) = of.block()? else {
            self.push(&[], Last::Yes, into);
            self.decoder = None;
            return Ok(false);
        };
        self.push(block, Last::No, into);
        Ok(true)
    }

    /// Adds bytes of the file.
    pub(super) fn push(&mut self, bytes: &[u8], last: Last, into: &mut Vec<u8>) {
        let mark = self.mark.min(bytes.len());
        self.mark -= mark;
        let mut rest = bytes.get(mark..).unwrap_or_default();
        let Some(decoder) = &mut self.decoder else {
            into.extend_from_slice(rest);
            return;
        };
        loop {
            let most = decoder.0.max_utf8_buffer_length_without_replacement(rest.len());
            let from = into.len();
            into.resize(from + most.unwrap_or(rest.len()).max(4), 0);
            let space = into.get_mut(from..).unwrap_or_default();
            let (result, read, written) =
                decoder.0.decode_to_utf8_without_replacement(rest, space, last == Last::Yes);
            into.truncate(from + written);
            rest = rest.get(read..).unwrap_or_default();
            match result {
                DecoderResult::InputEmpty => return,
                DecoderResult::OutputFull => {}
                DecoderResult::Malformed(..) => into.push(NO_TEXT),
            }
        }
    }
}

/// Is more to come?
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Last {
    /// Nothing more.
    Yes,
    /// More.
    No,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mark_says_what_a_file_is_and_contradicting_it_is_an_error() {
        for (head, asked, wanted) in [
            (&b"a,b"[..], Asked::Utf8, Some((Encoding::Utf8, 0))),
            (b"\xEF\xBB\xBFa", Asked::Utf8, Some((Encoding::Utf8, 3))),
            (b"\xFF\xFEa\0", Asked::Utf8, Some((Encoding::Utf16Le, 2))),
            (b"\xFE\xFF\0a", Asked::Utf8, Some((Encoding::Utf16Be, 2))),
            (b"", Asked::Utf8, Some((Encoding::Utf8, 0))),
            (b"\xB9\xA4", Asked::Gb18030, Some((Encoding::Gb18030, 0))),
            (b"\x84\x31\x95\x33a", Asked::Gb18030, Some((Encoding::Gb18030, 4))),
            (b"\x84\x31\x95\x33a", Asked::Utf8, None),
            (b"\xEF\xBB\xBFa", Asked::Gb18030, None),
            (b"\xFF\xFEa\0", Asked::Gb18030, None),
        ] {
            assert_eq!(Encoding::of(head, asked).ok(), wanted, "{head:?} as {asked:?}");
        }
    }

    #[test]
    fn a_cell_decodes_or_says_why_not() {
        for (encoding, cell, wanted) in [
            (Encoding::Utf8, &b" \xE5\xBC\xA0 "[..], Ok("张")),
            (Encoding::Utf8, b"\xD5\xC5", Err("BAD_UTF8")),
            (Encoding::Gb18030, b"\xD5\xC5 ", Ok("张")),
            (Encoding::Gb18030, b"\x82\x35\x8F\x33", Ok("龦")),
            (Encoding::Gb18030, b"\xD5", Err("BAD_ENCODING")),
            (Encoding::Gb18030, b"\xFF", Err("BAD_ENCODING")),
            (Encoding::Utf16Le, b"a\xFF", Err("BAD_ENCODING")),
        ] {
            let text = encoding.text(cell);
            assert_eq!(text.as_deref().map_err(|reason| *reason), wanted, "{cell:?}");
        }
    }

    #[test]
    fn utf_16_becomes_utf_8_wherever_it_is_cut_and_half_a_pair_is_no_text() {
        let text = "工号,时间\r\n😀,1\r\n";
        let little: Vec<u8> = std::iter::once(0xFEFF)
            .chain(text.encode_utf16())
            .chain([0xD83D, u16::from(b'x')])
            .flat_map(u16::to_le_bytes)
            .collect();
        let big: Vec<u8> = little.chunks(2).flat_map(|pair| [pair[1], pair[0]]).collect();
        for (encoding, bytes) in [(Encoding::Utf16Le, little), (Encoding::Utf16Be, big)] {
            for cut in 0..bytes.len() {
                let (mut unmarked, mut into) = (Unmarked::new(encoding, 2), Vec::new());
                unmarked.push(&bytes[..cut], Last::No, &mut into);
                unmarked.push(&bytes[cut..], Last::No, &mut into);
                unmarked.push(&[], Last::Yes, &mut into);
                assert_eq!(into, [text.as_bytes(), b"\xFFx"].concat(), "cut at {cut}");
            }
        }
    }
}
