//! The language of sentences that people read: `accept-language` (RFC 9110 §12.5.4), Chinese unless asked otherwise.

use crate::kernel::Said;

/// One of the two languages.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Language {
    /// Chinese as written in the mainland.
    #[default]
    Zh,
    /// English.
    En,
}

impl Language {
    /// The language that somebody prefers among ours; Chinese if they say nothing that we know.
    pub fn preferred(accept_language: &str) -> Self {
        let mut best = (0, Self::default());
        for range in accept_language.split(',') {
            let (tag, weight) = range.split_once(';').unwrap_or((range, "q=1"));
            let Some(language) = Self::of_tag(tag.trim()) else { continue };
            let weight = weight.trim().strip_prefix("q=").map_or(0, thousandths);
            if weight > best.0 {
                best = (weight, language);
            }
        }
        best.1
    }

    /// The tag (BCP 47).
    pub fn tag(self) -> &'static str {
        match self {
            Self::Zh => "zh-CN",
            Self::En => "en",
        }
    }

    /// The sentence in this language.
    pub fn of(self, said: &Said) -> &str {
        match self {
            Self::Zh => &said.zh,
            Self::En => &said.en,
        }
    }

    fn of_tag(tag: &str) -> Option<Self> {
        let primary = tag.split('-').next().unwrap_or_default();
        if primary.eq_ignore_ascii_case("zh") || primary == "*" {
            Some(Self::Zh)
        } else if primary.eq_ignore_ascii_case("en") {
            Some(Self::En)
        } else {
            None
        }
    }
}

/// `0.8` as 800; anything that is no weight as 0.
fn thousandths(weight: &str) -> u32 {
    let (whole, part) = weight.split_once('.').unwrap_or((weight, ""));
    let digits = part.len() <= 3 && part.bytes().all(|b| b.is_ascii_digit());
    match (whole, digits) {
        ("1", true) => 1000,
        ("0", true) => format!("{part:0<3}").parse().unwrap_or_default(),
        _ => 0,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_language_with_the_most_weight_is_spoken_and_chinese_otherwise() {
        for (header, language) in [
            ("", Language::Zh),
            ("en", Language::En),
            ("EN-GB", Language::En),
            ("zh-CN,en;q=0.8", Language::Zh),
            ("en;q=0.9, zh;q=0.1", Language::En),
            ("fr-FR, en;q=0.5", Language::En),
            ("fr", Language::Zh),
            ("en;q=0", Language::Zh),
            ("en;q=much", Language::Zh),
            ("*", Language::Zh),
        ] {
            assert_eq!(Language::preferred(header), language, "{header:?}");
        }
    }
}
