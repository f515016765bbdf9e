//! Text that people wrote: bounded, and free of characters that can hide or rewrite what is shown.

use super::Said;

/// Why a text is refused; the stable code and both sentences.
fn complaint(text: &str, most: usize, may_be_empty: bool) -> Option<(&'static str, Said)> {
    let length = text.chars().count();
    if length == 0 && !may_be_empty {
        return Some(("EMPTY", Said::new("不能为空", "must not be empty")));
    }
    if length > most {
        return Some((
            "TOO_LONG",
            Said::new(format!("最多 {most} 个字符"), format!("may have at most {most} characters")),
        ));
    }
    if text.chars().any(is_forbidden) {
        return Some((
            "FORBIDDEN_CHARACTER",
            Said::new("含有控制字符或方向控制字符", "holds a control or bidirectional control character"),
        ));
    }
    None
}

/// Control characters, and the bidirectional controls of Unicode (UAX 9) that can make a line read otherwise
/// than it is stored.
fn is_forbidden(c: char) -> bool {
    c.is_control()
        || matches!(c, '\u{061C}' | '\u{200E}' | '\u{200F}' | '\u{202A}'..='\u{202E}' | '\u{2066}'..='\u{2069}' | '\u{FEFF}')
}

/// A text in bytes that are signed: its length in bytes as `u16`, big-endian, then its UTF-8. Texts are at most some
/// thousand bytes when they are parsed, so that their length fits.
pub fn push_text(bytes: &mut Vec<u8>, text: &str) {
    bytes.extend(u16::try_from(text.len()).unwrap_or(u16::MAX).to_be_bytes());
    bytes.extend(text.as_bytes());
}

macro_rules! text {
    ($(#[$doc:meta])* $name:ident, $most:literal, $empty:literal) => {
        $(#[$doc])*
        #[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(String);

        impl $name {
            /// The most characters that it may have.
            pub const MOST: usize = $most;

            /// Parses; the error is a stable code and its two sentences.
            pub fn parse(text: &str) -> Result<Self, (&'static str, Said)> {
                complaint(text, $most, $empty).map_or_else(|| Ok(Self(text.to_owned())), Err)
            }

            /// The text.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl std::fmt::Debug for $name {
            /// Never the text: it may be personal.
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str(concat!(stringify!($name), "(***)"))
            }
        }
    };
}

text! {
    /// A name: 1 to 200 characters.
    Name, 200, false
}
text! {
    /// A short label, may be empty: at most 64 characters.
    Label, 64, true
}
text! {
    /// A reason or a remark in words: 1 to 500 characters.
    Words, 500, false
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_that_can_hide_something_is_refused_with_a_code() {
        for (text, code) in [
            ("", Some("EMPTY")),
            ("三号窗口", None),
            ("a\u{0}b", Some("FORBIDDEN_CHARACTER")),
            ("a\nb", Some("FORBIDDEN_CHARACTER")),
            ("a\u{202E}b", Some("FORBIDDEN_CHARACTER")),
        ] {
            assert_eq!(Name::parse(text).err().map(|(code, _)| code), code, "{text:?}");
        }
        assert!(Words::parse(&"长".repeat(500)).is_ok());
        assert_eq!(Words::parse(&"长".repeat(501)).err().map(|(code, _)| code), Some("TOO_LONG"));
    }

    #[test]
    fn debug_never_shows_what_was_written() {
        assert_eq!(format!("{:?}", Name::parse("张三").unwrap()), "Name(***)");
    }
}
