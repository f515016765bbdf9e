//! What is kept: inputs that were once read wrong, or that are more likely to be than others.
//!
//! A file of tests/vectors/fuzz for each decoder, an input a line: its name, a colon, and either a text in quotation
//! marks, written as JSON writes it, or bytes in base64.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use crate::support::source::root;

/// The kept inputs of a decoder, each with its name.
pub(crate) fn kept(decoder: &str) -> Vec<(String, Vec<u8>)> {
    let path = root().join("tests/vectors/fuzz").join(decoder).with_extension("txt");
    let Ok(text) = std::fs::read_to_string(&path) else { return Vec::new() };
    let lines = text.lines().filter(|line| !line.is_empty() && !line.starts_with('#'));
    lines.map(|line| input(line).unwrap_or_else(|| panic!("{}: {line}", path.display()))).collect()
}

fn input(line: &str) -> Option<(String, Vec<u8>)> {
    let (name, value) = line.split_once(": ")?;
    let bytes = if value.starts_with('"') {
        serde_json::from_str::<String>(value).ok()?.into_bytes()
    } else {
        STANDARD.decode(value).ok()?
    };
    Some((name.to_owned(), bytes))
}

mod tests {
    use super::*;
    use crate::fuzz::DECODERS;

    #[test]
    fn every_decoder_has_a_file_of_its_own_and_every_file_a_decoder() {
        for (decoder, ..) in DECODERS {
            assert!(!kept(decoder).is_empty(), "nothing is kept for {decoder}");
        }
        let folder = root().join("tests/vectors/fuzz");
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            let name = path.file_stem().unwrap().to_str().unwrap().to_owned();
            assert!(DECODERS.iter().any(|(decoder, ..)| *decoder == name), "nobody reads {}", path.display());
        }
    }

    #[test]
    fn texts_and_bytes_are_told_apart_and_what_is_neither_is_found() {
        assert_eq!(input(r#"a text: "a\n\u0000: b""#), Some(("a text".to_owned(), b"a\n\0: b".to_vec())));
        assert_eq!(input("bytes: AP8="), Some(("bytes".to_owned(), vec![0, 0xff])));
        for wrong in ["no colon", "bytes: AP8", "text: \"open"] {
            assert_eq!(input(wrong), None, "{wrong}");
        }
    }
}
